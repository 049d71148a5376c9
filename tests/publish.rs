//! What `lock::publish` and `lock::publish_dir` promise to users who are not root, and on file systems that cannot do everything.

#![cfg(feature = "testing")]
#![cfg(all(unix, feature = "lock"))]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use child::{Child, in_child};
use logscope::lock::{publish, publish_dir};
use serde_json::json;

fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Files and folders that their owner may only read are usual in toolchains. Only root removes them as if they were any other.
#[test]
fn what_may_only_be_read_is_cleared_too() {
    const NOBODY: u32 = 65_534;
    let role = "what_may_only_be_read_is_cleared_too";
    in_child(role, |folder| {
        let folder = folder.join("folder");
        fs::create_dir(&folder).unwrap();
        // Of publishers that died: each had the permissions of the file that it was to replace.
        for (number, mode) in (0..).zip([0o444, 0o200, 0o600]) {
            let leftover = folder.join(format!(".logscope-1-{number}.tmp"));
            fs::write(&leftover, "half").unwrap();
            set_mode(&leftover, mode);
        }
        publish(folder.join("file"), |file| file.write_all(b"x")).unwrap();
        assert_eq!(names(&folder), ["file"]);
        let error = publish_dir(folder.join("dir"), |new| {
            fs::create_dir_all(new.join("bin/deep"))?;
            fs::write(new.join("bin/deep/cc"), "the compiler")?;
            for closed in ["bin/deep", "bin", "."] {
                set_mode(&new.join(closed), 0o555);
            }
            Err::<(), _>(io::Error::other("the line broke off"))
        });
        assert!(format!("{:#}", error.unwrap_err()).ends_with("the line broke off"));
        assert_eq!(names(&folder), ["file"]);
        json!(true)
    });
    let child = Child::new(role);
    let child = if rustix::process::geteuid().is_root() { child.run_by_user(NOBODY) } else { child };
    assert_eq!(child.run().report, json!(true));
}

/// The folders of a container's image are in the lower layer of an overlay, and those cannot be exchanged.
#[test]
fn a_folder_of_the_lower_layer_of_an_overlay_is_not_exchanged_and_the_error_says_so() {
    const MOUNT: &str = "cd \"$LOGSCOPE_TEST_FOLDER\" && mkdir m && mount -t tmpfs tmpfs m && cd m && mkdir -p low/dir up work top && \
        echo old > low/dir/a && mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work,userxattr top";
    let role = "a_folder_of_the_lower_layer_of_an_overlay_is_not_exchanged_and_the_error_says_so";
    in_child(role, |folder| {
        let top = folder.join("m/top");
        let path = top.join("dir");
        let publish = |text: &'static str| publish_dir(&path, |new| fs::write(new.join("a"), text));
        let error = format!("{:#}", publish("new").unwrap_err());
        assert!(error.contains("the file system cannot exchange it for another: remove it first"), "{error}");
        assert_eq!((fs::read_to_string(path.join("a")).unwrap().trim(), names(&top).len()), ("old", 1));
        fs::remove_dir_all(&path).unwrap();
        for text in ["new", "newer"] {
            publish(text).unwrap();
            assert_eq!(fs::read_to_string(path.join("a")).unwrap(), text);
        }
        json!(true)
    });
    if let Some(child) = child::with_mounts(role, MOUNT) {
        assert_eq!(child.run().report, json!(true));
    }
}
