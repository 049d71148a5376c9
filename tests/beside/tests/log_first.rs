//! A logger of the `log` crate before ours: an error that says so. One test, because the logger is the whole process's.

struct Other;

impl log::Log for Other {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }
    fn log(&self, _: &log::Record<'_>) {}
    fn flush(&self) {}
}

#[test]
fn the_error_says_that_a_logger_was_installed_before() {
    log::set_logger(&Other).expect("it is the first");
    let error = logscope::testing::try_init().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::AlreadyInstalled);
    let text = error.to_string();
    assert!(text.contains("a `log` logger is installed already") && text.contains("remove it"), "{text}");
}
