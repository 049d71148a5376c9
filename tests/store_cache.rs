//! What is in a cache and is not the document: never taken for it, told, and replaced where nobody else's is lost.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Log, init};
use logscope::Error;
use logscope::store::{CacheGone, DocumentCache, DocumentVersion, Store};

const SOON: Duration = Duration::from_secs(60);

/// What a test puts into a cache has this version.
const HIGH: DocumentVersion = DocumentVersion { epoch: u64::MAX, fence: 0, generation: 1_000 };

/// A document with the version that it was put with.
type Entry = (DocumentVersion, Vec<u8>);

#[derive(Clone, Debug, Default)]
struct InMemory(Arc<Mutex<Option<Entry>>>);

impl InMemory {
    fn set(&self, document: &[u8]) {
        *self.0.lock().unwrap() = Some((HIGH, document.to_owned()));
    }

    fn version(&self) -> DocumentVersion {
        self.0.lock().unwrap().as_ref().unwrap().0
    }
}

impl DocumentCache for InMemory {
    fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().as_ref().map(|(_, document)| document.clone()))
    }

    fn put(&self, _: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let mut present = self.0.lock().unwrap();
        if present.as_ref().is_none_or(|(present, _)| *present < version) {
            *present = Some((version, document.to_owned()));
        }
        Ok(())
    }

    fn replace(&self, key: &str, damaged: &[u8], version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        {
            let mut present = self.0.lock().unwrap();
            if present.as_ref().is_some_and(|(_, present)| present == damaged) {
                *present = Some((version, document.to_owned()));
                return Ok(());
            }
        }
        self.put(key, version, document)
    }
}

/// Puts without replacing what is damaged, as a cache that knows nothing of it does.
#[derive(Debug)]
struct PutsAlone(InMemory);

impl DocumentCache for PutsAlone {
    fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.get(key)
    }

    fn put(&self, key: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        self.0.put(key, version, document)
    }
}

fn open(path: &Path, cache: impl DocumentCache, gone: CacheGone) -> Result<Store<u32>, Error> {
    Store::options().schema("count").cache(cache, "count").cache_gone(gone).open(path)
}

fn add(store: &Store<u32>) {
    let mut guard = store.lock(SOON).unwrap();
    *guard += 1;
    guard.save().unwrap();
}

/// Returns a document that another version, another type, or something else has written, with what is told of it, and whether it may be replaced.
fn unfit(document: &[u8]) -> [(Vec<u8>, &'static str, bool); 6] {
    let text = String::from_utf8(document.to_owned()).unwrap();
    [
        (b"not a document\n".to_vec(), "what it has as count is no document: something else than a store", true),
        (Vec::new(), "no document: it is empty", true),
        (document[..document.len() - 2].to_owned(), "no document: it has no end", true),
        (text.replace("store\":2", "store\":9").into(), "by a later version of logscope, in format 9", false),
        (text.replace("store\":2", "store\":1").into(), "by an earlier version of logscope, in format 1", true),
        (other_schema(), "the schema \"other\" there: another document has this key", false),
    ]
}

fn other_schema() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.json");
    add(&Store::options().schema("other").open(&path).unwrap());
    fs::read(path).unwrap()
}

#[test]
fn what_a_cache_has_and_is_not_the_document_is_told_and_the_disk_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    init();
    add(&open(&path, InMemory::default(), CacheGone::UseDisk).unwrap());
    for (bytes, why, may_be_replaced) in unfit(&fs::read(&path).unwrap()) {
        for opens_anew in [true, false] {
            let (cache, log, before) = (InMemory::default(), Log::new("builds"), fs::read(&path).unwrap());
            log.context.scope(|| {
                let early = (!opens_anew).then(|| open(&path, cache.clone(), CacheGone::UseDisk).unwrap());
                cache.set(&bytes);
                let store = early.unwrap_or_else(|| open(&path, cache.clone(), CacheGone::UseDisk).unwrap());
                assert_eq!(*store.read().unwrap(), 1, "{why}");
                add(&store);
                assert_eq!(*store.read().unwrap(), 2, "{why}");
                assert_eq!(cache.get("count").unwrap().unwrap() == fs::read(&path).unwrap(), may_be_replaced, "{why}");
                assert_eq!(cache.version() != HIGH, may_be_replaced, "{why}");
                drop(store.lock(SOON).unwrap());
            });
            let told: Vec<_> = log.lines().into_iter().filter(|line| line.level != "DEBUG").collect();
            let levels: Vec<_> = told.iter().map(|line| line.level.as_str()).collect();
            let is_kept = may_be_replaced && !bytes.is_empty();
            let expected = match (may_be_replaced, is_kept) {
                (false, _) => &["WARN"][..],
                (true, false) => &["WARN", "INFO"],
                (true, true) => &["WARN", "WARN", "INFO"],
            };
            assert_eq!(levels, expected, "{why}");
            if is_kept {
                let kept = told[1].fields["kept"].as_str().unwrap();
                assert!(kept.starts_with(&format!("{}.cache.", path.canonicalize().unwrap().display())), "{kept}");
                assert_eq!(fs::read(kept).unwrap(), bytes, "{why}");
                fs::remove_file(kept).unwrap();
            }
            assert!(told[0].fields["error"].as_str().unwrap().contains(why), "{told:?}");
            fs::write(&path, before).unwrap();
        }
    }
}

#[test]
fn a_document_that_refuses_without_its_cache_refuses_what_is_no_document_there_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    let cache = InMemory::default();
    let refuses = || open(&path, cache.clone(), CacheGone::Refuse);
    add(&refuses().unwrap());
    let on_disk = fs::read(&path).unwrap();
    for (bytes, why, _) in unfit(&on_disk) {
        *cache.0.lock().unwrap() = None;
        let store = refuses().unwrap();
        let mut guard = store.lock(SOON).unwrap();
        *guard += 1;
        cache.set(&bytes);
        let error = guard.save().unwrap_err();
        assert!(error.error().is_unreachable() && format!("{:#}", error.error()).contains(why), "{:#}", error.error());
        assert_eq!(error.into_value(), 2);
        assert!(store.lock(SOON).unwrap_err().is_unreachable());
        assert_eq!(*store.read().unwrap(), 1, "reading needs no cache");
        drop(store);
        let error = refuses().unwrap_err();
        assert!(error.is_unreachable() && format!("{error:#}").contains(why), "{error:#}");
        assert_eq!((fs::read(&path).unwrap(), cache.get("count").unwrap().unwrap()), (on_disk.clone(), bytes));
    }
}

/// The versions of two documents say nothing of one another.
#[test]
fn a_document_of_another_in_the_cache_stays_also_if_it_has_a_lower_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    add(&open(&path, InMemory::default(), CacheGone::UseDisk).unwrap());
    let on_disk = fs::read(&path).unwrap();
    let low = DocumentVersion { generation: 1, ..DocumentVersion::default() };
    for (bytes, why, _) in unfit(&on_disk).into_iter().filter(|(_, _, may_be_replaced)| !may_be_replaced) {
        let cache = InMemory::default();
        *cache.0.lock().unwrap() = Some((low, bytes.clone()));
        let store = open(&path, cache.clone(), CacheGone::UseDisk).unwrap();
        (0..2).for_each(|_| add(&store));
        assert_eq!((cache.version(), cache.get("count").unwrap().unwrap()), (low, bytes), "{why}");
        // When it is gone, the cache is used again.
        *cache.0.lock().unwrap() = None;
        add(&store);
        assert_eq!(cache.get("count").unwrap().unwrap(), fs::read(&path).unwrap());
    }
}

/// A cache of the program need not be able to replace anything. Then it is told once that it cannot be used, not after each save.
#[test]
fn a_cache_that_does_not_replace_what_is_damaged_stays_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    init();
    let (cache, log) = (InMemory::default(), Log::new("builds"));
    cache.set(b"not a document\n");
    log.context.scope(|| {
        let store = open(&path, PutsAlone(cache.clone()), CacheGone::UseDisk).unwrap();
        (0..3).for_each(|_| add(&store));
        assert_eq!((*store.read().unwrap(), cache.version()), (3, HIGH));
    });
    let told: Vec<_> = log.lines().into_iter().filter(|line| line.level != "DEBUG").map(|line| line.level).collect();
    // That it cannot be used, and where what it has is kept.
    assert_eq!(told, ["WARN", "WARN"]);
}
