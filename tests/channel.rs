//! Sinks that hand what is logged to a receiver: what is in the channel, who waits, and when it ends.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Queue, Receiver, Sink};
use logscope::{Format, OutputContext};
use tracing::info;

const DEADLINE: Duration = Duration::from_secs(60);

fn init() {
    let _ = logscope::try_init();
}

fn context(name: &str, sink: &Sink) -> OutputContext {
    OutputContext::builder(name).sink(sink.format(Format::raw())).build()
}

/// What is there, without waiting.
fn there<T>(receiver: &mut Receiver<T>) -> Vec<T> {
    std::iter::from_fn(|| receiver.try_next()).collect()
}

#[test]
fn a_receiver_ends_when_its_context_is_closed_whoever_holds_it() {
    init();
    let (sink, lines) = sink::channel(10).lines();
    let uno = context("uno", &sink);
    let derived = uno.with_field("n", 1);
    let received = thread::spawn(move || lines.collect::<Vec<_>>());
    uno.scope(|| info!("a"));
    derived.scope(|| info!("b"));
    let ledger = uno.close(DEADLINE).into_result().unwrap();
    assert_eq!(received.join().unwrap(), ["a", "b"]);
    assert_eq!((ledger.written, sink.ledger().written), (2, 2));
    drop((derived, sink));
}

#[test]
fn a_receiver_ends_with_the_last_of_its_contexts() {
    init();
    let (sink, mut lines) = sink::channel(10).lines();
    let [uno, due, tre] = ["uno", "due", "tre"].map(|name| context(name, &sink));
    let child = tre.child("child").build();
    let _ = uno.close(DEADLINE);
    drop(due);
    let _ = tre.close(DEADLINE);
    assert!(!lines.has_ended());
    child.scope(|| info!("of the child"));
    drop(child);
    assert!(!lines.has_ended(), "an item is left");
    assert_eq!((lines.next().as_deref(), lines.next()), (Some("of the child"), None));
    assert!(lines.has_ended());
    let late = context("late", &sink);
    late.scope(|| info!("late"));
    assert_eq!((late.ledger().failed, lines.try_next()), (1, None), "it does not begin again");
}

#[test]
fn a_receiver_ends_when_the_sinks_are_dropped() {
    init();
    let (sink, mut records) = sink::channel(1).records();
    assert_eq!(records.next_timeout(Duration::ZERO), None);
    assert!(!records.has_ended());
    drop(sink);
    assert_eq!(records.next(), None);
    assert!(records.has_ended());
}

#[test]
fn a_full_channel_drops_counts_and_says_so() {
    init();
    let (sink, mut lines) = sink::channel(2).lines();
    let uno = context("uno", &sink);
    uno.scope(|| (1..=5).for_each(|n| info!("{n}")));
    assert_eq!(there(&mut lines), ["1", "2"]);
    let ledger = uno.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.dropped, ledger.failed), (5, 2, 3, 0));
    assert_eq!(sink.ledger(), ledger);
    uno.scope(|| info!("6"));
    assert_eq!(there(&mut lines), ["records are missing here: they were dropped dropped=3", "6"]);
}

/// A receiver that was too slow for a moment, and takes one item for each record from then on.
#[test]
fn a_channel_that_was_full_is_not_full_of_notices() {
    init();
    for (capacity, most) in [(100_u64, 60), (10, 10), (1, 500)] {
        let (sink, mut lines) = sink::channel(capacity as usize).lines();
        let uno = context("uno", &sink);
        uno.scope(|| (0..=capacity).for_each(|n| info!(n, "record")));
        let mut notices = 0;
        for n in 0..1_000 {
            notices += usize::from(lines.try_next().is_some_and(|line| line.contains("dropped=")));
            uno.scope(|| info!(n, "record"));
        }
        let dropped = uno.ledger().dropped;
        assert!(dropped <= most + 1, "{capacity}: {dropped} of 1,000");
        assert!(notices <= 1 || capacity == 1, "{capacity}: {notices} notices");
    }
}

#[test]
fn a_log_call_waits_for_room_if_it_is_to() {
    init();
    let (sink, mut records) = sink::channel(1).blocking(Duration::MAX).records();
    let uno = OutputContext::builder("uno").sink(sink).build();
    let (returned, returns) = channel();
    let logging = thread::spawn({
        let uno = uno.clone();
        move || {
            uno.scope(|| {
                for n in 0..100 {
                    info!(n, "m");
                    returned.send(n).unwrap();
                }
            });
        }
    });
    assert_eq!(returns.recv_timeout(DEADLINE), Ok(0));
    for n in 0..100_u64 {
        let record = records.next_timeout(DEADLINE).unwrap();
        assert_eq!(record.field("n").and_then(|n| n.as_u64()), Some(n));
    }
    logging.join().unwrap();
    assert_eq!((uno.ledger().written, uno.ledger().dropped), (100, 0));
}

#[test]
fn whoever_waits_for_room_goes_on_when_the_receiver_is_dropped_or_ends() {
    init();
    for ends in [false, true] {
        let (sink, lines) = sink::channel(1).blocking(Duration::MAX).lines();
        let uno = context("uno", &sink);
        uno.scope(|| info!("fills the channel"));
        let (begun, begins) = channel();
        let logging = thread::spawn({
            let uno = uno.clone();
            move || {
                begun.send(()).unwrap();
                uno.scope(|| info!("waits"));
            }
        });
        begins.recv_timeout(DEADLINE).unwrap();
        let kept = if ends {
            // The flush of the close does not wait for the call longer than its deadline.
            let _ = uno.close(Duration::from_millis(20));
            Some(lines)
        } else {
            drop(lines);
            None
        };
        logging.join().unwrap();
        drop(kept);
    }
}

#[test]
fn a_patience_that_is_over_drops_the_record() {
    init();
    let (sink, mut lines) = sink::channel(1).blocking(Duration::ZERO).lines();
    let uno = context("uno", &sink);
    uno.scope(|| (1..=3).for_each(|n| info!("{n}")));
    assert_eq!((uno.ledger().written, uno.ledger().dropped), (1, 2));
    assert_eq!(there(&mut lines), ["1"]);
}

#[test]
fn a_queue_may_stand_before_a_channel() {
    init();
    let (sink, lines) = sink::channel(1).blocking(Duration::MAX).lines();
    let uno = OutputContext::builder("uno").sink(sink.format(Format::raw()).queued(Queue::new())).build();
    drop(sink);
    let received = thread::spawn(move || lines.collect::<Vec<_>>());
    uno.scope(|| (0..50).for_each(|n| info!("{n}")));
    uno.close(DEADLINE).into_result().unwrap();
    assert_eq!(received.join().unwrap(), (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_full_or_closed_channel_is_counted_alike_with_and_without_a_queue() {
    init();
    for queue in [None, Some(Queue::new())] {
        let (sink, mut lines) = sink::channel(2).lines();
        let sink = queue.iter().fold(sink.format(Format::raw()), |sink, queue| sink.queued(queue.clone()));
        let uno = OutputContext::builder("uno").sink(sink.clone()).build();
        uno.scope(|| (1..=5).for_each(|n| info!("{n}")));
        let ledger = uno.flush(DEADLINE);
        assert_eq!(
            (ledger.accepted, ledger.written, ledger.dropped, ledger.failed, ledger.pending),
            (5, 2, 3, 0, 0),
            "{queue:?}"
        );
        assert_eq!(sink.ledger(), ledger);
        assert_eq!(there(&mut lines), ["1", "2"]);
        uno.scope(|| info!("6"));
        let _ = uno.flush(DEADLINE);
        assert_eq!(there(&mut lines), ["records are missing here: they were dropped dropped=3", "6"], "{queue:?}");
        drop(lines);
        uno.scope(|| info!("7"));
        let ledger = uno.flush(DEADLINE);
        assert_eq!((ledger.written, ledger.dropped, ledger.failed), (3, 3, 1), "{queue:?}");
        assert_eq!(sink.ledger(), ledger);
    }
}

#[test]
fn a_channel_that_is_kept_open_outlives_its_contexts() {
    init();
    let (sink, mut lines) = sink::channel(10).keep_open(true).lines();
    for n in 0..3 {
        let request = context("request", &sink);
        request.scope(|| info!("{n}"));
        request.close(DEADLINE).into_result().unwrap();
    }
    assert_eq!(there(&mut lines), ["0", "1", "2"]);
    let last = context("last", &sink);
    drop(sink);
    last.scope(|| info!("3"));
    assert_eq!(lines.next().as_deref(), Some("3"));
    assert!(!lines.has_ended());
    drop(last);
    assert_eq!(lines.next(), None);
    assert!(lines.has_ended());
}

#[cfg(feature = "futures")]
mod stream {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::Sender;
    use std::task::{Context, Poll, Wake, Waker};

    use futures_core::Stream;

    use super::*;

    /// As that of the crate `futures`, which is imported where streams are used.
    trait StreamExt: Stream + Unpin {
        fn next(&mut self, waker: &Waker) -> Poll<Option<Self::Item>> {
            Pin::new(self).poll_next(&mut Context::from_waker(waker))
        }
    }

    impl<S: Stream + Unpin> StreamExt for S {}

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_receiver_becomes_a_stream_and_back() {
        init();
        let (sink, lines) = sink::channel(10).lines();
        let uno = context("uno", &sink);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut stream = lines.into_stream();
        assert_eq!(stream.next(&waker), Poll::Pending);
        uno.scope(|| info!("a"));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(stream.next(&waker), Poll::Ready(Some("a".to_owned())));
        assert_eq!(stream.next(&waker), Poll::Pending);
        uno.scope(|| info!("b"));
        let mut lines = stream.into_receiver();
        assert_eq!(lines.next().as_deref(), Some("b"), "`next` is that of an iterator, beside a `StreamExt`");
        let mut stream = lines.into_stream();
        assert_eq!(stream.next(&waker), Poll::Pending);
        let _ = uno.close(DEADLINE);
        assert_eq!((wakes.0.load(Ordering::Relaxed), stream.next(&waker)), (3, Poll::Ready(None)));
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics");
        }
    }

    #[test]
    fn a_waker_that_panics_costs_no_record_and_no_close() {
        init();
        let waker = Waker::from(Arc::new(Panics));
        let (sink, lines) = sink::channel(10).lines();
        let uno = context("uno", &sink);
        let mut stream = lines.into_stream();
        assert_eq!(stream.next(&waker), Poll::Pending);
        uno.scope(|| info!("a"));
        assert_eq!((uno.ledger().written, uno.ledger().failed), (1, 0));
        assert_eq!(stream.next(&waker), Poll::Ready(Some("a".to_owned())));
        assert_eq!(stream.next(&waker), Poll::Pending);
        assert_eq!(uno.close(DEADLINE).into_result().unwrap().written, 1);
        assert_eq!(stream.next(&waker), Poll::Ready(None));
    }

    #[test]
    fn a_waker_that_panics_is_contained_where_the_last_context_or_sink_is_dropped() {
        init();
        let waker = Waker::from(Arc::new(Panics));
        for is_given_to_a_context in [false, true] {
            let (sink, records) = sink::channel(10).records();
            let uno = is_given_to_a_context.then(|| OutputContext::builder("uno").sink(sink.clone()).build());
            let mut stream = records.into_stream();
            assert_eq!(stream.next(&waker), Poll::Pending);
            drop(uno);
            assert_eq!(stream.next(&waker).is_ready(), is_given_to_a_context);
            drop(sink);
            assert_eq!(stream.next(&waker), Poll::Ready(None));
        }
    }

    #[test]
    fn a_receiver_that_blocks_again_keeps_no_task() {
        struct Task;
        impl Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        init();
        let (_sink, lines) = sink::channel(10).lines();
        let task = Arc::new(Task);
        let waker = Waker::from(Arc::clone(&task));
        let mut stream = lines.into_stream();
        assert_eq!(stream.next(&waker), Poll::Pending);
        drop(waker);
        assert_eq!(Arc::strong_count(&task), 2);
        let _lines = stream.into_receiver();
        assert_eq!(Arc::strong_count(&task), 1);
    }

    /// Logs to the channel and panics when it is dropped.
    struct Misbehaves(OutputContext, Sender<()>);

    impl Wake for Misbehaves {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Misbehaves {
        fn drop(&mut self) {
            self.0.scope(|| info!("to a channel that nobody receives"));
            self.1.send(()).unwrap();
            panic!("a waker panics when it is dropped");
        }
    }

    #[test]
    fn a_receiver_that_is_dropped_drops_its_waker() {
        init();
        let (sink, lines) = sink::channel(10).lines();
        let uno = context("uno", &sink);
        let (dropped, is_dropped) = channel();
        let waker = Waker::from(Arc::new(Misbehaves(uno.clone(), dropped)));
        let mut stream = lines.into_stream();
        assert_eq!(stream.next(&waker), Poll::Pending);
        // Now the channel has the last one.
        drop(waker);
        // On a thread, because it would wait for ever if the waker were dropped under the lock of the channel.
        let dropping = thread::spawn(move || drop(stream));
        is_dropped.recv_timeout(DEADLINE).unwrap();
        dropping.join().unwrap();
        assert_eq!(uno.ledger().failed, 1);
    }
}
