//! The name of the one file in the folder of a lease, which is the state of the lease.

use std::fmt;
use std::time::Duration;

use crate::lock::Token;
use crate::store::lease::backend::millis;

/// What a lease is: free, or held.
///
/// No two states of a lease have the same name: each fencing number is given once, its renewals are counted, and it is freed once.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Name {
    /// `<fence>.free.0`, or `.1` if it was broken. The number is that of the last holder.
    Free { fence: u64, is_broken: bool },
    /// `<fence>.<token>.<renewal>.<TTL in milliseconds>`. The TTL stands here because whoever watches the lease must know it from the
    /// moment on that the lease is held: what is written in a second step may never be written.
    Held { fence: u64, token: Token, renewal: u64, ttl: u64 },
}

impl Name {
    /// Returns the state in which the lease is held for the first time with the next fencing number. `None` if there is no such number.
    pub(super) fn taken(self, token: Token, ttl: Duration) -> Option<Self> {
        Some(Name::Held { fence: self.fence().checked_add(1)?, token, renewal: 0, ttl: millis(ttl) })
    }

    /// Returns the next state of the same holder. `None` if nobody holds the lease.
    pub(super) fn renewed(self) -> Option<Self> {
        match self {
            Name::Free { .. } => None,
            Name::Held { fence, token, renewal, ttl } => {
                Some(Name::Held { fence, token, renewal: renewal.checked_add(1)?, ttl })
            }
        }
    }

    pub(super) fn freed(self, is_broken: bool) -> Self {
        Name::Free { fence: self.fence(), is_broken }
    }

    pub(super) fn fence(self) -> u64 {
        match self {
            Name::Free { fence, .. } | Name::Held { fence, .. } => fence,
        }
    }

    pub(super) fn is_held_by(self, by: Token) -> bool {
        matches!(self, Name::Held { token, .. } if token == by)
    }

    /// Returns the state that a file's name says, or `None` for a file that is none of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let fence = number(parts.next()?)?;
        let name = match parts.next()? {
            "free" => Name::Free { fence, is_broken: number(parts.next()?)? != 0 },
            token => Name::Held {
                fence,
                token: token.parse().ok()?,
                renewal: number(parts.next()?)?,
                ttl: number(parts.next()?)?,
            },
        };
        parts.next().is_none().then_some(name)
    }
}

fn number(text: &str) -> Option<u64> {
    // One text for each number, so that one file cannot have the name of two states.
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Free { fence, is_broken } => write!(f, "{fence}.free.{}", u8::from(*is_broken)),
            Name::Held { fence, token, renewal, ttl } => write!(f, "{fence}.{token}.{renewal}.{ttl}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_none_of_ours() {
        let token = Token::random();
        let free = Name::Free { fence: 7, is_broken: false };
        let held = free.taken(token, Duration::from_secs(30)).unwrap();
        assert_eq!(held.to_string(), format!("8.{token}.0.30000"));
        for name in [free, held, held.renewed().unwrap(), held.freed(true)] {
            assert_eq!(Name::parse(&name.to_string()), Some(name), "{name}");
        }
        for foreign in
            ["", "7", "7.free", "07.free.0", "+7.free.0", "7.free.0.0", "7.token.0.1", ".nfs0001", "7.free.x"]
        {
            assert_eq!(Name::parse(foreign), None, "{foreign}");
        }
        assert_eq!(Name::Free { fence: u64::MAX, is_broken: false }.taken(token, Duration::ZERO), None);
    }
}
