//! Models of threads that wait for a ring.

use loom::thread;

use super::super::{Drained, FlushRequest, FlushTicket, Patience, Progress, Refused, Ring};
use super::{drain, push, push_all};
use crate::sync::Ordering::Relaxed;
use crate::sync::model::{Arc, AtomicBool, AtomicU64};

const FOR_EVER: Patience = Patience::Without(std::time::Duration::MAX);

/// Returns a full ring, and its progress. Both are leaked: when loom finds a deadlock, it panics in one thread and drops what the other
/// threads hold, and there one of loom's `Arc`s would panic again.
fn full() -> (&'static Ring, &'static Progress) {
    let (ring, progress) = (Box::leak(Box::new(Ring::new(64))), Box::leak(Box::new(Progress::new())));
    push_all(ring, push, &[0, 1]);
    (ring, progress)
}

/// One thread waits for room in a full ring while another makes room.
fn room_is_found(wait: fn(&Ring, &Progress)) {
    loom::model(move || {
        let (ring, progress) = full();
        let waiting = thread::spawn(move || wait(ring, progress));
        assert_eq!(drain(ring)[..2], [0, 1]);
        progress.notify_room();
        waiting.join().unwrap();
    });
}

#[test]
fn loom_room_is_found() {
    room_is_found(|ring, progress| _ = progress.wait_for_room(FOR_EVER, || push(ring, 2).ok()));
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_trying_outside_the_lock_misses_the_room() {
    room_is_found(|ring, progress| {
        if push(ring, 2).is_err() {
            let mut first = true;
            progress.wait_for_room(FOR_EVER, || if std::mem::take(&mut first) { None } else { push(ring, 2).ok() });
        }
    });
}

/// Two threads wait for room that nobody makes: the ring is closed.
fn closing_wakes_the_waiters(close: fn(&Ring, &Progress)) {
    loom::model(move || {
        let (ring, progress) = full();
        let waiting = [2, 3].map(|tag| {
            thread::spawn(move || {
                let result = progress.wait_for_room(FOR_EVER, || match push(ring, tag) {
                    Err(Refused::Full) => None,
                    other => Some(other),
                });
                assert_eq!(result, Some(Err(Refused::Closed)));
            })
        });
        close(ring, progress);
        for thread in waiting {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_closing_wakes_the_waiters() {
    closing_wakes_the_waiters(|ring, progress| {
        ring.close();
        progress.notify_room();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_notifying_before_closing_leaves_waiters_asleep() {
    closing_wakes_the_waiters(|ring, progress| {
        progress.notify_room();
        ring.close();
    });
}

/// A log call waits for a flush that never completes, and is given up.
fn a_call_that_is_given_up_returns(wait: fn(&Progress, &AtomicBool)) {
    loom::model(move || {
        let (progress, given_up) = (full().1, Box::leak(Box::new(AtomicBool::new(false))));
        let given_up: &AtomicBool = given_up;
        let waiting = thread::spawn(move || wait(progress, given_up));
        given_up.store(true, Relaxed);
        for request in progress.take_calls(|_| true) {
            request.ticket.complete(Ok(()));
        }
        waiting.join().unwrap();
    });
}

fn request_as_call(progress: &Progress) -> crate::sync::Arc<FlushTicket> {
    let ticket = crate::sync::Arc::new(FlushTicket::new());
    let ticket_of_request = crate::sync::Arc::clone(&ticket);
    progress.request_flush(1, FlushRequest { deadline: None, sync: false, call: Some(0), ticket: ticket_of_request });
    ticket
}

#[test]
fn loom_a_call_that_is_given_up_returns() {
    a_call_that_is_given_up_returns(|progress, given_up| {
        let ticket = request_as_call(progress);
        if !given_up.load(Relaxed) {
            ticket.wait(None);
        }
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_looking_before_the_request_leaves_the_call_waiting() {
    a_call_that_is_given_up_returns(|progress, given_up| {
        let is_given_up = given_up.load(Relaxed);
        let ticket = request_as_call(progress);
        if !is_given_up {
            // Leaked: see `full`.
            Box::leak(Box::new(ticket)).wait(None);
        }
    });
}

/// A queue, how many of its records are written, and whether a flush completed before both records were written.
struct Flushed {
    ring: Ring,
    progress: Progress,
    written: AtomicU64,
    early: AtomicBool,
}

/// One thread pushes and requests a flush, another drains and writes.
fn a_flush_does_not_return_early(drain_batch: fn(&Flushed)) {
    loom::model(move || {
        let shared = Arc::new(Flushed {
            ring: Ring::new(64),
            progress: Progress::new(),
            written: AtomicU64::new(0),
            early: AtomicBool::new(false),
        });
        push_all(&shared.ring, push, &[0]);
        let writing = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drain_batch(&shared))
        };
        push_all(&shared.ring, push, &[1]);
        let ticket = crate::sync::Arc::new(FlushTicket::new());
        let request =
            FlushRequest { deadline: None, sync: false, call: None, ticket: crate::sync::Arc::clone(&ticket) };
        shared.progress.request_flush(shared.ring.end(), request);
        writing.join().unwrap();
        // What a writer thread does when it is notified.
        drain_batch(&shared);
        drain_batch(&shared);
        ticket.wait(None).unwrap().unwrap();
        assert!(!shared.early.load(Relaxed), "a flush returned before all was written");
        assert_eq!(shared.written.load(Relaxed), 2);
    });
}

impl Flushed {
    fn write(&self, drained: &Drained) {
        self.written.fetch_add(drained.labels.len() as u64, Relaxed);
    }

    fn complete_up_to(&self, position: u64) {
        for request in self.progress.take_due(position) {
            self.early.fetch_or(self.written.load(Relaxed) != 2, Relaxed);
            request.ticket.complete(Ok(()));
        }
    }
}

/// Drains, writes, and completes the flushes that are due. The threads do so one after the other, as one at a time drains a queue.
fn drain_batch(queue: &Flushed) {
    let mut drained = Drained::default();
    let mut reader = queue.ring.reader();
    reader.drain(&mut drained, 1);
    let head = reader.head();
    drop(reader);
    queue.write(&drained);
    queue.complete_up_to(head);
}

#[test]
fn loom_a_flush_does_not_return_early() {
    a_flush_does_not_return_early(drain_batch);
}

#[test]
#[should_panic(expected = "returned before all was written")]
fn loom_completing_flushes_of_records_not_drained_is_too_early() {
    a_flush_does_not_return_early(|queue| {
        let mut drained = Drained::default();
        queue.ring.reader().drain(&mut drained, 1);
        queue.write(&drained);
        queue.complete_up_to(queue.ring.end());
    });
}

#[test]
#[should_panic(expected = "returned before all was written")]
fn loom_completing_flushes_before_writing_is_too_early() {
    a_flush_does_not_return_early(|queue| {
        let mut drained = Drained::default();
        let mut reader = queue.ring.reader();
        reader.drain(&mut drained, 1);
        queue.complete_up_to(reader.head());
        queue.write(&drained);
    });
}
