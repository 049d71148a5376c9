//! Reads any text as directives, and compares what they mean with what `Targets` of tracing-subscriber makes of the same text. The text
//! before the first line end is asked about as a target.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::Verbosity;
use tracing_subscriber::filter::Targets;

fuzz_target!(|data: &str| {
    let (asked, text) = data.split_once('\n').unwrap_or(("hyper::client", data));
    let ours = match text.parse::<Verbosity>() {
        Ok(ours) => ours,
        Err(error) => return assert!(error.is_parse()),
    };
    let printed = ours.to_string();
    let again: Verbosity = printed.parse().unwrap_or_else(|error| panic!("{printed:?} is printed: {error}"));
    assert_eq!(again, ours);
    assert_eq!(again.to_string(), printed);
    agree(&ours, &printed, asked);
    // `Targets` takes spaces for parts of targets.
    if !text.contains(char::is_whitespace) {
        agree(&ours, text, asked);
    }
});

fn agree(ours: &Verbosity, text: &str, asked: &str) {
    let theirs: Targets = text.parse().unwrap_or_else(|error| panic!("`Targets` refuses {text:?}: {error}"));
    for level in [logscope::Level::ERROR, logscope::Level::WARN, logscope::Level::INFO, logscope::Level::TRACE] {
        let expected = theirs.would_enable(asked, &level);
        assert_eq!(ours.level_for(asked) >= level, expected, "{text:?} about {level} of {asked:?}");
        assert!(!expected || ours.max_level() >= level, "{text:?} lets {level} through, above its maximum");
    }
}
