//! Tests of `schedule`.

use super::super::ring::Label;
use super::*;

#[test]
fn a_queue_is_put_into_the_list_once() {
    let (schedule, ring) = (Schedule::new(), Ring::new(512));
    assert!(ring.idle_at().is_some());
    assert!(schedule.notify(&ring), "it was idle");
    assert!(ring.idle_at().is_none(), "a thread is about to drain it");
    assert!(!schedule.notify(&ring), "it is in the list already");
    schedule.start();
    assert!(!schedule.notify(&ring), "its thread looks again");
    assert_eq!(schedule.next_step(&ring, false), NextStep::Again);
    assert_eq!(schedule.next_step(&ring, false), NextStep::Leave);
    assert!(ring.idle_at().is_some());
    assert!(schedule.notify(&ring));
}

#[test]
fn a_queue_lingers_until_nothing_is_found_or_it_is_notified() {
    let (schedule, ring) = (Schedule::new(), Ring::new(512));
    schedule.notify(&ring);
    schedule.start();
    assert_eq!(schedule.next_step(&ring, true), NextStep::Linger(1));
    assert!(!schedule.start_after_linger(0) && !schedule.start_after_linger(2), "of another moment");
    assert!(schedule.start_after_linger(1));
    assert!(!schedule.start_after_linger(1), "it is running");
    assert_eq!(schedule.next_step(&ring, true), NextStep::Linger(2));
    assert!(schedule.notify(&ring), "at once");
    assert!(!schedule.start_after_linger(2), "it is in the list");
    schedule.start();
    schedule.requeue();
    assert!(!schedule.notify(&ring), "it is in the list again");
    schedule.start();
    ring.push(Label::default(), b"late").unwrap();
    assert_eq!(schedule.next_step(&ring, false), NextStep::Linger(3), "a record has come since");
}

#[test]
fn a_closed_queue_that_is_empty_is_left() {
    let (schedule, ring) = (Schedule::new(), Ring::new(512));
    schedule.notify(&ring);
    schedule.start();
    ring.close();
    assert_eq!(schedule.next_step(&ring, false), NextStep::Leave);
    assert!(schedule.notify(&ring), "somebody may wait for a flush of it");
}
