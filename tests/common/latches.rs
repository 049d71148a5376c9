//! Latches that threads and processes share, so that a test fixes the order of what they do.
//!
//! The test serves them at a socket. Everybody raises and awaits latches by name; awaiting ends with the test's deadline, and sleeps never.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a latch is awaited on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

type Raised = Arc<(Mutex<BTreeMap<String, usize>>, Condvar)>;

/// The latches, where they are kept.
pub(crate) struct Latches {
    path: PathBuf,
    raised: Raised,
}

impl Latches {
    /// Serves latches at the socket `path`.
    pub(crate) fn serve(path: &Path) -> Latches {
        let raised = Raised::default();
        let listener = UnixListener::bind(path).unwrap();
        let of_server = Arc::clone(&raised);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let raised = Arc::clone(&of_server);
                thread::spawn(move || serve(&raised, stream.unwrap()));
            }
        });
        Latches { path: path.to_owned(), raised }
    }

    pub(crate) fn connect(&self) -> Line {
        Line::connect(&self.path)
    }

    /// Returns how often the latch was raised.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.raised.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

fn serve(raised: &Raised, stream: UnixStream) {
    let mut answers = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let (name, count) = line.rsplit_once(' ').unwrap();
        let (latches, changed) = &**raised;
        let mut latches = latches.lock().unwrap();
        let answer = match count.parse::<usize>().unwrap() {
            0 => {
                let latch = latches.entry(name.to_owned()).or_default();
                *latch += 1;
                changed.notify_all();
                latch.to_string()
            }
            usize::MAX => latches.get(name).copied().unwrap_or_default().to_string(),
            count => {
                let start = Instant::now();
                loop {
                    let now = latches.get(name).copied().unwrap_or_default();
                    if now >= count {
                        break now.to_string();
                    }
                    if start.elapsed() > PATIENCE {
                        break format!("nobody raises {name} to {count}: {latches:?}");
                    }
                    (latches, _) = changed.wait_timeout(latches, PATIENCE).unwrap();
                }
            }
        };
        drop(latches);
        if writeln!(answers, "{answer}").is_err() {
            return;
        }
    }
}

/// A connection to the latches, of one thread.
pub(crate) struct Line {
    stream: UnixStream,
    answers: BufReader<UnixStream>,
}

impl Line {
    pub(crate) fn connect(path: &Path) -> Line {
        let stream = UnixStream::connect(path).unwrap();
        Line { answers: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    /// Raises the latch. Returns how often it was raised.
    pub(crate) fn raise(&mut self, name: &str) -> usize {
        self.ask(name, 0)
    }

    /// Waits until the latch was raised so often.
    pub(crate) fn wait(&mut self, name: &str, count: usize) {
        self.ask(name, count);
    }

    /// Returns how often the latch was raised.
    pub(crate) fn count(&mut self, name: &str) -> usize {
        self.ask(name, usize::MAX)
    }

    fn ask(&mut self, name: &str, count: usize) -> usize {
        writeln!(self.stream, "{name} {count}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().parse().unwrap_or_else(|_| panic!("{answer}"))
    }
}
