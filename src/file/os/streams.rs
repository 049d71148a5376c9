//! The process's standard streams and other descriptors of its own, as files.
//!
//! A log file must not become one of the standard streams. The system gives a new file the lowest free descriptor, and a program that closed
//! its streams would then print into the log. [`above_streams`] opens a file elsewhere.
//!
//! A log file may also *be* a standard stream, or another descriptor of the process: `/dev/stdout`, `/dev/fd/3`, a link to one of them, or the
//! path of the regular file that a stream was redirected to. Opening that path again would give a second offset in the same file, and two
//! writers would overwrite each other. So the log writes through a duplicate of the descriptor, which shares the offset and all flags. A
//! duplicate also works where the path cannot be opened: for a socket, and for a file of another user.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, IntoRawFd as _, RawFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fcntl_getfl, fstat};
use rustix::io::{fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::stdio::{stderr, stdin, stdout};

use super::identity::Identity;
use crate::bytes::StandardStream;

/// The first descriptor that is no standard stream.
const FIRST: RawFd = 3;

/// How many links are followed from a path. The system's own limit is the same.
const MOST_LINKS: usize = 40;

/// Opens a file on a descriptor that is no standard stream.
pub(super) fn above_streams(open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
    // Takes the free descriptors for a moment, so that nobody can print into the file before it is moved. Nothing can be written to these.
    let mut taken = Vec::new();
    if [stdin(), stdout(), stderr()].iter().any(|stream| fcntl_getfd(stream).is_err()) {
        while let Ok(root) = rustix::fs::open("/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            && root.as_raw_fd() < FIRST
        {
            taken.push(Taken::new(root.into())?);
        }
    }
    let file = open()?;
    if file.as_raw_fd() >= FIRST {
        return Ok(file);
    }
    // Another thread has closed a stream just now.
    let moved = duplicate(&file)?;
    drop(Taken { identity: Identity::of(&moved.metadata()?), file: Some(file) });
    Ok(moved)
}

/// A file of ours that is a standard stream for a moment.
///
/// Meanwhile another thread may give the stream a file of its own, by `dup2`. That closes ours, so the number is not closed again. The system
/// cannot compare and close in one step: a stream that is set between the two steps is closed.
struct Taken {
    file: Option<File>,
    identity: Identity,
}

impl Taken {
    fn new(file: File) -> io::Result<Self> {
        let identity = Identity::of(&file.metadata()?);
        Ok(Taken { file: Some(file), identity })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        if fstat(&file).is_ok_and(|stat| Identity::of_stat(&stat) == self.identity) {
            drop(file);
        } else {
            let _of_another_thread = file.into_raw_fd();
        }
    }
}

fn duplicate(descriptor: impl AsFd) -> io::Result<File> {
    Ok(fcntl_dupfd_cloexec(descriptor, FIRST)?.into())
}

/// Returns true if `descriptor` is open for writing.
fn is_writable(descriptor: impl AsFd) -> bool {
    fcntl_getfl(descriptor).is_ok_and(|flags| !matches!(flags & OFlags::RWMODE, OFlags::RDONLY))
}

/// If stdout or stderr is the regular file `identity`, returns that stream, and a duplicate of its descriptor.
pub(super) fn standard_stream(identity: &Identity) -> io::Result<Option<(StandardStream, File)>> {
    for (stream, descriptor) in [(StandardStream::Stdout, stdout()), (StandardStream::Stderr, stderr())] {
        let is_it = fstat(descriptor).is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && Identity::of_stat(&stat) == *identity
        });
        if is_it && is_writable(descriptor) {
            return Ok(Some((stream, duplicate(descriptor)?)));
        }
    }
    Ok(None)
}

/// Returns true if `stream` leads to the file `identity`.
pub(in crate::file) fn is_stream(stream: StandardStream, identity: &Identity) -> bool {
    let descriptor = match stream {
        StandardStream::Stdout => stdout(),
        StandardStream::Stderr => stderr(),
    };
    fstat(descriptor).is_ok_and(|stat| Identity::of_stat(&stat) == *identity)
}

/// If `link` is the system's own link to a descriptor of this process that is open for writing, returns a duplicate of the descriptor and, if
/// it leads to the same as one, the standard stream.
///
/// On systems other than Linux, opening such a path gives a duplicate already.
pub(super) fn own_descriptor(link: &Path) -> io::Result<Option<(Option<StandardStream>, File)>> {
    let Some(number) = own_descriptor_number(link) else { return Ok(None) };
    let (stream, descriptor) = match number {
        0 => (None, stdin()),
        1 => (Some(StandardStream::Stdout), stdout()),
        2 => (Some(StandardStream::Stderr), stderr()),
        // SAFETY:
        // - It must not be -1: the number is not negative.
        // - It must remain open while it is borrowed, which is until the end of this function. It is open now, because the system has a link
        //   for it, and the program, which names it as a log, must leave it open until the log is opened, as the docs of `file` say. If it does
        //   not, the two system calls here fail, or use the descriptor that has got the number: no memory depends on it.
        _ => (None, unsafe { BorrowedFd::borrow_raw(number) }),
    };
    if !is_writable(descriptor) {
        return Ok(None);
    }
    let file = duplicate(descriptor)?;
    let identity = Identity::of(&file.metadata()?);
    let is_same = |stream: &StandardStream| is_stream(*stream, &identity);
    let stream = stream.or_else(|| [StandardStream::Stdout, StandardStream::Stderr].into_iter().find(is_same));
    Ok(Some((stream, file)))
}

/// Returns the number of the descriptor of this process that `link` leads to, if it is one of Linux's own links to descriptors.
fn own_descriptor_number(link: &Path) -> Option<RawFd> {
    let mut link = link.to_owned();
    // Twice: `/dev/stdout` is a link to `/proc/self/fd/1`.
    for _ in 0..2 {
        let directory = link.parent()?.canonicalize().ok()?;
        let own = std::process::id().to_string();
        match directory.iter().filter_map(OsStr::to_str).collect::<Vec<_>>()[..] {
            ["/", "proc", process, "fd"] | ["/", "proc", process, "task", _, "fd"] => {
                let number = link.file_name()?.to_str()?.parse().ok().filter(|number| *number >= 0)?;
                return (process == own && link.is_symlink()).then_some(number);
            }
            _ => link = directory.join(fs::read_link(&link).ok()?),
        }
    }
    None
}

/// If `path` is one of the system's own links, or leads to one by links that may be followed, returns the path of that link with all links in
/// its directories resolved, so that none of them can be changed before the link is opened.
pub(super) fn system_link(path: &Path, follow_links: bool) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !fs::symlink_metadata(&path).ok()?.is_symlink() {
            return None;
        }
        let directory = path.parent()?.canonicalize().ok()?;
        if has_system_links(&directory) {
            return Some(directory.join(path.file_name()?));
        }
        if !follow_links {
            return None;
        }
        path = directory.join(fs::read_link(&path).ok()?);
    }
    None
}

fn has_system_links(directory: &Path) -> bool {
    match directory.iter().filter_map(OsStr::to_str).collect::<Vec<_>>()[..] {
        ["/", "dev"] | ["/", "dev", "fd"] => true,
        ["/", "proc", process, "fd"] | ["/", "proc", process, "task", _, "fd"] => {
            process.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
