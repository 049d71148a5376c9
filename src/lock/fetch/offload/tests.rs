//! A future that waits for a thread.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Wake, Waker};

use super::*;
use crate::sync::mpsc::channel;

/// Wakes by a message.
struct Message(crate::sync::mpsc::SyncSender<()>);

impl Wake for Message {
    fn wake(self: std::sync::Arc<Self>) {
        let _ = self.0.try_send(());
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (sender, woken) = crate::sync::mpsc::sync_channel(1);
    let waker = Waker::from(std::sync::Arc::new(Message(sender)));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => woken.recv_timeout(std::time::Duration::from_secs(60)).expect("the task is woken"),
        }
    }
}

#[test]
fn the_task_is_woken_with_the_result() {
    assert_eq!(block_on(offload(|| 7)), 7);
    let (go, wait) = channel::<()>();
    let mut polls = 0;
    let mut offloaded = pin!(offload(move || wait.recv().is_ok()));
    let result = block_on(poll_fn(|context| {
        polls += 1;
        let poll = offloaded.as_mut().poll(context);
        // The thread cannot be done before the first poll is over.
        if polls == 1 {
            assert!(poll.is_pending());
            go.send(()).unwrap();
        }
        poll
    }));
    assert!(result && polls >= 2);
}

#[test]
fn a_panic_is_that_of_the_future() {
    let result = catch_unwind(AssertUnwindSafe(|| block_on(offload(|| -> i32 { panic!("on purpose") }))));
    assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
}

#[test]
fn work_of_a_future_that_is_dropped_is_finished() {
    let (go, wait) = channel::<()>();
    let (done, end) = channel();
    let mut offloaded = Box::pin(offload(move || {
        wait.recv().unwrap();
        done.send(()).unwrap();
    }));
    assert!(offloaded.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(offloaded);
    go.send(()).unwrap();
    end.recv_timeout(std::time::Duration::from_secs(60)).expect("it goes on");
}
