//! A disk and a cache of which none has what follows the other: told, and nothing that was saved is gone.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Log, init};
use logscope::store::{DocumentCache, DocumentVersion, Store};

const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct TestCache(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    document: Option<(DocumentVersion, Vec<u8>)>,
    /// What another process does before the next answer.
    before_answer: Option<Box<dyn FnOnce() + Send>>,
}

impl TestCache {
    fn set(&self, version: DocumentVersion, document: &[u8]) {
        self.0.lock().unwrap().document = Some((version, document.to_owned()));
    }

    fn document(&self) -> Vec<u8> {
        self.0.lock().unwrap().document.as_ref().unwrap().1.clone()
    }
}

impl fmt::Debug for TestCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestCache")
    }
}

impl DocumentCache for TestCache {
    fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        let before_answer = self.0.lock().unwrap().before_answer.take();
        if let Some(act) = before_answer {
            act();
        }
        Ok(self.0.lock().unwrap().document.as_ref().map(|(_, document)| document.clone()))
    }

    fn put(&self, _: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let present = &mut self.0.lock().unwrap().document;
        if present.as_ref().is_none_or(|(present, _)| *present < version) {
            *present = Some((version, document.to_owned()));
        }
        Ok(())
    }

    fn replace(&self, key: &str, found: &[u8], version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        {
            let present = &mut self.0.lock().unwrap().document;
            if present.as_ref().is_some_and(|(_, present)| present == found) {
                *present = Some((version, document.to_owned()));
                return Ok(());
            }
        }
        self.put(key, version, document)
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    (folder, path)
}

fn open(path: &Path, cache: &TestCache) -> Store<u32> {
    Store::options().schema("count").cache(cache.clone(), "count").open(path).unwrap()
}

fn open_alone(path: &Path) -> Store<u32> {
    Store::options().schema("count").open(path).unwrap()
}

fn save(store: &Store<u32>, value: u32) {
    let mut guard = store.lock(SOON).unwrap();
    *guard = value;
    guard.save().unwrap();
}

/// Returns the version that is on the first line of a document.
fn version(document: &[u8]) -> DocumentVersion {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    let number = |name: &str| document[name].as_u64().unwrap();
    DocumentVersion { epoch: number("epoch"), fence: number("fence"), generation: number("generation") }
}

/// Returns the lines that are not at DEBUG, with their fields.
fn told(log: &Log) -> Vec<(String, serde_json::Value)> {
    let lines = log.lines().into_iter().filter(|line| line.level != "DEBUG");
    lines.map(|line| (line.message, serde_json::to_value(line.fields).unwrap())).collect()
}

#[test]
fn a_save_between_the_look_at_the_disk_and_the_one_at_the_cache_is_no_disagreement() {
    init();
    let (_folder, path) = folder();
    let store = open_alone(&path);
    save(&store, 1);
    let first = fs::read(&path).unwrap();
    save(&store, 2);
    let second = fs::read(&path).unwrap();
    drop(store);
    for opens_anew in [true, false] {
        fs::write(&path, &first).unwrap();
        let (cache, log) = (TestCache::default(), Log::new("builds"));
        cache.set(version(&first), &first);
        let early = (!opens_anew).then(|| open(&path, &cache));
        let others_save = {
            let (path, cache, second) = (path.clone(), cache.clone(), second.clone());
            move || {
                fs::write(&path, &second).unwrap();
                cache.set(version(&second), &second);
            }
        };
        cache.0.lock().unwrap().before_answer = Some(Box::new(others_save));
        log.context.scope(|| {
            let store = early.unwrap_or_else(|| open(&path, &cache));
            assert_eq!(*store.lock(SOON).unwrap(), 2);
        });
        assert_eq!(told(&log), []);
    }
}

/// Returns what the copies beside a document have.
fn copies(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let start = format!("{}.", name(path));
    let beside = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let copies = beside.filter(|path| name(path).starts_with(&start) && !name(path).contains(".lock"));
    copies.map(|path| (path.canonicalize().unwrap(), fs::read(path).unwrap())).collect()
}

/// Returns a field of the one line that there is.
fn the_line(log: &Log) -> (String, serde_json::Value) {
    let mut told = told(log);
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

/// A service starts before its disk is mounted, and while its cache is gone.
#[test]
fn a_document_that_was_begun_anew_wins_and_the_one_before_is_kept_beside_it() {
    init();
    let (folder, path) = folder();
    let store = open_alone(&path);
    (1..=20).for_each(|value| save(&store, value));
    drop(store);
    let mounted = folder.path().join("mounted");
    fs::rename(&path, &mounted).unwrap();
    let cache = TestCache::default();
    save(&open(&path, &cache), 70);
    let begun_anew = cache.document();
    fs::rename(&mounted, &path).unwrap();
    let before = fs::read(&path).unwrap();

    let log = Log::new("builds");
    log.context.scope(|| {
        let store = open(&path, &cache);
        assert_eq!(*store.read().unwrap(), 70);
        save(&store, 71);
        assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (71, 2));
    });
    let (line, fields) = the_line(&log);
    assert!(line.contains("a copy of the other one is kept"), "{line}");
    let (old, new) = (version(&before), version(&begun_anew));
    assert!(old < new);
    let shown =
        |version: DocumentVersion| format!("generation {} (fence 0, epoch {})", version.generation, version.epoch);
    assert_eq!(
        (&fields["disk"], &fields["cache"], &fields["used"]),
        (&shown(old).into(), &shown(new).into(), &"cache".into())
    );
    let copies = copies(&path);
    let [(copy, document)] = &copies[..] else { panic!("{copies:?}") };
    assert_eq!((&fields["kept"], document), (&copy.to_str().unwrap().into(), &before));
    // It is a document like any other.
    let copy = Store::<u32>::options().schema("count").open_readonly(copy).unwrap().read().unwrap().unwrap();
    assert_eq!((*copy, copy.generation()), (20, 20));
}

/// Both were saved over the same document, without one another.
#[test]
fn of_two_saves_with_one_version_that_of_the_disk_is_used_and_that_of_the_cache_is_kept() {
    init();
    let (_folder, path) = folder();
    let store = open_alone(&path);
    save(&store, 1);
    let first = fs::read(&path).unwrap();
    let [one, other] = [2, 3].map(|value| {
        fs::write(&path, &first).unwrap();
        save(&store, value);
        fs::read(&path).unwrap()
    });
    drop(store);
    assert_eq!(version(&one), version(&other));
    // The second one is on disk. It is told when the document is opened, and when it is locked.
    for opens_anew in [true, false] {
        let (cache, log) = (TestCache::default(), Log::new("builds"));
        let early = (!opens_anew).then(|| open(&path, &cache));
        cache.set(version(&one), &one);
        log.context.scope(|| {
            let store = early.unwrap_or_else(|| open(&path, &cache));
            assert_eq!(*store.lock(SOON).unwrap(), 3);
        });
        let (line, fields) = the_line(&log);
        assert!(line.contains("disagree") && fields["used"] == "disk", "{line}: {fields}");
        let copies = copies(&path);
        let [(copy, document)] = &copies[..] else { panic!("{copies:?}") };
        assert_eq!((&fields["kept"], document), (&copy.to_str().unwrap().into(), &one));
        assert_eq!(cache.document(), other);
        fs::remove_file(copy).unwrap();
    }
}

/// A cache of the program need not be able to replace anything.
#[test]
fn two_that_go_on_to_disagree_are_told_once() {
    #[derive(Debug)]
    struct PutsAlone(TestCache);

    impl DocumentCache for PutsAlone {
        fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
            self.0.get(key)
        }

        fn put(&self, key: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
            self.0.put(key, version, document)
        }
    }

    init();
    let (_folder, path) = folder();
    let store = open_alone(&path);
    save(&store, 1);
    let one = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    save(&store, 2);
    drop(store);
    // The same version, by another save.
    let other = fs::read(&path).unwrap();
    let (cache, log) = (TestCache::default(), Log::new("builds"));
    let token = |document: &[u8]| serde_json::from_slice::<serde_json::Value>(document).unwrap()["token"].clone();
    assert_ne!(token(&one), token(&other));
    cache.set(version(&other), &one);
    log.context.scope(|| {
        let store =
            Store::<u32>::options().schema("count").cache(PutsAlone(cache.clone()), "count").open(&path).unwrap();
        (0..3).for_each(|_| drop(store.lock(SOON).unwrap()));
        save(&store, 3);
        (0..3).for_each(|_| drop(store.lock(SOON).unwrap()));
    });
    let (_, fields) = the_line(&log);
    assert_eq!(fields["used"], "disk");
    assert_eq!(cache.document(), fs::read(&path).unwrap());
}
