//! Delivering to one output: what all views of it share, and what happens when it fails.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::fallback;
use super::gap::Gap;
use super::ledger::{Delivery, Ledger, Outcome};
use super::output::{Output, RecordOutput};
use crate::format::scratch::Buffer;
use crate::format::{Renderer, Scratch, Screen};
use crate::record::{Notice, Record, drop_quietly, with_notice};

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
}

impl Core {
    pub(super) fn new(target: Target) -> Self {
        let (name, terminal) = match &target {
            Target::Lines(output) => (output.describe(), output.is_terminal()),
            Target::Records(output) => (output.describe(), false),
        };
        let screen = if terminal { Screen::Terminal } else { Screen::None };
        Core { target, name, screen, ledger: Ledger::default(), failed: Gap::new(), dropped: Gap::new() }
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

    /// True if the log has to state something before the next record.
    #[inline]
    pub(super) fn has_gap(&self) -> bool {
        self.failed.is_open() || self.dropped.is_open()
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

    /// Hands over `notice`, with the time and the context of `record`.
    pub(super) fn write_notice(&self, renderer: &Renderer, notice: Notice, record: &Record<'_>) -> io::Result<()> {
        with_notice(notice, |event| {
            let record = record.as_notice(event);
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

    /// States in the log what is missing from it.
    ///
    /// A write of its own, not joined to the record's: if a joined write broke off after the notice, nobody could say whether
    /// the notice is in the log.
    #[cold]
    pub(super) fn state_gaps(&self, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
        if let Some(claim) = self.failed.claim() {
            self.write_notice(renderer, Notice::Failed(claim.count()), record)?;
            claim.stated();
        }
        if let Some(claim) = self.dropped.claim() {
            self.write_notice(renderer, Notice::Dropped(claim.count()), record)?;
            claim.stated();
        }
        Ok(())
    }

    /// Counts what became of a record, and tells the first failure of an outage.
    #[inline]
    pub(super) fn settle(&self, result: io::Result<()>) -> Delivery {
        let delivery = match result {
            Ok(()) => Delivery::Written,
            Err(error) => self.fail(error),
        };
        self.ledger.count(delivery, 1);
        delivery
    }

    #[cold]
    fn fail(&self, error: io::Error) -> Delivery {
        if self.failed.add(1) {
            let name = &self.name;
            fallback::tell(format_args!(
                "cannot write to {name}: {error}; what is missing is counted, and stated in the log when it works again"
            ));
        }
        discard(error);
        Delivery::Failed
    }

    pub(super) fn count_dropped(&self, n: u64) {
        self.ledger.count(Delivery::Dropped, n);
        self.dropped.add(n);
    }

    pub(super) fn flush(&self, deadline: Duration) -> Outcome {
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
