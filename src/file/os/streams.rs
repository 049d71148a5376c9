//! The process's standard streams.
//!
//! A log file must not become one of the standard streams. The system gives a new file the lowest free descriptor, and a program that closed
//! its streams would then print into the log. [`above_streams`] opens a file elsewhere.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::stdio::{stderr, stdin, stdout};

/// The first descriptor that is no standard stream.
const FIRST: RawFd = 3;

/// Opens a file on a descriptor that is no standard stream.
pub(super) fn above_streams(open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
    if [stdin(), stdout(), stderr()].iter().all(|stream| fcntl_getfd(stream).is_ok()) {
        return open();
    }
    // Takes the free descriptors for a moment, so that nobody can print into the file before it is moved. Nothing can be written to these.
    let mut taken = Vec::new();
    while let Ok(root) = rustix::fs::open("/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        if root.as_raw_fd() >= FIRST {
            break;
        }
        taken.push(root);
    }
    let file = open()?;
    if file.as_raw_fd() >= FIRST { Ok(file) } else { Ok(fcntl_dupfd_cloexec(&file, FIRST)?.into()) }
}
