//! Unclaimed events: those that reach the process default while other contexts are alive, and are probably there because work was handed over
//! without its context.
//!
//! | file | subject |
//! |---|---|
//! | `table` | the counts, by place and thread |
//! | `rules` | what the program has set: which events count, and which the process default takes |
//! | `report` | what was counted, as plain data |
//!
//! [`note_arrival`] is called for each event that reaches the default; nothing here is called for an event in a context. Which records tell of the
//! events is in [`layer`](mod@crate::layer).

mod report;
mod rules;
mod table;

use std::cell::Cell;

pub use report::{UnclaimedEntry, UnclaimedReport};
pub(crate) use rules::Rules;
pub use rules::Unclaimed;
use table::{Count, Table};

use crate::context::are_others_alive;
use crate::limits::{UNCLAIMED_LABEL_BYTES, UNCLAIMED_PAUSE};
use crate::output::is_inside_output;
use crate::process::ForkLocal;
use crate::record::{RecordMetadata, prefix, write_thread_name};
use crate::scope::is_unscoped;
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// What this process has counted. A forked child starts anew.
struct State {
    table: Table,
    /// When the newest record was told, in milliseconds of [`coarse_millis`], and 0 if none was.
    told_at: AtomicU64,
}

static STATE: ForkLocal<OnceLock<Box<State>>> = ForkLocal::new(OnceLock::new(), |_| OnceLock::new());

/// Returns the counts, which are made if there are none.
fn made_state() -> Option<&'static State> {
    /// Not by `get_or_init`, in which an allocator that logs would wait for itself.
    #[cold]
    fn make(cell: &OnceLock<Box<State>>) -> Option<&State> {
        let _ = cell.set(Box::new(State { table: Table::new(), told_at: AtomicU64::new(0) }));
        cell.get().map(|state| &**state)
    }
    let cell = STATE.get();
    match cell.get() {
        Some(state) => Some(state),
        None => make(cell),
    }
}

fn state() -> Option<&'static State> {
    STATE.get().get().map(|state| &**state)
}

/// Notes an event that reached the process default, and that the default's verbosity lets through. Returns whether the default takes it.
/// `record` is called only if the event counts.
#[inline]
pub(crate) fn note_arrival<'a>(target: &str, record: impl FnOnce() -> RecordMetadata<'a>) -> bool {
    let is_taken = rules::default_takes(target);
    if (is_taken && !are_others_alive()) || is_unscoped() {
        return true;
    }
    let policy = rules::policy(target);
    if policy != Unclaimed::Ignore {
        count(&record(), policy == Unclaimed::Warn);
    }
    is_taken
}

#[inline(never)]
fn count(record: &RecordMetadata<'_>, to_tell: bool) {
    if let Some(state) = made_state() {
        state.table.count(record, thread_number(), to_tell, label);
    }
}

/// Returns whether the process default takes events of `target` that are logged here, outside every scope.
#[inline]
pub(crate) fn default_takes_here(target: &str) -> bool {
    rules::default_takes(target) || is_unscoped()
}

/// Returns true if a record is to tell of unclaimed events now. Only one thread gets this answer, and none inside an output, whose own lock may be
/// held.
#[inline]
pub(crate) fn is_telling_due() -> bool {
    #[inline(never)]
    fn is_due() -> bool {
        !is_inside_output() && state().is_some_and(|state| state.table.is_untold() && state.is_due(coarse_millis()))
    }
    rules::warns() && is_due()
}

impl State {
    fn is_due(&self, now: u64) -> bool {
        // Relaxed, here and below: the time orders nothing. The exchange picks one of several threads.
        let told_at = self.told_at.load(Ordering::Relaxed);
        let is_due = told_at == 0 || now.saturating_sub(told_at) >= UNCLAIMED_PAUSE.as_millis() as u64;
        is_due && self.told_at.compare_exchange(told_at, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn collect(
        &self,
        amount: impl Fn(&Count) -> u64,
        unlisted: &Count,
        is_wanted: impl Fn(&str) -> bool,
    ) -> UnclaimedReport {
        let mut entries = Vec::new();
        for site in self.table.sites().filter(|site| is_wanted(&site.target)) {
            site.each_count(|count, label| {
                let count = amount(count);
                if count > 0 {
                    entries.push(UnclaimedEntry {
                        target: site.target.clone().into_owned(),
                        level: site.level,
                        file: site.file.as_deref().map(str::to_owned),
                        line: site.line,
                        thread: label.map(str::to_owned),
                        count,
                    });
                }
            });
        }
        UnclaimedReport::new(entries, amount(unlisted))
    }
}

/// Returns the events that are to be told and that nobody has told, which the caller tells.
pub(crate) fn take_untold() -> Option<UnclaimedReport> {
    let state = state()?;
    state.table.begin_telling();
    let warns = |target: &str| rules::policy(target) == Unclaimed::Warn;
    let report = state.collect(Count::take_untold, &state.table.unlisted_to_tell, warns);
    (report.total > 0).then_some(report)
}

/// Returns the events that reached the process default while other contexts were alive, by place and thread.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// let main = OutputContext::builder("main").sink(sink::null()).build();
/// logscope::configure().default_context(main).install()?;
/// let uno = OutputContext::builder("uno").sink(sink::null()).build();
/// uno.scope(|| std::thread::spawn(|| tracing::info!("whose line is this?")).join().unwrap());
/// let report = logscope::unclaimed();
/// assert_eq!((report.total, report.entries[0].count), (1, 1));
/// println!("{report}");
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// The guide [What was forgotten](crate::docs::forgotten) says which events these are, and what to do about them. The counts are those of this
/// process since it started: a forked child begins with none. Nothing is locked or stopped, so events that other threads log meanwhile may be
/// in the report or not. At most 1,024 places have entries, and 16 threads in each of them.
#[must_use]
pub fn unclaimed() -> UnclaimedReport {
    match state() {
        Some(state) => state.collect(Count::get, &state.table.unlisted, |_| true),
        None => UnclaimedReport::new(Vec::new(), 0),
    }
}

/// Returns the number of this thread, which no other thread has, and which is not 0.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        /// Without destructor, so that the destructors of other thread-locals can log.
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    let number = NUMBER.get();
    if number != 0 {
        return number;
    }
    // Relaxed: the numbers only need to differ.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NUMBER.set(number);
    number
}

/// Returns the name of this thread; `None` if it is so near its end that it has none.
fn label() -> Option<Box<str>> {
    let mut name = String::new();
    let _ = write_thread_name(&mut name);
    (!name.is_empty()).then(|| prefix(&name, UNCLAIMED_LABEL_BYTES).into())
}

/// Returns milliseconds that never go back, good to a few hundredths of a second.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn coarse_millis() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let part = |part: i64| u64::try_from(part).unwrap_or(0);
    part(time.tv_sec).saturating_mul(1_000).saturating_add(part(time.tv_nsec) / 1_000_000)
}

/// Returns milliseconds that never go back.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn coarse_millis() -> u64 {
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    // Not by `get_or_init`: see `made_state`.
    let _ = START.set(now);
    START.get().map_or(0, |start| u64::try_from(now.saturating_duration_since(*start).as_millis()).unwrap_or(u64::MAX))
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_due_at_once_and_then_each_minute() {
        let state = State { table: Table::new(), told_at: AtomicU64::new(0) };
        let pause = UNCLAIMED_PAUSE.as_millis() as u64;
        assert!(state.is_due(0) && !state.is_due(0));
        assert!(!state.is_due(pause) && state.is_due(pause + 1));
        assert!(!state.is_due(pause + 2) && state.is_due(2 * pause + 1));
    }
}
