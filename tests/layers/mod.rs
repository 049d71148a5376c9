//! Helpers shared by the tests of the layer: in-memory logs, writers for other layers, and processes of their own.
//!
//! A test needs a process of its own if the subscriber must be the global one: under a scoped subscriber, whatever a value logs or asks
//! (`enabled!`) while it is rendered goes nowhere.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod paths;

use std::io;
#[cfg(feature = "testing")]
use std::process::Command;
use std::sync::{Arc, Mutex};

use logscope::sink::{self, Memory};
#[cfg(feature = "testing")]
use logscope::testing::{self, EndedChild};
use logscope::{Format, OutputContext, Verbosity};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// A context that logs to memory, in JSON.
pub(crate) fn context(name: &str, verbosity: impl Into<Verbosity>) -> (OutputContext, Memory) {
    let (sink, memory) = sink::memory();
    (OutputContext::builder(name).verbosity(verbosity).sink(sink.format(Format::json())).build(), memory)
}

/// The records of a JSON log.
#[track_caller]
pub(crate) fn records(memory: &Memory) -> Vec<Value> {
    memory.lines().iter().map(|line| parse(line)).collect()
}

/// The messages of a JSON log.
#[track_caller]
pub(crate) fn messages(memory: &Memory) -> Vec<String> {
    let text = |record: &Value| record["fields"]["message"].as_str().unwrap_or_default().to_owned();
    records(memory).iter().map(text).collect()
}

#[track_caller]
pub(crate) fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
}

/// A writer for another layer, which keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Written;

    fn make_writer(&self) -> Written {
        self.clone()
    }
}

/// Runs the test `name` of this binary in a process of its own, with these environment variables and without `LOGSCOPE` and `RUST_LOG`.
/// Returns `None` in that process. One that takes too long is killed, and what it wrote is shown.
#[cfg(feature = "testing")]
#[track_caller]
pub(crate) fn in_own_process(name: &str, variables: &[(&str, &str)]) -> Option<Child> {
    in_own_process_with(name, |command| command.envs(variables.iter().copied()))
}

/// [`in_own_process`], with the environment that `prepare` gives to a command.
#[cfg(feature = "testing")]
#[track_caller]
pub(crate) fn in_own_process_with(name: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Option<Child> {
    if testing::child_role().is_some() {
        return None;
    }
    // It is never started. A context can be given to a command only.
    let mut command = Command::new(name);
    for variable in ["LOGSCOPE", "RUST_LOG", "LOGSCOPE_CONTEXT", "TRACEPARENT"] {
        command.env_remove(variable);
    }
    let child =
        prepare(&mut command).get_envs().fold(testing::child().test(name), |child, (name, value)| match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        });
    // The whole test is what the process does: it has no report.
    Some(Child(child.start().wait_for_any_end()))
}

/// A process that has exited.
#[cfg(feature = "testing")]
pub(crate) struct Child(EndedChild);

#[cfg(feature = "testing")]
impl Child {
    /// Fails unless the test ran in the process and passed.
    #[track_caller]
    pub(crate) fn passed(self) -> Self {
        let EndedChild { status, stdout, stderr, .. } = &self.0;
        assert!(
            status.success() && stdout.contains("1 passed"),
            "{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        self
    }

    pub(crate) fn stdout(&self) -> &str {
        &self.0.stdout
    }

    pub(crate) fn stderr(&self) -> &str {
        &self.0.stderr
    }

    /// The lines that logscope itself wrote on stderr, without the prefix.
    pub(crate) fn fallback_lines(&self) -> Vec<String> {
        self.stderr().lines().filter_map(|line| line.strip_prefix("logscope: ")).map(str::to_owned).collect()
    }
}
