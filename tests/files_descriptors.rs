//! Log files and the descriptors 0 to 2: a log never becomes a standard stream, and a log that is a standard stream shares its offset.
//!
//! A process for each case, because the descriptors belong to the process.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;

use logscope::sink::{self, FileOptions, Roll, Sink};
use logscope::{Format, OutputContext, Time};
use serde_json::{Value, json};

use child::{Child, in_child};

/// A sink whose lines are the messages only.
fn open(options: FileOptions) -> Sink {
    plain(&options.open().unwrap())
}

fn plain(sink: &Sink) -> Sink {
    sink.format(Format::build().time(Time::None))
}

fn log(sink: &Sink, message: &str) {
    OutputContext::builder("uno").sink(sink.clone()).build().scope(|| tracing::info!("{message}"));
}

fn close(descriptor: i32) {
    // SAFETY: the descriptor is open, and nothing else in this process owns it.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}

/// What the standard streams lead to, if anything.
fn streams() -> Vec<Option<String>> {
    let link = |number: i32| fs::read_link(format!("/proc/self/fd/{number}")).ok();
    (0..3).map(|number| link(number).map(|path| path.display().to_string())).collect()
}

#[test]
fn a_log_never_becomes_a_standard_stream() {
    in_child("a_log_never_becomes_a_standard_stream", |folder| {
        logscope::init();
        (0..3).for_each(close);
        let (path, rolled) = (folder.join("uno.log"), folder.join("due.log"));
        let (uno, due) = (open(sink::file(&path)), open(sink::file(&rolled).roll(Roll::by_size(4))));
        let mut seen = vec![streams()];
        // Rolls twice.
        (0..3).for_each(|_| log(&due, "due"));
        seen.push(streams());
        fs::rename(&path, folder.join("uno.log.1")).unwrap();
        uno.reopen().unwrap();
        seen.push(streams());
        log(&sink::stdout(), "lost");
        let _ = writeln!(std::io::stdout(), "lost");
        log(&uno, "uno");
        json!(seen)
    });
    let ended = Child::new("a_log_never_becomes_a_standard_stream").run();
    assert_eq!(ended.report, json!([[null, null, null], [null, null, null], [null, null, null]]));
    assert_eq!(ended.read("uno.log"), "uno\n");
    assert_eq!((1..=3).map(|number| ended.read(&format!("due.{number}.log"))).collect::<String>(), "due\n".repeat(3));
}

/// Logs through `sinks` in turn and prints between, three times.
fn log_in_turn(sinks: &[Sink], mut print: impl FnMut(&str)) {
    for round in 0..3 {
        for (number, sink) in sinks.iter().enumerate() {
            log(sink, &format!("sink {number} in round {round}"));
        }
        print(&format!("print in round {round}\n"));
    }
}

/// What [`log_in_turn`] writes.
fn all_lines(sinks: usize) -> String {
    let round = |round: usize| {
        let logged = (0..sinks).map(move |number| format!("sink {number} in round {round}\n"));
        logged.chain([format!("print in round {round}\n")]).collect::<String>()
    };
    (0..3).map(round).collect()
}

#[test]
fn a_redirected_stdout_and_its_file_are_one_output() {
    const ROLE: &str = "a_redirected_stdout_and_its_file_are_one_output";
    in_child(ROLE, |folder| {
        logscope::init();
        let (file, link) = (folder.join("stdout"), folder.join("link.log"));
        // The harness has printed a few lines.
        let printed = fs::read_to_string(&file).unwrap();
        symlink("/dev/stdout", &link).unwrap();
        let sinks = [
            open(sink::file(&file)),
            open(sink::file("/dev/stdout")),
            open(sink::file("/dev/fd/1")),
            open(sink::file("/proc/self/fd/1")),
            open(sink::file(&link).allow_symlink(true)),
            plain(&sink::stdout()),
        ];
        log_in_turn(&sinks, |text| std::io::stdout().write_all(text.as_bytes()).unwrap());
        let text = fs::read_to_string(&file).unwrap();
        let shared = sinks[..5].iter().map(|sink| sink.ledger().written).collect::<Vec<_>>();
        json!({ "text": text.strip_prefix(&printed), "shared": shared })
    });
    let report = Child::new(ROLE).run().report;
    assert_eq!(report, json!({ "text": all_lines(6), "shared": vec![15; 5] }), "the ledger of one output");
}

#[test]
fn a_redirected_stderr_and_its_file_are_one_output_whichever_is_opened_first() {
    const ROLE: &str = "a_redirected_stderr_and_its_file_are_one_output_whichever_is_opened_first";
    in_child(ROLE, |folder| {
        logscope::init();
        let file = folder.join("stderr");
        let texts = [false, true].map(|stream_is_first| {
            let before = fs::read_to_string(&file).unwrap();
            let path = if stream_is_first { Path::new("/dev/stderr") } else { &file };
            let first = open(sink::file(path));
            let sinks = [first, open(sink::file(&file)), open(sink::file("/dev/stderr")), plain(&sink::stderr())];
            log_in_turn(&sinks, |text| std::io::stderr().write_all(text.as_bytes()).unwrap());
            fs::read_to_string(&file).unwrap().strip_prefix(&before).map(str::to_owned)
        });
        json!(texts)
    });
    assert_eq!(Child::new(ROLE).run().report, json!([all_lines(4), all_lines(4)]));
}

#[test]
fn other_descriptors_share_their_offset_and_sockets_work() {
    const ROLE: &str = "other_descriptors_share_their_offset_and_sockets_work";
    in_child(ROLE, |folder| {
        logscope::init();
        let path = folder.join("log");
        let mut file = File::create(&path).unwrap();
        let sinks = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"]
            .map(|directory| open(sink::file(format!("{directory}/{}", file.as_raw_fd()))));
        log_in_turn(&sinks, |text| file.write_all(text.as_bytes()).unwrap());

        let (mut reader, socket) = UnixStream::pair().unwrap();
        let sink = open(sink::file(format!("/dev/fd/{}", socket.as_raw_fd())));
        log(&sink, "to a socket");
        drop((sink, socket));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();

        let closed = sink::file("/dev/fd/999").open().unwrap_err().to_string();
        json!({ "file": fs::read_to_string(&path).unwrap(), "socket": text, "closed": closed.contains("/dev/fd/999") })
    });
    let report = Child::new(ROLE).run().report;
    assert_eq!(report, json!({ "file": all_lines(3), "socket": "to a socket\n", "closed": true }));
}

#[test]
fn a_file_that_is_open_and_its_descriptor_share_the_offset_from_then_on() {
    const ROLE: &str = "a_file_that_is_open_and_its_descriptor_share_the_offset_from_then_on";
    in_child(ROLE, |folder| {
        logscope::init();
        let path = folder.join("log");
        let mut file = File::create(&path).unwrap();
        let by_path = open(sink::file(&path));
        log(&by_path, "before");
        let by_descriptor = open(sink::file(format!("/dev/fd/{}", file.as_raw_fd())));
        log_in_turn(&[by_path.clone(), by_descriptor], |text| file.write_all(text.as_bytes()).unwrap());
        // A log that was closed could not find the descriptor again.
        sink::max_open_files(1);
        log(&open(sink::file(folder.join("other"))), "closes no other");
        log_in_turn(std::slice::from_ref(&by_path), |text| file.write_all(text.as_bytes()).unwrap());

        fs::rename(&path, folder.join("moved")).unwrap();
        let flushed = by_path.flush(std::time::Duration::MAX).is_complete();
        log(&by_path, "after");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        json!({ "moved": read("moved"), "log": read("log"), "flushed": flushed })
    });
    let report = Child::new(ROLE).run().report;
    let moved = format!("before\n{}{}", all_lines(2), all_lines(1));
    assert_eq!(report, json!({ "moved": moved, "log": "after\n", "flushed": true }));
}

#[test]
fn a_standard_stream_neither_rolls_nor_is_opened_anew() {
    const ROLE: &str = "a_standard_stream_neither_rolls_nor_is_opened_anew";
    in_child(ROLE, |folder| {
        logscope::init();
        let (file, link) = (folder.join("stdout"), folder.join("link.log"));
        symlink("/dev/stdout", &link).unwrap();
        let roll = |path: &Path| {
            let options = sink::file(path).allow_symlink(true).roll(Roll::by_size(1_000));
            options.open().map_or_else(|error| error.to_string(), |sink| format!("opened {sink}"))
        };
        let errors: Vec<_> = [&*file, &link, Path::new("/dev/stdout")].into_iter().map(roll).collect();
        let reopened = sink::file(&file).open().unwrap().reopen().map_err(|error| error.to_string());
        json!({ "errors": errors, "reopened": reopened, "left": fs::read_dir(folder).unwrap().count() })
    });
    let Value::Object(report) = Child::new(ROLE).run().report else { panic!("no report") };
    for error in report["errors"].as_array().unwrap() {
        assert!(error.as_str().unwrap().contains("a standard stream of this process, which cannot roll"), "{error}");
    }
    let reopened = report["reopened"]["Err"].as_str().unwrap_or_default();
    assert!(reopened.contains("it is not a file that has a name"), "{report:?}");
    assert_eq!(report["left"], 4, "the report, two streams and the link");
}

#[test]
fn a_stream_that_is_redirected_to_an_open_log_shares_its_offset() {
    const ROLE: &str = "a_stream_that_is_redirected_to_an_open_log_shares_its_offset";
    in_child(ROLE, |folder| {
        logscope::init();
        let path = folder.join("uno.log");
        let sink = open(sink::file(&path));
        log(&sink, "before");
        let mut redirected = File::options().write(true).open(&path).unwrap();
        redirected.seek(SeekFrom::End(0)).unwrap();
        rustix::stdio::dup2_stdout(&redirected).unwrap();
        // The log checks where its file is.
        let flushed = sink.flush(std::time::Duration::MAX).is_complete();
        log_in_turn(std::slice::from_ref(&sink), |text| std::io::stdout().write_all(text.as_bytes()).unwrap());
        // A log that was closed for lack of descriptors finds its file again, though it is a stream now.
        sink::max_open_files(1);
        log(&open(sink::file(folder.join("due.log"))), "parks the first");
        log(&sink, "after");
        json!({ "flushed": flushed, "text": fs::read_to_string(&path).unwrap(), "failed": sink.ledger().failed })
    });
    let text = format!("before\n{}after\n", all_lines(1));
    assert_eq!(Child::new(ROLE).run().report, json!({ "flushed": true, "text": text, "failed": 0 }));
}

#[test]
fn a_log_that_was_closed_and_became_a_stream_stays_in_its_directory() {
    const ROLE: &str = "a_log_that_was_closed_and_became_a_stream_stays_in_its_directory";
    in_child(ROLE, |folder| {
        logscope::init();
        let path = |name: &str| folder.join(name);
        fs::create_dir(path("logs")).unwrap();
        let uno = open(sink::file(path("logs/uno.log")));
        sink::max_open_files(1);
        log(&open(sink::file(path("due.log"))), "closes the other");
        let before = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        rustix::stdio::dup2_stdout(File::options().append(true).open(path("logs/uno.log")).unwrap()).unwrap();
        log(&uno, "one");
        rustix::stdio::dup2_stdout(before).unwrap();
        fs::rename(path("logs"), path("moved")).unwrap();
        fs::create_dir(path("logs")).unwrap();
        fs::rename(path("moved/uno.log"), path("moved/uno.log.1")).unwrap();
        let flushed = uno.flush(std::time::Duration::MAX).is_complete();
        log(&uno, "two");
        json!({ "flushed": flushed, "planted": path("logs/uno.log").exists() })
    });
    let ended = Child::new(ROLE).run();
    assert_eq!(ended.fallback_lines(), [""; 0], "nothing is wrong");
    assert_eq!(ended.report, json!({ "flushed": true, "planted": false }));
    assert_eq!((ended.read("moved/uno.log.1"), ended.read("moved/uno.log")), ("one\n".into(), "two\n".into()));
}

#[test]
fn a_log_that_is_opened_again_for_a_record_never_becomes_a_standard_stream() {
    const ROLE: &str = "a_log_that_is_opened_again_for_a_record_never_becomes_a_standard_stream";
    in_child(ROLE, |folder| {
        logscope::init();
        sink::max_open_files(1);
        let logs = ["uno.log", "due.log"].map(|name| open(sink::file(folder.join(name))));
        (0..3).for_each(close);
        let mut seen = Vec::new();
        for _ in 0..2 {
            for sink in &logs {
                log(sink, "record");
                seen.push(streams());
            }
        }
        json!(seen)
    });
    let ended = Child::new(ROLE).run();
    assert_eq!(ended.report, json!(vec![[Value::Null, Value::Null, Value::Null]; 4]));
    assert_eq!((ended.read("uno.log"), ended.read("due.log")), ("record\n".repeat(2), "record\n".repeat(2)));
}

#[cfg(feature = "gzip")]
#[test]
fn an_old_file_that_is_compressed_never_becomes_a_standard_stream() {
    const ROLE: &str = "an_old_file_that_is_compressed_never_becomes_a_standard_stream";
    in_child(ROLE, |folder| {
        logscope::init();
        // Takes a while to compress.
        fs::write(folder.join("uno.1.log"), vec![b'x'; 8 << 20]).unwrap();
        (0..3).for_each(close);
        let sink = open(sink::file(folder.join("uno.log")).roll(Roll::by_size(4).compress(true)));
        log(&sink, "record");
        let start = std::time::Instant::now();
        let mut seen = std::collections::BTreeSet::new();
        while folder.join("uno.1.log").exists() && start.elapsed() < std::time::Duration::from_secs(30) {
            // Directories may be there for a moment.
            seen.extend(streams().into_iter().flatten().filter(|path| path.contains(".log")));
        }
        json!({ "seen": seen, "compressed": folder.join("uno.1.log.gz").exists() })
    });
    assert_eq!(Child::new(ROLE).run().report, json!({ "seen": [], "compressed": true }));
}

/// The name of a stream that another user has opened leads to a file that this user cannot open. So it is written to through the stream.
#[test]
fn a_stream_that_another_user_opened_is_written_to() {
    const ROLE: &str = "a_stream_that_another_user_opened_is_written_to";
    in_child(ROLE, |folder| {
        logscope::init();
        let path = folder.join("stdout");
        let refused = [Path::new("/dev/stdout"), &path].map(|path| {
            let error = File::options().append(true).open(path).unwrap_err();
            error.kind() == std::io::ErrorKind::PermissionDenied
        });
        let sinks = [open(sink::file("/dev/stdout")), open(sink::file(&path)), plain(&sink::stdout())];
        log_in_turn(&sinks, |text| std::io::stdout().write_all(text.as_bytes()).unwrap());
        json!({ "refused": refused, "shared": sinks[0].ledger().written })
    });
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can start a process of another user");
        return;
    }
    let ended = Child::new(ROLE).run_by_user(65_534).run();
    assert_eq!(ended.report, json!({ "refused": [true, true], "shared": 6 }));
    assert!(ended.stdout.ends_with(&all_lines(3)), "{}", ended.stdout);
}

#[test]
fn a_stdout_that_is_a_socket_is_written_to() {
    const ROLE: &str = "a_stdout_that_is_a_socket_is_written_to";
    in_child(ROLE, |_| {
        logscope::init();
        let (mut reader, socket) = UnixStream::pair().unwrap();
        let before = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        rustix::stdio::dup2_stdout(socket).unwrap();
        let sinks = ["/dev/stdout", "/dev/fd/1"].map(|path| open(sink::file(path)));
        log_in_turn(&[&sinks[..], &[plain(&sink::stdout())]].concat(), |text| {
            std::io::stdout().write_all(text.as_bytes()).unwrap();
        });
        drop(sinks);
        rustix::stdio::dup2_stdout(before).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        json!(text)
    });
    assert_eq!(Child::new(ROLE).run().report, json!(all_lines(3)));
}
