//! The bug that this library was written against: concurrent builds in one process share one log, whose file, timer and verbosity
//! belong to the process. Each build must find its lines in its own file, its time counted from its own start, and its own verbosity.
//!
//! The scenarios are written once. logscope runs them and must show no corruption. Two imitations of earlier loggers run them, and the
//! checks must find corruption: one imitation uses globals, the other thread-locals, which only tasks corrupt. The builds take turns
//! at every step, so the imitations go wrong in the same way in every run.

#![cfg(feature = "file")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{ParsedLine, block_on, init};
use logscope::{Format, InContext as _, LevelFilter, ManualClock, OutputContext, sink};
use tokio::sync::watch;
use tracing::Level;

type Work = Box<dyn FnOnce() + Send>;
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a build asks of its log. Each build means its settings for itself only.
trait Logging: Clone + Send + Sync + 'static {
    /// Makes the log of all builds of a process, which reads `clock`. Messages before an output is set go to `console`.
    fn new(clock: &ManualClock, console: &Path) -> Self;

    /// Prepares a build that runs on a thread. The imitations do nothing.
    fn thread(&self, build: usize, work: Work) -> Work {
        let _ = build;
        work
    }

    /// Prepares a build that runs as a task. The imitations do nothing.
    fn task(&self, build: usize, work: Task) -> Task {
        let _ = build;
        work
    }

    fn set_output(&self, file: &Path);
    fn reset_timer(&self);
    fn set_verbosity(&self, verbosity: LevelFilter);
    fn log_message(&self, level: Level, message: &str);
}

/// logscope, as a build tool uses it.
#[derive(Clone)]
struct Logscope {
    clock: ManualClock,
    console: sink::Sink,
}

impl Logscope {
    fn context(&self, build: usize) -> OutputContext {
        let builder = OutputContext::builder(format!("build {build}"));
        builder.clock(&self.clock).sink(self.console.clone()).build()
    }
}

fn file_sink(path: &Path) -> sink::Sink {
    sink::file(path).open().unwrap().format(Format::json())
}

impl Logging for Logscope {
    fn new(clock: &ManualClock, console: &Path) -> Self {
        init();
        Logscope { clock: clock.clone(), console: file_sink(console) }
    }

    fn thread(&self, build: usize, work: Work) -> Work {
        Box::new(self.context(build).bind(work))
    }

    fn task(&self, build: usize, work: Task) -> Task {
        Box::pin(work.in_context(&self.context(build)))
    }

    fn set_output(&self, file: &Path) {
        logscope::update(|context| context.with_sinks([file_sink(file)])).unwrap();
    }

    fn reset_timer(&self) {
        logscope::update(OutputContext::with_origin_now).unwrap();
    }

    fn set_verbosity(&self, verbosity: LevelFilter) {
        logscope::update(|context| context.with_verbosity(verbosity)).unwrap();
    }

    fn log_message(&self, level: Level, message: &str) {
        match level {
            Level::ERROR => tracing::error!("{message}"),
            Level::WARN => tracing::warn!("{message}"),
            Level::INFO => tracing::info!("{message}"),
            Level::DEBUG => tracing::debug!("{message}"),
            Level::TRACE => tracing::trace!("{message}"),
        }
    }
}

/// The settings of an imitation: one copy for the process, or one for each thread.
#[derive(Clone)]
struct Settings {
    output: PathBuf,
    origin: Duration,
    verbosity: LevelFilter,
}

impl Settings {
    fn new(console: &Path) -> Settings {
        Settings { output: console.to_owned(), origin: Duration::ZERO, verbosity: LevelFilter::INFO }
    }

    fn log_message(&self, now: Duration, level: Level, message: &str) {
        if level > self.verbosity {
            return;
        }
        let line = serde_json::json!({
            "level": level.as_str(),
            "fields": { "message": message },
            "context": { "name": "the process", "id": 0 },
            "elapsed": (now - self.origin).as_secs_f64(),
        });
        let mut file = fs::File::options().create(true).append(true).open(&self.output).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// A log in globals: the settings of one build apply to all. (The globals belong to one run, because the tests run at the same time.)
#[derive(Clone)]
struct Globals {
    clock: ManualClock,
    settings: Arc<Mutex<Settings>>,
}

impl Logging for Globals {
    fn new(clock: &ManualClock, console: &Path) -> Self {
        Globals { clock: clock.clone(), settings: Arc::new(Mutex::new(Settings::new(console))) }
    }

    fn set_output(&self, file: &Path) {
        self.settings.lock().unwrap().output = file.to_owned();
    }

    fn reset_timer(&self) {
        self.settings.lock().unwrap().origin = self.clock.advanced();
    }

    fn set_verbosity(&self, verbosity: LevelFilter) {
        self.settings.lock().unwrap().verbosity = verbosity;
    }

    fn log_message(&self, level: Level, message: &str) {
        self.settings.lock().unwrap().log_message(self.clock.advanced(), level, message);
    }
}

thread_local! {
    static OF_THIS_THREAD: Cell<Option<Settings>> = const { Cell::new(None) };
}

/// A log in thread-locals: the settings of one build apply to its thread, and to every task on it.
#[derive(Clone)]
struct ThreadLocals {
    clock: ManualClock,
    console: PathBuf,
}

impl ThreadLocals {
    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = OF_THIS_THREAD.take().unwrap_or_else(|| Settings::new(&self.console));
        change(&mut settings);
        OF_THIS_THREAD.set(Some(settings));
    }
}

impl Logging for ThreadLocals {
    fn new(clock: &ManualClock, console: &Path) -> Self {
        // This thread is the only worker of several runs, one after the other.
        OF_THIS_THREAD.set(None);
        ThreadLocals { clock: clock.clone(), console: console.to_owned() }
    }

    fn set_output(&self, file: &Path) {
        self.change(|settings| settings.output = file.to_owned());
    }

    fn reset_timer(&self) {
        self.change(|settings| settings.origin = self.clock.advanced());
    }

    fn set_verbosity(&self, verbosity: LevelFilter) {
        self.change(|settings| settings.verbosity = verbosity);
    }

    fn log_message(&self, level: Level, message: &str) {
        self.change(|settings| settings.log_message(self.clock.advanced(), level, message));
    }
}

/// One run: several builds of one process, in a folder of their own.
struct Run<L> {
    log: L,
    clock: ManualClock,
    folder: tempfile::TempDir,
    builds: usize,
}

impl<L: Logging> Run<L> {
    fn new(builds: usize) -> Run<L> {
        let (clock, folder) = (ManualClock::new(), tempfile::tempdir().unwrap());
        let log = L::new(&clock, &folder.path().join("console.jsonl"));
        Run { log, clock, folder, builds }
    }

    fn file_of(&self, build: usize) -> PathBuf {
        self.folder.path().join(format!("build-{build}.jsonl"))
    }

    fn console(&self) -> PathBuf {
        self.folder.path().join("console.jsonl")
    }
}

/// The lines of a file, or none if there is no such file.
fn read(file: &Path) -> Vec<ParsedLine> {
    fs::read_to_string(file).unwrap_or_default().lines().map(ParsedLine::parse).collect()
}

/// One step of a build. All builds have done it before any build does the next one.
type Step<L> = Box<dyn Fn(&Run<L>, usize) + Send + Sync>;

struct Scenario<L> {
    name: &'static str,
    steps: fn() -> Vec<Step<L>>,
    /// Lists what is corrupt. Empty if each build got what it asked for.
    corruptions: fn(&Run<L>) -> Vec<String>,
}

/// (a) Each build sets its output file: its lines are there.
fn outputs<L: Logging>() -> Scenario<L> {
    const ROUNDS: usize = 3;
    Scenario {
        name: "outputs",
        steps: || {
            let mut steps: Vec<Step<L>> = vec![Box::new(|run, build| run.log.set_output(&run.file_of(build)))];
            for round in 0..ROUNDS {
                steps.push(Box::new(move |run, build| {
                    run.log.log_message(Level::INFO, &format!("{build}: line {round}"))
                }));
            }
            steps
        },
        corruptions: |run| {
            let mut found = Vec::new();
            for build in 0..run.builds {
                let lines: Vec<_> = read(&run.file_of(build)).into_iter().map(|line| line.message).collect();
                let expected: Vec<_> = (0..ROUNDS).map(|round| format!("{build}: line {round}")).collect();
                if lines != expected {
                    found.push(format!("the file of build {build} holds {lines:?}"));
                }
            }
            found.extend(read(&run.console()).into_iter().map(|line| format!("{:?} is on the console", line.message)));
            found
        },
    }
}

/// The time between the resets of two successive builds.
const APART: Duration = Duration::from_millis(50);

/// (b) Each build resets its timer later than the build before it: its time counts from its own reset, whatever it sets later.
fn timers<L: Logging>() -> Scenario<L> {
    Scenario {
        name: "timers",
        steps: || {
            vec![
                Box::new(|run, _| {
                    run.clock.advance(APART);
                    run.log.reset_timer();
                }),
                Box::new(|run, build| run.log.log_message(Level::INFO, &build.to_string())),
                Box::new(|run, _| {
                    run.clock.advance(APART);
                    run.log.set_verbosity(LevelFilter::DEBUG);
                }),
                Box::new(|run, build| run.log.log_message(Level::INFO, &build.to_string())),
            ]
        },
        corruptions: |run| {
            let mut found = Vec::new();
            let lines = read(&run.console());
            for build in 0..run.builds {
                let of_build = lines.iter().filter(|line| line.message == build.to_string());
                let times: Vec<_> = of_build.map(|line| line.elapsed).collect();
                // Each build logs first after all builds have reset their timers, and again after all have set their verbosity.
                let expected = [1, 2].map(|rounds| APART * (rounds * run.builds - 1 - build) as u32);
                if times != expected {
                    found.push(format!("build {build} logged the times {times:?}, not {expected:?}"));
                }
            }
            found
        },
    }
}

/// (c) Every other build is verbose, the rest are quiet: each logs at its own verbosity.
fn verbosities<L: Logging>() -> Scenario<L> {
    const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
    fn wanted(build: usize) -> LevelFilter {
        if build.is_multiple_of(2) { LevelFilter::TRACE } else { LevelFilter::WARN }
    }
    Scenario {
        name: "verbosities",
        steps: || {
            let mut steps: Vec<Step<L>> = vec![Box::new(|run, build| run.log.set_verbosity(wanted(build)))];
            for level in LEVELS {
                steps.push(Box::new(move |run, build| run.log.log_message(level, &build.to_string())));
            }
            steps
        },
        corruptions: |run| {
            let mut found = Vec::new();
            let lines = read(&run.console());
            for build in 0..run.builds {
                let of_build = lines.iter().filter(|line| line.message == build.to_string());
                let logged: Vec<_> = of_build.map(|line| line.level.as_str()).collect();
                let expected: Vec<_> =
                    LEVELS.iter().filter(|level| **level <= wanted(build)).map(Level::as_str).collect();
                if logged != expected {
                    found.push(format!("build {build} logged at {logged:?}, not at {expected:?}"));
                }
            }
            found
        },
    }
}

/// What the builds of a run run on.
#[derive(Clone, Copy, Debug)]
enum Arrangement {
    Threads,
    /// Tasks of a runtime with one worker.
    OneWorker,
    /// Tasks of a runtime with [`WORKERS`] workers.
    SeveralWorkers,
}

const WORKERS: usize = 4;

const ARRANGEMENTS: [Arrangement; 3] = [Arrangement::Threads, Arrangement::OneWorker, Arrangement::SeveralWorkers];

/// DebugRuns the steps, in all builds at once, and returns the corruptions.
fn corruptions<L: Logging>(scenario: &Scenario<L>, arrangement: Arrangement, builds: usize) -> Vec<String> {
    let run = Arc::new(Run::<L>::new(builds));
    let steps = Arc::new((scenario.steps)());
    let turn = Arc::new(watch::Sender::new(0));
    // Holds each worker until as many have arrived as there are, so that several take part.
    let barrier = Arc::new(Barrier::new(match arrangement {
        Arrangement::SeveralWorkers => builds.min(WORKERS),
        Arrangement::Threads | Arrangement::OneWorker => 1,
    }));
    let work = |build: usize| {
        let (run, steps, turn, mut turns) = (run.clone(), steps.clone(), turn.clone(), turn.subscribe());
        let barrier = barrier.clone();
        async move {
            barrier.wait();
            for (number, step) in steps.iter().enumerate() {
                let own = number * builds + build;
                turns.wait_for(|turn| *turn == own).await.unwrap();
                step(&run, build);
                turn.send_replace(own + 1);
            }
        }
    };
    let log = &run.log;
    match arrangement {
        Arrangement::Threads => {
            let threads: Vec<_> = (0..builds)
                .map(|build| {
                    let work = work(build);
                    thread::spawn(log.thread(build, Box::new(move || block_on(work))))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
        Arrangement::OneWorker | Arrangement::SeveralWorkers => {
            let runtime = match arrangement {
                Arrangement::SeveralWorkers => {
                    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).build().unwrap()
                }
                _ => tokio::runtime::Builder::new_current_thread().build().unwrap(),
            };
            runtime.block_on(async {
                let tasks: Vec<_> =
                    (0..builds).map(|build| tokio::spawn(log.task(build, Box::pin(work(build))))).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
        }
    }
    (scenario.corruptions)(&run)
}

/// Calls `each` with the corruptions of each scenario, arrangement and number of builds.
fn all_corruptions<L: Logging>(mut each: impl FnMut(&'static str, Arrangement, usize, Vec<String>)) {
    for scenario in [outputs::<L>(), timers(), verbosities()] {
        for arrangement in ARRANGEMENTS {
            for builds in [2, 16] {
                each(scenario.name, arrangement, builds, corruptions(&scenario, arrangement, builds));
            }
        }
    }
}

#[test]
fn logscope_keeps_builds_apart() {
    let mut runs = 0;
    all_corruptions::<Logscope>(|scenario, arrangement, builds, found| {
        assert!(found.is_empty(), "{scenario}, {arrangement:?}, {builds} builds: {found:#?}");
        runs += 1;
    });
    assert_eq!(runs, 18);
}

#[test]
fn globals_are_found_corrupt() {
    all_corruptions::<Globals>(|scenario, arrangement, builds, found| {
        // The build that set it last, and the builds that asked for the same, have what they asked for. The others have not.
        assert!(found.len() >= builds / 2, "{scenario}, {arrangement:?}, {builds} builds: {found:#?}");
    });
}

#[test]
fn thread_locals_are_found_corrupt_where_tasks_share_a_thread() {
    all_corruptions::<ThreadLocals>(|scenario, arrangement, builds, found| match arrangement {
        Arrangement::Threads => assert!(found.is_empty(), "{scenario}, {builds} builds: {found:#?}"),
        Arrangement::OneWorker => assert!(!found.is_empty(), "{scenario}, {builds} builds: no corruption was found"),
        // The result depends on which worker runs which build.
        Arrangement::SeveralWorkers => {}
    });
}
