//! Flushing and closing never hang: not from inside the output that is being written to, and not behind a thread that writes to it.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use logscope::{OutputContext, sink};

/// How long a call that must return at once may take on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(60);

/// Runs `f` on a thread of its own, which is left behind if `f` hangs.
fn in_time<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    thread::spawn(move || done.send(f()));
    result.recv_timeout(AT_ONCE).expect("the call does not hang")
}

/// Where an output finds the context that writes to it.
type ContextSlot = Arc<OnceLock<OutputContext>>;

/// Logs once in a context whose only sink is the one that `make` in_time. `make` gets a slot for the context. Returns the context.
fn log_through(make: fn(ContextSlot) -> sink::Sink) -> OutputContext {
    let _ = logscope::try_init();
    let slot = ContextSlot::default();
    let uno = OutputContext::builder("uno").sink(make(Arc::clone(&slot))).build();
    slot.set(uno.clone()).expect("the slot is set once");
    in_time(move || {
        uno.scope(|| tracing::info!("one"));
        uno
    })
}

/// Flushes and closes the context that writes to it, from inside `write`.
struct FlushesAndCloses(ContextSlot);

impl FlushesAndCloses {
    fn flush_and_close(&self) {
        let uno = self.0.get().expect("the slot is set before the output is used");
        assert_eq!(uno.flush(Duration::MAX).pending, 1);
        assert_eq!(uno.sinks()[0].flush(Duration::MAX).written, 0);
        assert_eq!(uno.close(Duration::MAX).pending, 1);
    }
}

impl io::Write for FlushesAndCloses {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush_and_close();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        panic!("a flush from inside `write` must not reach the writer")
    }
}

impl sink::Output for FlushesAndCloses {
    fn write(&self, _: sink::Line<'_>) -> io::Result<()> {
        self.flush_and_close();
        Ok(())
    }
}

#[test]
fn an_output_can_flush_and_close_the_context_that_writes_to_it() {
    let makes: [fn(ContextSlot) -> sink::Sink; 3] = [
        |slot| sink::writer(FlushesAndCloses(slot)),
        |slot| sink::custom(FlushesAndCloses(slot)),
        |slot| sink::callback(move |_| FlushesAndCloses(Arc::clone(&slot)).flush_and_close()),
    ];
    for make in makes {
        let uno = log_through(make);
        assert!(uno.is_closed());
        assert_eq!((uno.ledger().written, uno.ledger().pending), (1, 0));
    }
}

/// Blocks in the middle of a line until the test lets it go on.
struct Blocks {
    inside: Sender<()>,
    go_on: Receiver<()>,
}

impl io::Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.inside.send(());
        let _ = self.go_on.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_deadline_holds_while_another_thread_is_inside_the_writer() {
    let _ = logscope::try_init();
    let ((inside, entered), (go, go_on)) = (channel(), channel());
    let log = sink::writer(Blocks { inside, go_on });
    let uno = OutputContext::builder("uno").sink(log.clone()).build();
    let logging = thread::spawn(uno.bind(|| tracing::info!("one")));
    entered.recv().expect("the writer is called");

    let moment = Duration::from_millis(10);
    let (flushed, abandoned) = in_time({
        let (log, uno) = (log.clone(), uno.clone());
        move || (log.flush(moment), uno.close(moment))
    });
    assert_eq!((flushed.written, abandoned.pending), (0, 1));

    go.send(()).expect("the writer waits");
    logging.join().expect("logging does not panic");
    assert!(log.flush(Duration::MAX).is_complete() && uno.flush(Duration::MAX).is_complete());
}
