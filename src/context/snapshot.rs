//! A context as plain data, for reports.

use std::time::{Duration, SystemTime};

use super::output_context::OutputContext;
use crate::record::Value;
use crate::sink::Ledger;
use crate::verbosity::Verbosity;

/// Describes a context as plain data, for a status page, a report or a test.
///
/// A snapshot does not change when the context logs on or its dial is turned. With the feature `serde` it serialises; the origin is then
/// seconds and nanoseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The context's name.
    pub name: String,
    /// The context's id.
    pub id: u64,
    /// The id of the parent, if the context is a [child](OutputContext::child).
    pub parent: Option<u64>,
    /// The wall-clock time of the origin.
    pub origin: SystemTime,
    /// The time since the origin.
    pub elapsed: Duration,
    /// The levels that are let through. Of a dial, its present setting.
    pub verbosity: Verbosity,
    /// The fields that each record carries.
    pub fields: Vec<(String, Value)>,
    /// The context's sinks.
    pub sinks: Vec<SinkSnapshot>,
    /// The deliveries so far of the context and of all that share its id.
    pub ledger: Ledger,
    /// True once the context was closed.
    pub closed: bool,
}

/// Describes a sink as plain data; part of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SinkSnapshot {
    /// The output: `stderr`, `file /var/log/uno.log`.
    pub output: String,
    /// The format: `text`, `json`.
    pub format: String,
    /// Which records the sink takes, of those that the context lets through. Of a dial, its present setting.
    pub verbosity: Verbosity,
    /// The deliveries so far of all contexts to this sink's output.
    pub ledger: Ledger,
}

impl OutputContext {
    /// Returns a snapshot of this context: its settings and its ledger at this moment, as plain data.
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
            parent: self.parent_id(),
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
                    verbosity: sink.own_verbosity().without_dial(),
                    ledger: sink.ledger(),
                })
                .collect(),
            ledger: self.ledger(),
            closed: self.is_closed(),
        }
    }
}
