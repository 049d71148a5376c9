//! A clock of the program's own that logs while it is asked for the time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use logscope::sink;
use logscope::{Clock, Format, ManualClock, Origin, OutputContext, Time, TimeSource};
use tracing::info;

/// Logs to a context, which may have this very clock, and then asks another clock.
#[derive(Clone, Default)]
struct Logs {
    to: Arc<OnceLock<OutputContext>>,
    then: Clock,
    asked: Arc<AtomicUsize>,
}

impl Logs {
    fn log(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(context) = self.to.get() {
            context.scope(|| info!("asked"));
        }
    }
}

impl TimeSource for Logs {
    fn now(&self) -> Instant {
        self.log();
        self.then.now()
    }

    fn wall(&self) -> SystemTime {
        self.log();
        self.then.wall()
    }
}

fn at_the_epoch() -> Clock {
    ManualClock::at(Origin::from_parts(Instant::now(), SystemTime::UNIX_EPOCH)).into()
}

#[test]
fn what_a_clock_logs_to_a_context_of_its_own_does_not_come_back_to_it() {
    let _ = logscope::try_init();
    let clock = Logs { then: at_the_epoch(), ..Logs::default() };
    let (sink, memory) = sink::memory();
    let uno = OutputContext::builder("uno")
        .clock(Clock::custom(clock.clone()))
        .sink(sink.format(Format::text().time(Time::Wall)))
        .build();
    clock.to.set(uno.clone()).unwrap();
    let before = clock.asked.load(Ordering::Relaxed);
    uno.scope(|| info!("outer"));
    let (asked, lines) = (clock.asked.load(Ordering::Relaxed) - before, memory.lines());
    let inner = lines.iter().filter(|line| line.ends_with("asked")).count();
    assert_eq!((asked, inner, lines.len()), (2, 2, 3), "for the elapsed and the wall-clock time: {lines:?}");
    let outer = lines.iter().find(|line| line.ends_with("outer")).unwrap();
    assert!(outer.starts_with("1970-01-01T00:00:00"), "{outer}");
}

#[test]
fn what_a_clock_logs_to_a_context_with_another_clock_has_the_time_of_that() {
    let _ = logscope::try_init();
    let other = Clock::custom(Logs { then: at_the_epoch(), ..Logs::default() });
    let (sink, memory) = sink::memory();
    let due = OutputContext::builder("due").clock(other).sink(sink.format(Format::text().time(Time::Wall))).build();
    let clock = Logs::default();
    clock.to.set(due).unwrap();
    let uno = OutputContext::builder("uno").clock(Clock::custom(clock)).sink(sink::null()).build();
    assert!(uno.elapsed() < Duration::from_secs(3600));
    let lines = memory.lines();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.starts_with("1970-01-01T00:00:00")), "{lines:?}");
}
