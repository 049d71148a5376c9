//! How long to pause between attempts.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

use crate::limits::{TEST_FIRST_PAUSE, TEST_LONGEST_PAUSE};
use crate::testing::seed;

/// Says how long to pause between attempts, and how many there are: for [`retry`](super::retry()).
///
/// ```
/// use std::time::Duration;
///
/// use logscope::testing::Backoff;
///
/// let backoff = Backoff::new().first(Duration::from_millis(10)).longest(Duration::from_secs(1)).attempts(5);
/// ```
///
/// Each pause is about twice as long as the one before, with a part at random, from the [seed](crate::testing::seed()) of the tests. (The crate
/// `backon` computes them.)
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: Option<usize>,
}

impl Backoff {
    /// Makes a backoff that begins with a millisecond, grows to 50 milliseconds, and never ends.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a const, like the setters")]
    pub const fn new() -> Self {
        Backoff { first: TEST_FIRST_PAUSE, longest: TEST_LONGEST_PAUSE, attempts: None }
    }

    /// Sets the length of the first pause.
    #[must_use]
    pub const fn first(self, pause: Duration) -> Self {
        Backoff { first: pause, ..self }
    }

    /// Sets the length that no pause goes much beyond.
    #[must_use]
    pub const fn longest(self, pause: Duration) -> Self {
        Backoff { longest: pause, ..self }
    }

    /// Sets how many attempts there are, with the first; at least one is made.
    #[must_use]
    pub const fn attempts(self, attempts: usize) -> Self {
        Backoff { attempts: Some(attempts), ..self }
    }

    /// The pauses between attempts.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_factor(2.0)
            .with_jitter()
            .with_jitter_seed(seed::choose().next());
        match self.attempts {
            Some(attempts) => builder.with_max_times(attempts.saturating_sub(1)).build(),
            None => builder.without_max_times().build(),
        }
    }
}
