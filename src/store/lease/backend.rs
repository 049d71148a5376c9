//! Where leases are kept: the trait, and what passes through it.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::lock::{Token, one_line};
use crate::sync::Arc;

/// Keeps leases: a folder, a server, the memory of a process.
///
/// Each method is one small step, and each that changes something is *compare and act* in one: it acts only on exactly the state that its caller
/// has seen, or only for exactly the holder that it names. A backend that looks first and acts then makes every promise of a lease void.
///
/// # Contract
///
/// - For one name, the numbers that [`acquire`](Self::acquire) returns rise, and none is returned for two tokens: not after a crash between
///   any two steps, and not after the backend has lost its data, as far as it can tell.
/// - Between the success of `acquire` for one token and that for another one, the first was [released](Self::release), was
///   [broken](Self::break_lease), or was not [renewed](Self::renew) for its TTL, counted from after its last acquisition or renewal began.
/// - A method that returns an error, or `None` or false after an answer was lost, may have acted. Called again with the same token, `acquire` and
///   `renew` succeed if that token has the lease, and let its TTL begin anew.
/// - No method waits for a lease. One may wait for a server; then it returns an error after a bounded
///   time.
/// - An error with one of the kinds `TimedOut`, `NotConnected`, `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `BrokenPipe`,
///   `HostUnreachable`, `NetworkUnreachable`, `NetworkDown` and `StaleNetworkFileHandle` of [`io::ErrorKind`] says that nobody has answered. The program
///   is told that as [`Unreachable`](crate::ErrorKind::Unreachable), and any other one as [`Lock`](crate::ErrorKind::Lock), with the place of the lease.
pub trait LeaseBackend: fmt::Debug + Send + Sync + 'static {
    /// Returns where the lease is, for errors and logs: `uno in the folder /srv/leases`.
    fn place(&self, name: &str) -> String;

    /// Looks how things are, and changes nothing that others see.
    ///
    /// # Errors
    ///
    /// If the backend cannot be used.
    fn observe(&self, name: &str) -> io::Result<LeaseState>;

    /// Gives the lease to `claim`, if it still is in the state `seen`, and returns the fencing number. Returns `None` if it is not.
    ///
    /// The caller has found that the lease was free in that state, or that its holder's time was over: see [`LeaseState::left`].
    ///
    /// # Errors
    ///
    /// If the backend cannot be used.
    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>>;

    /// Lets the TTL of the holder `claim` begin anew. Returns false if the lease is not its own any more.
    ///
    /// # Errors
    ///
    /// If the backend cannot be used.
    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool>;

    /// Frees the lease of the holder `claim`. Returns false, and changes nothing, if the lease is not its own any more.
    ///
    /// # Errors
    ///
    /// If the backend cannot be used.
    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool>;

    /// Frees the lease, if it still is in the state `seen`. Returns false if it is not.
    ///
    /// # Errors
    ///
    /// If the backend cannot be used.
    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool>;

    /// Returns true if only this process can have the leases. False unless implemented.
    ///
    /// Then a thread that takes the lease again at once lets others go first only if there are some, in this process: see [`Lease::acquire`](super::Lease::acquire).
    fn is_in_process(&self) -> bool {
        false
    }
}

impl<B: LeaseBackend + ?Sized> LeaseBackend for Arc<B> {
    fn place(&self, name: &str) -> String {
        (**self).place(name)
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        (**self).observe(name)
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        (**self).acquire(name, seen, claim)
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        (**self).renew(name, claim)
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        (**self).release(name, claim)
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        (**self).break_lease(name, seen)
    }

    fn is_in_process(&self) -> bool {
        (**self).is_in_process()
    }
}

/// How a lease is at a moment; from [`LeaseBackend::observe`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaseState {
    /// Names this state among all that the lease ever is in. Each acquisition, renewal, release and break leads to another one, where
    /// [`left`](Self::left) is `None`.
    pub version: String,
    /// Who has the lease. `None` if it is free.
    pub holder: Option<LeaseHolder>,
    /// For how much longer the holder has the lease, if the backend ends it then by itself. If it does not, `None`: whoever wants the lease watches it,
    /// and may take it when it has been in one state for the TTL of its holder and a tenth more.
    pub left: Option<Duration>,
}

/// What somebody who wants a lease, or has it, says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaseClaim {
    /// Names this acquisition among all.
    pub token: Token,
    /// For how long the lease is held without renewal.
    pub ttl: Duration,
    /// Who it is, in the program's own words: see [`Lease::owner`](super::Lease::owner). May be empty.
    pub owner: String,
    /// Which process it is: `pid 4711 (uno) on build7`.
    pub process: String,
    /// When it asked for the lease, by its own wall clock. For people to read: no lease depends on it.
    pub since: SystemTime,
}

/// Says who has a lease; from [`Lease::holder`](super::Lease::holder).
///
/// Its text is the one that errors and records of the log have: `held by pid 4711 (uno) on build7: nightly (fence 12)`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaseHolder {
    /// Its fencing number.
    pub fence: u64,
    /// Its token.
    pub token: Token,
    /// For how long it has the lease without renewal.
    pub ttl: Duration,
    /// Who it is, in its own words. Empty if it did not say, or if that cannot be read.
    pub owner: String,
    /// Which process it is: `pid 4711 (uno) on build7`. Empty if that cannot be read.
    pub process: String,
    /// When it asked for the lease, by its own wall clock. `None` if that cannot be read.
    pub since: Option<SystemTime>,
}

impl LeaseHolder {
    /// Returns the holder that `claim` is with this fencing number.
    #[must_use]
    pub fn new(claim: &LeaseClaim, fence: u64) -> Self {
        let LeaseClaim { token, ttl, owner, process, since } = claim.clone();
        LeaseHolder { fence, token, ttl, owner, process, since: Some(since) }
    }

    /// Returns a holder of which no more is known.
    #[must_use]
    pub fn unknown(token: Token, ttl: Duration, fence: u64) -> Self {
        LeaseHolder { fence, token, ttl, owner: String::new(), process: String::new(), since: None }
    }
}

impl fmt::Display for LeaseHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.process.is_empty() { "somebody who left no word" } else { &self.process };
        write!(f, "held by {who}")?;
        if !self.owner.is_empty() {
            write!(f, ": {}", self.owner)?;
        }
        write!(f, " (fence {})", self.fence)
    }
}

/// The longest text of an owner, in bytes.
pub(super) const OWNER_BYTES: usize = 1024;

/// The longest name of a process, in bytes.
const PROCESS_BYTES: usize = 1024;

/// A claim as it is written.
#[derive(Deserialize, Serialize)]
struct Written {
    token: String,
    ttl_ms: u64,
    owner: String,
    process: String,
    since_ms: u64,
}

impl LeaseClaim {
    /// Returns the claim as a line of text, which [`parse`](Self::parse) reads back.
    #[must_use]
    pub fn to_text(&self) -> String {
        let written = Written {
            token: self.token.to_string(),
            ttl_ms: millis(self.ttl),
            owner: self.owner.clone(),
            process: self.process.clone(),
            since_ms: millis(self.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()),
        };
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Returns the claim that a text has, or `None` if it has none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        Some(LeaseClaim {
            token: written.token.parse().ok()?,
            ttl: Duration::from_millis(written.ttl_ms),
            owner: one_line(&written.owner, OWNER_BYTES),
            process: one_line(&written.process, PROCESS_BYTES),
            since: SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(written.since_ms))?,
        })
    }
}

/// Returns a time in milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
