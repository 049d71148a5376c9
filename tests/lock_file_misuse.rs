//! `FileLock` beside subscribers that panic and subscribers that use it, folders that vanish, PIDs that are given to others, and tokens.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/lock_child.rs"]
mod lock_child;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use child::{Child, in_child};
use common::{DEADLINE, wait_until};
use lock_child::{LockChild, obey};
use logscope::lock::{FileLock, FileLockGuard, ensure_dir_writable};
use logscope::sink::{self, Line, Output};
use logscope::testing;
use logscope::{ErrorKind, Level, OutputContext};
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

const LONG: Duration = Duration::from_secs(120);

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("cache/uno.lock")
    }

    fn lock(&self) -> FileLock {
        FileLock::new(self.path())
    }

    fn record(&self, name: impl std::fmt::Display) -> PathBuf {
        self.0.path().join(format!("cache/uno.lock.holders/{name}"))
    }
}

#[test]
fn a_process_that_takes_a_lock() {
    in_child("a_process_that_takes_a_lock", obey);
}

#[track_caller]
fn get(lock: &FileLock) -> FileLockGuard {
    lock.try_acquire().unwrap().expect("the lock is free")
}

/// A subscriber that panics at each event of a lock.
struct Panics;

impl<S: Subscriber> Layer<S> for Panics {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), "logscope::lock", "this subscriber is broken");
    }
}

/// The guard is dropped by the unwinding, and its release logs as well: a second panic would abort the process.
#[test]
fn a_subscriber_that_panics_aborts_nobody_who_takes_or_releases_a_lock() {
    const ROLE: &str = "a_subscriber_that_panics_aborts_nobody_who_takes_or_releases_a_lock";
    in_child(ROLE, |folder| {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Panics), || {
            let lock = FileLock::new(folder.join("lock")).warn_after(Duration::ZERO);
            let taken = catch_unwind(|| get(&lock));
            assert!(catch_unwind(|| lock.acquire(Duration::from_millis(1))).unwrap().unwrap_err().is_timeout());
            assert!(catch_unwind(AssertUnwindSafe(|| drop(taken.unwrap()))).is_ok());
            assert!(lock.try_acquire().unwrap().is_some(), "it was released");
        });
        Value::Null
    });
    Child::new(ROLE).run();
}

/// The one that is released first must not take away what names the next owner.
#[test]
fn each_of_those_who_shared_a_lock_that_was_deleted_learns_who_got_it() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let elders = [(); 3].map(|()| lock.try_acquire_shared().unwrap().unwrap());
    fs::remove_file(folder.path()).unwrap();
    let mut younger = LockChild::start("a_process_that_takes_a_lock", &folder.path());
    assert!(younger.ask("try").starts_with("got "));
    assert_eq!(younger.ask("release"), "ok");
    for elder in elders {
        let text = elder.release().unwrap_err().to_string();
        assert!(text.contains(&format!(" by pid {} (", younger.pid())), "{text}");
    }
}

/// The system gives the PID of a process that is gone to another one: soon, where a container has few of them.
#[test]
fn a_process_that_has_the_pid_of_a_holder_that_died_is_not_taken_for_it() {
    let folder = Folder::new();
    let mut holder = LockChild::start("a_process_that_takes_a_lock", &folder.path());
    let token = holder.ask("share").strip_prefix("got ").unwrap().to_owned();
    let pid = holder.pid();
    holder.kill();
    // As if this process had been given the PID.
    let record = fs::read_to_string(folder.record(&token)).unwrap();
    let own = format!("pid={}\n", std::process::id());
    fs::write(folder.record(&token), record.replace(&format!("pid={pid}\n"), &own)).unwrap();
    assert!(folder.lock().holder().unwrap().is_none(), "{:?}", folder.lock().holder());
    testing::capture(|log| {
        folder.lock().try_acquire_shared().unwrap().unwrap().release().unwrap();
        let warning = log.records().level(Level::WARN).one();
        assert!(warning.message.starts_with("the owner of a file lock died"), "{warning:?}");
    });
}

/// Whoever removes a cache removes the lock in it: that costs exclusion, which is told, but is no error for those who come.
#[test]
fn a_folder_that_is_removed_again_and_again_fails_nobody() {
    let folder = Folder::new();
    let cache = folder.0.path().join("cache");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = fs::remove_dir_all(&cache);
            }
        });
        let takers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let lock = folder.lock().silent(true);
                    (0..400)
                        .filter_map(|_| lock.acquire(LONG).map(drop).err())
                        .map(|error| format!("{error:#}"))
                        .collect()
                })
            })
            .collect();
        let errors: Vec<Vec<String>> = takers.into_iter().map(|taker| taker.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(errors.concat(), [""; 0]);
    });
}

#[test]
fn folders_that_are_removed_again_and_again_are_made_all_the_same() {
    let folder = Folder::new();
    let top = folder.0.path().join("a");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = fs::remove_dir_all(&top);
                thread::yield_now();
            }
        });
        let makers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let made = |_| ensure_dir_writable(top.join("b/c")).err().map(|error| format!("{error:#}"));
                    (0..2_000).filter_map(made).collect()
                })
            })
            .collect();
        let errors: Vec<Vec<String>> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        // All attempts of one can be in vain, but none is told of something that is in the way.
        let misleading = errors.concat().into_iter().find(|error| error.contains("is not a folder"));
        assert_eq!(misleading, None);
    });
}

/// A process that was killed is a zombie until its parent takes note, and the lock is free.
#[cfg(target_os = "linux")]
#[test]
fn a_holder_that_was_killed_and_not_waited_for_holds_nothing() {
    let folder = Folder::new();
    let mut holder = LockChild::start("a_process_that_takes_a_lock", &folder.path());
    holder.ask("share");
    assert!(folder.lock().holder().unwrap().is_some());
    let pid = rustix::process::Pid::from_raw(holder.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    // Its threads end one after the other. Nobody waits for it before the end of this test.
    wait_until("it holds nothing", || folder.lock().holder().unwrap().is_none());
    holder.kill();
}

/// Each machine numbers the devices that it mounts by itself: the same file has another device on another host.
#[test]
fn who_shares_a_lock_from_another_machine_keeps_it_and_is_named() {
    let folder = Folder::new();
    let mut other = LockChild::start("a_process_that_takes_a_lock", &folder.path());
    let token = other.ask("share").strip_prefix("got ").unwrap().to_owned();
    // As that machine would have written it.
    let record = fs::read_to_string(folder.record(&token)).unwrap();
    let moved: String = record
        .lines()
        .map(|line| match line.split_once('=').unwrap() {
            ("file", file) => format!("file=4711:{}\n", file.split_once(':').unwrap().1),
            ("kernel", _) => "kernel=another one\n".to_owned(),
            ("host", _) => "host=build7\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(folder.record(&token), moved).unwrap();
    let holder = folder.lock().holder().unwrap().expect("it is shared");
    assert_eq!(holder.host, "build7");
    testing::capture(|log| {
        folder.lock().try_acquire_shared().unwrap().unwrap().release().unwrap();
        log.records().level(Level::WARN).none();
    });
    assert_eq!(other.ask("verify"), "ok");
}

#[test]
fn a_lock_that_is_released_while_it_is_verified_is_not_taken_for_one_that_is_lost() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    for _ in 0..300 {
        let guard = lock.acquire(LONG).unwrap();
        let token = guard.token();
        thread::scope(|scope| {
            let verifies = scope.spawn(|| {
                loop {
                    if let Err(error) = guard.verify() {
                        return error;
                    }
                }
            });
            lock.release(token).unwrap();
            let error = verifies.join().unwrap();
            assert!(error.is_not_holder(), "{error}");
        });
    }
}

/// An output that stands still until it is told to go on.
struct StandsStill(Mutex<(Sender<()>, Receiver<()>)>);

impl Output for StandsStill {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        let pipes = self.0.lock().unwrap();
        let _ = pipes.0.send(());
        let _ = pipes.1.recv();
        Ok(())
    }
}

#[test]
fn a_warning_to_an_output_that_stands_still_holds_up_no_other_warning() {
    testing::init();
    let ((writes, is_written), (go_on, goes_on)) = (channel(), channel());
    let slow = OutputContext::builder("slow").sink(sink::custom(StandsStill(Mutex::new((writes, goes_on))))).build();
    let (one, two) = (Folder::new(), Folder::new());
    // This logs nothing but the warning: no context is asked for the rest.
    let first = slow.to_builder().verbosity(logscope::LevelFilter::WARN).build();
    let first = first.scope(|| get(&one.lock().warn_after(Duration::from_millis(1))));
    is_written.recv_timeout(DEADLINE).expect("the warning is on its way");
    let second = testing::capture(|log| {
        let second = get(&two.lock().warn_after(Duration::from_millis(1)));
        log.records().message_is("a file lock is held for long").within(DEADLINE).first();
        second
    });
    drop(go_on);
    first.release().unwrap();
    second.release().unwrap();
}

#[test]
fn an_error_of_the_records_names_their_folder() {
    let folder = Folder::new();
    get(&folder.lock()).release().unwrap();
    let records = folder.0.path().join("cache/uno.lock.holders");
    fs::remove_dir_all(&records).unwrap();
    fs::write(&records, "").unwrap();
    for error in [folder.lock().try_acquire().unwrap_err(), folder.lock().holder().unwrap_err()] {
        let text = format!("{error:#}");
        assert!(text.contains(&format!("{}: Not a directory", records.display())), "{text}");
    }
}

/// The token is the holder's, however the path is spelled.
#[test]
fn a_token_releases_the_lock_by_another_path_of_its_file() {
    let folder = Folder::new();
    let token = get(&folder.lock()).keep();
    symlink(folder.0.path().join("cache"), folder.0.path().join("link")).unwrap();
    for other in ["link/uno.lock", "link/../cache/uno.lock"] {
        assert!(FileLock::new(folder.0.path().join(other)).try_acquire().unwrap().is_none());
    }
    FileLock::new(folder.0.path().join("link/uno.lock")).release(token).unwrap();
    assert!(folder.lock().try_acquire().unwrap().is_some());
}

/// What others wrote is shown to people, in errors too, which no format escapes.
#[test]
fn a_purpose_breaks_no_line_and_turns_no_text_around() {
    let folder = Folder::new();
    let lock = folder.lock().purpose("a\u{2028}b\u{202e}c\u{2066}d\u{200f}e");
    let _guard = get(&lock);
    let text = lock.acquire(Duration::ZERO).unwrap_err().to_string();
    assert!(text.ends_with(": a b c d e"), "{text:?}");
}

#[test]
fn an_error_says_what_could_not_be_done() {
    let folder = Folder::new();
    let lock = folder.lock();
    let guard = get(&lock);
    let away = folder.0.path().join("away");
    fs::rename(folder.0.path().join("cache"), &away).unwrap();
    // A path that leads in a circle says nothing about the file.
    symlink("cache", folder.0.path().join("cache")).unwrap();
    let expected = format!("cannot tell who holds {}", folder.path().display());
    for error in [lock.holder().unwrap_err(), guard.verify().unwrap_err()] {
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Lock, expected.clone()));
    }
    testing::capture(|log| {
        drop(guard);
        assert_eq!(log.records().level(Level::WARN).one().message, "a file lock may have been lost");
    });
}
