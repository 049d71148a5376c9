//! Models of the ring, and weakened twins of them that must fail.

mod progress;

use loom::thread;

use super::reader::Reader;
use super::ring::{CLOSED, FLAGS, IDLE, NO_MEMORY};
use super::*;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::model::{Arc, Mutex};

/// The size of a record in the ring, which has room for two: the third record lies where the first one lay.
const SIZE: u64 = 32;

/// The bytes of the record with this tag, which are not zero.
fn line(tag: u32) -> [u8; 16] {
    [tag as u8 + 1; 16]
}

fn label(tag: u32) -> Label {
    Label { tag, stamp: u64::from(tag) + 100 }
}

type Push = fn(&Ring, u32) -> Result<Pushed, Refused>;

fn push(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
    ring.push(label(tag), &line(tag))
}

/// Pushes the records with these tags, and waits for room.
fn push_all(ring: &Ring, push: Push, tags: &[u32]) {
    for tag in tags {
        while push(ring, *tag).is_err() {
            thread::yield_now();
        }
    }
}

/// Drains the ring and returns the tags of its records. Checks that each record is whole.
fn drain(ring: &Ring) -> Vec<u32> {
    let mut drained = Drained::default();
    ring.reader().drain(&mut drained, usize::MAX);
    check(&drained)
}

fn check(drained: &Drained) -> Vec<u32> {
    let lines = drained.bytes.chunks(16);
    for (found, bytes) in drained.labels.iter().zip(lines) {
        assert!(*found == label(found.tag) && *bytes == line(found.tag), "a record is torn");
    }
    drained.labels.iter().map(|label| label.tag).collect()
}

/// Calls `f` on a thread of its own, and waits for it. loom runs the threads in the order in which they were started, and then looks for
/// other orders, but remembers only the last access to each atomic. So the thread that looks at what others change must be started last,
/// else it always looks too early.
fn last<R: 'static>(ring: &Arc<Ring>, f: impl FnOnce(&Ring) -> R + 'static) -> R {
    let ring = Arc::clone(ring);
    thread::spawn(move || f(&ring)).join().unwrap()
}

/// Two threads push three records into a ring with room for two, while a third thread drains it.
fn each_record_is_drained_once_and_whole(push: Push, drain: fn(&Ring) -> Vec<u32>) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        let accepted = |tags: &'static [u32]| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || tags.iter().copied().filter(|tag| push(&ring, *tag).is_ok()).collect::<Vec<_>>())
        };
        let (one, two) = (accepted(&[0, 1]), accepted(&[2]));
        let mut tags = last(&ring, drain);
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        tags.extend(drain(&ring));
        let of_one = tags.iter().copied().filter(|tag| *tag < 2);
        assert!(of_one.eq(one.iter().copied()), "a record was lost, doubled or moved");
        tags.sort_unstable();
        assert_eq!(tags, [one, two].concat(), "a record was lost, doubled or moved");
    });
}

#[test]
fn loom_each_record_is_drained_once_and_whole() {
    each_record_is_drained_once_and_whole(push, drain);
}

/// As [`Ring::push`], but stores the header with Relaxed.
fn push_with_a_relaxed_header(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
    let tail = ring.tail.0.load(Acquire);
    let start = tail & !FLAGS;
    if start + SIZE - ring.head.0.load(Acquire) > 64
        || ring.tail.0.compare_exchange(tail, start + SIZE, AcqRel, Acquire).is_err()
    {
        return Err(Refused::Full);
    }
    let word = |n: u64| &ring.words[(start / 8 + n) as usize % 8];
    word(1).store(label(tag).stamp, Relaxed);
    for (n, chunk) in (2..).zip(line(tag).chunks(8)) {
        word(n).store(u64::from_ne_bytes(chunk.try_into().unwrap()), Relaxed);
    }
    word(0).store(1 << 63 | u64::from(tag) << 32 | 16, Relaxed);
    Ok(Pushed { end: start + SIZE, wake: false, is_half: false })
}

#[test]
#[should_panic(expected = "a record is torn")]
fn loom_a_relaxed_header_tears_a_record() {
    each_record_is_drained_once_and_whole(push_with_a_relaxed_header, drain);
}

/// As [`Reader::drain`], but frees the space before it is set to zero.
fn drain_that_publishes_first(ring: &Ring) -> Vec<u32> {
    let mut reader = ring.reader();
    let mut tags = Vec::new();
    loop {
        let end = reader.catch_up();
        if reader.head == end {
            return tags;
        }
        let word = |n: u64| &ring.words[(reader.head / 8 + n) as usize % 8];
        let header = word(0).load(Acquire);
        if header == 0 {
            return tags;
        }
        tags.push((header >> 32) as u32 & MAX_TAG);
        ring.head.0.store(reader.head + SIZE, crate::sync::Ordering::Release);
        for n in 0..4 {
            word(n).store(0, Relaxed);
        }
    }
}

#[test]
#[should_panic(expected = "lost, doubled or moved")]
fn loom_space_that_is_freed_before_it_is_zeroed_loses_a_record() {
    each_record_is_drained_once_and_whole(push, drain_that_publishes_first);
}

/// Two threads push while a third drains and makes the ring idle: each record is drained, or its push returns that a reader must be woken.
/// The oldest record does not lie at the start of the array, so going idle moves `tail`.
fn no_record_is_left_in_an_idle_ring(push: Push, go_idle: fn(&Ring) -> bool) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        push_all(&ring, self::push, &[0]);
        assert_eq!(drain(&ring), [0]);
        let pushing: Vec<_> = [1, 2]
            .map(|tag| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || push(&ring, tag))
            })
            .into_iter()
            .collect();
        let (mut tags, is_idle) = last(&ring, move |ring| (drain(ring), go_idle(ring)));
        let pushed: Vec<_> = pushing.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(pushed.iter().all(Result::is_ok), "a ring with room was full");
        let woken = pushed.iter().flatten().filter(|pushed| pushed.wake).count();
        assert!(woken <= 1, "two threads were told to wake the reader");
        if !is_idle || woken == 1 {
            tags.extend(drain(&ring));
        }
        tags.sort_unstable();
        assert_eq!(tags, [1, 2], "a record is left in an idle ring");
    });
}

fn go_idle(ring: &Ring) -> bool {
    ring.reader().go_idle()
}

#[test]
fn loom_no_record_is_left_in_an_idle_ring() {
    no_record_is_left_in_an_idle_ring(push, go_idle);
}

/// Looks whether the ring is empty, and makes it idle, in two steps.
fn go_idle_in_two_steps(ring: &Ring) -> bool {
    let reader = ring.reader();
    let empty = ring.end() == reader.head;
    if empty {
        ring.tail.0.fetch_or(IDLE, AcqRel);
    }
    empty
}

#[test]
#[should_panic(expected = "left in an idle ring")]
fn loom_going_idle_in_two_steps_leaves_a_record() {
    no_record_is_left_in_an_idle_ring(push, go_idle_in_two_steps);
}

/// As [`Ring::push`], but leaves it to the reader to move `head` of an idle ring.
fn push_without_advancing_the_head(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
    loop {
        let tail = ring.tail.0.load(Acquire);
        let start = tail & !FLAGS;
        let used = start.saturating_sub(ring.head.0.load(Acquire));
        if used + SIZE > 64 {
            return Err(Refused::Full);
        }
        if ring.tail.0.compare_exchange(tail, start + SIZE, AcqRel, Acquire).is_ok() {
            ring.commit(start, label(tag), &line(tag));
            return Ok(Pushed { end: start + SIZE, wake: tail & IDLE != 0, is_half: false });
        }
    }
}

#[test]
#[should_panic(expected = "a ring with room was full")]
fn loom_a_head_that_is_not_advanced_fills_the_ring() {
    no_record_is_left_in_an_idle_ring(push_without_advancing_the_head, go_idle);
}

/// Two threads push while a third closes the ring and drains it.
fn a_push_into_a_closing_ring_is_accepted_or_refused(close: fn(&Ring) -> bool) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        let pushing: Vec<_> = [1, 2]
            .map(|tag| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || push(&ring, tag).is_ok().then_some(tag))
            })
            .into_iter()
            .collect();
        close(&ring);
        let mut tags = drain(&ring);
        let mut accepted: Vec<_> = pushing.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        tags.extend(drain(&ring));
        tags.sort_unstable();
        accepted.sort_unstable();
        assert_eq!(tags, accepted, "a record was accepted and lost, or refused and drained");
        assert!(ring.reader().is_finished(), "a closed and empty ring is not finished");
        assert_eq!(push(&ring, 3), Err(Refused::Closed));
    });
}

#[test]
fn loom_a_push_into_a_closing_ring_is_accepted_or_refused() {
    a_push_into_a_closing_ring_is_accepted_or_refused(Ring::close);
}

#[test]
#[should_panic(expected = "a closed and empty ring is not finished")]
fn loom_closing_in_two_steps_loses_a_record() {
    a_push_into_a_closing_ring_is_accepted_or_refused(|ring| {
        let tail = ring.tail.0.load(Acquire);
        ring.tail.0.store((tail | CLOSED) & !IDLE, crate::sync::Ordering::Release);
        tail & IDLE != 0
    });
}

/// One thread evicts the oldest record to push, while another drains: each record goes one way.
fn a_record_is_drained_or_evicted(reader: for<'a> fn(&'a Ring, &'a Mutex<u64>) -> Reader<'a>) {
    loom::model(move || {
        let shared = Arc::new((Ring::new(64), Mutex::new(0)));
        push_all(&shared.0, push, &[0, 1]);
        let pushing = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut evicted = Vec::new();
                while push(&shared.0, 2).is_err() {
                    reader(&shared.0, &shared.1).make_room(16, |label| evicted.push(label.tag));
                }
                evicted
            })
        };
        let draining = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut drained = Drained::default();
                shared.0.reader().drain(&mut drained, 1);
                check(&drained)
            })
        };
        let mut tags = draining.join().unwrap();
        tags.extend(pushing.join().unwrap());
        tags.extend(drain(&shared.0));
        tags.sort_unstable();
        assert_eq!(tags, [0, 1, 2], "a record was drained and evicted, or neither");
    });
}

#[test]
fn loom_a_record_is_drained_or_evicted() {
    a_record_is_drained_or_evicted(|ring, _| ring.reader());
}

#[test]
#[should_panic(expected = "a record was drained and evicted")]
fn loom_without_the_lock_a_record_goes_both_ways() {
    a_record_is_drained_or_evicted(|ring, another| Reader {
        ring,
        head: ring.head.0.load(Acquire),
        begin: another.lock(),
    });
}

/// A thread pushes two records while another gives the memory of the idle ring back: both are drained, and whole.
fn no_record_is_lost_when_memory_is_given_back(push: Push, give_back: fn(&Ring) -> bool) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        let pushing = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || [1, 2].map(|tag| push(&ring, tag)))
        };
        last(&ring, give_back);
        let pushed = pushing.join().unwrap();
        assert!(pushed.iter().all(Result::is_ok), "a ring with room was full");
        assert_eq!(
            pushed.map(|pushed| pushed.is_ok_and(|pushed| pushed.wake)),
            [true, false],
            "the first wakes the reader"
        );
        assert_eq!(drain(&ring), [1, 2], "a record is lost with the memory");
        assert!(go_idle(&ring));
    });
}

#[test]
fn loom_no_record_is_lost_when_memory_is_given_back() {
    no_record_is_lost_when_memory_is_given_back(push, Ring::give_back_memory);
}

/// Looks whether the ring is idle, and gives its memory back, in two steps.
#[test]
#[should_panic(expected = "a record is")]
fn loom_giving_memory_back_in_two_steps_loses_a_record() {
    no_record_is_lost_when_memory_is_given_back(push, |ring| {
        let _reader = ring.reader.lock();
        let is_idle = ring.idle_at().is_some();
        if is_idle {
            ring.tail.0.fetch_or(NO_MEMORY, AcqRel);
            ring.words.give_back();
        }
        is_idle
    });
}

/// As [`Ring::push`], but does not heed that the ring has no memory.
#[test]
#[should_panic(expected = "a record is")]
fn loom_a_push_that_does_not_heed_the_flag_loses_a_record() {
    fn push_without_memory(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
        loop {
            let tail = ring.tail.0.load(Acquire);
            let start = tail & !FLAGS;
            if ring.tail.0.compare_exchange(tail, start + SIZE, AcqRel, Acquire).is_ok() {
                ring.commit(start, label(tag), &line(tag));
                return Ok(Pushed { end: start + SIZE, wake: tail & IDLE != 0, is_half: false });
            }
        }
    }
    no_record_is_lost_when_memory_is_given_back(push_without_memory, Ring::give_back_memory);
}
