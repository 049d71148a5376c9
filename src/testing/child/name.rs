//! Which test runs on this thread.

use crate::testing::harness::harness;

/// The name of the test that runs on this thread, as libtest knows it; an error says what to do.
pub(super) fn this_test() -> Result<String, String> {
    harness().test_name().ok_or_else(|| {
        "which test this is cannot be told: libtest runs tests on the main thread if it has one thread for all (`--test-threads=1`). Run them with \
         more threads or with nextest, or say it: `child().test(\"module::name\")`"
            .to_owned()
    })
}
