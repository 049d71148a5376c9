//! The errors of leases.

use std::io::{self, ErrorKind as IoErrorKind};
use std::time::Duration;

use super::backend::{LeaseHolder, LeaseState};
use super::options::Lease;
use crate::error::{Error, ErrorKind};
use crate::limits::{LEASE_NAME_BYTES, LEASE_TTLS};
use crate::lock::Shown;

/// Checks what a lease was given.
pub(super) fn check(lease: &Lease) -> Result<(), Error> {
    let bytes = lease.name.len();
    if bytes == 0 || bytes > LEASE_NAME_BYTES {
        let what = format!("the name of a lease has {bytes} bytes; give it 1 to {LEASE_NAME_BYTES}");
        return Err(Error::new(ErrorKind::Lock, what));
    }
    if !LEASE_TTLS.contains(&lease.ttl) {
        let (shortest, longest) = (Shown(*LEASE_TTLS.start()), Shown(*LEASE_TTLS.end()));
        let what = format!("the TTL of the lease {} is {:?}; give it {shortest} to {longest}", lease.name, lease.ttl);
        return Err(Error::new(ErrorKind::Lock, what));
    }
    Ok(())
}

/// Returns what the program is told of an error of the lease's backend.
#[cold]
pub(super) fn failed(lease: &Lease, error: io::Error) -> Error {
    // One of this library has said where, and what is known.
    let error = match error.downcast::<Error>() {
        Ok(error) => return error.preceded_by(format_args!("cannot use the lease {}", lease.name)),
        Err(error) => error,
    };
    let kind = if is_silence(error.kind()) { ErrorKind::Unreachable } else { ErrorKind::Lock };
    Error::from_io(kind, format!("cannot use the lease {}", lease.place()), error)
}

/// True for an error that says that nobody answered.
fn is_silence(kind: IoErrorKind) -> bool {
    matches!(
        kind,
        IoErrorKind::TimedOut
            | IoErrorKind::NotConnected
            | IoErrorKind::ConnectionRefused
            | IoErrorKind::ConnectionReset
            | IoErrorKind::ConnectionAborted
            | IoErrorKind::BrokenPipe
            | IoErrorKind::HostUnreachable
            | IoErrorKind::NetworkUnreachable
            | IoErrorKind::NetworkDown
            | IoErrorKind::StaleNetworkFileHandle
    )
}

#[cold]
pub(super) fn timed_out(lease: &Lease, timeout: Duration, holder: Option<&LeaseHolder>) -> Error {
    let holder = holder.map_or_else(|| "others were faster each time".to_owned(), LeaseHolder::to_string);
    let (place, within) = (lease.place(), Shown(timeout));
    Error::new(ErrorKind::TimedOut, format!("cannot get the lease {place} within {within}: {holder}"))
}

#[cold]
pub(super) fn too_slow(lease: &Lease) -> Error {
    let what =
        format!("got the lease {} too late: its TTL of {:?} was over; give it a longer one", lease.place(), lease.ttl);
    Error::new(ErrorKind::Unreachable, what)
}

/// The process does not hold the lease of a guard: `why`.
#[cold]
pub(super) fn not_holder(lease: &Lease, why: &str) -> Error {
    Error::new(ErrorKind::NotHolder, format!("does not hold the lease {}: {why}", lease.place()))
}

/// No thread can be started for `what`.
#[cold]
pub(super) fn no_thread(lease: &Lease, what: &str, error: io::Error) -> Error {
    Error::from_io(ErrorKind::Lock, format!("cannot start a thread {what} the lease {}", lease.place()), error)
}

#[cold]
pub(super) fn lost(lease: &Lease, fence: u64, what: &str) -> Error {
    Error::new(ErrorKind::LeaseLost, format!("lost the lease {} (fence {fence}): {what}", lease.place()))
}

/// Says what has become of a lease that somebody lost who had `left` of its time.
pub(super) fn fate(now: Option<&LeaseState>, left: Duration) -> String {
    let how = match left {
        Duration::ZERO => "its time was over".to_owned(),
        left => format!("it was broken, or its backend lost its data, when it had {} left", Shown(left)),
    };
    match now.map(|now| &now.holder) {
        Some(Some(holder)) => format!("{how}; it is now {holder}"),
        Some(None) => format!("{how}; it is free now"),
        None => how,
    }
}

#[cold]
pub(super) fn cannot_break(lease: &Lease) -> Error {
    let what = format!("cannot break the lease {}: it changed in each attempt; try again", lease.place());
    Error::new(ErrorKind::Lock, what)
}
