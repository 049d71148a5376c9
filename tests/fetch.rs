//! What `lock::Fetch` promises beside the race: which entries serve, what is left when making fails in any way, digests, time-outs, caches that
//! cannot be written to, and futures that block no executor.

#![cfg(feature = "testing")]
#![cfg(all(unix, feature = "lock"))]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;
mod common;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind as IoErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use child::{Child, in_child};
use common::{DEADLINE, block_on, on_thread};
use logscope::lock::{Digest, Fetch, FetchPolicy, Fetched, MirrorBy};
use logscope::{ErrorKind, InContext as _, Level, testing};
use proptest::prelude::*;
use serde_json::json;

fn writes(text: &str) -> impl FnMut(&mut File) -> io::Result<()> {
    move |file| file.write_all(text.as_bytes())
}

fn never(_: &mut File) -> io::Result<()> {
    panic!("it is there already")
}

fn read(fetched: &Fetched) -> String {
    let text = fs::read_to_string(&fetched.path).unwrap();
    if let Some(mirror) = &fetched.mirror {
        assert_eq!(fs::read_to_string(mirror).unwrap(), text);
    }
    text
}

fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// No temporary is left beside the entry.
#[track_caller]
fn assert_tidy(fetch: &Fetch) {
    let names = names(fetch.entry_path().parent().unwrap());
    assert!(!names.iter().any(|name| name.to_string_lossy().contains(".logscope-")), "{names:?}");
}

#[test]
fn an_entry_is_made_once_and_mirrored_as_often_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("gcc@13", folder.path().join("deep/cache"));
    let first = fetch.get(writes("gcc")).unwrap();
    assert!(first.made && first.age == Some(Duration::ZERO) && first.path == fetch.entry_path());
    for number in 0..3 {
        let mirror = folder.path().join(format!("build-{number}/tools/gcc"));
        for _ in 0..2 {
            let fetched = fetch.clone().mirror_to(&mirror).get(never).unwrap();
            assert_eq!((read(&fetched).as_str(), fetched.made, fetched.mirror.as_ref()), ("gcc", false, Some(&mirror)));
        }
        assert_eq!(
            fs::metadata(&mirror).unwrap().ino(),
            fs::metadata(fetch.entry_path()).unwrap().ino(),
            "a hard link"
        );
    }
    let own = folder.path().join("own");
    fetch.clone().mirror_to(&own).mirror_by(MirrorBy::Copy).get(never).unwrap();
    fs::write(&own, "changed").unwrap();
    assert_eq!(read(&fetch.get(never).unwrap()), "gcc");
    assert_tidy(&fetch);
}

#[test]
fn each_policy_takes_what_it_says() {
    let cache = tempfile::tempdir().unwrap();
    let get = |policy, text: &str| {
        let fetched = Fetch::new("key", cache.path()).policy(policy).get(writes(text)).unwrap();
        (read(&fetched), fetched.made)
    };
    let is = |text: &str, made| (text.to_owned(), made);
    assert_eq!(get(FetchPolicy::IfMissing, "1"), is("1", true));
    assert_eq!(get(FetchPolicy::IfMissing, "2"), is("1", false));
    assert_eq!(get(FetchPolicy::Always, "3"), is("3", true));
    assert_eq!(get(FetchPolicy::Always, "4"), is("4", true));
    assert_eq!(get(FetchPolicy::MaxAge(Duration::from_secs(3_600)), "5"), is("4", false));
    // The record says when the entry was made, in microseconds: on the clock of the machine's run if there is one, else on the wall clock.
    let record = Fetch::new("key", cache.path()).entry_path().with_file_name("record");
    let make_older = |name: &str, by: u64| {
        let text = fs::read_to_string(&record).unwrap();
        let aged = text.lines().map(|line| match line.strip_prefix(name) {
            Some(rest) => {
                let (before, number) = rest.rsplit_once(' ').unwrap();
                format!("{name}{before} {}\n", number.parse::<u64>().unwrap().saturating_sub(by))
            }
            None => format!("{line}\n"),
        });
        fs::write(&record, aged.collect::<String>()).unwrap();
    };
    let hour = 3_600_000_000;
    if cfg!(target_os = "linux") {
        // The wall clock was set forward by a year since.
        make_older("made", 365 * 24 * hour);
        assert_eq!(get(FetchPolicy::MaxAge(Duration::from_secs(3_600)), "6"), is("4", false));
        // The machine was started anew since: only the wall clock tells.
        let text = fs::read_to_string(&record).unwrap();
        let other = text.lines().filter(|line| !line.starts_with("run ")).map(|line| format!("{line}\n"));
        fs::write(&record, other.collect::<String>()).unwrap();
        assert_eq!(get(FetchPolicy::MaxAge(Duration::from_secs(3_600)), "7"), is("7", true));
        make_older("run", 1_000_000);
        let age = Fetch::new("key", cache.path()).get(never).unwrap().age.unwrap();
        assert!(age >= Duration::from_secs(1), "{age:?}");
    }
    assert_eq!(get(FetchPolicy::MaxAge(Duration::ZERO), "8"), is("8", true));
    // Nobody knows how old it is.
    fs::write(&record, "nonsense").unwrap();
    assert_eq!(Fetch::new("key", cache.path()).get(never).unwrap().age, None);
    assert_eq!(get(FetchPolicy::MaxAge(Duration::MAX), "9"), is("9", true));
}

#[test]
fn if_making_fails_or_panics_the_old_entry_stays_and_the_next_call_tries_again() {
    let cache = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("key", cache.path()).policy(FetchPolicy::Always);
    let fails = |file: &mut File| file.write_all(b"half").and(Err(io::Error::other("the server says no")));
    for old in [None, Some("old")] {
        if let Some(old) = old {
            fetch.get(writes(old)).unwrap();
        }
        let error = fetch.get(fails).unwrap_err();
        assert_eq!(
            (error.kind(), format!("{error:#}")),
            (ErrorKind::Make, "cannot make \"key\": the server says no".to_owned())
        );
        let panicked = catch_unwind(AssertUnwindSafe(|| fetch.get(|_| panic!("on purpose")))).unwrap_err();
        assert_eq!(panicked.downcast_ref::<&str>(), Some(&"on purpose"));
        assert_eq!(fs::read_to_string(fetch.entry_path()).ok().as_deref(), old);
        assert_tidy(&fetch);
        assert!(fetch.lock().holder().unwrap().is_none());
    }
    assert_eq!(read(&fetch.get(writes("new")).unwrap()), "new");
}

#[test]
fn a_process_that_dies_while_it_makes_leaves_the_old_entry_and_the_next_call_tries_again() {
    const CACHE: &str = "LOGSCOPE_TEST_CACHE";
    let role = "a_process_that_dies_while_it_makes_leaves_the_old_entry_and_the_next_call_tries_again";
    in_child(role, |_| {
        let fetch = Fetch::new("key", std::env::var_os(CACHE).unwrap()).policy(FetchPolicy::Always);
        let _ = fetch.get(|file| {
            file.write_all(b"half")?;
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            unreachable!("it is dead")
        });
        json!("alive")
    });
    let cache = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("key", cache.path());
    for old in [None, Some("old")] {
        if let Some(old) = old {
            fetch.get(writes(old)).unwrap();
        }
        let (status, _) = Child::new(role).var(CACHE, cache.path().display()).start().wait_for_any_end();
        assert!(!status.success());
        assert_eq!(fs::read_to_string(fetch.entry_path()).ok().as_deref(), old);
        let folder = fetch.entry_path().parent().unwrap();
        assert!(names(folder).iter().any(|name| name.to_string_lossy().contains(".tmp")), "it has left its temporary");
    }
    assert_eq!(read(&fetch.clone().policy(FetchPolicy::Always).get(writes("new")).unwrap()), "new");
    assert_tidy(&fetch);
}

#[test]
fn failures_that_may_pass_are_retried_with_an_empty_file_each_time() {
    let cache = tempfile::tempdir().unwrap();
    let mut calls = 0;
    let fetched = Fetch::new("key", cache.path()).get(|file| {
        calls += 1;
        assert_eq!(file.metadata()?.len(), 0);
        write!(file, "{calls}")?;
        if calls < 3 { Err(IoErrorKind::ConnectionReset.into()) } else { Ok(()) }
    });
    assert_eq!((read(&fetched.unwrap()).as_str(), calls), ("3", 3));
    for (kind, retries, expected) in [
        (IoErrorKind::TimedOut, 2, 3),
        (IoErrorKind::TimedOut, 0, 1),
        (IoErrorKind::NotFound, 2, 1),
        (IoErrorKind::StorageFull, 2, 1),
        (IoErrorKind::PermissionDenied, 2, 1),
    ] {
        let mut calls = 0;
        let fetch = Fetch::new("other", cache.path()).retries(retries);
        let error = fetch.get(|_| {
            calls += 1;
            Err(kind.into())
        });
        assert_eq!((error.unwrap_err().kind(), calls), (ErrorKind::Make, expected), "{kind:?}");
    }
}

#[test]
fn a_digest_is_checked_when_it_is_made_and_when_it_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |text: &str| Digest::of(text.as_bytes()).unwrap();
    let mirror = folder.path().join("mirror");
    let fetch = Fetch::new("key", folder.path().join("cache")).mirror_to(&mirror);
    let fetch = |text: &str| fetch.clone().digest(digest(text));
    let error = fetch("right").get(writes("wrong")).unwrap_err();
    assert!(error.is_digest_mismatch(), "{error}");
    let said = error.to_string();
    assert!(said.contains(&digest("wrong").to_string()) && said.contains(&digest("right").to_string()), "{said}");
    assert!(!fetch("right").entry_path().exists() && !mirror.exists());
    assert!(fetch("right").get(writes("right")).unwrap().made);
    assert_eq!(read(&fetch("right").get(never).unwrap()), "right");
    // Somebody writes to the entry through its mirror, and leaves the length as it was.
    fs::write(&mirror, "wrong").unwrap();
    assert_eq!(fs::read_to_string(fetch("right").entry_path()).unwrap(), "wrong");
    let mended = fetch("right").get(writes("right")).unwrap();
    assert!(mended.made);
    assert_eq!(read(&mended), "right");
    // The caller expects another one now, and what it makes is wrong: the old one stays.
    assert!(fetch("newer").get(writes("wrong")).unwrap_err().is_digest_mismatch());
    assert_eq!(read(&fetch("right").get(never).unwrap()), "right");
    // One that was made without a digest.
    let plain = Fetch::new("plain", folder.path().join("cache"));
    plain.get(writes("right")).unwrap();
    assert!(!plain.clone().digest(digest("right")).get(never).unwrap().made);
    assert!(plain.digest(digest("other")).get(writes("other")).unwrap().made);
}

#[test]
fn no_key_leads_out_of_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), "mine").unwrap();
    let cache = folder.path().join("cache");
    let long = "k".repeat(5_000);
    let keys = ["", ".", "..", "../precious", "/etc/passwd", "a/b", "a\\b", "a\0b", "CON", "~", "é", &long, "A", "a"];
    for key in keys {
        assert_eq!(read(&Fetch::new(key, &cache).get(writes(key)).unwrap()), key);
    }
    for key in keys {
        assert_eq!(read(&Fetch::new(key, &cache).get(never).unwrap()), key);
    }
    assert_eq!(names(&cache).len(), keys.len());
    assert_eq!(names(folder.path()), ["cache", "precious"]);
}

/// Nobody can change the current directory of this process, which other tests use. So the paths lead to it from where it is.
#[test]
fn relative_paths_are_those_of_now() {
    let folder = tempfile::tempdir().unwrap();
    let here = std::env::current_dir().unwrap();
    let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(folder.path().strip_prefix("/").unwrap());
    let fetch = Fetch::new("key", relative.join("cache")).mirror_to(relative.join("mirror"));
    let fetched = fetch.get(writes("text")).unwrap();
    assert!(
        fetched.path.is_absolute()
            && fetched.mirror.as_ref().unwrap().is_absolute()
            && fetch.lock().path().is_absolute()
    );
    assert_eq!(read(&fetched), "text");
    assert_eq!(names(folder.path()), ["cache", "mirror"]);
    let here = std::env::current_dir().unwrap();
    assert!(Fetch::new("key", "").entry_path().starts_with(here), "as the folder of \"name\" is");
    let error = Fetch::new("other", folder.path()).mirror_to("").get(never).unwrap_err();
    assert!(error.to_string().contains("it has no name of its own"), "{error}");
}

#[test]
fn who_waits_too_long_is_told_for_whom() {
    let cache = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("gcc", cache.path());
    let (begun, wait) = channel();
    let (go, end) = channel::<()>();
    let maker = fetch.clone();
    let made = on_thread(move || {
        maker.get(|file| {
            begun.send(()).unwrap();
            end.recv_timeout(DEADLINE).unwrap();
            file.write_all(b"gcc")
        })
    });
    wait.recv_timeout(DEADLINE).unwrap();
    let start = Instant::now();
    let error = fetch.clone().timeout(Duration::from_millis(30)).get(never).unwrap_err();
    assert!(error.is_timeout() && start.elapsed() < DEADLINE, "{error}");
    let said = error.to_string();
    assert!(said.contains(&format!("by pid {}", std::process::id())) && said.contains("fetch gcc"), "{said}");
    let error =
        block_on(fetch.clone().timeout(Duration::from_millis(30)).get_async(async |_| unreachable!())).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // Other keys are not concerned.
    Fetch::new("ld", cache.path()).timeout(Duration::ZERO).get(writes("ld")).unwrap();
    go.send(()).unwrap();
    assert!(made().unwrap().made);
    assert!(!fetch.timeout(Duration::ZERO).get(never).unwrap().made);
}

/// Somebody deletes the lock while one makes, so another one can begin, and is done first.
#[test]
fn who_has_lost_the_lock_does_not_replace_a_newer_entry() {
    let folder = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("key", folder.path().join("cache")).policy(FetchPolicy::Always);
    for by_task in [false, true] {
        let (begun, wait) = channel();
        let (go, end) = channel::<()>();
        let older = fetch.clone().mirror_to(folder.path().join("mirror"));
        let older = on_thread(move || {
            let mut calls = 0;
            let mut make = |file: &mut File| {
                calls += 1;
                begun.send(()).unwrap();
                end.recv_timeout(DEADLINE).unwrap();
                file.write_all(b"older")
            };
            let fetched = match by_task {
                false => older.get(make),
                true => block_on(older.get_async(|mut file| std::future::ready(make(&mut file)))),
            };
            (fetched.unwrap(), calls)
        });
        wait.recv_timeout(DEADLINE).unwrap();
        fs::remove_file(fetch.lock().path()).unwrap();
        assert!(fetch.get(writes("newer")).unwrap().made);
        go.send(()).unwrap();
        let (fetched, calls) = older();
        assert_eq!(
            (read(&fetched).as_str(), fetched.made, calls),
            ("newer", false, 1),
            "the newer one began after its call, too"
        );
        assert_tidy(&fetch);
    }
}

#[test]
fn a_cache_that_cannot_be_written_to_serves_what_it_has() {
    const CACHE: &str = "LOGSCOPE_TEST_CACHE";
    const NOBODY: u32 = 65_534;
    let role = "a_cache_that_cannot_be_written_to_serves_what_it_has";
    in_child(role, |folder| {
        let fetch = Fetch::new("key", std::env::var_os(CACHE).unwrap()).mirror_to(folder.join("mirror"));
        assert_eq!(read(&fetch.get(never).unwrap()), "text");
        assert_eq!(read(&block_on(fetch.get_async(async |_| unreachable!())).unwrap()), "text");
        let error = fetch.clone().policy(FetchPolicy::Always).get(never).unwrap_err();
        json!(format!("{error:#}"))
    });
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let cache = folder.path().join("cache");
    Fetch::new("key", &cache).get(writes("text")).unwrap();
    let ended = Child::new(role).var(CACHE, cache.display()).run_by_user(NOBODY).run();
    assert!(ended.report.as_str().unwrap().contains("Permission denied"), "{}", ended.report);
}

#[test]
fn a_cache_without_room_serves_what_it_has() {
    const MOUNT: &str = "cd \"$LOGSCOPE_TEST_FOLDER\" && mkdir full && mount -t tmpfs -o size=200k tmpfs full";
    let role = "a_cache_without_room_serves_what_it_has";
    in_child(role, |folder| {
        let fetch = Fetch::new("key", folder.join("full/cache"));
        fetch.get(writes("text")).unwrap();
        let mut filler = File::create(folder.join("full/filler")).unwrap();
        while filler.write_all(&[b'x'; 4_096]).is_ok() {}
        let mirrored = |name: &str| fetch.clone().mirror_to(folder.join(name));
        assert_eq!(read(&mirrored("one").get(never).unwrap()), "text");
        assert_eq!(read(&block_on(mirrored("other").get_async(async |_| unreachable!())).unwrap()), "text");
        let error = fetch.policy(FetchPolicy::Always).get(never).unwrap_err();
        json!(format!("{error:#}"))
    });
    if let Some(child) = child::with_mounts(role, MOUNT) {
        let said = child.run().report;
        assert!(said.as_str().unwrap().contains("No space left"), "{said}");
    }
}

/// As in a container that allows so many threads and no more.
#[test]
fn a_future_needs_no_thread_that_cannot_be_started() {
    const NOBODY: u32 = 65_533;
    let role = "a_future_needs_no_thread_that_cannot_be_started";
    in_child(role, |folder| {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Nproc, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
        assert!(std::thread::Builder::new().spawn(|| ()).is_err());
        let fetch = Fetch::new("key", folder.join("cache"));
        let mut calls = 0;
        let made = block_on(fetch.get_async(|mut file| {
            calls += 1;
            std::future::ready(match calls {
                1 => Err(IoErrorKind::ConnectionReset.into()),
                _ => file.write_all(b"text"),
            })
        }));
        let found = block_on(fetch.get_async(async |_| unreachable!())).unwrap();
        json!([made.unwrap().made, found.made, read(&found)])
    });
    if rustix::process::geteuid().is_root() {
        assert_eq!(Child::new(role).run_by_user(NOBODY).run().report, json!([true, false, "text"]));
    }
}

#[test]
fn a_mirror_that_cannot_be_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("dir")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (mirror, reason) in [("dir", "it is a folder"), ("file/mirror", "Not a directory")] {
        let fetch = Fetch::new("key", folder.path().join("cache")).mirror_to(folder.path().join(mirror));
        let error = fetch.get(|_| unreachable!("nothing is made")).unwrap_err();
        assert!(error.is_publish_failed() && format!("{error:#}").contains(reason), "{error:#}");
    }
}

#[test]
fn records_of_the_log_are_those_of_the_caller() {
    let cache = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("gcc", cache.path());
    let starts = |log: &testing::Log, expected: &[(Level, &str)]| {
        let found = log.records().target("logscope::lock").field("key", "gcc").exactly(expected.len());
        for (record, (level, start)) in found.iter().zip(expected) {
            assert!(record.level == *level && record.message.starts_with(start), "{record:?}");
        }
    };
    let making = (Level::DEBUG, "not in the cache: making it");
    let anew = (Level::DEBUG, "in the cache, but begun before this call: making it");
    let older = (Level::DEBUG, "in the cache, but made ");
    let again = (Level::DEBUG, "making it again");
    let made = (Level::DEBUG, "made in ");
    let unmirrored = (Level::WARN, "failed after it was published");
    let failed = (Level::WARN, "failed: the cache stays as it is");
    let found = (Level::DEBUG, "found in the cache, made ");
    let retried = (Level::WARN, "failed: next attempt in ");
    testing::capture(|log| {
        let mut calls = 0;
        let always = fetch.clone().policy(FetchPolicy::Always);
        always
            .get(|_| {
                calls += 1;
                if calls < 2 { Err(IoErrorKind::TimedOut.into()) } else { Ok(()) }
            })
            .unwrap();
        always.get(|_| Err(io::Error::other("no"))).unwrap_err();
        fetch.get(never).unwrap();
        fetch.clone().policy(FetchPolicy::MaxAge(Duration::ZERO)).get(writes("x")).unwrap();
        let blocked = cache.path().join("blocked");
        let mirrored = |by: &Fetch| by.clone().mirror_to(blocked.join("mirror"));
        mirrored(&always).get(|_| fs::write(&blocked, "a file")).unwrap_err();
        mirrored(&fetch).get(never).unwrap_err();
        fetch.clone().silent(true).policy(FetchPolicy::Always).get(writes("x")).unwrap();
        starts(log, &[making, retried, again, made, anew, failed, found, older, made, anew, unmirrored, failed]);
    });
    // The context is that of the task, and not of the thread.
    testing::capture(|log| {
        let always = fetch.clone().policy(FetchPolicy::Always);
        logscope::unscoped(|| {
            block_on(always.get_async(async |_| Ok(())).in_context(log.context())).unwrap();
            block_on(always.get_async(async |_| Err(io::Error::other("no"))).in_context(log.context())).unwrap_err();
            block_on(fetch.get_async(async |_| unreachable!()).in_context(log.context())).unwrap();
        });
        starts(log, &[anew, made, anew, failed, found]);
    });
}

/// Runs tasks on one thread, which has neither tokio's clock nor its I/O.
fn on_one_worker<T>(future: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().block_on(&tokio::runtime::Builder::new_current_thread().build().unwrap(), future)
}

#[test]
fn tasks_of_one_worker_share_an_entry_and_none_blocks_it() {
    const TASKS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let makes = RefCell::new(0);
    let fetch = Fetch::new("key", folder.path().join("cache")).policy(FetchPolicy::Always);
    on_one_worker(async {
        let (begin, begun) = tokio::sync::oneshot::channel();
        let (go, end) = tokio::sync::oneshot::channel::<()>();
        let (mut begin, mut end) = (Some(begin), Some(end));
        let first = fetch.clone();
        let first = tokio::task::spawn_local(async move {
            first
                .get_async(move |mut file| {
                    let (begin, end) = (begin.take().unwrap(), end.take().unwrap());
                    async move {
                        begin.send(()).unwrap();
                        end.await.unwrap();
                        file.write_all(b"1")
                    }
                })
                .await
        });
        begun.await.unwrap();
        // The others wait, and the worker goes on: it polls each of them, and lets the first one go.
        let others: Vec<_> = (0..TASKS)
            .map(|number| {
                let (makes, fetch) = (&makes, fetch.clone().mirror_to(folder.path().join(format!("mirror-{number}"))));
                Box::pin(async move {
                    fetch
                        .get_async(|mut file| {
                            *makes.borrow_mut() += 1;
                            async move { file.write_all(b"2") }
                        })
                        .await
                })
            })
            .collect();
        let mut others = pin!(futures_join(others));
        let mut go = Some(go);
        let mut polls = 0;
        let fetched = std::future::poll_fn(|context| {
            polls += 1;
            let poll = others.as_mut().poll(context);
            if polls > TASKS
                && let Some(go) = go.take()
            {
                go.send(()).unwrap();
            }
            poll
        })
        .await;
        assert!(first.await.unwrap().unwrap().made);
        let texts: Vec<_> = fetched.iter().map(|fetched| read(fetched.as_ref().unwrap())).collect();
        assert!(texts.iter().all(|text| text == "2"), "{texts:?}");
        assert_eq!(fetched.iter().filter(|fetched| fetched.as_ref().unwrap().made).count(), *makes.borrow());
    });
    assert!((1..TASKS).contains(&makes.into_inner()));
}

/// Waits for all of `futures`.
async fn futures_join<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut results: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(value) = std::pin::Pin::new(future).poll(context)
            {
                *result = Some(value);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

#[test]
fn a_future_that_is_dropped_half_way_leaves_nothing_behind() {
    let cache = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("key", cache.path());
    // Dropped while it makes: others go on at once.
    on_one_worker(async {
        let (begin, begun) = tokio::sync::oneshot::channel();
        let (mut begin, maker) = (Some(begin), fetch.clone());
        let making = tokio::task::spawn_local(async move {
            maker
                .get_async(move |mut file| {
                    let begin = begin.take().unwrap();
                    async move {
                        file.write_all(b"half")?;
                        begin.send(()).unwrap();
                        std::future::pending().await
                    }
                })
                .await
        });
        begun.await.unwrap();
        assert!(fetch.lock().holder().unwrap().is_some());
        // And one that is dropped while it waits.
        let mut waiting = Box::pin(fetch.get_async(async |_| unreachable!()));
        for _ in 0..3 {
            assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(waiting);
        making.abort();
        assert!(making.await.unwrap_err().is_cancelled());
    });
    assert!(!fetch.entry_path().exists());
    assert_tidy(&fetch);
    assert_eq!(read(&fetch.timeout(Duration::from_secs(20)).get(writes("whole")).unwrap()), "whole");
}

#[test]
fn a_future_may_be_sent_to_other_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let cache = tempfile::tempdir().unwrap();
    let fetch = Fetch::new("key", cache.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let task = is_send(async move {
        fetch.get_async(async |mut file: File| file.write_all(b"text")).await.map(|fetched| read(&fetched))
    });
    assert_eq!(runtime.block_on(runtime.spawn(task)).unwrap().unwrap(), "text");
}

/// What may happen to a cache, one after the other.
#[derive(Clone, Debug)]
enum Step {
    Get {
        policy: Policy,
        make: Make,
        mirror: Option<usize>,
        by_task: bool,
    },
    DeleteEntry,
    DeleteRecord,
    DeleteLock,
    DeleteAll,
    /// Somebody writes to a mirror, which is no longer the entry: a copy in its place.
    ChangeMirror(usize),
    /// A process dies while it makes.
    DieMaking,
}

#[derive(Clone, Copy, Debug)]
enum Policy {
    IfMissing,
    Always,
    Young,
    Old,
}

#[derive(Clone, Copy, Debug)]
enum Make {
    Succeeds,
    Fails,
    Panics,
    /// Somebody deletes everything meanwhile, once.
    LosesAll,
}

fn step() -> impl Strategy<Value = Step> {
    let policy = prop_oneof![Just(Policy::IfMissing), Just(Policy::Always), Just(Policy::Young), Just(Policy::Old)];
    let make = prop_oneof![5 => Just(Make::Succeeds), 1 => Just(Make::Fails), 1 => Just(Make::Panics), 1 => Just(Make::LosesAll)];
    let get = (policy, make, prop::option::of(0..2_usize), any::<bool>());
    prop_oneof![
        10 => get.prop_map(|(policy, make, mirror, by_task)| Step::Get { policy, make, mirror, by_task }),
        1 => Just(Step::DeleteEntry),
        1 => Just(Step::DeleteRecord),
        1 => Just(Step::DeleteLock),
        1 => Just(Step::DeleteAll),
        1 => (0..2_usize).prop_map(Step::ChangeMirror),
        1 => Just(Step::DieMaking),
    ]
}

/// The makes of a history, and what they do to the cache.
struct Maker {
    cache: std::path::PathBuf,
    made: usize,
    calls: usize,
    make: Make,
}

impl Maker {
    fn make(&mut self, file: &mut File) -> io::Result<()> {
        self.calls += 1;
        match self.make {
            Make::Fails => return Err(io::Error::other("no")),
            Make::Panics => panic!("on purpose"),
            Make::LosesAll if self.calls == 1 => fs::remove_dir_all(&self.cache)?,
            _ => {}
        }
        self.made += 1;
        write!(file, "{}", self.made)
    }
}

const HISTORY: &str = "LOGSCOPE_TEST_HISTORY";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    /// Whatever happened before, a call gives the entry that its policy asks for, makes it only if it must, and leaves a whole mirror.
    #[test]
    fn any_history_gives_what_the_policy_says(steps in prop::collection::vec(step(), 1..16)) {
        let role = "any_history_gives_what_the_policy_says";
        in_child(role, |_| {
            let fetch = Fetch::new("key", std::env::var_os(HISTORY).unwrap()).policy(FetchPolicy::Always);
            let _ = fetch.get(|file| {
                file.write_all(b"half")?;
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                unreachable!("it is dead")
            });
            json!("alive")
        });
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let mirrors = [0, 1].map(|number| folder.path().join(format!("mirror-{number}")));
        let mut maker = Maker { cache: cache.clone(), made: 0, calls: 0, make: Make::Succeeds };
        // The entry that should be there, and whether its record should be.
        let mut entry: Option<usize> = None;
        let mut has_record = false;
        let plain = Fetch::new("key", &cache).retries(5);
        for step in steps {
            match step {
                Step::DeleteEntry => {
                    let _ = fs::remove_file(plain.entry_path());
                    entry = None;
                }
                Step::DeleteRecord => {
                    let _ = fs::remove_file(plain.entry_path().with_file_name("record"));
                    has_record = false;
                }
                Step::DeleteLock => drop(fs::remove_file(plain.lock().path())),
                Step::DeleteAll => {
                    let _ = fs::remove_dir_all(&cache);
                    (entry, has_record) = (None, false);
                }
                Step::ChangeMirror(number) => {
                    let _ = fs::remove_file(&mirrors[number]);
                    fs::write(&mirrors[number], "my own").unwrap();
                }
                Step::DieMaking => {
                    let (status, _) = Child::new(role).var(HISTORY, cache.display()).start().wait_for_any_end();
                    prop_assert!(!status.success());
                    // It has begun a record, if there was none, but no entry.
                }
                Step::Get { policy, make, mirror, by_task } => {
                    let (fetch_policy, serves) = match policy {
                        Policy::IfMissing => (FetchPolicy::IfMissing, true),
                        Policy::Always => (FetchPolicy::Always, false),
                        Policy::Young => (FetchPolicy::MaxAge(Duration::ZERO), false),
                        Policy::Old => (FetchPolicy::MaxAge(Duration::from_secs(3_600)), has_record),
                    };
                    let must_make = entry.is_none() || !serves;
                    let mut fetch = plain.clone().policy(fetch_policy);
                    if let Some(number) = mirror {
                        fetch = fetch.mirror_to(&mirrors[number]);
                    }
                    (maker.calls, maker.make) = (0, make);
                    let result = catch_unwind(AssertUnwindSafe(|| match by_task {
                        false => fetch.get(|file| maker.make(file)),
                        true => block_on(fetch.get_async(|mut file| std::future::ready(maker.make(&mut file)))),
                    }));
                    let expected_calls = match make {
                        _ if !must_make => 0,
                        Make::LosesAll => 2,
                        _ => 1,
                    };
                    prop_assert_eq!(maker.calls, expected_calls);
                    let fails = must_make && matches!(make, Make::Fails | Make::Panics);
                    match result {
                        Err(_) => prop_assert!(fails && matches!(make, Make::Panics)),
                        Ok(Err(error)) => prop_assert!(fails && error.is_make_failed(), "{:#}", error),
                        Ok(Ok(fetched)) => {
                            prop_assert!(!fails);
                            if must_make {
                                (entry, has_record) = (Some(maker.made), true);
                            }
                            prop_assert_eq!(fetched.made, must_make);
                            prop_assert_eq!(read(&fetched), entry.unwrap().to_string());
                        }
                    }
                    // Who only finds an entry clears up after nobody.
                    if maker.calls > 0 {
                        assert_tidy(&plain);
                    }
                }
            }
            let found = fs::read_to_string(plain.entry_path()).ok();
            prop_assert_eq!(found, entry.map(|entry| entry.to_string()));
        }
    }
}
