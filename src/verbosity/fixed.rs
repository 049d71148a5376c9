//! A verbosity that does not change: what a [`Verbosity`](super::Verbosity) is, or what its dial stands at.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::directives::Directives;
use crate::sync::Arc;

/// A level, or directives together with the most verbose level among them. Clones share what the directives remember.
#[derive(Clone, PartialEq)]
pub(super) struct Fixed {
    max: LevelFilter,
    /// None for a plain level, which allocates nothing.
    directives: Option<Arc<Directives>>,
}

impl Fixed {
    pub(super) fn plain(level: LevelFilter) -> Self {
        Fixed { max: level, directives: None }
    }

    pub(super) fn with_directives(directives: Directives) -> Self {
        Fixed { max: directives.max_level(), directives: Some(Arc::new(directives)) }
    }

    pub(super) fn max_level(&self) -> LevelFilter {
        self.max
    }

    pub(super) fn is_plain(&self) -> bool {
        self.directives.is_none()
    }

    pub(super) fn level_for(&self, target: &str) -> LevelFilter {
        self.directives.as_ref().map_or(self.max, |directives| directives.level_for(target))
    }

    #[inline]
    pub(super) fn glance(&self, level: &Level) -> Option<bool> {
        let wanted = *level <= self.max;
        (!wanted || self.directives.is_none()).then_some(wanted)
    }

    #[inline]
    pub(super) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        *metadata.level() <= self.max && self.directives.as_ref().is_none_or(|directives| directives.allows(metadata))
    }

    #[inline]
    pub(super) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.max
            && self.directives.as_ref().is_none_or(|directives| directives.allows_any(metadata))
    }

    pub(super) fn allows_target(&self, level: Level, target: &str) -> bool {
        level <= self.max && level <= self.level_for(target)
    }

    pub(super) fn clamped(&self, ceiling: LevelFilter) -> Fixed {
        match &self.directives {
            _ if self.max <= ceiling => self.clone(),
            None => Fixed::plain(ceiling),
            Some(directives) => Fixed::with_directives(directives.clamped(ceiling)),
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.directives {
            None => self.max.fmt(f),
            Some(directives) => directives.fmt(f),
        }
    }
}

#[cfg(test)]
impl Fixed {
    pub(super) fn remembers(&self, metadata: &'static Metadata<'static>) -> bool {
        self.directives.as_ref().is_some_and(|directives| directives.remembers(metadata))
    }
}
