//! `test-log` after ours: both work. One test, because the subscriber is the whole process's.

#![allow(unnameable_test_items, reason = "the inner test is called")]

#[test]
fn a_test_of_test_log_runs_after_ours_and_can_be_recorded() {
    #[test_log::test]
    fn inner() {
        logscope::testing::capture(|log| {
            tracing::info!("recorded");
            log.records().message("recorded").one();
        });
    }
    logscope::testing::init();
    inner();
}
