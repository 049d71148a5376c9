//! What hinders a program from being run is told in words: which program, what is missing, and what would be right. No program is left behind.

#![cfg(feature = "testing")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/programs.rs"]
mod programs;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use child::{Child, in_child};
use common::{DEADLINE, Log, init};
use logscope::testing::run_together;
use logscope::{LevelFilter, OutputContext, sink};
use programs::{printed, sh};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

/// Why `command` cannot be run. Nothing is logged.
#[track_caller]
fn refused(command: &mut Command) -> io::Error {
    init();
    let log = Log::new("uno");
    let error = log.context.run(command).wait().unwrap_err();
    log.assert_holds::<&str>(&[]);
    error
}

#[test]
fn a_program_that_is_nowhere_is_named_with_where_it_was_looked_for() {
    let error = refused(&mut Command::new("no-such-compiler"));
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), "cannot run no-such-compiler: it is in no folder of PATH");
    let error = refused(&mut Command::new("/no/such/compiler"));
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), "cannot run /no/such/compiler: No such file or directory (os error 2)");
}

#[test]
fn a_folder_that_is_missing_is_not_told_as_a_program_that_is() {
    let error = refused(sh("exit 0").current_dir("/no/such/folder"));
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), "cannot run sh: there is no folder /no/such/folder to run it in");
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = refused(sh("exit 0").current_dir(file.path()));
    let path = file.path().display();
    assert_eq!(error.to_string(), format!("cannot run sh: there is no folder {path} to run it in"));
}

#[test]
fn a_file_that_is_no_program_or_whose_interpreter_is_missing_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compiler");
    fs::write(&path, "#!/no/such/interpreter\n").unwrap();
    let error = refused(&mut Command::new(&path));
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    let named = format!("cannot run {}: ", path.display());
    assert!(error.to_string().starts_with(&format!("{named}Permission denied")), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let error = refused(&mut Command::new(&path));
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        format!("{named}the file is there, but the interpreter or loader that it names is not")
    );
}

/// Sets how many descriptors this process may have, as far as its system lets it.
fn limit_descriptors(count: usize) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum.map_or(count as u64, |maximum| maximum.min(count as u64));
    setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum }).unwrap();
}

#[test]
fn two_hundred_programs_run_at_once() {
    init();
    // Each has four descriptors, and as many again while it is started.
    limit_descriptors(2_000);
    let uno = OutputContext::builder("uno").verbosity(LevelFilter::OFF).sink(sink::null()).build();
    let runs = run_together(200, |_| {
        let mut program = sh("echo one; read _; echo two >&2");
        uno.run(&mut program).stdin("\n").wait().unwrap().check().unwrap().lines
    });
    assert_eq!(runs.into_iter().sum::<u64>(), 400);
}

/// How many descriptors this process has.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn too_many_descriptors_are_an_error_that_names_the_program() {
    const TEST: &str = "too_many_descriptors_are_an_error_that_names_the_program";
    in_child(TEST, |_| {
        init();
        let log = Log::new("uno");
        // One that was run before has opened whatever stays open.
        log.context.run(&mut sh("exit 0")).wait().unwrap();
        let (before, mut told) = (descriptors(), Vec::new());
        // With each number of free descriptors, something else cannot be opened. The first number is that of the folder which was listed.
        for free in 0..16 {
            limit_descriptors(before - 1 + free);
            for is_merged in [false, true] {
                let mut command = sh("echo one");
                let run = log.context.run(&mut command).stdin("x").timeout(DEADLINE);
                let run = if is_merged { run.merged() } else { run };
                match run.wait() {
                    Ok(finished) => assert!(finished.success()),
                    Err(error) => told.push(error.to_string()),
                }
            }
        }
        limit_descriptors(1_000);
        let (after, ends) = (descriptors(), printed(&log, "stdout").len() + printed(&log, "merged").len());
        json!([told, after == before, ends])
    });
    let report = Child::new(TEST).run().report;
    let told: Vec<&str> = report[0].as_array().unwrap().iter().map(|told| told.as_str().unwrap()).collect();
    assert!(told.len() >= 4, "{report}");
    for error in told {
        assert!(error.starts_with("cannot run sh: ") && error.contains("Too many open files"), "{error}");
    }
    assert_eq!(report[1], true, "no descriptor is left open: {report}");
    assert!(report[2].as_u64().unwrap() >= 4, "{report}");
}
