//! A subscriber on the registry of tracing-subscriber, without our layer, before ours: an error that says so. One test, because the subscriber is the
//! whole process's.

use tracing_subscriber::prelude::*;

#[test]
fn the_error_names_the_registry_and_says_what_to_do() {
    tracing_subscriber::registry().init();
    let error = logscope::testing::try_init().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::AlreadyInstalled);
    let text = error.to_string();
    assert!(text.contains("built on the registry of tracing-subscriber"), "{text}");
    assert!(text.contains("add `.with(logscope::layer())` to it"), "{text}");
}
