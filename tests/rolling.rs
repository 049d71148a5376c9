//! Logs that roll by size and by time: which record is in which file, what the files are called, and which are kept.
//!
//! The tests set the clock by hand and never wait for it.

#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use logscope::sink::{self, Roll};
use logscope::{Clock, Format, ManualClock, Origin, OutputContext, Time, TimeSource};

/// A clock that stands at 2026-11-26T00:36:17Z.
fn clock() -> ManualClock {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_653_377);
    ManualClock::at(Origin::from_parts(Instant::now(), wall))
}

/// A context whose log `uno.log` in `dir` rolls. A line holds the message only.
fn context(dir: &Path, roll: Roll) -> OutputContext {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(logscope::init);
    let log = sink::file(dir.join("uno.log")).roll(roll).open().unwrap();
    OutputContext::builder("uno").sink(log.format(Format::build().time(Time::None))).build()
}

/// Logs the numbers, each as a line of twelve bytes.
fn log(context: &OutputContext, numbers: impl IntoIterator<Item = u32>) {
    context.scope(|| numbers.into_iter().for_each(|number| tracing::info!("record {number:04}")));
}

fn line(number: u32) -> String {
    format!("record {number:04}\n")
}

/// The files in `dir` and their texts.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(dir).unwrap().map(read).collect()
}

fn names(dir: &Path) -> Vec<String> {
    files(dir).into_keys().collect()
}

/// The result of [`files`] for these files with these records.
fn expected<const N: usize>(files: [(&str, &[u32]); N]) -> BTreeMap<String, String> {
    files.into_iter().map(|(name, records)| (name.to_owned(), records.iter().copied().map(line).collect())).collect()
}

#[test]
fn a_file_is_filled_up_to_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    log(&context(dir.path(), Roll::by_size(36)), 1..=7);
    assert_eq!(
        files(dir.path()),
        expected([("uno.1.log", &[1, 2, 3]), ("uno.2.log", &[4, 5, 6]), ("uno.3.log", &[7])])
    );
}

#[test]
fn a_record_larger_than_the_limit_has_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let uno = context(dir.path(), Roll::by_size(24));
    let long = "x".repeat(100);
    log(&uno, [1]);
    uno.scope(|| tracing::info!("{long}"));
    log(&uno, [2, 3, 4]);
    let mut expected = expected([("uno.1.log", &[1]), ("uno.3.log", &[2, 3]), ("uno.4.log", &[4])]);
    expected.insert("uno.2.log".to_owned(), format!("{long}\n"));
    assert_eq!(files(dir.path()), expected);
}

#[test]
fn a_reopened_log_goes_on_in_its_newest_file() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["uno.9.log", "uno.10.log"] {
        fs::write(dir.path().join(name), line(0)).unwrap();
    }
    for numbers in [[1, 2], [3, 4]] {
        log(&context(dir.path(), Roll::by_size(36)), numbers);
    }
    assert_eq!(
        files(dir.path()),
        expected([("uno.9.log", &[0]), ("uno.10.log", &[0, 1, 2]), ("uno.11.log", &[3, 4])]),
        "file 10 is newer than file 9"
    );
}

#[test]
fn a_compressed_file_is_followed_by_another() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("uno.7.log.gz"), "").unwrap();
    log(&context(dir.path(), Roll::by_size(36)), [1]);
    assert_eq!(names(dir.path()), ["uno.7.log.gz", "uno.8.log"]);
}

/// Logs one record at once and one after each of `steps`, in seconds, and returns the files.
fn steps<const N: usize>(roll: Roll, steps: [u64; N]) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let uno = context(dir.path(), roll.clock(&clock));
    log(&uno, [0]);
    for (number, step) in (1..).zip(steps) {
        clock.advance(Duration::from_secs(step));
        log(&uno, [number]);
    }
    files(dir.path())
}

#[test]
fn a_log_rolls_at_the_full_minute_hour_and_day() {
    assert_eq!(
        steps(Roll::minutely(), [42, 1, 59, 1, 3_600]),
        expected([
            ("uno.2026-11-26T00-36Z.log", &[0, 1]),
            ("uno.2026-11-26T00-37Z.log", &[2, 3]),
            ("uno.2026-11-26T00-38Z.log", &[4]),
            ("uno.2026-11-26T01-38Z.log", &[5]),
        ])
    );
    assert_eq!(
        steps(Roll::hourly(), [23 * 60 + 42, 1, 24 * 3_600]),
        expected([
            ("uno.2026-11-26T00Z.log", &[0, 1]),
            ("uno.2026-11-26T01Z.log", &[2]),
            ("uno.2026-11-27T01Z.log", &[3]),
        ])
    );
    assert_eq!(
        steps(Roll::daily(), [23 * 3_600 + 23 * 60 + 42, 1, 86_400 * 36]),
        expected([("uno.2026-11-26Z.log", &[0, 1]), ("uno.2026-11-27Z.log", &[2]), ("uno.2027-01-02Z.log", &[3]),])
    );
}

#[test]
fn days_and_hours_follow_the_utc_offset() {
    assert_eq!(
        steps(Roll::daily().utc_offset(-12_600), [3 * 3_600 - 6 * 60 - 18, 1]),
        expected([("uno.2026-11-25-0330.log", &[0, 1]), ("uno.2026-11-26-0330.log", &[2])])
    );
    assert_eq!(steps(Roll::hourly().utc_offset(7_200), []), expected([("uno.2026-11-26T02+0200.log", &[0])]));
}

#[test]
fn a_daily_log_rolls_by_size_too() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let roll = || Roll::daily().size(24).clock(&clock);
    let uno = context(dir.path(), roll());
    log(&uno, [1, 2, 3]);
    clock.advance(Duration::from_secs(86_400));
    log(&uno, [4]);
    drop(uno);
    log(&context(dir.path(), roll()), [5, 6]);
    assert_eq!(
        files(dir.path()),
        expected([
            ("uno.2026-11-26Z.1.log", &[1, 2]),
            ("uno.2026-11-26Z.2.log", &[3]),
            ("uno.2026-11-27Z.1.log", &[4, 5]),
            ("uno.2026-11-27Z.2.log", &[6]),
        ])
    );
}

/// Files that do not belong to the log, although their names resemble those of its files.
const OTHERS: [&str; 8] = [
    "uno.log",
    "uno.debug.log",
    "uno.1.debug.log",
    "uno.01.log",
    "uno.1.log.bak",
    "due.1.log",
    "uno.2026-11-20Z.log",
    "uno.1",
];

#[test]
fn the_newest_files_are_kept_and_files_of_others_are_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    for name in OTHERS {
        fs::write(dir.path().join(name), "").unwrap();
    }
    for name in ["uno.8.log", "uno.9.log.gz", "uno.10.log", "uno.11.log"] {
        fs::write(dir.path().join(name), line(0)).unwrap();
    }
    let uno = context(dir.path(), Roll::by_size(24).keep(3));
    let ours = |dir: &Path| {
        let mut names = names(dir);
        names.retain(|name| !OTHERS.contains(&name.as_str()));
        names
    };
    assert_eq!(ours(dir.path()), ["uno.10.log", "uno.11.log", "uno.9.log.gz"]);
    for (number, oldest) in [(1, 9), (2, 10), (3, 10), (4, 11)] {
        log(&uno, [number]);
        assert_eq!(ours(dir.path()).len(), 3);
        assert!(ours(dir.path()).iter().any(|name| name.starts_with(&format!("uno.{oldest}."))), "{number}");
    }
    assert_eq!(ours(dir.path()), ["uno.11.log", "uno.12.log", "uno.13.log"]);
    assert!(OTHERS.iter().all(|name| dir.path().join(name).exists()));
}

#[test]
fn the_live_file_is_always_kept() {
    let dir = tempfile::tempdir().unwrap();
    let uno = context(dir.path(), Roll::by_size(24).keep(0).keep_bytes(0));
    log(&uno, 1..=5);
    assert_eq!(files(dir.path()), expected([("uno.3.log", &[5])]));
}

#[test]
fn a_log_never_exceeds_keep_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let uno = context(dir.path(), Roll::by_size(24).keep_bytes(60));
    for number in 1..=20 {
        log(&uno, [number]);
        let bytes: usize = files(dir.path()).values().map(String::len).sum();
        assert!(bytes <= 60, "{bytes}");
    }
    assert_eq!(files(dir.path()), expected([("uno.9.log", &[17, 18]), ("uno.10.log", &[19, 20])]));
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let uno = context(dir.path(), Roll::daily().keep_bytes(36).clock(&clock));
    for day in 0..5 {
        log(&uno, [day]);
        clock.advance(Duration::from_secs(86_400));
    }
    assert_eq!(files(dir.path()).len(), 4, "a day has no size limit: the last three days and the new one are kept");
}

#[cfg(unix)]
#[test]
fn directories_and_links_are_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("uno.1.log")).unwrap();
    fs::create_dir(dir.path().join("elsewhere")).unwrap();
    let target = dir.path().join("elsewhere/kept");
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, dir.path().join("uno.2.log")).unwrap();
    fs::write(dir.path().join("uno.3.log"), line(0)).unwrap();
    let uno = context(dir.path(), Roll::by_size(12).keep(1));
    log(&uno, 1..=3);
    assert!(dir.path().join("uno.1.log").is_dir() && dir.path().join("uno.2.log").is_symlink() && target.exists());
    assert!(!dir.path().join("uno.5.log").exists() && dir.path().join("uno.6.log").exists());
}

#[cfg(unix)]
#[test]
fn the_link_always_leads_to_the_live_file() {
    let dir = tempfile::tempdir().unwrap();
    let uno = context(dir.path(), Roll::by_size(12).keep(2).link_latest("uno.log"));
    let link = dir.path().join("uno.log");
    for number in 1..=4 {
        log(&uno, [number]);
        assert_eq!(
            fs::read_link(&link).unwrap(),
            Path::new(&format!("uno.{number}.log")),
            "the link must be relative and lead to the live file"
        );
        assert_eq!(fs::read_to_string(&link).unwrap(), line(number));
    }
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let (done, link) = (&done, &link);
        scope.spawn(move || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(link.is_symlink(), "for a moment there is no link");
            }
        });
        log(&uno, 5..=300);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(names(dir.path()).len(), 3, "there must be two files, the link, and no temporary file");
}

/// Several threads log while the log rolls by size and by time: each record is in the files once, whole, and in the order of its thread,
/// and no file exceeds its limit.
#[test]
fn threads_lose_nothing_while_a_log_rolls() {
    const THREADS: u32 = 4;
    const RECORDS: u32 = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let uno = context(dir.path(), Roll::minutely().size(1_200).clock(&clock));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (uno, clock) = (&uno, &clock);
            scope.spawn(move || {
                for number in 0..RECORDS {
                    log(uno, [thread * RECORDS + number]);
                    if number % 250 == 0 {
                        clock.advance(Duration::from_secs(20));
                    }
                }
            });
        }
    });
    let ledger = uno.ledger();
    assert!(ledger.is_complete() && ledger.written == u64::from(THREADS * RECORDS), "{ledger}");
    let mut files: Vec<_> = files(dir.path()).into_iter().collect();
    assert!(files.len() > 40, "{}", files.len());
    // By time, and by number within a minute.
    files.sort_by_key(|(name, _)| {
        let (time, number) = name.strip_suffix(".log").unwrap().rsplit_once('.').unwrap();
        (time.to_owned(), number.parse::<u32>().unwrap())
    });
    assert!(files.iter().all(|(_, text)| !text.is_empty() && text.len() <= 1_200));
    let text: String = files.into_iter().map(|(_, text)| text).collect();
    let numbers: Vec<u32> = text.lines().map(|line| line.strip_prefix("record ").unwrap().parse().unwrap()).collect();
    for thread in 0..THREADS {
        let of_thread = numbers.iter().filter(|number| **number / RECORDS == thread);
        assert!(of_thread.copied().eq(thread * RECORDS..(thread + 1) * RECORDS), "thread {thread}");
    }
}

/// A clock with a lock that the other thread of the test holds around its log call.
struct GuardedClock {
    lock: Arc<Mutex<()>>,
    is_asked: mpsc::SyncSender<()>,
}

impl TimeSource for GuardedClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        if thread::current().name() == Some("asks") {
            self.is_asked.send(()).unwrap();
            drop(self.lock.lock().unwrap());
        }
        SystemTime::now()
    }
}

#[test]
fn a_clock_may_wait_for_a_lock_that_a_thread_holds_while_it_logs() {
    let dir = tempfile::tempdir().unwrap();
    let lock = Arc::new(Mutex::new(()));
    let (is_asked, asked) = mpsc::sync_channel(1);
    let roll = Roll::daily().clock(Clock::custom(GuardedClock { lock: Arc::clone(&lock), is_asked }));
    let uno = context(dir.path(), roll);
    let (done, is_done) = mpsc::channel();
    let held = lock.lock().unwrap();
    let asks = thread::Builder::new().name("asks".into()).spawn({
        let (uno, done) = (uno.clone(), done.clone());
        move || (log(&uno, [1]), done.send(()).unwrap())
    });
    asked.recv_timeout(Duration::from_secs(30)).expect("the clock is asked");
    let (one, release) = (uno.clone(), mpsc::channel());
    let holds = thread::spawn(move || (log(&one, [2]), release.0.send(()).unwrap()));
    // Threads that wait for each other are not joined.
    release.1.recv_timeout(Duration::from_secs(30)).expect("the file was locked while its clock was asked");
    drop(held);
    is_done.recv_timeout(Duration::from_secs(30)).unwrap();
    asks.unwrap().join().unwrap();
    holds.join().unwrap();
    assert_eq!(uno.ledger().written, 2);
}
