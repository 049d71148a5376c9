//! # A test suite
//!
//! Each test records its own log, in all its threads and tasks, and can assert what is in it. Tests run in parallel. One that passes prints
//! nothing, and one that fails shows its own records and nobody else's. (Only of what is logged outside every context, on a thread that is no
//! test's own, it cannot be told whose it is: see [below](#work-that-lost-its-context).)
//!
//! ```toml
//! [dependencies]
//! logscope = { path = "../logscope" } # and features = ["rayon", "tokio"] for their helpers
//! tracing = "0.1"
//!
//! [dev-dependencies]
//! logscope = { path = "../logscope", features = ["testing"] }
//! # For the parts of this page that use them:
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "test-util"] }
//! insta = "1"
//! expect-test = "1.5"
//! proptest = "1"
//! ```
//!
//! (logscope is not on crates.io yet: give the path of a clone, or `git`.)
//!
//! # The first test
//!
//! ```
//! use logscope::{Level, testing};
//!
//! fn connect(attempts: u32) {
//!     for attempt in 1..attempts {
//!         tracing::warn!(attempt, "refused");
//!     }
//!     tracing::info!(target: "db", "connected");
//! }
//!
//! // #[test]
//! fn connects_at_the_third_attempt() {
//!     testing::capture(|log| {
//!         connect(3);
//!         log.records().level(Level::WARN).message("refused").exactly(2);
//!         log.records().target("db").message("connected").one();
//!         log.records().level(Level::ERROR).none();
//!     });
//! }
//! # connects_at_the_third_attempt();
//! ```
//!
//! Nothing else has to be set up: [`capture`](crate::testing::capture()) calls [`testing::init`](crate::testing::init()). A test that captures
//! nothing calls that itself; what it logs is then shown if it fails. A query that fails says what was asked, which records miss it by one
//! condition, and shows the log:
//!
//! ```text
//! expected exactly one record, found no record
//!   asked for: level WARN, message with "refused", field attempt=3
//!   nearest misses:
//!     00:00.000031 WARN  my_crate: refused attempt=1
//!       not field attempt=3: it is 1
//!     00:00.000052 WARN  my_crate: refused attempt=2
//!       not field attempt=3: it is 2
//!   the log of connects_at_the_third_attempt (3 records):
//!     …
//! ```
//!
//! # Guards, threads, tasks
//!
//! A test that returns a `Result` returns that of its closure: `capture` knows then that it has failed. A long test may take a guard, which sees
//! panics only; [`options().begin()`](crate::testing::CaptureOptions::begin) needs no name. A test with tasks takes [`capture_async`](crate::testing::capture_async), under any runtime:
//!
//! ```
//! use std::time::Duration;
//! use logscope::{InContext as _, testing};
//!
//! // #[test]
//! fn parses() -> Result<(), std::num::ParseIntError> {
//!     testing::capture(|log| {
//!         tracing::debug!(number = "7".parse::<u32>()?, "parsed");
//!         log.records().field("number", 7).one();
//!         Ok(())
//!     })
//! }
//!
//! // #[test]
//! fn connects() {
//!     let log = testing::begin("connects");
//!     tracing::info!("connected");
//!     log.records().message("connected").one();
//! }
//!
//! // #[tokio::test]
//! async fn links() {
//!     testing::capture_async(|log| async move {
//!         tokio::spawn(async { tracing::info!("linked") }.in_current_context());
//!         logscope::thread::spawn(|| tracing::info!("archived"));
//!         let records = log.records().within(Duration::from_secs(5));
//!         records.clone().message("linked").arrived().await.one();
//!         records.message("archived").arrived().await.one();
//!     })
//!     .await;
//! }
//! # parses().unwrap();
//! # connects();
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(links());
//! ```
//!
//! [`within`](crate::testing::Query::within) waits for records of other threads: each new record wakes the thread that waits. In a task,
//! [`arrived`](crate::testing::Query::arrived) and [`arrived_times`](crate::testing::Query::arrived_times) do so, and let other tasks go on. The
//! context follows the work by the functions of [`thread`](crate::thread), `logscope::rayon` and `logscope::tokio`, by
//! [`bind`](crate::OutputContext::bind), and by [`in_current_context`](crate::InContext::in_current_context): see
//! [what carries the context](crate::docs::carry).
//!
//! # No error unseen
//!
//! ```
//! use logscope::{Level, testing};
//!
//! testing::options().deny(Level::ERROR).capture(|log| {
//!     log.excuse(log.records().message("out of paper")); // this one is expected
//!     tracing::error!("out of paper");
//! });
//! ```
//!
//! Any other ERROR in the log of this test fails it when it ends, and is shown.
//!
//! # Snapshots
//!
//! [`Log::text`](crate::testing::Log::text) and [`Log::json`](crate::testing::Log::json) leave out what differs from run to run, and replace
//! it in messages and texts: times, durations, ids, addresses, ports, folders. [`Normalize`](crate::testing::Normalize) has the rules, and takes
//! more.
//!
//! ```
//! use logscope::testing;
//!
//! testing::capture(|log| {
//!     let took = std::time::Duration::from_micros(1_234);
//!     tracing::info!(target: "linker", ?took, "linked {}", std::env::temp_dir().join("a.out").display());
//!
//!     insta::assert_snapshot!(log.text(), @"INFO  linker: linked <tmp>/a.out took=<duration>");
//!     expect_test::expect![[r#"
//!         INFO  linker: linked <tmp>/a.out took=<duration>
//!     "#]].assert_eq(&log.text());
//! });
//! ```
//!
//! # Many cases
//!
//! A test of `proptest` makes hundreds of attempts, and more to make a failing case smaller. Each is recorded by
//! [`case`](crate::testing::case()), and the test shows the last one that failed, which is the one that is reported:
//!
//! ```
//! use logscope::testing;
//! use proptest::prelude::*;
//!
//! proptest! {
//!     // #[test]
//!     fn halves_are_smaller(number in 1..1_000_u32) {
//!         testing::case(|_| {
//!             tracing::info!(number, "halving");
//!             prop_assert!(number / 2 < number);
//!             Ok(())
//!         })?;
//!     }
//! }
//! # halves_are_smaller();
//! ```
//!
//! `case` has no twin for tasks: an attempt with tasks calls `runtime.block_on` inside its closure.
//!
//! # Time
//!
//! With a clock of its own, elapsed times are exact in the test's context, and in each context that is made inside it:
//!
//! ```
//! use std::time::Duration;
//! use logscope::{ManualClock, OutputContext, testing};
//!
//! let clock = ManualClock::new();
//! testing::options().clock(&clock).capture(|log| {
//!     let build = OutputContext::builder("build").sink(log.sink()).build(); // as the code under test would make it
//!     clock.advance(Duration::from_secs(90));
//!     build.scope(|| tracing::info!("done"));
//!     assert_eq!(log.records().context("build").one().elapsed, Some(Duration::from_secs(90)));
//! });
//! ```
//!
#![cfg_attr(
    feature = "tokio",
    doc = "[`tokio_clock`](crate::testing::tokio_clock) is a clock that follows tokio's paused time."
)]
#![cfg_attr(
    not(feature = "tokio"),
    doc = "With the feature `tokio`, `testing::tokio_clock` is a clock that follows tokio's paused time."
)]
//!
//! # Work that lost its context
//!
//! A bare `std::thread::spawn` in the code under test starts outside every context. What it logs is no record of the test:
//! [`Log::unclaimed`](crate::testing::Log::unclaimed) asks for it, a test that fails shows it, and [`strict`](crate::testing::strict()) makes it a
//! failure. While several tests run at once, nobody can tell whose such a record is: it counts for all that run, and the message says so. What
//! the own thread of a test logs that has called `testing::init`, or captures, counts for that test only; such a thread is told by its stack, if
//! the test binary has symbols. Where one test runs at a time,
//! with nextest or `--test-threads=1`, it is certain, and [`Log::adopt_unclaimed`](crate::testing::Log::adopt_unclaimed) makes such records the
//! test's own.
//!
//! # What is shown, and where
//!
//! ```text
//! cargo test                                           # the log of each test that fails
//! cargo test -- --show-output                          # of the others, too
//! cargo test -- --nocapture                            # all as it comes, each line with its test
//! LOGSCOPE_TEST=info,my_crate=trace,hyper=off cargo test    # which records are shown
//! LOGSCOPE_TEST_DIR=$PWD/target/logs cargo test        # also a file for each test, failures first
//! cargo nextest run                                    # a process for each test
//! ```
//!
//! Everything is recorded, whatever is shown; [`CaptureOptions::shown`](crate::testing::CaptureOptions::shown) sets for one test what is shown, and
//! [`CaptureOptions::verbosity`](crate::testing::CaptureOptions::verbosity) what is recorded. The path in `LOGSCOPE_TEST_DIR` is absolute: cargo runs the tests of each package of a
//! workspace in the folder of that package. The files there are written as
//! records come, with why the test has failed, so that of a test that hangs or aborts is there, with a name that begins with `2-unfinished`. Under nextest the log of such a
//! test is in its output, too (not that of one of many [cases](crate::testing::case()), which is shown when it has failed). If nextest repeats a flaky test, the log of the
//! attempt that failed stays beside that of the one that passed; so does that of the last run in which the test failed, as `4-failed-before`.
//!
//! # Waiting, and several threads
//!
//! A sleep in a test is too short on one machine and too long on the others. What the code under test can say, a
//! [`Signal`](crate::testing::Signal) says, to threads and tasks; for anything else there is [`wait_until`](crate::testing::wait_until()), whose
//! failure has the last value. [`run_together`](crate::testing::run_together()) has threads begin at the same time, and
//! [`Turns`](crate::testing::Turns) has them take turns in one order:
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
//! use std::time::Duration;
//! use logscope::testing::{Turns, run_together, wait_until};
//!
//! let (balance, turns) = (AtomicU32::new(1), Turns::new(["read", "deposit", "write"]));
//! run_together(2, |number| {
//!     if number == 0 {
//!         let read = turns.take("read", || balance.load(SeqCst));
//!         turns.take("write", || balance.store(read + 1, SeqCst));
//!     } else {
//!         turns.take("deposit", || balance.fetch_add(10, SeqCst));
//!     }
//! });
//! turns.finish();
//! wait_until(Duration::from_secs(5), || balance.load(SeqCst) == 2).unwrap(); // the deposit is lost, each time
//! ```
//!
//! A thread that panics makes its `join` return an error, and `handle.join().unwrap()` shows that as `Any { .. }`: the text of the panic is printed on
//! that thread, and may be lost. The file in `LOGSCOPE_TEST_DIR` has it, if the thread is in the context of the test. [`run_together`](crate::testing::run_together()) has the texts and the logs of its threads in its message; of another
//! thread, ask for what it logs at its end, by `within`, before you join it.
//!
//! # What tests share
//!
//! | a test needs | |
//! |---|---|
//! | a database alone, or with other readers | [`exclusive("database")`](crate::testing::exclusive()), [`shared("database")`](crate::testing::shared()): over threads and processes |
//! | a file that no test has that runs at the same time | [`per_worker("base.db")`](crate::testing::per_worker()) |
//! | a folder that goes with it | [`scratch_dir`](crate::testing::scratch_dir()) |
//! | a port | [`free_port`](crate::testing::free_port()), [`Ports`](crate::testing::Ports) |
//! | another environment, or an exit | [`child().env("TZ", "UTC").run(…)`](crate::testing::child()): the same test again, in a process of its own |
//! | another process default, panic hook or dial | [`isolated`](crate::testing::isolated()), which restores them, and names what the test leaves behind |
//! | to be sure of itself | [`stability(20, [1, 2, 4], …)`](crate::testing::stability()), and [`Stability`](crate::testing::Stability) for scenarios shuffled and alone |
//!
//! # Coming from `test-log`
//!
//! | `test-log` | here |
//! |---|---|
//! | `#[test_log::test]` | `#[test]`, and [`testing::init()`](crate::testing::init()) as the first line, or [`capture`](crate::testing::capture()) |
//! | `RUST_LOG=debug cargo test` | `LOGSCOPE_TEST=debug cargo test`; without it all levels are shown, of tests that fail |
//! | `#[test_log(default_log_filter = "debug")]` | [`options().shown(…)`](crate::testing::CaptureOptions::shown) |
//! | `#[test_log::test(tokio::test)]` | `#[tokio::test]`, with [`capture_async`](crate::testing::capture_async) |
//! | lines of a pool's threads go to the test that made the pool, or nowhere | records go to the test whose work it is |
//! | a test can assert nothing | [`Log::records`](crate::testing::Log::records) |
//!
//! Both in one binary: a test with `#[test_log::test]` that runs after one of ours works, and can capture. One that runs before has installed its
//! subscriber, and ours then fail with an error that says so. The order of tests is not fixed: so have every test of the binary call
//! `testing::init()`, or take the attribute off.
//!
//! # Coming from `tracing-test`
//!
//! | `tracing-test` | here |
//! |---|---|
//! | `#[traced_test]` | [`capture`](crate::testing::capture()) |
//! | `logs_contain("text")` | `log.records().message("text").first()` |
//! | `assert!(!logs_contain("text"))` | `log.records().message("text").none()` |
//! | `logs_assert(\|lines\| …)` | [`Query::all`](crate::testing::Query::all) has the records as data, [`Query::in_order`](crate::testing::Query::in_order) and [`Query::exactly`](crate::testing::Query::exactly) the usual cases |
//! | the feature `no-env-filter`, to see other crates | they are recorded |
//! | lines are told apart by the name of the test's span, which a bare spawn loses | records belong to the test's context; what lost it is [unclaimed](crate::testing::Log::unclaimed) |
//!
//! `#[traced_test]` after ours panics in its own crate, because it insists on installing its subscriber; before ours, ours fail with an error.
//! The way out is to replace the attribute. Until then, keep such tests in a test binary of their own, or run them with nextest, where each
//! test has a process of its own.
//!
//! # Coming from pytest: `caplog`
//!
//! | `caplog` | here |
//! |---|---|
//! | the fixture `caplog` | the `log` of [`capture`](crate::testing::capture()) or [`begin`](crate::testing::begin()) |
//! | `caplog.records` | [`Log::records`](crate::testing::Log::records), [`Query::all`](crate::testing::Query::all) |
//! | `caplog.record_tuples`, `caplog.messages` | the fields of [`RecordBuf`](crate::RecordBuf) |
//! | `caplog.text` | [`Log::text`](crate::testing::Log::text) |
//! | `"text" in caplog.text` | `log.records().message("text").first()` |
//! | `caplog.set_level(logging.INFO, logger="db")`, `at_level` | nothing is needed: all levels are recorded; [`update`](crate::update) for a part of a test |
//! | `caplog.clear()` | a capture inside the capture, for a part of a test, whose records the log outside does not get |
//! | `--log-level`, `log_level` | `LOGSCOPE_TEST` |
//! | `--log-cli-level`, `-s` | `-- --nocapture` |
//! | `--log-file` | `LOGSCOPE_TEST_DIR`: a file for each test |
//! | `--show-capture=no` | `LOGSCOPE_TEST=off` |
//!
//! # Coming from pytest: `xdist`
//!
//! | `xdist` | here |
//! |---|---|
//! | `pytest -n 8` | `cargo test -- --test-threads=8`, or `cargo nextest run -j 8` |
//! | `worker_id` | [`worker_id`](crate::testing::worker_id()) |
//! | a file for each worker, `f"{worker_id}.db"` | [`per_worker`](crate::testing::per_worker()) |
//! | `tmp_path` | [`scratch_dir`](crate::testing::scratch_dir()), which is kept if the test fails |
//! | `@pytest.mark.xdist_group("database")` | [`exclusive("database")`](crate::testing::exclusive()), [`shared`](crate::testing::shared()) |
//! | a `FileLock` around a fixture of the session | [`lock::Fetch`](crate::lock::Fetch) |
//! | `--forked`, `--boxed` | [`child`](crate::testing::child()), or nextest |
//! | `unused_tcp_port` | [`free_port`](crate::testing::free_port()) |
//! | `pytest-repeat`, `flaky` | [`stability`](crate::testing::stability()) |
//! | `-p no:randomly`, `--randomly-seed` | `LOGSCOPE_TEST_SEED`: see [`seed`](crate::testing::seed()) |
//! | the log of a worker is lost | each process prints its own |
