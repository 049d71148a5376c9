//! The macros of the build vocabulary, as programs call them.
#![cfg(feature = "build")]

use std::cell::Cell;
use std::time::Duration;

use logscope::build::{detail, finished, header, phase, success, unit};
use logscope::{Clock, Format, LevelFilter, ManualClock, OutputContext, Time, sink};

/// The text that `f` logs at this verbosity, without times.
fn printed(verbosity: LevelFilter, format: Format, f: impl FnOnce()) -> String {
    let _ = logscope::try_init();
    let (log, memory) = sink::memory();
    let clock = ManualClock::new();
    let uno = OutputContext::builder("uno").verbosity(verbosity).clock(&clock).sink(log.format(format)).build();
    uno.scope(f);
    memory.text()
}

fn build(f: impl FnOnce()) -> String {
    printed(LevelFilter::DEBUG, Format::build().time(Time::None), f)
}

#[test]
fn arguments_are_evaluated_once_and_only_if_enabled() {
    let evaluated = Cell::new(0);
    let seen = |value: &'static str| {
        evaluated.set(evaluated.get() + 1);
        value
    };
    let log_all = || {
        header!(seen("name"), seen("1.0"));
        phase!(seen("1").len(), seen("1").len(), "{}", seen("message"));
        detail!("{}", seen("detail"));
        unit!(seen("group"), seen("unit"), seen("").is_empty());
        unit!(seen("group"), seen("unit"));
        success!("{}", seen("success"));
        finished!();
    };
    assert_eq!(printed(LevelFilter::OFF, Format::build(), log_all), "");
    assert_eq!(evaluated.get(), 0);
    let said = build(log_all);
    assert_eq!(evaluated.get(), 12);
    let lines = [
        "name v1.0\n",
        "[1/1] message",
        "      detail",
        "      [group] unit (cached)",
        "      [group] unit",
        "success\n",
        "Build time: 0.00s",
    ];
    assert_eq!(said, lines.map(|line| format!("{line}\n")).concat());
}

#[test]
fn phase_numbers_of_any_type_are_printed_exactly() {
    assert_eq!(build(|| phase!(1_u8, 9_usize, "p")), "[1/9] p\n");
    assert_eq!(build(|| phase!(u64::MAX, i64::MAX, "p")), format!("[{}/{}] p\n", u64::MAX, i64::MAX));
    assert_eq!(build(|| phase!(-1, 9, "p")), "p build=phase phase=-1 phases=9\n");
    assert_eq!(build(|| phase!(u128::MAX, 9, "p")), format!("p build=phase phase={} phases=9\n", u128::MAX));
    let json = printed(LevelFilter::INFO, Format::json(), || phase!(-1_i32, 9_u16, "p"));
    assert!(json.contains(r#""phase":-1,"phases":9"#), "{json}");
}

#[test]
fn on_a_screen_with_one_clock_a_build_time_is_that_of_the_build() {
    let _ = logscope::try_init();
    let clock = ManualClock::new();
    let screen = Clock::from(&clock).origin();
    clock.advance(Duration::from_secs(60));
    let (memory, printed) = sink::memory();
    let sink = memory.origin(screen).format(Format::build().aligned(true));
    let uno = OutputContext::builder("uno").clock(&clock).sink(sink).build();
    clock.advance(Duration::from_millis(1_500));
    uno.scope(|| {
        header!("Build System", "1.2.4");
        finished!();
    });
    let expected = "01:01.50  uno             Build System v1.2.4\n01:01.50  uno             Build time: 1.50s\n";
    assert_eq!(printed.text(), expected, "no empty lines, of which nobody could tell whose they are");
}
