//! What no public function shows.

use std::io;
use std::time::Duration;

use super::acquisition::Acquisition;
use super::bell::bell_of;
use super::watch::{Watch, patience};
use super::*;
use crate::lock::Token;
use crate::sync::{AtomicBool, Ordering};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn releases_and_breaks_ring_for_those_who_wait_in_this_process() {
    let lease = Lease::new(MemoryLeases::new(), "rings").ttl(LONG).silent(true);
    let rings = || bell_of("rings").rings();
    let (guard, before) = (lease.try_acquire().unwrap().unwrap(), rings());
    guard.release().unwrap();
    let released = rings();
    assert!(released > before);
    drop(lease.try_acquire().unwrap().unwrap());
    let dropped = rings();
    assert!(dropped > released);
    let guard = lease.try_acquire().unwrap().unwrap();
    lease.break_lease().unwrap().unwrap();
    assert!(rings() > dropped);
    drop(guard);
}

#[test]
fn a_watcher_waits_for_the_ttl_and_a_tenth_since_it_saw_the_last_change() {
    let ttl = Duration::from_secs(10);
    let state = |version: &str, left| LeaseState {
        version: version.to_owned(),
        holder: Some(LeaseHolder::unknown(Token::random(), ttl, 1)),
        left,
    };
    let free = LeaseState { version: "free".to_owned(), holder: None, left: None };
    let (mut watch, second) = (Watch::default(), Duration::from_secs(1));
    assert_eq!(patience(ttl), second * 11);
    assert_eq!(watch.left(&free, second), Duration::ZERO);
    assert_eq!(watch.left(&state("1", None), second * 2), second * 11);
    assert_eq!(watch.left(&state("1", None), second * 12), second);
    assert_eq!(watch.left(&state("2", None), second * 14), second * 11, "it was renewed");
    assert_eq!(watch.left(&state("2", None), second * 25), Duration::ZERO);
    assert_eq!(watch.left(&state("2", Some(ttl)), second * 99), ttl, "the backend ends it");
    assert!(watch.left(&state("2", Some(Duration::ZERO)), second * 99) > Duration::ZERO);
    assert_eq!(patience(Duration::MAX), Duration::MAX, "no overflow");
}

#[test]
fn who_comes_back_lets_others_go_first_if_there_can_be_some() {
    let second = Duration::from_secs(1);
    let released = second * 100;
    let rest = |watch: &Watch, since, is_in_process| watch.rest(since, released, is_in_process);
    // Between processes all of this one do, also those who waited before: they may be two that pass it on to one another.
    let mut watch = Watch::default();
    watch.note_release(released, second, false);
    assert!(!rest(&watch, released + second, false).is_zero() && !rest(&watch, released - second, false).is_zero());
    // Within a process, nobody waits, and then somebody does.
    let mut watch = Watch::default();
    watch.note_release(released, second, true);
    assert!(rest(&watch, released + second, true).is_zero());
    watch.begin_wait();
    watch.note_release(released, second, true);
    assert!(!rest(&watch, released + second, true).is_zero() && rest(&watch, released - second, true).is_zero());
    watch.end_wait();
    let mut watch = Watch::default();
    watch.end_wait();
    watch.note_release(released, second, true);
    assert!(rest(&watch, released + second, true).is_zero(), "a child that was forked in a wait has ended it");
}

#[test]
fn who_comes_back_keeps_half_of_its_time_for_waiting() {
    let lease = Lease::new(Denies(MemoryLeases::new(), AtomicBool::new(false)), "half").ttl(LONG).silent(true);
    lease.watch.get_made().lock().note_release(clock::now(), LONG, false);
    let rest = |timeout| Acquisition::new(&lease, timeout).unwrap().rest();
    assert_eq!(rest(Duration::ZERO), None);
    assert!(rest(Duration::from_millis(20)).is_none_or(|rest| rest <= Duration::from_millis(10)));
    let mut begun = Acquisition::new(&lease, LONG * 2).unwrap();
    begun.since -= LONG;
    assert_eq!(begun.rest(), None);
    assert!(rest(LONG).is_some());
}

#[test]
fn a_claim_is_read_back_and_what_is_none_is_not() {
    let claim = LeaseClaim {
        token: Token::random(),
        ttl: Duration::from_millis(1_500),
        owner: "nightly \"1\"".to_owned(),
        process: "pid 7 (uno) on build7".to_owned(),
        since: std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(1_234_567),
    };
    let text = claim.to_text();
    assert_eq!(LeaseClaim::parse(&text), Some(claim));
    assert!(!text.contains('\n'));
    for foreign in ["", "{}", &text[1..], &text.replace("since_ms\":1234567", "since_ms\":-1")] {
        assert_eq!(LeaseClaim::parse(foreign), None, "{foreign}");
    }
    let forged = text.replace("nightly", "a\\nb\\u001b[2J");
    assert!(!LeaseClaim::parse(&forged).unwrap().owner.contains(['\n', '\u{1b}']));
}

/// Has acquired, but says that it has not: as if the answer was lost, and a look showed what was there before.
#[derive(Debug)]
struct Denies(MemoryLeases, AtomicBool);

impl LeaseBackend for Denies {
    fn place(&self, name: &str) -> String {
        self.0.place(name)
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        self.0.observe(name)
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        let got = self.0.acquire(name, seen, claim)?;
        Ok(got.filter(|_| self.1.swap(true, Ordering::Relaxed)))
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.0.renew(name, claim)
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.0.release(name, claim)
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        self.0.break_lease(name, seen)
    }
}

#[test]
fn who_finds_itself_to_be_the_holder_has_the_lease() {
    let lease = Lease::new(Denies(MemoryLeases::new(), AtomicBool::new(false)), "uno").ttl(LONG).silent(true);
    let guard = lease.try_acquire().unwrap().unwrap();
    guard.verify().unwrap();
    assert_eq!(guard.fence(), 1);
    guard.release().unwrap();
}
