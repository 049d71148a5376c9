//! Documents: one instance per path, kept up with others, never overwritten unseen.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use child::{Child, in_child};
use common::{DropFlag, SetsWhenDropped, block_on, on_thread, poll};
use logscope::lock::{FileLock, publish};
use logscope::store::{CacheGone, DocumentCache, DocumentVersion, Lease, MemoryLeases, Store, StoreSnapshot};
use logscope::testing::{self, run_together};
use logscope::{Error, ErrorKind, Level};
use serde::{Deserialize, Serialize};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Counts {
    builds: u32,
    names: Vec<String>,
}

fn add(store: &Store<Counts>, builds: u32) {
    let mut guard = store.lock(SOON).unwrap();
    guard.builds += builds;
    guard.save().unwrap();
}

fn builds(store: &Store<Counts>) -> u32 {
    store.read().unwrap().builds
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.json");
    (folder, path)
}

/// A cache whose failure can be set. It counts how often it is asked.
#[derive(Clone, Debug, Default)]
struct TestCache(Arc<Mutex<TestCacheState>>);

#[derive(Debug, Default)]
struct TestCacheState {
    document: Option<(DocumentVersion, Vec<u8>)>,
    is_gone: bool,
    asked: usize,
}

impl TestCache {
    fn set_gone(&self, is_gone: bool) {
        self.0.lock().unwrap().is_gone = is_gone;
    }

    fn generation(&self) -> Option<u64> {
        Some(self.0.lock().unwrap().document.as_ref()?.0.generation)
    }

    fn ask(&self) -> io::Result<std::sync::MutexGuard<'_, TestCacheState>> {
        let mut state = self.0.lock().unwrap();
        state.asked += 1;
        if state.is_gone { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(state) }
    }
}

impl DocumentCache for TestCache {
    fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.ask()?.document.as_ref().map(|(_, document)| document.clone()))
    }

    fn put(&self, _: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let mut state = self.ask()?;
        if state.document.as_ref().is_none_or(|(present, _)| *present < version) {
            state.document = Some((version, document.to_owned()));
        }
        Ok(())
    }

    fn replace(&self, key: &str, damaged: &[u8], version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let mut state = self.ask()?;
        if state.document.as_ref().is_some_and(|(_, present)| present == damaged) {
            state.document = Some((version, document.to_owned()));
            return Ok(());
        }
        drop(state);
        self.put(key, version, document)
    }
}

fn cached(path: &Path, cache: &TestCache, gone: CacheGone) -> Result<Store<Counts>, Error> {
    Store::options().cache(cache.clone(), "counts").cache_gone(gone).open(path)
}

#[test]
fn all_who_open_a_path_share_one_instance_however_it_is_spelled() {
    let (folder, path) = folder();
    let store: Store<Counts> = Store::open(&path).unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    let detour = folder.path().join("below/../counts.json");
    assert!(Store::ptr_eq(&store, &Store::open(detour).unwrap()));
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(Store::ptr_eq(&store, &Store::open(link.join("counts.json")).unwrap()));
    }
    add(&store, 1);
    add(&Store::open(&path).unwrap(), 1);
    let snapshot = store.read().unwrap();
    assert_eq!((snapshot.builds, snapshot.generation()), (2, 2));
    assert!(!Store::ptr_eq(&store, &Store::open(folder.path().join("other.json")).unwrap()));
}

/// Counts how often it is read.
#[derive(Clone, Debug, Default, Serialize)]
struct Hydrated {
    builds: u32,
}

static HYDRATIONS: AtomicUsize = AtomicUsize::new(0);

impl<'de> Deserialize<'de> for Hydrated {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HYDRATIONS.fetch_add(1, Relaxed);
        Counts::deserialize(deserializer).map(|counts| Hydrated { builds: counts.builds })
    }
}

#[test]
fn a_document_that_many_threads_open_at_once_is_read_once() {
    let (_folder, path) = folder();
    let options = || Store::<Hydrated>::options().schema("counts");
    add(&Store::options().schema("counts").open(&path).unwrap(), 7);
    let stores = run_together(32, |_| options().open(&path).unwrap());
    assert!(stores.iter().all(|store| Store::ptr_eq(store, &stores[0])));
    assert_eq!((stores[0].read().unwrap().builds, HYDRATIONS.load(Relaxed)), (7, 1));
}

#[derive(Clone, Deserialize, Serialize)]
struct Tracked(u32, #[serde(skip)] Option<Arc<SetsWhenDropped>>);

#[test]
fn an_instance_that_nobody_holds_is_gone_unless_it_is_kept() {
    let (_folder, path) = folder();
    let open = |kept: usize| {
        let dropped = DropFlag::default();
        let flag = dropped.clone();
        let make = move || Tracked(0, Some(Arc::new(SetsWhenDropped(flag.clone()))));
        (Store::options().keep_closed(kept).open_or_else(&path, make).unwrap(), dropped)
    };
    let (store, dropped) = open(0);
    let guard = store.lock(SOON).unwrap();
    drop(store);
    assert!(!dropped.get(), "the guard has it open");
    drop(guard);
    assert!(dropped.get());

    let (store, dropped) = open(2);
    drop(store);
    assert!(!dropped.get());
    assert!(open(2).0.read().unwrap().1.is_some());
    for other in ["one", "two"] {
        drop(Store::<u32>::options().keep_closed(2).open(path.with_file_name(other)).unwrap());
    }
    assert!(dropped.get(), "two others were opened since");
}

#[test]
fn what_is_no_document_is_a_clear_error_and_stays_as_it_is() {
    let (_folder, path) = folder();
    add(&Store::options().schema("counts").open(&path).unwrap(), 1);
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    *flipped.iter_mut().rev().nth(5).unwrap() ^= 1;
    let newer = String::from_utf8(good.clone()).unwrap().replace("{\"logscope_store\":2", "{\"logscope_store\":9");
    let older = newer.replace("{\"logscope_store\":9", "{\"logscope_store\":1");
    let damaged: [(&[u8], &str); 7] = [
        (b"", "it is empty"),
        (b"{\"builds\": 3}", "something else has written it"),
        (b"\x7fELF\x02", "something else has written it"),
        (&good[..good.len() - 1], "it has no end"),
        (&flipped, "it has not its digest"),
        (newer.as_bytes(), "a later version of logscope, in format 9"),
        (older.as_bytes(), "an earlier version of logscope, in format 1"),
    ];
    for (bytes, text) in damaged {
        fs::write(&path, bytes).unwrap();
        let error = Store::<Counts>::options().schema("counts").open(&path).unwrap_err();
        assert!(error.is_corrupt() && error.to_string().contains(text), "{error}");
        let unlocked = Store::<Counts>::options().schema("counts").open_unlocked(&path).unwrap();
        assert!(unlocked.read().unwrap_err().is_corrupt());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::write(&path, &good).unwrap();
    let store = Store::<Counts>::options().schema("counts").open(&path).unwrap();
    // Also if it happens while the document is open and locked.
    let guard = store.lock(SOON).unwrap();
    fs::write(&path, "{}").unwrap();
    assert!(guard.save().unwrap_err().error().is_corrupt());
    assert!(store.read().unwrap_err().is_corrupt() && store.lock(SOON).unwrap_err().is_corrupt());
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
}

#[test]
fn a_document_has_one_type() {
    let (_folder, path) = folder();
    let store: Store<Counts> = Store::open(&path).unwrap();
    let error = Store::<u32>::open(&path).unwrap_err();
    assert!(error.is_type_mismatch() && error.to_string().contains("Counts; it cannot be open as u32"), "{error}");
    add(&store, 1);
    drop(store);
    // Also if it is not open.
    let error = Store::<u32>::open(&path).unwrap_err();
    assert!(error.is_type_mismatch() && error.to_string().contains("Counts\", not \"u32\""), "{error}");
    assert!(Store::<u32>::open_unlocked(&path).unwrap().write(&1).unwrap_err().is_type_mismatch());
    let schema = std::any::type_name::<Counts>();
    let error = Store::<u32>::options().schema(schema).open(&path).unwrap_err();
    assert!(
        error.is_type_mismatch() && format!("{error:#}").contains("does not fit the type: invalid type"),
        "{error:#}"
    );
    assert_eq!(builds(&Store::open(&path).unwrap()), 1);
}

#[test]
fn all_who_open_a_document_give_the_same_options() {
    let (_folder, path) = folder();
    let lease = || Lease::new(MemoryLeases::new(), "counts");
    let store: Store<Counts> = Store::options().lease(lease()).open(&path).unwrap();
    let error = Store::<Counts>::open(&path).unwrap_err();
    assert!(error.kind() == ErrorKind::OptionMismatch && error.to_string().contains("and the lease is"), "{error}");
    assert!(Store::ptr_eq(&store, &Store::options().lease(lease()).open(&path).unwrap()));
    let elsewhere = Lease::new(logscope::store::FolderLeases::new(path.with_file_name("leases")), "counts");
    for other in [lease().ttl(Duration::from_secs(5)), lease().keeper(true), elsewhere] {
        let error = Store::<Counts>::options().lease(other).open(&path).unwrap_err();
        assert!(error.to_string().contains("its lease is ") || error.to_string().contains("the lease is "), "{error}");
    }
    drop(store);
    assert_eq!(builds(&Store::open(&path).unwrap()), 0);
}

#[test]
fn a_place_that_can_have_no_document_is_refused() {
    let (folder, path) = folder();
    let error = |path: PathBuf| Store::<Counts>::open(path).unwrap_err();
    let missing = error(folder.path().join("none/counts.json"));
    assert!(missing.kind() == ErrorKind::Store && missing.to_string().contains("ensure_dir_writable"), "{missing}");
    assert!(error(folder.path().to_owned()).to_string().contains("not a regular file"));
    let long = Store::<Counts>::options().schema("x".repeat(4_097));
    assert!(long.open(&path).unwrap_err().to_string().contains("4097 bytes; name it by 4096 at most"));
    add(&Store::options().schema("\u{1}".repeat(4_096)).open(&path).unwrap(), 1);
    assert_eq!(builds(&Store::options().schema("\u{1}".repeat(4_096)).open(&path).unwrap()), 1);
    fs::remove_file(&path).unwrap();
    assert!(error(folder.path().join("..")).to_string().contains("no name of its own"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(error(path).to_string().contains("symbolic link"));
    }
}

#[test]
fn a_document_is_read_again_after_another_process_has_saved_it() {
    in_child("a_document_is_read_again_after_another_process_has_saved_it", |_| {
        add(&Store::open(std::env::var_os("DOCUMENT").unwrap()).unwrap(), 10);
        json!(true)
    });
    let (_folder, path) = folder();
    let store: Store<Counts> = Store::open(&path).unwrap();
    add(&store, 1);
    let before = store.read().unwrap();
    Child::new("a_document_is_read_again_after_another_process_has_saved_it").var("DOCUMENT", path.display()).run();
    assert_eq!((before.builds, builds(&store)), (1, 11));
    // What nobody has saved since is not read again.
    assert!(std::ptr::eq(&*store.read().unwrap(), &*store.read().unwrap()));
    add(&store, 1);
    assert_eq!(builds(&store), 12);
}

#[test]
fn readonly_is_neither_registered_nor_cached() {
    let (_folder, path) = folder();
    let readonly = Store::<Counts>::open_readonly(&path).unwrap();
    assert!(readonly.read().unwrap().is_none());
    // It has opened nothing: this one may have another type.
    drop(Store::<u32>::open(&path).unwrap());
    let cache = TestCache::default();
    let store = cached(&path, &cache, CacheGone::UseDisk).unwrap();
    add(&store, 1);
    let asked = cache.0.lock().unwrap().asked;
    let (one, other) = (readonly.read().unwrap().unwrap(), readonly.read().unwrap().unwrap());
    assert!(!std::ptr::eq(&*one, &*other) && *one == *other);
    add_elsewhere(&path, 5);
    assert_eq!(readonly.read().unwrap().unwrap().builds, 5);
    assert_eq!(cache.0.lock().unwrap().asked, asked, "it asks no cache");
}

/// As another process that knows no cache would.
fn add_elsewhere(path: &Path, builds: u32) {
    let unlocked = Store::<Counts>::open_unlocked(path).unwrap();
    unlocked.write(&Counts { builds, ..Counts::default() }).unwrap();
}

/// Puts the disk back to what it was before `change`, so that the cache alone has the newer generation.
fn on_cache_alone(path: &Path, change: impl FnOnce()) {
    let before = fs::read(path).unwrap();
    change();
    publish(path, |file| io::Write::write_all(file, &before)).unwrap();
}

#[test]
fn the_higher_generation_of_cache_and_disk_is_the_document() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let open = || cached(&path, &cache, CacheGone::Refuse).unwrap();
    add(&open(), 1);
    assert_eq!(cache.generation(), Some(1));
    on_cache_alone(&path, || add(&open(), 1));
    let store = open();
    assert_eq!((builds(&store), store.read().unwrap().generation()), (2, 2));
    // What is saved over it gets the next number, on both.
    add(&store, 1);
    drop(store);
    assert_eq!((cache.generation(), builds(&open())), (Some(3), 3));

    // The disk is ahead: the cache has missed a save.
    add_elsewhere(&path, 40);
    assert_eq!((builds(&open()), cache.generation()), (40, Some(4)), "the cache has caught up");

    // Of two with one generation, the disk's.
    on_cache_alone(&path, || add(&open(), 1));
    add_elsewhere(&path, 50);
    let store = open();
    assert_eq!((builds(&store), store.read().unwrap().generation(), cache.generation()), (50, 5, Some(5)));
}

#[test]
fn a_bypass_does_not_see_the_cache() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let open = || cached(&path, &cache, CacheGone::UseDisk).unwrap();
    add(&open(), 1);
    on_cache_alone(&path, || add(&open(), 1));
    assert_eq!(builds(&open()), 2);
    let unlocked = Store::<Counts>::options().cache(cache.clone(), "counts").open_unlocked(&path).unwrap();
    let asked = cache.0.lock().unwrap().asked;
    assert_eq!(unlocked.read().unwrap().unwrap().builds, 1);
    unlocked.write(&Counts { builds: 9, ..Counts::default() }).unwrap();
    assert_eq!(cache.0.lock().unwrap().asked, asked);
}

#[test]
fn a_cache_that_is_gone_is_done_without_and_told_once_and_when_it_is_back_the_generations_decide() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    testing::capture(|log| {
        let store = cached(&path, &cache, CacheGone::UseDisk).unwrap();
        add(&store, 1);
        cache.set_gone(true);
        add(&store, 1);
        add(&store, 1);
        drop(store);
        let store = cached(&path, &cache, CacheGone::UseDisk).unwrap();
        assert_eq!((builds(&store), cache.generation()), (3, Some(1)));
        cache.set_gone(false);
        add(&store, 1);
        assert_eq!((builds(&store), cache.generation()), (4, Some(4)));
        let gone = (Level::WARN, "the cache of a document cannot be used: the disk is used alone until it can");
        // Once by each of the two instances.
        let expected = [gone, gone, (Level::INFO, "the cache of a document can be used again")];
        let told = log.records().level_at_least(Level::INFO).exactly(3);
        assert!(told.iter().map(|record| (record.level, &*record.message)).eq(expected), "{told:?}");
    });
}

/// The thread that reads and saves for a task logs to where the task does.
#[test]
fn what_is_logged_for_a_task_lands_where_the_task_logs() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = cached(&path, &cache, CacheGone::UseDisk).unwrap();
    testing::capture(|log| {
        let warnings = log.records().level(Level::WARN);
        cache.set_gone(true);
        let guard = block_on(store.lock_async(SOON)).unwrap();
        // That of lock_async.
        warnings.one();
        cache.set_gone(false);
        drop(guard);
        let guard = block_on(store.lock_async(SOON)).unwrap();
        cache.set_gone(true);
        block_on(guard.save_async()).unwrap();
        // And that of save_async.
        warnings.exactly(2);
    });
}

#[test]
fn a_document_that_refuses_without_its_cache_changes_nothing() {
    let (_folder, path) = folder();
    let cache = TestCache::default();
    let store = cached(&path, &cache, CacheGone::Refuse).unwrap();
    add(&store, 1);
    let mut guard = store.lock(SOON).unwrap();
    guard.builds += 1;
    cache.set_gone(true);
    let error = guard.save().unwrap_err();
    assert!(error.error().is_unreachable() && !error.is_lock_lost(), "{error}");
    assert_eq!(error.into_value().builds, 2);
    assert!(store.lock(SOON).unwrap_err().is_unreachable());
    assert_eq!(builds(&store), 1, "reading needs no cache");
    drop(store);
    assert!(cached(&path, &cache, CacheGone::Refuse).unwrap_err().is_unreachable());
    cache.set_gone(false);
    add(&cached(&path, &cache, CacheGone::Refuse).unwrap(), 1);
    assert_eq!(cache.generation(), Some(2));
}

#[test]
fn a_save_over_another_one_is_refused_and_returns_the_value() {
    let (_folder, path) = folder();
    let store: Store<Counts> = Store::open(&path).unwrap();
    let mut guard = store.lock(SOON).unwrap();
    guard.builds += 1;
    add_elsewhere(&path, 30);
    let error = guard.save().unwrap_err();
    assert!(error.is_lock_lost() && error.to_string().contains("has saved generation 1 since"), "{error}");
    assert_eq!(error.into_value().builds, 1);
    assert_eq!(builds(&store), 30);

    // Removed under a guard, and made anew with the same number.
    let guard = store.lock(SOON).unwrap();
    fs::remove_file(&path).unwrap();
    let error = guard.save().unwrap_err();
    assert!(error.is_lock_lost() && error.to_string().contains("which was removed since"), "{error}");
    assert_eq!(store.read().unwrap().generation(), 0);
    add(&store, 1);
    let guard = store.lock(SOON).unwrap();
    fs::remove_file(&path).unwrap();
    add_elsewhere(&path, 40);
    assert_eq!((guard.generation(), builds(&store)), (1, 40));
    assert!(guard.save().unwrap_err().is_lock_lost(), "the same generation by another token");
}

#[test]
fn a_save_of_a_task_over_another_one_is_refused_and_returns_the_value() {
    let (_folder, path) = folder();
    let lease = Lease::new(MemoryLeases::new(), "counts");
    let store: Store<Counts> = Store::options().lease(lease.clone()).open(&path).unwrap();
    let locked = || {
        let mut guard = block_on(store.lock_async(SOON)).unwrap();
        guard.builds += 7;
        guard
    };
    let guard = locked();
    add_elsewhere(&path, 30);
    let error = block_on(guard.save_async()).unwrap_err();
    assert!(error.is_lock_lost() && error.to_string().contains("has saved generation 1 since"), "{error}");
    assert_eq!((error.into_value().builds, builds(&store)), (7, 30));
    // And once the lease is lost, which the failure has released.
    let guard = locked();
    lease.break_lease().unwrap().unwrap();
    let error = block_on(guard.save_async()).unwrap_err();
    assert!(error.is_lock_lost() && error.to_string().contains("its lease was lost"), "{error}");
    assert_eq!((error.into_value().builds, builds(&store)), (37, 30));
    block_on(locked().save_async()).unwrap();
    assert_eq!(builds(&store), 37);
}

#[test]
fn a_guard_that_is_dropped_saves_nothing_and_a_checkpoint_keeps_it_locked() {
    let (_folder, path) = folder();
    let store: Store<Counts> = Store::open(&path).unwrap();
    store.lock(SOON).unwrap().builds = 9;
    assert!(!path.exists() && builds(&store) == 0);

    let mut guard = store.lock(SOON).unwrap();
    guard.builds = 1;
    guard.checkpoint().unwrap();
    assert_eq!((builds(&store), guard.generation()), (1, 1));
    let error = store.lock(Duration::from_millis(20)).unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("another thread or task of this process"), "{error}");
    guard.builds = 2;
    guard.save().unwrap();
    let saved = store.read().unwrap();
    assert_eq!((saved.builds, saved.generation()), (2, 2));
    assert_eq!(store.lock(SOON).unwrap().into_value().builds, 2);
}

#[test]
fn the_fence_goes_into_the_document_and_an_older_one_is_refused() {
    let (_folder, path) = folder();
    let open = |leases: &MemoryLeases| {
        Store::<Counts>::options().lease(Lease::new(leases.clone(), "counts")).open(&path).unwrap()
    };
    let leases = MemoryLeases::new();
    let store = open(&leases);
    drop(store.lock(SOON).unwrap());
    let guard = store.lock(SOON).unwrap();
    let (fence, token) = (guard.lease().unwrap().fence(), guard.token());
    guard.save().unwrap();
    let saved: StoreSnapshot<Counts> = store.read().unwrap();
    assert_eq!((fence, saved.fence(), saved.saved_by()), (2, 2, Some(token)));
    drop(store);

    // A backend that begins anew.
    let store = open(&MemoryLeases::new());
    let error = store.lock(SOON).unwrap_err();
    assert!(
        error.is_lease_lost() && error.to_string().contains("number 1, but the document was saved under 2"),
        "{error}"
    );
    Store::<Counts>::open_unlocked(&path).unwrap().write(&saved).unwrap();
    add(&store, 1);
    assert_eq!(builds(&store), 1);
}

#[test]
fn a_lost_lease_is_told_by_verify_and_by_save() {
    let (_folder, path) = folder();
    let lease = Lease::new(MemoryLeases::new(), "counts");
    let store: Store<Counts> = Store::options().lease(lease.clone()).open(&path).unwrap();
    let guard = store.lock(SOON).unwrap();
    guard.verify().unwrap();
    lease.break_lease().unwrap().unwrap();
    let error = guard.verify().unwrap_err();
    assert!(error.is_lock_lost() && format!("{error:#}").contains("its lease was lost: lost the lease"), "{error:#}");
    assert!(guard.save().unwrap_err().is_lock_lost());
    assert!(!path.exists());
    add(&store, 1);
}

#[test]
fn tasks_and_threads_exclude_one_another_and_a_dropped_future_holds_nothing() {
    let (_folder, path) = folder();
    let store: Store<Counts> = Store::options().lease(Lease::new(MemoryLeases::new(), "counts")).open(&path).unwrap();
    let guard = store.lock(SOON).unwrap();
    let mut waits = Box::pin(store.lock_async(SOON));
    assert!(poll(&mut waits).is_pending());
    let error = block_on(store.lock_async(Duration::from_millis(20))).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    drop(waits);
    let waits = on_thread({
        let store = store.clone();
        move || {
            block_on(async {
                let mut guard = store.lock_async(SOON).await?;
                guard.builds += 1;
                guard.save_async().await.map_err(Error::from)
            })
        }
    });
    guard.save().unwrap();
    waits().unwrap();
    assert_eq!(builds(&store), 1);
    // One that is dropped while its thread reads the document.
    for _ in 0..20 {
        let mut reads = Box::pin(store.lock_async(SOON));
        drop(poll(&mut reads));
        drop(reads);
        add(&store, 1);
    }
    assert_eq!(builds(&store), 21);
}

#[test]
fn a_save_waits_for_others_and_the_lock_for_saving_is_held_for_a_short_time_only() {
    let (_folder, path) = folder();
    let options = Store::<Counts>::options().save_timeout(Duration::from_millis(20));
    let store = options.open(&path).unwrap();
    let lock = FileLock::new(path.with_file_name("counts.json.lock"));
    let mut guard = store.lock(SOON).unwrap();
    let saving = lock.try_acquire().unwrap().expect("a guard does not hold it");
    guard.builds = 1;
    let error = guard.checkpoint().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    saving.release().unwrap();
    guard.save().unwrap();
    assert_eq!(builds(&store), 1);
}

#[test]
fn a_value_that_opens_or_reads_its_own_document_while_it_is_read_does_not_wait_for_itself() {
    #[derive(Clone, Default, Serialize)]
    struct Asks;

    static PATH: Mutex<Option<PathBuf>> = Mutex::new(None);

    impl<'de> Deserialize<'de> for Asks {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            <()>::deserialize(deserializer)?;
            let path = PATH.lock().unwrap().clone();
            match path.map(Store::<Asks>::open) {
                Some(Err(error)) => Err(serde::de::Error::custom(error)),
                _ => Ok(Asks),
            }
        }
    }

    let (_folder, path) = folder();
    Store::<Asks>::open(&path).unwrap().lock(SOON).unwrap().save().unwrap();
    *PATH.lock().unwrap() = Some(path.clone());
    let error = on_thread(move || Store::<Asks>::open(path).map(drop))().unwrap_err();
    assert!(format!("{error:#}").contains("would wait for itself"), "{error:#}");
}
