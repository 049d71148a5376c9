//! All histories of a few contenders for a lease in a folder: every order of their operations, a crash at each, answers that are lost, requests that
//! arrive late, and time that passes at any moment.
//!
//! The contenders run the very functions of `steps` and `watch`. A contender is run anew from its beginning for each of its operations, with the
//! answers that it has had, up to the first operation without one: that is what it does next.

mod contender;
mod world;

use std::collections::HashSet;

use contender::{Faults, Plan};
use world::World;

/// Explores every history that `start` may have. Returns how many worlds there are, or the first that breaks a promise.
fn explore(start: World) -> Result<usize, String> {
    let (mut seen, mut open) = (HashSet::new(), vec![start]);
    while let Some(world) = open.pop() {
        for next in world.successors()? {
            if seen.insert(next.key()) {
                open.push(next);
            }
        }
    }
    Ok(seen.len())
}

fn holds(plans: &[Plan], budgets: world::Budgets) {
    match explore(World::new(plans, budgets, Faults::default())) {
        // Fewer would mean that the model has lost something.
        Ok(worlds) => assert!(worlds > 5_000, "{worlds}"),
        Err(broken) => panic!("{broken}"),
    }
}

fn breaks(plans: &[Plan], faults: Faults, promise: &str) {
    let budgets = world::Budgets { crashes: 1, lost: 1, ticks: 4, ..world::Budgets::default() };
    breaks_with(plans, budgets, faults, promise);
}

fn breaks_with(plans: &[Plan], budgets: world::Budgets, faults: Faults, promise: &str) {
    let broken = explore(World::new(plans, budgets, faults)).expect_err("a weakened lease breaks its promise");
    assert!(broken.contains(promise), "{broken}");
}

#[test]
fn two_contenders_with_crashes_and_lost_answers_keep_all_promises() {
    holds(&[Plan::WORK, Plan::SHORT], world::Budgets { crashes: 1, lost: 1, ticks: 3, ..world::Budgets::default() });
}

#[test]
fn two_contenders_with_listings_that_are_behind_keep_all_promises() {
    holds(&[Plan::WORK, Plan::SHORT], world::Budgets { crashes: 1, stale: 1, ticks: 3, ..world::Budgets::default() });
}

#[test]
fn two_contenders_with_two_lost_answers_keep_all_promises() {
    holds(&[Plan::QUICK, Plan::QUICK], world::Budgets { lost: 2, ticks: 3, ..world::Budgets::default() });
}

#[test]
fn three_contenders_with_crashes_keep_all_promises() {
    holds(
        &[Plan::QUICK, Plan::QUICK, Plan::QUICK],
        world::Budgets { crashes: 1, ticks: 3, ..world::Budgets::default() },
    );
}

#[test]
fn a_holder_learns_that_its_lease_was_broken() {
    holds(&[Plan::WORK, Plan::SHORT, Plan::BREAK], world::Budgets { lost: 1, ..world::Budgets::default() });
}

#[test]
fn a_break_beside_a_crash_and_a_take_over_keeps_all_promises() {
    holds(
        &[Plan::WORK, Plan::SHORT, Plan::BREAK],
        world::Budgets { crashes: 1, ticks: 3, ..world::Budgets::default() },
    );
}

/// The answer to a step is lost, and the next look shows what was there before it.
const LOST_AND_STALE: world::Budgets = world::Budgets { crashes: 0, lost: 1, stale: 1, ticks: 4 };
/// The same, and one more look does.
const LOST_AND_STALE_TWICE: world::Budgets = world::Budgets { crashes: 0, lost: 1, stale: 2, ticks: 4 };

#[test]
fn renewals_whose_answers_are_lost_and_listings_that_are_behind_keep_all_promises() {
    holds(&[Plan::LONG, Plan::WAIT], LOST_AND_STALE);
}

#[test]
fn acquisitions_whose_answers_are_lost_and_listings_that_are_behind_keep_all_promises() {
    holds(&[Plan::AGAIN, Plan::WAIT], LOST_AND_STALE_TWICE);
}

#[test]
fn taking_the_name_of_an_earlier_renewal_for_this_one_is_found() {
    let faults = Faults { trusts_names: true, ..Faults::default() };
    breaks_with(&[Plan::LONG, Plan::WAIT], LOST_AND_STALE, faults, "at the same time");
}

#[test]
fn taking_the_name_of_an_earlier_acquisition_for_this_one_is_found() {
    let faults = Faults { trusts_names: true, ..Faults::default() };
    breaks_with(&[Plan::AGAIN, Plan::WAIT], LOST_AND_STALE_TWICE, faults, "at the same time");
}

#[test]
fn renaming_over_what_is_there_is_found() {
    breaks(&[Plan::SHORT, Plan::SHORT], Faults { renames_over: true, ..Faults::default() }, "is given twice");
}

#[test]
fn taking_over_under_the_same_number_is_found() {
    breaks(&[Plan::SHORT, Plan::SHORT], Faults { keeps_fence: true, ..Faults::default() }, "is not higher");
}

#[test]
fn taking_over_too_early_is_found() {
    breaks(&[Plan::SHORT, Plan::SHORT], Faults { has_no_patience: true, ..Faults::default() }, "at the same time");
}

#[test]
fn counting_from_the_end_of_a_renewal_is_found() {
    breaks(&[Plan::WORK, Plan::SHORT], Faults { counts_late: true, ..Faults::default() }, "at the same time");
}

#[test]
fn a_release_of_whatever_is_there_is_found() {
    breaks(&[Plan::SHORT, Plan::SHORT], Faults { frees_any: true, ..Faults::default() }, "freed by another");
}
