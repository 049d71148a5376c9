//! Who makes which value, and for whose value its maker waits: so that a thread is told before it would wait for itself.
//!
//! A constructor may ask the registry for other values. If it asks for its own, or for one whose constructor asks for its own in turn, on this
//! thread or another, all of them would wait for ever. The list has an edge from each value that is being made to the one that its maker waits
//! for. An edge is added only if it closes no circle, in one critical section with the check, so no circle ever comes to be.

use super::core::EntryId;
use crate::sync::model::ThreadId;

/// The values that are being made now, in the order in which that began.
#[derive(Debug, Default)]
pub(super) struct Waits {
    makings: Vec<Making>,
}

#[derive(Debug)]
struct Making {
    entry: EntryId,
    maker: ThreadId,
    /// What the maker needs for it, and has not got yet.
    waits_for: Option<EntryId>,
}

impl Waits {
    pub(super) const fn new() -> Self {
        Waits { makings: Vec::new() }
    }

    /// Notes that `thread` needs the value `entry`, which is not there yet. Returns false if the thread would wait for itself.
    pub(super) fn begin_wait(&mut self, thread: ThreadId, entry: EntryId) -> bool {
        let mut next = Some(entry);
        while let Some(making) = next.and_then(|entry| self.making(entry)) {
            if making.maker == thread {
                return false;
            }
            next = making.waits_for;
        }
        // Of nested constructors the innermost one is the last.
        if let Some(own) = self.makings.iter_mut().rev().find(|making| making.maker == thread) {
            own.waits_for = Some(entry);
        }
        true
    }

    /// Notes that the thread has got the value `entry`, or given up.
    pub(super) fn end_wait(&mut self, thread: ThreadId, entry: EntryId) {
        let waits = |making: &&mut Making| making.maker == thread && making.waits_for == Some(entry);
        if let Some(own) = self.makings.iter_mut().rev().find(waits) {
            own.waits_for = None;
        }
    }

    pub(super) fn begin_making(&mut self, maker: ThreadId, entry: EntryId) {
        self.makings.push(Making { entry, maker, waits_for: None });
    }

    pub(super) fn end_making(&mut self, entry: EntryId) {
        self.makings.retain(|making| making.entry != entry);
    }

    fn making(&self, entry: EntryId) -> Option<&Making> {
        self.makings.iter().find(|making| making.entry == entry)
    }
}
