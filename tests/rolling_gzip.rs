//! Files of logs that roll are compressed in the background: with their mode and time, whole or not at all; an interrupted compression is
//! finished later.

#![cfg(all(unix, feature = "gzip", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use logscope::sink::{self, Roll};
use logscope::testing::wait_until;
use logscope::{Format, OutputContext, Time};

/// How long the background thread may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A context whose log `uno.log` in `dir` rolls and is compressed. A line holds the message only.
fn context(dir: &Path, roll: Roll) -> OutputContext {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(logscope::init);
    let log = sink::file(dir.join("uno.log")).mode(0o640).roll(roll.compress(true)).open().unwrap();
    OutputContext::builder("uno").sink(log.format(Format::build().time(Time::None))).build()
}

fn log(context: &OutputContext, numbers: impl IntoIterator<Item = u32>) {
    context.scope(|| numbers.into_iter().for_each(|number| tracing::info!("record {number:04}")));
}

fn lines(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| format!("record {number:04}\n")).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort_unstable();
    names
}

/// Waits until `dir` has exactly these files.
#[track_caller]
fn wait_for(dir: &Path, expected: &[&str]) {
    let look = || match names(dir) {
        names if names == expected => Ok(()),
        names => Err(names),
    };
    if let Err(error) = wait_until(DEADLINE, look) {
        panic!("waiting for {expected:?}: {error}");
    }
}

/// The text of a file, compressed or not.
fn read(path: &Path) -> String {
    let mut text = String::new();
    let mut file = File::open(path).unwrap();
    match path.extension() {
        Some(extension) if extension == "gz" => MultiGzDecoder::new(file).read_to_string(&mut text).unwrap(),
        _ => file.read_to_string(&mut text).unwrap(),
    };
    text
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn old_files_are_compressed_and_keep_their_mode_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let uno = context(dir.path(), Roll::by_size(24));
    log(&uno, [1, 2]);
    let before = fs::metadata(dir.path().join("uno.1.log")).unwrap();
    log(&uno, [3, 4, 5]);
    wait_for(dir.path(), &["uno.1.log.gz", "uno.2.log.gz", "uno.3.log"]);
    let after = fs::metadata(dir.path().join("uno.1.log.gz")).unwrap();
    assert_eq!(after.permissions().mode(), before.permissions().mode());
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
    let texts = ["uno.1.log.gz", "uno.2.log.gz", "uno.3.log"].map(|name| read(&dir.path().join(name)));
    assert_eq!(texts, [lines([1, 2]), lines([3, 4]), lines([5])]);
}

#[test]
fn opening_a_log_finishes_interrupted_compressions() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    put("uno.1.log", lines([1]).as_bytes());
    put("uno.2.log", lines([2]).as_bytes());
    put("uno.2.log.gz.tmp", b"half of it");
    put("uno.3.log", lines([3]).as_bytes());
    put("uno.3.log.gz", &gz(&lines([3])));
    put("uno.4.log", lines([4]).as_bytes());
    put("uno.4.log.gz", &gz(&lines([0])));
    put("uno.5.log.gz.tmp", b"half of it");
    put("uno.debug.log.gz.tmp", b"another's");
    put("uno.6.log", lines([6]).as_bytes());
    let _uno = context(dir.path(), Roll::by_size(24));
    let expected = [
        "uno.1.log.gz",
        "uno.2.log.gz",
        "uno.3.log.gz",
        "uno.4.log",
        "uno.4.log.gz",
        "uno.6.log",
        "uno.debug.log.gz.tmp",
    ];
    wait_for(dir.path(), &expected);
    for n in 1..=3 {
        assert_eq!(read(&dir.path().join(format!("uno.{n}.log.gz"))), lines([n]));
    }
    assert_eq!(
        read(&dir.path().join("uno.4.log.gz")),
        lines([0]),
        "a file with other contents must not be overwritten"
    );
}

#[test]
fn no_record_in_kept_files_is_lost_by_compression() {
    const THREADS: u32 = 3;
    const RECORDS: u32 = 400;
    let dir = tempfile::tempdir().unwrap();
    let uno = context(dir.path(), Roll::by_size(600).keep(10));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let uno = &uno;
            scope.spawn(move || log(uno, thread * RECORDS..(thread + 1) * RECORDS));
        }
    });
    // 24 files of 50 records each, of which the newest ten are kept.
    let expected: Vec<_> = (15..24).map(|n| format!("uno.{n}.log.gz")).chain(["uno.24.log".to_owned()]).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    wait_for(dir.path(), &expected);
    let mut next: BTreeMap<u32, u32> = BTreeMap::new();
    for name in expected {
        let text = read(&dir.path().join(name));
        assert_eq!(text.lines().count(), 50, "{name}");
        for line in text.lines() {
            let number: u32 = line.strip_prefix("record ").unwrap().parse().unwrap();
            let before = next.insert(number / RECORDS, number + 1);
            assert!(before.is_none_or(|before| before == number), "{number} comes after {before:?} in {name}");
        }
    }
}
