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
