//! How holds and waits end: by a panic, on another thread, never, by a time-out, by a future that is dropped, by a semaphore that is closed.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{DEADLINE, block_on, on_thread, panic_of, poll, text_of, wait_until, yield_once};
use logscope::ErrorKind;
use logscope::lock::{Mutex, MutexGuard, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use logscope::testing::wait_until_async;

#[test]
fn a_panic_releases_and_does_not_poison() {
    let mutex = Arc::new(Mutex::new(1));
    panic_of(|| {
        let mut guard = mutex.lock();
        *guard = 2;
        panic!("while the lock is held");
    });
    panic_of(|| {
        block_on(async {
            let mut guard = mutex.lock_async().await;
            *guard += 1;
            panic!("while the lock is held");
        })
    });
    assert_eq!(mutex.try_lock().as_deref(), Some(&3));
    let semaphore = Semaphore::new(2);
    panic_of(|| {
        let _permits = semaphore.acquire_many(2).unwrap();
        panic!("while the permits are held");
    });
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn a_guard_may_be_dropped_on_another_thread() {
    let mutex = Arc::new(Mutex::new(1));
    let mut future = Box::pin({
        let mutex = Arc::clone(&mutex);
        async move {
            let mut guard = mutex.lock_async().await;
            yield_once().await;
            *guard += 1;
        }
    });
    assert!(poll(&mut future).is_pending());
    assert!(mutex.try_lock().is_none());
    thread::spawn(move || assert!(poll(&mut future).is_ready())).join().unwrap();
    assert_eq!(*mutex.lock(), 2);

    let guard = mutex.lock();
    thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
    let owned = Arc::clone(&mutex).try_lock_owned().unwrap();
    assert!(Arc::clone(&mutex).try_lock_owned().is_none());
    thread::spawn(move || drop(owned)).join().unwrap();
    assert_eq!(*block_on(Arc::clone(&mutex).lock_owned_async()), 2);
    assert_eq!(*Arc::clone(&mutex).lock_owned(), 2);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_guard_that_is_forgotten_holds_the_lock_for_ever() {
    let mut mutex = Mutex::new(1);
    mem::forget(mutex.lock());
    assert!(mutex.try_lock().is_none());
    assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
    assert!(mutex.lock_timeout(Duration::ZERO).is_none());
    assert_eq!(mutex.stats().given_up, 1, "no time is no wait");
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 2);
}

#[test]
fn a_time_that_no_clock_reaches_is_no_time_out() {
    let mutex = Arc::new(Mutex::new(1));
    let guard = mutex.lock();
    let waits = on_thread({
        let mutex = Arc::clone(&mutex);
        move || mutex.lock_timeout(Duration::MAX).map(|guard| *guard)
    });
    wait_until("the thread waits", || mutex.stats().waiting == 1);
    drop(guard);
    assert_eq!(waits(), Some(1));
}

/// Each future of those that wait is dropped at each moment: queued, called, and handed the lock.
#[test]
fn a_future_that_is_dropped_loses_no_wake_up() {
    // With no turn taken, the first in line is called; with 256, it is handed the lock.
    for turns in [0, 256] {
        for dropped in 0..3 {
            let mutex = Mutex::new(());
            let guard = mutex.lock();
            let mut futures: Vec<_> = (0..3).map(|_| Some(Box::pin(mutex.lock_async()))).collect();
            futures.iter_mut().flatten().for_each(|future| assert!(poll(future).is_pending()));
            drop(guard);
            for _ in 0..turns {
                drop(mutex.try_lock().expect("there are turns left"));
            }
            futures[dropped] = None;
            for future in futures.iter_mut().flatten() {
                assert!(poll(future).is_ready(), "{dropped} of those that wait is dropped after {turns} turns");
            }
            assert!(mutex.try_lock().is_some());
        }
    }
}

#[test]
fn a_future_that_was_not_polled_is_in_nobodys_way() {
    let mutex = Mutex::new(());
    let never_polled = mutex.lock_async();
    drop(mutex.lock());
    drop(never_polled);
    assert_eq!(mutex.stats().acquired, 1);
}

#[test]
fn a_forgotten_future_is_handed_the_lock_in_the_end() {
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    let mut future = Box::pin(mutex.lock_async());
    assert!(poll(&mut future).is_pending());
    mem::forget(future);
    drop(guard);
    let passed = (0..1_000).take_while(|_| mutex.try_lock().is_some()).count();
    assert_eq!((passed, mutex.stats().waiting), (256, 0));
}

/// A time-out and the release of the lock meet at each moment, also while the lock is handed over. Nothing is lost by it: the lock is free in the
/// end, and every wait has ended in one way.
#[test]
fn time_outs_beside_releases_lose_nothing() {
    const TIMES: u64 = if cfg!(any(miri, logscope_sanitizer)) { 20 } else { 500 };
    const THREADS: u64 = 4;
    for semaphore in [Semaphore::new(1), Semaphore::new(2)] {
        let permits = semaphore.available();
        let got = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let semaphore = &semaphore;
                    scope.spawn(move || {
                        let time = |time| Duration::from_micros((number * 7 + time * 13) % 60);
                        (0..TIMES).filter(|number| semaphore.acquire_timeout(time(*number)).unwrap().is_some()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap() as u64).sum::<u64>()
        });
        let stats = semaphore.stats();
        assert_eq!((semaphore.available(), stats.waiting, stats.acquired), (permits, 0, got), "{stats:?}");
        assert!(stats.waited.count + stats.given_up <= THREADS * TIMES, "{stats:?}");
    }
}

/// `block_in_place` hands the worker's other tasks to another thread first.
#[test]
fn a_thread_may_wait_inside_a_worker_that_was_given_up() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let mutex = Arc::new(Mutex::new(0));
    let raise = |mutex: &Arc<Mutex<u32>>| {
        let mutex = Arc::clone(mutex);
        async move {
            let guard = mutex.lock_async().await;
            wait_until_async(DEADLINE, || mutex.stats().waiting > 0).await.unwrap();
            let mut guard = guard;
            *guard += 1;
        }
    };
    let holds = runtime.spawn(raise(&mutex));
    let waits = runtime.spawn({
        let mutex = Arc::clone(&mutex);
        async move {
            wait_until_async(DEADLINE, || mutex.try_lock().is_none()).await.unwrap();
            tokio::task::block_in_place(|| *mutex.lock() += 1);
        }
    });
    on_thread(move || {
        runtime.block_on(async {
            holds.await.unwrap();
            waits.await.unwrap();
        })
    })();
    assert_eq!(*mutex.lock(), 2);
}

/// The one worker waits for a task that only it could run. With `lock`, it would do so for ever.
#[test]
fn a_thread_that_waits_on_the_only_worker_waits_for_ever() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mutex = Arc::new(Mutex::new(0));
    runtime.block_on(async {
        let holds = tokio::spawn({
            let mutex = Arc::clone(&mutex);
            async move {
                let _guard = mutex.lock_async().await;
                tokio::task::yield_now().await;
            }
        });
        tokio::task::yield_now().await;
        assert!(mutex.lock_timeout(Duration::from_millis(10)).is_none());
        assert_eq!(*mutex.lock_async().await, 0, "waiting as a task works");
        holds.await.unwrap();
    });
}

/// A waker is the user's code: it runs while no lock of ours is held, and so may use the very lock.
#[test]
fn a_waker_may_use_the_lock_that_wakes_it() {
    struct UsesTheLock(Arc<Mutex<u32>>, AtomicUsize);
    impl UsesTheLock {
        fn use_it(&self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            if let Some(mut guard) = self.0.try_lock() {
                *guard += 1;
            }
            let mut future = Box::pin(self.0.lock_async());
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let _ = self.0.stats();
        }
    }
    impl Wake for UsesTheLock {
        fn wake(self: Arc<Self>) {
            self.use_it();
        }
    }
    impl Drop for UsesTheLock {
        fn drop(&mut self) {
            self.use_it();
        }
    }

    on_thread(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let mut future = Box::pin(mutex.lock_async());
        let uses = |mutex: &Arc<Mutex<u32>>| Arc::new(UsesTheLock(Arc::clone(mutex), AtomicUsize::new(0)));
        let (first, second) = (uses(&mutex), uses(&mutex));
        assert!(future.as_mut().poll(&mut Context::from_waker(&Waker::from(first))).is_pending());
        // The first waker is dropped here, and the second is woken when the lock is released.
        assert!(future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&second)))).is_pending());
        drop(guard);
        assert_eq!(second.1.load(Ordering::Relaxed), 1);
        assert!(poll(&mut future).is_ready());
    })();
}

#[test]
fn closing_a_semaphore_ends_all_waits_with_an_error() {
    let semaphore = Arc::new(Semaphore::new(2).named("jobs"));
    let permit = semaphore.acquire().unwrap();
    let waits = [(); 2].map(|()| {
        let semaphore = Arc::clone(&semaphore);
        on_thread(move || semaphore.acquire_many_timeout(2, DEADLINE).map(|_| ()).map_err(|error| error.kind()))
    });
    wait_until("both wait", || semaphore.stats().waiting == 2);
    let mut task = Box::pin(Arc::clone(&semaphore).acquire_owned_async());
    assert!(poll(&mut task).is_pending());
    semaphore.close();
    for wait in waits {
        assert_eq!(wait(), Err(ErrorKind::Closed));
    }
    let Poll::Ready(Err(error)) = poll(&mut task) else { panic!("the task waits") };
    assert_eq!(error.to_string(), "jobs is closed, and gives no more permits");
    assert!(semaphore.try_acquire().unwrap_err().is_closed());
    assert_eq!(semaphore.try_acquire_many(9).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(block_on(semaphore.acquire_async()).unwrap_err().kind(), ErrorKind::Closed);
    assert!(semaphore.is_closed() && semaphore.available() == 1);
    drop(permit);
    assert_eq!((semaphore.available(), semaphore.stats().waiting, semaphore.stats().given_up), (2, 0, 3));
}

#[test]
fn asking_for_more_permits_than_there_are_is_told_at_once() {
    let semaphore = Semaphore::new(4).named("gigabytes");
    let expected = "gigabytes has 4 permits, and will never have the 5 that are asked for";
    assert_eq!(text_of(&*panic_of(|| semaphore.acquire_many(5))), expected);
    assert_eq!(text_of(&*panic_of(|| semaphore.acquire_many_timeout(5, Duration::ZERO))), expected);
    assert_eq!(text_of(&*panic_of(|| drop(semaphore.acquire_many_async(5)))), expected);
    assert!(semaphore.try_acquire_many(5).unwrap().is_none());
    assert_eq!(semaphore.acquire_many(4).unwrap().permits(), 4);
    assert_eq!(semaphore.acquire_many(0).unwrap().permits(), 0);
}

#[test]
fn a_wait_is_counted_and_measured() {
    let mutex = Arc::new(Mutex::new(()));
    let guard = mutex.lock();
    let (began, begins) = mpsc::channel();
    let waits = on_thread({
        let mutex = Arc::clone(&mutex);
        move || {
            began.send(Instant::now()).unwrap();
            drop(mutex.lock());
        }
    });
    let begin = begins.recv().unwrap();
    wait_until("the thread waits for a millisecond", || {
        mutex.stats().waiting == 1 && begin.elapsed() > Duration::from_millis(1)
    });
    drop(guard);
    let most = begin.elapsed();
    waits();
    let stats = mutex.stats();
    assert_eq!((stats.acquired, stats.waited.count, stats.held.count, stats.waiting, stats.given_up), (2, 1, 2, 0, 0));
    assert!(stats.held.longest >= Duration::from_millis(1) && stats.held.longest <= stats.held.total, "{stats:?}");
    assert!(stats.waited.total == stats.waited.longest && stats.waited.mean() == stats.waited.total, "{stats:?}");
    assert!(most > Duration::from_millis(1));
}

#[test]
fn guards_that_own_a_count_are_got_and_refused_in_each_way_as_others_are() {
    let mutex = Arc::new(Mutex::new(1));
    let own = || Arc::clone(&mutex);
    let guard = own().lock_owned();
    assert!(own().try_lock_owned().is_none() && own().lock_owned_timeout(Duration::from_millis(1)).is_none());
    assert!(poll(&mut Box::pin(own().lock_owned_async())).is_pending());
    drop(guard);
    *own().lock_owned_timeout(Duration::ZERO).unwrap() += 1;
    *own().try_lock_owned().unwrap() += 1;
    assert_eq!(*block_on(own().lock_owned_async()), 3);

    let semaphore = Arc::new(Semaphore::new(3).named("gigabytes"));
    let own = || Arc::clone(&semaphore);
    let two = own().acquire_many_owned(2).unwrap();
    assert_eq!((two.permits(), semaphore.available()), (2, 1));
    assert!(own().try_acquire_many_owned(2).unwrap().is_none() && own().try_acquire_many_owned(9).unwrap().is_none());
    assert!(own().acquire_many_owned_timeout(2, Duration::from_millis(1)).unwrap().is_none());
    assert!(poll(&mut Box::pin(own().acquire_many_owned_async(2))).is_pending());
    let one = own().try_acquire_owned().unwrap().unwrap();
    assert!(own().try_acquire_owned().unwrap().is_none());
    assert!(own().acquire_owned_timeout(Duration::from_millis(1)).unwrap().is_none());
    drop((one, two));
    let expected = "gigabytes has 3 permits, and will never have the 4 that are asked for";
    assert_eq!(text_of(&*panic_of(|| own().acquire_many_owned(4))), expected);
    assert_eq!(text_of(&*panic_of(|| drop(own().acquire_many_owned_async(4)))), expected);
    assert_eq!(text_of(&*panic_of(|| own().acquire_many_owned_timeout(4, Duration::ZERO))), expected);
    let held = [own().acquire_owned().unwrap(), own().acquire_owned_timeout(DEADLINE).unwrap().unwrap()];
    drop(block_on(own().acquire_owned_async()).unwrap());
    drop(held);
    let all = block_on(own().acquire_many_owned_async(3)).unwrap();
    assert_eq!((all.permits(), semaphore.available()), (3, 0));
    drop(all);
    assert_eq!(semaphore.available(), 3);

    semaphore.close();
    let refused = [
        own().acquire_owned().map(drop),
        own().try_acquire_owned().map(drop),
        own().try_acquire_many_owned(9).map(drop),
        own().acquire_owned_timeout(DEADLINE).map(drop),
        block_on(own().acquire_owned_async()).map(drop),
    ];
    assert!(refused.into_iter().all(|refused| refused.unwrap_err().is_closed()));
}

#[test]
fn guards_go_where_their_values_may_go() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn future<F: Future + Send>(_: &F) {}
    send::<MutexGuard<'_, Cell<u32>>>();
    send::<OwnedMutexGuard<Cell<u32>>>();
    sync::<Mutex<Cell<u32>>>();
    sync::<MutexGuard<'_, u32>>();
    sync::<OwnedMutexGuard<u32>>();
    send::<SemaphorePermit<'_>>();
    send::<OwnedSemaphorePermit>();
    let mutex = Mutex::new(Cell::new(1));
    future(&mutex.lock_async());
    future(&Semaphore::new(1).acquire_async());
    let unsized_mutex: &Mutex<[i32]> = &Mutex::new([1, 2]);
    unsized_mutex.lock()[0] = 3;
    assert_eq!(format!("{unsized_mutex:?}").split_once("data: ").unwrap().1, "[3, 2] }");
    let guard = unsized_mutex.lock();
    assert!(format!("{unsized_mutex:?}").ends_with("data: <locked> }"));
    assert_eq!(format!("{guard:?}"), "[3, 2]");
}
