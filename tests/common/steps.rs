//! An output that takes one line for each permit of the test.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logscope::sink::{Line, Output};

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The output. It says when a line reaches it, and waits for a permit before it takes the line. When the test has dropped its [`Permits`],
/// it takes every line at once.
pub(crate) struct Steps {
    begins: Mutex<Sender<()>>,
    permits: Mutex<Receiver<()>>,
    text: Arc<Mutex<String>>,
}

/// What the test keeps.
pub(crate) struct Permits {
    begun: Receiver<()>,
    permit: Sender<()>,
}

impl Steps {
    pub(crate) fn new() -> (Steps, Permits) {
        let ((begins, begun), (permit, permits)) = (channel(), channel());
        let steps = Steps { begins: Mutex::new(begins), permits: Mutex::new(permits), text: Arc::default() };
        (steps, Permits { begun, permit })
    }

    /// Returns what the output will have taken.
    pub(crate) fn text(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.text)
    }
}

impl Output for Steps {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let _ = self.begins.lock().unwrap().send(());
        let _ = self.permits.lock().unwrap().recv();
        self.text.lock().unwrap().push_str(str::from_utf8(line.bytes()).unwrap());
        Ok(())
    }
}

impl Permits {
    /// Lets the output take so many lines.
    pub(crate) fn give(&self, lines: u64) {
        (0..lines).for_each(|_| self.permit.send(()).unwrap());
    }

    /// Waits until so many more lines have reached the output.
    pub(crate) fn wait_until_begun(&self, lines: u64) {
        (0..lines).for_each(|_| self.begun.recv_timeout(PATIENCE).unwrap());
    }
}
