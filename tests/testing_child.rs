//! The same test again, in a process of its own.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use logscope::testing::{Limit, Signal, child, child_role, in_child, scratch_dir, seed, wait_until};

#[path = "common/suite.rs"]
mod suite;

const DEADLINE: Duration = Duration::from_secs(60);

fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[test]
fn a_child_has_other_variables_arguments_and_another_folder() {
    let folder = scratch_dir();
    let ended = child()
        .env("LOGSCOPE_TEST_X", "1")
        .env_remove("PATH")
        .arg("--flag")
        .arg("an argument")
        .current_dir(&folder)
        .run(|| {
            let path = std::env::var_os("PATH").is_some();
            let arguments: Vec<_> = std::env::args().skip_while(|argument| argument != "--").collect();
            println!("on stdout");
            eprintln!("on stderr");
            fs::write("here", "written").unwrap();
            format!("{} {path} {arguments:?}", std::env::var("LOGSCOPE_TEST_X").unwrap())
        });
    assert_eq!(ended.report.as_deref(), Some(r#"1 false ["--", "--flag", "an argument"]"#));
    assert!(ended.stdout.contains("on stdout") && ended.stderr.contains("on stderr"));
    assert_eq!(fs::read_to_string(folder.join("here")).unwrap(), "written");
    assert!(ended.status.success());
}

#[test]
fn limits_hold_in_the_role() {
    let ended = child().limit(Limit::OpenFiles, 16).limit(Limit::CoreDump, 0).run(|| {
        let files: Vec<_> = (0..64).map_while(|_| fs::File::open("/dev/null").ok()).collect();
        files.len().to_string()
    });
    let opened: usize = ended.report.unwrap().parse().unwrap();
    assert!((1..16).contains(&opened), "{opened}");
}

#[test]
fn several_runs_each_play_their_own_part_and_see_what_came_before() {
    let mut pids = vec![std::process::id().to_string()];
    for number in 0..4 {
        let ended = child().env("NUMBER", number.to_string()).run(|| {
            // What the closure has captured is that of this turn of the loop.
            assert_eq!(std::env::var("NUMBER").unwrap(), number.to_string());
            assert_eq!(pids.len(), number + 1, "the children before are known");
            fs::write(child_role().unwrap().1.join("file"), number.to_string()).unwrap();
            std::process::id().to_string()
        });
        assert_eq!(ended.read("file"), number.to_string());
        assert!(!pids.contains(ended.report.as_ref().unwrap()));
        // If an earlier child ran again in a later one, the later one had another list.
        pids.push(ended.report.unwrap());
    }
    let all = pids.join(" ");
    let ended = child().run(|| pids[1..].join(" "));
    assert!(all.ends_with(&ended.report.unwrap()));
}

#[test]
fn a_child_that_fails_shows_what_it_wrote() {
    in_child("panics", |_: &Path| {
        println!("a line on stdout");
        assert_eq!(1 + 1, 3, "this is the panic");
    });
    in_child("fails", |_: &Path| Err::<(), _>("this is the error"));
    in_child("exits", |_: &Path| -> () { std::process::exit(7) });

    let fails = |role: &str| panic_text(|| child().role(role).start().wait());
    let text = fails("panics");
    assert!(
        text.contains("the child \"panics\" of a_child_that_fails_shows_what_it_wrote ended with exit status: 1"),
        "{text}"
    );
    for part in ["this is the panic", "a line on stdout", "panicked at"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(fails("fails").contains("its report: \"this is the error\""));
    assert!(fails("exits").contains("ended with exit status: 7"));
    let ended = child().role("exits").start().wait_for_any_end();
    assert_eq!((ended.status.code(), ended.report.as_deref()), (Some(7), Some("")));
}

#[test]
fn a_role_that_nobody_plays_and_a_test_that_is_not_there_are_told() {
    // In the child, too: it is a child that has not played its role, and must not start another.
    let text = panic_text(|| child().role("nobody").start().wait());
    if child_role().is_none() {
        assert!(text.contains("ended with exit status: 101 and has not played its role"), "{text}");
        assert!(text.contains("this process was started to play \"nobody\", and has come here"), "{text}");
    } else {
        panic!("{text}");
    }
    let text = panic_text(|| child().test("no_such_test").start().wait());
    assert!(text.contains("has not played its role. Is there a test of that name"), "{text}");
}

#[test]
fn a_thread_without_a_name_tells_what_to_do() {
    // Two names with `--exact`: the arguments do not tell which test this is, either.
    let exe = std::env::current_exe().unwrap();
    let output = std::process::Command::new(exe)
        .args(["--exact", "helper_without_a_name", "no_such_test", "--ignored", "--nocapture"])
        .env("LOGSCOPE_TEST_HELPER", "1")
        .env_remove("NEXTEST_EXECUTION_MODE")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let expected = "which test this is cannot be told: this thread has no name of a test, as in a doctest, under a harness other than libtest's, \
                    or on a thread that the test has started. Call it on the test's own thread, or say it: `child().test(\"module::name\")`";
    assert!(text.contains(expected) && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "part of another test"]
fn helper_without_a_name() {
    if std::env::var_os("LOGSCOPE_TEST_HELPER").is_some() {
        println!("{}", thread::spawn(|| panic_text(|| child().run(|| ()))).join().unwrap());
    }
}

#[test]
fn a_test_that_fails_keeps_the_folders_of_its_children() {
    // On a thread that ends here, with what it has kept of its children.
    let fails = || -> () {
        let ended = child().test("a_test_that_fails_keeps_the_folders_of_its_children").run(|| ());
        std::panic::panic_any(ended.path(""));
    };
    let payload = thread::spawn(fails).join().unwrap_err();
    let kept = payload.downcast_ref::<PathBuf>().unwrap();
    assert!(kept.join("stderr").exists(), "{}", kept.display());
    fs::remove_dir_all(kept).unwrap();
}

#[test]
fn a_child_that_fails_names_the_folders_that_it_leaves() {
    let before = scratch_dir();
    in_child("fails", |_: &Path| Err::<(), _>(before.path().to_owned()));
    let ended = child().role("fails").start().wait_for_any_end();
    let kept = PathBuf::from(ended.report.as_deref().unwrap().trim_matches('"'));
    assert!(kept.is_dir() && ended.stderr.contains(&format!("kept {}", kept.display())), "{}", ended.stderr);
    fs::remove_dir_all(kept).unwrap();
}

#[test]
fn a_child_has_the_seed_of_its_test_unless_told_otherwise() {
    let ended = child().run(|| seed().to_string());
    if child_role().is_none() {
        assert_eq!(ended.report.unwrap(), seed().to_string());
    }
    let ended = child().env("LOGSCOPE_TEST_SEED", "7").run(|| seed().to_string());
    assert_eq!(ended.report.as_deref(), Some("7"));
}

#[test]
fn a_child_that_hangs_is_killed_and_so_is_one_that_is_dropped() {
    in_child("hangs", |folder: &Path| {
        eprintln!("about to hang");
        fs::write(folder.join("hangs"), "").unwrap();
        let _ = Signal::named("nobody sets this").wait(Duration::MAX);
    });
    let start = Instant::now();
    let text = panic_text(|| {
        let running = child().role("hangs").timeout(Duration::from_millis(1_500)).start();
        running.wait()
    });
    assert!(text.contains("did not end within 1.5s, and was killed") && start.elapsed() < DEADLINE, "{text}");
    assert!(text.contains("about to hang"), "{text}");

    let mut running = child().role("hangs").start();
    let (pid, hangs) = (running.process().id(), running.folder().join("hangs"));
    wait_until(DEADLINE, || hangs.exists()).unwrap();
    drop(running);
    assert!(!Path::new("/proc/self").exists() || !Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn pipes_lead_to_the_child() {
    in_child("echoes", |_: &Path| {
        for line in std::io::stdin().lines() {
            println!("> {}", line.unwrap());
        }
    });
    let mut running = child().role("echoes").stdin(Stdio::piped()).stdout(Stdio::piped()).start();
    let mut stdin = running.process().stdin.take().unwrap();
    let mut stdout = BufReader::new(running.process().stdout.take().unwrap());
    writeln!(stdin, "hello").unwrap();
    // libtest writes its own text first, on the same line.
    let mut line = String::new();
    while !line.ends_with("> hello\n") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the child has ended");
    }
    drop(stdin);
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert!(running.wait().status.success());
}

#[test]
fn a_child_may_be_started_by_another_program() {
    let ended =
        child().launched_by(["sh", "-c", r#"LAUNCHED=1 exec "$0" "$@""#]).run(|| std::env::var("LAUNCHED").unwrap());
    assert_eq!(ended.report.as_deref(), Some("1"));
    let text = panic_text(|| child().launched_by(["/no/such/program"]).role("x").start().wait());
    assert!(text.contains("cannot start the child \"x\""), "{text}");
}

#[test]
fn the_folder_of_a_child_of_another_user_is_that_users_alone() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    const NOBODY: u32 = 65_534;
    in_child("another user", |folder: &Path| fs::write(folder.join("file"), "written").unwrap());
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
        println!("SKIPPED: only root can start a process of another user");
        return;
    }
    let ended = child().role("another user").user(NOBODY).start().wait();
    let folder = fs::metadata(ended.path("")).unwrap();
    assert_eq!((folder.uid(), folder.permissions().mode() & 0o777), (NOBODY, 0o700));
    assert_eq!(fs::metadata(ended.path("file")).unwrap().uid(), NOBODY);
}

mod inner {
    #[test]
    fn a_test_in_a_module_finds_itself() {
        super::child().run(|| ());
    }
}

#[test]
fn a_child_may_have_children() {
    in_child("grandchild", |_: &Path| std::process::id().to_string());
    let ended = child().run(|| child().role("grandchild").start().wait().report.unwrap());
    assert_ne!(ended.report.unwrap(), std::process::id().to_string());
}

#[test]
fn the_folder_that_a_failing_test_leaves_is_named_in_its_own_output() {
    let printed = suite::scenario("fails_after_its_child", &[], &[]);
    let text = &printed.of_failed_tests()["fails_after_its_child"];
    let kept: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("logscope::testing: kept ")).collect();
    assert_eq!(kept.len(), 1, "{printed:?}");
    fs::remove_dir_all(kept[0]).unwrap();
    assert!(!printed.stderr.contains("kept"), "{printed:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn fails_after_its_child() {
    let ended = child().run(|| ());
    assert!(!ended.status.success(), "on purpose");
}
