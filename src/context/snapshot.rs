//! What can be said of a context in a report.

use std::time::{Duration, SystemTime};

use super::OutputContext;
use crate::record::Value;
use crate::sink::Outcome;
use crate::verbosity::Verbosity;

/// A context as data: for a status page, a report, or a test. It does not change when the context is turned or logs on.
///
/// With the feature `serde` it serialises; the origin is then seconds and nanoseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The name.
    pub name: String,
    /// The id.
    pub id: u64,
    /// The wall-clock time of the origin.
    pub origin: SystemTime,
    /// The time since the origin.
    pub elapsed: Duration,
    /// How much is let through; of a dial, where it stands.
    pub verbosity: Verbosity,
    /// The fields that are on each record.
    pub fields: Vec<(String, Value)>,
    /// Where it goes.
    pub sinks: Vec<SinkSnapshot>,
    /// The deliveries so far.
    pub ledger: Outcome,
    /// True once the context was closed.
    pub closed: bool,
}

/// A sink as data.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SinkSnapshot {
    /// What the output is: `stderr`, `file /var/log/uno.log`.
    pub output: String,
    /// The format: `text`, `json`.
    pub format: String,
    /// The threshold.
    pub max_level: Verbosity,
    /// The deliveries of all contexts to its output so far.
    pub ledger: Outcome,
}

impl OutputContext {
    /// What can be said of this context now, as data.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// let uno = OutputContext::builder("uno").field("env", "uno").sink(sink::null()).build();
    /// let snapshot = uno.snapshot();
    /// assert_eq!(snapshot.name, "uno");
    /// assert_eq!(snapshot.sinks.len(), 1);
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            name: self.name().to_owned(),
            id: self.id(),
            origin: self.origin().wall(),
            elapsed: self.elapsed(),
            verbosity: self.verbosity().without_dial(),
            fields: self.fields().to_vec(),
            sinks: self
                .sinks()
                .iter()
                .map(|sink| SinkSnapshot {
                    output: sink.describe().to_owned(),
                    format: sink.renderer().format().to_string(),
                    max_level: sink.threshold().into(),
                    ledger: sink.ledger(),
                })
                .collect(),
            ledger: self.ledger(),
            closed: self.is_closed(),
        }
    }
}
