//! Models of those who wait for a ring.

use loom::thread;

use super::super::{Drained, FlushRequest, FlushTicket, Progress, Refused, Ring};
use super::{push, push_all, take};
use crate::sync::Ordering::Relaxed;
use crate::sync::model::{Arc, AtomicBool, AtomicU64};

/// A ring that is full, and its progress. Leaked: when loom finds a deadlock it panics in one thread and drops what the others hold, and
/// an `Arc` of its own would panic again there.
fn full() -> (&'static Ring, &'static Progress) {
    let (ring, progress) = (Box::leak(Box::new(Ring::new(64))), Box::leak(Box::new(Progress::new())));
    push_all(ring, push, &[0, 1]);
    (ring, progress)
}

/// A thread waits for room in a full ring while another makes some.
fn room_is_found(wait: fn(&Ring, &Progress)) {
    loom::model(move || {
        let (ring, progress) = full();
        let waiting = thread::spawn(move || wait(ring, progress));
        assert_eq!(take(ring)[..2], [0, 1]);
        progress.notify_room();
        waiting.join().unwrap();
    });
}

#[test]
fn loom_room_is_found() {
    room_is_found(|ring, progress| _ = progress.wait_for_room(None, || push(ring, 2).ok()));
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_trying_before_the_lock_misses_the_room() {
    room_is_found(|ring, progress| {
        if push(ring, 2).is_err() {
            let mut first = true;
            progress.wait_for_room(None, || if std::mem::take(&mut first) { None } else { push(ring, 2).ok() });
        }
    });
}

/// Two threads wait for room that nobody will make: the writer is gone.
fn who_is_gone_keeps_nobody_waiting(go: fn(&Ring, &Progress)) {
    loom::model(move || {
        let (ring, progress) = full();
        let waiting = [2, 3].map(|tag| {
            thread::spawn(move || {
                let result = progress.wait_for_room(None, || match push(ring, tag) {
                    Err(Refused::Full) => None,
                    other => Some(other),
                });
                assert_eq!(result, Some(Err(Refused::Closed)));
            })
        });
        go(ring, progress);
        for thread in waiting {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_who_is_gone_keeps_nobody_waiting() {
    who_is_gone_keeps_nobody_waiting(|ring, progress| {
        ring.close();
        progress.notify_room();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_writer_that_tells_before_it_closes_keeps_them_waiting() {
    who_is_gone_keeps_nobody_waiting(|ring, progress| {
        progress.notify_room();
        ring.close();
    });
}

/// A queue and what is written of it; and whether a flush was ever told that all is when it was not.
struct Flushed {
    ring: Ring,
    progress: Progress,
    written: AtomicU64,
    early: AtomicBool,
}

/// A thread pushes, and asks for what it pushed to be written; another writes.
fn a_flush_does_not_return_early(pass: fn(&Flushed)) {
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
            thread::spawn(move || pass(&shared))
        };
        push_all(&shared.ring, push, &[1]);
        let ticket = crate::sync::Arc::new(FlushTicket::new());
        let demand = FlushRequest { deadline: None, sync: false, ticket: crate::sync::Arc::clone(&ticket) };
        shared.progress.request_flush(shared.ring.end(), demand);
        writing.join().unwrap();
        // What a writer thread does when it is called again.
        pass(&shared);
        pass(&shared);
        ticket.wait(None).unwrap().unwrap();
        assert!(!shared.early.load(Relaxed), "a flush returned before all was written");
        assert_eq!(shared.written.load(Relaxed), 2);
    });
}

impl Flushed {
    fn write(&self, taken: &Drained) {
        self.written.fetch_add(taken.labels.len() as u64, Relaxed);
    }

    fn complete_up_to(&self, position: u64) {
        for demand in self.progress.take_due(position) {
            self.early.fetch_or(self.written.load(Relaxed) != 2, Relaxed);
            demand.ticket.complete(Ok(()));
        }
    }
}

/// Takes out, writes, and meets the demands that are due. One thread after the other does so, as one at a time works on a queue.
fn pass(queue: &Flushed) {
    let mut taken = Drained::default();
    let mut reader = queue.ring.reader();
    reader.take(&mut taken, 1);
    let head = reader.head();
    drop(reader);
    queue.write(&taken);
    queue.complete_up_to(head);
}

#[test]
fn loom_a_flush_does_not_return_early() {
    a_flush_does_not_return_early(pass);
}

#[test]
#[should_panic(expected = "returned before all was written")]
fn loom_settling_what_is_not_taken_out_returns_early() {
    a_flush_does_not_return_early(|queue| {
        let mut taken = Drained::default();
        queue.ring.reader().take(&mut taken, 1);
        queue.write(&taken);
        queue.complete_up_to(queue.ring.end());
    });
}

#[test]
#[should_panic(expected = "returned before all was written")]
fn loom_settling_before_writing_returns_early() {
    a_flush_does_not_return_early(|queue| {
        let mut taken = Drained::default();
        let mut reader = queue.ring.reader();
        reader.take(&mut taken, 1);
        queue.complete_up_to(reader.head());
        queue.write(&taken);
    });
}
