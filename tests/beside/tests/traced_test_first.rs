//! `#[traced_test]` before ours: an error that says so. One test, because the subscriber is the whole process's.

#[tracing_test::traced_test]
#[test]
fn the_error_names_traced_test_and_says_what_to_do() {
    let error = logscope::testing::try_init().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::AlreadyInstalled);
    let text = error.to_string();
    assert!(text.contains("traced_test") && text.contains("testing::capture") && text.contains("nextest"), "{text}");
}
