//! Delivering to one output: what all views of it share, and what happens when it fails.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::gap::{Claim, Gap, Loss, Owner};
use super::ledger::{Delivery, Ledger, Outcome};
use super::output::{Output, RecordOutput};
use super::queued::Queued;
use super::{Batch, all, fallback};
use crate::format::scratch::Buffer;
use crate::format::{Renderer, Scratch, Screen};
use crate::record::{ContextInfo, Moment, Notice, Record, drop_quietly, with_notice};
use crate::sync::{AtomicBool, Mutex, Ordering, Weak};

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
    /// It is among [all].
    entered: AtomicBool,
    /// The queues in front of the output.
    queues: Mutex<Vec<Weak<Queued>>>,
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
            entered: AtomicBool::new(false),
            queues: Mutex::new(Vec::new()),
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

    /// True if the log has to state, before the next record, that records are missing.
    #[inline]
    pub(super) fn owes(&self) -> bool {
        self.has_dropped() || self.has_failed()
    }

    /// True if records were dropped before they reached the output, and the log does not state that yet.
    #[inline]
    pub(super) fn has_dropped(&self) -> bool {
        self.dropped.is_open()
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

    /// Hands over several lines.
    pub(super) fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        match &self.target {
            Target::Lines(output) => guarded(|| output.write_batch(batch)),
            Target::Records(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Hands over a notice.
    pub(super) fn write_notice(&self, renderer: &Renderer, notice: &Record<'_>) -> io::Result<()> {
        match &self.target {
            Target::Lines(output) => {
                let mut line = Buffer::take();
                renderer.render(notice, &mut line);
                guarded(|| output.write(&line))
            }
            Target::Records(output) => guarded(|| output.write(notice)),
        }
    }

    /// States in the log what is missing from it. If that fails so has the record that comes after it.
    ///
    /// In writes of their own, not joined to the record's: if a joined write broke off after a notice, nobody could say whether
    /// the notice is in the log.
    #[cold]
    pub(super) fn state(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        let moment = record.moment();
        let put: Put<'_> = &mut |_, notice| self.write_notice(renderer, notice);
        state_gap(&self.failed, Notice::Failed, &moment, put)?;
        state_gap(&self.dropped, Notice::Dropped, &moment, put)
    }

    /// The same without the records that were dropped.
    #[cold]
    pub(super) fn state_but_dropped(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        self.state_failed(&record.moment(), &mut |_, notice| self.write_notice(renderer, notice))
    }

    /// The same for a view that is queued, where `put` puts notices into the queue: what could not be written is stated where it is
    /// written.
    #[cold]
    pub(super) fn state_dropped(&self, record: &Record<'_>, put: Put<'_>) -> io::Result<()> {
        state_gap(&self.dropped, Notice::Dropped, &record.moment(), put)
    }

    /// States what could not be written, before what is written next.
    #[inline]
    pub(super) fn state_failed(&self, moment: &Moment<'_>, put: Put<'_>) -> io::Result<()> {
        if self.failed.is_open() { state_gap(&self.failed, Notice::Failed, moment, put) } else { Ok(()) }
    }

    /// Counts what became of `record`, and tells the first failure of an outage.
    #[inline]
    pub(super) fn settle(&self, record: &Record<'_>, result: io::Result<()>) -> Delivery {
        let delivery = match result {
            Ok(()) => Delivery::Written,
            Err(error) => self.fail(Loss::of(record), error),
        };
        self.ledger.count(delivery, 1);
        delivery
    }

    /// Tells the first failure of an outage, and has it stated in the log when that works again.
    #[cold]
    pub(super) fn fail(&self, loss: Loss<'_>, error: io::Error) -> Delivery {
        if self.failed.add(loss) {
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
        self.drop_records(
            loss,
            "they are logged inside an output, or too deep inside values that log; what is missing is counted, and stated in the log \
             before the next record",
        );
    }

    /// Has records that are given up before they reached the output stated in the log, and tells the first of an outage.
    #[cold]
    pub(super) fn drop_records(&self, loss: Loss<'_>, why: &str) {
        if self.dropped.add(loss) {
            let name = &self.name;
            fallback::tell(format_args!("records for {name} are dropped before they reach it: {why}"));
        }
    }

    /// Tells of losses that the log will never state.
    pub(super) fn tell_unstated(&self, gap: &Gap, fate: &str) {
        if let Some(claim) = gap.claim() {
            let (name, count) = (&self.name, claim.count());
            fallback::tell(format_args!("{name} is closed without stating that {count} records {fate}"));
            claim.stated();
        }
    }

    /// True if there is something to state before the next line, because it could not be written.
    #[inline]
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_open()
    }

    /// True the first time.
    pub(super) fn enters(&self) -> bool {
        // Relaxed: the swap alone decides.
        !self.entered.swap(true, Ordering::Relaxed)
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// True if the output takes lines, which can be queued.
    pub(super) fn takes_lines(&self) -> bool {
        matches!(self.target, Target::Lines(_))
    }

    pub(super) fn queues(&self) -> &Mutex<Vec<Weak<Queued>>> {
        &self.queues
    }

    /// Has the output pass on what it holds back, and says whether it did.
    pub(super) fn flush_output(&self, deadline: Duration) -> io::Result<()> {
        match &self.target {
            Target::Lines(output) => guarded(|| output.flush(deadline)),
            Target::Records(output) => guarded(|| output.flush(deadline)),
        }
    }

    /// Tells that the output could not be flushed.
    #[cold]
    pub(super) fn tell_unflushed(&self, error: io::Error) {
        fallback::tell(format_args!("cannot flush {}: {error}", self.name));
        discard(error);
    }

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

/// Puts a notice into the log.
pub(super) type Put<'a> = &'a mut dyn FnMut(Notice, &Record<'_>) -> io::Result<()>;

fn put_notice(notice: Notice, moment: &Moment<'_>, put: Put<'_>) -> io::Result<()> {
    with_notice(notice, |event| put(notice, &moment.notice(event)))
}

/// States the losses of `gap`, if there are any, before what comes at `moment`.
pub(super) fn state_gap(gap: &Gap, notice: fn(u64) -> Notice, moment: &Moment<'_>, put: Put<'_>) -> io::Result<()> {
    if let Some(claim) = gap.claim() {
        state_claim(&claim, notice, moment, put)?;
        claim.stated();
    }
    Ok(())
}

/// The same for losses that are claimed, and are stated if this ends well.
///
/// The notice is one of the context whose records are missing; if they are of several, of one that is neither.
pub(super) fn state_claim(
    claim: &Claim<'_>,
    notice: fn(u64) -> Notice,
    moment: &Moment<'_>,
    put: Put<'_>,
) -> io::Result<()> {
    let stranger;
    let moment = match claim.owner() {
        Owner::One { id, .. } if *id == moment.context.id() => moment.clone(),
        Owner::One { id, name, elapsed } => {
            stranger = ContextInfo::new(name.clone(), *id, Vec::new());
            Moment { context: &stranger, elapsed: *elapsed, ..moment.clone() }
        }
        Owner::Nobody | Owner::Several => {
            stranger = ContextInfo::nobody();
            Moment { context: &stranger, ..moment.clone() }
        }
    };
    put_notice(notice(claim.count()), &moment, put)
}

impl Drop for Core {
    fn drop(&mut self) {
        self.tell_unstated(&self.failed, "could not be written");
        self.tell_unstated(&self.dropped, "were dropped");
        if *self.entered.get_mut() {
            all::leave(self.ledger.outcome());
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
pub(super) struct InOutput {
    before: bool,
}

impl InOutput {
    pub(super) fn enter() -> Self {
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
pub(super) fn discard(error: io::Error) {
    let _ = guarded(|| {
        drop(error);
        Ok(())
    });
}
