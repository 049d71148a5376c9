//! One output with its counts, shared by all its sinks; what happens when the output fails; the list of all outputs.

mod durability;

use std::fmt;
use std::io;
use std::time::Duration;

use super::notices::{PutNotice, put_notice};
use super::output_list::OutputList;
use super::{Counters, Fate, Front, InFlight, Ledger, Loss, Missing};
use crate::bytes::Batch;
use crate::fallback;
use crate::format::{Renderer, Scratch, Screen};
use crate::output::{AnyOutput, InUse, allocating_under_lock, drop_error, is_no_room};
use crate::process::ForkLocal;
use crate::record::{Moment, Notice, Record};
use crate::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering, Weak};

/// All outputs of the process.
static CORES: ForkLocal<Mutex<OutputList<Core>>> = ForkLocal::new(Mutex::new(OutputList::EMPTY), |parents| {
    Mutex::new(parents.try_lock().map_or(OutputList::EMPTY, |list| list.clone()))
});

/// Why an output has dropped records that it could have taken.
const NO_ROOM: &str = "the receiver of its channel does not keep up; they are counted, and a notice follows";

/// One output with its counts, shared by all its sinks.
pub(crate) struct Core {
    output: AnyOutput,
    /// What the output is.
    described: String,
    /// What it is called in reports, if a view was given a name.
    name: OnceLock<Arc<str>>,
    /// Is told which contexts have a sink of this output, if the output asks for that.
    users: Option<Arc<dyn InUse>>,
    /// None for a standard stream, which a program can redirect at any time.
    screen: Option<Screen>,
    /// Shared with the list of all outputs.
    counters: Arc<Counters>,
    /// Records that the output refused, and that no notice in the log counts yet.
    failed: Missing,
    /// Records that were dropped before they reached the output, and that no notice in the log counts yet.
    dropped: Missing,
    /// A queue has dropped a record since the last notice about dropped records. Such a gap has a notice even if no record follows. Records that
    /// were logged inside the output have none then: the output would log again while it writes the notice.
    has_gap: AtomicBool,
    /// The queues in front of the output.
    fronts: Mutex<Vec<Weak<dyn Front>>>,
    /// The log calls that a queue in front of the output has refused: they wait for it, or write for themselves.
    unqueued: Arc<InFlight>,
    /// True once it was reported that the output does not support flushes.
    is_unflushable: AtomicBool,
    /// Records that asked for a sync that failed, since the last one that worked.
    unsynced: Missing,
    /// The isolated test that it was made under.
    #[cfg(feature = "testing")]
    made_under: crate::under_test::Mark,
}

impl Core {
    /// Returns the core of `output`, and enters it into the list of all outputs.
    pub(crate) fn new(output: AnyOutput) -> Arc<Self> {
        let screen = if output.is_terminal() { Screen::Terminal } else { Screen::None };
        Core::with_screen(output, Some(screen), None)
    }

    /// Returns the core of an output that is told which contexts use it, and enters it into the list of all outputs.
    pub(crate) fn in_use(output: AnyOutput, users: Arc<dyn InUse>) -> Arc<Self> {
        Core::with_screen(output, Some(Screen::None), Some(users))
    }

    /// Returns the core of the output of a file, and enters it into the list of all outputs.
    #[cfg(feature = "file")]
    pub(crate) fn file(output: AnyOutput) -> Arc<Self> {
        let screen = if output.is_terminal() { Screen::Terminal } else { Screen::File };
        Core::with_screen(output, Some(screen), None)
    }

    /// Returns the core of one of the process's standard streams, and enters it into the list of all outputs.
    pub(crate) fn console(output: AnyOutput) -> Arc<Self> {
        Core::with_screen(output, None, None)
    }

    fn with_screen(output: AnyOutput, screen: Option<Screen>, users: Option<Arc<dyn InUse>>) -> Arc<Self> {
        let core = Arc::new(Core {
            described: output.describe(),
            name: OnceLock::new(),
            output,
            users,
            screen,
            counters: Arc::default(),
            failed: Missing::new(),
            dropped: Missing::new(),
            has_gap: AtomicBool::new(false),
            fronts: Mutex::new(Vec::new()),
            unqueued: Arc::new(InFlight::new()),
            is_unflushable: AtomicBool::new(false),
            unsynced: Missing::new(),
            #[cfg(feature = "testing")]
            made_under: crate::under_test::mark(),
        });
        allocating_under_lock(|| CORES.get().lock().push(&core, &core.counters));
        core
    }

    /// Returns all open outputs of the process, and what became of the records of the closed ones: each output is in one of the two. The caller
    /// may come to hold the last reference to one, and gives each back to [`release`](mod@super::release).
    pub(super) fn all() -> (Vec<Arc<Core>>, Ledger) {
        CORES.get().lock().read()
    }

    #[cfg(feature = "testing")]
    pub(super) fn made_under(&self) -> crate::under_test::Mark {
        self.made_under
    }

    /// Returns what the output is, such as `file build.log`.
    pub(crate) fn described(&self) -> &str {
        &self.described
    }

    /// Returns the name of the output in reports.
    pub(crate) fn name(&self) -> &str {
        self.name.get().map_or(&self.described, |name| name)
    }

    /// Returns who is told which contexts use the output.
    pub(crate) fn users(&self) -> Option<&Arc<dyn InUse>> {
        self.users.as_ref()
    }

    /// Sets the name in reports, unless it is set. A standard stream, which belongs to the whole process, keeps its own.
    pub(crate) fn set_name(&self, name: &Arc<str>) {
        if self.screen.is_some() {
            // Another view may have been named first.
            let _ = self.name.set(Arc::clone(name));
        }
    }

    /// Returns what the lines are shown on at the moment.
    pub(crate) fn screen(&self) -> Screen {
        self.screen.unwrap_or_else(|| if self.output.is_terminal() { Screen::Terminal } else { Screen::Piped })
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.counters.ledger()
    }

    /// True if a notice about missing records has to stand in the log before the next record.
    #[inline]
    pub(crate) fn has_missing(&self) -> bool {
        self.has_dropped() || self.has_failed()
    }

    /// True if records were dropped before they reached the output, and no notice in the log counts them yet.
    #[inline]
    pub(crate) fn has_dropped(&self) -> bool {
        self.dropped.has_unclaimed()
    }

    /// Writes `record` to the output.
    #[inline(always)]
    pub(crate) fn write<'r>(
        &self,
        renderer: &'r Renderer,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
    ) -> io::Result<()> {
        self.output.write(renderer, record, scratch)
    }

    /// Writes several lines to the output.
    pub(crate) fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.output.write_batch(batch)
    }

    /// Writes one notice to the output.
    pub(crate) fn write_notice(&self, renderer: &Renderer, notice: &Record<'_>) -> io::Result<()> {
        self.output.write_notice(renderer, notice)
    }

    /// Writes the notices about all missing records, before `record`. If this fails, the caller counts `record` as failed too.
    ///
    /// Each notice is a write of its own, not joined with that of the record: if a joined write broke off after the notice, we could not know
    /// whether the log contains the notice.
    #[cold]
    pub(crate) fn write_notices(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        let moment = record.moment();
        let put: PutNotice<'_> = &mut |_, notice| self.write_notice(renderer, notice);
        put_notice(&self.failed, Notice::Failed, &moment, put)?;
        put_notice(&self.dropped, Notice::Dropped, &moment, put)
    }

    /// Writes only the notice about failed records, before `record`.
    #[cold]
    pub(crate) fn write_failed_notice(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        self.put_failed_notice(&record.moment(), &mut |_, notice| self.write_notice(renderer, notice))
    }

    /// The records that were dropped before they reached the output, and that no notice in the log counts yet. A queue enqueues the notice about
    /// them. It does not enqueue the notice about failed records: the writer thread writes that.
    pub(crate) fn dropped(&self) -> &Missing {
        &self.dropped
    }

    /// Notes that a queue has dropped a record.
    pub(crate) fn note_gap(&self) {
        // Relaxed: a hint. Whoever flushes after the log call sees it.
        self.has_gap.store(true, Ordering::Relaxed);
    }

    /// True if a queue has dropped records, and no notice in the log counts them yet.
    pub(crate) fn has_gap(&self) -> bool {
        // Relaxed: see `note_gap`.
        self.has_dropped() && self.has_gap.load(Ordering::Relaxed)
    }

    /// Hands `put` the notice about dropped records, if a queue has dropped some, although no record follows.
    #[cold]
    pub(crate) fn put_gap_notice(&self, moment: &Moment<'_>, put: PutNotice<'_>) -> io::Result<()> {
        // Relaxed: see `note_gap`.
        if self.has_gap.swap(false, Ordering::Relaxed)
            && let Err(error) = put_notice(&self.dropped, Notice::Dropped, moment, put)
        {
            self.note_gap();
            return Err(error);
        }
        Ok(())
    }

    /// Hands `put` the notice about failed records, if there are any, before the record that is logged at `moment`.
    #[inline]
    pub(crate) fn put_failed_notice(&self, moment: &Moment<'_>, put: PutNotice<'_>) -> io::Result<()> {
        if self.has_failed() { put_notice(&self.failed, Notice::Failed, moment, put) } else { Ok(()) }
    }

    /// Counts the fate of `record` in the ledger. Reports the first failure of an outage.
    #[inline]
    pub(crate) fn count_result(&self, record: &Record<'_>, result: io::Result<()>) -> Fate {
        let fate = match result {
            Ok(()) => Fate::Written,
            Err(error) => self.add_refused(Loss::of(record), error, &self.dropped),
        };
        self.counters.count(fate, 1);
        fate
    }

    /// Adds records that the output has refused with `error` to those that the next notice counts. Reports the outage, if that is due. Does not
    /// count in the ledger: returns as what the caller counts them.
    ///
    /// This alone tells what has failed from what was dropped, whether a log call writes or a writer thread. `dropped` are the dropped records
    /// whose notice the caller will write.
    #[cold]
    pub(crate) fn add_refused(&self, loss: Loss<'_>, error: io::Error, dropped: &Missing) -> Fate {
        if is_no_room(&error) {
            self.add_dropped(dropped, loss, NO_ROOM);
            return Fate::Dropped;
        }
        if let Some(due) = self.failed.add(loss) {
            let name = self.name();
            let message = format_args!(
                "cannot write to {name}: {error}; missing records are counted, and the log gets a notice when it works again"
            );
            if !fallback::report_failure(due.turn, message) {
                self.failed.refused(due);
            }
        }
        drop_error(error);
        Fate::Failed
    }

    /// Counts records in the ledger that were logged where they cannot be delivered. Reports the first of an outage.
    #[cold]
    pub(crate) fn count_dropped(&self, loss: Loss<'_>) {
        self.counters.count(Fate::Dropped, loss.count);
        self.add_dropped(
            &self.dropped,
            loss,
            "they are logged inside an output, or too deep inside values that log; they are counted, and the log gets a notice before \
             the next record",
        );
    }

    /// Adds records to those that the next notice counts as `dropped`. Reports the first of an outage, and `why`. Does not count in the ledger.
    #[cold]
    pub(crate) fn add_dropped(&self, dropped: &Missing, loss: Loss<'_>, why: &str) {
        if let Some(due) = dropped.add(loss) {
            let name = self.name();
            let message = format_args!("records for {name} are dropped before they reach it: {why}");
            if !fallback::report_dropped(due.turn, message) {
                dropped.refused(due);
            }
        }
    }

    /// Reports missing records that no notice will ever count, because the log is closed. Their `fate` completes "records that".
    pub(crate) fn report_unnoticed(&self, missing: &Missing, fate: &str) {
        if let Some(claim) = missing.claim() {
            let (name, count) = (self.name(), claim.count());
            let records = if count == 1 { "record" } else { "records" };
            fallback::report(format_args!(
                "{name} is closed, and its log has no notice of {count} {records} that {fate}"
            ));
            claim.confirm();
        }
    }

    /// Returns how many records are missing that no notice in the log counts yet.
    #[cold]
    pub(crate) fn unnoticed(&self) -> u64 {
        self.failed.count() + self.dropped.count()
    }

    /// True if records could not be written, and no notice in the log counts them yet.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.has_unclaimed()
    }

    /// The ledger, for who reads it when the output may be closed.
    pub(super) fn shared_counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// True if the output takes lines. Only lines can be queued.
    pub(crate) fn takes_lines(&self) -> bool {
        self.output.takes_lines()
    }

    /// The queues in front of the output.
    pub(crate) fn fronts(&self) -> &Mutex<Vec<Weak<dyn Front>>> {
        &self.fronts
    }

    /// The log calls that a queue in front of the output has refused.
    pub(crate) fn unqueued(&self) -> &Arc<InFlight> {
        &self.unqueued
    }

    /// Has the log calls of abandoned contexts go on that wait for a queue in front of the output.
    pub(crate) fn give_up_abandoned_calls(&self) {
        let fronts: Vec<Arc<dyn Front>> = self.fronts.lock().iter().filter_map(Weak::upgrade).collect();
        fronts.into_iter().for_each(|front| front.give_up_abandoned_calls());
    }

    /// Opens the file of the output anew, within `deadline`.
    pub(crate) fn reopen(&self, deadline: Duration) -> io::Result<()> {
        self.output.reopen(deadline)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.report_unnoticed(&self.failed, "could not be written");
        self.report_unnoticed(&self.dropped, "never reached it");
        self.output.close();
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("name", &self.name()).field("ledger", &self.ledger()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
