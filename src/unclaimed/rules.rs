//! What a program has set about unclaimed events: which of them count, and which events the process default takes at all.

use crate::sync::model::ArcSwap;
use crate::sync::{Arc, AtomicU8, OnceLock, Ordering};

/// What becomes of an event that no context has claimed; for [`Config::unclaimed`](crate::Config::unclaimed).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unclaimed {
    /// It is expected in the process default, and not counted.
    Ignore,
    /// It is counted, for [`unclaimed`](crate::unclaimed()).
    #[default]
    Count,
    /// It is counted, and a record in the process default tells of it.
    Warn,
}

/// The settings of a program. The ones of the process, until a program sets others, are these defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    others: Unclaimed,
    /// The longest targets first.
    named: Vec<(String, Unclaimed)>,
    /// `None` if the process default takes all targets.
    default_targets: Option<Vec<String>>,
}

static RULES: OnceLock<ArcSwap<Rules>> = OnceLock::new();

/// What can be known without looking at [`RULES`]: the policy of all targets, and, in bits of their own, what must be asked there, and whether
/// some event is to be told.
static SUMMARY: AtomicU8 = AtomicU8::new(Unclaimed::Count as u8);

const POLICY: u8 = 3;
const HAS_TARGETS: u8 = 4;
const HAS_DEFAULT_TARGETS: u8 = 8;
const WARNS: u8 = 16;

impl Rules {
    pub(crate) fn set_policy(&mut self, policy: Unclaimed) {
        self.others = policy;
    }

    /// Sets the policy of the targets that begin with `prefix`.
    pub(crate) fn set_policy_for(&mut self, prefix: String, policy: Unclaimed) {
        self.named.retain(|(known, _)| *known != prefix);
        self.named.push((prefix, policy));
        self.named.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    }

    pub(crate) fn set_default_targets(&mut self, prefixes: Vec<String>) {
        self.default_targets = Some(prefixes);
    }

    /// Returns true if some event is to be told.
    pub(crate) fn warns(&self) -> bool {
        self.others == Unclaimed::Warn || self.named.iter().any(|(_, policy)| *policy == Unclaimed::Warn)
    }

    fn policy(&self, target: &str) -> Unclaimed {
        self.named.iter().find(|(prefix, _)| target.starts_with(&**prefix)).map_or(self.others, |(_, policy)| *policy)
    }

    fn default_takes(&self, target: &str) -> bool {
        self.default_targets.as_ref().is_none_or(|targets| targets.iter().any(|prefix| target.starts_with(&**prefix)))
    }

    /// Makes these the rules of the process.
    pub(crate) fn apply(self) {
        let has_targets = if self.named.is_empty() { 0 } else { HAS_TARGETS };
        let has_default_targets = if self.default_targets.is_some() { HAS_DEFAULT_TARGETS } else { 0 };
        let warns = if self.warns() { WARNS } else { 0 };
        let summary = self.others as u8 | has_targets | has_default_targets | warns;
        let rules = Arc::new(self);
        match RULES.get() {
            Some(present) => drop(present.swap(rules)),
            None => {
                if let Err(ours) = RULES.set(ArcSwap::new(rules)) {
                    // Another thread was faster, and the cell is filled.
                    if let Some(present) = RULES.get() {
                        drop(present.swap(ours.into_inner()));
                    }
                }
            }
        }
        // Release, with the Acquire in `summary`: whoever sees that the rules must be asked finds them.
        SUMMARY.store(summary, Ordering::Release);
    }
}

#[inline]
fn summary() -> u8 {
    SUMMARY.load(Ordering::Acquire)
}

/// Returns true if some event is to be told.
#[inline]
pub(super) fn warns() -> bool {
    summary() & WARNS != 0
}

/// Returns what the program has set for a target.
#[inline]
pub(super) fn policy(target: &str) -> Unclaimed {
    #[inline(never)]
    fn ask(target: &str) -> Unclaimed {
        RULES.get().map_or(Unclaimed::default(), |rules| rules.load().policy(target))
    }
    let summary = summary();
    if summary & HAS_TARGETS != 0 {
        return ask(target);
    }
    match summary & POLICY {
        0 => Unclaimed::Ignore,
        1 => Unclaimed::Count,
        _ => Unclaimed::Warn,
    }
}

/// Returns whether the process default takes events of a target from outside every scope.
#[inline]
pub(super) fn default_takes(target: &str) -> bool {
    #[inline(never)]
    fn ask(target: &str) -> bool {
        RULES.get().is_none_or(|rules| rules.load().default_takes(target))
    }
    summary() & HAS_DEFAULT_TARGETS == 0 || ask(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let mut rules = Rules::default();
        assert_eq!(rules.policy("app"), Unclaimed::Count);
        assert!(rules.default_takes("app") && !rules.warns());
        rules.set_policy(Unclaimed::Warn);
        rules.set_policy_for("app".to_owned(), Unclaimed::Count);
        rules.set_policy_for("app::daemon".to_owned(), Unclaimed::Ignore);
        let of = |target| rules.policy(target);
        assert_eq!(
            ["app", "app::daemon::x", "apps", "ap"].map(of),
            [Unclaimed::Count, Unclaimed::Ignore, Unclaimed::Count, Unclaimed::Warn]
        );
        rules.set_policy_for("app".to_owned(), Unclaimed::Warn);
        assert_eq!(rules.policy("app"), Unclaimed::Warn, "the later one counts");
        rules.set_default_targets(vec!["app".to_owned()]);
        assert!(rules.default_takes("app::x") && !rules.default_takes("hyper"));
    }
}
