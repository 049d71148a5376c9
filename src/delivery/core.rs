//! One output with its counts, shared by all its sinks, and what happens when it fails.

use std::fmt;
use std::io;
use std::time::Duration;

use super::notices::{PutNotice, state_missing};
use super::{Fate, Front, Ledger, Loss, Missing, Outcome};
use crate::bytes::Batch;
use crate::fallback;
use crate::format::{Renderer, Scratch, Screen};
use crate::output::{Target, discard};
use crate::process::is_forked;
use crate::record::{Moment, Notice, Record};
use crate::sync::{Arc, Mutex, Weak};

/// All outputs of the process.
static CORES: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// What became of the records of outputs that are closed.
static CLOSED: Mutex<Outcome> = Mutex::new(Outcome::NOTHING);

/// One output with its counts, shared by all its sinks.
pub(crate) struct Core {
    target: Target,
    name: String,
    screen: Screen,
    ledger: Ledger,
    /// Records that the output refused, not yet stated in the log.
    failed: Missing,
    /// Records that were dropped before they reached the output, not yet stated in the log.
    dropped: Missing,
    /// The queues in front of the output.
    fronts: Mutex<Vec<Weak<dyn Front>>>,
}

impl Core {
    /// An output, and its entry in the list of all outputs, which it leaves when it is dropped.
    pub(crate) fn new(target: Target) -> Arc<Self> {
        let screen = if target.is_terminal() { Screen::Terminal } else { Screen::None };
        Core::on_screen(target, screen)
    }

    /// One of the process's standard streams.
    pub(crate) fn console(target: Target) -> Arc<Self> {
        let screen = if target.is_terminal() { Screen::Terminal } else { Screen::Piped };
        Core::on_screen(target, screen)
    }

    fn on_screen(target: Target, screen: Screen) -> Arc<Self> {
        let core = Arc::new(Core {
            name: target.describe(),
            target,
            screen,
            ledger: Ledger::default(),
            failed: Missing::new(),
            dropped: Missing::new(),
            fronts: Mutex::new(Vec::new()),
        });
        let mut cores = CORES.lock();
        if cores.len() == cores.capacity() {
            cores.retain(|core| core.strong_count() > 0);
        }
        cores.push(Arc::downgrade(&core));
        drop(cores);
        core
    }

    /// Returns all outputs of the process. The caller may be the last to let go of one, and then drops it.
    pub(super) fn all() -> Vec<Arc<Core>> {
        CORES.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Returns what became of the records of outputs that are closed.
    pub(super) fn closed_outcome() -> Outcome {
        // In a forked child another thread's lock may be held for ever.
        if is_forked() { Outcome::NOTHING } else { *CLOSED.lock() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn screen(&self) -> Screen {
        self.screen
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.ledger.outcome()
    }

    /// True if the log has to state, before the next record, that records are missing.
    #[inline]
    pub(crate) fn owes(&self) -> bool {
        self.has_dropped() || self.has_failed()
    }

    /// True if records were dropped before they reached the output, and the log does not state that yet.
    #[inline]
    pub(crate) fn has_dropped(&self) -> bool {
        self.dropped.is_open()
    }

    /// Hands `record` to the output.
    #[inline]
    pub(crate) fn write(&self, renderer: &Renderer, record: &Record<'_>, scratch: &mut Scratch) -> io::Result<()> {
        self.target.write(renderer, record, scratch)
    }

    /// Hands several lines to the output.
    pub(crate) fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.target.write_batch(batch)
    }

    /// Hands a notice to the output.
    pub(crate) fn write_notice(&self, renderer: &Renderer, notice: &Record<'_>) -> io::Result<()> {
        self.target.write_notice(renderer, notice)
    }

    /// States in the log what is missing from it. If that fails so has the record that comes after it.
    ///
    /// In writes of their own, not joined to the record's: if a joined write broke off after a notice, nobody could say whether
    /// the notice is in the log.
    #[cold]
    pub(crate) fn state(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        let moment = record.moment();
        let put: PutNotice<'_> = &mut |_, notice| self.write_notice(renderer, notice);
        state_missing(&self.failed, Notice::Failed, &moment, put)?;
        state_missing(&self.dropped, Notice::Dropped, &moment, put)
    }

    /// The same without the records that were dropped.
    #[cold]
    pub(crate) fn state_but_dropped(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        self.state_failed(&record.moment(), &mut |_, notice| self.write_notice(renderer, notice))
    }

    /// The same for a view that is queued, where `put` puts notices into the queue: what could not be written is stated where it is
    /// written.
    #[cold]
    pub(crate) fn state_dropped(&self, record: &Record<'_>, put: PutNotice<'_>) -> io::Result<()> {
        state_missing(&self.dropped, Notice::Dropped, &record.moment(), put)
    }

    /// States what could not be written, before what is written next.
    #[inline]
    pub(crate) fn state_failed(&self, moment: &Moment<'_>, put: PutNotice<'_>) -> io::Result<()> {
        if self.failed.is_open() { state_missing(&self.failed, Notice::Failed, moment, put) } else { Ok(()) }
    }

    /// Counts what became of `record`, and tells the first failure of an outage.
    #[inline]
    pub(crate) fn count_result(&self, record: &Record<'_>, result: io::Result<()>) -> Fate {
        let fate = match result {
            Ok(()) => Fate::Written,
            Err(error) => self.fail(Loss::of(record), error),
        };
        self.ledger.count(fate, 1);
        fate
    }

    /// Tells the first failure of an outage, and has it stated in the log when that works again.
    #[cold]
    pub(crate) fn fail(&self, loss: Loss<'_>, error: io::Error) -> Fate {
        if self.failed.add(loss) {
            let name = &self.name;
            fallback::tell(format_args!(
                "cannot write to {name}: {error}; what is missing is counted, and stated in the log when it works again"
            ));
        }
        discard(error);
        Fate::Failed
    }

    /// Counts records that were given up before they reached the output, and tells the first of an outage.
    #[cold]
    pub(crate) fn count_dropped(&self, loss: Loss<'_>) {
        self.ledger.count(Fate::Dropped, loss.count);
        self.drop_records(
            loss,
            "they are logged inside an output, or too deep inside values that log; what is missing is counted, and stated in the log \
             before the next record",
        );
    }

    /// Has records that are given up before they reached the output stated in the log, and tells the first of an outage.
    #[cold]
    pub(crate) fn drop_records(&self, loss: Loss<'_>, why: &str) {
        if self.dropped.add(loss) {
            let name = &self.name;
            fallback::tell(format_args!("records for {name} are dropped before they reach it: {why}"));
        }
    }

    /// Tells of losses that the log will never state.
    pub(crate) fn tell_unstated(&self, missing: &Missing, fate: &str) {
        if let Some(claim) = missing.claim() {
            let (name, count) = (&self.name, claim.count());
            fallback::tell(format_args!("{name} is closed without stating that {count} records {fate}"));
            claim.stated();
        }
    }

    /// True if there is something to state before the next line, because it could not be written.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_open()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// True if the output takes lines, which can be queued.
    pub(crate) fn takes_lines(&self) -> bool {
        self.target.takes_lines()
    }

    /// The queues in front of the output.
    pub(crate) fn fronts(&self) -> &Mutex<Vec<Weak<dyn Front>>> {
        &self.fronts
    }

    /// Has the output pass on what it holds back.
    pub(crate) fn flush_output(&self, deadline: Duration) -> io::Result<()> {
        self.target.flush(deadline)
    }

    /// Writes to the fallback that the output could not be flushed.
    #[cold]
    pub(crate) fn tell_unflushed(&self, error: io::Error) {
        fallback::tell(format_args!("cannot flush {}: {error}", self.name));
        discard(error);
    }

    /// Has what was written reach the storage device.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.target.sync()
    }

    /// Has the output open anew what it writes to.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        self.target.reopen()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.tell_unstated(&self.failed, "could not be written");
        self.tell_unstated(&self.dropped, "were dropped");
        // In a forked child another thread's lock may be held for ever.
        if !is_forked() {
            let closed = &mut *CLOSED.lock();
            *closed = closed.plus(self.ledger.outcome());
        }
        self.target.close();
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("name", &self.name).field("ledger", &self.outcome()).finish_non_exhaustive()
    }
}
