//! Models of `missing`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Adds one loss of the context `id`.
fn lose(missing: &Missing, id: u64, add: fn(&Missing, Loss<'_>) -> bool) -> bool {
    let context = ContextInfo::new(String::new(), id, Vec::new());
    add(missing, Loss { count: 1, context: &context, elapsed: Duration::ZERO })
}

/// Delivers one record: claims the losses, and confirms the claim; if the output `fails`, puts the losses back and loses the record too.
/// Returns how many losses its notice counts.
fn deliver(missing: &Missing, claim: impl Fn(&Missing) -> Option<MissingClaim<'_>>, fails: bool) -> u64 {
    let mut counted = 0;
    if missing.has_unclaimed()
        && let Some(claim) = claim(missing)
        && !fails
    {
        counted = claim.count();
        claim.confirm();
    }
    if fails {
        lose(missing, 1, Missing::add);
    }
    counted
}

/// Two threads deliver to an output that has lost a record: one writes a notice and then fails, the other only writes a notice.
fn each_loss_is_counted_once(claim: fn(&Missing) -> Option<MissingClaim<'_>>) {
    loom::model(move || {
        let missing = Arc::new(Missing::new());
        lose(&missing, 1, Missing::add);
        let other = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || deliver(&missing, claim, false) + deliver(&missing, claim, true))
        };
        let mut counted = deliver(&missing, claim, false);
        counted += other.join().unwrap();
        assert_eq!(missing.has_unclaimed(), missing.losses.lock().unclaimed != 0, "the hint is wrong");
        counted += missing.losses.lock().unclaimed;
        assert_eq!(counted, 2, "a loss was counted twice or not at all");
    });
}

/// A thread loses a record while another claims one, and its notice may fail: the outage goes on, or it ends and begins again once.
fn an_outage_is_reported_once(add: fn(&Missing, Loss<'_>) -> bool, fails: bool) {
    loom::model(move || {
        let missing = Arc::new(Missing::new());
        let failing = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || u64::from(lose(&missing, 1, add)))
        };
        let mut reported = u64::from(lose(&missing, 2, add));
        let claim = missing.claim();
        let over = claim.is_some() && !fails;
        let ours = claim.map_or(0, |claim| {
            let count = claim.count();
            if !fails {
                claim.confirm();
            }
            count
        });
        reported += failing.join().unwrap();
        // The other loss belongs to the outage that we ended, or it came later and began the next one.
        let outages = if over && ours == 1 && reported == 2 { 2 } else { 1 };
        assert_eq!(reported, outages, "an outage was reported twice or not at all");
        let again = lose(&missing, 1, add);
        assert_eq!(
            again,
            over && missing.losses.lock().unclaimed == 1,
            "while a loss is not counted, the outage goes on"
        );
    });
}

fn claim_in_two_holds(missing: &Missing) -> Option<MissingClaim<'_>> {
    let count = missing.losses.lock().unclaimed;
    missing.update(|losses| {
        losses.unclaimed = 0;
        losses.claimed += count;
    });
    (count != 0).then_some(MissingClaim { missing, count, owner: Owner::Nobody })
}

fn claim_that_stores_the_hint_later(missing: &Missing) -> Option<MissingClaim<'_>> {
    let mut losses = missing.losses.lock();
    let count = mem::take(&mut losses.unclaimed);
    losses.claimed += count;
    drop(losses);
    missing.has_unclaimed.store(false, Ordering::Relaxed);
    (count != 0).then_some(MissingClaim { missing, count, owner: Owner::Nobody })
}

fn add_in_two_holds(missing: &Missing, loss: Loss<'_>) -> bool {
    let losses = missing.losses.lock();
    let first = losses.unclaimed + losses.claimed == 0;
    drop(losses);
    missing.add(loss);
    first
}

/// Like [`Missing::add`], but takes claimed losses for counted.
fn add_ignoring_claimed_losses(missing: &Missing, loss: Loss<'_>) -> bool {
    let first = !missing.has_unclaimed();
    missing.add(loss);
    first
}

#[test]
fn loom_each_loss_is_counted_once() {
    each_loss_is_counted_once(Missing::claim);
}

#[test]
#[should_panic(expected = "counted twice or not at all")]
fn loom_a_claim_in_two_holds_of_the_lock_loses_or_repeats_losses() {
    each_loss_is_counted_once(claim_in_two_holds);
}

#[test]
#[should_panic(expected = "the hint is wrong")]
fn loom_a_hint_that_is_stored_after_the_lock_hides_a_loss() {
    each_loss_is_counted_once(claim_that_stores_the_hint_later);
}

#[test]
fn loom_an_outage_is_reported_once() {
    an_outage_is_reported_once(Missing::add, false);
    an_outage_is_reported_once(Missing::add, true);
}

#[test]
#[should_panic(expected = "reported twice or not at all")]
fn loom_a_loss_in_two_holds_of_the_lock_is_reported_twice() {
    an_outage_is_reported_once(add_in_two_holds, true);
}

#[test]
#[should_panic(expected = "reported twice or not at all")]
fn loom_an_outage_that_ends_with_the_claim_is_reported_twice() {
    an_outage_is_reported_once(add_ignoring_claimed_losses, true);
}
