//! `#[traced_test]` after ours panics in its own crate. One test, because the subscriber is the whole process's.

#[test]
fn traced_test_panics_after_ours_as_documented() {
    #[tracing_test::traced_test]
    fn inner() {}
    logscope::testing::init();
    let panicked = std::panic::catch_unwind(inner).unwrap_err();
    let text = panicked.downcast_ref::<String>().expect("it is a text");
    assert!(text.contains("Failed to set global") || text.contains("SetGlobalDefaultError"), "{text}");
}
