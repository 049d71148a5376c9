//! Helpers shared by the tests of the layer: in-memory logs, writers for other layers, and processes of their own.
//!
//! A test needs a process of its own if the subscriber must be the global one: under a scoped subscriber, whatever a value logs or asks
//! (`enabled!`) while it is rendered goes nowhere.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod paths;

use std::io;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use logscope::sink::{self, Memory};
use logscope::{Format, OutputContext, Verbosity};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// Set in the processes that [`in_own_process`] starts.
const CHILD: &str = "LOGSCOPE_TEST_CHILD";

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
/// Returns `None` in that process.
pub(crate) fn in_own_process(name: &str, variables: &[(&str, &str)]) -> Option<Child> {
    in_own_process_with(name, |command| command.envs(variables.iter().copied()))
}

/// [`in_own_process`], with the command prepared by `prepare`.
pub(crate) fn in_own_process_with(name: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Option<Child> {
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    for variable in ["LOGSCOPE", "RUST_LOG", "LOGSCOPE_CONTEXT", "TRACEPARENT"] {
        command.env_remove(variable);
    }
    command.env(CHILD, "1");
    Some(Child(prepare(&mut command).output().unwrap()))
}

/// A process that has exited.
pub(crate) struct Child(Output);

impl Child {
    /// Fails unless the test ran in the process and passed.
    #[track_caller]
    pub(crate) fn passed(self) -> Self {
        let stdout = String::from_utf8_lossy(&self.0.stdout);
        assert!(
            self.0.status.success() && stdout.contains("1 passed"),
            "{}\n--- stdout\n{stdout}\n--- stderr\n{}",
            self.0.status,
            String::from_utf8_lossy(&self.0.stderr)
        );
        self
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The lines that logscope itself wrote on stderr, without the prefix.
    pub(crate) fn fallback_lines(&self) -> Vec<String> {
        self.stderr().lines().filter_map(|line| line.strip_prefix("logscope: ")).map(str::to_owned).collect()
    }
}
