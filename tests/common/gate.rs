//! An output that a test can block, and the kinds of lines that reach it.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use logscope::sink::{Line, Output};
use serde_json::Value;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An output that writes while it is open and blocks while it is shut. Clones share one state. The clones are the outputs: dropping one
/// counts as dropping the output, dropping the original does not.
pub(crate) struct Gate {
    shared: Arc<Shared>,
    /// True for a clone, which a sink is made of; false for the original, which the test keeps.
    is_output: bool,
}

struct Shared {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    /// A write has begun.
    used: bool,
    dropped: bool,
    text: String,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        let shared = Shared { state: Mutex::new(GateState::default()), changed: Condvar::new() };
        Gate { shared: Arc::new(shared), is_output: false }
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.shared.state.lock().unwrap());
        self.shared.changed.notify_all();
    }

    fn wait_until(&self, is_so: impl Fn(&GateState) -> bool) {
        let start = Instant::now();
        let mut state = self.shared.state.lock().unwrap();
        while !is_so(&state) {
            assert!(start.elapsed() < PATIENCE, "the gate does not reach the expected state");
            (state, _) = self.shared.changed.wait_timeout(state, PATIENCE).unwrap();
        }
    }

    pub(crate) fn shut(&self) {
        self.change(|state| state.shut = true);
    }

    pub(crate) fn open(&self) {
        self.change(|state| state.shut = false);
    }

    /// Waits until a write has begun.
    pub(crate) fn wait_until_used(&self) {
        self.wait_until(|state| state.used);
    }

    /// Waits until the output is dropped.
    pub(crate) fn wait_until_dropped(&self) {
        self.wait_until(|state| state.dropped);
    }

    pub(crate) fn text(&self) -> String {
        self.shared.state.lock().unwrap().text.clone()
    }

    pub(crate) fn lines(&self) -> Vec<ParsedLine> {
        self.text().lines().map(ParsedLine::parse).collect()
    }
}

impl Clone for Gate {
    /// Makes the output for a sink.
    fn clone(&self) -> Gate {
        Gate { shared: Arc::clone(&self.shared), is_output: true }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if self.is_output {
            self.change(|state| state.dropped = true);
        }
    }
}

impl Output for Gate {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let mut state = self.shared.state.lock().unwrap();
        state.used = true;
        self.shared.changed.notify_all();
        while state.shut {
            state = self.shared.changed.wait(state).unwrap();
        }
        state.text.push_str(str::from_utf8(line.bytes()).unwrap());
        Ok(())
    }
}

/// A line of a JSON log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ParsedLine {
    Record(u64),
    Dropped(u64),
    Failed(u64),
    /// Not a whole JSON line, or none of these.
    Fragment,
}

impl ParsedLine {
    pub(crate) fn parse(line: &str) -> ParsedLine {
        let Ok(json) = serde_json::from_str::<Value>(line) else { return ParsedLine::Fragment };
        let field = |name: &str| json["fields"][name].as_u64();
        match (json["seq"].as_u64(), field("dropped"), field("failed")) {
            (Some(seq), ..) => ParsedLine::Record(seq),
            (None, Some(count), _) => ParsedLine::Dropped(count),
            (None, None, Some(count)) => ParsedLine::Failed(count),
            _ => ParsedLine::Fragment,
        }
    }
}
