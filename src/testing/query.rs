//! Looking for records, and asserting which there are.

use std::fmt;
use std::time::{Duration, Instant};

use tracing::Level;

use super::failure::Failure;
use super::filter::{Condition, Filter};
use super::lines::count;
use super::recording::Recording;
use super::store::{Kept, Store};
use super::unclaimed::other_default;
use crate::limits::TEST_FAR;
use crate::record::{RecordBuf, Value};
use crate::sync::Arc;

/// Asks for records of a test; from [`Log::records`](super::Log::records).
///
/// ```
/// use std::time::Duration;
/// use logscope::{Level, testing};
///
/// testing::capture(|log| {
///     logscope::thread::spawn(|| {
///         let _query = tracing::info_span!("query", table = "users").entered();
///         tracing::warn!(target: "db::pool", ms = 12, "slow query");
///     });
///     let slow = log.records().level(Level::WARN).target("db").message("slow").in_span("query");
///     let slow = slow.within(Duration::from_secs(5)).one();
///     assert_eq!(slow.field("ms").and_then(|ms| ms.as_u64()), Some(12));
///     log.records().level(Level::ERROR).none();
/// });
/// ```
///
/// A record must fulfil all conditions. A method that asserts something and finds that it is not so panics. The message says what was asked,
/// which records fulfil all but one condition, which one that is, and has the log as text.
#[derive(Clone)]
#[must_use = "a query asserts nothing by itself: end it with `one()`, `none()`, `count()`, …"]
pub struct Query {
    pub(super) recording: Arc<Recording>,
    pub(super) is_of_unclaimed: bool,
    pub(super) filter: Filter,
    pub(super) patience: Option<Duration>,
    /// How long a task has waited for records at most, by `arrived`.
    pub(super) arrived_within: Option<Duration>,
}

/// Conditions.
impl Query {
    pub(super) fn new(recording: Arc<Recording>, is_of_unclaimed: bool) -> Query {
        Query { recording, is_of_unclaimed, filter: Filter::default(), patience: None, arrived_within: None }
    }

    fn with(mut self, condition: Condition) -> Query {
        self.filter.add(condition);
        self
    }

    /// Asks for records of this level.
    pub fn level(self, level: Level) -> Query {
        self.with(Condition::Level(level))
    }

    /// Asks for records of this level or a more severe one.
    pub fn level_at_least(self, level: Level) -> Query {
        self.with(Condition::AtLeast(level))
    }

    /// Asks for records of this target, or one below it: `db` is also the target of `db::pool`.
    pub fn target(self, target: impl Into<String>) -> Query {
        self.with(Condition::Target(target.into()))
    }

    /// Asks for records of this target, and of none below it.
    pub fn target_is(self, target: impl Into<String>) -> Query {
        self.with(Condition::WholeTarget(target.into()))
    }

    /// Asks for records whose message contains `part`.
    pub fn message(self, part: impl Into<String>) -> Query {
        self.with(Condition::Message(part.into()))
    }

    /// Asks for records whose message begins with `start`.
    pub fn message_starts_with(self, start: impl Into<String>) -> Query {
        self.with(Condition::MessageStart(start.into()))
    }

    /// Asks for records with exactly this message.
    pub fn message_is(self, message: impl Into<String>) -> Query {
        self.with(Condition::WholeMessage(message.into()))
    }

    /// Asks for records that have a field `name` with this value.
    ///
    /// What was logged with `%` or `?` is a text: `field("size", "12")`. Integers are equal if their numbers are, whatever their width.
    pub fn field(self, name: impl Into<String>, value: impl Into<Value>) -> Query {
        self.with(Condition::Field(name.into(), value.into()))
    }

    /// Asks for records that have a field `name`, whatever its value is.
    pub fn has_field(self, name: impl Into<String>) -> Query {
        self.with(Condition::HasField(name.into()))
    }

    /// Asks for records that have a field `name` whose value is as `check` wants it.
    pub fn field_matches(
        self,
        name: impl Into<String>,
        check: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Query {
        self.with(Condition::FieldMatches(name.into(), Arc::new(check)))
    }

    /// Asks for records in a span called `name`, at any depth.
    pub fn in_span(self, name: impl Into<String>) -> Query {
        self.with(Condition::Span(name.into()))
    }

    /// Asks for records in a span called `name` that has a field with this value.
    pub fn in_span_with(self, name: impl Into<String>, field: impl Into<String>, value: impl Into<Value>) -> Query {
        self.with(Condition::SpanField(name.into(), field.into(), value.into()))
    }

    /// Asks for records of the context called `name`: a [child](crate::OutputContext::child) of the test's context, or one that has the
    /// [sink](super::Log::sink) of the test.
    pub fn context(self, name: impl Into<String>) -> Query {
        self.with(Condition::Context(name.into()))
    }

    /// Asks for records that a thread called `name` has logged.
    pub fn thread(self, name: impl Into<String>) -> Query {
        self.with(Condition::Thread(name.into()))
    }

    /// Asks for records that are as `check` wants them. `what` is the name of the condition in messages.
    pub fn matching(
        self,
        what: impl Into<String>,
        check: impl Fn(&RecordBuf) -> bool + Send + Sync + 'static,
    ) -> Query {
        self.with(Condition::Other(what.into(), Arc::new(check)))
    }

    /// Waits for records of other threads: the method that ends the query waits until there are enough of them, or `deadline` is over.
    ///
    /// Each new record wakes the thread that waits. [`none`](Query::none) waits to the end, or until there is such a record. In a task, use
    /// [`arrived`](Query::arrived), which lets other tasks of the thread go on.
    pub fn within(mut self, deadline: Duration) -> Query {
        self.patience = Some(deadline);
        self
    }
}

/// Assertions.
impl Query {
    /// Returns copies of the records; with [`within`](Query::within), once there is one or the deadline is over.
    #[must_use]
    pub fn all(&self) -> Vec<RecordBuf> {
        copies(&self.find(|found| !found.is_empty()))
    }

    /// Returns how many there are; with [`within`](Query::within), once there is one or the deadline is over.
    #[must_use]
    pub fn count(&self) -> usize {
        self.find(|found| !found.is_empty()).len()
    }

    /// Asserts that there is exactly one, and returns it.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[track_caller]
    pub fn one(&self) -> RecordBuf {
        match self.find(|found| !found.is_empty()).as_slice() {
            [one] => RecordBuf::clone(one),
            found => self.fail(&"exactly one record", found),
        }
    }

    /// Asserts that there is none.
    ///
    /// # Panics
    ///
    /// If there is one.
    #[track_caller]
    pub fn none(&self) {
        let found = self.find(|found| !found.is_empty());
        if !found.is_empty() {
            self.fail(&"no record", &found);
        }
    }

    /// Asserts that there is one at least, and returns the first. [`all`](Query::all) asserts nothing.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn first(&self) -> RecordBuf {
        match self.find(|found| !found.is_empty()).first() {
            Some(first) => RecordBuf::clone(first),
            None => self.fail(&"at least one record", &[]),
        }
    }

    /// Asserts that there are exactly `number`, and returns them; with [`within`](Query::within), once there are so many, or one if that is too
    /// many, or the deadline is over.
    ///
    /// # Panics
    ///
    /// If there are more or fewer.
    #[track_caller]
    pub fn exactly(&self, number: usize) -> Vec<RecordBuf> {
        // To know that there is none takes the whole time.
        let found = self.find(|found| found.len() >= number.max(1));
        if found.len() != number {
            self.fail(&format_args!("exactly {}", count(number)), &found);
        }
        copies(&found)
    }

    /// Asserts that there are so many or more, and returns all; with [`within`](Query::within), once there are so many or the deadline is over.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[track_caller]
    pub fn at_least(&self, number: usize) -> Vec<RecordBuf> {
        let found = self.find(|found| found.len() >= number);
        if found.len() < number {
            self.fail(&format_args!("{} or more", count(number)), &found);
        }
        copies(&found)
    }

    /// Asserts that, of the records that are asked for, there is one with each of these texts in its message, in this order, and returns them.
    /// Other records may stand between them.
    ///
    /// ```
    /// # logscope::testing::capture(|log| {
    /// tracing::info!("connecting to db");
    /// tracing::info!("connected");
    /// log.records().in_order(["connecting", "connected"]);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// If one of them is not there, or only before another.
    #[track_caller]
    pub fn in_order<M: AsRef<str>>(&self, messages: impl IntoIterator<Item = M>) -> Vec<RecordBuf> {
        let messages: Vec<M> = messages.into_iter().collect();
        let found = self.find(|found| in_order(found, &messages).len() == messages.len());
        let steps = in_order(&found, &messages);
        if let Some(missing) = messages.get(steps.len()) {
            let after = match steps.len() {
                0 => String::new(),
                there => format!(" after {:?}", messages[there - 1].as_ref()),
            };
            let missing = missing.as_ref();
            let expected = format_args!("records in order, and there is none with {missing:?}{after}");
            self.fail_in_order(&expected, &found, Some(missing));
        }
        copies(&steps)
    }
}

impl Query {
    pub(super) fn store(&self) -> &Store {
        if self.is_of_unclaimed { &self.recording.unclaimed } else { &self.recording.store }
    }

    /// Returns until when this query waits, from now on.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        self.patience.map(|patience| now.checked_add(patience).unwrap_or_else(|| now + TEST_FAR))
    }

    /// Returns the records that are asked for; if this query waits, once they are `enough` or the deadline is over.
    fn find(&self, enough: impl Fn(&[Kept]) -> bool) -> Vec<Kept> {
        let deadline = self.deadline();
        let (mut found, mut seen) = (Vec::new(), 0);
        loop {
            self.look(&mut found, &mut seen);
            let Some(deadline) = deadline else { return found };
            if enough(&found) || !self.store().wait_for_more(seen, deadline) {
                return found;
            }
        }
    }

    /// Adds the records that are asked for and that came after the first `seen`.
    pub(super) fn look(&self, found: &mut Vec<Kept>, seen: &mut usize) {
        let new = self.store().since(*seen);
        *seen += new.len();
        found.extend(new.into_iter().filter(|record| self.filter.matches(record)));
    }

    #[cold]
    #[track_caller]
    fn fail(&self, expected: &dyn fmt::Display, found: &[Kept]) -> ! {
        self.fail_in_order(expected, found, None)
    }

    #[cold]
    #[track_caller]
    fn fail_in_order(&self, expected: &dyn fmt::Display, found: &[Kept], missing: Option<&str>) -> ! {
        let (recording, is_of_unclaimed) = (&*self.recording, self.is_of_unclaimed);
        let waited = self.patience.map(|time| (time, true)).or(self.arrived_within.map(|time| (time, false)));
        let failure = Failure { recording, is_of_unclaimed, filter: &self.filter, expected, found, missing, waited };
        let mut text = failure.message();
        if self.is_of_unclaimed {
            text.push_str(&who_has_them(&self.recording));
        }
        panic!("{text}")
    }
}

/// Says who has what was logged outside every context, if not the test.
fn who_has_them(recording: &Recording) -> String {
    let mut text = String::new();
    if let Some(name) = other_default() {
        text = format!(
            "\n  the process default is the context {name:?} now, which has what is logged outside every context"
        );
    }
    if let Some(test) = &*recording.replaced_by.lock() {
        text.push_str(&format!(
            "\n  the isolated test {test} had another process default meanwhile, which has what was logged outside every context then; run this \
             test by `testing::isolated`, too"
        ));
    }
    text
}

/// Returns the first record with each of `messages` that comes after that of the message before, up to the first that has none.
fn in_order<M: AsRef<str>>(found: &[Kept], messages: &[M]) -> Vec<Kept> {
    let mut rest = found.iter();
    messages
        .iter()
        .map_while(|message| rest.find(|record| record.message.contains(message.as_ref())).map(Arc::clone))
        .collect()
}

fn copies(found: &[Kept]) -> Vec<RecordBuf> {
    found.iter().map(|record| RecordBuf::clone(record)).collect()
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("test", &self.recording.name()).field("asks", &self.filter.to_string()).finish()
    }
}
