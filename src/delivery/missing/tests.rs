//! Tests of `missing`.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use super::*;
use crate::fallback::Turn;
use crate::limits::FALLBACK_WINDOW;

/// Adds `count` losses of the context `id`, `seconds` after its origin. True if a report is due.
fn lose(missing: &Missing, count: u64, id: u64, seconds: u64) -> bool {
    let context = ContextInfo::new(format!("context {id}"), id, Vec::new());
    missing.add(Loss { count, context: &context, elapsed: Duration::from_secs(seconds) }).is_some()
}

/// Adds a loss at `now` to the `losses`.
fn lose_at(missing: &Missing, losses: &Mutex<Losses>, now: Instant) -> Option<DueReport> {
    let context = ContextInfo::nobody();
    missing.add_to(losses, Loss { count: 1, context: &context, elapsed: Duration::ZERO }, now)
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
fn losses_that_are_put_back_belong_to_their_owner_and_that_of_newer_ones() {
    for (newer, owner) in [(1, one(1, 7)), (2, Owner::Several)] {
        let missing = Missing::new();
        lose(&missing, 1, 1, 3);
        let claim = missing.claim().unwrap();
        lose(&missing, 1, newer, 7);
        drop(claim);
        assert_eq!(*missing.claim().unwrap().owner(), owner);
    }
}

#[test]
fn a_refusal_is_of_its_own_outage() {
    let missing = Missing::new();
    let now = Instant::now();
    let first = lose_at(&missing, missing.losses.get_made(), now).unwrap();
    missing.claim().unwrap().confirm();
    let second = lose_at(&missing, missing.losses.get_made(), now).unwrap();
    missing.refused(first);
    assert!(missing.is_reported(), "the second outage is reported");
    missing.refused(second);
    assert!(!missing.is_reported());
}

#[test]
fn an_outage_goes_on_while_its_notice_is_in_a_queue() {
    let missing = Missing::new();
    assert!(lose(&missing, 2, 1, 0));
    missing.claim().unwrap().enqueued();
    assert!(!missing.has_unclaimed() && missing.claim().is_none(), "the notice in the queue counts them");
    assert!(!lose(&missing, 3, 1, 0), "it is not in the log yet");
    assert_eq!(missing.count(), 5);
    missing.claim().unwrap().confirm();
    assert_eq!(missing.count(), 2);
    missing.confirm_enqueued(2);
    assert_eq!(missing.count(), 0);
    assert!(lose(&missing, 1, 1, 0), "another outage");
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
fn a_report_that_was_refused_is_due_again_a_window_later() {
    let (missing, start) = (Missing::new(), Instant::now());
    let lose = |after| lose_at(&missing, missing.losses.get_made(), start + after);
    let turn = |due: Option<DueReport>| due.map(|due| due.turn);
    let just_before = FALLBACK_WINDOW - Duration::from_millis(1);
    let first = lose(Duration::ZERO).unwrap();
    assert_eq!(first.turn, Turn::First);
    missing.refused(first);
    assert_eq!(turn(lose(just_before)), None);
    let overdue = lose(FALLBACK_WINDOW).unwrap();
    assert_eq!(overdue.turn, Turn::Overdue);
    missing.refused(overdue);
    assert_eq!(turn(lose(FALLBACK_WINDOW + just_before)), None, "a loss does not wait for stderr each time");
    assert_eq!(turn(lose(2 * FALLBACK_WINDOW)), Some(Turn::Overdue));
    assert_eq!(turn(lose(9 * FALLBACK_WINDOW)), None, "it is reported");
}

#[test]
fn an_output_that_fails_again_soon_has_no_first_turn() {
    let (missing, start) = (Missing::new(), Instant::now());
    let outage = |after| {
        let due = lose_at(&missing, missing.losses.get_made(), start + after).unwrap();
        missing.claim().unwrap().confirm();
        due.turn
    };
    assert_eq!(outage(Duration::ZERO), Turn::First);
    assert_eq!(outage(FALLBACK_WINDOW / 2), Turn::Repeated);
    assert_eq!(outage(FALLBACK_WINDOW), Turn::Repeated, "half a window after the last report");
    assert_eq!(outage(2 * FALLBACK_WINDOW), Turn::First);
}

/// The losses and the lock of the first child of a fork are those of generation 1.
#[test]
fn a_forked_child_has_losses_and_a_lock_of_its_own() {
    let missing = Arc::new(Missing::new());
    lose(&missing, 2, 1, 0);
    let held = missing.losses.get_made().lock();
    let (done, result) = channel();
    let child = Arc::clone(&missing);
    thread::spawn(move || {
        let losses = child.losses.of(1);
        let claims = child.claim_from(losses).is_some();
        let due = lose_at(&child, losses, Instant::now());
        done.send((claims, due.map(|due| due.turn), child.claim_from(losses).map(|claim| claim.count())))
    });
    let result = result.recv_timeout(Duration::from_secs(60)).expect("it does not wait");
    assert_eq!(result, (false, Some(Turn::First), Some(1)), "the losses of the parent are left to the parent");
    assert_eq!((held.unclaimed, held.claimed), (2, 0));
}

#[test]
fn a_claim_that_a_forked_child_inherits_settles_nothing() {
    let missing = Missing::new();
    // As seen from generation 0, these are claims of another process.
    for confirms in [true, false] {
        lose_at(&missing, missing.losses.of(1), Instant::now());
        let claim = missing.claim_from(missing.losses.of(1)).unwrap();
        if confirms {
            claim.confirm();
        }
        let losses = missing.losses.get_made().lock();
        assert_eq!((losses.unclaimed, losses.claimed, &*losses.owner), (0, 0, &Owner::Nobody));
    }
}
