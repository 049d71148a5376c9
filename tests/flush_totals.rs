//! The totals of the process count each record at any moment, also while outputs come and go (P2).
//!
//! A binary of its own, because the totals belong to the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use logscope::{OutputContext, sink};

#[test]
fn totals_never_go_down_while_an_output_goes() {
    let _ = logscope::try_init();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    let uno = OutputContext::builder("uno").sink(sink::null()).build();
                    uno.scope(|| tracing::info!("hello"));
                }
            });
        }
        let mut before = 0;
        let mut falls = 0;
        for _ in 0..200_000 {
            let written = logscope::flush(Duration::ZERO).written;
            falls += u32::from(written < before);
            before = written;
        }
        ends.store(true, Ordering::Relaxed);
        assert_eq!(falls, 0, "the totals went down");
    });
}
