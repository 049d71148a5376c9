//! One live instance per key, over many threads.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use common::{on_thread, wait_until};
use logscope::store::{Instance, Registry};

const THREADS: usize = 32;
const ROUNDS: usize = 200;
const KEYS: usize = 4;

/// An instance that counts how many of its key have been made and not been dropped.
struct Counted {
    key: usize,
    alive: Arc<[AtomicUsize; KEYS]>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A chance for others to make one too early.
        thread::yield_now();
        self.alive[self.key].fetch_sub(1, Relaxed);
    }
}

#[test]
fn thirty_two_threads_that_open_and_drop_at_once_share_one_instance_per_key() {
    let registry: Registry<usize, Counted> = Registry::new();
    let alive: Arc<[AtomicUsize; KEYS]> = Arc::default();
    let (two_at_once, start) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(THREADS)));
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let (registry, alive, start) = (registry.clone(), Arc::clone(&alive), Arc::clone(&start));
            let two_at_once = Arc::clone(&two_at_once);
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    let key = (number + round) % KEYS;
                    if round % 8 == 0 {
                        start.wait();
                    }
                    let make = || match (number + round) % 9 {
                        0 => Err("fails"),
                        // Without the panic hook.
                        4 => resume_unwind(Box::new("panics")),
                        _ => {
                            let others = alive[key].fetch_add(1, Relaxed);
                            two_at_once.fetch_add(others, Relaxed);
                            Ok(Counted { key, alive: Arc::clone(&alive) })
                        }
                    };
                    let open = AssertUnwindSafe(|| registry.get_or_try_insert_with(&key, make));
                    let Ok(Ok(opened)) = catch_unwind(open) else { continue };
                    let again = registry.get(&key).expect("it is in use");
                    assert!(Instance::ptr_eq(&opened, &again) && opened.key == key);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(registry.is_empty());
    assert!(alive.iter().all(|alive| alive.load(Relaxed) == 0));
    assert_eq!(two_at_once.load(Relaxed), 0, "an instance was made before the one before was dropped");
}

#[test]
fn thirty_two_threads_that_open_at_once_run_one_constructor() {
    let registry: Registry<&str, usize> = Registry::new();
    let made = Arc::new(AtomicUsize::new(0));
    let start = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let (registry, made, start) = (registry.clone(), Arc::clone(&made), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                registry.get_or_try_insert_with(&"key", || {
                    made.fetch_add(1, Relaxed);
                    Ok::<_, ()>(number)
                })
            })
        })
        .collect();
    let instances: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect();
    assert!(instances.iter().all(|instance| Instance::ptr_eq(instance, &instances[0])));
    assert_eq!((made.load(Relaxed), registry.len()), (1, 1));
}

#[test]
fn whoever_asks_for_another_key_does_not_wait_for_a_constructor() {
    let registry: Registry<u8, u8> = Registry::new();
    let ((begun, begins), (permit, permits)) = (channel(), channel::<()>());
    let slow = on_thread({
        let registry = registry.clone();
        move || {
            registry.get_or_try_insert_with(&1, || {
                begun.send(()).unwrap();
                permits.recv().map(|()| 1)
            })
        }
    });
    begins.recv().unwrap();
    assert_eq!(*registry.get_or_try_insert_with(&2, || Ok::<_, ()>(2)).unwrap(), 2);
    assert!(registry.get(&1).is_none() && registry.is_empty(), "it is not there yet");
    permit.send(()).unwrap();
    let slow = slow().unwrap();
    assert_eq!((*slow, registry.len()), (1, 1));
}

/// Two constructors on two threads ask for each other's instance.
#[test]
fn constructors_that_wait_for_each_other_are_told_and_none_waits_for_ever() {
    let registry: Registry<u8, u8> = Registry::new();
    let begun = Arc::new(AtomicUsize::new(0));
    let asks = |own: u8, other: u8| {
        let (registry, begun) = (registry.clone(), Arc::clone(&begun));
        on_thread(move || {
            let asks = || {
                registry.get_or_try_insert_with(&own, || {
                    begun.fetch_add(1, Relaxed);
                    wait_until("both constructors run", || begun.load(Relaxed) == 2);
                    // Whichever of the two is told, the other one's constructor runs here, or its instance is found.
                    registry.get_or_try_insert_with(&other, || Ok::<_, ()>(other)).map(|_| own)
                })
            };
            catch_unwind(AssertUnwindSafe(asks)).is_ok()
        })
    };
    let (one, other) = (asks(1, 2), asks(2, 1));
    let ended = [one(), other()];
    assert_eq!(ended.iter().filter(|is_ok| !**is_ok).count(), 1, "one is told: {ended:?}");
    assert!(registry.is_empty());
}
