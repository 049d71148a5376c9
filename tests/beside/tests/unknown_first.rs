//! A subscriber that is not known before ours: an error that says how to find it. One test, because the subscriber is the whole process's.

use tracing::subscriber::NoSubscriber;

#[test]
fn the_error_says_how_to_find_it() {
    tracing::subscriber::set_global_default(NoSubscriber::new()).unwrap();
    let error = logscope::testing::try_init().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::AlreadyInstalled);
    let text = error.to_string();
    assert!(text.contains("of a type that is not known here") && text.contains("`set_global_default`"), "{text}");
    assert!(text.contains("call logscope::testing::init() in its place"), "{text}");
}
