//! Who is served by whose work: examples, and random histories against what really happened.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use proptest::prelude::*;

use super::*;

fn record(line: u64, begun: u64, entry: Option<u64>) -> Record {
    let entry = entry.map(|number| Entry { number, made: Moment { wall: 5, run: None }, verified: None });
    Record { line, begun, entry }
}

#[test]
fn a_record_is_read_as_it_is_written() {
    let digest = Digest::of(&b"x"[..]).unwrap();
    let made = Moment { wall: 5, run: Some(Run { name: "a-b".to_owned(), at: 7 }) };
    let verified = Some(Verified { digest, length: 9, modified: 1 << 70 });
    for record in [
        record(u64::MAX, 0, None),
        record(1, u64::MAX, Some(3)),
        Record { line: 2, begun: 3, entry: Some(Entry { number: 3, made, verified }) },
    ] {
        let text = record.to_text();
        assert_eq!(Record::parse(&text), Some(record), "{text}");
        for length in 0..text.len() {
            assert_eq!(Record::parse(&text[..length]), None, "a part of it says nothing: {}", &text[..length]);
        }
    }
    assert_eq!(Record::parse(&record(1, 2, None).to_text().replace("fetch 1", "fetch 2")), None);
}

/// The file of the lock was deleted, and its holder has looked just before that.
#[test]
fn an_older_make_writes_nothing_over_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    let finish = |number| Record::finish(&path, number, Moment { wall: 0, run: None }, None).unwrap();
    let older = Record::begin(&path).unwrap();
    let newer = Record::begin(&path).unwrap();
    finish(older);
    assert_eq!(Record::read(&path).unwrap().entry, None);
    finish(newer);
    finish(older);
    assert_eq!(Record::read(&path).unwrap().entry.unwrap().number, newer.number);
    fs::remove_file(&path).unwrap();
    finish(newer);
    assert!(!path.exists(), "it was deleted");
    let other = Record::begin(&path).unwrap();
    assert_ne!(other.line, newer.line);
    finish(older);
    assert_eq!(Record::read(&path).unwrap().entry, None, "it has the number of the other, in another line");
}

/// The process has too many files open when the call begins, for example, or a server has just replaced the record.
#[test]
fn a_record_that_could_not_be_read_serves_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    let finish = |number| Record::finish(&path, number, Moment { wall: 0, run: None }, None).unwrap();
    let older = Record::begin(&path).unwrap();
    let aside = folder.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    // Reading it fails.
    fs::create_dir(&path).unwrap();
    let seen = Seen::read(&path);
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    finish(older);
    assert!(!Record::read(&path).unwrap().is_entry_after(seen), "it began before the call");
}

/// What happens to the record of a key, in any order.
#[derive(Clone, Debug)]
enum Step {
    /// A call begins.
    Call,
    /// Somebody takes the lock, and begins to make.
    Begin,
    /// The maker with the lock is done.
    Finish,
    /// The maker with the lock dies.
    Die,
    /// Somebody deletes the record.
    DeleteRecord,
    /// Somebody deletes the lock's file: the maker does not exclude others any more, and learns it before it publishes.
    DeleteLock,
    /// Somebody deletes everything.
    DeleteAll,
    /// Each call that waits is looked at under the lock, if nobody has that.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Call),
        4 => Just(Step::Begin),
        4 => Just(Step::Finish),
        1 => Just(Step::Die),
        1 => Just(Step::DeleteRecord),
        1 => Just(Step::DeleteLock),
        1 => Just(Step::DeleteAll),
        4 => Just(Step::Look),
    ]
}

/// A maker, and whether it has still the lock.
struct Maker {
    number: Number,
    began: usize,
    has_lock: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    /// No call is served by a make that began before it, whatever is deleted. And if nothing is, every make that began after it serves it.
    #[test]
    fn a_call_is_served_by_what_began_after_it(steps in prop::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let mut calls: Vec<(usize, Seen)> = Vec::new();
        let mut makers: Vec<Maker> = Vec::new();
        // When the entry that is there began to be made.
        let mut entry: Option<usize> = None;
        let mut is_untouched = true;
        for (now, step) in steps.into_iter().enumerate() {
            let holder = makers.iter().position(|maker| maker.has_lock);
            match (&step, holder) {
                (Step::Call, _) => calls.push((now, Seen::read(&path))),
                (Step::Begin, None) => {
                    let number = Record::begin(&path).unwrap();
                    makers.push(Maker { number, began: now, has_lock: true });
                }
                (Step::Finish, Some(holder)) => {
                    let maker = makers.remove(holder);
                    entry = Some(maker.began);
                    Record::finish(&path, maker.number, Moment { wall: 0, run: None }, None).unwrap();
                }
                // One that has lost the lock: it does not publish.
                (Step::Finish, None) => drop(makers.pop()),
                (Step::Die, Some(holder)) => drop(makers.remove(holder)),
                (Step::DeleteRecord | Step::DeleteLock | Step::DeleteAll, _) => {
                    is_untouched = false;
                    if !matches!(step, Step::DeleteLock) {
                        let _ = fs::remove_file(&path);
                    }
                    if !matches!(step, Step::DeleteRecord) {
                        makers.iter_mut().for_each(|maker| maker.has_lock = false);
                    }
                    if matches!(step, Step::DeleteAll) {
                        entry = None;
                    }
                }
                (Step::Look, None) => {
                    let record = Record::read(&path);
                    for (called, seen) in &calls {
                        let serves = record.as_ref().is_some_and(|record| record.is_entry_after(*seen)) && entry.is_some();
                        let began_after = entry.is_some_and(|began| began > *called);
                        prop_assert!(!serves || began_after, "a call at {} is served by {:?}", called, entry);
                        prop_assert!(serves || !began_after || !is_untouched, "a call at {} is not served by {:?}", called, entry);
                    }
                }
                _ => {}
            }
        }
    }
}
