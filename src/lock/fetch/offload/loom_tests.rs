//! Every interleaving of a task that polls and a thread that hands its result over: the task has the result, or it is woken for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use loom::thread;

use super::*;

/// Notes that the task was woken. Not one of loom's: it is read when the thread has ended.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls once beside the thread that sends, and again when that has ended. An executor polls again only if the task was woken.
fn check(poll: fn(&mut Receiver<i32>, &mut Context<'_>) -> Poll<i32>) {
    loom::model(move || {
        let (sender, mut receiver) = hand_over();
        let thread = thread::spawn(move || sender.send(7));
        let woken = std::sync::Arc::new(Woken::default());
        let waker = Waker::from(std::sync::Arc::clone(&woken));
        let first = poll(&mut receiver, &mut Context::from_waker(&waker));
        thread.join().unwrap();
        if first.is_pending() {
            assert!(woken.0.load(Ordering::Relaxed), "nobody wakes the task");
            assert_eq!(poll(&mut receiver, &mut Context::from_waker(&waker)), Poll::Ready(7));
        } else {
            assert_eq!(first, Poll::Ready(7));
        }
    });
}

#[test]
fn loom_a_task_gets_what_a_thread_hands_over() {
    check(|receiver, context| Pin::new(receiver).poll(context));
}

/// An executor may poll with another waker each time. The last one counts.
#[test]
fn loom_the_last_waker_is_woken() {
    check(|receiver, context| match Pin::new(&mut *receiver).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Pin::new(receiver).poll(context),
        ready => ready,
    });
}

/// The weakened twin: looks for the value under one lock, and leaves its waker under another. A value that comes in between wakes nobody.
#[test]
#[should_panic(expected = "nobody wakes the task")]
fn loom_a_waker_that_is_left_after_the_look_is_missed() {
    check(|receiver, context| {
        if let Some(value) = receiver.0.lock().value.take() {
            return Poll::Ready(value);
        }
        receiver.0.lock().waker = Some(context.waker().clone());
        Poll::Pending
    });
}
