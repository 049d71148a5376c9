//! `test-log` before ours: an error that says so. One test, because the subscriber is the whole process's.

#[test_log::test]
fn the_error_names_test_log_and_says_what_to_do() {
    let error = logscope::testing::try_init().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::AlreadyInstalled);
    let text = error.to_string();
    assert!(text.contains("test_log") && text.contains("call logscope::testing::init() first"), "{text}");
    // The same for all who ask.
    assert_eq!(logscope::testing::try_init().unwrap_err().to_string(), text);
    let panicked = std::panic::catch_unwind(|| logscope::testing::capture(|_| ())).unwrap_err();
    assert_eq!(panicked.downcast_ref::<String>(), Some(&text));
}
