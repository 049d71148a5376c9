//! Models of the public registry under loom. Each has a twin in which one step is weakened, and which must fail.

use loom::thread;

use super::*;
use crate::sync::Ordering::Relaxed;
use crate::sync::model::AtomicU64;

type Numbers = Registry<u8, Counted>;
type Open = fn(&Numbers, &Live, bool) -> Option<Instance<u8, Counted>>;

/// How many instances are alive, and how many were made.
#[derive(Clone)]
struct Live {
    alive: Arc<AtomicU64>,
    made: Arc<AtomicU64>,
}

impl Live {
    fn new() -> Self {
        Live { alive: Arc::new(AtomicU64::new(0)), made: Arc::new(AtomicU64::new(0)) }
    }
}

struct Counted(Live);

impl Counted {
    fn new(live: &Live) -> Self {
        live.alive.fetch_add(1, Relaxed);
        live.made.fetch_add(1, Relaxed);
        Counted(live.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Relaxed);
    }
}

fn open(numbers: &Numbers, live: &Live, succeeds: bool) -> Option<Instance<u8, Counted>> {
    let made = numbers.get_or_try_insert_with(&1, || if succeeds { Ok(Counted::new(live)) } else { Err(()) });
    made.ok()
}

/// Looks for an instance, and makes one if there was none: outside the cell, so that two can look at once.
fn open_after_a_look(numbers: &Numbers, live: &Live, succeeds: bool) -> Option<Instance<u8, Counted>> {
    if let Some(found) = numbers.get(&1) {
        return Some(found);
    }
    let made = succeeds.then(|| Counted::new(live))?;
    numbers.get_or_try_insert_with(&1, || Ok::<_, ()>(made)).ok()
}

fn assert_empty(numbers: &Numbers, live: &Live) {
    assert_eq!(numbers.core.count(|_| true), 0, "a slot is left that nobody uses");
    assert_eq!(live.alive.load(Relaxed), 0, "an instance is alive that nobody uses");
}

/// Two threads open a key at once, which each keeps.
fn one_instance_for_two(open: Open) {
    loom::model(move || {
        let (numbers, live) = (Numbers::new(), Live::new());
        let other = {
            let (numbers, live) = (numbers.clone(), live.clone());
            thread::spawn(move || open(&numbers, &live, true))
        };
        let here = open(&numbers, &live, true).expect("it is made");
        let there = other.join().unwrap().expect("it is made");
        assert!(Instance::ptr_eq(&here, &there), "two instances for one key");
        assert_eq!(live.made.load(Relaxed), 1, "it was made twice");
        drop((here, there));
        assert_empty(&numbers, &live);
    });
}

#[test]
fn loom_one_instance_is_made_for_two_who_open_at_once() {
    one_instance_for_two(open);
}

#[test]
#[should_panic(expected = "it was made twice")]
fn loom_a_look_before_the_making_makes_two() {
    one_instance_for_two(open_after_a_look);
}

/// One thread drops the last share while another opens twice: both get the old one, or both one new.
#[test]
fn loom_a_drop_that_races_with_an_open_yields_the_old_or_one_new() {
    loom::model(|| {
        let (numbers, live) = (Numbers::new(), Live::new());
        let last = open(&numbers, &live, true).expect("it is made");
        let leaves = thread::spawn(move || drop(last));
        let first = open(&numbers, &live, true).expect("it is made");
        let second = open(&numbers, &live, true).expect("it is made");
        assert!(Instance::ptr_eq(&first, &second), "two instances for one key");
        leaves.join().unwrap();
        assert_eq!(live.alive.load(Relaxed), 1, "another one than the one in use is alive");
        drop((first, second));
        assert_empty(&numbers, &live);
    });
}

/// One constructor fails while another caller waits for it: that one runs its own.
#[test]
fn loom_a_failure_reaches_its_own_caller_alone() {
    loom::model(|| {
        let (numbers, live) = (Numbers::new(), Live::new());
        let fails = {
            let (numbers, live) = (numbers.clone(), live.clone());
            thread::spawn(move || open(&numbers, &live, false).is_none())
        };
        let here = open(&numbers, &live, true).expect("the failure is not remembered");
        let has_failed = fails.join().unwrap();
        assert!(has_failed || live.made.load(Relaxed) == 1);
        drop(here);
        assert_empty(&numbers, &live);
    });
}

type Leave = fn(Instance<u8, Counted>);

/// One thread drops the last share while another opens: the new instance is made when the old one is dropped.
fn never_two_alive(leave: Leave) {
    loom::model(move || {
        let (numbers, live) = (Numbers::new(), Live::new());
        let last = open(&numbers, &live, true).expect("it is made");
        let leaves = thread::spawn(move || leave(last));
        let made = numbers.get_or_try_insert_with(&1, || {
            assert_eq!(live.alive.load(Relaxed), 0, "the one before is still alive");
            Ok::<_, ()>(Counted::new(&live))
        });
        leaves.join().unwrap();
        drop(made);
        assert_empty(&numbers, &live);
        assert!(numbers.core.find_by_key(&1).is_none(), "a key is left that nobody uses");
    });
}

/// Gives up the last share and frees the key, and then drops the instance.
fn leave_and_free_at_once(mut last: Instance<u8, Counted>) {
    if let Some((slot, key)) = last.share.lease.take().and_then(Lease::leave) {
        drop(key);
        drop(slot);
    }
}

/// Tells of the freed key before it is freed.
fn leave_and_tell_too_early(mut last: Instance<u8, Counted>) {
    if let Some((slot, key)) = last.share.lease.take().and_then(Lease::leave) {
        let workers = last.share.workers.get_made();
        drop(slot);
        drop(workers.begin_making(current_thread().id(), key.id()));
        workers.freed.notify_all();
        drop(key);
    }
}

#[test]
fn loom_an_instance_is_made_when_the_one_before_is_dropped() {
    never_two_alive(drop);
}

#[test]
#[should_panic(expected = "the one before is still alive")]
fn loom_a_key_that_is_freed_before_the_drop_has_two_instances() {
    never_two_alive(leave_and_free_at_once);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_key_that_is_freed_after_it_was_told_is_waited_for_without_end() {
    never_two_alive(leave_and_tell_too_early);
}

type BeginWait = fn(&Mutex<Waits>, ThreadId, EntryId) -> bool;

/// Two constructors, on two threads, ask for the instance of the other: one is told, and neither waits for ever.
fn a_circle_is_told(begin_wait: BeginWait) {
    loom::model(move || {
        let ids: Core<u8, (), ()> = Core::made_here(|()| true);
        let (one, other) = (ids.new_id(), ids.new_id());
        let waits = Arc::new(Mutex::new(Waits::new()));
        let asks = |waits: Arc<Mutex<Waits>>, own: EntryId, wanted: EntryId| {
            move || {
                let thread = current_thread().id();
                waits.lock().begin_making(thread, own);
                begin_wait(&waits, thread, wanted)
            }
        };
        let there = thread::spawn(asks(Arc::clone(&waits), one, other));
        let may_wait_here = asks(Arc::clone(&waits), other, one)();
        let may_wait_there = there.join().unwrap();
        assert!(!(may_wait_here && may_wait_there), "both wait for each other");
    });
}

fn begin_wait(waits: &Mutex<Waits>, thread: ThreadId, entry: EntryId) -> bool {
    waits.lock().begin_wait(thread, entry)
}

/// Looks for a circle and adds the edge in two critical sections.
fn begin_wait_in_two_steps(waits: &Mutex<Waits>, thread: ThreadId, entry: EntryId) -> bool {
    let is_free = {
        let mut waits = waits.lock();
        let is_free = waits.begin_wait(thread, entry);
        waits.end_wait(thread, entry);
        is_free
    };
    if is_free {
        waits.lock().begin_wait(thread, entry);
    }
    is_free
}

#[test]
fn loom_of_two_constructors_that_ask_for_each_other_one_is_told() {
    a_circle_is_told(begin_wait);
}

#[test]
#[should_panic(expected = "both wait for each other")]
fn loom_an_edge_that_is_added_after_a_look_closes_a_circle() {
    a_circle_is_told(begin_wait_in_two_steps);
}
