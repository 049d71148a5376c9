//! A subscriber of the program's own before ours: without our layer an error, with it none. One test, because the subscriber is the whole
//! process's.

use tracing_subscriber::prelude::*;

#[test]
fn a_subscriber_with_our_layer_is_used_as_it_is() {
    tracing_subscriber::registry().with(logscope::layer()).init();
    logscope::testing::capture(|log| {
        tracing::debug!(answer = 42, "recorded");
        log.records().field("answer", 42).one();
        std::thread::spawn(|| tracing::warn!("outside")).join().expect("it does not panic");
        log.unclaimed().message("outside").one();
    });
}
