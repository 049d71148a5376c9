//! Tests of `missing`.

use super::*;

/// `count` losses of the context with this id, `seconds` after its origin.
fn lose(missing: &Missing, count: u64, id: u64, seconds: u64) -> bool {
    let context = ContextInfo::new(format!("context {id}"), id, Vec::new());
    missing.add(Loss { count, context: &context, elapsed: Duration::from_secs(seconds) })
}

fn one(id: u64, seconds: u64) -> Owner {
    Owner::One { id, name: format!("context {id}"), elapsed: Duration::from_secs(seconds) }
}

#[test]
fn losses_are_claimed_once_and_put_back_unless_stated() {
    let missing = Missing::new();
    assert!(!missing.is_open());
    assert!(missing.claim().is_none());
    assert!(lose(&missing, 2, 1, 0), "the first loss begins an outage");
    assert!(!lose(&missing, 1, 1, 0));
    let claim = missing.claim().unwrap();
    assert_eq!(claim.count(), 3);
    assert!(missing.claim().is_none() && !missing.is_open());
    assert!(!lose(&missing, 4, 1, 0), "an outage goes on while its losses are claimed");
    drop(claim);
    assert!(missing.is_open());
    let claim = missing.claim().unwrap();
    assert_eq!(claim.count(), 7);
    claim.stated();
    assert!(!missing.is_open());
    assert!(lose(&missing, 1, 1, 0), "a loss after the statement begins another outage");
}

#[test]
fn an_outage_goes_on_until_every_loss_is_stated() {
    let missing = Missing::new();
    assert!(lose(&missing, 1, 1, 0));
    let first = missing.claim().unwrap();
    assert!(!lose(&missing, 1, 1, 0));
    let second = missing.claim().unwrap();
    first.stated();
    assert!(!lose(&missing, 1, 1, 0), "the second claim is not stated yet");
    drop(second);
    assert!(!lose(&missing, 1, 1, 0), "nor are these");
    missing.claim().unwrap().stated();
    assert!(lose(&missing, 1, 1, 0));
}

#[test]
fn losses_are_those_of_one_context_or_of_several() {
    let missing = Missing::new();
    let claimed = || missing.claim().map(|claim| claim.owner().clone());
    for (id, seconds) in [(1, 5), (1, 6)] {
        lose(&missing, 1, id, seconds);
        assert_eq!(claimed(), Some(one(id, seconds)));
    }
    let claim = missing.claim().unwrap();
    lose(&missing, 1, 1, 7);
    drop(claim);
    assert_eq!(claimed(), Some(one(1, 7)), "what was lost since is newer than what is put back");
    lose(&missing, 1, 2, 8);
    assert_eq!(claimed(), Some(Owner::Several));
    lose(&missing, 1, 2, 9);
    let claim = missing.claim().unwrap();
    assert_eq!((claim.owner(), claim.count()), (&Owner::Several, 5));
    claim.stated();
    lose(&missing, 1, 2, 10);
    assert_eq!(claimed(), Some(one(2, 10)), "what is stated is forgotten");
}
