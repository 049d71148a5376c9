//! The end of a process (P1, P4): acknowledged records survive SIGKILL, and a program may log in the destructors of thread-locals, in
//! `atexit` handlers, and while another thread exits.
//!
//! A binary of its own, and a process for each case, because a process ends once.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::collections::HashSet;
use std::ffi::c_int;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Sink};
use logscope::{Format, LevelFilter, OutputContext, testing};
use serde_json::{Value, json};

use child::{Child, expected_ledger, ledger_json};

/// How long a child waits for its threads, so that it can still say that it has waited too long.
const DEADLINE: Duration = Duration::from_secs(60);

fn file(path: &Path) -> Sink {
    sink::file(path).open().unwrap().format(Format::json())
}

/// The messages of a JSON log, each line of which must be whole.
#[track_caller]
fn messages(log: &str) -> Vec<String> {
    assert!(log.is_empty() || log.ends_with('\n'), "the last line is torn");
    let message = |line: &str| {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        json["fields"]["message"].as_str().unwrap().to_owned()
    };
    log.lines().map(message).collect()
}

/// The messages of a log that was being written when the process was killed. The last line may be torn and is left out: Linux may cut a
/// `write` that has not returned at the end of a page.
#[track_caller]
fn whole_messages(log: &str) -> Vec<String> {
    messages(&log[..log.rfind('\n').map_or(0, |end| end + 1)])
}

/// Threads log to one shared file and to one file each, and acknowledge on stdout, unbuffered, each log call that has returned. The
/// parent kills the child once it has read enough acknowledgements.
#[test]
fn acknowledged_records_survive_sigkill() {
    const ROUNDS: usize = 12;
    const THREADS: usize = 3;
    child::in_child("acknowledged_records_survive_sigkill", |folder| {
        logscope::init();
        let shared = file(&folder.join("shared.log"));
        // Open these before the first record is acknowledged, when the parent may kill.
        let owns: Vec<_> = (0..THREADS).map(|number| file(&folder.join(format!("{number}.log")))).collect();
        thread::scope(|scope| {
            for (number, own) in owns.into_iter().enumerate() {
                let context = OutputContext::builder("uno").sink(own).sink(shared.clone()).build();
                scope.spawn(move || {
                    context.scope(|| {
                        for count in 0_u32.. {
                            tracing::info!("{number} {count}");
                            let acknowledgement = format!("ack {number} {count}\n");
                            rustix::io::write(rustix::stdio::stdout(), acknowledgement.as_bytes()).unwrap();
                        }
                    });
                });
            }
        });
        unreachable!("the parent kills this process")
    });
    for round in 0..ROUNDS {
        let mut running = Child::new("acknowledged_records_survive_sigkill").stdout_piped().start();
        let mut acknowledged = Vec::new();
        let mut reader = BufReader::new(running.process().stdout.take().unwrap());
        let mut line = String::new();
        let mut killed = false;
        while reader.read_line(&mut line).unwrap() > 0 {
            // The first acknowledgement stands behind text of the test harness on the same line.
            if let Some((_, record)) = line.trim_end().split_once("ack ") {
                acknowledged.push(record.to_owned());
            }
            line.clear();
            if !killed && acknowledged.len() > 40 * (round + 1) {
                killed = true;
                running.process().kill().unwrap();
            }
        }
        let status = running.wait_for_end().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
        let read = |name: &str| whole_messages(&fs::read_to_string(running.folder().join(name)).unwrap());
        let shared: HashSet<_> = read("shared.log").into_iter().collect();
        let own: HashSet<_> = (0..THREADS).flat_map(|number| read(&format!("{number}.log"))).collect();
        for record in acknowledged {
            assert!(
                shared.contains(&record) && own.contains(&record),
                "record {record} was acknowledged but is not in the log"
            );
        }
    }
}

unsafe extern "C" {
    fn atexit(handler: extern "C" fn()) -> c_int;
}

/// Registers `handler` for the exit of the process. Handlers are called in the reverse order of registration.
fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler is a function without arguments that does not unwind.
    assert_eq!(unsafe { atexit(handler) }, 0);
}

static CONTEXT: OnceLock<OutputContext> = OnceLock::new();

/// Logs where nearly everything is gone: in a scope, outside every scope, and with a context that is made here.
fn log_at_the_end(when: &str) {
    tracing::info!("{when}, outside");
    let Some(context) = CONTEXT.get() else { return };
    context.scope(|| tracing::info!("{when}, in a scope"));
    let guard = context.enter();
    tracing::info!(number = 1, "{when}, under a guard");
    drop(guard);
    let derived = context.with_field("more", "fields").with_verbosity(LevelFilter::DEBUG);
    std::thread::spawn(derived.bind(|| ())).join().unwrap();
    derived.scope(|| tracing::debug!("{}, in a new context", when));
}

const AT_THE_END: [&str; 4] = ["outside", "in a scope", "under a guard", "in a new context"];

/// Installs logscope with a default and a context that log to one file; the context logs to stdout too.
fn install(folder: &Path) {
    let sink = file(&folder.join("uno.log"));
    let default = OutputContext::builder("default").sink(sink.clone()).build();
    logscope::configure().default_context(default).install().unwrap();
    let context = OutputContext::builder("uno").sink(sink).sink(sink::stdout().format(Format::text()));
    CONTEXT.set(context.build()).unwrap();
}

#[test]
fn atexit_handlers_can_log() {
    child::in_child("atexit_handlers_can_log", |folder| {
        extern "C" fn late() {
            log_at_the_end("late");
        }
        extern "C" fn early() {
            log_at_the_end("early");
        }
        // One handler is registered before logscope and tracing exist, one after they were used.
        at_exit(late);
        install(folder);
        CONTEXT.get().unwrap().scope(|| tracing::info_span!("span").in_scope(|| tracing::info!("before")));
        at_exit(early);
        json!(null)
    });
    let ended = Child::new("atexit_handlers_can_log").run();
    let expected = ["early", "late"].into_iter().flat_map(|when| AT_THE_END.map(|what| format!("{when}, {what}")));
    let logged = messages(&ended.read("uno.log"));
    assert!(logged.iter().eq(&["before".to_owned()].into_iter().chain(expected).collect::<Vec<_>>()), "{logged:?}");
    assert_eq!(ended.stdout.lines().filter(|line| line.contains("uno")).count(), 7, "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
}

/// The handler enters the first scope of the process, and uses everything for the first time.
#[test]
fn an_atexit_handler_can_be_the_first_to_log() {
    child::in_child("an_atexit_handler_can_be_the_first_to_log", |folder| {
        extern "C" fn first() {
            log_at_the_end("first");
        }
        install(folder);
        at_exit(first);
        json!(null)
    });
    let ended = Child::new("an_atexit_handler_can_be_the_first_to_log").run();
    assert_eq!(messages(&ended.read("uno.log")), AT_THE_END.map(|what| format!("first, {what}")));
    assert_eq!(ended.stderr, "");
}

/// Logs on drop, when its thread ends.
struct LogsWhenDropped(&'static str);

impl Drop for LogsWhenDropped {
    fn drop(&mut self) {
        log_at_the_end(self.0);
    }
}

thread_local! {
    static BEFORE: LogsWhenDropped = const { LogsWhenDropped("made before") };
    static AFTER: LogsWhenDropped = const { LogsWhenDropped("made after") };
}

/// On a thread that ends, and on the one that exits. The thread-local that is made first is dropped last, after all other thread-locals.
#[test]
fn destructors_of_thread_locals_can_log() {
    child::in_child("destructors_of_thread_locals_can_log", |folder| {
        let play = || {
            BEFORE.with(|_| ());
            CONTEXT.get().unwrap().scope(|| tracing::info_span!("span").in_scope(|| tracing::info!("alive")));
            AFTER.with(|_| ());
        };
        install(folder);
        thread::spawn(play).join().unwrap();
        play();
        json!(null)
    });
    let ended = Child::new("destructors_of_thread_locals_can_log").run();
    let mut logged = messages(&ended.read("uno.log"));
    let mut expected: Vec<_> = ["made before", "made after"]
        .into_iter()
        .flat_map(|when| AT_THE_END.map(|what| format!("{when}, {what}")))
        .chain(["alive".to_owned()])
        .flat_map(|message| [message.clone(), message])
        .collect();
    logged.sort_unstable();
    expected.sort_unstable();
    assert_eq!(logged, expected);
    assert_eq!(ended.stderr, "");
}

/// Threads log while the process exits. Their last records are whole or missing.
#[test]
fn a_process_can_exit_while_threads_log() {
    const ROUNDS: usize = 10;
    child::in_child("a_process_can_exit_while_threads_log", |folder| {
        static LOGGED: AtomicU32 = AtomicU32::new(0);
        extern "C" fn goodbye() {
            log_at_the_end("goodbye");
        }
        install(folder);
        at_exit(goodbye);
        for _ in 0..3 {
            let context = CONTEXT.get().unwrap();
            thread::spawn(context.bind(|| {
                loop {
                    tracing::info!("others");
                    LOGGED.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        let logged = testing::wait_until(DEADLINE, || match LOGGED.load(Ordering::Relaxed) {
            logged @ 100.. => Ok(logged),
            logged => Err(logged),
        });
        json!(logged.unwrap())
    });
    for _ in 0..ROUNDS {
        let ended = Child::new("a_process_can_exit_while_threads_log").run();
        let logged = whole_messages(&ended.read("uno.log"));
        let others = logged.iter().filter(|message| *message == "others").count();
        assert!(others as u64 >= ended.report.as_u64().unwrap(), "{others} records");
        assert_eq!(logged.len() - others, AT_THE_END.len(), "{:?}", logged.last());
        assert_eq!(ended.stderr, "");
    }
}

/// Logging at the end of a process with broken streams.
#[test]
fn a_process_with_broken_streams_exits_with_success() {
    child::in_child("a_process_with_broken_streams_exits_with_success", |folder| {
        extern "C" fn goodbye() {
            log_at_the_end("goodbye");
        }
        at_exit(goodbye);
        install(folder);
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        rustix::stdio::dup2_stdout(&full).unwrap();
        rustix::stdio::dup2_stderr(&full).unwrap();
        AFTER.with(|_| ());
        CONTEXT.get().unwrap().scope(|| tracing::info!("hello"));
        json!([ledger_json(sink::stdout().ledger()), ledger_json(CONTEXT.get().unwrap().ledger())])
    });
    let ended = Child::new("a_process_with_broken_streams_exits_with_success").run();
    assert_eq!(ended.report, json!([expected_ledger(0, 1), expected_ledger(1, 1)]));
    let ends = ["made after", "goodbye"].into_iter().flat_map(|when| AT_THE_END.map(|what| format!("{when}, {what}")));
    let expected: Vec<_> = ["hello".to_owned()].into_iter().chain(ends).collect();
    assert_eq!(messages(&ended.read("uno.log")), expected);
}
