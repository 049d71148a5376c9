//! Process groups: `unix` and `other` have the same functions.

#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "redox")))))]
mod other;
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod unix;

#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "redox")))))]
pub(super) use other::Group;
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
pub(super) use unix::Group;

/// Whether programs can be ended.
pub(super) const HAS_GROUPS: bool = cfg!(all(unix, not(any(target_os = "openbsd", target_os = "redox"))));
