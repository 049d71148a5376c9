//! Reads any text as directives, and compares what they mean with what `Targets` of tracing-subscriber makes of the same text. The text
//! before the first line end is asked about as a target. The text is read as an environment variable, too, of which what is known is used.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::Verbosity;
use logscope::fuzzing::known_directives;
use tracing_subscriber::filter::Targets;

fuzz_target!(|data: &str| {
    let (asked, text) = data.split_once('\n').unwrap_or(("hyper::client", data));
    known_part(text);
    let ours = match text.parse::<Verbosity>() {
        Ok(ours) => ours,
        Err(error) => return assert_eq!(error.kind(), logscope::ErrorKind::Parse),
    };
    let printed = ours.to_string();
    let again: Verbosity = printed.parse().unwrap_or_else(|error| panic!("{printed:?} is printed: {error}"));
    assert_eq!(again, ours);
    assert_eq!(again.to_string(), printed);
    agree(&ours, &printed, asked);
    // `Targets` takes spaces for parts of targets.
    if !text.contains(char::is_whitespace) {
        // `Targets` reads what stands behind the last comma, even if that is nothing.
        agree(&ours, text.strip_suffix(',').unwrap_or(text), asked);
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

/// Reads `text` as an environment variable, and as the fields of a directive for `EnvFilter`, which change nothing.
fn known_part(text: &str) {
    let (known, problems) = known_directives(text);
    assert!(problems.iter().all(|problem| !problem.contains(char::is_control)), "{problems:?}");
    match (text.parse::<Verbosity>(), &known) {
        (Ok(whole), Some(known)) => assert!(whole == *known && problems.is_empty(), "{text:?}: {problems:?}"),
        (Ok(whole), None) => panic!("{text:?} is {whole}, but nothing of it is known"),
        (Err(_), _) => {}
    }
    let fields: String = text.chars().filter(|next| !"[]{}\"\\".contains(*next)).collect();
    let (known, problems) = known_directives(&format!("info,app[{{{fields},a=\"]}}\"}}]=debug,hyper=warn"));
    assert_eq!(known.map(|known| known.to_string()).as_deref(), Some("info,hyper=warn"), "{fields:?}");
    assert_eq!(problems.len(), 1, "{problems:?}");
}
