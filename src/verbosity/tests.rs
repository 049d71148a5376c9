//! A verbosity reads texts as `Targets` does, prints a text that it reads back, and never mixes two values of a dial.

use proptest::prelude::*;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing_subscriber::filter::Targets;

use super::*;

struct NoCallsite;

impl Callsite for NoCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        unreachable!("it is never registered")
    }
}

static NO_CALLSITE: NoCallsite = NoCallsite;

/// The metadata of a new callsite.
pub(crate) fn callsite(level: Level, target: &str) -> &'static Metadata<'static> {
    let fields = FieldSet::new(&[], Identifier(&NO_CALLSITE));
    let target = String::leak(target.to_owned());
    Box::leak(Box::new(Metadata::new("test", target, level, None, None, None, fields, Kind::EVENT)))
}

pub(super) const ALL: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

pub(super) fn verbosity(text: &str) -> Verbosity {
    text.parse().unwrap()
}

/// Asserts that `ours` and `theirs` make the same decision about `target`, at every level and through every method.
fn decide_alike(ours: &Verbosity, theirs: &Targets, target: &str) {
    for level in ALL {
        let expected = theirs.would_enable(target, &level);
        let metadata = callsite(level, target);
        assert_eq!(ours.allows_target(level, target), expected, "{ours} about {level} {target:?}");
        assert_eq!(ours.level_for(target) >= level, expected, "{ours} for {level} {target:?}");
        assert_eq!(ours.enabled(metadata), expected, "{ours} about a callsite at {level} {target:?}");
        for time in ["first", "second"] {
            assert_eq!(ours.allows(metadata), expected, "{ours} about {level} {target:?}, asked the {time} time");
        }
        assert!(!expected || ours.max_level() >= level, "{ours} lets {level} through, above its maximum");
    }
}

/// Targets that are often prefixes of one another, even within a segment, and sometimes look like levels.
pub(super) fn target() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "ab", "abc", "b", "info", "hyper", "hyper_util", "Ä"]);
    prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("::"))
}

fn level() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "off", "error", "warn", "info", "debug", "trace", "OFF", "Warn", "tRACE", "0", "1", "2", "3", "4", "5", "03",
        "+4",
    ])
}

/// A list of directives. It has no spaces, because `Targets` would read them as parts of the targets.
pub(super) fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        1 => level().prop_map(str::to_owned),
        1 => target(),
        4 => (target(), level()).prop_map(|(target, level)| format!("{target}={level}")),
    ];
    prop::collection::vec(part, 1..8).prop_map(|parts| parts.join(","))
}

proptest! {
    #[test]
    fn directives_decide_as_targets_does(text in text(), asked in prop::collection::vec(target(), 1..6)) {
        let (ours, theirs) = (verbosity(&text), text.parse::<Targets>().unwrap());
        for target in asked {
            decide_alike(&ours, &theirs, &target);
        }
    }

    #[test]
    fn the_printed_text_parses_back(text in text()) {
        let ours = verbosity(&text);
        let printed = ours.to_string();
        prop_assert_eq!(&verbosity(&printed), &ours);
        prop_assert_eq!(verbosity(&printed).to_string(), printed);
    }

    #[test]
    fn two_verbosities_are_equal_if_and_only_if_their_texts_are(one in text(), other in text()) {
        let (one, other) = (verbosity(&one), verbosity(&other));
        prop_assert_eq!(one == other, one.to_string() == other.to_string());
    }

    /// Every text is an error, or is read as `Targets` reads it if it has no spaces.
    #[test]
    fn any_text_is_an_error_or_read_as_targets_does(text in "[ai,=:0-9\\[{]{0,10}|\\PC{0,10}", asked in "[ai]{0,3}") {
        match text.parse::<Verbosity>() {
            Err(error) => prop_assert_eq!(error.kind(), crate::ErrorKind::Parse),
            Ok(ours) => {
                let printed = ours.to_string();
                prop_assert_eq!(&verbosity(&printed), &ours);
                decide_alike(&ours, &printed.parse().unwrap(), &asked);
                if !text.contains(char::is_whitespace) {
                    // `Targets` reads what stands behind the last comma, even if that is nothing.
                    decide_alike(&ours, &text.strip_suffix(',').unwrap_or(&text).parse().unwrap(), &asked);
                }
            }
        }
    }

    #[test]
    fn a_clamped_level_is_the_lower_of_both(text in text(), ceiling in 0..LEVELS.len(), asked in target()) {
        let (ceiling, ours) = (LEVELS[ceiling], verbosity(&text));
        let expected = ours.level_for(&asked).min(ceiling);
        let dial = Dial::new(ours.clone());
        for clamped in [ours.clamped(ceiling), Verbosity::from(&dial).clamped(ceiling)] {
            prop_assert_eq!(clamped.level_for(&asked), expected);
            prop_assert_eq!(clamped.max_level(), ours.max_level().min(ceiling));
            for level in ALL {
                let allowed = level <= expected;
                prop_assert_eq!(clamped.allows_target(level, &asked), allowed);
                prop_assert_eq!(clamped.allows(callsite(level, &asked)), allowed);
            }
            prop_assert_eq!(&verbosity(&clamped.to_string()), &clamped);
        }
    }
}

#[test]
fn spaces_are_ignored_and_the_printed_order_is_fixed() {
    for text in ["info,hyper=warn,my::mod=trace", " my::mod=5 , INFO,hyper = 2 , ", "my::mod,\thyper=Warn ,debug,info"]
    {
        assert_eq!(verbosity(text).to_string(), "info,hyper=warn,my::mod=trace");
    }
    assert_eq!(verbosity("hyper").to_string(), "hyper=trace");
    assert_eq!(verbosity("off,hyper"), verbosity("hyper=trace"));
    assert_eq!(verbosity(" Off "), LevelFilter::OFF.into());
    assert_eq!(verbosity("4"), Level::DEBUG.into());
    assert_eq!(verbosity("info=debug").level_for("information"), LevelFilter::DEBUG);
    assert_ne!(verbosity("info"), verbosity("info,a=info"));
}

#[test]
fn an_error_names_the_directive_its_position_and_the_remedy() {
    let cases: [(&str, &[&str]); 13] = [
        ("", &["empty", "off, error, warn, info, debug or trace", "info,hyper=warn"]),
        ("  ", &["empty"]),
        (
            "info,hyper=loud",
            &["directive 2", "\"hyper=loud\"", "\"loud\" is not a level", "trace", "from 0 (off) to 5 (trace)"],
        ),
        ("info,,a=warn", &["directive 2", "remove the comma"]),
        ("info,,", &["directive 2", "remove the comma"]),
        (" , ", &["empty"]),
        (" ,info", &["directive 1", "remove the comma"]),
        ("a=info,hyper=", &["directive 2", "\"\" is not a level"]),
        ("=info", &["directive 1", "no target", "level alone"]),
        ("a=b=info", &["directive 1", "more than one `=`", "commas"]),
        ("warn,a[span]=info", &["directive 2", "\"a[span]=info\"", "only targets", "`hyper=warn`"]),
        ("a[{x,y}]=info", &["directive 1 (\"a[{x,y}]=info\")", "only targets"]),
        ("b,6", &["directive 2", "\"6\" is not a level"]),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Verbosity>().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Parse);
        for part in expected {
            assert!(error.to_string().contains(part), "{text:?}: {error}");
        }
    }
}

/// What an environment variable holds may be written for an `EnvFilter`, or mistyped.
#[test]
fn what_is_known_of_a_list_is_read_and_the_rest_is_named() {
    let cases: [(&str, Option<&str>, &[&str]); 13] = [
        ("info,hyper=warn", Some("info,hyper=warn"), &[]),
        (",,info,", Some("info"), &[]),
        ("info,hyper=warn,app[x]=debug", Some("info,hyper=warn"), &["directive 3 (\"app[x]=debug\"): spans"]),
        ("a[x{b=1,c=2}]=debug,warn", Some("warn"), &["directive 1 (\"a[x{b=1,c=2}]=debug\"): spans"]),
        ("hyper=warn,app[x]=debug", Some("hyper=warn"), &["directive 2"]),
        ("warn,hyper=loud,a=trace", Some("warn,a=trace"), &["directive 2 (\"hyper=loud\"): \"loud\" is not a level"]),
        // Without INFO, all targets but `hyper` would be off.
        ("inof,hyper=warn", Some("info,hyper=warn"), &["did you mean `info`"]),
        ("=debug,hyper=warn", Some("info,hyper=warn"), &["directive 1"]),
        ("7,hyper=warn,debug", Some("debug,hyper=warn"), &["directive 1"]),
        ("inof", None, &["directive 1"]),
        ("hyper=loud", None, &["directive 1"]),
        ("info/regex", None, &["directive 1"]),
        (", ,", None, &[]),
    ];
    for (text, expected, named) in cases {
        let (known, problems) = Verbosity::from_known_directives(text);
        assert_eq!(known, expected.map(verbosity), "{text}");
        assert_eq!(problems.len(), named.len(), "{text}: {problems:?}");
        for (problem, part) in problems.iter().zip(named) {
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}

#[test]
fn a_replaced_directive_does_not_count_for_the_maximum() {
    assert_eq!(Verbosity::default().max_level(), LevelFilter::INFO);
    assert_eq!(verbosity("warn,a=off").max_level(), LevelFilter::WARN);
    assert_eq!(verbosity("a=warn,b=debug").max_level(), LevelFilter::DEBUG);
    assert_eq!(verbosity("a=trace,a=warn").max_level(), LevelFilter::WARN);
}

#[test]
fn debug_shows_the_directives_the_dial_and_the_ceiling() {
    let dial = Dial::new(verbosity("a"));
    assert_eq!(format!("{:?}", verbosity("info,a=warn")), "Verbosity(info,a=warn)");
    assert_eq!(format!("{:?}", Verbosity::from(&dial)), "Verbosity(Dial(a=trace))");
    assert_eq!(
        format!("{:?}", Verbosity::from(&dial).clamped(LevelFilter::INFO)),
        "Verbosity(Dial(a=trace), LevelFilter::INFO)"
    );
}

#[test]
fn clones_share_their_decisions_and_threads_may_share_them() {
    fn shared<T: Send + Sync>(_: &T) {}
    let (one, dial) = (verbosity("info,a=debug"), Dial::new(Level::INFO));
    shared(&one);
    shared(&dial);
    let Repr::Directives(directives) = &one.0 else { panic!("it follows no dial") };
    assert!(!directives.remembers(callsite(Level::DEBUG, "a")));
    let metadata = callsite(Level::DEBUG, "a");
    assert!(one.clone().allows(metadata));
    assert!(directives.remembers(metadata));
}

#[cfg(feature = "serde")]
#[test]
fn serde_uses_the_printed_text() {
    let ours = verbosity("info,a::b=off");
    let json = serde_json::to_string(&ours).unwrap();
    assert_eq!(json, r#""info,a::b=off""#);
    assert_eq!(serde_json::from_str::<Verbosity>(&json).unwrap(), ours);
    assert_eq!(serde_json::from_str::<Verbosity>(r#""\u0069nfo""#).unwrap(), Verbosity::default());
    let error = serde_json::from_str::<Verbosity>(r#""a=loud""#).unwrap_err();
    assert!(error.to_string().contains("\"loud\" is not a level"), "{error}");
    let dial = Dial::new(Level::WARN);
    assert_eq!(serde_json::to_string(&Verbosity::from(dial)).unwrap(), r#""warn""#);
}

#[test]
fn a_misspelt_level_is_not_read_as_a_target() {
    for (slip, meant) in [
        ("inof", "info"),
        ("Warning", "warn"),
        ("debgu", "debug"),
        ("trac", "trace"),
        ("eror", "error"),
        ("infox", "info"),
        ("inso", "info"),
        ("err", "error"),
        ("Fatal", "error"),
        ("information", "info"),
        ("verbose", "debug"),
        ("all", "trace"),
        ("quiet", "off"),
    ] {
        let error = slip.parse::<Verbosity>().unwrap_err().to_string();
        assert!(error.contains(&format!("did you mean `{meant}`")), "{slip}: {error}");
        assert!(format!("{slip}=trace").parse::<Verbosity>().is_ok());
    }
    for odd in ["info/foo", "hyper:warn", "info;hyper=warn", "-v", "info hyper", "a*"] {
        assert!(odd.parse::<Verbosity>().is_err(), "{odd}");
    }
    for target in ["hyper", "xyfo", "my::mod", "my_crate", "linker", "tower-http"] {
        assert_eq!(target.parse::<Verbosity>().unwrap().level_for(target), LevelFilter::TRACE, "{target}");
    }
}
