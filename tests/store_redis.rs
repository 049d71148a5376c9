//! Documents with a cache in a real Redis server, which is stopped, and started again without its data.
//!
//! Redis needs `LOGSCOPE_TEST_REDIS`: see `common/redis.rs`.

#![cfg(all(feature = "redis", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;
#[path = "common/redis.rs"]
mod redis;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::Log;
use logscope::Error;
use logscope::store::{CacheGone, DocumentCache as _, DocumentVersion, RedisCache, RedisLeases, RedisOptions, Store};

const SOON: Duration = Duration::from_secs(60);

fn version(generation: u64) -> DocumentVersion {
    DocumentVersion { generation, ..DocumentVersion::default() }
}

fn open(path: &Path, url: &str, gone: CacheGone) -> Result<Store<u32>, Error> {
    let cache = RedisCache::new(url, RedisOptions::new().timeout(Duration::from_secs(5))).unwrap();
    Store::options().cache(cache, "count").cache_gone(gone).open(path)
}

fn add(store: &Store<u32>) {
    let mut guard = store.lock(SOON).unwrap();
    *guard += 1;
    guard.save().unwrap();
}

#[test]
fn the_higher_generation_stays_whoever_puts_last_and_also_if_an_answer_is_lost() {
    let Some(server) = redis::server() else { return };
    let wire = redis::Wire::to(&server);
    let cache = Arc::new(RedisCache::new(wire.url(), RedisOptions::new()).unwrap());
    assert_eq!(cache.get("a").unwrap(), None);
    let threads: Vec<_> = (1..=64_u64)
        .map(|number| {
            let cache = Arc::clone(&cache);
            thread::spawn(move || {
                cache.put("a", version(number * 7 % 65), format!("{} \0\r\n", number * 7 % 65).as_bytes()).unwrap()
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(cache.get("a").unwrap().unwrap(), b"64 \0\r\n");
    wire.lose_answers(1);
    cache.put("a", version(70), b"70").unwrap();
    cache.put("a", version(70), b"another 70").unwrap();
    assert_eq!(cache.get("a").unwrap().unwrap(), b"70");
    assert_eq!(server.command(&["HGET", "logscope:document:a", "version"]), "$62");
}

/// Whatever version it says it has.
#[test]
fn what_is_no_document_in_the_server_is_replaced_and_a_newer_one_that_came_meanwhile_stays() {
    let Some(server) = redis::server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    let cache = RedisCache::new(server.url(), RedisOptions::new()).unwrap();
    let open = || open(&path, &server.url(), CacheGone::UseDisk).unwrap();
    let key = "logscope:document:count";
    let mut count = 0;
    let high = &DocumentVersion { epoch: u64::MAX, ..DocumentVersion::default() }.to_string();
    for entry in [&["version", high, "document", "garbage"][..], &["version", "garbage"], &["version", high]] {
        for opens_anew in [true, false] {
            let early = (!opens_anew).then(open);
            server.command(&["DEL", key]);
            server.command(&[&["HSET", key], entry].concat());
            add(&early.unwrap_or_else(open));
            count += 1;
            assert_eq!(*open().read().unwrap(), count);
            assert_eq!(cache.get("count").unwrap(), Some(fs::read(&path).unwrap()), "{entry:?}");
        }
    }
    cache.put("other", version(7), b"seven").unwrap();
    cache.replace("other", b"garbage", version(6), b"six").unwrap();
    assert_eq!(cache.get("other").unwrap().unwrap(), b"seven");
    cache.replace("other", b"seven", version(6), b"six").unwrap();
    assert_eq!(cache.get("other").unwrap().unwrap(), b"six");
}

#[test]
fn without_the_server_the_disk_serves_and_when_it_is_back_the_generations_decide() {
    let Some(mut server) = redis::server() else { return };
    common::init();
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::new("builds"));
    let path = folder.path().join("count.json");
    log.context.scope(|| {
        let store = open(&path, &server.url(), CacheGone::UseDisk).unwrap();
        add(&store);
        server.stop();
        add(&store);
        // It comes back without its data: the disk is ahead.
        server.start_again();
        add(&store);
        drop(store);
        // The disk is put back: the cache is ahead.
        let before = fs::read(&path).unwrap();
        let store = open(&path, &server.url(), CacheGone::UseDisk).unwrap();
        add(&store);
        drop(store);
        fs::write(&path, before).unwrap();
        let store = open(&path, &server.url(), CacheGone::UseDisk).unwrap();
        assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (4, 4));
    });
    let told: Vec<_> = log.lines().into_iter().filter(|line| line.level != "DEBUG").map(|line| line.level).collect();
    assert_eq!(told, ["WARN", "INFO", "WARN"], "the last of the disk that was put back");
}

#[test]
fn a_document_that_refuses_without_the_server_is_neither_opened_nor_saved_then() {
    let Some(mut server) = redis::server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    let store = open(&path, &server.url(), CacheGone::Refuse).unwrap();
    add(&store);
    let mut guard = store.lock(SOON).unwrap();
    *guard += 1;
    server.stop();
    let error = guard.save().unwrap_err();
    assert!(error.error().is_unreachable(), "{error}");
    assert_eq!((error.into_value(), *store.read().unwrap()), (2, 1));
    drop(store);
    let error = open(&path, &server.url(), CacheGone::Refuse).unwrap_err();
    assert!(format!("{error:#}").contains("without it the document is not"), "{error:#}");
    server.start_again();
    assert_eq!(*open(&path, &server.url(), CacheGone::Refuse).unwrap().read().unwrap(), 1);
}

/// A lease in Redis keeps its numbers rising through a server that has lost its data, so the document goes on, too.
#[test]
fn a_document_under_a_lease_in_redis_goes_on_after_the_server_has_lost_its_data() {
    let Some(mut server) = redis::server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lease = logscope::store::Lease::new(RedisLeases::connect(server.url(), RedisOptions::new()).unwrap(), "count");
    let store = Store::<u32>::options().lease(lease).open(folder.path().join("count.json")).unwrap();
    add(&store);
    let mut guard = store.lock(SOON).unwrap();
    *guard += 1;
    server.stop();
    let error = guard.save().unwrap_err();
    assert!(error.error().is_unreachable() && !error.is_lock_lost(), "{error}");
    server.start_again();
    let mut guard = store.lock(SOON).unwrap();
    *guard += 1;
    server.stop();
    server.start_again();
    let error = guard.save().unwrap_err();
    assert!(error.is_lock_lost(), "{error}");
    add(&store);
    let saved = store.read().unwrap();
    assert_eq!((*saved, saved.generation()), (2, 2));
}

/// What a plain `cargo test` shows, whose tests pass.
#[test]
fn without_a_server_the_tests_say_so_once_and_pass() {
    let tests = [
        "the_higher_generation_stays_whoever_puts_last_and_also_if_an_answer_is_lost",
        "a_document_that_refuses_without_the_server_is_neither_opened_nor_saved_then",
    ];
    let mut command = Command::new(std::env::current_exe().unwrap());
    let ended = command.arg("--exact").args(tests).env_remove("LOGSCOPE_TEST_REDIS").output().unwrap();
    let (shown, said) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && shown.contains("2 passed"), "{shown}");
    assert_eq!(said.matches("not tested: set LOGSCOPE_TEST_REDIS").count(), 1, "{said}");
}
