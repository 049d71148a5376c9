//! Documents whose cache stalls, is gone, or comes back: nobody waits for it again and again, and no lease runs out meanwhile.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;
#[path = "common/in_time.rs"]
mod in_time;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{block_on, on_thread, wait_until};
use in_time::once_in_time;
use logscope::lock::publish;
use logscope::store::{CacheGone, DocumentCache, DocumentVersion, Lease, MemoryLeases, Store};
use logscope::{Level, testing};
use serde::{Deserialize, Serialize};

const SOON: Duration = Duration::from_secs(60);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    (folder, path)
}

/// A cache that can stand still.
#[derive(Clone, Debug, Default)]
struct TestCache(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    document: Option<(DocumentVersion, Vec<u8>)>,
    /// It fails after so long.
    stalls_for: Option<Duration>,
    /// It fails this often, at once.
    fails: usize,
    asked: usize,
    /// The next `put` says that it has begun, and waits until it may go on.
    next_put: Option<(Sender<()>, Receiver<()>)>,
}

impl TestCache {
    fn stall(&self, stalls_for: Option<Duration>) {
        self.0.lock().unwrap().stalls_for = stalls_for;
    }

    /// Ends the stall, and waits until the cache is used again: it may rest until then.
    fn come_back(&self, store: &Store<u32>) {
        self.stall(None);
        let asked = self.asked();
        wait_until("the cache is used again", || {
            // On a machine that stands still, a short lease may be over at once.
            drop(store.lock(SOON));
            self.asked() > asked
        });
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    fn generation(&self) -> Option<u64> {
        Some(self.0.lock().unwrap().document.as_ref()?.0.generation)
    }

    fn ask(&self) -> io::Result<()> {
        let stalls_for = {
            let mut state = self.0.lock().unwrap();
            state.asked += 1;
            if state.fails > 0 {
                state.fails -= 1;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            state.stalls_for
        };
        let Some(stalls_for) = stalls_for else { return Ok(()) };
        thread::sleep(stalls_for);
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl DocumentCache for TestCache {
    fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        self.ask()?;
        Ok(self.0.lock().unwrap().document.as_ref().map(|(_, document)| document.clone()))
    }

    fn put(&self, _: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        self.ask()?;
        let next_put = self.0.lock().unwrap().next_put.take();
        if let Some((begins, may_go_on)) = next_put {
            begins.send(()).unwrap();
            may_go_on.recv_timeout(SOON).unwrap();
        }
        let mut state = self.0.lock().unwrap();
        if state.document.as_ref().is_none_or(|(present, _)| *present < version) {
            state.document = Some((version, document.to_owned()));
        }
        Ok(())
    }
}

fn open(path: &Path, cache: &TestCache, lease: Option<Lease>) -> Store<u32> {
    let options = Store::options().schema("count").cache(cache.clone(), "count").cache_gone(CacheGone::UseDisk);
    lease.into_iter().fold(options, |options, lease| options.lease(lease)).open(path).unwrap()
}

fn lease() -> Lease {
    Lease::new(MemoryLeases::new(), "count")
}

fn add(store: &Store<u32>) {
    let mut guard = store.lock(SOON).unwrap();
    *guard += 1;
    guard.save().unwrap();
}

#[test]
fn a_cache_that_stalls_is_left_alone_for_a_while_and_used_again_after_that() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = open(&path, &cache, Some(lease()));
    cache.stall(Some(Duration::from_secs(2)));
    let asked = cache.asked();
    add(&store);
    add(&store);
    assert_eq!(*store.read().unwrap(), 2);
    // It rests for five times as long as it has taken, 10 s: for longer than these saves.
    assert_eq!(cache.asked(), asked + 1);
    cache.come_back(&store);
    add(&store);
    assert_eq!(cache.generation(), Some(3));
}

#[test]
fn a_lease_does_not_run_out_while_the_cache_stalls() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = open(&path, &cache, Some(lease().ttl(Duration::from_millis(700))));
    for is_async in [false, true] {
        once_in_time(|| {
            cache.stall(Some(Duration::from_millis(800)));
            let guard = if is_async { block_on(store.lock_async(SOON)) } else { store.lock(SOON) };
            let is_saved = match guard {
                Ok(guard) => match guard.save() {
                    Err(error) if !error.is_lock_lost() => panic!("{error}"),
                    saved => saved.is_ok(),
                },
                Err(error) if error.to_string().contains("too late") => false,
                Err(error) => panic!("{error}"),
            };
            cache.come_back(&store);
            is_saved
        });
    }
}

static READS_SLOWLY: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Debug, Default, Serialize)]
struct Slow(u32);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if READS_SLOWLY.load(Relaxed) {
            thread::sleep(Duration::from_millis(300));
        }
        u32::deserialize(deserializer).map(Slow)
    }
}

#[test]
fn a_lease_that_runs_out_before_the_document_is_read_is_an_error_of_the_lock() {
    let (_folder, path) = folder();
    let lease = lease().ttl(Duration::from_millis(200)).silent(true);
    let store: Store<Slow> = Store::options().schema("count").lease(lease).open(&path).unwrap();
    Store::<Slow>::options().schema("count").open_unlocked(&path).unwrap().write(&Slow(7)).unwrap();
    READS_SLOWLY.store(true, Relaxed);
    let error = store.lock(SOON).unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("too late"), "{error}");
    READS_SLOWLY.store(false, Relaxed);
    // Slow machines may need several attempts.
    wait_until("it is locked in time", || store.lock(SOON).is_ok_and(|guard| guard.save().is_ok()));
}

/// The lease and the document are free as soon as the document is on disk. A second holder saves before the first one's document is in the cache.
#[test]
fn who_saves_while_the_cache_still_takes_the_document_before_is_not_overtaken_by_it() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = open(&path, &cache, Some(lease()));
    add(&store);
    let ((begins, has_begun), (go_on, may_go_on)) = (channel(), channel());
    cache.0.lock().unwrap().next_put = Some((begins, may_go_on));
    let first = on_thread({
        let store = store.clone();
        move || add(&store)
    });
    has_begun.recv_timeout(SOON).unwrap();
    let mut second = store.lock(Duration::from_secs(20)).unwrap();
    assert_eq!((*second, second.generation()), (2, 2));
    *second += 1;
    second.save().unwrap();
    assert_eq!(cache.generation(), Some(3));
    go_on.send(()).unwrap();
    first();
    assert_eq!((cache.generation(), *store.read().unwrap()), (Some(3), 3));
    // Also for who opens it anew, and has to choose.
    drop(store);
    let store = open(&path, &cache, Some(lease()));
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (3, 3));
}

/// Runs `saves` while the cache is gone and the file on disk is removed, then lets the cache come back. Returns what is told then, and the document.
fn begun_anew_without_the_cache(lease: Option<Lease>) -> (Vec<String>, u32, u64) {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = open(&path, &cache, lease);
    (0..5).for_each(|_| add(&store));
    let fence = store.read().unwrap().fence();
    cache.stall(Some(Duration::ZERO));
    fs::remove_file(&path).unwrap();
    let mut guard = store.lock(SOON).unwrap();
    assert_eq!((*guard, guard.generation()), (0, 0), "it begins anew");
    *guard = 70;
    guard.save().unwrap();
    add(&store);
    let told = testing::capture(|log| {
        cache.come_back(&store);
        log.records().level(Level::WARN).all().into_iter().map(|record| record.message).collect()
    });
    add(&store);
    let saved = store.read().unwrap();
    assert!(saved.fence() >= fence && cache.generation() == Some(saved.generation()), "{saved:?}");
    (told, *saved, saved.generation())
}

#[test]
fn what_was_saved_while_the_cache_was_gone_is_not_lost_to_what_it_had_before() {
    for lease in [None, Some(lease())] {
        let (told, value, generation) = begun_anew_without_the_cache(lease);
        assert_eq!((value, generation), (72, 3));
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(told.contains("disagree: the one with the higher epoch, fence and generation is used"), "{told}");
    }
}

/// The cache comes back between the lock and the end of the save, with a document that nobody has looked at since.
#[test]
fn what_only_a_cache_has_that_comes_back_during_a_save_is_kept() {
    // Before the save, which asks it first; and between that question and the end of the save.
    for fails_during_save in [0, 1] {
        let (_folder, path) = folder();
        let cache = TestCache::default();
        let store = open(&path, &cache, None);
        (0..5).for_each(|_| add(&store));
        let in_cache = fs::read(&path).unwrap();
        cache.stall(Some(Duration::ZERO));
        fs::remove_file(&path).unwrap();
        add(&store);
        let mut guard = store.lock(SOON).unwrap();
        *guard = 70;
        testing::capture(|log| {
            cache.stall(None);
            cache.0.lock().unwrap().fails = fails_during_save;
            guard.save().unwrap();
            assert_eq!((*store.read().unwrap(), cache.generation()), (70, Some(2)));
            let told = log.records().level(Level::WARN).message("disagree").field("used", "disk").one();
            let kept = told.field("kept").and_then(|kept| kept.as_str()).unwrap();
            assert_eq!(fs::read(kept).unwrap(), in_cache);
            // Once: it is in order now.
            add(&store);
            log.records().level(Level::WARN).one();
        });
    }
}

/// Within one epoch, too: an old copy that is brought back goes on with lower generations and higher fences.
#[test]
fn the_higher_fence_is_the_later_save_whatever_the_generations_say() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = open(&path, &cache, Some(lease()));
    add(&store);
    let old = fs::read(&path).unwrap();
    (0..4).for_each(|_| add(&store));
    cache.stall(Some(Duration::ZERO));
    publish(&path, |file| io::Write::write_all(file, &old)).unwrap();
    add(&store);
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (2, 2));
    cache.come_back(&store);
    add(&store);
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation(), cache.generation()), (3, 3, Some(3)));
}

#[test]
fn a_repair_of_a_damaged_document_wins_over_the_cache_and_over_guards() {
    let (_folder, path) = folder();
    let (cache, leases) = (TestCache::default(), MemoryLeases::new());
    let open = || open(&path, &cache, Some(Lease::new(leases.clone(), "count")));
    let unlocked = Store::<u32>::options().schema("count").open_unlocked(&path).unwrap();
    let store = open();
    (0..4).for_each(|_| add(&store));
    let good = fs::read(&path).unwrap();
    let damaged: [&[u8]; 4] = [b"", &[0; 64], &good[..40], &good[..good.len() - 9]];
    for (repair, damaged) in (100..).step_by(100).zip(damaged) {
        let guard = store.lock(SOON).unwrap();
        fs::write(&path, damaged).unwrap();
        let error = store.read().err().or(unlocked.read().err()).unwrap();
        assert!(error.is_corrupt() && error.to_string().contains("`open_unlocked` and a `write`"), "{error}");
        unlocked.write(&repair).unwrap();
        assert!(guard.save().unwrap_err().is_lock_lost());
        add(&store);
        assert_eq!(*store.read().unwrap(), repair + 1);
    }
    drop(store);
    assert_eq!(*open().read().unwrap(), 401);
    // These are no damage: it is another file, or one that this version must not touch.
    let newer = String::from_utf8(good).unwrap().replace("{\"logscope_store\":2", "{\"logscope_store\":9");
    for other in ["{}", &newer] {
        fs::write(&path, other).unwrap();
        assert!(unlocked.write(&1).unwrap_err().is_corrupt());
        assert_eq!(fs::read_to_string(&path).unwrap(), other);
    }
}

#[test]
fn a_document_that_is_damaged_behind_its_first_line_is_corrupt_for_who_reads_locks_or_saves() {
    let (_folder, path) = folder();
    let store = Store::<u32>::options().schema("count").open(&path).unwrap();
    add(&store);
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    *flipped.iter_mut().rev().nth(3).unwrap() ^= 1;
    for damaged in [&good[..good.len() - 3], &flipped] {
        let mut guard = store.lock(SOON).unwrap();
        *guard += 1;
        fs::write(&path, damaged).unwrap();
        let error = guard.save().unwrap_err();
        assert!(error.error().is_corrupt(), "{error}");
        assert_eq!(error.into_value(), 2);
        assert!(store.lock(SOON).unwrap_err().is_corrupt());
        // A read sees the first line, and that the file is shorter.
        assert!(damaged.len() == good.len() || store.read().unwrap_err().is_corrupt());
        assert_eq!(fs::read(&path).unwrap(), damaged);
        fs::write(&path, &good).unwrap();
    }
    add(&store);
    assert_eq!(*store.read().unwrap(), 2);
}
