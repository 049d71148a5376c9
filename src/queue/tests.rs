//! Tests of the ring: on real threads, and against a simple model.

use std::collections::VecDeque;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use super::words::Words;
use super::*;
use crate::sync::{AtomicBool, Ordering};

fn label(tag: u32) -> Label {
    Label { tag, stamp: u64::from(tag) * 3 }
}

fn drain_all(ring: &Ring) -> Vec<(Label, Vec<u8>)> {
    let mut drained = Drained::default();
    assert_eq!(ring.reader().drain(&mut drained, usize::MAX), Stop::Empty);
    records(&drained)
}

fn records(drained: &Drained) -> Vec<(Label, Vec<u8>)> {
    let starts = std::iter::once(&0).chain(&drained.ends);
    let bytes = starts.zip(&drained.ends).map(|(start, end)| drained.bytes[*start..*end].to_vec());
    drained.labels.iter().copied().zip(bytes).collect()
}

#[test]
fn records_are_drained_as_they_were_pushed() {
    let ring = Ring::new(256);
    let lines: [&[u8]; 5] = [b"", b"1234567", b"12345678", b"123456789", &[255; 40]];
    for round in 0..10 {
        let pushed: Vec<_> = (0_u32..).zip(lines).map(|(tag, line)| ring.push(label(tag), line).unwrap()).collect();
        assert_eq!(pushed[0].wake, round == 0, "only the new ring is idle");
        assert_eq!(pushed.iter().filter(|pushed| pushed.is_half).count(), 1);
        let expected: Vec<_> = (0_u32..).zip(lines).map(|(tag, line)| (label(tag), line.to_vec())).collect();
        assert_eq!(drain_all(&ring), expected);
        assert_eq!(ring.reader().head(), pushed[4].end);
    }
}

#[test]
fn a_ring_becomes_half_full_with_one_record() {
    let half_with = |lines: [&[u8]; 2]| {
        let ring = Ring::new(64);
        lines.map(|line| ring.push(label(1), line).unwrap().is_half)
    };
    // The prefix of each has 16 bytes.
    assert_eq!(half_with([&[1; 16], &[2; 16]]), [true, false]);
    assert_eq!(half_with([&[1; 8], &[2; 8]]), [false, true]);
}

#[test]
fn a_full_ring_refuses_until_there_is_room() {
    let ring = Ring::new(64);
    assert_eq!(ring.push(label(1), &[1; 49]), Err(Refused::TooLong));
    ring.push(label(1), &[1; 16]).unwrap();
    assert_eq!(ring.push(label(2), &[2; 17]), Err(Refused::Full));
    ring.push(label(3), &[3; 16]).unwrap();
    assert_eq!(ring.push(label(4), &[]), Err(Refused::Full));
    let mut drained = Drained::default();
    assert_eq!(ring.reader().drain(&mut drained, 1), Stop::Enough);
    assert_eq!(records(&drained), [(label(1), vec![1; 16])]);
    ring.push(label(5), &[5; 16]).unwrap();
    assert_eq!(drain_all(&ring), [(label(3), vec![3; 16]), (label(5), vec![5; 16])]);
}

#[test]
fn making_room_evicts_the_oldest_and_no_more_than_needed() {
    let ring = Ring::new(128);
    for tag in 0..4 {
        ring.push(label(tag), &[tag as u8; 16]).unwrap();
    }
    let mut evicted = Vec::new();
    assert!(ring.reader().make_room(17, |label| evicted.push(label)));
    assert_eq!(evicted, [label(0), label(1)]);
    assert!(ring.reader().make_room(17, |_| panic!("there is room")));
    assert!(!ring.reader().make_room(1_000, |_| panic!("the ring is too small")));
    ring.push(label(9), &[9; 17]).unwrap();
    let tags: Vec<_> = drain_all(&ring).iter().map(|(label, _)| label.tag).collect();
    assert_eq!(tags, [2, 3, 9]);

    ring.push(label(1), &[]).unwrap();
    let mut evicted = Vec::new();
    assert!(ring.reader().make_room(128 - 16, |label| evicted.push(label)));
    assert_eq!(evicted, [label(1)], "a record may fill the ring");
    ring.push(label(2), &[2; 128 - 16]).unwrap();
}

#[test]
fn the_first_push_into_an_idle_ring_wakes_and_begins_at_the_start() {
    let ring = Ring::new(1024);
    assert_eq!(ring.idle_at(), Some(0));
    for round in 0..50 {
        let pushed = ring.push(label(round), b"hello").unwrap();
        assert!(pushed.wake && ring.idle_at().is_none());
        assert!((24..1024 / 4 + 24).contains(&(pushed.end % 1024)), "it uses the first words only");
        assert!(!ring.reader().go_idle(), "the ring is not empty");
        assert_eq!(drain_all(&ring).len(), 1);
        assert!(ring.reader().go_idle());
    }
    assert!(ring.clear_idle() && !ring.clear_idle());
    assert!(!ring.push(label(1), b"").unwrap().wake, "it is not idle");
}

#[test]
fn a_closed_ring_can_be_drained() {
    let ring = Ring::new(64);
    ring.push(label(1), b"one").unwrap();
    assert!(!ring.close(), "the first push was told to wake a reader");
    for _ in 0..2 {
        assert_eq!(ring.push(label(2), b"two"), Err(Refused::Closed));
        assert!(!ring.close(), "it is closed already");
    }
    assert!(!ring.reader().is_finished());
    assert_eq!(drain_all(&ring).len(), 1);
    assert!(ring.reader().is_finished() && !ring.reader().go_idle());
    assert!(Ring::new(64).close(), "it was idle");
}

/// An operation on a ring.
#[derive(Clone, Debug)]
enum Act {
    Push(Vec<u8>),
    Drain(usize),
    MakeRoom(usize),
    GoIdle,
    ClearIdle,
    GiveBack,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..80).prop_map(Act::Push),
        3 => (0_usize..120).prop_map(Act::Drain),
        1 => (0_usize..100).prop_map(Act::MakeRoom),
        1 => Just(Act::GoIdle),
        1 => Just(Act::ClearIdle),
        1 => Just(Act::GiveBack),
    ]
}

proptest! {
    #[test]
    fn a_ring_behaves_as_a_queue(acts in vec(act(), 0..200), words in 3_u32..7) {
        let capacity = 8_usize << words;
        let size = |bytes: usize| 16 + bytes.next_multiple_of(8);
        let ring = Ring::new(capacity);
        let mut model: VecDeque<(Label, Vec<u8>)> = VecDeque::new();
        let mut is_idle = true;
        let mut is_given_back = false;
        for (tag, act) in (0_u32..).zip(acts) {
            let used: usize = model.iter().map(|(_, bytes)| size(bytes.len())).sum();
            match act {
                Act::Push(bytes) => match ring.push(label(tag), &bytes) {
                    Ok(pushed) => {
                        prop_assert!(used + size(bytes.len()) <= capacity);
                        prop_assert_eq!(pushed.wake, is_idle);
                        is_idle = false;
                        is_given_back = false;
                        model.push_back((label(tag), bytes));
                    }
                    Err(Refused::Full) => prop_assert!(used + size(bytes.len()) > capacity),
                    Err(Refused::TooLong) => prop_assert!(size(bytes.len()) > capacity),
                    Err(Refused::Closed) => prop_assert!(false, "the ring is not closed"),
                },
                Act::Drain(enough) => {
                    let mut drained = Drained::default();
                    let stop = ring.reader().drain(&mut drained, enough);
                    prop_assert_eq!(stop == Stop::Enough, drained.bytes.len() >= enough);
                    for record in records(&drained) {
                        prop_assert_eq!(Some(record), model.pop_front());
                    }
                    prop_assert_eq!(stop == Stop::Empty, model.is_empty() && stop != Stop::Enough);
                }
                Act::MakeRoom(bytes) => {
                    let mut evicted = Vec::new();
                    let made = ring.reader().make_room(bytes, |label| evicted.push(label));
                    prop_assert_eq!(made, size(bytes) <= capacity);
                    for label in evicted {
                        prop_assert_eq!(Some(label), model.pop_front().map(|(label, _)| label));
                    }
                }
                Act::GoIdle => {
                    let went_idle = ring.reader().go_idle();
                    prop_assert_eq!(went_idle, model.is_empty() && !is_idle);
                    is_idle |= went_idle;
                }
                Act::GiveBack => {
                    let gives = ring.give_back_memory();
                    prop_assert_eq!(gives, is_idle && !is_given_back);
                    is_given_back |= gives;
                }
                Act::ClearIdle => {
                    prop_assert_eq!(ring.clear_idle(), is_idle);
                    is_idle = false;
                }
            }
            prop_assert_eq!(ring.idle_at().is_some(), is_idle);
        }
    }
}

/// A jump at every idle moment would in time use up the positions.
#[test]
fn an_idle_ring_goes_back_to_its_beginning_only_after_some_use() {
    let ring = Ring::new(512);
    let idle_after = |bytes: usize| {
        ring.push(label(1), &vec![1; bytes]).unwrap();
        drain_all(&ring);
        assert!(ring.reader().go_idle());
        ring.idle_at().unwrap()
    };
    assert_eq!(idle_after(16), 32);
    assert_eq!(idle_after(200), 512, "to the beginning");
    assert_eq!([idle_after(16), idle_after(16)], [544, 576], "and not again for so little");
    assert_eq!(idle_after(200), 1024);
}

/// Four threads push, one of them evicts, another thread drains: each record is drained or evicted once, whole and in its thread's order.
#[test]
fn threads_lose_no_record() {
    const THREADS: u32 = 4;
    const RECORDS: u32 = if cfg!(miri) { 40 } else { 5_000 };
    let ring = Ring::new(2048);
    let done = AtomicBool::new(false);
    let (mut seen, mut evicted) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let ring = &ring;
                scope.spawn(move || {
                    let mut evicted = Vec::new();
                    for n in 0..RECORDS {
                        let line = vec![thread as u8; (n % 90) as usize];
                        let label = Label { tag: thread, stamp: u64::from(n) };
                        while ring.push(label, &line).is_err() {
                            if thread == 0 {
                                ring.reader().make_room(line.len(), |label| evicted.push(label));
                            }
                            thread::yield_now();
                        }
                    }
                    evicted
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            let mut drained = Drained::default();
            loop {
                let last = done.load(Ordering::Acquire);
                drained.clear();
                let stop = ring.reader().drain(&mut drained, 500);
                seen.extend(records(&drained));
                match stop {
                    Stop::Empty if last => return seen,
                    Stop::Empty => {
                        if ring.reader().go_idle() {
                            ring.give_back_memory();
                        }
                    }
                    Stop::Uncommitted | Stop::Enough => {}
                }
                thread::yield_now();
            }
        });
        evicted = pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect();
        done.store(true, Ordering::Release);
        seen = reader.join().unwrap();
    });
    for (label, bytes) in &seen {
        assert_eq!(*bytes, vec![label.tag as u8; (label.stamp % 90) as usize], "a record is torn");
    }
    for thread in 0..THREADS {
        let of = |label: &Label| (label.tag == thread).then_some(label.stamp);
        let mut stamps: Vec<_> = seen.iter().filter_map(|(label, _)| of(label)).collect();
        assert!(stamps.is_sorted(), "the records of a thread changed places");
        stamps.extend(evicted.iter().filter_map(of));
        stamps.sort_unstable();
        assert!(stamps.into_iter().eq(0..u64::from(RECORDS)), "a record of thread {thread} was lost or doubled");
    }
}

/// A burst may end anywhere in the array, also at its beginning.
#[test]
fn an_idle_ring_knows_how_much_of_its_array_was_used() {
    for capacity in [512_usize, 4 << 10, 64 << 10, 256 << 10, 1 << 20] {
        let few = (64 << 10).min(capacity / 4);
        let record = capacity / 32;
        for burst in [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 69] {
            let ring = Ring::new(capacity);
            for round in 0..2 {
                for _ in 0..burst {
                    ring.push(label(1), &vec![1; record - 16]).unwrap();
                    assert_eq!(drain_all(&ring).len(), 1);
                }
                assert!(ring.reader().go_idle());
                // Two small bursts may be a large one.
                assert!(
                    ring.is_spread() == (burst * record >= few) || round == 1,
                    "{burst} records in {capacity} bytes"
                );
                assert!(
                    !ring.is_spread() || ring.idle_at().unwrap().is_multiple_of(capacity as u64),
                    "it is at the beginning"
                );
                ring.give_back_memory();
            }
        }
    }
}

#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn whole_pages_of_memory_are_given_back() {
    let page = rustix::param::page_size();
    let words = Words::new(3 * page / size_of::<u64>());
    words.iter().for_each(|word| word.store(1, Ordering::Relaxed));
    words.give_back();
    let addresses = words.as_ptr_range();
    let pages = addresses.start.addr().next_multiple_of(page)..addresses.end.addr() / page * page;
    assert!(pages.len() >= 2 * page);
    for word in words.iter() {
        // The system provides new pages, with zeros.
        let expected = u64::from(!pages.contains(&std::ptr::from_ref(word).addr()));
        assert_eq!(word.load(Ordering::Relaxed), expected);
    }
    // No whole page.
    let few = Words::new(1);
    few.give_back();
}
