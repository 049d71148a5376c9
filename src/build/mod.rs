//! The vocabulary of builds: headers, phases, details, units, success, and the end with its time.
//!
//! Each macro is a `tracing` event underneath, with fields, so that JSON has them, other layers see them, and verbosity and
//! targets work as for any event. [`Format::build`](crate::Format::build) prints them the way that build tools do:
//!
//! What a word says is in its fields; only those that take a message have one.
//!
//! | call | printed, after the elapsed time | level | fields |
//! |---|---|---|---|
//! | `header!("Build System", "1.2.4")` | `Build System v1.2.4` and an empty line | INFO | `build="header"`, `name`, `version` |
//! | `phase!(1, 9, "Parsing {file}")` | `[1/9] Parsing platformio.ini` | INFO | `build="phase"`, `phase`, `phases` |
//! | `detail!("MCU: {mcu}")` | six blanks and `MCU: esp32` | INFO | `build="detail"` |
//! | `unit!("core", "main.cpp", true)` | `      [core] main.cpp (cached)` | DEBUG | `build="unit"`, `group`, `unit`, `cached` |
//! | `success!("Firmware written")` | `Firmware written`, in green | INFO | `build="success"` |
//! | `finished!()` | an empty line and `Build time: 12.34s`, from the origin | INFO | `build="finished"` |
//!
//! The arguments of `header!` and `unit!` are values with `Display`, and the third of `unit!`, whether it came from the cache, is a `bool`
//! that may be left out. The other macros take a format string and its arguments.
//!
//! Warnings and errors are `tracing::warn!` and `tracing::error!`; the format puts `WARNING: ` and `ERROR: ` before them. A program's result
//! on stdout is not logging and has no macro.
//!
//! What is given to a macro is evaluated only where the event is enabled, as with `tracing`'s own. The numbers of a phase are as they
//! were given: those that no phase can have (negative, or beyond `u64`) are printed as fields.
//!
//! The macros live in this module alone, so that a glob import of the crate never shadows one of std's.
//!
//! ```
//! use logscope::build::{detail, finished, header, phase, success, unit};
//! use logscope::{Format, LevelFilter, ManualClock, OutputContext, sink};
//! # use std::time::Duration;
//!
//! # let _ = logscope::init();
//! # let clock = ManualClock::new();
//! let (memory, printed) = sink::memory();
//! let uno = OutputContext::builder("uno")
//!     .verbosity(LevelFilter::DEBUG)
//!     .sink(memory.format(Format::build()))
//! #     .clock(clock.clone())
//!     .build();
//!
//! uno.scope(|| {
//!     header!("Build System", "1.2.4");
//!     phase!(1, 2, "Parsing {}", "platformio.ini");
//!     detail!("MCU: {}", "atmega328p");
//!     unit!("core", "main.cpp", true);
//! #   clock.advance(Duration::from_millis(12_340));
//!     tracing::warn!("flash is nearly full");
//!     success!("Firmware written");
//!     finished!();
//! });
//! # assert_eq!(
//! #     printed.text(),
//! #     "00:00.00 Build System v1.2.4\n\n\
//! #      00:00.00 [1/2] Parsing platformio.ini\n\
//! #      00:00.00       MCU: atmega328p\n\
//! #      00:00.00       [core] main.cpp (cached)\n\
//! #      00:12.34 WARNING: flash is nearly full\n\
//! #      00:12.34 Firmware written\n\n\
//! #      00:12.34 Build time: 12.34s\n"
//! # );
//! ```

pub use crate::{
    __build_detail as detail, __build_finished as finished, __build_header as header, __build_phase as phase,
    __build_success as success, __build_unit as unit,
};

/// Says what is building, and its version: `header!("Build System", "1.2.4")`. Both are values with `Display`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_header {
    ($name:expr, $version:expr $(,)?) => {
        $crate::__private::tracing::info!(build = "header", name = %$name, version = %$version)
    };
}

/// Says which phase of how many begins: `phase!(1, 9, "Parsing {}", file)`. Both numbers are integers of any type.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_phase {
    ($phase:expr, $phases:expr, $($message:tt)+) => {
        $crate::__private::tracing::info!(
            build = "phase",
            phase = $phase,
            phases = $phases,
            $($message)+
        )
    };
}

/// Says a detail of the phase: `detail!("MCU: {}", mcu)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_detail {
    ($($message:tt)+) => {
        $crate::__private::tracing::info!(build = "detail", $($message)+)
    };
}

/// Says which unit was built, and whether it came from the cache: `unit!("core", "main.cpp", cached)`; without the third, it did
/// not. At DEBUG.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_unit {
    ($group:expr, $unit:expr $(,)?) => {
        $crate::__build_unit!($group, $unit, false)
    };
    ($group:expr, $unit:expr, $cached:expr $(,)?) => {
        $crate::__private::tracing::debug!(build = "unit", group = %$group, unit = %$unit, cached = $cached)
    };
}

/// Says that it worked: `success!("Firmware written")`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_success {
    ($($message:tt)+) => {
        $crate::__private::tracing::info!(build = "success", $($message)+)
    };
}

/// Says that it is over, and how long it took since the origin of the context: `finished!()`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_finished {
    () => {
        $crate::__private::tracing::info!(build = "finished")
    };
}
