//! Macros for the events of a build: header, phase, detail, unit, success, failure, and finished.
//!
//! Each macro logs a plain `tracing` event, so that JSON has its fields, other layers see it, and verbosity and targets work as for any
//! event. [`Format::build`](crate::Format::build) prints these events as build tools print their lines.
//!
//! | call | printed, after the elapsed time | level | fields |
//! |---|---|---|---|
//! | `header!("Build System", "1.2.4")` | `Build System v1.2.4` and an empty line | INFO | `build="header"`, `name`, `version` |
//! | `phase!(1, 9, "Parsing {file}")` | `[1/9] Parsing platformio.ini` | INFO | `build="phase"`, `phase`, `phases` |
//! | `detail!("MCU: {mcu}")` | six blanks and `MCU: esp32` | INFO | `build="detail"` |
//! | `unit!("core", "main.cpp", true)` | `      [core] main.cpp (cached)` | DEBUG | `build="unit"`, `group`, `unit`, `cached` |
//! | `success!("Firmware written")` | `Firmware written`, in green | INFO | `build="success"` |
//! | `failure!("no such file: {file}")` | `ERROR: no such file: a.c`, in red | ERROR | `build="failure"` |
//! | `finished!()` | an empty line and `Build time: 12.34s`, from the origin of the context | INFO | `build="finished"` |
//!
//! In lines with a column for the context, [`aligned`](crate::Format::aligned), there are no empty lines, and a success has the mark `✓`, a failure
//! `✗` in place of `ERROR: `.
//!
//! The arguments of `header!` and `unit!` are values with `Display`, and the third of `unit!`, whether it came from the cache, is a `bool`
//! that may be left out. The messages of `phase!`, `detail!`, `success!` and `failure!` are format strings with their arguments.
//!
//! Warnings and errors are `tracing::warn!` and `tracing::error!`; the format puts `WARNING: ` and `ERROR: ` before them. A program's result
//! on stdout is not logging and has no macro.
//!
//! The arguments of a macro are evaluated only if the event is enabled, as with `tracing`'s own macros. The numbers of a phase are not
//! checked: a negative number, or one beyond `u64`, is printed as a field.
//!
//! The macros are in this module only, so that a glob import of the crate never shadows a macro of std. How the lines look is in
//! `format/build`. Of this crate, this module imports nothing but the `tracing` that `lib.rs` re-exports for macros.
//!
//! ```
//! use logscope::build::{detail, finished, header, phase, success, unit};
//! use logscope::{Format, LevelFilter, ManualClock, OutputContext, sink};
//! # use std::time::Duration;
//!
//! # let _ = logscope::try_init();
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
//!
//! # In other formats
//!
//! Only `Format::build` knows the vocabulary. In the other formats these are events with the fields above, and `header!`, `unit!` and
//! `finished!` have no message:
//!
//! ```text
//! 00:00.000045 INFO  uno app: build=header name="Build System" version=1.2.4
//! 00:00.000118 INFO  uno app: Parsing platformio.ini build=phase phase=1 phases=9
//! 00:00.520143 DEBUG uno app: build=unit group=core unit=main.cpp cached=true
//! 00:12.340178 INFO  uno app: build=finished
//! ```
//!
//! So these three are empty lines in [`Format::raw`](crate::Format::raw), and lines that say nothing in a format without
//! [`fields`](crate::Format::fields). A [layout](crate::Layout) of your own pushes the message and the fields, with a
//! [`gap`](crate::LayoutWriter::gap) before each: [the guide](crate::docs::layout#events-without-a-message) has an example.

pub use crate::{
    __build_detail as detail, __build_failure as failure, __build_finished as finished, __build_header as header,
    __build_phase as phase, __build_success as success, __build_unit as unit,
};

/// Logs the name and the version of the build: `header!("Build System", "1.2.4")`. Both are values with `Display`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_header {
    ($name:expr, $version:expr $(,)?) => {
        $crate::__private::tracing::info!(build = "header", name = %$name, version = %$version)
    };
}

/// Logs the beginning of a phase, with its number and the number of phases: `phase!(1, 9, "Parsing {}", file)`. Both are integers of any type.
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

/// Logs a detail of the phase: `detail!("MCU: {}", mcu)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_detail {
    ($($message:tt)+) => {
        $crate::__private::tracing::info!(build = "detail", $($message)+)
    };
}

/// Logs a unit that was built, at DEBUG: `unit!("core", "main.cpp", cached)`. Without the third argument the unit did not come from the cache.
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

/// Logs that the build succeeded: `success!("Firmware written")`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_success {
    ($($message:tt)+) => {
        $crate::__private::tracing::info!(build = "success", $($message)+)
    };
}

/// Logs that the build failed: `failure!("no such file: {file}")`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_failure {
    ($($message:tt)+) => {
        $crate::__private::tracing::error!(build = "failure", $($message)+)
    };
}

/// Logs the end of the build, with the time since the origin of the context: `finished!()`.
#[doc(hidden)]
#[macro_export]
macro_rules! __build_finished {
    () => {
        $crate::__private::tracing::info!(build = "finished")
    };
}
