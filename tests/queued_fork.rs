//! Forks of a process that has queued sinks: the parent writes the queued records, once; a child writes its own records inside the log call,
//! and never waits for threads that it does not have; and a daemon, which leaves its parent behind, loses nothing.
//!
//! A binary of its own, and a process for each case: a fork affects the whole process, and keeps one thread only.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, PipeReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Line, Output, Overflow, Queue, Sink};
use logscope::{Format, OutputContext, testing};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde_json::{Value, json};

use child::Child;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn context(sink: &Sink) -> OutputContext {
    let _ = logscope::try_init();
    OutputContext::builder("uno").sink(sink.format(Format::json())).build()
}

fn file(path: &Path, queue: Queue) -> OutputContext {
    context(&sink::file(path).open().unwrap().queued(queue))
}

/// Logs from one callsite for all, so that no child is the first to hit one: registering a callsite takes a lock of `tracing`'s.
fn log(context: &OutputContext, who: &str, numbers: std::ops::Range<u64>) {
    context.scope(|| numbers.for_each(|number| tracing::info!(who, number)));
}

/// Reads a log, each line of which must be whole. Returns the numbers of each `who`, in order, and how many records its notices call dropped.
fn read(path: &Path) -> (BTreeMap<String, Vec<u64>>, u64) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
    let (mut numbers, mut missing) = (BTreeMap::<String, Vec<u64>>::new(), 0);
    for line in text.lines() {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let fields = &json["fields"];
        match fields["who"].as_str() {
            Some(who) => numbers.entry(who.to_owned()).or_default().push(fields["number"].as_u64().unwrap()),
            None => missing += fields["dropped"].as_u64().unwrap(),
        }
    }
    (numbers, missing)
}

/// A forked process.
struct Forked(Pid);

/// Forks. The child runs `play` and ends with `exit`, so that its `atexit` handlers run.
fn fork(play: impl FnOnce()) -> Forked {
    unsafe extern "C" {
        fn fork() -> i32;
    }
    // SAFETY: in the child of a process with threads, POSIX allows only async-signal-safe calls, because a lock of another thread may be held
    // for ever. These tests are about exactly that: whatever the child calls here must not take such a lock. The C library takes care of the
    // allocator's locks.
    let pid = unsafe { fork() };
    match Pid::from_raw(pid) {
        Some(pid) => Forked(pid),
        None => exit(if catch_unwind(AssertUnwindSafe(play)).is_ok() { 0 } else { 1 }),
    }
}

impl Forked {
    /// Waits until the process has exited with success. Kills it if it hangs.
    #[track_caller]
    fn wait(self) {
        self.wait_for(PATIENCE);
    }

    #[track_caller]
    fn wait_for(self, patience: Duration) {
        let start = Instant::now();
        loop {
            if let Some((_, status)) = waitpid(Some(self.0), WaitOptions::NOHANG).unwrap() {
                assert_eq!(status.exit_status(), Some(0), "the child has failed");
                return;
            }
            if start.elapsed() > patience {
                kill_process(self.0, Signal::KILL).unwrap();
                waitpid(Some(self.0), WaitOptions::empty()).unwrap();
                panic!("the child hangs");
            }
            // The length of this sleep changes the load only, not the result.
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Flushes, and checks that the flush has nothing to wait for and finds everything written.
fn flush_at_once(context: &OutputContext) {
    let start = Instant::now();
    let ledger = context.flush(PATIENCE * 2);
    assert!(start.elapsed() < PATIENCE, "the flush has waited for a thread that the child does not have");
    assert_eq!((ledger.pending, ledger.failed, ledger.unflushed), (0, 0, false), "{ledger}");
}

#[test]
fn records_pending_at_a_fork_are_written_once() {
    const FORKS: u64 = 100;
    child::in_child("records_pending_at_a_fork_are_written_once", |folder| {
        let path = folder.join("uno.log");
        let uno = file(&path, Queue::new());
        let (mut logged, mut pending) = (0, 0);
        for number in 0..FORKS {
            let more = 1 + number * 37 % 200;
            log(&uno, "parent", logged..logged + more);
            logged += more;
            let forked = fork(|| {
                // The child does only what a child may do; a file reports what was pending.
                let inherited = uno.ledger().pending;
                fs::write(folder.join("pending"), inherited.to_string()).unwrap();
                log(&uno, "child", number * 2..number * 2 + 1);
                flush_at_once(&uno);
                assert!(logscope::flush(PATIENCE).is_complete() || inherited == 0);
                let derived = uno.with_field("derived", true);
                log(&derived, "child", number * 2 + 1..number * 2 + 2);
                assert_eq!(derived.close(PATIENCE).pending, 0);
                drop((derived, uno.clone()));
            });
            forked.wait();
            pending += fs::read_to_string(folder.join("pending")).unwrap().parse::<u64>().unwrap();
        }
        assert!(uno.flush(PATIENCE).is_complete());
        json!({ "logged": logged, "pending": pending })
    });
    let ended = Child::new("records_pending_at_a_fork_are_written_once").run();
    assert_eq!(ended.stderr, "");
    let (numbers, missing) = read(&ended.path("uno.log"));
    assert!(numbers["parent"].iter().copied().eq(0..ended.report["logged"].as_u64().unwrap()));
    assert!(numbers["child"].iter().copied().eq(0..FORKS * 2), "{:?}", numbers["child"]);
    assert_eq!((numbers.len(), missing), (2, 0));
    assert_ne!(ended.report["pending"], 0, "nothing was pending at any fork, so nothing is proved");
}

/// A file under a lock, which `write` holds for as long as the other end of a pipe is open.
struct LockedFile {
    file: Mutex<File>,
    until_closed: PipeReader,
    is_held: testing::Signal,
}

impl Output for LockedFile {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let mut file = self.file.lock().unwrap();
        self.is_held.set();
        (&self.until_closed).read_to_end(&mut Vec::new())?;
        file.write_all(line.bytes())
    }
}

/// A writer thread holds the output's lock when the process forks. In the child, no thread will ever release it.
#[test]
fn a_child_does_not_wait_for_an_output_that_was_blocked_at_the_fork() {
    const RECORDS: u64 = 20;
    child::in_child("a_child_does_not_wait_for_an_output_that_was_blocked_at_the_fork", |folder| {
        let (until_closed, held_open) = io::pipe().unwrap();
        let file = Mutex::new(File::create(folder.join("uno.log")).unwrap());
        let held = Arc::new(LockedFile { file, until_closed, is_held: testing::Signal::named("the lock is held") });
        let sink = sink::custom(Arc::clone(&held));
        let uno = context(&sink.queued(Queue::new()));
        log(&uno, "parent", 0..RECORDS);
        held.is_held.wait(PATIENCE).unwrap();
        let in_child = || {
            log(&uno, "child", 0..5);
            // Another queue in front of the same output must not get around that lock.
            log(&context(&sink.queued(Queue::new().bytes(1 << 14))), "child", 5..6);
            let start = Instant::now();
            let ledgers = [uno.flush(PATIENCE * 2), sink.flush(PATIENCE * 2)];
            assert!(start.elapsed() < PATIENCE);
            assert_eq!(ledgers.map(|ledger| (ledger.failed, ledger.unflushed)), [(5, true), (6, true)]);
        };
        // The forks after the first one do not wait again for the output that the first one waited for in vain.
        let start = Instant::now();
        fork(in_child).wait();
        let first = start.elapsed();
        let start = Instant::now();
        (0..40).for_each(|_| fork(|| ()).wait());
        assert!(start.elapsed() < first * 20, "forty forks took {:?}, and one {first:?}", start.elapsed());
        drop(held_open);
        assert!(uno.flush(PATIENCE).is_complete());
        json!(null)
    });
    let ended = Child::new("a_child_does_not_wait_for_an_output_that_was_blocked_at_the_fork").run();
    let (numbers, _) = read(&ended.path("uno.log"));
    assert!(numbers.len() == 1 && numbers["parent"].iter().copied().eq(0..RECORDS));
    let reason = "it was being written to when this process was forked off";
    let reported = ended.fallback_lines();
    let reports_of = |what: &str| reported.iter().filter(|line| line.contains(what) && line.contains(reason)).count();
    // One report when records fail, and one for each of the two flushes.
    assert_eq!(
        (reports_of("cannot write to custom output"), reports_of("cannot flush custom output")),
        (1, 2),
        "{reported:?}"
    );
    assert_eq!(reported.len(), 3, "{reported:?}");
}

/// Threads log through queues of all policies, as fast as they can, while two other threads fork.
#[test]
fn forks_while_threads_log_lose_nothing() {
    const FORKS: u64 = 60;
    const POLICIES: [Overflow; 3] = [Overflow::Block, Overflow::DropNewest, Overflow::DropOldest];
    child::in_child("forks_while_threads_log_lose_nothing", |folder| {
        let queue = |overflow| Queue::new().bytes(4 << 10).overflow(overflow);
        let contexts: Vec<_> = POLICIES
            .iter()
            .map(|policy| {
                let path = folder.join(format!("{policy:?}"));
                context(&sink::file(path).open().unwrap().queued(queue(*policy)))
            })
            .collect();
        // The first scope of a process and the first event of a callsite take other locks, which are not the subject of this test.
        log(&context(&sink::null()), "nobody", 0..1);
        let (stop, logged) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; 3]);
        // A thread that starts or ends holds a lock of std's for a moment, which the `exit` of a child takes. So no thread forks at that time.
        let (all_run, all_have_forked) = (Barrier::new(8), Barrier::new(2));
        thread::scope(|scope| {
            for (context, logged) in contexts.iter().zip(&logged) {
                for who in ["one", "two"] {
                    let (stop, all_run) = (&stop, &all_run);
                    scope.spawn(move || {
                        all_run.wait();
                        let mut number = 0;
                        while !stop.load(Ordering::Relaxed) {
                            log(context, who, number..number + 1);
                            number += 1;
                        }
                        logged.fetch_add(number, Ordering::Relaxed);
                    });
                }
            }
            let (contexts, all_run, all_have_forked) = (&contexts, &all_run, &all_have_forked);
            let fork_for = move |half| {
                for number in half * FORKS..(half + 1) * FORKS {
                    let play = || {
                        for context in contexts {
                            log(context, "child", number..number + 1);
                            log(&context.with_field("derived", true), "derived", number..number + 1);
                            flush_at_once(context);
                        }
                        assert!(!logscope::shutdown(PATIENCE).unflushed);
                    };
                    // A child that forks is the parent of the process that logs.
                    // It gives up first, and so leaves no process behind.
                    let in_child = || fork(play).wait_for(PATIENCE / 2);
                    let forked = if number % 4 == 0 { fork(in_child) } else { fork(play) };
                    forked.wait();
                }
            };
            let forking = [0, 1].map(|half| {
                scope.spawn(move || {
                    all_run.wait();
                    let end = catch_unwind(|| fork_for(half));
                    all_have_forked.wait();
                    end
                })
            });
            let ends = forking.map(|thread| thread.join().unwrap());
            stop.store(true, Ordering::Relaxed);
            assert!(ends.iter().all(Result::is_ok), "a fork has failed");
        });
        let ledgers: Vec<_> = contexts.iter().map(|context| child::ledger_json(context.flush(PATIENCE))).collect();
        json!({ "logged": logged.each_ref().map(|count| count.load(Ordering::Relaxed)), "ledgers": ledgers })
    });
    let ended = Child::new("forks_while_threads_log_lose_nothing").run();
    for (index, policy) in POLICIES.iter().enumerate() {
        let (numbers, missing) = read(&ended.path(&format!("{policy:?}")));
        for who in ["child", "derived"] {
            let mut children = numbers[who].clone();
            children.sort_unstable();
            assert!(children.into_iter().eq(0..2 * FORKS), "{policy:?}: {who}: {:?}", numbers[who]);
        }
        let (logged, ledger) = (ended.report["logged"][index].as_u64().unwrap(), &ended.report["ledgers"][index]);
        assert_eq!((&ledger["accepted"], &ledger["pending"]), (&json!(logged), &json!(0)), "{policy:?}");
        let of_threads = [&numbers["one"], &numbers["two"]];
        for numbers in of_threads {
            assert!(
                numbers.is_sorted_by(|one, next| one < next),
                "{policy:?}: a record is there twice, or out of order"
            );
        }
        let written = of_threads.map(|numbers| numbers.len() as u64).iter().sum::<u64>();
        assert_eq!(ledger["written"], written, "{policy:?}");
        assert_eq!(written + ledger["dropped"].as_u64().unwrap(), logged, "{policy:?}");
        assert!(missing <= logged - written, "{policy:?}: two notices count the same loss");
        assert_eq!(*policy == Overflow::Block, logged == written, "{policy:?}: the queue was never full");
    }
}

/// A process becomes a daemon: it forks, the child goes on when the parent has ended, and forks once more.
#[test]
fn a_daemon_loses_nothing() {
    const RECORDS: u64 = 300;
    child::in_child("a_daemon_loses_nothing", |folder| {
        let uno = file(&folder.join("uno.log"), Queue::new());
        log(&uno, "parent", 0..RECORDS);
        let daemon = || {
            log(&uno, "between", 0..RECORDS);
            fork(|| {
                send_line(&format!("pid {}", std::process::id()));
                log(&uno, "daemon", 0..RECORDS);
                let due = file(&folder.join("due.log"), Queue::new());
                log(&due, "daemon", 0..RECORDS);
                assert!(due.flush(PATIENCE).is_complete());
                log(&due, "daemon", RECORDS..2 * RECORDS);
                // The records that the writer buffers must reach the file, although no exit handler runs for this process.
                let writer = BufWriter::new(File::create(folder.join("tre.log")).unwrap());
                let tre = context(&sink::writer(writer).queued(Queue::new()));
                log(&tre, "daemon", 0..RECORDS);
                assert!(logscope::shutdown(PATIENCE).failed == 0);
                log(&tre, "daemon", RECORDS..2 * RECORDS);
                std::mem::forget(tre);
                send_line("done");
            });
        };
        fork(daemon);
        json!(null)
    });
    let mut running = Child::new("a_daemon_loses_nothing").stdout_piped().start();
    // Read until the last process that holds the pipe is gone.
    let mut stdout = running.process().stdout.take().unwrap();
    let mut text = String::new();
    while !text.contains("done\n") {
        let timeout = Timespec::try_from(PATIENCE).unwrap();
        if poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&timeout)).unwrap() == 0 {
            let pid = text.lines().find_map(|line| line.strip_prefix("pid ")).and_then(|pid| pid.parse().ok());
            pid.and_then(Pid::from_raw).map(|pid| kill_process(pid, Signal::KILL));
            panic!("the daemon hangs: {text}");
        }
        let mut bytes = [0; 1024];
        let count = stdout.read(&mut bytes).unwrap();
        assert_ne!(count, 0, "the daemon has failed: {text}");
        text.push_str(str::from_utf8(&bytes[..count]).unwrap());
    }
    stdout.read_to_string(&mut text).unwrap();
    let ended = running.wait();
    assert_eq!(ended.stderr, "");
    let (numbers, _) = read(&ended.path("uno.log"));
    assert_eq!(numbers.len(), 3);
    assert!(numbers.values().all(|numbers| numbers.iter().copied().eq(0..RECORDS)));
    for log in ["due.log", "tre.log"] {
        assert!(read(&ended.path(log)).0["daemon"].iter().copied().eq(0..2 * RECORDS), "{log}");
    }
}

/// Writes a line to stdout, unbuffered.
fn send_line(line: &str) {
    rustix::io::write(rustix::stdio::stdout(), format!("{line}\n").as_bytes()).unwrap();
}

/// A fork waits until no writer thread is at work, except the one that calls it.
#[test]
fn an_output_can_fork() {
    const RECORDS: u32 = 20;
    struct Forks;
    impl Output for Forks {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            let mut command = Command::new("true");
            // SAFETY: the function does nothing. Its presence makes std fork where it would spawn otherwise.
            unsafe { command.pre_exec(|| Ok(())) };
            assert!(command.status()?.success());
            Ok(())
        }
    }
    child::in_child("an_output_can_fork", |_| {
        let uno = context(&sink::custom(Forks).queued(Queue::new()));
        let start = Instant::now();
        for number in 0..RECORDS {
            log(&uno, "parent", number.into()..u64::from(number) + 1);
            assert!(uno.flush(PATIENCE).is_complete());
        }
        // If each fork waited for its own thread, it would take half a second each time.
        assert!(start.elapsed() < RECORDS * Duration::from_millis(300), "{:?}", start.elapsed());
        json!(null)
    });
    let _ = Child::new("an_output_can_fork").run();
}
