//! What no public function shows.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::header::{Header, Stamp};
use super::*;
use crate::lock::{Token, fail_next_folder_sync, publish};

const SOON: Duration = Duration::from_secs(60);

fn put(path: &Path, generation: u64, token: Token, value: &str) {
    // As of the epoch that the document on disk has, if there is one.
    let found = std::fs::read(path).ok().and_then(|document| Header::parse(&document).ok().map(|(header, _)| header));
    let epoch = found.map_or(1, |header| header.epoch);
    let header =
        Header { schema: "count".to_owned(), stamp: Stamp { generation, token }, by: String::new(), epoch, fence: 0 };
    publish(path, |file| file.write_all(&header.write(value.as_bytes()))).expect("it is published");
}

/// The folder could not be synced, for example.
#[test]
fn a_guard_whose_save_failed_after_the_document_was_in_place_can_save_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    let store = Store::<u32>::options().schema("count").open(&path).unwrap();
    let mut guard = store.lock(SOON).unwrap();
    *guard = 5;
    put(&path, 1, guard.token(), "4");
    guard.checkpoint().unwrap();
    // Whoever has read the one that is not acknowledged sees that this is another one.
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (5, 2));
    put(&path, 3, guard.token(), "6");
    put(&path, 4, Token::random(), "7");
    assert!(guard.save().unwrap_err().is_lock_lost(), "somebody else has saved over it");
}

#[test]
fn a_document_with_the_highest_generation_is_corrupt_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    put(&path, u64::MAX, Token::random(), "4");
    let options = || Store::<u32>::options().schema("count");
    let store = options().open(&path).unwrap();
    let error = store.lock(SOON).unwrap().save().unwrap_err();
    assert!(error.error().is_corrupt(), "{error}");
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (4, u64::MAX));
    options().open_unlocked(&path).unwrap().write(&1).unwrap();
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (1, 1));
}

/// A publication whose last step fails.
#[test]
fn an_error_after_the_document_is_in_place_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("count.json");
    let store = Store::<u32>::options().schema("count").open(&path).unwrap();
    let mut guard = store.lock(SOON).unwrap();
    *guard = 5;
    fail_next_folder_sync();
    let error = guard.checkpoint().unwrap_err();
    assert!(error.to_string().contains("it is in place, but may not survive a power cut"), "{error:#}");
    guard.save().unwrap();
    assert_eq!((*store.read().unwrap(), store.read().unwrap().generation()), (5, 2));
}
