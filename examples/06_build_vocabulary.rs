//! The build vocabulary: `tracing` events that look like the output of a build tool, with fields for machines.
//!
//! ```text
//! 00:00.00 Build System v1.2.4
//!
//! 00:00.00 [1/3] Parsing platformio.ini
//! 00:00.00       MCU: atmega328p
//! 00:00.35 [2/3] Compiling
//! 00:00.35       [core] main.cpp
//! 00:00.35       [core] wiring.c (cached)
//! 00:04.10 [3/3] Linking
//! 00:04.10 WARNING: flash is nearly full used=97
//! 00:04.95 Firmware written
//!
//! 00:04.95 Build time: 4.95s
//! ```

use std::time::Duration;

use logscope::build::{detail, finished, header, phase, success, unit};
use logscope::{Format, LevelFilter, ManualClock, OutputContext, sink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();
    let clock = ManualClock::new(); // the example takes no time, and its output is always the same
    let uno = OutputContext::builder("uno")
        .verbosity(LevelFilter::DEBUG) // units are logged at DEBUG
        .sink(sink::stdout().format(Format::build())) // in colour on a terminal
        .clock(&clock)
        .build();

    uno.scope(|| {
        header!("Build System", "1.2.4");
        phase!(1, 3, "Parsing {}", "platformio.ini");
        detail!("MCU: {}", "atmega328p");
        clock.advance(Duration::from_millis(350));

        phase!(2, 3, "Compiling");
        unit!("core", "main.cpp");
        unit!("core", "wiring.c", true);
        clock.advance(Duration::from_millis(3_750));

        phase!(3, 3, "Linking");
        tracing::warn!(used = 97, "flash is nearly full");
        clock.advance(Duration::from_millis(850));
        success!("Firmware written");
        finished!();
    });
    Ok(())
}
