//! Gates step by step, and random histories of one against what must hold of any: permits are neither lost nor made, nobody is passed over more
//! often than the gate has turns, and nobody who could have its permits is left waiting without a wake-up.

use std::task::Wake;

use proptest::prelude::*;

use super::super::word::PERMIT;
use super::*;
use crate::sync::Ordering::Relaxed;
use crate::sync::{Arc, AtomicBool};

/// A waker that notes that it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Somebody who waits, and whether it was woken since it asked.
struct Asker<'a> {
    waiter: Waiter<'a>,
    woken: Arc<Woken>,
}

impl<'a> Asker<'a> {
    /// Asks once, in vain.
    fn queued(gate: &'a Gate, permits: u64) -> Self {
        let mut asker = Asker { waiter: Waiter::new(gate, permits), woken: Arc::default() };
        assert_eq!(asker.ask(), Ok(false));
        asker
    }

    fn ask(&mut self) -> Result<bool, Closed> {
        self.woken.0.store(false, Relaxed);
        self.waiter.ask(Waker::from(Arc::clone(&self.woken)))
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Relaxed)
    }
}

/// A gate all of whose permits are taken.
fn taken(permits: u64, turns: u64) -> Gate {
    let gate = Gate::new(permits, turns);
    assert_eq!(gate.try_take(permits), Ok(true));
    gate
}

#[test]
fn a_waiter_that_is_called_may_find_that_others_were_faster_once() {
    let gate = taken(1, 8);
    let (mut first, second) = (Asker::queued(&gate, 1), Asker::queued(&gate, 1));
    gate.give_back(1);
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(gate.try_take(1), Ok(true), "others may be faster");
    assert_eq!(first.ask(), Ok(false));
    gate.give_back(1);
    assert!(first.is_woken());
    assert_eq!(gate.try_take(1), Ok(false), "it was handed over");
    assert_eq!(first.ask(), Ok(true));
    gate.give_back(1);
    assert!(second.is_woken());
}

#[test]
fn a_waiter_that_does_not_come_is_handed_the_permit_when_all_turns_are_taken() {
    let gate = taken(1, 3);
    let mut first = Asker::queued(&gate, 1);
    gate.give_back(1);
    for turn in 1..=2 {
        assert_eq!(gate.try_take(1), Ok(true), "turn {turn}");
        gate.give_back(1);
    }
    assert_eq!(gate.try_take(1), Ok(true), "turn 3");
    gate.give_back(1);
    assert_eq!(gate.try_take(1), Ok(false), "no turns are left");
    assert_eq!(first.ask(), Ok(true));
}

#[test]
fn a_request_for_many_collects_them_and_nobody_behind_is_faster() {
    let gate = taken(3, 0);
    let (mut many, mut one) = (Asker::queued(&gate, 3), Asker::queued(&gate, 1));
    gate.give_back(1);
    gate.give_back(1);
    assert_eq!((gate.free(), gate.try_take(1)), (0, Ok(false)));
    assert_eq!(one.ask(), Ok(false));
    assert!(!many.is_woken());
    gate.give_back(1);
    assert!(many.is_woken());
    assert_eq!(many.ask(), Ok(true));
    gate.give_back(3);
    assert!(one.is_woken());
    assert_eq!((one.ask(), gate.free()), (Ok(true), 2));
}

#[test]
fn what_was_collected_goes_to_those_behind_when_the_waiter_is_dropped() {
    let gate = taken(2, 0);
    let (many, mut one) = (Asker::queued(&gate, 2), Asker::queued(&gate, 1));
    gate.give_back(1);
    assert!(!one.is_woken());
    drop(many);
    assert!(one.is_woken());
    assert_eq!((one.ask(), gate.free(), gate.waiting()), (Ok(true), 0, 0));
}

#[test]
fn a_call_and_a_permit_that_nobody_fetches_go_to_the_next() {
    for turns in [0, 8] {
        let gate = taken(1, turns);
        let (first, mut second) = (Asker::queued(&gate, 1), Asker::queued(&gate, 1));
        gate.give_back(1);
        assert!(first.is_woken() && !second.is_woken());
        drop(first);
        assert!(second.is_woken());
        assert_eq!(second.ask(), Ok(true));
    }
}

#[test]
fn who_becomes_the_first_while_a_permit_is_free_leaves_no_more_turns_to_others() {
    let gate = taken(1, 2);
    let (first, mut second) = (Asker::queued(&gate, 1), Asker::queued(&gate, 1));
    gate.give_back(1);
    assert!(first.is_woken());
    drop(first);
    assert!(second.is_woken());
    for _ in 0..2 {
        assert_eq!(gate.try_take(1), Ok(true));
        gate.give_back(1);
    }
    assert_eq!(gate.try_take(1), Ok(false), "it is handed to the second");
    assert_eq!(second.ask(), Ok(true));
}

#[test]
fn who_leaves_the_line_comes_back_to_its_place() {
    let gate = taken(1, 0);
    let (mut first, mut second) = (Asker::queued(&gate, 1), Asker::queued(&gate, 1));
    assert!(!first.waiter.leave());
    assert_eq!(first.ask(), Ok(false));
    gate.give_back(1);
    assert!(first.is_woken() && !second.is_woken());
    assert!(first.waiter.leave(), "it was handed the permit");
    assert_eq!(second.ask(), Ok(false));
}

#[test]
fn a_permit_that_was_handed_over_before_the_gate_was_closed_is_good() {
    let gate = taken(1, 0);
    let (mut first, mut second) = (Asker::queued(&gate, 1), Asker::queued(&gate, 1));
    gate.give_back(1);
    gate.close();
    assert!(second.is_woken());
    assert_eq!((first.ask(), second.ask()), (Ok(true), Err(Closed)));
    gate.give_back(1);
    assert_eq!((gate.free(), gate.waiting(), gate.try_take(1)), (1, 0, Err(Closed)));
}

#[test]
fn a_long_line_keeps_its_order() {
    let gate = taken(1, 0);
    let mut askers: Vec<Asker<'_>> = (0..100).map(|_| Asker::queued(&gate, 1)).collect();
    askers.retain_mut(|asker| asker.waiter.ticket.is_some_and(|ticket| ticket % 3 != 0));
    assert_eq!(gate.waiting(), askers.len());
    for asker in &mut askers {
        gate.give_back(1);
        assert_eq!(asker.ask(), Ok(true));
    }
}

#[derive(Clone, Debug)]
enum Act {
    TryTake(u64),
    GiveBack(usize),
    Come(u64),
    Ask(usize),
    Drop(usize),
    StepOut(usize),
    Close,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_u64..4).prop_map(Act::TryTake),
        6 => any::<usize>().prop_map(Act::GiveBack),
        4 => (1_u64..4).prop_map(Act::Come),
        6 => any::<usize>().prop_map(Act::Ask),
        2 => any::<usize>().prop_map(Act::Drop),
        1 => any::<usize>().prop_map(Act::StepOut),
        // Rare, because little happens afterwards.
        1 => prop_oneof![19 => Just(Act::TryTake(1)), 1 => Just(Act::Close)],
    ]
}

/// A history of a gate.
struct History<'a> {
    gate: &'a Gate,
    permits: u64,
    turns: u64,
    held: Vec<u64>,
    askers: Vec<Asker<'a>>,
    /// How often the first in line was passed over.
    passed: (Option<u64>, u64),
    /// Somebody left its place for a time, in which others behind it may have been served.
    has_stepped_out: bool,
}

impl<'a> History<'a> {
    fn run(&mut self, act: &Act) {
        let pick = |index: usize, len: usize| (len > 0).then(|| index % len.max(1));
        match *act {
            Act::TryTake(wanted) => {
                let wanted = wanted.min(self.permits);
                let first = self.gate.line.lock().places.front().map(|first| first.ticket);
                let free = self.gate.free();
                let expected = if self.gate.is_closed() { Err(Closed) } else { Ok(free >= wanted) };
                assert_eq!(self.gate.try_take(wanted), expected);
                if expected == Ok(true) {
                    self.held.push(wanted);
                    if first.is_some() {
                        self.passed = (first, if self.passed.0 == first { self.passed.1 + 1 } else { 1 });
                        // With several permits, some may have been free all the time.
                        assert!(
                            self.permits > 1 && self.turns > 0 || self.passed.1 <= self.turns,
                            "passed over too often"
                        );
                    }
                }
            }
            Act::GiveBack(index) => {
                if let Some(index) = pick(index, self.held.len()) {
                    self.gate.give_back(self.held.swap_remove(index));
                }
            }
            Act::Come(wanted) => {
                let waiter = Waiter::new(self.gate, wanted.min(self.permits));
                self.askers.push(Asker { waiter, woken: Arc::default() });
                self.ask(self.askers.len() - 1);
            }
            Act::Ask(index) => {
                if let Some(index) = pick(index, self.askers.len()) {
                    self.ask(index);
                }
            }
            Act::Drop(index) => {
                if let Some(index) = pick(index, self.askers.len()) {
                    drop(self.askers.swap_remove(index));
                }
            }
            Act::StepOut(index) => {
                if let Some(index) = pick(index, self.askers.len()) {
                    if self.askers[index].waiter.leave() {
                        let permits = self.askers.swap_remove(index).waiter.permits;
                        self.held.push(permits);
                    } else {
                        // Its turns begin anew when it is back.
                        (self.passed, self.has_stepped_out) = ((None, 0), true);
                        self.ask(index);
                    }
                }
            }
            Act::Close => self.gate.close(),
        }
        self.check();
    }

    fn ask(&mut self, index: usize) {
        match self.askers[index].ask() {
            Ok(true) => {
                let permits = self.askers.swap_remove(index).waiter.permits;
                self.held.push(permits);
            }
            Ok(false) => {}
            Err(Closed) => {
                assert!(self.gate.is_closed());
                drop(self.askers.swap_remove(index));
            }
        }
    }

    fn check(&self) {
        let line = self.gate.line.lock();
        let is_granted = |asker: &&Asker<'_>| asker.waiter.ticket.is_some_and(|ticket| line.find(ticket).is_err());
        let granted: u64 = self.askers.iter().filter(is_granted).map(|asker| asker.waiter.permits).sum();
        let collected: u64 = line.places.iter().map(|place| place.collected).sum();
        let held: u64 = self.held.iter().sum();
        let word = self.gate.word.load(Relaxed);
        assert_eq!(word / PERMIT + granted + collected + held, self.permits, "permits are lost or made");
        assert!(line.places.iter().skip(1).all(|place| place.collected == 0), "only the first in line collects");
        if self.gate.is_closed() {
            return;
        }
        let Some(first) = line.places.front() else {
            return;
        };
        // Nobody is granted anything before those who came earlier.
        let granted_last = self.askers.iter().filter(is_granted).filter_map(|asker| asker.waiter.ticket).max();
        assert!(self.has_stepped_out || granted_last.is_none_or(|ticket| ticket < first.ticket), "out of order");
        let asker = self.askers.iter().find(|asker| asker.waiter.ticket == Some(first.ticket)).expect("it is there");
        assert!(
            word / PERMIT < first.missing || asker.is_woken(),
            "the first in line sleeps though it can have its permits"
        );
    }

    /// Everybody who is woken asks, and everything is given back, until nothing moves any more.
    fn end(mut self) {
        loop {
            while let Some(index) = self.askers.iter().position(Asker::is_woken) {
                self.ask(index);
                self.check();
            }
            let Some(permits) = self.held.pop() else {
                break;
            };
            self.gate.give_back(permits);
            self.check();
        }
        assert!(self.askers.is_empty(), "somebody waits though all is free");
        assert_eq!((self.gate.free(), self.gate.waiting()), (self.permits, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 512 }))]

    #[test]
    fn no_history_loses_a_permit_or_a_wake_up(
        permits in 1_u64..4,
        turns in prop::sample::select(vec![0_u64, 1, 2, 5]),
        acts in prop::collection::vec(act(), 1..80),
    ) {
        let gate = Gate::new(permits, turns);
        let (held, askers, passed) = (Vec::new(), Vec::new(), (None, 0));
        let mut history = History { gate: &gate, permits, turns, held, askers, passed, has_stepped_out: false };
        acts.iter().for_each(|act| history.run(act));
        history.end();
    }
}
