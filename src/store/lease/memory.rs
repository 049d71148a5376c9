//! Leases in the memory of a process, for its tests.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::time::Duration;

use super::backend::{LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
use super::clock::now;
use crate::process::ForkLocal;
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// Keeps leases in the memory of this process: for tests of what uses leases.
///
/// Its clones are one backend. A forked child has a copy, which excludes nobody in the parent; an empty one, if a thread of the parent was changing
/// it at the fork.
///
/// ```
/// use logscope::store::{Lease, MemoryLeases};
///
/// let leases = MemoryLeases::new();
/// let guard = Lease::new(leases.clone(), "uno").try_acquire()?.expect("it is free");
/// assert!(Lease::new(leases, "uno").try_acquire()?.is_none());
/// guard.release()?;
/// # Ok::<(), logscope::Error>(())
/// ```
#[derive(Clone)]
pub struct MemoryLeases(Arc<Shared>);

struct Shared(ForkLocal<Entries>);

/// Not dropped in a forked child: a thread of the parent may have been changing it at the fork.
type Entries = Mutex<ManuallyDrop<HashMap<String, Entry>>>;

impl Drop for Shared {
    fn drop(&mut self) {
        let own = mem::take(&mut **self.0.get_made().lock());
        drop(own);
    }
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// The last number that was given.
    fence: u64,
    changes: u64,
    held: Option<Held>,
    /// Who released it last.
    released: Option<LeaseClaim>,
}

#[derive(Clone, Debug)]
struct Held {
    claim: LeaseClaim,
    until: Duration,
}

impl Entry {
    fn end_if_over(&mut self) {
        if self.held.as_ref().is_some_and(|held| held.until <= now()) {
            self.end();
        }
    }

    fn end(&mut self) -> Option<Held> {
        self.changes += 1;
        self.held.take()
    }

    fn has(&self, claim: &LeaseClaim) -> bool {
        self.held.as_ref().is_some_and(|held| held.claim.token == claim.token)
    }

    fn state(&self) -> LeaseState {
        LeaseState {
            version: format!("{}.{}", self.fence, self.changes),
            holder: self.held.as_ref().map(|held| LeaseHolder::new(&held.claim, self.fence)),
            left: self.held.as_ref().map(|held| held.until.saturating_sub(now())),
        }
    }

    fn is_in(&self, seen: &LeaseState) -> bool {
        self.state().version == seen.version
    }
}

impl MemoryLeases {
    /// Returns a backend without leases.
    #[must_use]
    pub fn new() -> Self {
        MemoryLeases(Arc::new(Shared(ForkLocal::made_here(
            Mutex::new(ManuallyDrop::default()),
            |parents: &Entries| {
                // Not waited for: a thread that the child has not may hold it.
                Mutex::new(parents.try_lock().map(|entries| entries.clone()).unwrap_or_default())
            },
        ))))
    }

    fn with<T>(&self, name: &str, step: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.0.0.get_made().lock();
        if !entries.contains_key(name) {
            entries.insert(name.to_owned(), Entry::default());
        }
        let entry = entries.entry(name.to_owned()).or_default();
        entry.end_if_over();
        step(entry)
    }
}

impl Default for MemoryLeases {
    fn default() -> Self {
        MemoryLeases::new()
    }
}

impl fmt::Debug for MemoryLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLeases").finish_non_exhaustive()
    }
}

impl LeaseBackend for MemoryLeases {
    fn place(&self, name: &str) -> String {
        format!("{name} in the memory of this process")
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        Ok(self.with(name, |entry| entry.state()))
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        Ok(self.with(name, |entry| {
            if !entry.has(claim) {
                if entry.held.is_some() || !entry.is_in(seen) {
                    return None;
                }
                entry.fence += 1;
            }
            entry.changes += 1;
            entry.held = Some(Held { claim: claim.clone(), until: now().saturating_add(claim.ttl) });
            Some(entry.fence)
        }))
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        Ok(self.with(name, |entry| {
            if !entry.has(claim) {
                return false;
            }
            entry.changes += 1;
            entry.held = Some(Held { claim: claim.clone(), until: now().saturating_add(claim.ttl) });
            true
        }))
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        Ok(self.with(name, |entry| {
            if entry.has(claim) {
                entry.released = entry.end().map(|held| held.claim);
                return true;
            }
            entry.released.as_ref().is_some_and(|released| released.token == claim.token)
        }))
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        Ok(self.with(name, |entry| entry.is_in(seen) && entry.end().is_some()))
    }

    fn is_in_process(&self) -> bool {
        true
    }
}
