//! Tests of files that are opened while other threads close and set standard streams. Each test runs itself again as a child process.

use std::io::{Read as _, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::process::Output;

use rustix::stdio::dup2_stdout;

use super::*;
use crate::sink::test_support;

fn in_child(name: &str, body: impl FnOnce()) -> Output {
    test_support::in_child(&format!("file::os::streams::tests::{name}"), body)
}

fn close_stdout() {
    // SAFETY: it is open, and nothing else in this process owns it.
    drop(unsafe { OwnedFd::from_raw_fd(1) });
}

fn open_null() -> io::Result<File> {
    File::open("/dev/null")
}

#[test]
fn a_stream_that_is_closed_while_a_file_is_opened_is_not_taken() {
    let output = in_child("a_stream_that_is_closed_while_a_file_is_opened_is_not_taken", || {
        let file = above_streams(|| {
            close_stdout();
            open_null()
        });
        assert!(file.unwrap().as_raw_fd() >= FIRST);
        assert!(fcntl_getfd(stdout()).is_err(), "it stays closed");
    });
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_stream_that_is_set_while_a_file_is_opened_is_not_closed() {
    let output = in_child("a_stream_that_is_set_while_a_file_is_opened_is_not_closed", || {
        let (mut reader, writer) = io::pipe().unwrap();
        close_stdout();
        let file = above_streams(|| {
            dup2_stdout(&writer)?;
            open_null()
        });
        assert!(file.unwrap().as_raw_fd() >= FIRST);
        drop(writer);
        rustix::io::write(stdout(), b"printed").unwrap();
        close_stdout();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "printed");
    });
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_descriptors_that_are_taken_for_a_moment_are_given_back() {
    let output = in_child("the_descriptors_that_are_taken_for_a_moment_are_given_back", || {
        close_stdout();
        let mut file = above_streams(|| {
            assert!(rustix::io::write(stdout(), b"printed").is_err(), "nobody prints into the file");
            File::options().write(true).open("/dev/null")
        });
        file.as_mut().unwrap().write_all(b"logged").unwrap();
        assert!(fcntl_getfd(stdout()).is_err());
    });
    assert!(output.status.success(), "{output:?}");
}
