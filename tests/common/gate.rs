//! An output that a test can block, and the kinds of lines that reach it.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logscope::sink::{Line, Output};
use logscope::testing::Signal;
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
    /// What a write waits for, while the gate is shut.
    opens: Mutex<Option<Signal>>,
    /// Set when a write begins.
    used: Signal,
    dropped: Signal,
    text: Mutex<String>,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        let shared = Shared {
            opens: Mutex::new(None),
            used: Signal::named("a write has begun"),
            dropped: Signal::named("the output is dropped"),
            text: Mutex::default(),
        };
        Gate { shared: Arc::new(shared), is_output: false }
    }

    pub(crate) fn shut(&self) {
        self.shared.opens.lock().unwrap().get_or_insert_with(|| Signal::named("the gate opens"));
    }

    pub(crate) fn open(&self) {
        let opens = self.shared.opens.lock().unwrap().take();
        if let Some(opens) = opens {
            opens.set();
        }
    }

    /// Waits until a write has begun.
    #[track_caller]
    pub(crate) fn wait_until_used(&self) {
        self.shared.used.wait(PATIENCE).unwrap();
    }

    /// Waits until the output is dropped.
    #[track_caller]
    pub(crate) fn wait_until_dropped(&self) {
        self.shared.dropped.wait(PATIENCE).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        self.shared.text.lock().unwrap().clone()
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
            self.shared.dropped.set();
        }
    }
}

impl Output for Gate {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.shared.used.set();
        loop {
            let opens = self.shared.opens.lock().unwrap().clone();
            match opens {
                // It may be shut for as long as the test likes.
                Some(opens) => opens.wait(Duration::MAX).unwrap(),
                None => break,
            }
        }
        self.shared.text.lock().unwrap().push_str(str::from_utf8(line.bytes()).unwrap());
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
