//! Shows that two scenarios are stable: again and again, on 1, 2 and 4 threads, in any order, and alone in a process of their own.
//!
//! ```sh
//! cargo run --example stability --features testing
//! cargo run --example stability --features testing -- --broken   # one scenario depends on the other: exits with 101
//! ```
//!
//! The first prints a table like this one, with a speed-up that depends on the machine:
//!
//! ```text
//! threads   runs  passed      time  speed-up
//!       1     20      20    46.1ms      1.00
//!       2     20      20    24.4ms      1.89
//!       4     20      20    22.7ms      2.03
//! ```

#![allow(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logscope::testing::{Run, Stability, Turns, child, run_together};
use logscope::{OutputContext, sink};

/// Builds on several threads, each with a log of its own: no record is in another's log.
fn builds_have_logs_of_their_own(run: &mut Run) {
    let records = 20 + run.random().below(80) as usize;
    let logs = run_together(4, |build| {
        let (sink, memory) = sink::memory();
        let context = OutputContext::builder(format!("build {build}")).sink(sink).build();
        context.scope(|| (0..records).for_each(|number| tracing::info!(build, number, "compiled")));
        assert!(context.flush(Duration::from_secs(10)).is_complete());
        memory.lines()
    });
    for (build, lines) in logs.iter().enumerate() {
        assert_eq!(lines.len(), records);
        assert!(
            lines.iter().all(|line| line.contains(&format!("build={build} "))),
            "a foreign record is in the log of build {build}"
        );
    }
}

/// A context that ends while another thread is in its scope stays there until that thread has left it.
fn a_scope_keeps_its_context(_: &mut Run) {
    let turns = Turns::new(["enter", "drop", "log"]);
    let (sink, memory) = sink::memory();
    let context = OutputContext::builder("uno").sink(sink).build();
    let inside = context.clone();
    std::thread::scope(|threads| {
        let turns = &turns;
        threads.spawn(move || {
            inside.scope(|| {
                turns.pass("enter");
                drop(inside.clone());
                turns.take("log", || tracing::info!("still here"));
            });
        });
        turns.take("drop", || drop(context));
    });
    turns.finish();
    assert_eq!(memory.len(), 1);
}

/// Whether "needs a clean start" finds one depends on what ran before it.
fn broken() {
    static IS_DIRTY: AtomicBool = AtomicBool::new(false);
    Stability::new(20)
        .scenario("leaves dirt", |_| IS_DIRTY.store(true, Ordering::SeqCst))
        .scenario("needs a clean start", |_| {
            tracing::info!("looking around");
            assert!(!IS_DIRTY.load(Ordering::SeqCst), "it is dirty here");
        })
        .shuffled(true)
        .alone(|| child().test("main").arg("--broken"))
        .run();
}

fn main() {
    let _ = logscope::try_init();
    if std::env::args().any(|argument| argument == "--broken") {
        return broken();
    }
    Stability::new(20)
        .scenario("builds have logs of their own", builds_have_logs_of_their_own)
        .scenario("a scope keeps its context", a_scope_keeps_its_context)
        .shuffled(true)
        // The child of a program is the program: its name is not looked at.
        .alone(|| child().test("main"))
        .run();
}
