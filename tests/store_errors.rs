//! What documents, and the servers that they use, say when something goes wrong.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/redis.rs"]
#[cfg(feature = "redis")]
mod redis;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use common::wait_until;
use logscope::store::{Lease, LeaseBackend, LeaseClaim, LeaseState, MemoryLeases, Store, StoreGuard};
use logscope::{ErrorKind, Level, testing};

const SOON: Duration = Duration::from_secs(60);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    (folder, path)
}

/// Leases that cannot be released while this is said.
#[derive(Clone, Debug)]
struct Unreleased(MemoryLeases, Arc<AtomicBool>);

impl LeaseBackend for Unreleased {
    fn place(&self, name: &str) -> String {
        self.0.place(name)
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        self.0.observe(name)
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        self.0.acquire(name, seen, claim)
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.0.renew(name, claim)
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        if self.1.load(Relaxed) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.0.release(name, claim)
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        self.0.break_lease(name, seen)
    }
}

#[test]
fn a_lease_whose_release_has_no_answer_is_not_called_lost() {
    testing::capture(|log| {
        let (_folder, path) = folder();
        let lease = Lease::new(Unreleased(MemoryLeases::new(), Arc::new(AtomicBool::new(true))), "count");
        let store: Store<u32> = Store::options().lease(lease).open(&path).unwrap();
        store.lock(SOON).unwrap().save().unwrap();
        let told = log.records().level(Level::WARN).one();
        assert!(told.message.starts_with("saved a document, but its lease may not be released"), "{told:?}");
    });
}

#[test]
fn a_checkpoint_renews_the_lease_whatever_its_backend() {
    let (_folder, path) = folder();
    let store: Store<u32> = Store::options().lease(Lease::new(MemoryLeases::new(), "count")).open(&path).unwrap();
    let mut guard = store.lock(SOON).unwrap();
    let until = |guard: &StoreGuard<u32>| Instant::now() + guard.lease().unwrap().remaining();
    let (start, before) = (Instant::now(), until(&guard));
    wait_until("some of the time is over", || start.elapsed() > Duration::from_millis(50));
    guard.checkpoint().unwrap();
    assert!(until(&guard) > before + Duration::from_millis(25), "{guard:?}");
}

#[test]
fn a_guard_knows_its_fence_and_renews_its_lease() {
    let (_folder, path) = folder();
    let lease = Lease::new(MemoryLeases::new(), "count");
    let store: Store<u32> = Store::options().lease(lease.clone()).open(&path).unwrap();
    let guard = store.lock(SOON).unwrap();
    assert_eq!(guard.fence(), guard.lease().unwrap().fence());
    guard.renew().unwrap();
    lease.break_lease().unwrap();
    for error in [guard.renew().unwrap_err(), guard.verify().unwrap_err()] {
        assert!(error.is_lock_lost() && error.to_string().starts_with("no longer has the document "), "{error}");
    }
}

#[test]
fn a_lock_for_saving_that_cannot_be_used_is_an_error_of_the_document() {
    let (_folder, path) = folder();
    let store: Store<u32> = Store::open(&path).unwrap();
    let guard = store.lock(SOON).unwrap();
    fs::create_dir(path.with_file_name("count.json.lock")).unwrap();
    let error = guard.save().unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Lock);
    let text = error.to_string();
    let named = format!("cannot save the document {}: ", path.canonicalize().unwrap_or(path).display());
    assert!(text.starts_with(&named) && text.contains("it is a folder"), "{text}");
}

#[cfg(feature = "redis")]
mod servers {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use logscope::Error;
    use logscope::store::{CacheGone, DocumentCache as _};
    use logscope::store::{RedisCache, RedisLeases, RedisOptions};
    #[cfg(unix)]
    use rustix::process::Signal;
    #[cfg(target_os = "linux")]
    use serde_json::json;

    #[cfg(target_os = "linux")]
    use super::child::{Child, in_child};
    use super::*;

    /// With time for a server that answers, on a busy machine.
    fn options() -> RedisOptions {
        RedisOptions::new().timeout(SOON)
    }

    /// Returns what is said when the server at `url` is asked.
    fn asked(url: &str) -> Error {
        RedisLeases::connect(url, options()).unwrap_err()
    }

    /// Says each of its sources once.
    fn assert_said_once(error: &Error) {
        let text = format!("{error:#}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let parts: Vec<_> = text.split(": ").collect();
        let said = |part: &str| parts.iter().filter(|other| **other == part).count();
        assert!(parts.iter().all(|part| said(part) == 1), "{text}");
    }

    #[test]
    fn a_server_that_nobody_reaches_is_not_said_to_have_done_something() {
        let error = asked("redis://127.0.0.1:1/");
        assert!(error.is_unreachable() && error.to_string().ends_with("cannot be reached"), "{error}");
        assert_said_once(&error);
    }

    #[test]
    fn a_server_that_is_no_redis_is_named_as_that() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let _ = client.read(&mut [0; 1024]);
                let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            }
        });
        let error = asked(&url);
        assert!(error.is_lock_failed() && error.to_string().contains("is no Redis server"), "{error}");
        assert_said_once(&error);
    }

    #[cfg(unix)]
    #[test]
    fn a_server_that_does_not_answer_in_time_is_said_to_have_had_so_long() {
        let Some(server) = redis::server() else { return };
        let (_folder, path) = folder();
        let leases = RedisLeases::new(server.url(), RedisOptions::new().timeout(Duration::from_millis(300))).unwrap();
        let lease = Lease::new(leases, "nightly").ttl(10 * SOON);
        let store: Store<u32> = Store::options().schema("count").lease(lease).open(&path).unwrap();
        let mut guard = None;
        // A busy machine may take longer than that for an answer.
        wait_until("the document is locked", || {
            guard = store.lock(SOON).ok();
            guard.is_some()
        });
        let guard = guard.unwrap();
        server.signal(Signal::STOP);
        let error = guard.verify().unwrap_err();
        assert!(error.is_unreachable(), "{error}");
        assert!(
            error
                .to_string()
                .ends_with("no answer within 300 ms; whether it has done what it was asked for is not known"),
            "{error}"
        );
        assert!(error.to_string().contains("the lease nightly"), "{error}");
        assert_said_once(&error);
        server.signal(Signal::CONT);
        drop(guard);
    }

    #[test]
    fn an_error_of_the_lease_names_the_lease_and_the_document() {
        let Some(mut server) = redis::server() else { return };
        let (_folder, path) = folder();
        let lease = Lease::new(RedisLeases::connect(server.url(), options()).unwrap(), "nightly");
        let store: Store<u32> = Store::options().schema("count").lease(lease.clone()).open(&path).unwrap();
        let guard = store.lock(SOON).unwrap();
        server.stop();
        let named = |text: &str| {
            assert!(
                text.contains("the lease nightly") && text.contains("count.json") && text.contains("cannot be reached"),
                "{text}"
            );
        };
        let error = guard.save().unwrap_err();
        assert!(error.error().is_unreachable());
        named(&error.to_string());
        // It was sent on the connection that there was, and then nobody took another one.
        let unknown = "whether it has done what it was asked for is not known";
        assert!(error.to_string().ends_with(unknown), "{error}");
        let error = store.lock(SOON).unwrap_err();
        assert!(error.is_unreachable());
        named(&error.to_string());
        assert!(lease.holder().unwrap_err().to_string().contains("the lease nightly"));
    }

    #[test]
    fn what_the_server_says_is_in_the_text() {
        let Some(server) = redis::server() else { return };
        let error = asked(&format!("{}99", server.url()));
        assert!(error.is_lock_failed() && error.to_string().contains("DB index is out of range"), "{error}");
        assert_said_once(&error);
        // Of a cache, it is the source.
        let cache = RedisCache::new(format!("{}99", server.url()), options()).unwrap();
        assert!(cache.get("count").unwrap_err().to_string().contains("DB index is out of range"));
        let (_folder, path) = folder();
        let refused =
            Store::<u32>::options().cache(cache, "count").cache_gone(CacheGone::Refuse).open(&path).unwrap_err();
        assert_said_once(&refused);
    }

    /// Returns the states of the threads of a process: `S` if one waits, `T` if it is stopped.
    #[cfg(target_os = "linux")]
    fn states(pid: u32) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let state = |task: io::Result<fs::DirEntry>| {
            let stat = fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
            // After the name, which is in parentheses.
            Some(stat.rsplit_once(") ")?.1.split(' ').next()?.to_owned())
        };
        tasks.filter_map(state).collect()
    }

    #[cfg(target_os = "linux")]
    #[track_caller]
    fn wait_until_all_are(pid: u32, state: &str) {
        wait_until("all threads of the process are in that state", || states(pid).iter().all(|found| found == state));
    }

    /// System calls end early when a process that was stopped goes on.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_is_stopped_while_it_waits_for_an_answer_waits_on() {
        const ROLE: &str = "servers::a_process_that_is_stopped_while_it_waits_for_an_answer_waits_on";
        let long = || RedisOptions::new().timeout(SOON);
        in_child(ROLE, |own| {
            let leases = RedisLeases::connect(std::env::var("SERVER").unwrap(), long()).unwrap();
            let guard = Lease::new(leases, "uno").ttl(10 * SOON).try_acquire().unwrap().unwrap();
            fs::write(own.join("ready"), "").unwrap();
            while !own.join("stop").exists() {
                guard.renew().unwrap();
            }
            json!(true)
        });
        let Some(server) = redis::server() else { return };
        let child = Child::new(ROLE).var("SERVER", server.url()).start();
        wait_until("the child has its lease", || child.folder().join("ready").exists());
        let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        for _ in 0..5 {
            server.signal(Signal::STOP);
            wait_until_all_are(server.id(), "T");
            // It does nothing but ask, so it waits for an answer that does not come. The stop ends that wait with an error.
            wait_until_all_are(child.id(), "S");
            rustix::process::kill_process(pid, Signal::STOP).unwrap();
            wait_until_all_are(child.id(), "T");
            rustix::process::kill_process(pid, Signal::CONT).unwrap();
            server.signal(Signal::CONT);
        }
        fs::write(child.folder().join("stop"), "").unwrap();
        child.wait();
    }

    #[test]
    fn urls_that_cannot_be_used_are_told_apart() {
        let error = asked("rediss://127.0.0.1/");
        assert!(error.to_string().contains("TLS"), "{error}");
        let error = asked("127.0.0.1:7913");
        assert!(error.to_string().contains("redis://127.0.0.1:7913"), "{error}");
        let error = asked("redis://:secret@[/");
        assert!(!format!("{error:#}").contains("secret"), "{error:#}");
    }

    #[test]
    fn leases_of_a_server_that_is_gone_can_be_named_and_used_when_it_is_back() {
        let Some(mut server) = redis::server() else { return };
        server.stop();
        let (_folder, path) = folder();
        let lease = Lease::new(RedisLeases::new(server.url(), options()).unwrap(), "uno");
        let store: Store<u32> = Store::options().schema("count").lease(lease).open(&path).unwrap();
        assert!(store.lock(SOON).unwrap_err().is_unreachable());
        server.start_again();
        store.lock(SOON).unwrap().save().unwrap();
        assert!(RedisLeases::new("http://127.0.0.1/", options()).unwrap_err().is_lock_failed());
    }
}

#[test]
fn who_has_saved_meanwhile_is_named_with_its_process_and_fence() {
    let (_folder, path) = folder();
    let lease = Lease::new(MemoryLeases::new(), "count").owner("nightly");
    let store: Store<u32> = Store::options().lease(lease.clone()).open(&path).unwrap();
    let mut others = store.lock(SOON).unwrap();
    others.checkpoint().unwrap();
    let saved = fs::read(&path).unwrap();
    drop(others);
    fs::remove_file(&path).unwrap();
    let guard = store.lock(SOON).unwrap();
    fs::write(&path, saved).unwrap();
    let error = guard.save().unwrap_err();
    let text = error.to_string();
    assert!(error.is_lock_lost() && text.contains("this guard read no document"), "{text}");
    assert!(text.contains(&format!("pid {} (", std::process::id())) && text.contains(": nightly"), "{text}");
    assert!(text.contains("has saved generation 1 (fence 1) since"), "{text}");
}

#[test]
fn an_option_that_differs_is_named_with_both_values() {
    let (_folder, path) = folder();
    let lease = |ttl| Lease::new(MemoryLeases::new(), "count").ttl(Duration::from_secs(ttl));
    let _open: Store<u32> = Store::options().schema("count").lease(lease(10)).open(&path).unwrap();
    let differs = |options: logscope::store::StoreOptions<u32>| options.open(&path).unwrap_err().to_string();
    let count = || Store::options().schema("count");
    let text = differs(count().lease(lease(20)));
    assert!(text.contains("the TTL of its lease is 10s") && text.contains("not 20s"), "{text}");
    let text = differs(count().lease(lease(10).keeper(true)));
    assert!(text.contains("the keeper of its lease is off") && text.contains("not on"), "{text}");
    let text = differs(count());
    assert!(text.contains("the lease is count in the memory of this process") && text.contains("not none"), "{text}");
    let text = differs(Store::options().schema("other").lease(lease(10)));
    assert!(text.contains("the schema is \"count\"") && text.contains("not \"other\""), "{text}");
    let text = differs(count().lease(lease(10)).save_timeout(Duration::from_secs(1)));
    assert!(text.contains("the time-out for saving is 10s") && text.contains("not 1s"), "{text}");
}

#[test]
fn a_lease_that_nobody_can_take_is_told_when_the_document_is_opened() {
    let (_folder, path) = folder();
    let ttl = |ttl| Store::<u32>::options().lease(Lease::new(MemoryLeases::new(), "count").ttl(ttl)).open(&path);
    let error = ttl(Duration::from_millis(9)).unwrap_err();
    assert!(error.is_lock_failed() && error.to_string().contains("give it 10 ms to 30 days"), "{error}");
    assert!(ttl(Duration::from_secs(31 * 86_400)).is_err());
    drop(ttl(Duration::from_millis(10)).unwrap());
}

#[test]
fn a_value_that_does_not_fit_is_said_to_be_where_it_is_in_the_file() {
    let (_folder, path) = folder();
    Store::<Vec<u32>>::options().schema("count").open(&path).unwrap().lock(SOON).unwrap().save().unwrap();
    let error = Store::<u32>::options().schema("count").open(&path).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("invalid type: sequence, expected u32 at line 2 column 0"), "{text}");
}

#[test]
fn a_folder_that_was_removed_is_made_again_by_nobody_who_waits_or_saves() {
    let (folder, path) = folder();
    let leases = logscope::store::FolderLeases::new(folder.path().join("leases"));
    let lease = Lease::new(leases, "count");
    let locked: Store<u32> = Store::options().schema("count").lease(lease.clone()).open(&path).unwrap();
    let other: Store<u32> = Store::open(path.with_file_name("other.json")).unwrap();
    let (guard, others) = (locked.lock(SOON).unwrap(), other.lock(SOON).unwrap());
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(lease.try_acquire().is_err());
    assert!(locked.lock(Duration::ZERO).is_err() && guard.save().is_err());
    let error = others.save().unwrap_err();
    assert!(error.to_string().contains("cannot save the document"), "{error}");
    assert!(!folder.path().exists());
    let error = lease.try_acquire().unwrap_err();
    assert!(error.is_lock_failed() && error.to_string().contains("ensure_dir_writable"), "{error}");
}

#[test]
fn who_waits_for_a_document_of_this_process_is_told_which_and_where_it_was_locked() {
    testing::capture(|log| {
        let (_folder, path) = folder();
        let store: Store<u32> = Store::open(&path).unwrap();
        let (_guard, line) = (store.lock(SOON).unwrap(), line!());
        assert!(store.lock(Duration::from_millis(20)).unwrap_err().is_timeout());
        assert!(common::block_on(store.lock_async(Duration::from_millis(20))).unwrap_err().is_timeout());
        let waits = log.records().message("gave up waiting for");
        waits.exactly(2);
        waits.message("the document ").message("count.json").message(format!("{}:{line}", file!())).exactly(2);
    });
}

/// Another process is killed while it saves.
#[test]
fn a_process_that_died_while_it_saved_is_told_as_no_danger() {
    use child::{Child, in_child};

    const ROLE: &str = "a_process_that_died_while_it_saved_is_told_as_no_danger";
    in_child(ROLE, |_| {
        let lock = PathBuf::from(std::env::var_os("DOCUMENT").unwrap()).with_file_name("count.json.lock");
        let lock = logscope::lock::FileLock::new(lock).try_acquire().unwrap().unwrap();
        std::mem::forget(lock);
        serde_json::json!(true)
    });
    testing::capture(|log| {
        let (_folder, path) = folder();
        Child::new(ROLE).var("DOCUMENT", path.display()).run();
        let store = Store::<u32>::open(&path).unwrap();
        store.lock(SOON).unwrap().save().unwrap();
        let told = log.records().level_at_least(Level::INFO).one();
        assert_eq!(told.level, Level::INFO);
        assert!(told.message.contains("died while it saved a document: the document is whole"), "{told:?}");
    });
}

#[test]
fn a_number_that_comes_from_the_cache_is_told_as_that() {
    let (_folder, path) = folder();
    let cache = Shelf::default();
    let open = |name: &str, leases: &MemoryLeases| -> Store<u32> {
        let options = Store::options().schema("count").cache(cache.clone(), "shared");
        options.lease(Lease::new(leases.clone(), "count")).open(path.with_file_name(name)).unwrap()
    };
    let busy = MemoryLeases::new();
    let one = open("one.json", &busy);
    for _ in 0..3 {
        one.lock(SOON).unwrap().save().unwrap();
    }
    let text = open("other.json", &MemoryLeases::new()).lock(SOON).unwrap_err().to_string();
    assert!(text.contains("cache") && text.contains("\"shared\"") && text.contains("3"), "{text}");
    assert!(text.contains("another document"), "{text}");
}

type Shelved = Option<(logscope::store::DocumentVersion, Vec<u8>)>;

#[derive(Clone, Debug, Default)]
struct Shelf(Arc<std::sync::Mutex<Shelved>>);

impl logscope::store::DocumentCache for Shelf {
    fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().as_ref().map(|(_, document)| document.clone()))
    }

    fn put(&self, _: &str, version: logscope::store::DocumentVersion, document: &[u8]) -> io::Result<()> {
        *self.0.lock().unwrap() = Some((version, document.to_owned()));
        Ok(())
    }
}
