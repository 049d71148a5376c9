//! The name of a lease, and how it is taken.

use std::fmt;
use std::time::Duration;

use super::backend::{LeaseBackend, OWNER_BYTES};
use super::watch::Watch;
use crate::limits::LEASE_TTL;
use crate::lock::one_line;
use crate::process::ForkLocal;
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// Names a lease, and takes it: a backend, a name, and options.
///
/// Cheap to clone. Making one asks the backend for nothing. See the [module](super) for what a lease is, and what it is not.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::store::{Lease, MemoryLeases};
///
/// let lease = Lease::new(MemoryLeases::new(), "build/uno").ttl(Duration::from_secs(10)).owner("nightly");
/// let guard = lease.acquire(Duration::from_secs(60))?;
/// assert!(lease.try_acquire()?.is_none(), "also not by the same thread");
/// let fence = guard.fence(); // give it to whoever takes what is done under the lease
/// # assert_eq!(fence, 1);
/// guard.release()?;
/// # Ok::<(), logscope::Error>(())
/// ```
#[derive(Clone)]
pub struct Lease {
    pub(super) backend: Arc<dyn LeaseBackend>,
    pub(super) name: Arc<str>,
    pub(super) ttl: Duration,
    pub(super) owner: Arc<str>,
    pub(super) has_keeper: bool,
    pub(super) is_silent: bool,
    /// What attempts have seen. Kept between them, so that one who tries again and again finds in the end that a holder is dead.
    pub(super) watch: Arc<ForkLocal<Mutex<Watch>>>,
}

impl Lease {
    /// Names the lease `name` of `backend`. Names of 1 to 512 bytes can be taken.
    #[must_use]
    pub fn new(backend: impl LeaseBackend, name: impl AsRef<str>) -> Self {
        Lease {
            backend: Arc::new(backend),
            name: name.as_ref().into(),
            ttl: LEASE_TTL,
            owner: "".into(),
            has_keeper: false,
            is_silent: false,
            watch: Arc::new(ForkLocal::made_here(Mutex::new(Watch::default()), |_| Mutex::new(Watch::default()))),
        }
    }

    /// Sets for how long the lease is held without renewal: 30 s unless set. From 10 ms to 30 days.
    ///
    /// Choose it longer than what may hold up a healthy holder, a renewal that takes long among that: who stands still for longer loses the lease.
    /// And short enough to wait for when a holder dies: who waits for a dead holder waits for *that one's* TTL, whatever its own is.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Lease { ttl, ..self }
    }

    /// Says who takes the lease, in the program's own words. Those who wait are told, beside the process and its host.
    ///
    /// Characters that control how the text is shown become spaces, and what is longer than 1,024 bytes is cut.
    #[must_use]
    pub fn owner(self, owner: impl AsRef<str>) -> Self {
        Lease { owner: one_line(owner.as_ref(), OWNER_BYTES).into(), ..self }
    }

    /// Has a thread renew the lease as long as its guard lives, if `has_keeper`: three times in each TTL. Off unless set.
    ///
    /// It shows that the *process* lives, not that the work goes on: a worker that hangs keeps a lease with a keeper for ever. When the lease is
    /// lost, the thread logs that once at WARN and ends; the work learns it from its guard alone.
    #[must_use]
    pub fn keeper(self, has_keeper: bool) -> Self {
        Lease { has_keeper, ..self }
    }

    /// Logs nothing, if `is_silent`: for leases that are taken to write logs. A loss is told by errors alone then.
    #[must_use]
    pub fn silent(self, is_silent: bool) -> Self {
        Lease { is_silent, ..self }
    }

    /// Returns the name of the lease.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Lease {
    /// Returns what two who use one lease must have in common: which one it is, and for how long and how it is held.
    pub(in crate::store) fn terms(&self) -> (String, Duration, bool) {
        (self.backend.place(&self.name), self.ttl, self.has_keeper)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("backend", &self.backend)
            .field("name", &self.name)
            .field("ttl", &self.ttl)
            .finish()
    }
}
