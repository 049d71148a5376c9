//! Delivering to one output: what all views of it share, and what happens when it fails.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::fallback;
use super::gap::{Gap, Loss, Owner};
use super::ledger::{Delivery, Ledger, Outcome};
use super::output::{Output, RecordOutput};
use crate::format::scratch::Buffer;
use crate::format::{Renderer, Scratch, Screen};
use crate::record::{ContextInfo, Notice, Record, drop_quietly, with_notice};
use crate::sync::{AtomicU8, Ordering};

/// What a sink delivers to.
pub(super) enum Target {
    Lines(Box<dyn Output>),
    Records(Box<dyn RecordOutput>),
}

/// One output with its counts, shared by all its views.
pub(super) struct Core {
    target: Target,
    name: String,
    screen: Screen,
    ledger: Ledger,
    /// Records that the output refused, not yet stated in the log.
    failed: Gap,
    /// Records that were given up before they reached the output, not yet stated in the log.
    dropped: Gap,
    /// The thresholds that the log states, one [bit](threshold_bit) each.
    stated: AtomicU8,
}

/// What a threshold of which the log tells is in [`Core::stated`]: 0 for those that leave nothing out, or everything.
pub(super) fn threshold_bit(max_level: LevelFilter) -> u8 {
    match max_level {
        LevelFilter::ERROR => 1,
        LevelFilter::WARN => 2,
        LevelFilter::INFO => 4,
        LevelFilter::DEBUG => 8,
        _ => 0,
    }
}

impl Core {
    pub(super) fn new(target: Target) -> Self {
        let (name, terminal) = match &target {
            Target::Lines(output) => (output.describe(), output.is_terminal()),
            Target::Records(output) => (output.describe(), false),
        };
        let screen = if terminal { Screen::Terminal } else { Screen::None };
        Core {
            target,
            name,
            screen,
            ledger: Ledger::default(),
            failed: Gap::new(),
            dropped: Gap::new(),
            stated: AtomicU8::new(0),
        }
    }

    /// One of the process's standard streams.
    pub(super) fn console(target: Target) -> Self {
        let mut core = Core::new(target);
        if core.screen == Screen::None {
            core.screen = Screen::Piped;
        }
        core
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn screen(&self) -> Screen {
        self.screen
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.ledger.outcome()
    }

    /// True if the log has to state something before the next record of a view with this threshold's bit.
    #[inline]
    pub(super) fn owes(&self, threshold: u8) -> bool {
        // Relaxed: a hint; the threads that see it compete with a swap, or for a claim.
        threshold & !self.stated.load(Ordering::Relaxed) != 0 || self.failed.is_open() || self.dropped.is_open()
    }

    /// Hands over `record`, as the line that `renderer` makes of it where the output takes lines.
    #[inline]
    pub(super) fn write(&self, renderer: &Renderer, record: &Record<'_>, scratch: &mut Scratch) -> io::Result<()> {
        match &self.target {
            Target::Lines(output) => {
                // Rendered before the output is entered: a `Debug` that logs is not inside the output.
                let line = scratch.line(renderer, record);
                guarded(|| output.write(line))
            }
            Target::Records(output) => guarded(|| output.write(record)),
        }
    }

    /// States in the log what it leaves out and what is missing from it. If that fails so has the record that comes after it.
    ///
    /// In writes of their own, not joined to the record's: if a joined write broke off after a notice, nobody could say whether
    /// the notice is in the log.
    #[cold]
    pub(super) fn state(&self, renderer: &Renderer, max_level: LevelFilter, record: &Record<'_>) -> io::Result<()> {
        self.state_threshold(renderer, max_level, record)?;
        self.state_gap(&self.failed, Notice::Failed, renderer, record)?;
        self.state_gap(&self.dropped, Notice::Dropped, renderer, record)
    }

    fn state_threshold(&self, renderer: &Renderer, max_level: LevelFilter, record: &Record<'_>) -> io::Result<()> {
        let bit = if renderer.states_seq() { threshold_bit(max_level) } else { 0 };
        // Relaxed: this alone decides who states it.
        if bit & !self.stated.fetch_or(bit, Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let stated = self.write_notice(renderer, Notice::MaxLevel(max_level), record, record.context, record.elapsed);
        if stated.is_err() {
            self.stated.fetch_and(!bit, Ordering::Relaxed);
        }
        stated
    }

    /// The notice is one of the context whose records are missing; if they are of several, of one that is neither.
    fn state_gap(
        &self,
        gap: &Gap,
        notice: fn(u64) -> Notice,
        renderer: &Renderer,
        record: &Record<'_>,
    ) -> io::Result<()> {
        let Some(claim) = gap.claim() else { return Ok(()) };
        let stranger;
        let (context, elapsed) = match claim.owner() {
            Owner::One { id, .. } if *id == record.context.id() => (record.context, record.elapsed),
            Owner::One { id, name, elapsed } => {
                stranger = ContextInfo::new(name.clone(), *id, Vec::new());
                (&stranger, *elapsed)
            }
            Owner::Nobody | Owner::Several => {
                stranger = ContextInfo::new("logscope".to_owned(), 0, Vec::new());
                (&stranger, record.elapsed)
            }
        };
        self.write_notice(renderer, notice(claim.count()), record, context, elapsed)?;
        claim.stated();
        Ok(())
    }

    /// Hands over `notice` as one of `context`, which goes before `record`.
    fn write_notice(
        &self,
        renderer: &Renderer,
        notice: Notice,
        record: &Record<'_>,
        context: &ContextInfo,
        elapsed: Duration,
    ) -> io::Result<()> {
        with_notice(notice, |event| {
            let record = Record { context, elapsed, ..record.as_notice(event) };
            match &self.target {
                Target::Lines(output) => {
                    let mut line = Buffer::take();
                    renderer.render(&record, &mut line);
                    guarded(|| output.write(&line))
                }
                Target::Records(output) => guarded(|| output.write(&record)),
            }
        })
    }

    /// Counts what became of `record`, and tells the first failure of an outage.
    #[inline]
    pub(super) fn settle(&self, record: &Record<'_>, result: io::Result<()>) -> Delivery {
        let delivery = match result {
            Ok(()) => Delivery::Written,
            Err(error) => self.fail(record, error),
        };
        self.ledger.count(delivery, 1);
        delivery
    }

    #[cold]
    fn fail(&self, record: &Record<'_>, error: io::Error) -> Delivery {
        if self.failed.add(Loss::of(record)) {
            let name = &self.name;
            fallback::tell(format_args!(
                "cannot write to {name}: {error}; what is missing is counted, and stated in the log when it works again"
            ));
        }
        discard(error);
        Delivery::Failed
    }

    /// Counts records that were given up before they reached the output, and tells the first of an outage.
    #[cold]
    pub(super) fn count_dropped(&self, loss: Loss<'_>) {
        self.ledger.count(Delivery::Dropped, loss.count);
        if self.dropped.add(loss) {
            let name = &self.name;
            fallback::tell(format_args!(
                "records for {name} are dropped before they reach it: they are logged inside an output, or too deep inside \
                 values that log; what is missing is counted, and stated in the log before the next record"
            ));
        }
    }

    pub(super) fn flush(&self, deadline: Duration) -> Outcome {
        // This thread may hold the lock that flushing would wait for, its own or that of an output which waits for this one.
        if in_output() {
            return self.outcome();
        }
        let result = match &self.target {
            Target::Lines(output) => guarded(|| output.flush(deadline)),
            Target::Records(output) => guarded(|| output.flush(deadline)),
        };
        if let Err(error) = result {
            fallback::tell(format_args!("cannot flush {}: {error}", self.name));
            discard(error);
        }
        self.outcome()
    }
}

impl Core {
    /// Has what was written reach the storage device.
    pub(super) fn sync(&self) -> io::Result<()> {
        match &self.target {
            Target::Lines(output) => guarded(|| output.sync()),
            Target::Records(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Has the output open anew what it writes to.
    pub(super) fn reopen(&self) -> io::Result<()> {
        match &self.target {
            Target::Lines(output) => guarded(|| output.reopen()),
            Target::Records(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        for (gap, fate) in [(&self.failed, "could not be written"), (&self.dropped, "were dropped")] {
            if let Some(claim) = gap.claim() {
                let (name, count) = (&self.name, claim.count());
                fallback::tell(format_args!("{name} is closed without stating that {count} records {fate}"));
                claim.stated();
            }
        }
        // The last view may go at the end of a log call, where a panic of the output's own `Drop` must not get out.
        let target = std::mem::replace(&mut self.target, Target::Lines(Box::new(super::null::Null)));
        let _ = guarded(|| {
            drop(target);
            Ok(())
        });
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("name", &self.name).field("ledger", &self.outcome()).finish_non_exhaustive()
    }
}

thread_local! {
    /// True while this thread is inside an output. Const and without a destructor, so readable in other destructors.
    static IN_OUTPUT: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread runs the code of an output. What is logged then goes to the [`fallback`]: delivered in the ordinary
/// way it could wait for a lock that this thread holds, or go round in circles.
#[inline]
pub(crate) fn in_output() -> bool {
    IN_OUTPUT.get()
}

/// Marks this thread as being inside an output until it is dropped.
struct InOutput {
    before: bool,
}

impl InOutput {
    fn enter() -> Self {
        InOutput { before: IN_OUTPUT.replace(true) }
    }
}

impl Drop for InOutput {
    fn drop(&mut self) {
        IN_OUTPUT.set(self.before);
    }
}

/// Calls into an output. A panic comes back as an error.
///
/// Unwind safety: nothing of ours is left half done. An output's own state is its own business; its lock is not poisoned.
fn guarded(call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _inside = InOutput::enter();
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => Err(panicked(payload)),
    }
}

#[cold]
fn panicked(payload: Box<dyn std::any::Any + Send>) -> io::Error {
    let said = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no message",
    };
    let error = io::Error::other(format!("it panicked ({said})"));
    drop_quietly(payload);
    error
}

/// Drops an error, which may hold a value of the program's own.
#[cold]
fn discard(error: io::Error) {
    let _ = guarded(|| {
        drop(error);
        Ok(())
    });
}
