//! The folders of log files: who can write to those that logscope creates, and where a log goes on after its folder was moved or removed.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use logscope::sink::{self, Sink};
use rustix::fs::Mode;
use serde_json::json;

use child::{Child, in_child};

#[test]
fn nobody_else_can_write_to_folders_that_are_created_under_umask_0() {
    in_child("nobody_else_can_write_to_folders_that_are_created_under_umask_0", |folder| {
        rustix::process::umask(Mode::empty());
        let path = folder.join("a/b/uno.log");
        let sink = sink::file(&path).create_parents(true).open().unwrap();
        fs::remove_dir_all(folder.join("a")).unwrap();
        sink.reopen().unwrap();
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o7777;
        json!({ "a": mode("a"), "b": mode("a/b"), "log": mode("a/b/uno.log") })
    });
    let ended = Child::new("nobody_else_can_write_to_folders_that_are_created_under_umask_0").run();
    assert_eq!(ended.report, json!({ "a": 0o755, "b": 0o755, "log": 0o600 }));
}

/// How many descriptors of this process lead to `path`.
#[cfg(target_os = "linux")]
fn descriptors_of(path: &Path) -> usize {
    let leads_there = |entry: fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|target| target == path);
    fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|entry| leads_there(entry).then_some(())).count()
}

#[cfg(target_os = "linux")]
#[test]
fn logs_of_one_folder_share_its_descriptor_and_give_it_back_when_they_are_closed() {
    in_child("logs_of_one_folder_share_its_descriptor_and_give_it_back_when_they_are_closed", |folder| {
        let folders = ["a", "b"].map(|name| folder.join(name));
        let open = |folder: &Path, name: &str| sink::file(folder.join(name)).create_parents(true).open().unwrap();
        let counts = || folders.each_ref().map(|folder| descriptors_of(folder));
        let first: Vec<Sink> = ["uno", "due", "tre"].map(|name| open(&folders[0], name)).into();
        let shared = counts();
        // Three files of the folder must be closed to open these.
        sink::max_open_files(3);
        let second: Vec<Sink> = ["uno", "due", "tre"].map(|name| open(&folders[1], name)).into();
        let parked = counts();
        drop((first, second));
        json!([shared, parked, counts()])
    });
    let ended = Child::new("logs_of_one_folder_share_its_descriptor_and_give_it_back_when_they_are_closed").run();
    assert_eq!(ended.report, json!([[1, 0], [0, 1], [0, 0]]));
}
