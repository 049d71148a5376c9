//! Where a process is: its host, and the kernel that counts its time and its processes.

use std::env;
use std::path::Path;
use std::time::Duration;

use super::text::{NAME_BYTES, one_line};
use crate::process::ForkLocal;
use crate::sync::OnceLock;

/// Where a process runs. Two processes at the same place have the same monotonic clock, and know each other by their PIDs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) host: String,
    /// On Linux, the boot of the kernel and the namespace of PIDs: containers and machines may share the name of a host. Elsewhere empty.
    pub(super) kernel: String,
}

impl Place {
    pub(super) fn here() -> Self {
        Place {
            host: one_line(&host(), NAME_BYTES),
            kernel: OwnProcess::with(|own| own.kernel.clone()).unwrap_or_default(),
        }
    }
}

/// What the kernel tells of this process, which stays as it is while the process lives. To read it takes as long as to get a lock.
#[derive(Clone, Debug, Eq, PartialEq)]
struct OwnProcess {
    pid: u32,
    kernel: Option<String>,
    started: Option<u64>,
}

impl OwnProcess {
    /// Reads it once for each process. A forked child reads its own, also one that the C library knows nothing of: that has another PID.
    fn with<T>(f: impl FnOnce(&Self) -> T) -> T {
        static OWN: ForkLocal<OnceLock<OwnProcess>> = ForkLocal::new(OnceLock::new(), |_| OnceLock::new());

        OwnProcess::known_in(OWN.get(), std::process::id(), f)
    }

    fn known_in<T>(cell: &OnceLock<Self>, pid: u32, f: impl FnOnce(&Self) -> T) -> T {
        if let Some(own) = cell.get().filter(|own| own.pid == pid) {
            return f(own);
        }
        let own = OwnProcess::read(pid);
        // Where the kernel does not tell all, it may do so later: a program may have to mount `/proc` first.
        if own.kernel.is_some() && own.started.is_some() {
            let _ = cell.set(own.clone());
        }
        f(&own)
    }

    fn read(pid: u32) -> Self {
        OwnProcess { pid, kernel: kernel(), started: Process::of(pid).map(|process| process.started) }
    }
}

/// Returns when this process was started, as [`Process::started`] tells it of any.
pub(super) fn own_start() -> Option<u64> {
    OwnProcess::with(|own| own.started)
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    ["COMPUTERNAME", "HOSTNAME"].iter().find_map(|name| env::var(name).ok()).unwrap_or_else(|| "?".to_owned())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn kernel() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let processes = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), processes.display()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn kernel() -> Option<String> {
    None
}

/// Returns the name of this program, as people know it.
pub(super) fn program() -> String {
    let path = env::args_os().next().map(Into::into).or_else(|| env::current_exe().ok()).unwrap_or_default();
    let name = Path::file_name(&path).unwrap_or_default().to_string_lossy();
    one_line(if name.is_empty() { "?" } else { &name }, NAME_BYTES)
}

/// Returns how this process is called in what others are told: `pid 4711 (uno) on build7`.
#[cfg(feature = "store")]
pub(crate) fn name_of_this_process() -> String {
    format!("pid {} ({}) on {}", std::process::id(), program(), Place::here().host)
}

/// Returns the time of a clock that all processes of a kernel share, where there is one.
#[cfg(unix)]
pub(super) fn monotonic() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(unix))]
pub(super) fn monotonic() -> Option<Duration> {
    None
}

/// What the kernel tells of a process.
pub(super) struct Process {
    /// When it was started, in a unit of the kernel's. It tells those apart that have a PID one after the other.
    pub(super) started: u64,
    /// It has ended, but its parent has not taken note of that yet.
    pub(super) has_ended: bool,
}

impl Process {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name of the program stands in parentheses, and may have some itself.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
        // While other threads go on, a process whose first thread has ended has not.
        let has_ended = matches!(*fields.first()?, "Z" | "X") && number(17)? <= 1;
        Some(Process { started: number(19)?, has_ended })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn of(_: u32) -> Option<Self> {
        None
    }
}

/// Returns true if there certainly is no process `pid` here any more.
#[cfg(unix)]
pub(super) fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
pub(super) fn is_gone(_: u32) -> bool {
    false
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells_of_this_process_is_read_once_unless_it_is_that_of_another() {
        let pid = std::process::id();
        let truth = OwnProcess::read(pid);
        assert!(truth.kernel.is_some() && truth.started.is_some());
        let known = |cell: &OnceLock<OwnProcess>| OwnProcess::known_in(cell, pid, OwnProcess::clone);
        let empty = OnceLock::new();
        assert_eq!((known(&empty), empty.get()), (truth.clone(), Some(&truth)));
        let read_before = OwnProcess { started: Some(7), ..truth.clone() };
        assert_eq!(known(&OnceLock::from(read_before.clone())), read_before);
        let of_the_parent = OnceLock::from(OwnProcess { pid: pid + 1, ..read_before });
        assert_eq!((known(&of_the_parent), of_the_parent.get().map(|own| own.pid)), (truth.clone(), Some(pid + 1)));
        assert_eq!((own_start(), Some(Place::here().kernel)), (truth.started, truth.kernel));
    }
}
