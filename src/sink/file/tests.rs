//! Tests of opening files: one output per file, whatever the path, and errors that say what to do.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use crate::delivery::Fate;
use crate::fallback::capture_reports;
use crate::file::appender_of;
use crate::format::Format;
use crate::sink::test_support::{ParsedLine, deliver};
use crate::sink::{FileOptions, Ledger, Sink, file};

#[cfg(unix)]
mod folders;
#[cfg(unix)]
mod rolling;
mod truncate;

fn json(options: FileOptions) -> Sink {
    options.open().unwrap().format(Format::json())
}

fn lines(path: &Path) -> Vec<ParsedLine> {
    ParsedLine::parse_all(&fs::read_to_string(path).unwrap())
}

/// Returns the message of the error from opening, which must name the path.
fn open_error(options: FileOptions) -> String {
    let path = options.path.display().to_string();
    let error = options.open().unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), crate::ErrorKind::Open, "{text}");
    assert!(text.contains(&path), "{text} does not name {path}");
    text
}

#[test]
fn a_file_is_created_and_appended_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/c.log");
    assert!(open_error(file(&path)).contains("set create_parents(true)"));
    let sink = json(file(&path).create_parents(true));
    assert_eq!(sink.describe(), format!("file {}", path.display()));
    deliver(&sink, 1);
    drop(sink);
    deliver(&json(file(&path)), 2);
    assert_eq!(lines(&path), [ParsedLine::Record(1), ParsedLine::Record(2)]);
}

#[test]
fn a_record_is_in_the_file_when_the_call_returns() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let sink = json(file(&path));
    for seq in 1..=3 {
        deliver(&sink, seq);
        assert_eq!(lines(&path).last(), Some(&ParsedLine::Record(seq)));
    }
}

#[test]
fn a_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(open_error(file(dir.path())).contains("it is a directory; name a file in it"));
    assert!(open_error(file("")).contains("the path is empty; name a file"));
    let inside_a_file = dir.path().join("log/x");
    fs::write(dir.path().join("log"), "").unwrap();
    open_error(file(&inside_a_file));
    assert!(open_error(file(inside_a_file.join("y")).create_parents(true)).contains("its directory cannot be created"));
    assert_eq!(file("nul\0").open().unwrap_err().kind(), crate::ErrorKind::Open);
}

#[test]
fn control_characters_in_paths_are_escaped_in_errors_and_names() {
    let dir = tempfile::tempdir().unwrap();
    let name = "uno\x1b[31m\n\u{202e}due.log";
    let directory = dir.path().join(name);
    fs::create_dir(&directory).unwrap();
    let is_escaped = |text: &str| text.contains(r"uno\x1b[31m\n\u{202e}due.log") && !text.chars().any(char::is_control);
    fs::write(directory.join("x"), "").unwrap();
    let errors = [
        file(&directory),
        file(directory.join("missing/log")),
        file(directory.join("missing/log")).roll(crate::sink::Roll::daily()),
        file(directory.join("x/y/log")).create_parents(true),
    ];
    for options in errors {
        let text = options.open().unwrap_err().to_string();
        assert!(is_escaped(&text), "{text:?}");
    }
    let sink = file(directory.join("log")).open().unwrap();
    assert!(is_escaped(sink.describe()), "{sink}");
    let mismatch = file(directory.join("log")).mode(0o640).open().unwrap_err().to_string();
    assert!(is_escaped(&mismatch), "{mismatch:?}");
    #[cfg(unix)]
    {
        let link = directory.join("link");
        std::os::unix::fs::symlink("bell\x07", &link).unwrap();
        fs::create_dir(directory.join("bell\x07")).unwrap();
        let text = file(&link).allow_symlink(true).open().unwrap_err().to_string();
        assert!(is_escaped(&text) && text.contains(r"bell\x07"), "{text:?}");
        fs::remove_file(directory.join("log")).unwrap();
        fs::create_dir(directory.join("log")).unwrap();
        let (error, _) = capture_reports(|| sink.reopen().unwrap_err().to_string());
        assert!(is_escaped(&error), "{error:?}");
    }
    drop(capture_reports(|| drop(sink)));
}

#[test]
fn the_last_view_closes_the_file_and_ends_its_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let first = json(file(&path));
    let second = json(file(&path));
    deliver(&first, 1);
    assert_eq!(second.ledger().written, 1, "two views of one output");
    drop(first);
    deliver(&second, 2);
    let third = file(&path).open().unwrap();
    assert_eq!(third.ledger().written, 2);
    drop((second, third));
    assert_eq!(file(&path).open().unwrap().ledger(), Ledger::default());
}

#[test]
fn a_torn_last_line_stays_on_a_line_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "{\"torn\":").unwrap();
    deliver(&json(file(&path)), 1);
    assert_eq!(lines(&path), [ParsedLine::Fragment, ParsedLine::Record(1)]);
    assert!(!fs::read_to_string(&path).unwrap().contains("\n\n"));
    deliver(&json(file(&path)), 2);
    assert!(!fs::read_to_string(&path).unwrap().contains("\n\n"));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn all_paths_to_a_file_lead_to_one_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let sink = json(file(&path));
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::hard_link(&path, dir.path().join("hard")).unwrap();
        symlink(&path, dir.path().join("link")).unwrap();
        symlink(dir.path(), dir.path().join("dirlink")).unwrap();
        let working_directory = std::env::current_dir().unwrap();
        let up: std::path::PathBuf = working_directory.components().skip(1).map(|_| "..").collect();
        let relative = up.join(path.strip_prefix("/").unwrap());
        assert!(relative.is_relative());
        let options = [
            file(dir.path().join("sub/../log")),
            file(dir.path().join("./log")),
            file(dir.path().join("hard")),
            file(dir.path().join("link")).allow_symlink(true),
            file(dir.path().join("dirlink/log")),
            file(relative),
        ];
        for (seq, options) in (1..).zip(options) {
            let view = json(options);
            deliver(&view, seq);
            assert_eq!(sink.ledger().written, seq, "{view:?}");
        }
        assert_eq!(lines(&path).len(), 6);
    }

    #[test]
    fn opening_a_removed_file_again_saves_its_last_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let old = json(file(&path));
        deliver(&old, 1);
        fs::remove_file(&path).unwrap();
        assert_eq!(deliver(&old, 2), Fate::Written);
        let new = json(file(&path));
        deliver(&new, 3);
        assert_eq!(lines(&path), [1, 2, 3].map(ParsedLine::Record), "the records since the last check are saved");
        assert_eq!((old.ledger().written, new.ledger().written), (3, 3), "two views of one output");
    }

    #[test]
    fn a_link_is_followed_only_if_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("log"), dir.path().join("link"));
        symlink(&path, &link).unwrap();
        assert!(open_error(file(&link)).contains("allow_symlink(true)"), "a dangling link");
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        assert!(open_error(file(&link)).contains("allow_symlink(true)"));
        deliver(&json(file(&link).allow_symlink(true)), 1);
        assert_eq!(lines(&path), [ParsedLine::Record(1)]);
    }

    #[test]
    fn a_failed_open_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::create_dir(&path).unwrap();
        open_error(file(&path));
        fs::remove_dir(&path).unwrap();
        assert_eq!(deliver(&json(file(&path)), 1), Fate::Written);
    }

    #[test]
    fn the_mode_is_private_unless_set_and_all_openers_must_agree() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (private, shared) = (dir.path().join("private"), dir.path().join("shared"));
        let sink = file(&private).open().unwrap();
        assert_eq!(mode(&private), 0o600);
        drop(file(&shared).mode(0o640).open().unwrap());
        assert_eq!(mode(&shared) & !0o640, 0);

        let error = file(&private).mode(0o640).open().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::OptionMismatch);
        let text = error.to_string();
        assert!(text.contains("0o600") && text.contains("0o640") && text.contains("private"), "{text}");
        drop(sink);
        assert!(file(&private).mode(0o640).open().is_ok());
    }

    #[test]
    fn the_error_of_a_link_names_its_target_and_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let link = |name: &str, target: &Path| {
            let link = dir.path().join(name);
            symlink(target, &link).unwrap();
            format!("{:#}", file(link).allow_symlink(true).open().unwrap_err())
        };
        let dangling = link("dangling", Path::new("nowhere/log"));
        assert!(
            dangling.contains("a symbolic link to nowhere/log, which cannot be opened: No such file"),
            "{dangling}"
        );
        let directory = link("directory", dir.path());
        assert!(directory.contains("a symbolic link to /") && directory.contains("Is a directory"), "{directory}");
        let round = link("round", Path::new("round"));
        assert!(round.contains("a symbolic link to round, which cannot be opened: Too many levels"), "{round}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_links_of_the_system_are_followed_unasked() {
        use std::os::fd::AsRawFd as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let opened = fs::File::create(&path).unwrap();
        let (pid, fd) = (std::process::id(), opened.as_raw_fd());
        let descriptors = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", &format!("/proc/{pid}/fd")]
            .map(|directory| format!("{directory}/{fd}"));
        for (seq, descriptor) in (1..).zip(&descriptors) {
            assert_eq!(deliver(&json(file(descriptor)), seq), Fate::Written, "{descriptor}");
        }
        assert_eq!(lines(&path).len(), descriptors.len());

        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (name, target) in
            [("null", Path::new("/dev/null")), ("again", Path::new(&descriptors[0])), ("to pipe", &pipe)]
        {
            let link = dir.path().join(name);
            symlink(target, &link).unwrap();
            assert!(open_error(file(&link)).contains("allow_symlink(true)"), "{name}");
        }
        assert_eq!(deliver(&json(file(dir.path().join("null")).allow_symlink(true)), 1), Fate::Written);
    }

    #[test]
    fn devices_and_pipes_can_be_opened() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(deliver(&json(file("/dev/null")), 1), Fate::Written);

        let pipe = dir.path().join("pipe");
        let status = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(status.success());
        assert!(open_error(file(&pipe)).contains("it is a named pipe; name a file, or set allow_pipe(true)"));
        assert!(open_error(file(&pipe).allow_pipe(true)).contains("nobody reads"));
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        let sink = loop {
            // Opening fails until the reader has opened the pipe.
            match file(&pipe).allow_pipe(true).open() {
                Ok(sink) => break sink.format(Format::json()),
                Err(_) => std::thread::yield_now(),
            }
        };
        deliver(&sink, 1);
        drop(sink);
        assert_eq!(ParsedLine::parse_all(&reader.join().unwrap()), [ParsedLine::Record(1)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_counted_and_reported() {
        let sink = json(file("/dev/full"));
        let (delivery, reports) = capture_reports(|| deliver(&sink, 1));
        assert_eq!(delivery, Fate::Failed);
        assert_eq!(sink.ledger(), Ledger { accepted: 1, failed: 1, ..Ledger::default() });
        assert!(reports[0].contains("cannot write to file /dev/full: "), "{reports:?}");
        drop(capture_reports(|| drop(sink)));
    }

    #[test]
    fn a_pipe_without_reader_is_counted_and_reported() {
        use std::os::fd::AsRawFd as _;

        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let (reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", writer.as_raw_fd());
        let sink = json(file(path));
        assert_eq!(deliver(&sink, 1), Fate::Written);
        drop(reader);
        // A child process that another test is starting has the reader, too, until it runs its program.
        let mut broken = [PollFd::new(&writer, PollFlags::empty())];
        assert_eq!(poll(&mut broken, Some(&Timespec { tv_sec: 30, tv_nsec: 0 })).unwrap(), 1);
        let (delivery, reports) = capture_reports(|| deliver(&sink, 2));
        assert_eq!(delivery, Fate::Failed);
        assert!(reports[0].to_lowercase().contains("broken pipe"), "{reports:?}");
        drop(capture_reports(|| drop(sink)));
    }

    #[test]
    fn a_removed_directory_is_created_again_only_if_the_options_say_so() {
        let dir = tempfile::tempdir().unwrap();
        let (path, created) = (dir.path().join("sub/log"), dir.path().join("created/log"));
        fs::create_dir(dir.path().join("sub")).unwrap();
        let (sink, creating) = (json(file(&path)), json(file(&created).create_parents(true)));
        for directory in ["sub", "created"] {
            fs::remove_dir_all(dir.path().join(directory)).unwrap();
        }
        let (_, reports) = capture_reports(|| {
            for seq in 1..=3 {
                assert_eq!(deliver(&sink, seq), Fate::Written);
                assert_eq!(deliver(&creating, seq), Fate::Written);
                let _ = (sink.flush(Duration::MAX), creating.flush(Duration::MAX));
            }
            assert!(open_error(file(&path)).contains("set create_parents(true)"));
        });
        let about_sub = reports.iter().filter(|line| line.contains("sub/log no longer leads to the open log file"));
        assert_eq!(about_sub.count(), 1, "{reports:?}");
        let about_created = reports.iter().filter(|line| line.contains("created/log was removed or replaced"));
        assert_eq!(about_created.count(), 1, "{reports:?}");
        assert_eq!(lines(&created), [1, 2, 3].map(ParsedLine::Record));
        fs::create_dir(dir.path().join("sub")).unwrap();
        assert_eq!(sink.flush(Duration::MAX).written, 3);
        assert_eq!(lines(&path), [1, 2, 3].map(ParsedLine::Record), "all records are saved");
    }

    #[test]
    fn sync_saves_the_records_of_a_removed_file_and_refuses_pipes() {
        use std::os::fd::AsRawFd as _;

        use crate::sink::Output as _;

        let dir = tempfile::tempdir().unwrap();
        let (_reader, writer) = io::pipe().unwrap();
        let (path, pipe) = (dir.path().join("log"), format!("/dev/fd/{}", writer.as_raw_fd()));
        let sinks = (json(file(&path)), json(file(&pipe)));
        let sync = |path: &Path| appender_of(path).sync(Duration::MAX);
        deliver(&sinks.0, 1);
        fs::remove_file(&path).unwrap();
        sync(&path).unwrap();
        assert_eq!(lines(&path), [ParsedLine::Record(1)], "the file that has the name was synced");
        assert_eq!(sync(Path::new(&pipe)).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn records_lost_with_a_removed_directory_are_reported() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        let sink = json(file(dir.path().join("sub/log")));
        fs::remove_dir_all(dir.path().join("sub")).unwrap();
        deliver(&sink, 1);
        let ((), reports) = capture_reports(|| drop(sink));
        assert!(
            reports[0]
                .contains("bytes that were written to it are lost, because it cannot be opened anew: No such file"),
            "{reports:?}"
        );
    }
}
