//! Every interleaving of a task that polls and a thread that hands its result over: the task gets it, and is never left waiting.

use std::task::Wake;

use loom::sync::Notify;
use loom::thread;

use super::*;

/// Wakes a thread that polls.
struct Unpark(Notify);

impl Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

/// Polls until there is a value, as an executor does: again after each wake-up.
fn receive<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let unpark = std::sync::Arc::new(Unpark(Notify::new()));
    let waker = Waker::from(std::sync::Arc::clone(&unpark));
    loop {
        match poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => unpark.0.wait(),
        }
    }
}

#[test]
fn loom_a_task_gets_what_a_thread_hands_over() {
    loom::model(|| {
        let (sender, mut receiver) = hand_over();
        let thread = thread::spawn(move || sender.send(7));
        assert_eq!(receive(|context| Pin::new(&mut receiver).poll(context)), 7);
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_task_that_is_polled_by_another_waker_is_woken_by_that() {
    loom::model(|| {
        let (sender, mut receiver) = hand_over();
        let first = Pin::new(&mut receiver).poll(&mut Context::from_waker(Waker::noop()));
        let thread = thread::spawn(move || sender.send(7));
        let value = match first {
            Poll::Ready(value) => value,
            Poll::Pending => receive(|context| Pin::new(&mut receiver).poll(context)),
        };
        assert_eq!(value, 7);
        thread.join().unwrap();
    });
}

/// The weakened twin: looks for the value under one lock, and leaves its waker under another. A value that comes in between wakes nobody.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_waker_that_is_left_after_the_look_is_missed() {
    loom::model(|| {
        let (sender, receiver) = hand_over();
        let thread = thread::spawn(move || sender.send(7));
        let value = receive(|context| {
            if let Some(value) = receiver.0.lock().value.take() {
                return Poll::Ready(value);
            }
            receiver.0.lock().waker = Some(context.waker().clone());
            Poll::Pending
        });
        assert_eq!(value, 7);
        thread.join().unwrap();
    });
}
