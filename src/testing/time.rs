//! Fake time.

use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::time;

use crate::clock::{Clock, Origin, TimeSource};

/// Returns a clock that follows the time of the tokio runtime that this is called in: also when that time is paused.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::OutputContext;
/// use logscope::testing::tokio_clock;
///
/// // In a test: `#[tokio::test(start_paused = true)]`. (tokio's feature `test-util`.)
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let uno = OutputContext::builder("uno").clock(tokio_clock()).build();
/// tokio::time::sleep(Duration::from_millis(2)).await;
/// assert!(uno.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
///
/// Under paused time a context with this clock shows no time but that which the test has waited for: two hours of `sleep` are two hours in the log,
/// and take no time. Children and derived contexts have the clock of their parent. The wall-clock time goes on from that of this call.
///
/// Threads outside the runtime read the same clock. tokio's time can be paused only in a runtime with one thread. (Which tokio the clock asks is that
/// of this crate's feature `tokio`; it has a paused time if the program's own dependency on tokio has `test-util`.)
///
/// # Panics
///
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn tokio_clock() -> Clock {
    let runtime = Handle::try_current().unwrap_or_else(|_| {
        panic!("`tokio_clock` follows the runtime that it is called in: call it in a task, or after `Runtime::enter`")
    });
    Clock::custom(TokioTime { start: time::Instant::now(), wall: Origin::now().wall(), runtime })
}

struct TokioTime {
    runtime: Handle,
    start: time::Instant,
    wall: SystemTime,
}

impl TokioTime {
    fn read(&self) -> time::Instant {
        // On the runtime's own threads it is entered already, or another runtime is.
        let _entered = self.runtime.enter();
        time::Instant::now()
    }
}

impl TimeSource for TokioTime {
    fn now(&self) -> Instant {
        self.read().into_std()
    }

    fn wall(&self) -> SystemTime {
        let passed = self.read().saturating_duration_since(self.start);
        self.wall.checked_add(passed).unwrap_or(self.wall)
    }
}
