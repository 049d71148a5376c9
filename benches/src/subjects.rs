//! What logscope is asked to do: each function makes one subject, for times and for instruction counts alike.
//!
//! The clock is an argument: times are taken under the system's clock, instructions are counted under a manual one.

use std::future::poll_fn;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use logscope::sink::{self, Sink};
use logscope::{Clock, Format, InContext as _, Layout, LayoutWriter, LevelFilter, OutputContext, Record};

use crate::discard::Discard;
use crate::harness::{Subject, subject, within};

/// The ceiling under which [`unwanted`] is measured. Events above it are off for every context. Events between it and a context's own
/// level are what only that context does not want.
pub const CEILING: LevelFilter = LevelFilter::DEBUG;

/// Logs a message with a `u64`, a `&str` and an `f64`.
#[inline(always)]
pub fn event() {
    tracing::info!(size = black_box(4_096_u64), path = black_box("src/main.cpp"), ratio = black_box(0.625), "linking");
}

/// Runs `round` in a span with one field.
pub fn in_span(round: &mut dyn FnMut()) {
    tracing::info_span!("build", unit = "core").in_scope(round);
}

/// A context whose lines go to a writer that discards them.
pub fn discarding(format: Format, clock: Clock) -> OutputContext {
    OutputContext::builder("uno").clock(clock).sink(sink::writer(Discard).format(format)).build()
}

/// [`event`] in a context and in a span, under the current subscriber.
pub fn line(format: Format, clock: Clock) -> Subject {
    let context = discarding(format, clock);
    within(move |round| context.scope(|| in_span(round)), event)
}

/// The same in a second span, which is entered before each event and left after it, as a task's is at each poll.
pub fn line_after_move(format: Format, clock: Clock) -> Subject {
    let context = discarding(format, clock);
    within(move |round| context.scope(|| in_span(round)), after_move())
}

/// Logs [`event`] in a span of its own.
pub fn after_move() -> impl Fn() {
    let span = std::cell::OnceCell::new();
    move || {
        let span: &tracing::Span = span.get_or_init(|| tracing::info_span!("link"));
        span.in_scope(event);
    }
}

/// A layout of a program's own that renders every [`event`] as `Format::text()` does.
#[derive(Debug)]
pub struct LikeText;

impl Layout for LikeText {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push_time(record);
        line.gap();
        line.push_level(record.level());
        line.gap();
        line.push_context(record);
        line.gap();
        line.push_spans(record);
        line.gap();
        line.push_target(record);
        line.raw(":");
        line.gap();
        line.push_message_and_fields(record);
    }
}

/// An event below the [`CEILING`] that a context at INFO does not want.
pub fn unwanted() -> Subject {
    in_quiet_context(|| tracing::debug!(size = black_box(4_096_u64), "linking"))
}

/// `event` in a context at INFO.
pub fn in_quiet_context(event: impl Fn() + 'static) -> Subject {
    let context = OutputContext::builder("uno").sink(sink::null()).build();
    within(move |round| context.scope(round), event)
}

/// A context without sinks, to be entered.
pub fn plain() -> OutputContext {
    OutputContext::builder("uno").build()
}

/// [`event`] in the process default, while another context is alive.
pub fn unclaimed(clock: Clock) -> Subject {
    drop(logscope::set_process_default(one_context(&sink::null(), clock)));
    let other = plain();
    within(
        move |round| {
            black_box(&other);
            round();
        },
        event,
    )
}

/// The scope of a closure.
pub fn scope() -> Subject {
    let context = plain();
    subject(move || context.scope(|| black_box(())))
}

/// A guard, made and dropped.
pub fn guard() -> Subject {
    let context = plain();
    subject(move || {
        let _scope = context.enter();
        black_box(());
    })
}

/// A poll of a future that has a context.
pub fn poll() -> Subject {
    poll_of(never().in_context(&plain()))
}

/// A poll of `future`, which must stay pending.
pub fn poll_of(future: impl Future<Output = ()> + 'static) -> Subject {
    let mut future: Pin<Box<_>> = Box::pin(future);
    subject(move || {
        let _ = black_box(future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    })
}

/// A future that is never ready, and does nothing else.
pub fn never() -> impl Future<Output = ()> {
    poll_fn(|_| black_box(Poll::Pending))
}

/// A context with one sink, made and dropped.
pub fn context(clock: Clock) -> Subject {
    let sink = sink::null();
    subject(move || drop(black_box(one_context(&sink, clock.clone()))))
}

/// A context at DEBUG with one sink.
pub fn one_context(sink: &Sink, clock: Clock) -> OutputContext {
    OutputContext::builder("uno").clock(clock).verbosity(LevelFilter::DEBUG).sink(sink.clone()).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_renders_what_text_does() {
        logscope::init();
        let lines = |format: Format| {
            let (memory, lines) = sink::memory();
            let clock = Clock::from(logscope::ManualClock::at(logscope::Origin::now()));
            let context = OutputContext::builder("uno").clock(clock).sink(memory.format(format)).build();
            context.scope(|| in_span(&mut event));
            lines.text()
        };
        let text = lines(Format::text());
        assert!(text.contains("linking size=4096"), "{text}");
        assert_eq!(lines(Format::custom(LikeText)), text);
    }
}
