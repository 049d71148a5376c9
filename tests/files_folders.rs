//! The folders of log files: who can write to those that logscope creates, and where a log goes on after its folder was moved or removed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use logscope::sink;
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
