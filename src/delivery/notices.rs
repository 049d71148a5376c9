//! When a log gets a notice that records are missing, and which context it names. The text of a notice is in `record::notice`.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use super::missing::{Missing, MissingClaim, Owner};
use crate::clock::{Clock, Counted, Wall};
use crate::record::{ContextInfo, Moment, Notice, Record, RecordMetadata, with_notice};

/// Writes or enqueues a notice.
pub(crate) type PutNotice<'a> = &'a mut dyn FnMut(Notice, &Record<'_>) -> io::Result<()>;

/// Puts a notice about the losses of `missing` into the log, if there are any, before the record that is logged at `moment`.
pub(crate) fn put_notice(
    missing: &Missing,
    notice: fn(u64) -> Notice,
    moment: &Moment<'_>,
    put: PutNotice<'_>,
) -> io::Result<()> {
    if let Some(claim) = missing.claim() {
        put_claimed_notice(&claim, notice, moment, put)?;
        claim.confirm();
    }
    Ok(())
}

/// Puts a notice about claimed losses into the log. After `Ok` the caller confirms the claim.
///
/// The notice is a record of the context that lost the records. If several did, it is one of a context called `logscope` with the id 0.
pub(crate) fn put_claimed_notice(
    claim: &MissingClaim<'_>,
    notice: fn(u64) -> Notice,
    moment: &Moment<'_>,
    put: PutNotice<'_>,
) -> io::Result<()> {
    let other;
    let moment = match claim.owner() {
        Owner::One { id, .. } if *id == moment.context.id() => moment.clone(),
        Owner::One { id, name, elapsed } => {
            other = ContextInfo::new(name.clone(), *id, Vec::new());
            Moment { context: &other, elapsed: *elapsed, counted: Counted::Unknown, ..moment.clone() }
        }
        Owner::Nobody | Owner::Several => {
            other = ContextInfo::nobody();
            Moment { context: &other, ..moment.clone() }
        }
    };
    let notice = notice(claim.count());
    with_notice(notice, |event| put(notice, &moment.notice(event, &RecordMetadata::own(event.metadata()))))
}

/// Calls `f` with the moment of notices that no record follows. A notice about one context has that context's last loss as its moment.
pub(crate) fn with_last_moment<R>(f: impl FnOnce(&Moment<'_>) -> R) -> R {
    let nobody = ContextInfo::nobody();
    f(&Moment {
        context: &nobody,
        elapsed: Duration::ZERO,
        counted: Counted::Unknown,
        clock: &Clock::SYSTEM,
        wall: Cell::new(Wall::Unread),
    })
}
