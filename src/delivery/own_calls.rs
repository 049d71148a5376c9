//! The log calls that this thread is in, one inside another: a value that is being rendered may log, and it may flush.

use std::cell::Cell;
use std::ptr;

use super::InFlight;

/// How many calls of a thread are remembered. Values that log may nest four deep, and what is deeper is not rendered.
const REMEMBERED: usize = 8;

thread_local! {
    /// Const and without a destructor, so that the destructors of other thread-locals can log.
    static OWN: OwnCalls = const { OwnCalls { depth: Cell::new(0), calls: [const { Cell::new((ptr::null(), 0)) }; REMEMBERED] } };
}

struct OwnCalls {
    depth: Cell<usize>,
    /// For each call, whose it is, and how many of its deliveries this thread has still to make.
    calls: [Cell<(*const InFlight, u64)>; REMEMBERED],
}

/// A call that this thread is in, until it is dropped.
pub(crate) struct OwnCall {
    index: usize,
}

impl OwnCall {
    /// Notes that this thread begins a call of `in_flight` with so many deliveries.
    #[inline]
    pub(crate) fn enter(in_flight: &InFlight, deliveries: u64) -> Self {
        OWN.with(|own| {
            let index = own.depth.get();
            own.depth.set(index + 1);
            if let Some(call) = own.calls.get(index) {
                call.set((in_flight, deliveries));
            }
            OwnCall { index }
        })
    }

    /// Notes that a queue has taken over one of the deliveries.
    #[inline]
    pub(crate) fn hand_over(&self) {
        OWN.with(|own| {
            if let Some(call) = own.calls.get(self.index) {
                let (in_flight, deliveries) = call.get();
                call.set((in_flight, deliveries - 1));
            }
        });
    }
}

impl Drop for OwnCall {
    #[inline]
    fn drop(&mut self) {
        OWN.with(|own| own.depth.set(self.index));
    }
}

/// True if this thread is in a log call: it renders a value, or delivers a record.
///
/// A flush does not wait for calls then. Two threads that flush from inside calls would wait for each other.
pub(crate) fn is_in_call() -> bool {
    OWN.with(|own| own.depth.get() > 0)
}

/// Returns how many deliveries this thread has still to make in the calls of `in_flight` that it is in.
pub(crate) fn own_deliveries(in_flight: &InFlight) -> u64 {
    OWN.with(|own| {
        let calls = own.calls.iter().take(own.depth.get()).map(Cell::get);
        calls.filter(|(of, _)| ptr::eq(*of, in_flight)).map(|(_, deliveries)| deliveries).sum()
    })
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn calls_nest_and_deliveries_are_counted_for_their_owner() {
        let (one, two) = (InFlight::new(), InFlight::new());
        assert!(!is_in_call());
        let outer = OwnCall::enter(&one, 3);
        outer.hand_over();
        {
            let _other = OwnCall::enter(&two, 1);
            let _inner = OwnCall::enter(&one, 2);
            assert_eq!((own_deliveries(&one), own_deliveries(&two)), (4, 1));
            let _deep: Vec<_> = (0..2 * REMEMBERED).map(|_| OwnCall::enter(&two, 1)).collect();
            assert_eq!(own_deliveries(&one), 4);
        }
        assert!(is_in_call());
        assert_eq!((own_deliveries(&one), own_deliveries(&two)), (2, 0));
        drop(outer);
        assert!(!is_in_call());
        assert_eq!(own_deliveries(&one), 0);
    }
}
