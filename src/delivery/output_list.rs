//! A list of outputs, whose counts stay when an output goes.

use super::{Counters, Ledger};
use crate::sync::{Arc, Weak};

/// Outputs, open and closed. No count is missing from the totals at any moment.
pub(super) struct OutputList<T> {
    /// Entries of closed outputs are removed when the list needs room. Their counts stay until then.
    entries: Vec<(Weak<T>, Arc<Counters>)>,
    /// What became of the records of outputs whose entries were removed.
    closed: Ledger,
}

impl<T> Clone for OutputList<T> {
    fn clone(&self) -> Self {
        OutputList { entries: self.entries.clone(), closed: self.closed }
    }
}

impl<T> OutputList<T> {
    pub(super) const EMPTY: OutputList<T> = OutputList { entries: Vec::new(), closed: Ledger::EMPTY };

    /// Adds an output and its counts.
    pub(super) fn push(&mut self, output: &Arc<T>, counters: &Arc<Counters>) {
        if self.entries.len() == self.entries.capacity() {
            let closed = &mut self.closed;
            self.entries.retain(|(output, counters)| {
                let is_open = output.strong_count() > 0;
                if !is_open {
                    *closed = closed.plus(counters.ledger());
                }
                is_open
            });
        }
        self.entries.push((Arc::downgrade(output), Arc::clone(counters)));
    }

    /// Returns the open outputs, and what became of the records of the closed ones.
    pub(super) fn read(&self) -> (Vec<Arc<T>>, Ledger) {
        let (mut open, mut closed) = (Vec::with_capacity(self.entries.len()), self.closed);
        for (output, counters) in &self.entries {
            match output.upgrade() {
                Some(output) => open.push(output),
                None => closed = closed.plus(counters.ledger()),
            }
        }
        (open, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Fate;

    #[test]
    fn the_list_keeps_the_counts_of_closed_outputs_and_little_else() {
        let mut list = OutputList::EMPTY;
        let push = |list: &mut OutputList<()>, written| {
            let (output, counters) = (Arc::new(()), Arc::new(Counters::default()));
            counters.count(Fate::Written, written);
            list.push(&output, &counters);
            output
        };
        let open = push(&mut list, 0);
        let capacity = list.entries.capacity();
        assert!(capacity > 2, "the list grows by more than one entry");
        for _ in 1..capacity {
            push(&mut list, 1);
        }
        let closed = capacity as u64 - 1;
        assert_eq!(list.entries.len(), capacity, "entries are removed when the list needs room");
        let (outputs, sum) = list.read();
        assert!(matches!(&outputs[..], [output] if Arc::ptr_eq(output, &open)));
        assert_eq!(sum.written, closed);

        let last = push(&mut list, 0);
        assert_eq!(list.entries.len(), 2);
        let (outputs, sum) = list.read();
        assert!(matches!(&outputs[..], [one, two] if Arc::ptr_eq(one, &open) && Arc::ptr_eq(two, &last)));
        assert_eq!(sum.written, closed);
    }
}
