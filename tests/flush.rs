//! Flushing and closing never hang: not from inside the output that is written to, and not behind a thread that is.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use logscope::{OutputContext, sink};

/// How long a call may take that must return at once, on a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(60);

/// Runs `f` on a thread of its own, which is left behind if it hangs.
fn returns<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    thread::spawn(move || done.send(f()));
    result.recv_timeout(AT_ONCE).expect("the call does not hang")
}

/// What a log call inside the context does whose only sink is `make`'s, which is handed the context.
fn log_through(make: fn(Arc<OnceLock<OutputContext>>) -> sink::Sink) -> OutputContext {
    let _ = logscope::init();
    let place = Arc::new(OnceLock::new());
    let uno = OutputContext::builder("uno").sink(make(Arc::clone(&place))).build();
    place.set(uno.clone()).expect("it is set once");
    returns(move || {
        uno.scope(|| tracing::info!("one"));
        uno
    })
}

/// Flushes and closes what it is written to by.
struct Ends(Arc<OnceLock<OutputContext>>);

impl Ends {
    fn end(&self) {
        let uno = self.0.get().expect("it is set before it is used");
        assert_eq!(uno.flush(Duration::MAX).pending, 1);
        assert_eq!(uno.sinks()[0].flush(Duration::MAX).written, 0);
        assert_eq!(uno.close(Duration::MAX).pending, 1);
    }
}

impl io::Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.end();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        panic!("nothing is to be flushed from inside")
    }
}

impl sink::Output for Ends {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        self.end();
        Ok(())
    }
}

#[test]
fn an_output_can_flush_and_close_what_it_is_written_to_by() {
    let makes: [fn(Arc<OnceLock<OutputContext>>) -> sink::Sink; 3] = [
        |place| sink::writer(Ends(place)),
        |place| sink::custom(Ends(place)),
        |place| sink::callback(move |_| Ends(Arc::clone(&place)).end()),
    ];
    for make in makes {
        let uno = log_through(make);
        assert!(uno.is_closed());
        assert_eq!((uno.ledger().written, uno.ledger().pending), (1, 0));
    }
}

/// Stays in the middle of a line until it is told to go on.
struct Waits {
    inside: Sender<()>,
    go_on: Receiver<()>,
}

impl io::Write for Waits {
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
fn a_deadline_holds_behind_a_thread_that_is_in_the_middle_of_a_line() {
    let _ = logscope::init();
    let ((inside, entered), (go, go_on)) = (channel(), channel());
    let log = sink::writer(Waits { inside, go_on });
    let uno = OutputContext::builder("uno").sink(log.clone()).build();
    let logging = thread::spawn(uno.bind(|| tracing::info!("one")));
    entered.recv().expect("the writer is called");

    let moment = Duration::from_millis(10);
    let (flushed, abandoned) = returns({
        let (log, uno) = (log.clone(), uno.clone());
        move || (log.flush(moment), uno.close(moment))
    });
    assert_eq!((flushed.written, abandoned.pending), (0, 1));

    go.send(()).expect("the writer waits");
    logging.join().expect("logging does not panic");
    assert!(log.flush(Duration::MAX).is_complete() && uno.flush(Duration::MAX).is_complete());
}
