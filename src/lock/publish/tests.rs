//! What readers see, and what is replaced.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind as IoErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::steps;
use super::*;
use crate::error::ErrorKind;
use crate::sync::thread;
use crate::sync::{AtomicBool, Ordering};

mod histories;
mod killed;
mod owners;

fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// The file of version `version`: any part of it is told from the whole.
fn text_of(version: usize) -> String {
    format!("{version}:{}", "x".repeat(version * 1_000 % 70_001)) + ":end"
}

fn version_of(text: &str) -> usize {
    let version = text.split(':').next().unwrap().parse().expect(text);
    assert!(text == text_of(version), "a part of version {version}: {} bytes", text.len());
    version
}

#[test]
fn readers_see_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    publish(&path, |file| file.write_all(text_of(0).as_bytes())).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut reads = 0;
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) || reads == 0 {
                        let version = version_of(&fs::read_to_string(&path).expect("the file is always there"));
                        assert!(version >= last, "{version} after {last}");
                        last = version;
                        reads += 1;
                    }
                })
            })
            .collect();
        for version in 1..200 {
            publish(&path, |file| {
                // Piece by piece, so that there is a part to be seen.
                text_of(version).as_bytes().chunks(10_000).try_for_each(|piece| file.write_all(piece))
            })
            .unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn readers_see_the_old_folder_or_the_new_one() {
    for exchanges in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        let publish = |version: usize| {
            if !exchanges {
                steps::without_exchange();
            }
            // However long the reader is on the way through a folder.
            steps::keep_replaced_folders(Duration::MAX);
            publish_dir(&path, |new| {
                fs::create_dir(new.join("bin"))?;
                fs::write(new.join("bin/version"), text_of(version))
            })
            .unwrap();
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| publish(0)).join().unwrap();
            let reader = scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) || last == 0 {
                    let text = fs::read_to_string(path.join("bin/version")).expect("the file is always there");
                    let version = version_of(&text);
                    assert!(version >= last, "{version} after {last}");
                    last = version;
                }
            });
            scope.spawn(|| (1..100).for_each(publish)).join().unwrap();
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
        assert_eq!(fs::symlink_metadata(&path).unwrap().is_symlink(), !exchanges);
        // All that were replaced; the last folder, and, if it is a link, the folder that it leads to.
        assert_eq!(names(folder.path()).len(), if exchanges { 100 } else { 101 }, "{:?}", names(folder.path()));
    }
}

/// The time of the last change of what is at `path`, by the file system's clock.
fn changed(path: &Path) -> (i64, i64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.ctime(), metadata.ctime_nsec())
}

#[test]
fn a_folder_that_was_replaced_stays_for_a_while_since_then() {
    for exchanges in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        let work = || {
            if !exchanges {
                steps::without_exchange();
            }
            let publish = || publish_dir(&path, |new| fs::write(new.join("a"), "a")).unwrap();
            publish();
            let replaced = fs::metadata(&path).unwrap();
            let made = (replaced.ctime(), replaced.ctime_nsec());
            let probe = folder.path().join("probe");
            let start = Instant::now();
            while {
                fs::write(&probe, "").unwrap();
                changed(&probe) <= made
            } {
                assert!(start.elapsed() < Duration::from_secs(60), "the file system's clock stands still");
            }
            publish();
            let find = || {
                let mut paths = names(folder.path()).into_iter().map(|name| folder.path().join(name));
                paths.find(|path| fs::symlink_metadata(path).unwrap().ino() == replaced.ino())
            };
            assert!(changed(&find().unwrap()) > made, "its time begins when it was replaced");
            steps::keep_replaced_folders(Duration::MAX);
            clear_leftovers(folder.path());
            assert!(find().is_some());
            steps::keep_replaced_folders(Duration::ZERO);
            clear_leftovers(folder.path());
            assert!(find().is_none());
        };
        thread::scope(|scope| scope.spawn(work).join().unwrap());
    }
}

#[test]
fn if_writing_fails_or_panics_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let [file, dir] = ["file", "dir"].map(|name| folder.path().join(name));
    publish(&file, |file| file.write_all(b"old")).unwrap();
    publish_dir(&dir, |new| fs::write(new.join("a"), "old")).unwrap();
    let refused = || io::Error::new(IoErrorKind::StorageFull, "no room");
    let errors = [
        publish(&file, |file| file.write_all(b"half").and(Err::<(), _>(refused()))).unwrap_err(),
        publish_dir(&dir, |new| fs::write(new.join("a"), "half").and(Err::<(), _>(refused()))).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Publish);
        let text = format!("{error:#}");
        assert!(text.starts_with("cannot publish ") && text.ends_with(": writing it failed: no room"), "{text}");
    }
    let panicked = [
        catch_unwind(AssertUnwindSafe(|| publish(&file, |_| -> io::Result<()> { panic!("on purpose") }))).is_err(),
        catch_unwind(AssertUnwindSafe(|| publish_dir(&dir, |_| -> io::Result<()> { panic!("on purpose") }))).is_err(),
    ];
    assert_eq!(panicked, [true, true]);
    assert_eq!(fs::read_to_string(&file).unwrap() + &fs::read_to_string(dir.join("a")).unwrap(), "oldold");
    assert_eq!(names(folder.path()), ["dir", "file"]);
}

#[test]
fn links_are_replaced_and_never_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("original"), "precious").unwrap();
    fs::create_dir(path("original dir")).unwrap();
    fs::hard_link(path("original"), path("hard")).unwrap();
    symlink("original", path("soft")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("original dir", path("dir")).unwrap();
    for name in ["hard", "soft", "dangling"] {
        publish(path(name), |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(path(name)).unwrap(), "new");
        assert!(fs::symlink_metadata(path(name)).unwrap().is_file());
    }
    let before = changed(&path("original dir"));
    publish_dir(path("dir"), |new| fs::write(new.join("a"), "new")).unwrap();
    assert_eq!(changed(&path("original dir")), before, "not even its permissions are set");
    assert_eq!(names(&path("dir")), ["a"]);
    assert_eq!(fs::read_to_string(path("original")).unwrap(), "precious");
    assert!(names(&path("original dir")).is_empty());
}

#[test]
fn permissions_are_those_of_the_old_one_unless_they_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    File::create(path("plain")).unwrap();
    publish(path("new"), |file| file.write_all(b"x")).unwrap();
    assert_eq!(mode(&path("new")), mode(&path("plain")), "as any new file");
    for wanted in [0o600, 0o755, 0o666, 0o444] {
        fs::set_permissions(path("new"), fs::Permissions::from_mode(wanted)).unwrap();
        let folder = folder.path().to_owned();
        steps::watch(move |step| {
            if step == "created" {
                let is_temporary = |name: &OsString| name.to_string_lossy().ends_with(".tmp");
                let temporary = folder.join(names(&folder).into_iter().find(is_temporary).unwrap());
                assert_eq!(mode(&temporary) & !wanted, 0, "from the beginning, because it may hold secrets");
            }
        });
        publish(path("new"), |file| {
            assert_eq!(file.metadata()?.mode() & 0o777, wanted);
            file.write_all(b"y")
        })
        .unwrap();
        assert_eq!(mode(&path("new")), wanted);
    }
    steps::watch(|_| ());
    publish(path("new"), |file| file.set_permissions(fs::Permissions::from_mode(0o640))).unwrap();
    assert_eq!(mode(&path("new")), 0o640);
    publish_dir(path("dir"), |_| Ok(())).unwrap();
    fs::set_permissions(path("dir"), fs::Permissions::from_mode(0o710)).unwrap();
    publish_dir(path("dir"), |new| {
        assert_eq!(mode(new), 0o700);
        fs::write(new.join("a"), "a")
    })
    .unwrap();
    assert_eq!(mode(&path("dir")), 0o710);
}

#[test]
fn errors_say_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("dir")).unwrap();
    fs::write(path("file"), "x").unwrap();
    let write = |path: &Path| format!("{:#}", publish(path, |file| file.write_all(b"x")).unwrap_err());
    let fill = |path: &Path| format!("{:#}", publish_dir(path, |_| Ok(())).unwrap_err());
    for (said, expected) in [
        (
            write(&path("dir")),
            "it is a folder, which no file replaces: remove it first, or publish a folder with `publish_dir`",
        ),
        (fill(&path("file")), "it is a file: publish a file with `publish`"),
        (write(&path("none/file")), "`lock::ensure_dir_writable` makes it: No such file"),
        (fill(&path("none/dir")), "`lock::ensure_dir_writable` makes it: No such file"),
        (write(&path("file/file")), "Not a directory"),
        (write(Path::new("/dev/null")), "it is a device, a pipe or a socket"),
        (write(Path::new("/")), "it has no name of its own"),
        (fill(Path::new("..")), "it has no name of its own"),
        (write(Path::new("")), "it has no name of its own"),
    ] {
        assert!(said.starts_with("cannot publish ") && said.contains(expected), "{said} does not say {expected}");
    }
    steps::without_exchange();
    let said = fill(&path("dir"));
    assert!(said.contains("the file system cannot exchange it for another: remove it"), "{said}");
    assert_eq!(names(folder.path()), ["dir", "file"]);
}

#[test]
fn a_relative_path_and_a_slash_at_the_end_are_fine() {
    let folder = tempfile::tempdir().unwrap();
    let slash = format!("{}/", folder.path().join("dir").display());
    publish_dir(&slash, |new| fs::write(new.join("a"), "1")).unwrap();
    publish_dir(&slash, |new| fs::write(new.join("a"), "2")).unwrap();
    let mut text = String::new();
    File::open(folder.path().join("dir/a")).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "2");
    let here = std::env::current_dir().unwrap();
    assert_eq!(Target::new(Path::new("name")).ok().unwrap().folder(), here, "wherever the process is in the end");
}

#[test]
fn a_disk_that_is_full_leaves_the_old_file() {
    // Every write to the temporary fails, as on a full disk: the process may write no longer files.
    const ROLE: &str = "LOGSCOPE_TEST_FULL";
    if let Some(path) = std::env::var_os(ROLE) {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // SAFETY: it installs no handler; the signal is ignored.
        unsafe { nix::sys::signal::signal(nix::sys::signal::Signal::SIGXFSZ, nix::sys::signal::SigHandler::SigIgn) }
            .unwrap();
        setrlimit(Resource::Fsize, Rlimit { current: Some(10_000), maximum: Some(10_000) }).unwrap();
        let error = publish(&path, |file| file.write_all(&[b'x'; 50_000])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Publish);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(Path::new(&path).parent().unwrap()), ["file"]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    let role = thread::current().name().unwrap().to_owned();
    let mut child = Command::new(std::env::current_exe().unwrap());
    let ended = child.args(["--exact", &role, "--nocapture"]).env(ROLE, &path).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}
