//! When an entry serves a call, and what a call returns.

use std::path::PathBuf;
use std::time::Duration;

/// Says which entries of a cache serve a call; for [`Fetch::policy`](super::Fetch::policy).
///
/// Whatever the policy, an entry that began to be made after the call serves it. So of n callers at once, one makes and n - 1 are served by it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum FetchPolicy {
    /// Any entry. It is made if there is none.
    #[default]
    IfMissing,
    /// Only an entry that began to be made after the call. However many call at once, two makes serve them all: one may be under way, and the next
    /// one begins after the last of the calls.
    Always,
    /// An entry that was made at most so long ago.
    ///
    /// As long as the machine runs, its age is told by the clock of that run, which goes on while the machine sleeps and cannot be set (Linux and
    /// Android). Of an entry from before that, and on other systems, the wall clock tells. If that was set forward, the entry is made earlier than
    /// it must; if it was set back behind the moment at which the entry was made, it is made again; if it was set back by less, the entry counts as
    /// younger by as much.
    MaxAge(Duration),
}

/// Says where what was fetched is; from [`Fetch::get`](super::Fetch::get).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fetched {
    /// The file in the cache. Another call may replace it at any time by a newer one, and whoever cleans the cache may remove it; a mirror stays.
    pub path: PathBuf,
    /// The mirror, if one was asked for.
    pub mirror: Option<PathBuf>,
    /// This call has made the entry; otherwise it was there, or another call has made it.
    pub made: bool,
    /// How long ago the entry was made; none if nobody can tell, because its record is missing or the wall clock was set back.
    pub age: Option<Duration>,
}
