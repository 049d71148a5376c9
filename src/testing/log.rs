//! The log of one test.

use std::fmt;

use tracing::Level;

use super::harness::harness;
use super::normalize::Normalize;
use super::query::Query;
use super::recording::{Recorder, Recording};
use super::told;
use crate::context::OutputContext;
use crate::sink::{Sink, copies};
use crate::sync::Arc;

/// Reads the log of a test, while it runs and afterwards; from [`capture`](super::capture()) and the like. Clones read the same log.
///
/// ```
/// use logscope::{Level, testing};
///
/// testing::capture(|log| {
///     log.deny(Level::ERROR); // an ERROR fails the test, when it ends
///     tracing::info!(answer = 42, "computed");
///     log.records().message("computed").field("answer", 42).one();
/// });
/// ```
#[derive(Clone)]
pub struct Log {
    pub(super) recording: Arc<Recording>,
    context: OutputContext,
}

impl Log {
    pub(super) fn new(recording: Arc<Recording>, context: OutputContext) -> Log {
        Log { recording, context }
    }

    /// Returns the name of the test.
    #[must_use]
    pub fn name(&self) -> &str {
        self.recording.name()
    }

    /// Returns the context of the test, to [bind](OutputContext::bind) it to work that would not inherit it.
    #[must_use]
    pub fn context(&self) -> &OutputContext {
        &self.context
    }

    /// Returns a sink that adds records to this log, for contexts that the test or the code under test makes itself.
    ///
    /// ```
    /// use logscope::{OutputContext, testing};
    ///
    /// testing::capture(|log| {
    ///     let uno = OutputContext::builder("uno").sink(log.sink()).build();
    ///     uno.scope(|| tracing::info!("compiling"));
    ///     log.records().context("uno").message("compiling").one();
    /// });
    /// ```
    ///
    /// A [child](OutputContext::child) of the test's context has it already.
    pub fn sink(&self) -> Sink {
        copies(Recorder(Arc::clone(&self.recording)))
    }

    /// Asks for records.
    pub fn records(&self) -> Query {
        Query::new(Arc::clone(&self.recording), false)
    }

    /// Asks for records that were logged outside every context while the test ran, such as those of a thread that the code under test has
    /// started by a bare `std::thread::spawn`.
    ///
    /// ```
    /// logscope::testing::capture(|log| {
    ///     std::thread::spawn(|| tracing::warn!("whose line is this?")).join().unwrap();
    ///     log.unclaimed().message("whose line").first();
    ///     log.records().none();
    /// });
    /// ```
    ///
    /// What the test's own thread logs is of this test, and of no other if the test binary has symbols. Where other tests of the process run at the
    /// same time, a record of another thread can be theirs; with nextest, and with `--test-threads=1`, it is of this test. A program that sets the
    /// process default itself takes these records away: no test has them then. If another test does that, in
    /// [`isolated`](super::isolated()), put this one into `isolated`, too.
    pub fn unclaimed(&self) -> Query {
        Query::new(Arc::clone(&self.recording), true)
    }

    /// Has records of this level, or a more severe one, fail the test when it ends, and shows them.
    ///
    /// That is asked of the records of this log: not of what is logged [outside every context](Log::unclaimed), for which there is
    /// [`strict`](super::strict()), nor of what goes to a context of the program that has no sink [of this log](Log::sink).
    ///
    /// # Panics
    ///
    /// Not this call, but the end of the capture, unless the test has failed already.
    pub fn deny(&self, level: Level) {
        self.recording.rules.lock().denied = Some(level);
    }

    /// Excuses the records that `query` asks for from [`deny`](Log::deny). There need not be any; a failure says if there are none.
    ///
    /// ```
    /// use logscope::{Level, testing};
    ///
    /// testing::capture(|log| {
    ///     log.deny(Level::ERROR);
    ///     log.excuse(log.records().message("out of paper"));
    ///     tracing::error!("out of paper");
    /// });
    /// ```
    pub fn excuse(&self, query: Query) {
        self.recording.rules.lock().excused.push(query.filter);
    }

    /// Has what was logged outside every context while the test ran fail the test when it ends, and shows it. See
    /// [`strict`](super::strict()).
    pub fn strict(&self) {
        self.recording.rules.lock().is_strict = true;
    }

    /// Has what is logged outside every context from now on be records of this test, if no other test can run at the same time: with nextest,
    /// with `--test-threads=1`, and with `--exact` and one name. Returns whether that is so.
    ///
    /// ```
    /// logscope::testing::capture(|log| {
    ///     let adopted = log.adopt_unclaimed();
    ///     std::thread::spawn(|| tracing::info!("from a bare thread")).join().unwrap();
    ///     let asked = if adopted { log.records() } else { log.unclaimed() };
    ///     asked.message("bare thread").first();
    /// });
    /// ```
    pub fn adopt_unclaimed(&self) -> bool {
        let is_alone = harness().is_serial;
        if is_alone {
            self.recording.rules.lock().adopts = true;
        }
        is_alone
    }

    /// Returns the records as text, one on a line, without what differs from run to run, for a snapshot. Each line ends with `\n`, also the last one.
    ///
    /// ```
    /// # logscope::testing::capture(|log| {
    /// let took = std::time::Duration::from_millis(12);
    /// tracing::info!(target: "linker", ?took, "linked {} in {:?}", "a.out", std::thread::current().id());
    /// tracing::info_span!("build", unit = "core").in_scope(|| tracing::warn!(target: "linker", "slow"));
    /// expect_test::expect![[r#"
    ///     INFO  linker: linked a.out in ThreadId(_) took=<duration>
    ///     WARN  build{unit=core}: linker: slow
    /// "#]].assert_eq(&log.text());
    /// # });
    /// ```
    ///
    /// [`Normalize`] has the rules. Records of several threads stand in the order in which they came: [`Normalize::sorted`] sorts them.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_with(&Normalize::default())
    }

    /// Returns the records as text, by rules of the test's own.
    #[must_use]
    pub fn text_with(&self, rules: &Normalize) -> String {
        rules.text(&self.recording.store.since(0), self.name())
    }

    /// Returns the records as JSON, one object on a line, without what differs from run to run, for a snapshot.
    ///
    /// ```
    /// # logscope::testing::capture(|log| {
    /// tracing::info!(target: "linker", size = 5120, "linked");
    /// insta::assert_snapshot!(log.json(), @r#"{"level":"info","target":"linker","message":"linked","fields":{"size":5120}}"#);
    /// # });
    /// ```
    ///
    /// An object has `level`, `target` and `message`, then `fields`, `spans` (outermost first) and `context` (its name), if there is something
    /// to say.
    #[must_use]
    pub fn json(&self) -> String {
        self.json_with(&Normalize::default())
    }

    /// Returns the records as JSON, by rules of the test's own.
    #[must_use]
    pub fn json_with(&self, rules: &Normalize) -> String {
        rules.json(&self.recording.store.since(0), self.name())
    }

    /// Prints the records that there are now, with the test's output.
    pub fn show(&self) {
        let records = self.recording.shown_since(0);
        told::show(&self.recording.lines(&records));
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("test", &self.name()).field("records", &self.recording.store.len()).finish()
    }
}
