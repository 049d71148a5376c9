//! What is at the mirror's path already, and what becomes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::*;
use crate::lock::publish::{publish, steps::watch};

fn number(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[test]
fn a_mirror_is_a_link_or_a_copy_and_found_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let [entry, link, copied] = ["entry", "link", "copy"].map(|name| folder.path().join(name));
    fs::write(&entry, "the tool").unwrap();
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(mirror(&entry, &link, MirrorBy::Link).unwrap(), Mirrored::Linked);
    assert_eq!(mirror(&entry, &copied, MirrorBy::Copy).unwrap(), Mirrored::Copied);
    let numbers = [&link, &copied].map(|path| number(path));
    assert!(numbers[0] == number(&entry) && numbers[1] != number(&entry));
    assert_eq!(fs::metadata(&copied).unwrap().mode() & 0o777, 0o755);
    assert_eq!(mirror(&entry, &link, MirrorBy::Link).unwrap(), Mirrored::Found);
    assert_eq!(mirror(&entry, &copied, MirrorBy::Copy).unwrap(), Mirrored::Found);
    assert_eq!(mirror(&entry, &copied, MirrorBy::Link).unwrap(), Mirrored::Found, "its contents are the same");
    assert_eq!([&link, &copied].map(|path| number(path)), numbers);
    // One that may be changed is not left to be the entry.
    assert_eq!(mirror(&entry, &link, MirrorBy::Copy).unwrap(), Mirrored::Copied);
    fs::write(&link, "changed").unwrap();
    assert_eq!(fs::read_to_string(&entry).unwrap(), "the tool");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_is_there_is_replaced_and_never_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("entry"), "new").unwrap();
    for by in [MirrorBy::Link, MirrorBy::Copy] {
        // A link of the old entry, a part of the new one, others of its length, links to somewhere.
        fs::write(path("old entry"), "old").unwrap();
        fs::hard_link(path("old entry"), path("hard")).unwrap();
        fs::write(path("part"), "ne").unwrap();
        fs::write(path("other"), "own").unwrap();
        symlink("old entry", path("soft")).unwrap();
        symlink("entry", path("self")).unwrap();
        symlink("/dev/full", path("device")).unwrap();
        // A link to the same contents, which is as long as they are.
        fs::write(path("abc"), "new").unwrap();
        symlink("abc", path("same")).unwrap();
        for name in ["hard", "part", "other", "soft", "self", "device", "same"] {
            assert_ne!(mirror(&path("entry"), &path(name), by).unwrap(), Mirrored::Found, "{name}");
            assert!(fs::symlink_metadata(path(name)).unwrap().is_file());
            assert_eq!(fs::read_to_string(path(name)).unwrap(), "new", "{name}");
            fs::remove_file(path(name)).unwrap();
        }
        assert_eq!(fs::read_to_string(path("old entry")).unwrap(), "old");
        fs::create_dir(path("dir")).unwrap();
        let error = mirror(&path("entry"), &path("dir"), by).unwrap_err();
        assert!(error.to_string().contains("it is a folder"), "{error}");
        fs::remove_dir(path("dir")).unwrap();
    }
}

#[test]
fn another_file_system_gets_a_copy() {
    // A file system of its own, on every Linux.
    let there = Path::new("/dev/shm");
    let folder = tempfile::tempdir().unwrap();
    let entry = folder.path().join("entry");
    fs::write(&entry, "x".repeat(200_000)).unwrap();
    if fs::metadata(there).map_or(true, |there| there.dev() == fs::metadata(&entry).unwrap().dev()) {
        return;
    }
    let there = tempfile::tempdir_in(there).unwrap();
    let path = there.path().join("mirror");
    assert_eq!(mirror(&entry, &path, MirrorBy::Link).unwrap(), Mirrored::Copied);
    assert_eq!(mirror(&entry, &path, MirrorBy::Link).unwrap(), Mirrored::Found);
    File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert_eq!(mirror(&entry, &path, MirrorBy::Link).unwrap(), Mirrored::Copied);
    assert_eq!(fs::read(&path).unwrap(), fs::read(&entry).unwrap());
    assert_eq!(fs::read_dir(there.path()).unwrap().count(), 1);
}

#[test]
fn a_copy_has_never_more_permissions_than_the_entry() {
    let folder = tempfile::tempdir().unwrap();
    let [entry, path] = ["entry", "mirror"].map(|name| folder.path().join(name));
    fs::write(&entry, "secret").unwrap();
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o600)).unwrap();
    let of_step = folder.path().to_owned();
    watch(move |_| {
        for found in fs::read_dir(&of_step).unwrap() {
            assert_eq!(found.unwrap().metadata().unwrap().mode() & 0o077, 0, "it is there for its owner alone");
        }
    });
    mirror(&entry, &path, MirrorBy::Copy).unwrap();
    watch(|_| ());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn an_entry_that_is_replaced_leaves_its_mirrors_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let [entry, path] = ["entry", "mirror"].map(|name| folder.path().join(name));
    publish(&entry, |file| file.write_all(b"old")).unwrap();
    mirror(&entry, &path, MirrorBy::Link).unwrap();
    publish(&entry, |file| file.write_all(b"new")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn contents_are_compared_to_the_end() {
    let long = "x".repeat(200_000);
    let same = |one: &str, other: &str| has_same_contents(one.as_bytes(), other.as_bytes()).unwrap();
    assert!(same("", "") && same(&long, &long));
    assert!(!same(&long, &long[1..]) && !same("", "x") && !same(&long, &format!("{}y", &long[1..])));
}
