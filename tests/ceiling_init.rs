//! The ceiling where logscope is the whole subscriber (DESIGN section 6): see `ceiling.rs`.
//!
//! A binary of its own, because it installs the global subscriber.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/callsites.rs"]
mod callsites;
#[path = "common/turmoil.rs"]
mod turmoil;

#[test]
fn every_context_gets_exactly_what_it_wants() {
    logscope::init();
    let wanted = turmoil::run(Vec::new);
    println!("{wanted} records were wanted and arrived");
}
