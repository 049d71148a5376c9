//! Leases in a folder, for file systems that hosts share.

mod encoded;
mod files;
mod name;
mod owners;
mod steps;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use encoded::encoded;
use files::Files;
use name::Name;
use owners::Owners;

use super::backend::{LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
use crate::sync::Arc;

/// Keeps leases in a folder, which hosts may share: on NFS, for example.
///
/// Each lease is a folder with one file, whose *name* is the state of the lease. Each step is one rename from exactly the name that was read to one that
/// no file ever had, which the file system makes whole and in order, also for hosts whose caches are behind. Clocks of hosts are never
/// compared: who wants the lease takes it over when the name has not changed for its holder's TTL and a tenth more, by its own clock.
///
/// ```
/// use logscope::store::{FolderLeases, Lease};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("leases");
/// let guard = Lease::new(FolderLeases::new(&path), "uno").try_acquire()?.expect("it is free");
/// guard.release()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its clones are one backend. The folder, and one for each name with another for what owners say of themselves beside it, are made when a lease is
/// first looked at, and stay: a lease that is deleted is lost to its holder.
#[derive(Clone, Debug)]
pub struct FolderLeases(Arc<Path>);

impl FolderLeases {
    /// Keeps leases in the folder `path`, which is to be used for nothing else. It is made if it is not there; the one above it must be there. A relative path is meant from the current directory as it is now.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        FolderLeases(std::path::absolute(&path).unwrap_or(path).into())
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn files(&self, name: &str) -> Files {
        Files { folder: self.0.join(encoded(name)) }
    }

    fn owners(&self, name: &str) -> Owners {
        Owners { folder: self.0.join(encoded(name) + ".owners") }
    }

    /// Returns the state, and makes the lease if it is not there.
    fn look(&self, name: &str) -> io::Result<Name> {
        let files = self.files(name);
        match steps::look(&files) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                files.make(&self.0)?;
                steps::look(&files)
            }
            found => found,
        }
    }
}

impl LeaseBackend for FolderLeases {
    fn place(&self, name: &str) -> String {
        format!("{name} in the folder {}", self.0.display())
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        let now = self.look(name)?;
        let holder = match now {
            Name::Free { .. } => None,
            Name::Held { fence, token, ttl, .. } => {
                let unknown = LeaseHolder::unknown(token, Duration::from_millis(ttl), fence);
                // The TTL is that of the name.
                let known = self.owners(name).read(token).map(|claim| LeaseHolder::new(&claim, fence));
                Some(known.map_or(unknown.clone(), |known| LeaseHolder { ttl: unknown.ttl, ..known }))
            }
        };
        Ok(LeaseState { version: now.to_string(), holder, left: None })
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        let Some(seen) = Name::parse(&seen.version) else { return Ok(None) };
        let (files, owners) = (self.files(name), self.owners(name));
        // Whoever cannot say who it is does not get the lease: a full disk, for example, shows here and not later.
        owners.write(claim)?;
        // A number that is given again after a power cut would be given twice.
        let synced = |fence: Option<u64>| fence.map(|fence| files.sync().map(|()| fence)).transpose();
        let taken = steps::acquire(&files, seen, claim.token, claim.ttl).and_then(synced);
        match taken {
            Ok(Some(_)) => owners.remove_others(claim.token),
            _ => owners.remove(claim.token),
        }
        taken
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        steps::renew(&self.files(name), claim.token)
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        let released = steps::release(&self.files(name), claim.token)?;
        self.owners(name).remove(claim.token);
        Ok(released)
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        let Some(seen @ Name::Held { .. }) = Name::parse(&seen.version) else { return Ok(false) };
        steps::free(&self.files(name), seen, true)
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod model;
