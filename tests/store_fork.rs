//! A forked child and the documents and instances of its parent. A binary of its own, because it forks.

#![cfg(all(unix, feature = "store"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use logscope::store::{Lease, MemoryLeases, Registry, Store};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_child_opens_documents_of_its_own_and_its_copy_of_a_guard_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    let open = || Store::<u32>::options().lease(Lease::new(MemoryLeases::new(), "count")).open(&path).unwrap();
    let store = open();
    let registry: Registry<u8, u8> = Registry::new();
    let made = registry.get_or_try_insert_with(&1, || Ok::<_, ()>(1)).unwrap();
    // Another thread is making one, and yet another has the document locked.
    let ((begun, begins), (permit, permits)) = (channel(), channel::<()>());
    let maker = thread::spawn({
        let (registry, begun) = (registry.clone(), begun.clone());
        move || {
            registry.get_or_try_insert_with(&2, || {
                begun.send(()).unwrap();
                permits.recv().map(|()| 2)
            })
        }
    });
    begins.recv().unwrap();
    let mut guard = store.lock(SOON).unwrap();
    *guard = 7;
    let mut guard = Some(guard);
    fork::fork(|| {
        assert_eq!((registry.get(&1).as_deref(), registry.len()), (Some(&1), 1));
        let own = registry.get_or_try_insert_with(&2, || Ok::<_, ()>(3)).unwrap();
        assert_eq!(*own, 3, "no thread of the child makes that of the parent");
        // The lease is the parent's, also in the copy of the guard.
        assert!(guard.take().unwrap().save().is_err());
        let own = Store::<u32>::options().open(&path).unwrap();
        assert!(!Store::ptr_eq(&own, &store));
        *own.lock(SOON).unwrap() += 1;
        assert!(!path.exists());
    });
    guard.take().unwrap().save().unwrap();
    assert_eq!(*store.read().unwrap(), 7);
    without_a_lease(&folder.path().join("other.json"));
    out_of_a_constructor();
    permit.send(()).unwrap();
    assert_eq!(*maker.join().unwrap().unwrap(), 2);
    assert_eq!((*made, registry.len()), (1, 1));
}

/// The child leaves a constructor that its parent began, while another thread of the parent begins and ends others.
fn out_of_a_constructor() {
    let (registry, is_over) = (Registry::<u8, u8>::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                drop(registry.get_or_try_insert_with(&2, || Ok::<_, ()>(2)));
            }
        });
        let forks = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..40 {
                let made = fork::to_the_end_of_a_child(|| {
                    registry.get_or_try_insert_with(&1, || {
                        fork::fork_and_unwind();
                        Err::<u8, _>(())
                    })
                });
                assert!(made.is_err());
            }
        }));
        is_over.store(true, Relaxed);
        forks.unwrap();
    });
}

/// Nothing but the guard itself knows then whose it is.
fn without_a_lease(path: &Path) {
    let store: Store<u32> = Store::open(path).unwrap();
    let mut guard = store.lock(SOON).unwrap();
    *guard = 8;
    let mut guard = Some(guard);
    fork::fork(|| {
        assert!(guard.as_ref().unwrap().verify().unwrap_err().is_lock_lost());
        let error = guard.take().unwrap().save().unwrap_err();
        assert!(error.is_lock_lost() && error.to_string().contains("was forked from the one"), "{error}");
        assert!(!path.exists());
    });
    guard.take().unwrap().save().unwrap();
    assert_eq!(*store.read().unwrap(), 8);
}
