//! A Redis server of the test's own, on a free port of loopback, and a wire to it that can be cut.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::Duration;

use logscope::testing::{Backoff, FreePort, free_port, retry, wait_until};

/// Names the program. With it the tests must run; without it they say so and pass.
const VARIABLE: &str = "LOGSCOPE_TEST_REDIS";

/// How long the server may take for an answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often another port is tried. Those who do not ask the harness for theirs may have one that was free a moment ago.
const ATTEMPTS: usize = 10;

/// A server. It keeps all in memory, and is killed when this is dropped.
pub(crate) struct Server {
    program: String,
    process: Child,
    /// No other test has it while the server is stopped.
    port: FreePort,
    folder: tempfile::TempDir,
}

/// Starts a server, or says on stderr that there is none, once in this process.
pub(crate) fn server() -> Option<Server> {
    static SAID: Once = Once::new();
    let Ok(program) = std::env::var(VARIABLE) else {
        // Not `eprintln`: the test harness keeps what that prints, and shows it of failed tests alone.
        SAID.call_once(|| {
            let text = format!("not tested: set {VARIABLE} to the program of a Redis server, such as redis-server\n");
            io::stderr().write_all(text.as_bytes()).unwrap();
        });
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let (port, process) = retry(Backoff::new().attempts(ATTEMPTS), || {
        let port = free_port();
        start(&program, &port, &folder).map(|process| (port, process))
    })
    .unwrap_or_else(|said| panic!("{program} cannot be started: {said:#?}"));
    Some(Server { program, process, port, folder })
}

/// Returns the process when it takes connections, or what it has said if it has ended before.
fn start(program: &str, port: &FreePort, folder: &tempfile::TempDir) -> Result<Child, Vec<String>> {
    let port = port.to_string();
    let mut command = Command::new(program);
    command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
    let mut process = command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    for line in &mut lines {
        if line.contains("Ready to accept connections") {
            // It logs on.
            thread::spawn(move || lines.for_each(drop));
            return Ok(process);
        }
        said.push(line);
    }
    process.wait().unwrap();
    Err(said)
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }

    /// Starts it again at the same port, without any data.
    pub(crate) fn start_again(&mut self) {
        self.process = wait_until(PATIENCE, || start(&self.program, &self.port, &self.folder)).unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Has it stand still, or go on.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Runs a command, and returns the first line of the answer.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port.number())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
        stream.write_all(text.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A wire to a server.
pub(crate) struct Wire {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ends: Vec<TcpStream>,
    /// How many answers to scripts get lost, each with its connection.
    lost: usize,
    /// How many pass before that.
    passing: usize,
    scripts: usize,
}

impl Wire {
    pub(crate) fn to(server: &Server) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, to) = (listener.local_addr().unwrap().port(), server.port.number());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // The server may be stopped.
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                let ends = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                shared.lock().unwrap().ends.extend(ends);
                let asks_script = Arc::new(Mutex::new(false));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (counts, asks) = (Arc::clone(&shared), Arc::clone(&asks_script));
                thread::spawn(move || {
                    pass(from, to, |bytes| {
                        if bytes.windows(6).any(|word| word == b"EVAL\r\n") {
                            counts.lock().unwrap().scripts += 1;
                            *asks.lock().unwrap() = true;
                        }
                        true
                    });
                });
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    pass(server, client, |_| {
                        let is_script = std::mem::take(&mut *asks_script.lock().unwrap());
                        let mut state = shared.lock().unwrap();
                        if is_script && state.passing > 0 {
                            state.passing -= 1;
                            return true;
                        }
                        let is_lost = is_script && state.lost > 0;
                        state.lost -= usize::from(is_lost);
                        !is_lost
                    });
                });
            }
        });
        Wire { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Cuts all connections that there are.
    pub(crate) fn cut(&self) {
        for end in self.state.lock().unwrap().ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Has the answers to the next scripts get lost: the server has run them, and the connection is cut.
    pub(crate) fn lose_answers(&self, answers: usize) {
        self.lose_after(0, answers);
    }

    /// The same, after so many that pass.
    pub(crate) fn lose_after(&self, passing: usize, answers: usize) {
        let mut state = self.state.lock().unwrap();
        (state.passing, state.lost) = (passing, answers);
    }

    /// Returns how many scripts were sent.
    pub(crate) fn scripts(&self) -> usize {
        self.state.lock().unwrap().scripts
    }
}

/// Passes bytes on as long as `may_pass` says so, then cuts both ways.
fn pass(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !may_pass(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
