//! What is known of the program that runs the tests: libtest, nextest, or another one.

use std::backtrace::Backtrace;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::fallback;
use crate::sync::{OnceLock, thread};
use crate::verbosity::Verbosity;

/// What the arguments and the environment of this process say about its tests. Read once.
#[derive(Debug, Default)]
pub(super) struct Harness {
    /// True if records are to be shown as they come: nothing captures the output of single tests.
    pub(super) shows_all: bool,
    /// True if this process runs one test, as nextest's processes do.
    pub(super) is_of_one_test: bool,
    /// True if no two tests of this process run at once.
    pub(super) is_serial: bool,
    /// True if the process is a test binary that Cargo has built.
    is_test_binary: bool,
    /// The name of the test, if there is but one.
    only_test: Option<String>,
    /// The folder for the logs of tests: `LOGSCOPE_TEST_DIR`.
    pub(super) folder: Option<PathBuf>,
    /// Which records are shown: `LOGSCOPE_TEST`, and its text.
    pub(super) shown: Option<(Verbosity, String)>,
    /// The number of the attempt, where nextest repeats tests that fail.
    pub(super) attempt: Option<u32>,
    /// True if proptest has started this process, to run attempts of one test.
    pub(super) is_fork: bool,
}

/// Returns what is known of the program that runs the tests.
pub(super) fn harness() -> &'static Harness {
    static HARNESS: OnceLock<Harness> = OnceLock::new();
    HARNESS.get_or_init(|| {
        let arguments: Vec<String> =
            env::args_os().skip(1).filter_map(|argument| argument.into_string().ok()).collect();
        let executable = env::current_exe().unwrap_or_default();
        Harness::read(&arguments, &executable, |name| env::var_os(name)?.into_string().ok())
    })
}

impl Harness {
    fn read(arguments: &[String], executable: &Path, variable: impl Fn(&str) -> Option<String>) -> Harness {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let libtest = Libtest::read(arguments);
        // What a test starts has inherited the variable, and may run many tests.
        let is_nextest = libtest.only_test.is_some()
            && variable("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test");
        let threads = libtest.threads.or_else(|| variable("RUST_TEST_THREADS")?.parse().ok());
        let only_test = libtest.only_test.map(str::to_owned);
        Harness {
            shows_all: libtest.is_uncaptured
                || is_nextest
                || variable("RUST_TEST_NOCAPTURE").is_some_and(|set| set != "0"),
            is_of_one_test: only_test.is_some(),
            is_serial: only_test.is_some() || threads == Some(1),
            is_test_binary: is_test_binary(executable),
            only_test,
            folder: variable("LOGSCOPE_TEST_DIR").map(PathBuf::from),
            shown: variable("LOGSCOPE_TEST").and_then(|text| Some((directives(&text)?, text))),
            attempt: variable("NEXTEST_ATTEMPT").filter(|_| is_nextest).and_then(|attempt| attempt.parse().ok()),
            is_fork: variable("_PROPTEST_FORKFILE").is_some(),
        }
    }

    /// Returns true if the lines that are shown as they come name their tests.
    pub(super) fn names_tests(&self) -> bool {
        self.shows_all && !self.is_of_one_test
    }

    /// Returns which records are shown, if `LOGSCOPE_TEST` says that.
    pub(super) fn verbosity(&self) -> Option<Verbosity> {
        self.shown.as_ref().map(|(verbosity, _)| verbosity.clone())
    }

    /// Returns true if libtest keeps what this thread prints, and drops it unless the test fails.
    pub(super) fn captures_here(&self) -> bool {
        self.is_test_binary && !self.shows_all && (thread_name().is_some() || self.is_serial)
    }

    /// Returns true if this thread can have the name of a test, as libtest's threads have, and those of pools mostly do not.
    pub(super) fn is_named_after_test(&self) -> bool {
        self.is_test_binary && thread_name().is_some_and(|name| is_path(&name))
    }

    /// Returns the name of the test that this thread runs, if that is known. libtest names its threads after their tests.
    pub(super) fn test_name(&self) -> Option<String> {
        thread_name().filter(|_| self.is_test_binary).or_else(|| self.only_test.clone())
    }
}

/// Returns true for what libtest can name a thread after: the path of a function.
fn is_path(name: &str) -> bool {
    name.chars().all(|character| character.is_alphanumeric() || "_:".contains(character))
}

/// Returns true if libtest runs a test on this thread, as its stack says: in a binary without symbols it does not. Slow.
pub(super) fn is_stack_of_libtest() -> bool {
    let stack = Backtrace::force_capture().to_string();
    stack.lines().any(|line| line.split_once(": ").is_some_and(|(_, symbol)| symbol.starts_with("test::run_test")))
}

/// Returns true if this thread has the name `name`.
pub(super) fn is_this_thread_named(name: &str) -> bool {
    thread::current().name() == Some(name)
}

/// Returns the name of this thread, unless it is the main thread's.
fn thread_name() -> Option<String> {
    thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}

/// Reads the directives of `LOGSCOPE_TEST`. A mistake is told, and the directives that are known count.
fn directives(text: &str) -> Option<Verbosity> {
    let (verbosity, problems) = Verbosity::from_known_directives(text);
    if !problems.is_empty() {
        fallback::report(format_args!("LOGSCOPE_TEST has directives that are not known: {}", problems.join("; ")));
    }
    verbosity
}

/// Returns true for a path such as `target/debug/deps/name-0123456789abcdef`.
fn is_test_binary(executable: &Path) -> bool {
    let folder = executable.parent().and_then(Path::file_name);
    let hash = executable.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.rsplit_once('-'));
    folder == Some(OsStr::new("deps"))
        && hash.is_some_and(|(_, hash)| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Returns the name of the program, of a test binary without the hash that Cargo appends, after that of its package: two packages may have test
/// binaries of one name.
pub(super) fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let executable = env::current_exe().unwrap_or_default();
        let package = env::var("CARGO_PKG_NAME").ok().filter(|package| !package.is_empty());
        program_of(&executable, package.as_deref())
    })
}

fn program_of(executable: &Path, package: Option<&str>) -> String {
    let stem = executable.file_stem().and_then(OsStr::to_str).unwrap_or("tests");
    let name = match stem.rsplit_once('-') {
        Some((name, _)) if is_test_binary(executable) => name,
        _ => stem,
    };
    match package {
        Some(package) if package.replace('-', "_") != name => format!("{package}.{name}"),
        _ => name.to_owned(),
    }
}

/// The arguments of libtest that matter here.
#[derive(Debug, Default)]
struct Libtest<'a> {
    is_uncaptured: bool,
    threads: Option<u32>,
    only_test: Option<&'a str>,
}

impl<'a> Libtest<'a> {
    /// The options that have a value as the next argument.
    const WITH_VALUE: [&'static str; 7] =
        ["--test-threads", "--skip", "--logfile", "--color", "--format", "--shuffle-seed", "-Z"];

    fn read(arguments: &'a [String]) -> Libtest<'a> {
        let mut libtest = Libtest::default();
        let (mut is_exact, mut filters) = (false, Vec::new());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--nocapture" | "--no-capture" => libtest.is_uncaptured = true,
                "--exact" => is_exact = true,
                option if Libtest::WITH_VALUE.contains(&option) => {
                    let value = rest.next();
                    if option == "--test-threads" {
                        libtest.threads = value.and_then(|value| value.parse().ok());
                    }
                }
                option if option.starts_with('-') => {
                    if let Some(value) = option.strip_prefix("--test-threads=") {
                        libtest.threads = value.parse().ok();
                    }
                }
                filter => filters.push(filter),
            }
        }
        if let ([only], true) = (filters.as_slice(), is_exact) {
            libtest.only_test = Some(only);
        }
        libtest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &str, variables: &[(&str, &str)]) -> Harness {
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Harness::read(&arguments, Path::new("target/debug/deps/x-0123456789abcdef"), value)
    }

    #[test]
    fn arguments_and_variables_tell_what_runs_the_tests() {
        let plain = read("a b --skip c", &[("RUST_TEST_NOCAPTURE", "0"), ("LOGSCOPE_TEST", "")]);
        assert!(!plain.shows_all && !plain.is_serial && !plain.is_of_one_test && plain.shown.is_none());
        assert!(read("--nocapture", &[]).shows_all && read("--no-capture", &[]).shows_all);
        assert!(read("", &[("RUST_TEST_NOCAPTURE", "1")]).shows_all);
        assert!(read("--test-threads=1", &[]).is_serial && read("--test-threads 1", &[]).is_serial);
        assert!(!read("--test-threads 8", &[("RUST_TEST_THREADS", "1")]).is_serial);
        let one = read("--exact a::b --format pretty", &[]);
        assert!(one.is_of_one_test && one.is_serial && one.only_test.as_deref() == Some("a::b"));
        assert!(!read("--exact a b", &[]).is_of_one_test);
        let nextest = read("--exact a --nocapture", &[("NEXTEST_EXECUTION_MODE", "process-per-test")]);
        assert!(nextest.shows_all && nextest.is_of_one_test);
        // What a test under nextest starts has inherited the variable.
        let inherited = read("a b", &[("NEXTEST_EXECUTION_MODE", "process-per-test"), ("NEXTEST_ATTEMPT", "2")]);
        assert!(
            !inherited.shows_all && !inherited.is_of_one_test && !inherited.is_serial && inherited.attempt.is_none()
        );
    }

    #[test]
    fn a_program_is_named_with_its_package() {
        let suite = Path::new("/x/target/debug/deps/suite-0123456789abcdef");
        assert_eq!(program_of(suite, Some("my-crate")), "my-crate.suite");
        assert_eq!(program_of(suite, None), "suite");
        assert_eq!(program_of(Path::new("/x/deps/my_crate-0123456789abcdef"), Some("my-crate")), "my_crate");
        assert_eq!(program_of(Path::new("/x/my-tool"), None), "my-tool");
    }

    #[test]
    fn a_thread_of_a_pool_is_not_named_after_a_test() {
        assert!(is_path("module::a_test") && !is_path("tokio-rt-worker") && !is_path("module::a_test-3"));
    }

    #[test]
    fn a_thread_of_a_test_is_told_by_its_stack_and_not_by_its_name() {
        // With one thread for all, libtest may run the tests on the main thread: the stack tells there, too.
        assert!(is_stack_of_libtest());
        let named = thread::Builder::new().name(String::from("worker"));
        let of_thread = named.spawn(|| (harness().is_named_after_test(), is_stack_of_libtest())).unwrap();
        assert_eq!(of_thread.join().unwrap(), (true, false));
    }

    #[test]
    fn a_test_binary_has_a_hash_and_stands_in_deps() {
        assert!(is_test_binary(Path::new("/x/target/debug/deps/my_tests-0123456789abcdef")));
        assert!(!is_test_binary(Path::new("/x/target/debug/my_tests-0123456789abcdef")));
        assert!(!is_test_binary(Path::new("/x/target/debug/deps/my_tests")));
    }
}
