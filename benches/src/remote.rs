//! Subjects in processes of their own, because a process has one global subscriber.
//!
//! The binary runs itself again for each arrangement. The parent asks a child for one round after the other over the child's standard
//! input, so that rounds alternate between processes as they do within one.

use std::cell::RefCell;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use crate::harness::{Sample, Subject};

/// The argument that makes a process a child. The arrangement follows it.
pub const CHILD: &str = "--child";

/// The subjects of an arrangement, by name.
pub type Subjects = Vec<(&'static str, Subject)>;

/// A process with an arrangement of its own.
pub struct Remote(Rc<RefCell<Connection>>);

struct Connection {
    process: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Remote {
    /// Starts a process with `arrangement`.
    pub fn start(arrangement: &str) -> io::Result<Remote> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([CHILD, arrangement])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = process.stdin.take();
        let replies = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let connection = Connection { process, requests, replies: BufReader::new(replies) };
        Ok(Remote(Rc::new(RefCell::new(connection))))
    }

    /// Sends one line and returns the line that answers it.
    pub fn ask(&self, request: &str) -> Result<String, Box<dyn Error>> {
        self.0.borrow_mut().ask(request)
    }

    /// The subject that the process calls `name`.
    pub fn subject(&self, name: &'static str) -> Subject {
        let connection = Rc::clone(&self.0);
        Box::new(move |times| {
            let sample = connection.borrow_mut().measure(name, times);
            sample.unwrap_or_else(|error| panic!("the process that measures {name} gave no answer: {error}"))
        })
    }
}

impl Connection {
    fn ask(&mut self, request: &str) -> Result<String, Box<dyn Error>> {
        let requests = self.requests.as_mut().ok_or("the process takes no more requests")?;
        writeln!(requests, "{request}")?;
        let mut reply = String::new();
        self.replies.read_line(&mut reply)?;
        Ok(reply.strip_suffix('\n').ok_or("the process has ended")?.to_owned())
    }

    fn measure(&mut self, name: &str, times: u64) -> Result<Sample, Box<dyn Error>> {
        let reply = self.ask(&format!("{name} {times}"))?;
        let (nanos, allocations) = reply.split_once(' ').ok_or("a sample is two numbers")?;
        Ok(Sample { time: Duration::from_nanos(nanos.parse()?), allocations: allocations.parse()? })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The end of its input ends the process.
        self.requests = None;
        let _ = self.process.wait();
    }
}

/// Runs in a child: measures the requested subjects until the input ends.
pub fn serve(mut subjects: Subjects) -> Result<(), Box<dyn Error>> {
    answer(|request| {
        let (name, times) = request.split_once(' ').ok_or("a request is a name and a number")?;
        let subject = subjects.iter_mut().find(|(known, _)| *known == name).map(|(_, subject)| subject);
        let sample = subject.ok_or_else(|| format!("there is no subject {name:?}"))?(times.parse()?);
        Ok(format!("{} {}", sample.time.as_nanos(), sample.allocations))
    })
}

/// Runs in a child: answers each line of the input, until it ends.
pub fn answer(mut answer: impl FnMut(&str) -> Result<String, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    for request in io::stdin().lock().lines() {
        println!("{}", answer(&request?)?);
    }
    Ok(())
}
