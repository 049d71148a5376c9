//! The options of a sink: each returns another view of the same output.

use tracing::level_filters::LevelFilter;

use super::exit;
use super::view::{Sink, View, ViewOptions};
use crate::background::{Queue, QueueHandle};
use crate::clock::Origin;
use crate::format::escape::shown;
use crate::format::{Format, Renderer};
use crate::sync::Arc;
use crate::verbosity::Verbosity;

impl Sink {
    /// Returns a view of this output with another format.
    ///
    /// ```
    /// use logscope::{Format, sink};
    ///
    /// let (sink, memory) = sink::memory();
    /// let json = sink.format(Format::json());
    /// # drop((json, memory));
    /// ```
    ///
    /// The format of a sink is [`Format::text`] unless it is set. All else stays the same.
    pub fn format(&self, format: Format) -> Sink {
        let renderer = Renderer::new(&format, self.0.core.screen()).with_origin(self.0.renderer.origin());
        self.with_view(renderer, self.0.options.clone())
    }

    /// Returns a view of this output that takes only the records that `verbosity` lets through: a level, directives, or a
    /// [`Dial`](crate::Dial).
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext, Verbosity, sink};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("uno.log");
    /// let console = sink::stderr().verbosity("info,hyper=warn".parse::<Verbosity>()?); // quiet about hyper
    /// let log = sink::file(path).open()?; // has everything that the context lets through
    /// let uno = OutputContext::builder("uno").verbosity(LevelFilter::DEBUG).sink(console).sink(log).build();
    /// # drop(uno);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A text of directives must be parsed first, by `parse` as above or by [`Verbosity::try_from`], because it may be wrong:
    ///
    /// ```
    /// # use logscope::{Verbosity, sink};
    /// let console = sink::stderr().verbosity(Verbosity::try_from("info,hyper=warn")?);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// A record reaches the sink if both its context and the sink want it. What no sink of a context wants costs little more than what the
    /// context itself does not want, but the spans are made, and values that a span records are captured. The rest is as for
    /// [`max_level`](Sink::max_level), which is the short form for a level.
    pub fn verbosity(&self, verbosity: impl Into<Verbosity>) -> Sink {
        self.with_view(self.0.renderer.clone(), ViewOptions { verbosity: verbosity.into(), ..self.0.options.clone() })
    }

    /// Returns a view of this output that takes only records up to `max_level`.
    ///
    /// ```
    /// use logscope::{LevelFilter, sink};
    ///
    /// let console = sink::stderr().max_level(LevelFilter::WARN);
    /// # drop(console);
    /// ```
    ///
    /// It is [`verbosity`](Sink::verbosity) for a level. With a format that prints [`seq`](Format::seq), the log lacks the numbers of the records
    /// that this view does not take. The program learns the threshold from [`SinkSnapshot::verbosity`](crate::SinkSnapshot::verbosity). A reader of the log
    /// learns it from an opening record, if the program has it written by
    /// [`write_opening_record`](crate::OutputContext::write_opening_record).
    pub fn max_level(&self, max_level: impl Into<LevelFilter>) -> Sink {
        self.verbosity(max_level.into())
    }

    /// Returns a view of this output that is called `name` in messages, snapshots and `Debug`, beside what the output is.
    ///
    /// ```
    /// let audit = logscope::sink::writer(Vec::new()).named("audit");
    /// assert_eq!(audit.describe(), "audit (writer)");
    /// ```
    ///
    /// Reports on stderr about the output, as that it cannot be written to, call it by the first name that a view of it was given. A standard
    /// stream keeps its own there.
    pub fn named(&self, name: impl AsRef<str>) -> Sink {
        let core = &self.0.core;
        let name: Arc<str> = format!("{} ({})", shown(name.as_ref()), core.described()).into();
        core.set_name(&name);
        self.with_view(self.0.renderer.clone(), ViewOptions { name: Some(name), ..self.0.options.clone() })
    }

    /// Returns a view of this output whose elapsed times count from `origin`, and not from that of each record's context.
    ///
    /// ```
    /// use logscope::{Origin, OutputContext, sink};
    ///
    /// logscope::init();
    /// let console = sink::stderr().origin(Origin::now()); // one clock on the screen, whichever build a line is from
    /// let uno = OutputContext::builder("uno").sink(console.clone()).build();
    /// let due = OutputContext::builder("due").sink(console).build();
    /// # drop((uno, due));
    /// ```
    ///
    /// A context with a manual clock counts by that clock.
    pub fn origin(&self, origin: Origin) -> Sink {
        self.with_view(self.0.renderer.clone().with_origin(Some(origin)), self.0.options.clone())
    }

    /// Returns a view of this output that brings records up to `level` to the storage device at once.
    ///
    /// ```
    /// use logscope::{LevelFilter, sink};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("uno.log");
    /// let log = sink::file(path).open()?.sync_at(LevelFilter::ERROR);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// With `LevelFilter::ERROR`, a call that logs an error returns after that record, and every record that was logged before it, would
    /// survive a power cut. The call waits one second at most, if other threads write to the output or the sink has a queue. A sync that
    /// fails is reported on stderr, once until one succeeds. [`Queue::sync_at`](super::Queue::sync_at) does the same for all views of a queue.
    pub fn sync_at(&self, level: impl Into<LevelFilter>) -> Sink {
        self.with_view(self.0.renderer.clone(), ViewOptions { sync_at: level.into(), ..self.0.options.clone() })
    }

    /// Returns a view of this output with a queue in front of it.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    /// use std::time::Duration;
    ///
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory.queued(sink::Queue::new())).build();
    /// # logscope::init();
    /// uno.scope(|| tracing::info!("compiling"));
    /// uno.flush(Duration::from_secs(5)).into_result()?;
    /// assert_eq!(lines.len(), 1);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The call that logs enqueues the finished line, and a writer thread writes it to the output, with many others in one write. There are
    /// few writer threads for any number of queues.
    ///
    /// The lines in a queue are written
    ///
    /// - within a few milliseconds, while the output keeps up;
    /// - when the process ends in an ordinary way, for [five seconds](crate::Config::exit_deadline) at most;
    /// - soon after the last sink is dropped; the drop does not wait for it;
    /// - on request, by [`flush`](Sink::flush), [`logscope::flush`](crate::flush) or [`logscope::shutdown`](crate::shutdown).
    ///
    /// A process that is killed loses the lines in the queue: see [Durability](crate::sink#durability).
    ///
    /// Views of one output with equal options share a queue. Views of the same output that are direct, or that have a queue with other
    /// options, go on writing to it, and the order between their lines and those of this queue is not defined.
    ///
    /// A [`records`](super::records()) sink stays direct, because its records live only as long as the call. A [`test`](super::test()) sink
    /// can be queued, but a writer thread prints its lines then, and the test harness captures only what the test's own thread prints.
    pub fn queued(&self, queue: Queue) -> Sink {
        let View { core, keep, renderer, options, .. } = &*self.0;
        if !core.takes_lines() {
            return self.clone();
        }
        exit::install();
        let handle = QueueHandle::find_or_make(core, keep.clone(), queue);
        Sink::new_view(Arc::clone(core), keep.clone(), Some(handle), renderer.clone(), options.clone())
    }
}

#[cfg(test)]
mod tests;
