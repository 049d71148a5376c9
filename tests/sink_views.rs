//! What a sink has of its own: which records it takes, and from where its time counts.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logscope::sink::{self, Line, Output, Queue};
use logscope::{Dial, Format, Level, LevelFilter, ManualClock, Origin, OutputContext, Verbosity};

const DEADLINE: Duration = Duration::from_secs(60);

fn init() {
    let _ = logscope::try_init();
}

fn verbosity(directives: &str) -> Verbosity {
    directives.parse().expect("the directives are right")
}

#[test]
fn each_sink_takes_the_targets_that_it_wants() {
    init();
    let (quiet, of_quiet) = sink::memory();
    let (all, of_all) = sink::memory();
    let format = Format::raw();
    let uno = OutputContext::builder("uno")
        .verbosity(LevelFilter::DEBUG)
        .sink(quiet.format(format.clone()).verbosity(verbosity("info,hyper=warn,app=debug")))
        .sink(all.format(format))
        .build();
    uno.scope(|| {
        for _ in 0..2 {
            tracing::info!(target: "hyper::client", "hyper info");
            tracing::warn!(target: "hyper::client", "hyper warn");
            tracing::debug!(target: "app", "app debug");
            tracing::debug!(target: "other", "other debug");
            tracing::trace!(target: "app", "app trace");
            log::info!(target: "hyper", "log hyper");
            log::debug!(target: "app::sub", "log app");
        }
    });
    assert_eq!(of_quiet.lines(), ["hyper warn", "app debug", "log app"].repeat(2));
    let expected = ["hyper info", "hyper warn", "app debug", "other debug", "log hyper", "log app"].repeat(2);
    assert_eq!(of_all.lines(), expected);
    assert_eq!(uno.ledger().accepted, (of_quiet.len() + of_all.len()) as u64);
    assert_eq!(uno.snapshot().sinks[0].verbosity, verbosity("info,hyper=warn,app=debug"));
}

#[test]
fn a_sink_follows_a_dial() {
    init();
    let dial = Dial::new(LevelFilter::WARN);
    let (sink, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(sink.format(Format::raw()).verbosity(&dial)).build();
    uno.scope(|| {
        tracing::info!("before");
        dial.set(LevelFilter::INFO);
        tracing::info!("after");
        dial.set(verbosity("sink_views=info"));
        tracing::info!("named");
    });
    assert_eq!(lines.lines(), ["after", "named"]);
    assert_eq!((uno.ledger().accepted, uno.ledger().written), (2, 2));
}

#[test]
fn a_context_may_have_more_sinks_than_a_word_has_bits() {
    init();
    let memories: Vec<_> = (0..130).map(|_| sink::memory()).collect();
    let levels = [LevelFilter::INFO, LevelFilter::ERROR];
    let sinks = memories.iter().zip(levels.iter().cycle()).map(|((sink, _), level)| sink.max_level(*level));
    let uno = OutputContext::builder("uno").sinks(sinks).build();
    uno.scope(|| tracing::info!("to every second one"));
    let counts: Vec<_> = memories.iter().map(|(_, lines)| lines.len()).collect();
    assert_eq!(counts, [1, 0].repeat(65));
    assert_eq!(uno.ledger().written, 65);
}

/// Two contexts whose clocks began at different times.
fn contexts(clock: &ManualClock, sink: &sink::Sink) -> [OutputContext; 2] {
    let context = |name: &str| OutputContext::builder(name).clock(clock).sink(sink.clone()).build();
    let uno = context("uno");
    clock.advance(Duration::from_secs(10));
    [uno, context("due")]
}

#[test]
fn contexts_on_one_console_show_one_clock() {
    init();
    for queued in [false, true] {
        let start = Origin::now();
        let clock = ManualClock::at(start);
        let (sink, lines) = sink::memory();
        let sink = sink.format(Format::build().context(true)).origin(start);
        let sink = if queued { sink.queued(Queue::new()) } else { sink };
        let [uno, due] = contexts(&clock, &sink);
        clock.advance(Duration::from_secs(5));
        due.scope(|| tracing::info!("a"));
        uno.scope(|| tracing::info!("b"));
        assert_eq!(due.elapsed(), Duration::from_secs(5));
        uno.flush(DEADLINE).into_result().unwrap();
        due.flush(DEADLINE).into_result().unwrap();
        let mut lines = lines.lines();
        lines.sort();
        assert_eq!(lines, ["00:15.00 due a", "00:15.00 uno b"], "queued: {queued}");
    }
}

#[test]
fn an_origin_after_that_of_the_context_counts_from_zero() {
    init();
    let start = Origin::now();
    let clock = ManualClock::at(start);
    let late = Origin::from_parts(start.instant() + Duration::from_secs(12), start.wall());
    let (sink, lines) = sink::memory();
    let records = Arc::new(Elapsed::default());
    let both = [sink.format(Format::build()).origin(late), sink::records(Arc::clone(&records)).origin(late)];
    let uno = OutputContext::builder("uno").clock(&clock).sinks(both).build();
    for _ in 0..2 {
        clock.advance(Duration::from_secs(10));
        uno.scope(|| tracing::info!("a"));
    }
    assert_eq!(lines.lines(), ["00:00.00 a", "00:08.00 a"]);
    assert_eq!(*records.0.lock().unwrap(), [Duration::ZERO, Duration::from_secs(8)]);
}

/// The elapsed time of each record.
#[derive(Default)]
struct Elapsed(Mutex<Vec<Duration>>);

impl sink::RecordOutput for Elapsed {
    fn write(&self, record: &logscope::Record<'_>) -> io::Result<()> {
        self.0.lock().expect("no holder panics").push(record.elapsed());
        Ok(())
    }
}

/// Keeps the level and the text of each line, and fails as long as it is told to.
#[derive(Default)]
struct Levels {
    lines: Mutex<Vec<(Level, String)>>,
    fails: std::sync::atomic::AtomicBool,
}

impl Output for Levels {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        if self.fails.load(std::sync::atomic::Ordering::Acquire) {
            return Err(io::ErrorKind::Other.into());
        }
        self.lines.lock().expect("no holder panics").push((line.level(), line.text().into_owned()));
        Ok(())
    }
}

#[test]
fn an_output_is_given_the_level_of_each_line() {
    init();
    for queued in [false, true] {
        let output = Arc::new(Levels::default());
        let sink = sink::custom(Arc::clone(&output)).format(Format::raw());
        let sink = if queued { sink.queued(Queue::new()) } else { sink };
        let uno = OutputContext::builder("uno").verbosity(LevelFilter::TRACE).sink(sink).build();
        let set = |fails| output.fails.store(fails, std::sync::atomic::Ordering::Release);
        uno.scope(|| {
            tracing::error!("a");
            tracing::warn!("b");
            tracing::info!("c");
            tracing::debug!("d");
            tracing::trace!("e");
            uno.flush(DEADLINE).into_result().unwrap();
            set(true);
            tracing::trace!("refused");
            let _ = uno.flush(DEADLINE);
            set(false);
            tracing::info!("f");
        });
        let _ = uno.flush(DEADLINE);
        let lines = output.lines.lock().unwrap();
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE, Level::WARN, Level::INFO];
        let texts = ["a", "b", "c", "d", "e", "records are missing here: they could not be written failed=1", "f"];
        let expected: Vec<_> = levels.into_iter().zip(texts.map(String::from)).collect();
        assert_eq!(*lines, expected, "queued: {queued}");
    }
}
