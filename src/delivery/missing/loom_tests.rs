//! Models of `missing`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Counts one loss of the context with this id.
fn lose(missing: &Missing, id: u64, add: fn(&Missing, Loss<'_>) -> bool) -> bool {
    let context = ContextInfo::new(String::new(), id, Vec::new());
    add(missing, Loss { count: 1, context: &context, elapsed: Duration::ZERO })
}

/// One delivery: claims, states or puts back, and loses a record if the output fails. Returns what it stated.
fn deliver(missing: &Missing, claim: impl Fn(&Missing) -> Option<MissingClaim<'_>>, fails: bool) -> u64 {
    let mut stated = 0;
    if missing.is_open()
        && let Some(claim) = claim(missing)
        && !fails
    {
        stated = claim.count();
        claim.stated();
    }
    if fails {
        lose(missing, 1, Missing::add);
    }
    stated
}

/// Two threads on an output that has lost a record: one recovers and then fails, the other only recovers.
fn each_loss_is_stated_once(claim: fn(&Missing) -> Option<MissingClaim<'_>>) {
    loom::model(move || {
        let missing = Arc::new(Missing::new());
        lose(&missing, 1, Missing::add);
        let other = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || deliver(&missing, claim, false) + deliver(&missing, claim, true))
        };
        let mut stated = deliver(&missing, claim, false);
        stated += other.join().unwrap();
        assert_eq!(missing.is_open(), missing.losses.lock().unclaimed != 0, "the hint is wrong");
        stated += missing.losses.lock().unclaimed;
        assert_eq!(stated, 2, "a loss was stated twice or not at all");
    });
}

/// A thread loses a record while another fails to state one: the outage goes on, or is over and begins anew once.
fn an_outage_is_told_once(add: fn(&Missing, Loss<'_>) -> bool, fails: bool) {
    loom::model(move || {
        let missing = Arc::new(Missing::new());
        let failing = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || u64::from(lose(&missing, 1, add)))
        };
        let mut told = u64::from(lose(&missing, 2, add));
        let claim = missing.claim();
        let over = claim.is_some() && !fails;
        let ours = claim.map_or(0, |claim| {
            let count = claim.count();
            if !fails {
                claim.stated();
            }
            count
        });
        told += failing.join().unwrap();
        // The other loss is in the outage that we ended, or it came after and began the next one.
        let outages = if over && ours == 1 && told == 2 { 2 } else { 1 };
        assert_eq!(told, outages, "an outage was told twice or not at all");
        let again = lose(&missing, 1, add);
        assert_eq!(again, over && missing.losses.lock().unclaimed == 1, "what is not stated is still the same outage");
    });
}

fn claim_in_two_holds(missing: &Missing) -> Option<MissingClaim<'_>> {
    let count = missing.losses.lock().unclaimed;
    missing.with(|losses| {
        losses.unclaimed = 0;
        losses.claimed += count;
    });
    (count != 0).then_some(MissingClaim { missing, count, owner: Owner::Nobody })
}

fn claim_that_hints_later(missing: &Missing) -> Option<MissingClaim<'_>> {
    let mut losses = missing.losses.lock();
    let count = mem::take(&mut losses.unclaimed);
    losses.claimed += count;
    drop(losses);
    missing.open.store(false, Ordering::Relaxed);
    (count != 0).then_some(MissingClaim { missing, count, owner: Owner::Nobody })
}

fn add_in_two_holds(missing: &Missing, loss: Loss<'_>) -> bool {
    let losses = missing.losses.lock();
    let first = losses.unclaimed + losses.claimed == 0;
    drop(losses);
    missing.add(loss);
    first
}

/// As [`Missing::add`], but for losses that are claimed: they are taken for stated.
fn add_without_the_claimed(missing: &Missing, loss: Loss<'_>) -> bool {
    let first = !missing.is_open();
    missing.add(loss);
    first
}

#[test]
fn loom_each_loss_is_stated_once() {
    each_loss_is_stated_once(Missing::claim);
}

#[test]
#[should_panic(expected = "stated twice or not at all")]
fn loom_a_claim_in_two_holds_loses_or_repeats() {
    each_loss_is_stated_once(claim_in_two_holds);
}

#[test]
#[should_panic(expected = "the hint is wrong")]
fn loom_a_hint_that_is_given_after_the_lock_hides_a_loss() {
    each_loss_is_stated_once(claim_that_hints_later);
}

#[test]
fn loom_an_outage_is_told_once() {
    an_outage_is_told_once(Missing::add, false);
    an_outage_is_told_once(Missing::add, true);
}

#[test]
#[should_panic(expected = "told twice or not at all")]
fn loom_a_loss_in_two_holds_is_told_twice() {
    an_outage_is_told_once(add_in_two_holds, true);
}

#[test]
#[should_panic(expected = "told twice or not at all")]
fn loom_a_claim_that_ends_the_outage_has_it_told_twice() {
    an_outage_is_told_once(add_without_the_claimed, true);
}
