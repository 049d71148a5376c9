//! Tests of `missing`.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use super::*;

/// Adds `count` losses of the context `id`, `seconds` after its origin.
fn lose(missing: &Missing, count: u64, id: u64, seconds: u64) -> bool {
    let context = ContextInfo::new(format!("context {id}"), id, Vec::new());
    missing.add(Loss { count, context: &context, elapsed: Duration::from_secs(seconds) })
}

fn one(id: u64, seconds: u64) -> Owner {
    Owner::One { id, name: format!("context {id}"), elapsed: Duration::from_secs(seconds) }
}

#[test]
fn losses_are_claimed_once_and_put_back_unless_confirmed() {
    let missing = Missing::new();
    assert!(!missing.has_unclaimed());
    assert!(missing.claim().is_none());
    assert!(lose(&missing, 2, 1, 0), "the first loss begins an outage");
    assert!(!lose(&missing, 1, 1, 0));
    let claim = missing.claim().unwrap();
    assert_eq!(claim.count(), 3);
    assert!(missing.claim().is_none() && !missing.has_unclaimed());
    assert!(!lose(&missing, 4, 1, 0), "an outage goes on while its losses are claimed");
    drop(claim);
    assert!(missing.has_unclaimed());
    let claim = missing.claim().unwrap();
    assert_eq!(claim.count(), 7);
    claim.confirm();
    assert!(!missing.has_unclaimed());
    assert!(lose(&missing, 1, 1, 0), "a loss after the notice begins another outage");
}

#[test]
fn an_outage_goes_on_until_notices_count_every_loss() {
    let missing = Missing::new();
    assert!(lose(&missing, 1, 1, 0));
    let first = missing.claim().unwrap();
    assert!(!lose(&missing, 1, 1, 0));
    let second = missing.claim().unwrap();
    first.confirm();
    assert!(!lose(&missing, 1, 1, 0), "the second claim is not confirmed yet");
    drop(second);
    assert!(!lose(&missing, 1, 1, 0), "nor are the losses that were put back");
    missing.claim().unwrap().confirm();
    assert!(lose(&missing, 1, 1, 0));
}

#[test]
fn the_owner_is_one_context_or_several() {
    let missing = Missing::new();
    let claimed = || missing.claim().map(|claim| claim.owner().clone());
    for (id, seconds) in [(1, 5), (1, 6)] {
        lose(&missing, 1, id, seconds);
        assert_eq!(claimed(), Some(one(id, seconds)));
    }
    let claim = missing.claim().unwrap();
    lose(&missing, 1, 1, 7);
    drop(claim);
    assert_eq!(claimed(), Some(one(1, 7)), "the loss since the claim is newer than the losses that are put back");
    lose(&missing, 1, 2, 8);
    assert_eq!(claimed(), Some(Owner::Several));
    lose(&missing, 1, 2, 9);
    let claim = missing.claim().unwrap();
    assert_eq!((claim.owner(), claim.count()), (&Owner::Several, 5));
    claim.confirm();
    lose(&missing, 1, 2, 10);
    assert_eq!(claimed(), Some(one(2, 10)), "a confirmed claim is forgotten");
}

#[test]
fn a_forked_child_does_not_wait_for_the_lock() {
    let missing = Arc::new(Missing { generation: usize::MAX, ..Missing::new() });
    let add = |missing: &Missing| {
        let context = ContextInfo::nobody();
        missing.add(Loss { count: 1, context: &context, elapsed: Duration::ZERO })
    };
    let held = missing.losses.lock();
    let (done, result) = channel();
    let child = Arc::clone(&missing);
    thread::spawn(move || done.send((add(&child), child.claim().is_none())));
    let (added, claimed_nothing) = result.recv_timeout(Duration::from_secs(60)).expect("it does not wait");
    assert!(!added, "it is not counted");
    assert!(claimed_nothing);
    drop(held);
    assert!(add(&missing), "nobody holds the lock");
}
