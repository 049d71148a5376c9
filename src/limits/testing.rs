//! The limits of the test harness.

use std::time::Duration;

/// The first pause of a test that looks whether something is so, or that tries again.
pub(crate) const TEST_FIRST_PAUSE: Duration = Duration::from_millis(1);

/// The longest pause of a test that looks whether something is so, or that tries again.
pub(crate) const TEST_LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How long a turn of `testing::Turns` is waited for, unless the test sets it.
pub(crate) const TEST_TURN: Duration = Duration::from_secs(30);

/// How long the threads of `testing::run_together` wait for each other before they begin.
pub(crate) const TEST_START: Duration = Duration::from_secs(60);

/// How long a test waits for something that another test uses.
pub(crate) const TEST_RESOURCE: Duration = Duration::from_secs(600);

/// How long a test waits for that before it tells so.
pub(crate) const TEST_TOLD: Duration = Duration::from_secs(1);

/// How long what an isolated test has left behind may take to end.
pub(crate) const TEST_LEAKS: Duration = Duration::from_secs(1);

/// How long the child of a test may run, unless the test sets it.
pub(crate) const TEST_CHILD: Duration = Duration::from_secs(180);

/// How long a test waits whose deadline the clock does not reach.
pub(crate) const TEST_FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// How many of the last lines of a log a failure shows.
pub(crate) const TEST_LOG_LINES: usize = 100;
