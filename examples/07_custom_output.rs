//! Outputs of a program's own: one implements a trait and fails for a while, the other is a closure.
//!
//! ```text
//! kept:
//!   INFO  uno: one
//!   INFO  uno: two
//!   WARN  uno: records are missing here: they could not be written failed=2
//!   INFO  uno: five
//! broadcast: one, two, three, four, five
//! ledger: 10 accepted: 8 written, 0 dropped, 2 failed, 0 pending
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use logscope::sink::{Line, Output};
use logscope::{Format, OutputContext, Time, sink};

/// A store that can be full.
#[derive(Clone, Default)]
struct Store {
    lines: Arc<Mutex<Vec<String>>>,
    is_full: Arc<AtomicBool>,
}

impl Output for Store {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().map_err(|_| io::ErrorKind::Other)?.push(line.text().into_owned());
        Ok(())
    }

    fn describe(&self) -> String {
        "store".to_owned() // the name in messages
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();
    let store = Store::default();
    let (sender, broadcast) = mpsc::channel();

    let uno = OutputContext::builder("uno")
        .sink(sink::custom(store.clone()).format(Format::text().time(Time::None).target(false)))
        .sink(sink::callback(move |line| drop(sender.send(line.to_owned()))).format(Format::build().time(Time::None)))
        .build();
    uno.scope(|| {
        tracing::info!("one");
        tracing::info!("two");
        store.is_full.store(true, Ordering::Relaxed); // reported once on stderr, and counted
        tracing::info!("three");
        tracing::info!("four");
        store.is_full.store(false, Ordering::Relaxed);
        tracing::info!("five");
    });

    println!("kept:");
    for line in store.lines.lock().map_err(|_| "poisoned")?.iter().flat_map(|lines| lines.lines()) {
        println!("  {line}");
    }
    println!("broadcast: {}", broadcast.try_iter().collect::<Vec<_>>().join(", "));
    println!("ledger: {}", uno.ledger());
    Ok(())
}
