//! Tests of the gate between forks and writer threads.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::sync::Arc;

const PATIENCE: Duration = Duration::from_secs(30);

/// Each test forks alone, since it looks at what the forks of the process do.
static ONE_TEST: Mutex<()> = Mutex::new(());

fn is_under_way(counts: &ThreadCounts) -> bool {
    counts.shut + counts.waiting > 0
}

fn end_fork() {
    // The other tests of this process may have needed a writer thread meanwhile, which could not be started.
    #[cfg(unix)]
    crate::background::pool::after_fork();
    #[cfg(not(unix))]
    after_fork();
}

/// Begins a fork, and then calls `end`, which ends a thread that is counted. The fork must wait for that, and no thread may start during
/// the fork.
fn forks_wait_for(end: impl FnOnce()) {
    let has_ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&has_ended);
    let fork = thread::spawn(move || {
        before_fork_within(PATIENCE, || ());
        let seen = seen.load(Ordering::SeqCst);
        let starts = begin_start().is_some();
        end_fork();
        (seen, starts)
    });
    let start = Instant::now();
    while !is_under_way(&COUNTS.lock()) {
        assert!(start.elapsed() < PATIENCE);
        thread::yield_now();
    }
    has_ended.store(true, Ordering::SeqCst);
    end();
    assert_eq!(fork.join().unwrap(), (true, false), "(it has ended, a thread starts)");
}

/// Delays the end of a thread.
struct Delay(mpsc::Receiver<()>);

impl Drop for Delay {
    fn drop(&mut self) {
        let _ = self.0.recv_timeout(PATIENCE);
    }
}

thread_local! {
    static DELAY: Cell<Option<Delay>> = const { Cell::new(None) };
}

#[test]
fn a_fork_waits_for_threads_that_start_or_end() {
    let _one = ONE_TEST.lock();
    let starting = begin_start().unwrap();
    forks_wait_for(|| drop(starting));

    let (release, held) = mpsc::channel();
    let (ends, has_begun) = mpsc::channel();
    let ending = thread::spawn(move || {
        begin_end();
        // Used after the thread-local of `begin_end`, and so dropped before it.
        DELAY.set(Some(Delay(held)));
        ends.send(()).unwrap();
    });
    has_begun.recv_timeout(PATIENCE).unwrap();
    forks_wait_for(|| drop(release));
    ending.join().unwrap();
}

/// Two writer threads stand still, and a fork waits for them. Other threads work and start meanwhile. A thread that comes back does not begin
/// to write to the same output again.
#[test]
fn a_fork_that_waits_holds_up_only_those_that_hold_it_up() {
    let _one = ONE_TEST.lock();
    let (flags, is_over) = ([const { AtomicBool::new(false) }; 3], AtomicBool::new(false));
    let [first, second, healthy] = &flags;
    let stuck = [first, second].map(|flag| begin_work(Some(flag)));
    thread::scope(|scope| {
        let (asked, asks) = mpsc::channel();
        let is_over = &is_over;
        let fork = scope.spawn(move || {
            before_fork_within(PATIENCE, || asked.send(begin_start().is_some()).unwrap());
            is_over.store(true, Ordering::SeqCst);
            end_fork();
        });
        assert!(asks.recv_timeout(PATIENCE).unwrap(), "a thread starts");
        for _ in 0..3 {
            drop(begin_work(Some(healthy)));
            assert!(!is_over.load(Ordering::SeqCst), "it has waited for the fork");
        }
        let [stuck_first, stuck_second] = stuck;
        drop(stuck_first);
        assert!([first, healthy].map(|flag| flag.load(Ordering::SeqCst)) == [true, false]);
        let again = scope.spawn(move || {
            drop(begin_work(Some(first)));
            assert!(is_over.load(Ordering::SeqCst), "it has not waited for the fork");
        });
        let start = Instant::now();
        while first.load(Ordering::SeqCst) {
            assert!(start.elapsed() < PATIENCE);
            thread::yield_now();
        }
        drop(stuck_second);
        fork.join().unwrap();
        again.join().unwrap();
    });
}
