//! `FileLock`: who gets it, what becomes of it, and what is told to whom.
//!
//! What other processes do is told to them through pipes, step by step. No test sleeps to win a race.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/fork.rs"]
mod fork;
#[path = "common/lock_child.rs"]
mod lock_child;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _, pipe};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, in_child};
use common::{DEADLINE, block_on, on_thread, poll, wait_until};
use fork::fork;
use lock_child::{LockChild, obey};
use logscope::lock::{FileLock, FileLockGuard, Token};
use logscope::testing::{self, Log, Query};
use logscope::{ErrorKind, InContext as _, Level, RecordBuf};
use serde_json::Value;

/// How long is long enough on any machine.
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

    fn child(&self) -> LockChild {
        LockChild::start("a_process_that_takes_a_lock", &self.path())
    }

    /// The names in the folder with the records.
    fn records(&self) -> Vec<String> {
        let folder = self.0.path().join("cache/uno.lock.holders");
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
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

#[track_caller]
fn share(lock: &FileLock) -> FileLockGuard {
    lock.try_acquire_shared().unwrap().expect("the lock is free, or shared")
}

fn is_free(lock: &FileLock) -> bool {
    lock.try_acquire().unwrap().is_some()
}

/// The warnings about locks.
fn warnings(log: &Log) -> Query {
    log.records().target("logscope::lock").level(Level::WARN)
}

/// Whom a warning names.
fn owner(warning: &RecordBuf) -> &str {
    warning.field("owner").and_then(|owner| owner.as_str()).unwrap_or_default()
}

/// Counts how often a task is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn one_holder_keeps_out_all_others_and_those_who_share_only_the_one() {
    let folder = Folder::new();
    let lock = folder.lock();
    let alone = get(&lock);
    assert!(!is_free(&lock) && lock.try_acquire_shared().unwrap().is_none(), "this thread is no exception");
    thread::scope(|scope| assert!(!scope.spawn(|| is_free(&lock)).join().unwrap()));
    alone.release().unwrap();

    let (one, two) = (share(&lock), share(&lock.clone()));
    assert!(!is_free(&lock));
    assert_eq!(lock.holder().unwrap().unwrap().sharers, 2);
    drop(one);
    assert!(!is_free(&lock));
    drop(two);
    assert!(is_free(&lock));
    assert!(lock.holder().unwrap().is_none());
}

#[test]
fn processes_keep_each_other_out_too() {
    let folder = Folder::new();
    let (mut one, mut two) = (folder.child(), folder.child());
    assert!(one.ask("try").starts_with("got "));
    assert_eq!((two.ask("try"), two.ask("share")), ("none".to_owned(), "none".to_owned()));
    assert_eq!((one.ask("verify"), one.ask("release")), ("ok".to_owned(), "ok".to_owned()));
    assert!(one.ask("share").starts_with("got ") && two.ask("share").starts_with("got "));
    assert!(!is_free(&folder.lock()));
}

#[test]
fn who_waits_in_vain_is_told_for_whom() {
    let folder = Folder::new();
    let mut holder = folder.child();
    holder.ask("try");
    let start = Instant::now();
    let timeout = Duration::from_millis(300);
    let error = folder.lock().silent(true).acquire(timeout).unwrap_err();
    assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
    assert!(error.is_timeout(), "{error:?}");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot lock {} within 300 ms: held for ", folder.path().display())), "{text}");
    assert!(text.contains(&format!(" by pid {} (lock_file-", holder.pid())), "{text}");
    assert!(text.ends_with(&format!(") on {host}: obey")), "{text}");

    // Now with the lock released while we wait. The holder answers when it has, and nothing is said about who comes first.
    let waiting = on_thread({
        let lock = folder.lock();
        move || lock.acquire(LONG).map(drop)
    });
    assert_eq!(holder.ask("release"), "ok");
    waiting().unwrap();
}

#[test]
fn those_who_share_are_counted_and_one_of_them_is_named() {
    let folder = Folder::new();
    let _own = share(&folder.lock());
    let mut other = folder.child();
    other.ask("share");
    let text = folder.lock().acquire(Duration::ZERO).unwrap_err().to_string();
    let named = format!("shared by 2, for 0 ms by pid {}", std::process::id());
    assert!(text.contains("shared by 2, for ") && text.contains(&named[named.find(" by pid").unwrap()..]), "{text}");
}

#[test]
fn a_timeout_of_zero_makes_one_attempt_and_the_longest_waits_for_ever() {
    let folder = Folder::new();
    let lock = folder.lock();
    lock.acquire(Duration::ZERO).unwrap().release().unwrap();
    let guard = lock.acquire(Duration::MAX).unwrap();
    assert!(lock.acquire(Duration::ZERO).unwrap_err().is_timeout());
    assert!(block_on(lock.acquire_async(Duration::ZERO)).unwrap_err().is_timeout());
    let waiting = on_thread({
        let lock = lock.clone();
        move || lock.acquire(Duration::MAX).map(drop)
    });
    guard.release().unwrap();
    waiting().unwrap();
}

#[test]
fn a_holder_that_is_killed_leaves_the_lock_free_and_the_next_owner_tells_once() {
    let folder = Folder::new();
    let lock = folder.lock();
    for (order, shared_by_next) in [("try", false), ("share", false), ("try", true), ("share", true)] {
        let mut holder = folder.child();
        holder.ask(order);
        let pid = holder.pid();
        holder.kill();
        assert!(lock.holder().unwrap().is_none(), "the dead hold nothing");
        testing::capture(|log| {
            for _ in 0..2 {
                if shared_by_next { share(&lock) } else { get(&lock) }.release().unwrap();
            }
            let warning = warnings(log).one();
            assert!(warning.message.starts_with("the owner of a file lock died while it held it"), "{warning:?}");
            assert!(owner(&warning).contains(&format!("by pid {pid} (")), "{warning:?}");
        });
        assert_eq!(folder.records(), ["last"]);
    }
}

#[test]
fn a_program_that_a_holder_starts_does_not_hold_the_lock() {
    let folder = Folder::new();
    let mut holder = folder.child();
    holder.ask("try");
    let pid: i32 = holder.ask("spawn").parse().unwrap();
    let program = rustix::process::Pid::from_raw(pid).unwrap();
    let _open = holder.kill();
    // A program may still be closing what it does not inherit when it has long begun. Then it is never in the way again.
    folder.lock().acquire(DEADLINE).unwrap().release().unwrap();
    assert!(rustix::process::test_kill_process(program).is_ok(), "it lives");
    rustix::process::kill_process(program, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_forked_child_neither_holds_nor_releases_the_lock_of_its_parent() {
    const ROLE: &str = "a_forked_child_neither_holds_nor_releases_the_lock_of_its_parent";
    in_child(ROLE, |folder| {
        let lock = FileLock::new(folder.join("lock")).silent(true);
        let kept = FileLock::new(folder.join("kept")).silent(true);
        let (mut guard, mut second) = (Some(get(&lock)), Some(share(&kept)));
        let token = get(&FileLock::new(folder.join("token"))).keep();
        fork(|| {
            assert!(guard.as_ref().unwrap().verify().unwrap_err().is_not_holder());
            drop(guard.take());
            assert!(second.take().unwrap().release().unwrap_err().is_not_holder());
            assert!(FileLock::new(folder.join("token")).release(token).unwrap_err().is_not_holder());
            assert!(!is_free(&lock), "the parent holds it");
            // A lock of the child's own.
            get(&FileLock::new(folder.join("own"))).release().unwrap();
        });
        guard.as_ref().unwrap().verify().unwrap();
        assert!(!is_free(&lock) && !is_free(&kept), "the child has released nothing");
        guard.take().unwrap().release().unwrap();
        second.take().unwrap().release().unwrap();
        FileLock::new(folder.join("token")).release(token).unwrap();
        Value::Null
    });
    Child::new(ROLE).run();
}

#[test]
fn a_lock_is_free_after_its_release_though_a_forked_child_has_the_file_open() {
    const ROLE: &str = "a_lock_is_free_after_its_release_though_a_forked_child_has_the_file_open";
    in_child(ROLE, |folder| {
        let lock = FileLock::new(folder.join("lock")).silent(true);
        let guard = get(&lock);
        let ((mut has_begun, mut begins), (mut goes_on, mut go_on)) = (pipe().unwrap(), pipe().unwrap());
        thread::scope(|scope| {
            let forked = scope.spawn(move || {
                // Until it is told to go on, the child has the file open.
                fork(move || {
                    begins.write_all(b"x").unwrap();
                    goes_on.read_exact(&mut [0]).unwrap();
                });
            });
            has_begun.read_exact(&mut [0]).unwrap();
            guard.release().unwrap();
            assert!(is_free(&lock));
            go_on.write_all(b"x").unwrap();
            forked.join().unwrap();
        });
        Value::Null
    });
    Child::new(ROLE).run();
}

/// A child has the same open file as its parent: if both locked it, neither would keep the other out.
#[test]
fn a_future_that_goes_on_in_a_forked_child_keeps_the_parent_out() {
    const ROLE: &str = "a_future_that_goes_on_in_a_forked_child_keeps_the_parent_out";
    in_child(ROLE, |folder| {
        let lock = FileLock::new(folder.join("lock")).silent(true);
        let guard = get(&lock);
        let mut waiting = Box::pin(lock.acquire_async(Duration::MAX));
        assert!(poll(&mut waiting).is_pending());
        guard.release().unwrap();
        let ((mut has_got, mut got), (mut goes_on, mut go_on)) = (pipe().unwrap(), pipe().unwrap());
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            let forked = scope.spawn(|| {
                fork(|| {
                    let guard = block_on(waiting.lock().unwrap().as_mut()).unwrap();
                    got.write_all(b"x").unwrap();
                    goes_on.read_exact(&mut [0]).unwrap();
                    guard.release().unwrap();
                });
            });
            has_got.read_exact(&mut [0]).unwrap();
            let count = Arc::new(Count::default());
            let waker = Waker::from(Arc::clone(&count));
            for attempts in 1..=3 {
                let polled = waiting.lock().unwrap().as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending(), "the child has the lock");
                wait_until("the next attempt is due", || count.0.load(Ordering::Relaxed) == attempts);
            }
            go_on.write_all(b"x").unwrap();
            forked.join().unwrap();
        });
        block_on(waiting.into_inner().unwrap()).unwrap().release().unwrap();
        Value::Null
    });
    Child::new(ROLE).run();
}

#[test]
fn a_lock_file_that_is_deleted_or_replaced_is_lost_and_both_owners_are_named() {
    testing::init();
    for (name, replaced, shared) in [("deleted", false, false), ("replaced", true, false), ("replaced", true, true)] {
        let folder = Folder::new();
        let lock = folder.lock().purpose("be the elder");
        let elder = if shared { share(&lock) } else { get(&lock) };
        elder.verify().unwrap();
        fs::remove_file(folder.path()).unwrap();
        if replaced {
            fs::write(folder.path(), "").unwrap();
        }
        let error = elder.verify().unwrap_err();
        assert!(error.is_lock_lost(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("its file was {name} while it was held for ")), "{text}");
        assert!(text.ends_with("nobody else is known to have got it"), "{text}");

        // Somebody else gets it, and is named while it holds the lock and after that.
        let mut younger = folder.child();
        assert!(younger.ask("try").starts_with("got "));
        let named = format!("by pid {} (", younger.pid());
        for order in ["verify", "release"] {
            let text = elder.verify().unwrap_err().to_string();
            assert!(text.contains(&format!("by pid {} (", std::process::id())), "{text}");
            assert!(text.contains(": be the elder; the lock was then held for "), "{text}");
            assert!(text.contains(&named), "{text}");
            assert_eq!(younger.ask(order), "ok");
        }
        let error = elder.release().unwrap_err();
        assert!(error.is_lock_lost() && error.to_string().contains(&named), "{error:?}");
        assert!(is_free(&lock));
    }
}

#[test]
fn the_next_owner_tells_once_of_a_lock_that_was_replaced_and_the_guard_at_its_end() {
    testing::capture(|log| {
        let folder = Folder::new();
        let [old, new] = ["old", "new"].map(|name| log.context().child(name).build());
        let lock = folder.lock();
        let elder = old.scope(|| get(&lock));
        fs::remove_file(folder.path()).unwrap();
        for _ in 0..2 {
            new.scope(|| get(&lock).release()).unwrap();
        }
        let warning = warnings(log).context("new").one();
        assert!(warning.message.starts_with("a file lock was deleted or replaced while it was held"), "{warning:?}");
        assert!(owner(&warning).contains(&format!("by pid {} (", std::process::id())), "{warning:?}");
        old.scope(|| drop(elder));
        assert_eq!(warnings(log).context("old").one().message, "a file lock was lost");
    });
}

#[test]
fn a_lock_file_that_was_away_for_a_while_is_lost_if_somebody_got_the_lock_meanwhile() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let away = folder.0.path().join("away");
    let elder = get(&lock);
    for is_taken in [false, true] {
        fs::rename(folder.path(), &away).unwrap();
        if is_taken {
            get(&lock).release().unwrap();
        }
        fs::rename(&away, folder.path()).unwrap();
        assert_eq!(elder.verify().is_err_and(|error| error.is_lock_lost()), is_taken);
    }
}

#[test]
fn the_death_of_an_owner_whose_file_was_deleted_is_told_too() {
    testing::capture(|log| {
        let folder = Folder::new();
        let mut holder = folder.child();
        holder.ask("try");
        fs::remove_file(folder.path()).unwrap();
        holder.kill();
        get(&folder.lock()).release().unwrap();
        let warning = warnings(log).one();
        assert!(warning.message.starts_with("the owner of a file lock died"), "{warning:?}");
    });
}

#[test]
fn nobody_gets_a_lock_on_a_file_that_is_no_longer_there() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let elder = get(&lock);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut waiting = Box::pin(lock.acquire_async(LONG));
    // This one has the file open.
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    fs::remove_file(folder.path()).unwrap();
    let younger = get(&lock);
    drop(elder);
    wait_until("the next attempt is due", || count.0.load(Ordering::Relaxed) == 1);
    // The file that it has open is free now, but not at its path.
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    younger.release().unwrap();
    block_on(waiting).unwrap().release().unwrap();
}

#[test]
fn nobody_waits_for_a_file_that_is_no_longer_there() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let elder = get(&lock);
    let mut waiting = Box::pin(lock.acquire_async(LONG));
    // This one has the file open.
    assert!(poll(&mut waiting).is_pending());
    fs::remove_file(folder.path()).unwrap();
    let younger = on_thread(move || block_on(waiting).unwrap())();
    younger.verify().unwrap();
    assert!(elder.verify().unwrap_err().is_lock_lost());
}

#[test]
fn a_foreign_token_releases_nothing() {
    let folder = Folder::new();
    let lock = folder.lock();
    let foreign: Token = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let text = lock.release(foreign).unwrap_err().to_string();
    assert!(text.ends_with(&format!("with the token {foreign}: nobody holds it")), "{text}");

    let mut other = folder.child();
    let theirs: Token = other.ask("try").strip_prefix("got ").unwrap().parse().unwrap();
    let elsewhere = FileLock::new(folder.0.path().join("elsewhere"));
    let guard = get(&elsewhere);
    for token in [foreign, theirs, guard.token()] {
        let error = lock.release(token).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotHolder);
        assert!(error.to_string().contains(&format!("by pid {} (", other.pid())), "{error}");
    }
    assert_eq!(other.ask("verify"), "ok");
    guard.verify().unwrap();
    assert!(!is_free(&lock) && !is_free(&elsewhere));

    // One's own token releases the lock, once, and the guard is over then.
    elsewhere.release(guard.token()).unwrap();
    assert!(is_free(&elsewhere));
    assert!(elsewhere.release(guard.token()).unwrap_err().is_not_holder());
    assert!(guard.verify().unwrap_err().is_not_holder());
    let next = get(&elsewhere);
    assert!(guard.release().unwrap_err().is_not_holder());
    next.release().unwrap();
}

#[test]
fn a_task_gets_the_lock_and_one_that_is_dropped_never_has_it() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let guard = block_on(lock.acquire_async(LONG)).unwrap();
    let mut waiting = Box::pin(lock.acquire_async(LONG));
    assert!(poll(&mut waiting).is_pending() && poll(&mut waiting).is_pending());
    drop(waiting);
    guard.release().unwrap();
    assert!(is_free(&lock), "the future that is gone waits no more");

    // One whose lock was got in the last poll, but never taken out.
    let got = Box::pin(lock.acquire_async(LONG));
    let Poll::Ready(Ok(guard)) = poll(&mut { got }) else { panic!("it is free") };
    drop(guard);
    assert!(is_free(&lock));

    let shared = block_on(lock.acquire_shared_async(LONG)).unwrap();
    block_on(lock.acquire_shared_async(LONG)).unwrap().release().unwrap();
    assert!(block_on(lock.acquire_async(Duration::from_millis(50))).unwrap_err().is_timeout());
    shared.release().unwrap();
}

#[test]
fn a_task_is_woken_by_the_library_and_no_more_once_it_is_dropped() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let _guard = get(&lock);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut waiting = Box::pin(lock.acquire_async(LONG));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    wait_until("it is woken", || count.0.load(Ordering::Relaxed) == 1);
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waiting);
    assert_eq!(Arc::strong_count(&count), 2, "the timer has let go of the waker");
}

#[test]
fn tasks_on_one_thread_do_not_hold_up_each_other() {
    let folder = Folder::new();
    let lock = folder.lock().silent(true);
    let total = common::on_one_worker(async {
        let counter = std::rc::Rc::new(std::cell::Cell::new(0));
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (lock, counter) = (lock.clone(), counter.clone());
                tokio::task::spawn_local(async move {
                    for _ in 0..5 {
                        let guard = lock.acquire_async(LONG).await.unwrap();
                        let before = counter.get();
                        tokio::task::yield_now().await;
                        counter.set(before + 1);
                        guard.release().unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        counter.get()
    });
    assert_eq!(total, 16 * 5);
}

#[test]
fn who_holds_too_long_is_told_where_it_got_the_lock_and_once() {
    let folder = Folder::new();
    let after = Duration::from_millis(5);
    let lock = folder.lock().warn_after(after);
    testing::capture(|log| {
        let guard = get(&lock);
        warnings(log).within(DEADLINE).one();
        guard.release().unwrap();
        assert_eq!(warnings(log).one().message, "a file lock is held for long", "once");
    });

    // The same for a task, and nothing for one that releases in time or is silent.
    testing::capture(|log| {
        let task = lock.acquire_async(LONG).in_context(log.context());
        let guard = logscope::unscoped(|| block_on(task)).unwrap();
        warnings(log).within(DEADLINE).one();
        guard.release().unwrap();
        get(&folder.lock().warn_after(LONG)).release().unwrap();
        let guard = get(&lock.clone().silent(true));
        let start = Instant::now();
        while start.elapsed() < 2 * after {
            thread::yield_now();
        }
        drop(guard);
        warnings(log).one();
    });
}

#[test]
fn what_happens_is_logged_in_the_context_of_the_caller_unless_the_lock_is_silent() {
    testing::capture(|log| {
        let folder = Folder::new();
        let holder = get(&folder.lock().silent(true).purpose("hold"));
        // This waits for more than a second, which is what it is about.
        let timeout = Duration::from_millis(1_100);
        folder.lock().acquire(timeout).unwrap_err();
        folder.lock().silent(true).acquire(timeout).unwrap_err();
        drop(holder);
        get(&folder.lock().silent(true).silent(false)).release().unwrap();
        let told = log.records().target("logscope::lock").exactly(5);
        let expected = [
            (Level::DEBUG, "waiting for a file lock"),
            (Level::INFO, "still waiting for a file lock"),
            (Level::DEBUG, "did not get a file lock"),
            (Level::DEBUG, "got a file lock"),
            (Level::DEBUG, "released a file lock"),
        ];
        assert!(told.iter().map(|record| (record.level, &*record.message)).eq(expected), "{told:?}");
        let names_holder = |holder: &str| holder.starts_with("held for ") && holder.ends_with(": hold");
        let waiting = log.records().message("waiting for a file lock");
        waiting.field_matches("holder", move |holder| holder.as_str().is_some_and(names_holder)).exactly(2);
    });
}

#[test]
fn a_subscriber_may_take_locks_itself() {
    struct Locks(FileLock);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Locks {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            let guard = self.0.acquire(LONG).unwrap();
            guard.verify().unwrap();
            let other = FileLock::new(self.0.path().with_extension("other")).silent(true);
            other.release(get(&other).keep()).unwrap();
        }
    }
    use tracing_subscriber::prelude::*;

    let folder = Folder::new();
    let own = FileLock::new(folder.0.path().join("own")).silent(true);
    let subscriber = tracing_subscriber::registry().with(Locks(own));
    on_thread(move || {
        tracing::subscriber::with_default(subscriber, || {
            let lock = folder.lock().warn_after(Duration::ZERO);
            let guard = get(&lock);
            lock.acquire(Duration::from_millis(20)).unwrap_err();
            fs::remove_file(folder.path()).unwrap();
            drop(get(&lock));
            drop(guard);
        });
    })();
}

#[test]
fn nobody_else_may_lock_or_write_whatever_the_umask() {
    const ROLE: &str = "nobody_else_may_lock_or_write_whatever_the_umask";
    in_child(ROLE, |folder| {
        rustix::process::umask(rustix::fs::Mode::empty());
        get(&FileLock::new(folder.join("cache/uno.lock"))).release().unwrap();
        logscope::lock::ensure_dir_writable(folder.join("a/b")).unwrap();
        let mode = |path: &str| fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("cache/uno.lock"), 0o600);
        assert_eq!(mode("cache/uno.lock.holders/last"), 0o644);
        for made in ["cache", "cache/uno.lock.holders", "a", "a/b"] {
            assert_eq!(mode(made), 0o755, "{made}");
        }
        Value::Null
    });
    Child::new(ROLE).run();
}

#[test]
fn the_folder_with_the_records_is_made_anew_but_who_holds_the_lock_cannot_know_who_removed_it() {
    let folder = Folder::new();
    get(&folder.lock()).release().unwrap();
    fs::remove_dir_all(folder.0.path().join("cache/uno.lock.holders")).unwrap();
    let guard = get(&folder.lock());
    fs::remove_dir_all(folder.0.path().join("cache/uno.lock.holders")).unwrap();
    let error = guard.release().unwrap_err();
    assert!(error.is_lock_lost() && error.to_string().contains("its record was removed"), "{error}");
}

#[test]
fn what_is_no_lock_file_is_refused_with_advice() {
    let folder = Folder::new();
    let refused = |path: &Path| {
        let error = FileLock::new(path).silent(true).acquire(LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Lock);
        format!("{error:#}")
    };
    let path = |name: &str| if name.is_empty() { PathBuf::new() } else { folder.0.path().join(name) };
    get(&FileLock::new(path("file"))).release().unwrap();
    symlink(path("file"), path("link")).unwrap();
    symlink(path("nothing"), path("dangling")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for (name, text) in [
        (".", "it is a folder; name a file that is used for nothing else"),
        ("link", "it is a symbolic link; name the file that it leads to"),
        ("dangling", "it is a symbolic link; name the file that it leads to"),
        ("pipe", "it is not a regular file"),
        ("file/below", "Not a directory (os error 20)"),
        ("", "the path is empty"),
    ] {
        let error = refused(&path(name));
        assert!(error.starts_with("cannot lock ") && error.ends_with(text), "{name}: {error}");
    }
    assert!(!path("nothing").exists(), "nothing is made through a link");
    #[cfg(target_os = "linux")]
    assert!(refused(Path::new("/proc/uno.lock")).starts_with("cannot lock /proc/uno.lock: "));
    fs::write(path("records.holders"), "").unwrap();
    assert!(refused(&path("records")).contains("Not a directory"));
}

#[test]
fn a_folder_that_may_not_be_written_to_is_refused() {
    const ROLE: &str = "a_folder_that_may_not_be_written_to_is_refused";
    const NOBODY: u32 = 65_534;
    in_child(ROLE, |folder| {
        let read_only = folder.join("read-only");
        fs::create_dir(&read_only).unwrap();
        fs::set_permissions(&read_only, fs::Permissions::from_mode(0o555)).unwrap();
        let error = FileLock::new(read_only.join("lock")).acquire(LONG).unwrap_err();
        assert!(error.kind() == ErrorKind::Lock && format!("{error:#}").contains("Permission denied"), "{error:?}");
        let error = logscope::lock::ensure_dir_writable(&read_only).unwrap_err();
        assert!(format!("{error:#}").contains("Permission denied"), "{error:?}");
        fs::set_permissions(&read_only, fs::Permissions::from_mode(0o755)).unwrap();
        logscope::lock::ensure_dir_writable(&read_only).unwrap();
        Value::Null
    });
    // Root may write to any folder.
    let child = Child::new(ROLE);
    if rustix::process::geteuid().is_root() { child.run_by_user(NOBODY) } else { child }.run();
}

#[test]
fn records_that_are_foreign_unreadable_or_unfinished_harm_nobody() {
    let folder = Folder::new();
    let lock = folder.lock();
    get(&lock).release().unwrap();
    let record = |name: &str| folder.path().with_extension("lock.holders").join(name);
    let copied = get(&lock);
    let own = fs::read(record(&copied.token().to_string())).unwrap();
    copied.release().unwrap();
    let digits = |digit: &str| digit.repeat(32);
    fs::write(record(&digits("1")), "pid=what\u{1b}[2J\n").unwrap();
    fs::write(record(&digits("2")), [0xff; 100_000]).unwrap();
    fs::write(record(&digits("3")), own).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, record(&digits("4")), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(record(&format!("{}.new", digits("5"))), "unfinished").unwrap();
    fs::create_dir(record(&digits("6"))).unwrap();
    fs::write(record("README"), "not ours").unwrap();

    assert!(lock.holder().unwrap().is_none());
    testing::capture(|log| {
        // Who shares the lock cannot know.
        share(&lock).release().unwrap();
        warnings(log).none();
        let guard = get(&lock);
        assert_eq!(lock.holder().unwrap().unwrap().token, guard.token());
        guard.release().unwrap();
        warnings(log).field("owner", "held by somebody who left no record of it").exactly(4);
        assert_eq!(folder.records(), [digits("6"), "README".to_owned(), "last".to_owned()]);
        // Once.
        get(&lock).release().unwrap();
        warnings(log).exactly(4);
    });
}

#[test]
fn a_record_is_whole_whenever_it_is_read() {
    let folder = Folder::new();
    let purpose = "x".repeat(1_000);
    let lock = folder.lock().purpose(&purpose).silent(true);
    drop(get(&lock));
    let (records, last_line) = (folder.path().with_extension("lock.holders"), format!("purpose={purpose}\n"));
    let reading = thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while seen.len() < 200 {
            for entry in fs::read_dir(&records).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none()
                    && let Ok(text) = fs::read_to_string(&path)
                {
                    assert!(text.starts_with("token=") && text.ends_with(&last_line), "{}: {text}", path.display());
                    seen.insert(text);
                }
            }
        }
    });
    let start = Instant::now();
    while !reading.is_finished() {
        assert!(start.elapsed() < DEADLINE, "not enough was seen");
        let guard = get(&lock);
        assert_eq!(lock.holder().unwrap().unwrap().token, guard.token());
    }
    reading.join().unwrap();
}

#[test]
fn many_threads_use_a_new_lock_in_new_folders() {
    let folder = Folder::new();
    let lock = FileLock::new(folder.0.path().join("a/b/c/lock")).silent(true);
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let guard = lock.acquire(LONG).unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                thread::yield_now();
                assert_eq!(inside.fetch_sub(1, Ordering::Relaxed), 1);
                guard.release().unwrap();
            });
        }
    });
}

/// The types that are part of the interface can go where they must.
#[test]
fn guards_and_futures_are_send() {
    fn is_send(_: &(impl Send + 'static)) {}
    let folder = Folder::new();
    let lock = folder.lock();
    is_send(&lock);
    is_send(&lock.acquire_async(LONG));
    is_send(&get(&lock));
}
