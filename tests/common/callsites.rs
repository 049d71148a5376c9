//! Hundreds of callsites, each of which is hit for the first time once per process.

use tracing::Level;

/// One call of `tracing::event!`, with a callsite of its own.
#[derive(Clone, Copy)]
pub(crate) struct Callsite {
    pub(crate) level: Level,
    pub(crate) target: &'static str,
    pub(crate) hit: fn(),
}

macro_rules! callsite {
    ($target:literal, $level:ident) => {
        Callsite { level: Level::$level, target: $target, hit: || tracing::event!(target: $target, Level::$level, "hit") }
    };
}

macro_rules! one_of_each {
    () => {
        [
            callsite!("near", ERROR),
            callsite!("near", WARN),
            callsite!("near", INFO),
            callsite!("near", DEBUG),
            callsite!("near", TRACE),
            callsite!("far", ERROR),
            callsite!("far", WARN),
            callsite!("far", INFO),
            callsite!("far", DEBUG),
            callsite!("far", TRACE),
        ]
    };
}

/// Expands its argument four times, so that each expansion has callsites of its own.
macro_rules! four_times {
    ($($array:tt)*) => {
        [$($array)*, $($array)*, $($array)*, $($array)*]
    };
}

static CALLSITES: [[[[Callsite; 10]; 4]; 4]; 4] = four_times!(four_times!(four_times!(one_of_each!())));

/// All callsites.
pub(crate) fn callsites() -> &'static [Callsite] {
    CALLSITES.as_flattened().as_flattened().as_flattened()
}
