//! How many may hold a lock.

/// Whether a lock is for one holder alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// For one holder.
    Exclusive,
    /// For all who want it shared.
    Shared,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Exclusive => "exclusive",
            Mode::Shared => "shared",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Mode::Exclusive, Mode::Shared].into_iter().find(|mode| mode.name() == name)
    }
}
