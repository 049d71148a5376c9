//! Files that are moved, removed and replaced while they are logged to: no record is lost, and none is torn.
//!
//! What logscope notices by itself is waited for, up to a deadline; what must happen at once is triggered by `flush` or `reopen`.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Sink};
use logscope::testing::Signal;
use logscope::{Format, OutputContext, Time};

/// How long a test waits for an event that must happen, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(60);

/// A context that logs to `path`. A line holds the message only.
fn context(path: &Path) -> (Sink, OutputContext) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(logscope::init);
    let sink = sink::file(path).open().unwrap().format(Format::build().time(Time::None));
    let context = OutputContext::builder("uno").sink(sink.clone()).build();
    (sink, context)
}

fn log(context: &OutputContext, number: u32) {
    context.scope(|| tracing::info!("record {number} {}", "x".repeat(number as usize % 50)));
}

/// The numbers of the records in `text`, each line of which must be whole.
fn numbers(text: &str) -> Vec<u32> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
    let number = |line: &str| {
        let (number, rest) = line.strip_prefix("record ")?.split_once(' ')?;
        let number: u32 = number.parse().ok()?;
        (rest == "x".repeat(number as usize % 50)).then_some(number)
    };
    text.lines().map(|line| number(line).unwrap_or_else(|| panic!("torn: {line:?}"))).collect()
}

fn read(path: impl AsRef<Path>) -> Vec<u32> {
    numbers(&fs::read_to_string(path).unwrap())
}

#[test]
fn a_moved_file_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("uno.log"), dir.path().join("uno.log.1"));
    let (sink, uno) = context(&path);
    log(&uno, 1);
    fs::rename(&path, &moved).unwrap();
    log(&uno, 2);
    sink.reopen().unwrap();
    log(&uno, 3);
    assert_eq!((read(&moved), read(&path)), (vec![1, 2], vec![3]));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let inode = fs::metadata(&path).unwrap().ino();
    sink.reopen().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "a file that is in its place is not replaced");
}

#[test]
fn a_removed_file_is_opened_anew_with_its_unseen_records() {
    for ask in [|sink: &Sink| sink.reopen().unwrap(), |sink: &Sink| assert!(sink.flush(DEADLINE).is_complete())] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("uno.log");
        let (sink, uno) = context(&path);
        log(&uno, 1);
        ask(&sink);
        fs::remove_file(&path).unwrap();
        log(&uno, 2);
        log(&uno, 3);
        ask(&sink);
        assert_eq!(read(&path), [2, 3], "record 1 had been flushed when the file was removed, and is not rescued");
        log(&uno, 4);
        assert_eq!(read(&path), [2, 3, 4]);
    }
}

#[test]
fn the_output_switches_to_a_file_that_replaced_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("uno.log"), dir.path().join("new"));
    let (sink, uno) = context(&path);
    log(&uno, 1);
    // The new file ends with an unfinished line.
    fs::write(&new, "record 9 xxxxxxxxx").unwrap();
    fs::rename(&new, &path).unwrap();
    log(&uno, 2);
    sink.reopen().unwrap();
    log(&uno, 3);
    assert_eq!(read(&path), [9, 1, 2, 3]);
    fs::rename(&path, dir.path().join("moved")).unwrap();
    fs::write(&path, "record 0 ").unwrap();
    sink.reopen().unwrap();
    log(&uno, 4);
    assert_eq!(read(&path), [0, 4], "the unfinished line must be ended before the record");
}

#[test]
fn writes_alone_notice_a_missing_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let (_sink, uno) = context(&path);
    for remove in [true, false] {
        if remove {
            fs::remove_file(&path).unwrap();
        } else {
            fs::rename(&path, dir.path().join("moved")).unwrap();
        }
        let start = Instant::now();
        while !path.exists() {
            assert!(start.elapsed() < DEADLINE, "the output does not notice that its file is gone");
            log(&uno, 1);
        }
    }
}

#[test]
fn closing_rescues_the_records_of_a_removed_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let (sink, uno) = context(&path);
    fs::remove_file(&path).unwrap();
    log(&uno, 1);
    drop((sink, uno));
    assert_eq!(read(&path), [1]);
}

#[test]
fn a_symlink_in_place_of_the_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, target) = (dir.path().join("uno.log"), dir.path().join("target"));
    let (sink, uno) = context(&path);
    fs::write(&target, "").unwrap();
    fs::rename(&path, dir.path().join("moved")).unwrap();
    symlink(&target, &path).unwrap();
    let error = sink.reopen().unwrap_err();
    assert!(
        error.kind() == logscope::ErrorKind::Open && error.to_string().contains("is written to as before"),
        "{error}"
    );
    log(&uno, 1);
    assert_eq!(read(dir.path().join("moved")), [1]);
    assert_eq!(fs::metadata(&target).unwrap().len(), 0);
    fs::remove_file(&path).unwrap();
    symlink(dir.path().join("moved"), &path).unwrap();
    assert!(sink.reopen().is_err(), "a link must not be followed, even if it leads to the moved file");
    fs::remove_file(&path).unwrap();
    sink.reopen().unwrap();
    log(&uno, 2);
    assert_eq!(read(&path), [2]);
}

#[test]
fn a_changed_symlink_is_followed_if_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("uno.log");
    let turn = |target: &str| {
        let _ = fs::remove_file(&link);
        symlink(target, &link).unwrap();
    };
    turn("one");
    let _ = context(&dir.path().join("other"));
    let sink = sink::file(&link).allow_symlink(true).open().unwrap().format(Format::build().time(Time::None));
    let uno = OutputContext::builder("uno").sink(sink.clone()).build();
    log(&uno, 1);
    turn("two");
    sink.reopen().unwrap();
    log(&uno, 2);
    assert_eq!((read(dir.path().join("one")), read(dir.path().join("two"))), (vec![1], vec![2]));
}

#[test]
fn a_truncated_file_goes_on_at_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let (sink, uno) = context(&path);
    (1..=3).for_each(|number| log(&uno, number));
    let _ = sink.flush(DEADLINE);
    File::create(&path).unwrap();
    log(&uno, 4);
    assert_eq!(read(&path), [4]);
    fs::remove_file(&path).unwrap();
    log(&uno, 5);
    let _ = sink.flush(DEADLINE);
    assert_eq!(read(&path), [4, 5], "all records since the file was emptied must be rescued");
}

/// Two files swap their names under their outputs: each output stays with its name, and the logs do not mix.
#[test]
fn files_that_swap_names_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["uno.log", "due.log"].map(|name| dir.path().join(name));
    let [(uno_sink, uno), (due_sink, due)] = [&paths[0], &paths[1]].map(|path| context(path));
    log(&uno, 1);
    log(&due, 2);
    let between = dir.path().join("between");
    fs::rename(&paths[0], &between).unwrap();
    fs::rename(&paths[1], &paths[0]).unwrap();
    fs::rename(&between, &paths[1]).unwrap();
    uno_sink.reopen().unwrap();
    due_sink.reopen().unwrap();
    log(&uno, 3);
    log(&due, 4);
    assert_eq!((read(&paths[0]), read(&paths[1])), (vec![2, 3], vec![1, 4]));
    let again = sink::file(&paths[1]).open().unwrap();
    uno_sink.reopen().unwrap();
    assert_eq!(
        (again.ledger().written, due_sink.ledger().written),
        (2, 2),
        "opening the path again must return the output that has it"
    );
}

/// Lets threads log while `go` moves or removes the file again and again. Returns how many records are there more than once.
fn while_threads_log(mut go: impl FnMut(&Path, u32)) -> usize {
    const THREADS: u32 = 4;
    const RECORDS: u32 = 4_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let (sink, uno) = context(&path);
    const ROUNDS: u32 = 10;
    // The threads log on while `go` is at work, and begin anew in each round: a flush makes a file that was removed anew only if there is a record
    // that it may have lost.
    let (begun, logged) = (Signal::named("the round has begun"), Signal::named("a record is logged"));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (uno, begun, logged) = (&uno, &begun, &logged);
            scope.spawn(move || {
                for number in 0..RECORDS {
                    begun.wait_for(u64::from(number * ROUNDS / RECORDS) + 1, DEADLINE).unwrap();
                    log(uno, thread * RECORDS + number);
                    logged.set();
                }
            });
        }
        for round in 1..=ROUNDS {
            let before = logged.count();
            begun.set();
            logged.wait_for(before + u64::from(RECORDS / ROUNDS), DEADLINE).unwrap();
            go(&path, round);
            if round % 2 == 0 {
                sink.reopen().unwrap();
            } else {
                assert_eq!(sink.flush(DEADLINE).failed, 0);
            }
        }
    });
    let _ = sink.flush(DEADLINE);
    go(&path, ROUNDS + 1);
    let ledger = uno.ledger();
    assert!(ledger.is_complete() && ledger.written == u64::from(THREADS * RECORDS), "{ledger}");
    drop((sink, uno));
    let mut all = Vec::new();
    for entry in fs::read_dir(dir.path()).unwrap() {
        all.extend(read(entry.unwrap().path()));
    }
    let distinct: BTreeSet<_> = all.iter().copied().collect();
    assert!(distinct.iter().copied().eq(0..THREADS * RECORDS), "{} of {}", distinct.len(), THREADS * RECORDS);
    all.len() - distinct.len()
}

#[test]
fn nothing_is_lost_while_files_are_moved() {
    let twice = while_threads_log(|path, round| fs::rename(path, path.with_extension(round.to_string())).unwrap());
    assert_eq!(twice, 0);
}

/// The text that a file has when it is removed is saved beside it, as the remover has read it.
#[test]
fn nothing_is_lost_while_files_are_removed() {
    let twice = while_threads_log(|path, round| {
        let mut kept = File::open(path).unwrap();
        fs::remove_file(path).unwrap();
        let mut text = String::new();
        kept.rewind().unwrap();
        kept.read_to_string(&mut text).unwrap();
        // The file is still being written to, so the last line may be incomplete.
        text.truncate(text.rfind('\n').map_or(0, |last| last + 1));
        fs::write(path.with_extension(round.to_string()), text).unwrap();
    });
    assert!(twice < 16_000, "only records that had just been written may be there twice: {twice}");
}
