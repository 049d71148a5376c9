//! A process to which the system refuses threads.

use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Threads are refused until [`allow`](Refused::allow) is called.
#[must_use = "the system refuses threads until `allow` is called"]
pub(crate) struct Refused {
    unlimited: Rlimit,
    holding: Vec<JoinHandle<()>>,
    release: Sender<()>,
}

impl Refused {
    /// Limits the memory of the process to what it has, and uses up the stacks of ended threads, which the C library keeps, for threads that wait.
    /// Then leaves as much memory as calls may need, but less than the stack of a thread. Threads that just start need memory, too: they must
    /// run before.
    pub(crate) fn new() -> Refused {
        let unlimited = getrlimit(Resource::As);
        limit_memory(1 << 20);
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let hold = || {
            let held = Arc::clone(&held);
            thread::Builder::new().spawn(move || _ = held.lock().unwrap().recv())
        };
        let holding = std::iter::from_fn(|| hold().ok()).collect();
        limit_memory(3 << 19);
        Refused { unlimited, holding, release }
    }

    /// Lifts the limit, and waits until the threads have ended that fill the memory.
    pub(crate) fn allow(self) {
        setrlimit(Resource::As, self.unlimited).unwrap();
        drop(self.release);
        self.holding.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Limits the memory of the process to so many bytes more than it has.
fn limit_memory(more: u64) {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let bytes = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64;
    let limit = Rlimit { current: Some(bytes + more), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, limit).unwrap();
}
