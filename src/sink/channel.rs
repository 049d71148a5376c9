//! Sinks that hand what is logged to a receiver.

use std::time::Duration;

use super::view::Sink;
use crate::delivery::Core;
use crate::output::{AnyOutput, Channel, InUse, Receiver, Sender};
use crate::record::RecordBuf;
use crate::sync::Arc;

/// Starts a channel that holds up to `capacity` items (at least one); end it with [`lines`](ChannelOptions::lines) or
/// [`records`](ChannelOptions::records).
///
/// ```
/// use std::time::Duration;
/// use logscope::{Format, OutputContext, sink};
///
/// logscope::init();
/// let (live, lines) = sink::channel(1_000).lines();
/// let uno = OutputContext::builder("uno").sink(live.format(Format::build().time(logscope::Time::None))).build();
/// let screen = std::thread::spawn(move || lines.map(|line| format!("<p>{line}</p>")).collect::<Vec<_>>());
/// uno.scope(|| tracing::info!("compiling"));
/// uno.close(Duration::from_secs(5)).into_result()?; // the receiver ends, whoever still holds `uno` or `live`
/// assert_eq!(screen.join().unwrap(), ["<p>compiling</p>"]);
/// # drop(live);
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// For a live stream to a browser, or a window that shows a log. A record counts as written when it is in the channel. If the channel is full,
/// because the receiver does not keep up, records are dropped and counted until it is half empty, and a notice stands in their place; or the log
/// call [waits](ChannelOptions::blocking). If the receiver is dropped, records fail. A [queue](Sink::queued) before the channel changes
/// nothing of that, but then it is a writer thread that waits.
///
/// # The end
///
/// **The receiver ends when every context that was given the sink is closed, or gone**, and it has received all items, whoever still holds
/// sinks of the channel. (It ends, too, when all of them are dropped.) It does not begin again: a context that is given the sink later fails to
/// write. So this is for one piece of work, or for several whose contexts live at the same time.
///
/// **If contexts come and go, keep the channel open.** A context for each request of a server, closed at its end, would end the channel with
/// the first request. [`keep_open`](ChannelOptions::keep_open) has it last as long as there is a sink:
///
/// ```
/// use std::time::Duration;
/// use logscope::{Format, OutputContext, sink};
///
/// logscope::init();
/// let (live, lines) = sink::channel(1_000).keep_open(true).lines();
/// for path in ["/", "/about"] {
///     let request = OutputContext::builder("request").sink(live.format(Format::raw())).build();
///     request.scope(|| tracing::info!("served {path}"));
///     request.close(Duration::from_secs(5)).into_result()?; // the channel goes on
/// }
/// drop(live); // the last sink: the receiver ends
/// assert_eq!(lines.collect::<Vec<_>>(), ["served /", "served /about"]);
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// | | take |
/// |---|---|
/// | one build, one job, one test: what shows its log ends with it | the default |
/// | many contexts, one after the other: a server, a watcher, a window of the program; an `fmt` layer that writes to the sink | `keep_open(true)` |
pub fn channel(capacity: usize) -> ChannelOptions {
    ChannelOptions { capacity, patience: None, stays_open: false }
}

/// Sets how a channel is made; from [`channel`].
#[derive(Clone, Copy, Debug)]
#[must_use = "no channel is made until `lines` or `records` is called"]
pub struct ChannelOptions {
    capacity: usize,
    patience: Option<Duration>,
    /// It does not end with the contexts that have it.
    stays_open: bool,
}

impl ChannelOptions {
    /// Sets that a log call waits for room in a full channel, for `patience` at most (`Duration::MAX`: for ever). Then its record is dropped.
    ///
    /// The receiver must not log to a context that has the sink, and must not wait for somebody who does: both would wait for one another.
    pub fn blocking(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Sets whether the channel outlives its contexts; false unless set. If it does, it ends when all its sinks are dropped, and all contexts that have one, closed or not. See
    /// [the end](channel#the-end) of a channel.
    ///
    /// Each view counts, also one that a second `let live = …` has hidden. In the process default, which is never dropped, such a channel never
    /// ends. Its receiver can be dropped at any time.
    pub fn keep_open(mut self, yes: bool) -> Self {
        self.stays_open = yes;
        self
    }

    /// Makes a sink and the receiver of its lines, without their `\n`. A record in a multi-line format is one item.
    pub fn lines(self) -> (Sink, Receiver<String>) {
        self.make(|sender| AnyOutput::Lines(Box::new(sender)))
    }

    /// Makes a sink and the receiver of its records. Such a sink is never queued, and its format is not used.
    ///
    /// What a value logs while its record is copied is logged as usual, and so comes before that record.
    pub fn records(self) -> (Sink, Receiver<RecordBuf>) {
        self.make(|sender| AnyOutput::Copies(Box::new(sender)))
    }

    fn make<T: Send + 'static>(self, output: impl FnOnce(Sender<T>) -> AnyOutput) -> (Sink, Receiver<T>) {
        let channel = Channel::new(self.capacity, self.patience);
        let output = output(Sender::new(&channel));
        let core = match self.stays_open {
            true => Core::new(output),
            false => Core::in_use(output, Arc::clone(&channel) as Arc<dyn InUse>),
        };
        (Sink::of_core(core, None), Receiver::new(channel))
    }
}
