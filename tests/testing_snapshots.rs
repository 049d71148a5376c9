//! The log as text and as JSON: the same in every run, for snapshots of `insta` and `expect-test`.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use expect_test::expect;
use logscope::testing::{self, Normalize};
use logscope::{Level, OutputContext};

/// Logs what differs from run to run: times, threads, paths, ports, addresses.
fn log_varied() {
    let span = tracing::info_span!("request", id = %"67e55044-10b1-426f-9247-bb680e5fe0c8", attempt = 1);
    let _span = span.enter();
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    tracing::info!(target: "server", %address, thread = ?std::thread::current().id(), "listening");
    tracing::debug!(target: "server", path = %folder.path().join("a.log").display(), "opened");
    tracing::warn!(target: "server", at = &raw const listener as usize, took = ?start.elapsed(), "slow at {:p}", &listener);
    tracing::error!(target: "server", ratio = 0.5, big = u128::MAX, ok = false, "it said \"no\"\nand left at 2026-05-01T12:00:00Z");
    OutputContext::current().child("uno").build().scope(|| tracing::trace!("of a child"));
}

#[test]
fn text_is_the_same_in_every_run() {
    testing::capture(|log| {
        log_varied();
        let rules = Normalize::default().field("at", "<place>");
        expect![[r#"
            INFO  request{id=<uuid> attempt=1}: server: listening address=127.0.0.1:<port> thread="ThreadId(_)"
            DEBUG request{id=<uuid> attempt=1}: server: opened path=<tmp>/<dir>/a.log
            WARN  request{id=<uuid> attempt=1}: server: slow at <address> at=<place> took=<duration>
            ERROR request{id=<uuid> attempt=1}: server: it said "no"\nand left at <time> ratio=0.5 big=340282366920938463463374607431768211455 ok=false
            TRACE [uno] request{id=<uuid> attempt=1}: testing_snapshots: of a child
        "#]]
        .assert_eq(&log.text_with(&rules));
    });
}

#[test]
fn json_is_the_same_in_every_run() {
    testing::capture(|log| {
        log_varied();
        let rules = Normalize::default().field("at", "<place>");
        let json = log.json_with(&rules);
        for line in json.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        insta::assert_snapshot!(json, @r#"
        {"level":"info","target":"server","message":"listening","fields":{"address":"127.0.0.1:<port>","thread":"ThreadId(_)"},"spans":[{"name":"request","fields":{"id":"<uuid>","attempt":1}}]}
        {"level":"debug","target":"server","message":"opened","fields":{"path":"<tmp>/<dir>/a.log"},"spans":[{"name":"request","fields":{"id":"<uuid>","attempt":1}}]}
        {"level":"warn","target":"server","message":"slow at <address>","fields":{"at":"<place>","took":"<duration>"},"spans":[{"name":"request","fields":{"id":"<uuid>","attempt":1}}]}
        {"level":"error","target":"server","message":"it said \"no\"\nand left at <time>","fields":{"ratio":0.5,"big":"340282366920938463463374607431768211455","ok":false},"spans":[{"name":"request","fields":{"id":"<uuid>","attempt":1}}]}
        {"level":"trace","target":"testing_snapshots","message":"of a child","spans":[{"name":"request","fields":{"id":"<uuid>","attempt":1}}],"context":"uno"}
        "#);
    });
}

#[test]
fn rules_of_the_test_come_first_and_texts_can_be_kept() {
    testing::capture(|log| {
        tracing::info!(target: "a", key = "s3cret-7", "got s3cret-7 in 12ms");
        let rules = Normalize::default().replace("s3cret-7", "<key>");
        assert_eq!(log.text_with(&rules), "INFO  a: got <key> in <duration> key=<key>\n");
        assert_eq!(log.text_with(&Normalize::default().keep_texts()), "INFO  a: got s3cret-7 in 12ms key=s3cret-7\n");
    });
}

#[test]
fn lines_of_several_threads_can_be_sorted() {
    let texts = [1, 2].map(|_| {
        testing::capture(|log| {
            logscope::thread::scope(|scope| {
                for number in 0..8 {
                    scope.spawn(move || tracing::info!(target: "worker", number, "done"));
                }
            });
            log.records().level(Level::INFO).within(Duration::from_secs(60)).exactly(8);
            log.text_with(&Normalize::default().sorted())
        })
    });
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0].starts_with("INFO  worker: done number=0\nINFO  worker: done number=1\n"));
}

#[test]
fn folders_of_this_crate_have_no_random_names() {
    testing::capture(|log| {
        let (folder, base) = (testing::scratch_dir(), testing::per_worker("base.db"));
        tracing::info!(target: "db", dir = %folder.display(), "copied {} to {}/x.db", base.display(), folder.display());
        assert_eq!(log.text(), "INFO  db: copied <worker>/base.db to <scratch>/x.db dir=<scratch>\n");
        let ended = testing::child().run(|| "played");
        tracing::info!(target: "db", "left {}", ended.path("stdout").display());
        assert!(log.text().ends_with("INFO  db: left <scratch>/stdout\n"), "{}", log.text());
    });
}
