//! Tests of rounds with threads: sharing, deadlines, and leaders that fail.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::*;
use crate::sync::{AtomicUsize, Ordering};

const LONG: Duration = Duration::from_secs(60);

/// A piece of work that waits until the test lets it go on.
struct Gated {
    begun: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

fn gated() -> (Gated, Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (go, may_go)) = (channel(), channel());
    (Gated { begun: Mutex::new(begun), go: Mutex::new(may_go) }, has_begun, go)
}

fn pass(gate: &Gated) -> u64 {
    gate.begun.lock().send(()).expect("the test waits");
    gate.go.lock().recv_timeout(LONG).expect("the test lets it go on");
    1
}

fn deadline(after: Duration) -> Option<Instant> {
    Some(Instant::now() + after)
}

#[test]
fn callers_that_wait_at_the_same_time_share_a_round() {
    const CALLERS: usize = 32;
    let rounds = Rounds::new();
    let (gate, has_begun, go) = gated();
    let first = {
        let rounds = rounds.clone();
        thread::spawn(move || {
            rounds.join(
                None,
                |lead| {
                    lead.close();
                    Some(gate)
                },
                pass,
            )
        })
    };
    has_begun.recv_timeout(LONG).unwrap();
    let begun = std::sync::Arc::new(AtomicUsize::new(0));
    let others: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (rounds, begun) = (rounds.clone(), std::sync::Arc::clone(&begun));
            thread::spawn(move || {
                let begin = |lead: &Lead<u64>| {
                    lead.close();
                    begun.fetch_add(1, Ordering::Relaxed);
                    Some(2)
                };
                rounds.join(deadline(LONG), begin, |number| *number)
            })
        })
        .collect();
    while rounds.waiting() < CALLERS {
        thread::yield_now();
    }
    go.send(()).unwrap();
    assert_eq!(first.join().unwrap(), Some(1));
    assert!(others.into_iter().all(|other| other.join().unwrap() == Some(2)));
    assert_eq!(begun.load(Ordering::Relaxed), 1, "one round for all");
}

#[test]
fn nobody_waits_past_its_deadline() {
    let rounds: Rounds<u64> = Rounds::new();
    let (gate, has_begun, go) = gated();
    let start = Instant::now();
    let begin = |lead: &Lead<u64>| {
        lead.close();
        Some(gate)
    };
    assert_eq!(rounds.join(deadline(Duration::from_millis(20)), begin, pass), None, "the leader");
    has_begun.recv_timeout(LONG).unwrap();
    assert_eq!(rounds.join(deadline(Duration::from_millis(20)), |_| Some(2), |number| *number), None, "another");
    assert!(start.elapsed() < LONG / 2);
    go.send(()).unwrap();
    assert_eq!(rounds.join(deadline(LONG), |_| Some(2), |number| *number), Some(2), "the first round has ended");
}

#[test]
fn a_leader_of_the_parent_does_not_count_in_the_child_of_a_fork() {
    let rounds: Rounds<u64> = Rounds::new();
    rounds.0.state.lock().led_by = Some(process::id().wrapping_add(1));
    assert_eq!(rounds.join(None, |_| Some(2), |number| *number), Some(2));
}

#[test]
fn a_leader_that_panics_is_followed_by_another() {
    let rounds: Rounds<u64> = Rounds::new();
    let panicking = rounds.clone();
    let begin = |lead: &Lead<u64>| {
        lead.close();
        Some(())
    };
    assert!(thread::spawn(move || panicking.join(None, begin, |()| panic!("on purpose"))).join().is_err());
    assert_eq!(rounds.join(None, |_| Some(2), |number| *number), Some(2));
}
