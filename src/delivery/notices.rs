//! How a log states that records are missing from it.

use std::io;

use super::missing::{Missing, MissingClaim, Owner};
use crate::record::{ContextInfo, Moment, Notice, Record, with_notice};

/// Puts a notice into the log.
pub(crate) type PutNotice<'a> = &'a mut dyn FnMut(Notice, &Record<'_>) -> io::Result<()>;

fn put_notice(notice: Notice, moment: &Moment<'_>, put: PutNotice<'_>) -> io::Result<()> {
    with_notice(notice, |event| put(notice, &moment.notice(event)))
}

/// States the losses of `missing`, if there are any, before what comes at `moment`.
pub(crate) fn state_missing(
    missing: &Missing,
    notice: fn(u64) -> Notice,
    moment: &Moment<'_>,
    put: PutNotice<'_>,
) -> io::Result<()> {
    if let Some(claim) = missing.claim() {
        state_claim(&claim, notice, moment, put)?;
        claim.stated();
    }
    Ok(())
}

/// The same for losses that are claimed, and are stated if this ends well.
///
/// The notice is one of the context whose records are missing; if they are of several, of one that is neither.
pub(crate) fn state_claim(
    claim: &MissingClaim<'_>,
    notice: fn(u64) -> Notice,
    moment: &Moment<'_>,
    put: PutNotice<'_>,
) -> io::Result<()> {
    let stranger;
    let moment = match claim.owner() {
        Owner::One { id, .. } if *id == moment.context.id() => moment.clone(),
        Owner::One { id, name, elapsed } => {
            stranger = ContextInfo::new(name.clone(), *id, Vec::new());
            Moment { context: &stranger, elapsed: *elapsed, ..moment.clone() }
        }
        Owner::Nobody | Owner::Several => {
            stranger = ContextInfo::nobody();
            Moment { context: &stranger, ..moment.clone() }
        }
    };
    put_notice(notice(claim.count()), &moment, put)
}
