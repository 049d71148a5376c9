//! Tests of rolling: its errors, batches, and other sinks in the same directory.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use super::*;
use crate::clock::{ManualClock, Origin};
use crate::sink::{Batch, Output as _, Roll};

/// Returns a clock that stands at 2026-11-26T00:36:17Z.
fn clock() -> ManualClock {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_653_377);
    ManualClock::at(Origin::from_parts(Instant::now(), wall))
}

/// Returns the names in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort_unstable();
    names
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

/// Writes `records` to the open log `path` in one batch. A record may have several lines.
fn write_batch(path: &Path, records: &[&str]) {
    let bytes = records.concat();
    let ends: Vec<_> = records
        .iter()
        .scan(0, |end, record| {
            Some({
                *end += record.len();
                *end
            })
        })
        .collect();
    let levels = vec![crate::Level::INFO; ends.len()];
    let mut batch = Batch::new(bytes.as_bytes(), &ends, &levels);
    appender_of(path).write_batch(&mut batch).unwrap();
    assert!(batch.rest().is_empty());
}

#[test]
fn a_batch_is_split_only_between_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let sink = file(&path).roll(Roll::by_size(10)).open().unwrap();
    let long = format!("{}\n", "x".repeat(30));
    write_batch(&path, &["one\n", "two\n", "three\n  more\n", "four\n", &long, "five\n", "six\n", "s\n"]);
    write_batch(&path, &["t\n"]);
    let files: Vec<_> = (1..=6).map(|n| read(dir.path().join(format!("uno.{n}.log")))).collect();
    assert_eq!(files, ["one\ntwo\n", "three\n  more\n", "four\n", &long, "five\nsix\n", "s\nt\n"]);
    drop(sink);
}

#[test]
fn a_failed_roll_is_reported_once_and_tried_again_a_second_later() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let sink = json(file(dir.path().join("uno.log")).roll(Roll::minutely().clock(&clock)));
    let path = |minute: u32| dir.path().join(format!("uno.2026-11-26T00-{minute}Z.log"));
    for (minute, link) in [(37, false), (38, true)] {
        if link {
            symlink("elsewhere", path(minute)).unwrap()
        } else {
            fs::create_dir(path(minute)).unwrap()
        }
        clock.advance(Duration::from_secs(60));
        let (_, reports) = capture_reports(|| {
            deliver(&sink, 1);
            deliver(&sink, 2);
            clock.advance(Duration::from_secs(1));
            deliver(&sink, 3);
        });
        assert_eq!(reports.len(), 1, "{reports:?}");
        let expected = format!("00-{}Z.log to another file", minute - 1);
        assert!(reports[0].contains(&expected), "{reports:?}");
        if link {
            fs::remove_file(path(minute)).unwrap()
        } else {
            fs::remove_dir(path(minute)).unwrap()
        }
        deliver(&sink, 4);
        assert!(!path(minute).exists(), "rolling is not tried again for each record");
        clock.advance(Duration::from_secs(1));
        deliver(&sink, 5);
        assert_eq!(lines(&path(minute)), [ParsedLine::Record(5)]);
    }
    assert!(!dir.path().join("elsewhere").exists());
    assert_eq!(lines(&path(36)), [1, 2, 3, 4].map(ParsedLine::Record));
    assert_eq!(sink.ledger().failed, 0);
}

#[test]
fn a_log_survives_the_removal_of_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let clock = clock();
    let sink = json(file(logs.join("uno.log")).roll(Roll::hourly().clock(&clock)));
    deliver(&sink, 1);
    fs::remove_dir_all(&logs).unwrap();
    clock.advance(Duration::from_secs(3_600));
    let (_, reports) = capture_reports(|| (2..=4).for_each(|seq| _ = deliver(&sink, seq)));
    assert!(reports.len() == 1 && reports[0].contains("to another file: No such file"), "{reports:?}");
    fs::create_dir(&logs).unwrap();
    clock.advance(Duration::from_secs(1));
    deliver(&sink, 5);
    assert_eq!(names(&logs), ["uno.2026-11-26T01Z.log"]);
    assert_eq!(
        lines(&logs.join("uno.2026-11-26T01Z.log")),
        [1, 2, 3, 4, 5].map(ParsedLine::Record),
        "all records are saved, in order"
    );
}

#[test]
fn a_link_to_a_foreign_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let roll = |link: &str| file(dir.path().join("uno.log")).roll(Roll::by_size(1).link_latest(link));
    fs::write(dir.path().join("file"), "mine").unwrap();
    symlink("file", dir.path().join("link")).unwrap();
    symlink("uno.2026-11-26Z.log", dir.path().join("old")).unwrap();
    for (link, reason) in [
        ("file", "something that is not a link has this name"),
        ("link", "a link to file, which is not a file of this log"),
    ] {
        let (sink, reports) = capture_reports(|| {
            let sink = json(roll(link));
            (1..=3).for_each(|seq| _ = deliver(&sink, seq));
            sink
        });
        assert!(reports.len() == 1 && reports[0].contains(reason), "{reports:?}");
        assert_eq!(sink.ledger().written, 3);
    }
    assert_eq!(read(dir.path().join("link")), "mine");
    let (_, reports) = capture_reports(|| deliver(&json(roll("old")), 1));
    assert!(reports.is_empty(), "a link to a file from when the log rolled differently is the log's own: {reports:?}");
    for name in ["a/b", "..", "", "uno.7.log"] {
        assert!(roll(name).open().unwrap_err().to_string().contains("give link_latest a plain file name"), "{name}");
    }
}

#[test]
fn files_of_other_sinks_are_neither_written_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let other = json(file(dir.path().join("uno.2.log")));
    let old = json(file(dir.path().join("uno.1.log")));
    assert_eq!(
        file(dir.path().join("uno.log")).roll(Roll::by_size(1)).open().unwrap_err().kind(),
        crate::ErrorKind::OptionMismatch
    );
    deliver(&other, 1);
    let sink = json(file(dir.path().join("uno.log")).roll(Roll::by_size(1).keep(1)));
    let third = json(file(dir.path().join("uno.4.log")));
    (1..=2).for_each(|seq| _ = deliver(&sink, seq));
    assert_eq!(names(dir.path()), ["uno.1.log", "uno.2.log", "uno.4.log", "uno.5.log"]);
    assert_eq!(lines(&dir.path().join("uno.5.log")), [ParsedLine::Record(2)]);
    drop((other, old, third));
    deliver(&sink, 3);
    assert_eq!(names(dir.path()), ["uno.6.log"], "they are closed, and have names of this log's files");
}

#[test]
fn a_file_named_for_a_future_time_is_ignored_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let roll = Roll::daily().keep(2).clock(&clock);
    let open = || json(file(dir.path().join("uno.log")).roll(roll.clone()));
    let planted =
        ["uno.2026-11-27Z.log", "uno.2026-11-29Z.log", "uno.9999-12-31Z.log"].map(|name| dir.path().join(name));
    planted.iter().for_each(|path| fs::write(path, "").unwrap());
    let (sink, reports) = capture_reports(open);
    assert!(reports.len() == 1 && reports[0].contains("is named for a time that is still to come"), "{reports:?}");
    deliver(&sink, 1);
    assert_eq!(lines(&dir.path().join("uno.2026-11-26Z.log")), [ParsedLine::Record(1)]);
    let (_, reports) = capture_reports(|| {
        clock.advance(Duration::from_secs(86_400));
        deliver(&sink, 2);
        clock.advance(Duration::from_secs(86_400));
        deliver(&sink, 3);
    });
    assert!(reports.is_empty(), "{reports:?}");
    assert_eq!(lines(&planted[0]), [ParsedLine::Record(2)], "its time has come");
    assert_eq!(
        names(dir.path()),
        ["uno.2026-11-27Z.log", "uno.2026-11-28Z.log", "uno.2026-11-29Z.log", "uno.9999-12-31Z.log"],
        "two files are kept, and those of the future are not counted"
    );
}

/// What the log has named itself since it was opened is its own. A log that is opened cannot tell its files of the time to come from planted
/// ones.
#[test]
fn a_log_that_is_opened_after_the_clock_was_put_back_continues_in_an_older_file() {
    let dir = tempfile::tempdir().unwrap();
    let start = clock();
    let open = |clock: &ManualClock| file(dir.path().join("uno.log")).roll(Roll::hourly().size(1).clock(clock)).open();
    let (sink, reports) = capture_reports(|| {
        let sink = open(&start).unwrap();
        deliver(&sink, 1);
        start.advance(Duration::from_secs(3_600));
        deliver(&sink, 2);
        deliver(&sink, 3);
        sink
    });
    assert!(reports.is_empty(), "{reports:?}");
    drop(sink);
    assert_eq!(names(dir.path()), ["uno.2026-11-26T00Z.1.log", "uno.2026-11-26T01Z.1.log", "uno.2026-11-26T01Z.2.log"]);
    let earlier = clock();
    let (sink, reports) = capture_reports(|| open(&earlier).unwrap());
    assert_eq!(reports.len(), 1, "{reports:?}");
    deliver(&sink, 4);
    assert!(names(dir.path()).contains(&"uno.2026-11-26T00Z.2.log".to_owned()), "{:?}", names(dir.path()));
}

#[test]
fn all_openers_must_agree_how_a_log_rolls() {
    let dir = tempfile::tempdir().unwrap();
    let (path, clock) = (dir.path().join("uno.log"), clock());
    let roll = || Roll::by_size(100).keep(5).clock(&clock);
    let sink = json(file(&path).roll(roll()));
    let same = json(file(&path).roll(roll()));
    deliver(&same, 1);
    assert_eq!(sink.ledger().written, 1);
    let others = [
        file(&path),
        file(&path).roll(roll().size(101)),
        file(&path).roll(roll().keep(6)),
        file(&path).roll(roll().keep_bytes(1)),
        file(&path).roll(roll().utc_offset(60)),
        file(&path).roll(roll().link_latest("latest")),
        file(&path).roll(roll().clock(self::clock())),
        file(&path).roll(Roll::daily().size(100).keep(5).clock(&clock)),
        file(&path).roll(roll()).mode(0o644),
        file(dir.path().join("uno.1.log")),
    ];
    for other in others {
        let error = other.clone().open().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::OptionMismatch, "{error}");
        let text = error.to_string();
        let names_what_differs = text.contains("rolled by size 100, keep 5") != text.contains("with mode 0o600, and");
        assert!(names_what_differs && text.contains("and this call requests it "), "{error}");
    }
    drop((sink, same));
    assert!(file(&path).open().is_ok());
}

#[test]
fn opening_a_log_that_has_rolled_gives_the_same_output() {
    let dir = tempfile::tempdir().unwrap();
    let options = || file(dir.path().join("uno.log")).roll(Roll::by_size(1));
    let sink = json(options());
    for seq in 1..=5 {
        deliver(&sink, seq);
        deliver(&json(options()), seq);
        assert_eq!(sink.ledger().written, 2 * seq);
    }
    let relative = json(file(dir.path().join("./uno.log")).roll(Roll::by_size(1)));
    deliver(&relative, 11);
    assert_eq!(sink.ledger().written, 11, "another path to the same log");
    assert_eq!(names(dir.path()).len(), 11);
}

#[test]
fn every_file_gets_the_same_mode() {
    let dir = tempfile::tempdir().unwrap();
    for (name, options, expected) in [
        ("private", file(dir.path().join("private")), 0o600),
        ("shared", file(dir.path().join("shared")).mode(0o640), 0o640),
    ] {
        let sink = json(options.roll(Roll::by_size(1)));
        (1..=3).for_each(|seq| _ = deliver(&sink, seq));
        for n in 1..=3 {
            let mode = fs::metadata(dir.path().join(format!("{name}.{n}"))).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{name}.{n}");
        }
    }
}

#[test]
fn only_regular_files_roll() {
    let dir = tempfile::tempdir().unwrap();
    for (device, reason) in [
        ("/dev/null", "only regular files roll"),
        ("/dev/stdout", "it is a standard stream of this process"),
        ("/dev/fd/1", "it is a standard stream of this process"),
    ] {
        let error = open_error_of(file(device).roll(Roll::by_size(10)));
        assert!(error.contains(reason), "{error}");
    }
    assert!(open_error_of(file(dir.path().join("uno.log")).roll(Roll::by_size(0))).contains("holds no record"));
    assert!(
        open_error_of(file(dir.path().join("uno.log")).roll(Roll::daily().utc_offset(90_000)))
            .contains("less than a day")
    );
    symlink("/dev/null", dir.path().join("uno.1.log")).unwrap();
    let roll = |allow| file(dir.path().join("uno.log")).allow_symlink(allow).roll(Roll::by_size(1));
    // The link is not a file of the log, but has the name of the log's first file.
    for allow in [false, true] {
        assert!(open_error_of(roll(allow)).contains("it is a symbolic link, which is not followed among"));
    }
    assert!(open_error_of(file("/").roll(Roll::daily())).contains("it has no file name"));
}

fn open_error_of(options: FileOptions) -> String {
    options.open().unwrap_err().to_string()
}

#[test]
fn a_file_with_an_impossible_number_is_ignored_and_reported() {
    for (planted, size) in
        [("18446744073709551615", None), ("1000000000000", None), ("999999999999", Some("1000000000001"))]
    {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(format!("uno.{planted}.log")), "planted\n").unwrap();
        let path = dir.path().join("uno.log");
        let (sink, reports) = capture_reports(|| file(&path).roll(Roll::by_size(9).keep(1)).open().unwrap());
        assert_eq!(reports.iter().any(|line| line.contains("has a number that no log reaches")), size.is_none());
        write_batch(&path, &["one\n", "two\n", "three\n"]);
        let last = size.map_or("uno.2.log".to_owned(), |next| format!("uno.{next}.log"));
        assert!(names(dir.path()).contains(&last), "it rolled: {:?}", names(dir.path()));
        assert_eq!(dir.path().join(format!("uno.{planted}.log")).exists(), size.is_none(), "nobody removes it");
        drop(sink);
    }
}

#[test]
fn a_file_in_the_directory_is_never_taken_for_a_rolled_file() {
    let dir = tempfile::tempdir().unwrap();
    for other in
        ["uno.1.log", "uno.9999-12-31Z.log", "uno.18446744073709551615.log", "uno.2026-11-26Z.1.log", "uno.1.log.gz"]
    {
        drop(crate::sink::file_in(dir.path(), other).open().unwrap());
    }
    let others = names(dir.path());
    let clock = clock();
    for roll in [Roll::by_size(4), Roll::daily().clock(&clock), Roll::daily().size(4).clock(&clock)] {
        let path = dir.path().join("uno.log");
        let (sink, reports) = capture_reports(|| file(&path).roll(roll.keep(1)).open().unwrap());
        write_batch(&path, &["one\n", "two\n"]);
        assert!(reports.is_empty(), "{reports:?}");
        drop(sink);
        assert!(
            others.iter().all(|other| names(dir.path()).contains(other) && read(dir.path().join(other)).is_empty())
        );
    }
}

/// Links with the names of the next files are not followed, whether or not links are allowed. The files that they lead to stay as they are.
#[test]
fn links_among_the_next_files_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, "mine\n").unwrap();
    let path = dir.path().join("uno.log");
    let sink = file(&path).allow_symlink(true).roll(Roll::by_size(10)).open().unwrap();
    symlink(&elsewhere, dir.path().join("uno.2.log")).unwrap();
    let ((), reports) = capture_reports(|| write_batch(&path, &["one\n", "two\n", "three\n"]));
    assert_eq!(read(elsewhere), "mine\n");
    assert_eq!(read(dir.path().join("uno.1.log")), "one\ntwo\nthree\n", "{reports:?}");
    assert_eq!(reports.len(), 1, "{reports:?}");
    drop(sink);
}

/// A process that was killed while it replaced the link has left a temporary link, and another process has the same id now.
#[test]
fn a_temporary_link_of_a_killed_process_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let sink = file(&path).roll(Roll::by_size(4).link_latest("latest")).open().unwrap();
    symlink("uno.1.log", dir.path().join(format!("latest.{}.tmp", std::process::id()))).unwrap();
    let ((), reports) = capture_reports(|| write_batch(&path, &["one\n", "two\n"]));
    assert_eq!(fs::read_link(dir.path().join("latest")).unwrap(), Path::new("uno.2.log"));
    assert_eq!(reports, Vec::<String>::new());
    drop(sink);
}
