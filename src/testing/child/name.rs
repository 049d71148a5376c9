//! Which test runs on this thread.

use crate::testing::harness::harness;

/// The name of the test that runs on this thread, as libtest knows it; an error says what to do.
pub(super) fn this_test() -> Result<String, String> {
    harness().test_name().ok_or_else(|| {
        "which test this is cannot be told: this thread has no name of a test, as in a doctest, under a harness other than libtest's, or on a thread \
         that the test has started. Call it on the test's own thread, or say it: `child().test(\"module::name\")`"
            .to_owned()
    })
}
