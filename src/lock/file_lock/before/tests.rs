use std::future::{pending, ready};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{Thread, current, park};
use std::time::Duration;

use super::*;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => park(),
        }
    }
}

#[test]
fn a_task_is_woken_at_the_deadline_and_what_is_ready_is_returned_even_after_it() {
    let start = Instant::now();
    assert_eq!(block_on(before(Some(start + Duration::from_millis(30)), pending::<()>())), None);
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(block_on(before(Some(start), ready(1))), Some(1));
    assert_eq!(block_on(before(None, ready(1))), Some(1));
}
