//! Records as a `RecordOutput` of a program's own gets them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use logscope::sink::RecordOutput;
use logscope::{OutputContext, Record, sink};

/// Keeps the message of each record.
#[derive(Default)]
struct Messages(Mutex<Vec<String>>);

impl RecordOutput for Messages {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let message = record.message().to_string();
        assert_eq!(message, record.to_buf().message);
        self.0.lock().expect("no test panics under the lock").push(message);
        Ok(())
    }
}

/// A value that counts how often it is rendered.
struct Counted<'a>(&'a AtomicUsize);

impl std::fmt::Debug for Counted<'_> {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn asking_for_the_message_renders_no_other_field() {
    let _ = logscope::try_init();
    let (messages, rendered) = (Arc::new(Messages::default()), AtomicUsize::new(0));
    let uno = OutputContext::builder("uno").sink(sink::records(Arc::clone(&messages))).build();
    let error = io::Error::other("broken");
    uno.scope(|| {
        tracing::info!(other = ?Counted(&rendered), "said {}", 1);
        tracing::info!(message = "late", message = ?Counted(&rendered));
        tracing::info!(message = 0.5);
        tracing::info!(message = &error as &(dyn std::error::Error + 'static));
        tracing::info!(other = ?Counted(&rendered));
    });
    assert_eq!(*messages.0.lock().unwrap(), ["said 1", "late", "0.5", "broken", ""]);
    assert_eq!(rendered.into_inner(), 3, "each field was rendered once, by `to_buf`");
}
