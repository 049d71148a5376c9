//! The steps of a lease in a folder. Each looks which name the file has, and renames it from exactly that name to one that no file ever had.
//!
//! So a step acts only if nothing has happened since the look, and no step ever destroys another's. Nothing here knows of a clock, or of files: the
//! model in `model` drives these same functions through all their histories.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::name::Name;
use crate::limits::LEASE_LISTINGS;
use crate::lock::Token;

/// What is done with the folder of a lease.
pub(super) trait Names {
    /// Returns the names of all states that files in it have. There is one, unless somebody renames it while it is listed.
    fn list(&self) -> io::Result<Vec<Name>>;

    /// Renames the file. Fails with `NotFound` if there is none of the name `from`.
    fn rename(&self, from: Name, to: Name) -> io::Result<()>;

    /// Lets time pass after so many looks in vain.
    fn pause(&self, looks: u32);
}

/// Returns the state of the lease. Fails with `NotFound` if the folder is not there, or has no file.
pub(super) fn look(names: &impl Names) -> io::Result<Name> {
    for looks in 1.. {
        let found = names.list()?;
        match *found {
            [name] => return Ok(name),
            // Somebody renames the file, or a cache of a network file system is behind.
            _ if looks < LEASE_LISTINGS => names.pause(looks),
            [] => break,
            [..] => {
                let found: Vec<String> = found.iter().map(Name::to_string).collect();
                let what = format!(
                    "it has {} files where one should be; remove all but one: {}",
                    found.len(),
                    found.join(", ")
                );
                return Err(io::Error::new(ErrorKind::InvalidData, what));
            }
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// Looks again after a file was not there under the name that it had. `None` if it is gone.
fn look_again(names: &impl Names) -> io::Result<Option<Name>> {
    match look(names) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        name => name.map(Some),
    }
}

/// Takes the lease, if it still is in the state `seen`. Returns the fencing number.
pub(super) fn acquire(names: &impl Names, seen: Name, token: Token, ttl: Duration) -> io::Result<Option<u64>> {
    let taken = seen.taken(token, ttl).ok_or_else(|| io::Error::other("there is no higher fencing number"))?;
    match names.rename(seen, taken) {
        Ok(()) => Ok(Some(taken.fence())),
        // A network file system may repeat a request whose answer was lost: then the second one does not find the file. Or an attempt before this
        // one has succeeded, and its listing was behind. Those who wait may have counted since then, so it is renewed before it counts.
        Err(error) if error.kind() == ErrorKind::NotFound => match look_again(names)? {
            Some(now) if now.is_held_by(token) => renewed(names, token),
            _ => Ok(None),
        },
        Err(error) => Err(error),
    }
}

/// Shows that the holder `token` lives. Returns false if it has lost the lease.
pub(super) fn renew(names: &impl Names, token: Token) -> io::Result<bool> {
    renewed(names, token).map(|fence| fence.is_some())
}

/// The same. Returns the fencing number if the holder has the lease.
///
/// Only a rename that succeeds now counts. That the file has the name which was to be given proves nothing: a renewal before this one, whose answer
/// was lost, may have given it, and those who wait have counted since then.
fn renewed(names: &impl Names, token: Token) -> io::Result<Option<u64>> {
    for looks in 1..=LEASE_LISTINGS {
        let Some(now) = look_again(names)?.filter(|now| now.is_held_by(token)) else { return Ok(None) };
        let Some(renewed) = now.renewed() else { return Ok(None) };
        match names.rename(now, renewed) {
            Ok(()) => return Ok(Some(now.fence())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        names.pause(looks);
    }
    Err(unsteady())
}

/// Frees the lease of the holder `token`. Returns false, and does nothing, if it has lost the lease.
pub(super) fn release(names: &impl Names, token: Token) -> io::Result<bool> {
    for looks in 1..=LEASE_LISTINGS {
        let Some(now) = look_again(names)?.filter(|now| now.is_held_by(token)) else { return Ok(false) };
        if free(names, now, false)? {
            return Ok(true);
        }
        names.pause(looks);
    }
    Err(unsteady())
}

/// Frees the lease, if it still is in the state `seen`.
pub(super) fn free(names: &impl Names, seen: Name, is_broken: bool) -> io::Result<bool> {
    let freed = seen.freed(is_broken);
    match names.rename(seen, freed) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(look_again(names)? == Some(freed)),
        Err(error) => Err(error),
    }
}

/// The file is listed under a name, and is not there under that name, again and again.
#[cold]
fn unsteady() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the listing of the folder does not agree with what is in it")
}
