//! One datum of threads and tasks: two locks for it, a thread's and a task's, protect nothing, and `lock::Mutex` protects it. Neither side
//! starves, which is shown by counts.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use logscope::lock::{Mutex, MutexGuard, Semaphore};
use logscope::testing::wait_until_async;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};

/// How long the tasks may take on a busy machine until they wait.
const DEADLINE: Duration = Duration::from_secs(60);

const THREADS: usize = 8;
const TASKS: usize = 64;

fn runtimes() -> [(&'static str, Runtime); 2] {
    let several = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    [("one worker", Builder::new_current_thread().enable_time().build().unwrap()), ("several workers", several)]
}

/// A number that is read and written in two steps, so that two at once lose an update. (Each step is atomic, because a data race would be
/// undefined.)
#[derive(Default)]
struct Datum(AtomicU64);

impl Datum {
    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn write(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// How threads and tasks protect a datum.
trait Locks: Send + Sync + 'static {
    fn thread(&self) -> impl Deref<Target = Datum>;
    fn try_thread(&self) -> Option<impl Deref<Target = Datum>>;
    fn task(&self) -> impl Future<Output = impl Deref<Target = Datum> + Send> + Send;
}

/// One lock for threads and tasks.
#[derive(Default)]
struct OneLock(Mutex<Datum>);

impl Locks for OneLock {
    fn thread(&self) -> impl Deref<Target = Datum> {
        self.0.lock()
    }

    fn try_thread(&self) -> Option<impl Deref<Target = Datum>> {
        self.0.try_lock()
    }

    fn task(&self) -> impl Future<Output = impl Deref<Target = Datum> + Send> + Send {
        self.0.lock_async()
    }
}

/// A lock for threads, and one for the tasks.
#[derive(Default)]
struct TwoLocks {
    of_threads: std::sync::Mutex<()>,
    of_tasks: tokio::sync::Mutex<()>,
    datum: Datum,
}

/// A guard, and what it is believed to guard.
struct Believed<'a, G>(&'a Datum, #[allow(dead_code, reason = "it is held")] G);

impl<G> Deref for Believed<'_, G> {
    type Target = Datum;

    fn deref(&self) -> &Datum {
        self.0
    }
}

impl Locks for TwoLocks {
    fn thread(&self) -> impl Deref<Target = Datum> {
        Believed(&self.datum, self.of_threads.lock().unwrap())
    }

    fn try_thread(&self) -> Option<impl Deref<Target = Datum>> {
        Some(Believed(&self.datum, self.of_threads.try_lock().ok()?))
    }

    async fn task(&self) -> impl Deref<Target = Datum> + Send {
        Believed(&self.datum, self.of_tasks.lock().await)
    }
}

/// Each task raises the datum under its lock, and between its read and its write, still under the lock, a thread raises it too if its own lock
/// lets it. A thread that is not let in raises it later. Returns what the datum is in the end, and how often a thread was not let in.
///
/// No update overlaps by chance: the task waits for the thread.
fn raise_in_between<L: Locks>(runtime: &Runtime, locks: L) -> (u64, usize) {
    let locks = Arc::new(locks);
    let (mut invitations, mut threads) = (Vec::new(), Vec::new());
    for _ in 0..THREADS {
        let (invite, invited) = mpsc::channel::<oneshot::Sender<()>>();
        invitations.push(invite);
        let locks = Arc::clone(&locks);
        threads.push(thread::spawn(move || {
            let mut refused = 0;
            for has_tried in invited {
                match locks.try_thread() {
                    Some(datum) => datum.write(datum.read() + 1),
                    None => refused += 1,
                }
                has_tried.send(()).unwrap();
            }
            for _ in 0..refused {
                let datum = locks.thread();
                datum.write(datum.read() + 1);
            }
            refused
        }));
    }
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (locks, invitation) = (Arc::clone(&locks), invitations[task % THREADS].clone());
            tasks.spawn(async move {
                let datum = locks.task().await;
                let read = datum.read();
                let (has_tried, tried) = oneshot::channel();
                invitation.send(has_tried).unwrap();
                tried.await.unwrap();
                datum.write(read + 1);
            });
        }
        tasks.join_all().await;
    });
    drop(invitations);
    let refused = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let in_the_end = locks.thread().read();
    (in_the_end, refused)
}

#[test]
fn two_locks_for_one_datum_protect_nothing_and_one_lock_protects_it() {
    const UPDATES: u64 = 2 * TASKS as u64;
    for (workers, runtime) in runtimes() {
        // Each update of a thread is lost: a task overwrites it with what it read before.
        assert_eq!(raise_in_between(&runtime, TwoLocks::default()), (UPDATES - TASKS as u64, 0), "{workers}");
        assert_eq!(raise_in_between(&runtime, OneLock::default()), (UPDATES, TASKS), "{workers}");
    }
}

#[test]
fn threads_and_tasks_in_every_way_lose_no_update() {
    const TIMES: usize = if cfg!(any(miri, logscope_sanitizer)) { 5 } else { 100 };
    for (workers, runtime) in runtimes() {
        let locks = Arc::new(OneLock::default());
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let locks = Arc::clone(&locks);
                thread::spawn(move || (0..TIMES).for_each(|time| raise(&on_a_thread(&locks.0, number + time))))
            })
            .collect();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for number in 0..TASKS {
                let locks = Arc::clone(&locks);
                tasks.spawn(async move {
                    for time in 0..TIMES {
                        let datum = locks.0.lock_async().await;
                        let read = datum.read();
                        if (number + time) % 3 == 0 {
                            yield_now().await;
                        }
                        datum.write(read + 1);
                    }
                });
            }
            tasks.join_all().await;
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(locks.thread().read(), ((THREADS + TASKS) * TIMES) as u64, "{workers}");
        let stats = locks.0.stats();
        assert_eq!(stats.waiting, 0, "{stats:?}");
        assert!(stats.waited.longest <= stats.waited.total && stats.held.count >= stats.waited.count, "{stats:?}");
    }
}

fn raise(datum: &Datum) {
    datum.write(datum.read() + 1);
}

/// Locks in one way or another.
fn on_a_thread(mutex: &Mutex<Datum>, way: usize) -> MutexGuard<'_, Datum> {
    match way % 3 {
        0 => mutex.lock(),
        1 => loop {
            if let Some(guard) = mutex.lock_timeout(Duration::from_micros(20)) {
                return guard;
            }
        },
        _ => loop {
            if let Some(guard) = mutex.try_lock() {
                return guard;
            }
            thread::yield_now();
        },
    }
}

#[test]
fn a_semaphore_lets_no_more_through_than_it_has_permits() {
    const TIMES: usize = if cfg!(any(miri, logscope_sanitizer)) { 5 } else { 50 };
    for (workers, runtime) in runtimes() {
        let semaphore = Arc::new(Semaphore::new(3));
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let enter = {
            let most = Arc::clone(&most);
            let inside = Arc::clone(&inside);
            move |permits| {
                most.fetch_max(inside.fetch_add(permits, Ordering::SeqCst) + permits, Ordering::SeqCst);
            }
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (semaphore, inside, enter) = (Arc::clone(&semaphore), Arc::clone(&inside), enter.clone());
                thread::spawn(move || {
                    for time in 0..TIMES {
                        let permits = (number + time) % 3 + 1;
                        let _permits = semaphore.acquire_many(permits).unwrap();
                        enter(permits);
                        inside.fetch_sub(permits, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..TASKS {
                let (semaphore, inside, enter) = (Arc::clone(&semaphore), Arc::clone(&inside), enter.clone());
                tasks.spawn(async move {
                    for _ in 0..TIMES {
                        let permit = Arc::clone(&semaphore).acquire_owned_async().await.unwrap();
                        enter(1);
                        yield_now().await;
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
            tasks.join_all().await;
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((semaphore.available(), semaphore.stats().waiting), (3, 0), "{workers}");
        assert!(most.load(Ordering::SeqCst) <= 3, "{workers}: {most:?} at once");
    }
}

/// The future of the task is not polled, so nothing but the count of turns ends the thread's luck.
#[test]
fn a_thread_passes_a_task_over_a_limited_number_of_times() {
    let mutex = Mutex::new(0);
    let guard = mutex.lock();
    let mut task = Box::pin(mutex.lock_async());
    let mut context = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut context).is_pending());
    drop(guard);
    let passed = (0..10_000).take_while(|_| mutex.try_lock().is_some()).count();
    assert_eq!(passed, 256);
    assert!(task.as_mut().poll(&mut context).is_ready());
}

/// On one worker, a task that never has to wait is never interrupted: only being handed the lock lets the others in.
#[test]
fn a_greedy_task_passes_the_others_over_a_limited_number_of_times() {
    const OTHERS: usize = 3;
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mutex, served) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
        let guard = mutex.lock_async().await;
        let mut others = JoinSet::new();
        for _ in 0..OTHERS {
            let (mutex, served) = (Arc::clone(&mutex), Arc::clone(&served));
            others.spawn(async move {
                drop(mutex.lock_async().await);
                served.fetch_add(1, Ordering::Relaxed);
            });
        }
        let all_wait = || match mutex.stats().waiting {
            OTHERS => Ok(()),
            waiting => Err(waiting),
        };
        wait_until_async(DEADLINE, all_wait).await.unwrap();
        drop(guard);
        let mut greedy = 0;
        while served.load(Ordering::Relaxed) < OTHERS {
            drop(mutex.lock_async().await);
            greedy += 1;
            assert!(greedy <= OTHERS * 257, "the others starve");
        }
        others.join_all().await;
    });
}

/// Nobody stops before all have had their share.
#[test]
fn threads_and_tasks_all_get_their_share() {
    const SHARE: usize = if cfg!(any(miri, logscope_sanitizer)) { 5 } else { 200 };
    const SIDE: usize = 4;
    for (workers, runtime) in runtimes() {
        let (mutex, sated) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
        let is_over = |sated: &AtomicUsize| sated.load(Ordering::Relaxed) == 2 * SIDE;
        let threads: Vec<_> = (0..SIDE)
            .map(|_| {
                let (mutex, sated) = (Arc::clone(&mutex), Arc::clone(&sated));
                thread::spawn(move || {
                    let mut got = 0;
                    while !is_over(&sated) {
                        drop(mutex.lock());
                        got += 1;
                        sated.fetch_add(usize::from(got == SHARE), Ordering::Relaxed);
                    }
                    got
                })
            })
            .collect();
        let by_tasks: Vec<usize> = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..SIDE {
                let (mutex, sated) = (Arc::clone(&mutex), Arc::clone(&sated));
                tasks.spawn(async move {
                    let mut got = 0;
                    while !is_over(&sated) {
                        drop(mutex.lock_async().await);
                        got += 1;
                        sated.fetch_add(usize::from(got == SHARE), Ordering::Relaxed);
                        // As any task that does something else besides.
                        yield_now().await;
                    }
                    got
                });
            }
            tasks.join_all().await
        });
        let by_threads: Vec<usize> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let got = by_threads.iter().chain(&by_tasks);
        assert!(got.clone().all(|got| *got >= SHARE), "{workers}: {by_threads:?} by threads, {by_tasks:?} by tasks");
        assert_eq!(mutex.stats().acquired, got.sum::<usize>() as u64, "{workers}");
    }
}
