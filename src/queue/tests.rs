//! The ring on real threads, and against a simple model.

use std::collections::VecDeque;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::sync::{AtomicBool, Ordering};

fn label(tag: u32) -> Label {
    Label { tag, stamp: u64::from(tag) * 3 }
}

fn take_all(ring: &Ring) -> Vec<(Label, Vec<u8>)> {
    let mut taken = Drained::default();
    assert_eq!(ring.reader().take(&mut taken, usize::MAX), Stop::Empty);
    records(&taken)
}

fn records(taken: &Drained) -> Vec<(Label, Vec<u8>)> {
    let starts = std::iter::once(&0).chain(&taken.ends);
    let bytes = starts.zip(&taken.ends).map(|(start, end)| taken.bytes[*start..*end].to_vec());
    taken.labels.iter().copied().zip(bytes).collect()
}

#[test]
fn records_come_out_as_they_went_in() {
    let ring = Ring::new(256);
    let lines: [&[u8]; 5] = [b"", b"1234567", b"12345678", b"123456789", &[255; 40]];
    for round in 0..10 {
        let pushed: Vec<_> = (0_u32..).zip(lines).map(|(tag, line)| ring.push(label(tag), line).unwrap()).collect();
        assert_eq!(pushed[0].wake, round == 0, "nobody rests in between");
        assert_eq!(pushed.iter().filter(|pushed| pushed.is_half).count(), 1);
        let expected: Vec<_> = (0_u32..).zip(lines).map(|(tag, line)| (label(tag), line.to_vec())).collect();
        assert_eq!(take_all(&ring), expected);
        assert_eq!(ring.reader().head(), pushed[4].end);
    }
}

#[test]
fn a_full_ring_refuses_and_takes_again_when_there_is_room() {
    let ring = Ring::new(64);
    assert_eq!(ring.push(label(1), &[1; 49]), Err(Refused::TooLong));
    ring.push(label(1), &[1; 16]).unwrap();
    assert_eq!(ring.push(label(2), &[2; 17]), Err(Refused::Full));
    ring.push(label(3), &[3; 16]).unwrap();
    assert_eq!(ring.push(label(4), &[]), Err(Refused::Full));
    let mut taken = Drained::default();
    assert_eq!(ring.reader().take(&mut taken, 1), Stop::Enough);
    assert_eq!(records(&taken), [(label(1), vec![1; 16])]);
    ring.push(label(5), &[5; 16]).unwrap();
    assert_eq!(take_all(&ring), [(label(3), vec![3; 16]), (label(5), vec![5; 16])]);
}

#[test]
fn room_is_made_by_throwing_away_the_oldest_and_no_more_than_need_be() {
    let ring = Ring::new(128);
    for tag in 0..4 {
        ring.push(label(tag), &[tag as u8; 16]).unwrap();
    }
    let mut lost = Vec::new();
    assert!(ring.reader().make_room(17, |label| lost.push(label)));
    assert_eq!(lost, [label(0), label(1)]);
    assert!(ring.reader().make_room(17, |_| panic!("there is room")));
    assert!(!ring.reader().make_room(1_000, |_| panic!("no room would be enough")));
    ring.push(label(9), &[9; 17]).unwrap();
    let tags: Vec<_> = take_all(&ring).iter().map(|(label, _)| label.tag).collect();
    assert_eq!(tags, [2, 3, 9]);
}

#[test]
fn a_ring_at_rest_asks_to_be_woken_and_begins_at_its_beginning() {
    let ring = Ring::new(1024);
    assert_eq!(ring.rests_at(), Some(0));
    for round in 0..50 {
        let pushed = ring.push(label(round), b"hello").unwrap();
        assert!(pushed.wake && ring.rests_at().is_none());
        assert!((24..1024 / 4 + 24).contains(&(pushed.end % 1024)), "it uses the first words only");
        assert!(!ring.reader().rest(), "there is something in it");
        assert_eq!(take_all(&ring).len(), 1);
        assert!(ring.reader().rest());
    }
    assert!(ring.rouse() && !ring.rouse());
    assert!(!ring.push(label(1), b"").unwrap().wake, "it was roused");
}

#[test]
fn a_closed_ring_gives_what_it_has() {
    let ring = Ring::new(64);
    ring.push(label(1), b"one").unwrap();
    assert!(!ring.close(), "somebody was told already to take out");
    assert_eq!(ring.push(label(2), b"two"), Err(Refused::Closed));
    assert!(!ring.reader().is_finished());
    assert_eq!(take_all(&ring).len(), 1);
    assert!(ring.reader().is_finished() && !ring.reader().rest());
    assert!(Ring::new(64).close(), "nobody was told");
}

/// What happens to a ring.
#[derive(Clone, Debug)]
enum Act {
    Push(Vec<u8>),
    Take(usize),
    MakeRoom(usize),
    Rest,
    Rouse,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..80).prop_map(Act::Push),
        3 => (0_usize..120).prop_map(Act::Take),
        1 => (0_usize..100).prop_map(Act::MakeRoom),
        1 => Just(Act::Rest),
        1 => Just(Act::Rouse),
    ]
}

proptest! {
    #[test]
    fn it_is_a_queue(acts in vec(act(), 0..200), words in 3_u32..7) {
        let capacity = 8_usize << words;
        let size = |bytes: usize| 16 + bytes.next_multiple_of(8);
        let ring = Ring::new(capacity);
        let mut model: VecDeque<(Label, Vec<u8>)> = VecDeque::new();
        let mut rests = true;
        for (tag, act) in (0_u32..).zip(acts) {
            let used: usize = model.iter().map(|(_, bytes)| size(bytes.len())).sum();
            match act {
                Act::Push(bytes) => match ring.push(label(tag), &bytes) {
                    Ok(pushed) => {
                        prop_assert!(used + size(bytes.len()) <= capacity);
                        prop_assert_eq!(pushed.wake, rests);
                        rests = false;
                        model.push_back((label(tag), bytes));
                    }
                    Err(Refused::Full) => prop_assert!(used + size(bytes.len()) > capacity),
                    Err(Refused::TooLong) => prop_assert!(size(bytes.len()) > capacity),
                    Err(Refused::Closed) => prop_assert!(false, "it is not closed"),
                },
                Act::Take(most) => {
                    let mut taken = Drained::default();
                    let stop = ring.reader().take(&mut taken, most);
                    prop_assert_eq!(stop == Stop::Enough, taken.bytes.len() >= most);
                    for record in records(&taken) {
                        prop_assert_eq!(Some(record), model.pop_front());
                    }
                    prop_assert_eq!(stop == Stop::Empty, model.is_empty() && stop != Stop::Enough);
                }
                Act::MakeRoom(bytes) => {
                    let mut lost = Vec::new();
                    let made = ring.reader().make_room(bytes, |label| lost.push(label));
                    prop_assert_eq!(made, size(bytes) <= capacity);
                    for label in lost {
                        prop_assert_eq!(Some(label), model.pop_front().map(|(label, _)| label));
                    }
                }
                Act::Rest => {
                    let resting = ring.reader().rest();
                    prop_assert_eq!(resting, model.is_empty() && !rests);
                    rests |= resting;
                }
                Act::Rouse => {
                    prop_assert_eq!(ring.rouse(), rests);
                    rests = false;
                }
            }
            prop_assert_eq!(ring.rests_at().is_some(), rests);
        }
    }
}

/// Several push, some throw away, one takes out: each record comes out once or is thrown away once, whole and in its thread's order.
#[test]
fn threads_lose_nothing() {
    const THREADS: u32 = 4;
    const RECORDS: u32 = if cfg!(miri) { 40 } else { 30_000 };
    let ring = Ring::new(2048);
    let done = AtomicBool::new(false);
    let (mut seen, mut lost) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let ring = &ring;
                scope.spawn(move || {
                    let mut lost = Vec::new();
                    for n in 0..RECORDS {
                        let line = vec![thread as u8; (n % 90) as usize];
                        let label = Label { tag: thread, stamp: u64::from(n) };
                        while ring.push(label, &line).is_err() {
                            if thread == 0 {
                                ring.reader().make_room(line.len(), |label| lost.push(label));
                            }
                            thread::yield_now();
                        }
                    }
                    lost
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            let mut taken = Drained::default();
            loop {
                let last = done.load(Ordering::Acquire);
                taken.clear();
                let stop = ring.reader().take(&mut taken, 500);
                seen.extend(records(&taken));
                match stop {
                    Stop::Empty if last => return seen,
                    Stop::Empty => _ = ring.reader().rest(),
                    Stop::Unfinished | Stop::Enough => {}
                }
                thread::yield_now();
            }
        });
        lost = pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect();
        done.store(true, Ordering::Release);
        seen = reader.join().unwrap();
    });
    for (label, bytes) in &seen {
        assert_eq!(*bytes, vec![label.tag as u8; (label.stamp % 90) as usize], "a record is torn");
    }
    for thread in 0..THREADS {
        let of = |label: &Label| (label.tag == thread).then_some(label.stamp);
        let mut came: Vec<_> = seen.iter().filter_map(|(label, _)| of(label)).collect();
        assert!(came.is_sorted(), "the records of a thread changed places");
        came.extend(lost.iter().filter_map(of));
        came.sort_unstable();
        assert!(came.into_iter().eq(0..u64::from(RECORDS)), "a record of thread {thread} was lost or doubled");
    }
}
