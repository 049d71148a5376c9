//! Models of `missing`.

use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::limits::FALLBACK_WINDOW;

/// Adds one loss of the context `id`. True if a report is due.
fn lose(missing: &Missing, id: u64, add: fn(&Missing, Loss<'_>) -> bool) -> bool {
    let context = ContextInfo::new(String::new(), id, Vec::new());
    add(missing, Loss { count: 1, context: &context, elapsed: Duration::ZERO })
}

fn add(missing: &Missing, loss: Loss<'_>) -> bool {
    missing.add(loss).is_some()
}

/// How a model claims losses, and confirms the claim.
#[derive(Clone, Copy)]
struct Ways {
    claim: fn(&Missing) -> Option<MissingClaim<'_>>,
    confirm: fn(MissingClaim<'_>),
}

const RIGHT: Ways = Ways { claim: Missing::claim, confirm: |claim| claim.confirm() };

/// Delivers one record: claims the losses, and confirms the claim; if the output `fails`, puts the losses back and loses the record too.
/// Returns how many losses its notice counts.
fn deliver(missing: &Missing, ways: Ways, fails: bool) -> u64 {
    let mut counted = 0;
    if missing.has_unclaimed()
        && let Some(claim) = (ways.claim)(missing)
        && !fails
    {
        counted = claim.count();
        (ways.confirm)(claim);
    }
    if fails {
        lose(missing, 1, add);
    }
    counted
}

/// Two threads deliver to an output that has lost a record: one writes a notice and then fails, the other only writes a notice.
fn each_loss_is_counted_once(ways: Ways) {
    loom::model(move || {
        let missing = Arc::new(Missing::new());
        lose(&missing, 1, add);
        let other = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || deliver(&missing, ways, false) + deliver(&missing, ways, true))
        };
        let mut counted = deliver(&missing, ways, false);
        counted += other.join().unwrap();
        let losses = missing.losses.get_made().lock();
        assert_eq!(missing.has_unclaimed(), losses.unclaimed != 0, "the hint is wrong");
        counted += losses.unclaimed;
        assert_eq!(counted, 2, "a loss was counted twice or not at all");
        assert_eq!(losses.claimed, 0, "an outage lasts for ever");
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
            over && missing.losses.get_made().lock().unclaimed == 1,
            "while a loss is not counted, the outage goes on"
        );
    });
}

fn claim_in_two_holds(missing: &Missing) -> Option<MissingClaim<'_>> {
    let count = missing.losses.get_made().lock().unclaimed;
    missing.update(missing.losses.get_made(), |losses| {
        losses.unclaimed = 0;
        losses.claimed += count;
    });
    (count != 0).then_some(MissingClaim { missing, losses: missing.losses.get_made(), count, owner: Owner::Nobody })
}

fn claim_that_stores_the_hint_later(missing: &Missing) -> Option<MissingClaim<'_>> {
    let mut losses = missing.losses.get_made().lock();
    let count = mem::take(&mut losses.unclaimed);
    losses.claimed += count;
    drop(losses);
    missing.has_unclaimed.store(false, Ordering::Relaxed);
    (count != 0).then_some(MissingClaim { missing, losses: missing.losses.get_made(), count, owner: Owner::Nobody })
}

fn confirm_if_nobody_holds_the_lock(mut claim: MissingClaim<'_>) {
    let count = mem::take(&mut claim.count);
    // loom runs us while another thread holds the lock only if we touch what that thread touches then.
    let _ = claim.missing.has_unclaimed();
    if let Some(mut losses) = claim.losses.try_lock() {
        losses.claimed -= count;
    }
}

fn add_in_two_holds(missing: &Missing, loss: Loss<'_>) -> bool {
    let losses = missing.losses.get_made().lock();
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
    each_loss_is_counted_once(RIGHT);
}

#[test]
#[should_panic(expected = "counted twice or not at all")]
fn loom_a_claim_in_two_holds_of_the_lock_loses_or_repeats_losses() {
    each_loss_is_counted_once(Ways { claim: claim_in_two_holds, ..RIGHT });
}

#[test]
#[should_panic(expected = "the hint is wrong")]
fn loom_a_hint_that_is_stored_after_the_lock_hides_a_loss() {
    each_loss_is_counted_once(Ways { claim: claim_that_stores_the_hint_later, ..RIGHT });
}

#[test]
#[should_panic(expected = "an outage lasts for ever")]
fn loom_a_confirmation_that_only_tries_the_lock_prolongs_the_outage() {
    each_loss_is_counted_once(Ways { confirm: confirm_if_nobody_holds_the_lock, ..RIGHT });
}

#[test]
fn loom_an_outage_is_reported_once() {
    an_outage_is_reported_once(add, false);
    an_outage_is_reported_once(add, true);
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

/// Adds a loss at `now`.
fn add_at(missing: &Missing, now: Instant) -> Option<DueReport> {
    let context = ContextInfo::new(String::new(), 1, Vec::new());
    missing.add_to(missing.losses.get_made(), Loss { count: 1, context: &context, elapsed: Duration::ZERO }, now)
}

/// Two threads lose records a window after the report of their outage was refused.
fn an_overdue_report_is_written_once(add_at: fn(&Missing, Instant) -> bool) {
    loom::model(move || {
        let (missing, start) = (Arc::new(Missing::new()), Instant::now());
        missing.refused(self::add_at(&missing, start).expect("it begins an outage"));
        let other = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || u32::from(add_at(&missing, start + FALLBACK_WINDOW)))
        };
        let reported = u32::from(add_at(&missing, start + FALLBACK_WINDOW));
        assert_eq!(reported + other.join().unwrap(), 1, "a report was repeated twice or not at all");
    });
}

fn add_overdue_in_two_holds(missing: &Missing, now: Instant) -> bool {
    let is_overdue = !missing.losses.get_made().lock().reports.is_reported;
    add_at(missing, now);
    is_overdue
}

#[test]
fn loom_an_overdue_report_is_written_once() {
    an_overdue_report_is_written_once(|missing, now| add_at(missing, now).is_some());
}

#[test]
#[should_panic(expected = "repeated twice or not at all")]
fn loom_an_overdue_report_in_two_holds_of_the_lock_is_written_twice() {
    an_overdue_report_is_written_once(add_overdue_in_two_holds);
}

/// The report of an outage is refused, while another thread ends that outage and reports the next one.
fn a_refusal_is_of_its_own_outage(refused: fn(&Missing, DueReport)) {
    loom::model(move || {
        let (missing, start) = (Arc::new(Missing::new()), Instant::now());
        let due = add_at(&missing, start).expect("it begins an outage");
        let other = {
            let missing = Arc::clone(&missing);
            thread::spawn(move || {
                missing.claim().expect("there is a loss").confirm();
                assert!(add_at(&missing, start).is_some(), "it begins an outage");
            })
        };
        refused(&missing, due);
        other.join().unwrap();
        assert!(add_at(&missing, start + FALLBACK_WINDOW).is_none(), "an outage was reported again");
    });
}

fn refuse_whatever_the_outage(missing: &Missing, _: DueReport) {
    missing.update(missing.losses.get_made(), |losses| losses.reports.is_reported = false);
}

#[test]
fn loom_a_refusal_is_of_its_own_outage() {
    a_refusal_is_of_its_own_outage(Missing::refused);
}

#[test]
#[should_panic(expected = "an outage was reported again")]
fn loom_a_refusal_without_the_outage_has_another_one_reported_again() {
    a_refusal_is_of_its_own_outage(refuse_whatever_the_outage);
}

/// A notice is enqueued while a writer thread may write it at once. Until that is done, another loss belongs to the same outage.
fn a_queued_notice_prolongs_the_outage(enqueued: fn(MissingClaim<'_>)) {
    loom::model(move || {
        let missing = Arc::new(Missing::new());
        assert!(lose(&missing, 1, add), "it begins an outage");
        let claim = missing.claim().expect("there is a loss");
        let (count, is_written) = (claim.count(), Arc::new(AtomicBool::new(false)));
        let writer = {
            let (missing, is_written) = (Arc::clone(&missing), Arc::clone(&is_written));
            thread::spawn(move || {
                is_written.store(true, Ordering::SeqCst);
                missing.confirm_enqueued(count);
            })
        };
        enqueued(claim);
        let is_reported_twice = lose(&missing, 2, add) && !is_written.load(Ordering::SeqCst);
        // Only now: a model that fails must have no other thread.
        writer.join().unwrap();
        assert!(!is_reported_twice, "an outage was reported twice");
        assert_eq!(missing.count(), 1, "an outage lasts for ever, or a loss is forgotten");
    });
}

#[test]
fn loom_a_queued_notice_prolongs_the_outage() {
    a_queued_notice_prolongs_the_outage(|claim| claim.enqueued());
}

#[test]
#[should_panic(expected = "an outage was reported twice")]
fn loom_an_outage_that_ends_when_its_notice_is_queued_is_reported_twice() {
    a_queued_notice_prolongs_the_outage(|claim| claim.confirm());
}

/// Like [`MissingClaim::enqueued`], but counts the losses as queued only after the notice is in the queue.
fn count_after_the_notice_is_queued(claim: MissingClaim<'_>) {
    let (missing, count) = (claim.missing, claim.count());
    claim.confirm();
    missing.update(missing.losses.get_made(), |losses| losses.claimed += count);
}

#[test]
#[should_panic(expected = "an outage lasts for ever")]
fn loom_losses_that_are_counted_after_their_notice_is_queued_prolong_the_outage() {
    a_queued_notice_prolongs_the_outage(count_after_the_notice_is_queued);
}
