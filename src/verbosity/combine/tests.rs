//! A verbosity that is made of others decides as they do, and its text can be read back.

use proptest::prelude::*;
use tracing::Level;

use super::super::levels::LEVELS;
use super::super::tests::{ALL, callsite, target, text, verbosity};
use super::*;
use crate::verbosity::Dial;

/// Asserts that `verbosity` gives `expected` to `asked`, whoever asks, and that its text can be read back.
fn assert_level(verbosity: &Verbosity, asked: &str, expected: LevelFilter) {
    assert_eq!(verbosity.level_for(asked), expected, "{verbosity}: {asked:?}");
    for level in ALL {
        let metadata = callsite(level, asked);
        assert_eq!(verbosity.allows(metadata), level <= expected, "{verbosity}: {level} of {asked:?}");
        assert_eq!(verbosity.enabled(metadata), level <= expected, "{verbosity}: {level} of {asked:?}");
    }
    assert_eq!(&verbosity.to_string().parse::<Verbosity>().unwrap(), verbosity);
}

proptest! {
    #[test]
    fn the_max_is_the_more_verbose_for_each_target(
        one in text(),
        other in text(),
        asked in prop::collection::vec(target(), 1..6),
    ) {
        let (one, other) = (verbosity(&one), verbosity(&other));
        let max = one.clone().max(other.clone());
        let named = format!("{one},{other}");
        let named = named.split(',').filter_map(|directive| Some(directive.split_once('=')?.0.to_owned()));
        // Also what no directive names, what one names, and what is a little longer or shorter than that.
        let shorter = |name: &str| name.char_indices().next_back().map_or("", |(end, _)| &name[..end]).to_owned();
        let near = named.flat_map(|name| [format!("{name}x"), shorter(&name), name]);
        let all: Vec<String> = asked.into_iter().chain(near).chain(["z".to_owned()]).collect();
        for asked in &all {
            assert_level(&max, asked, one.level_for(asked).max(other.level_for(asked)));
        }
        prop_assert_eq!(max.max_level(), one.max_level().max(other.max_level()));
        prop_assert_eq!(&other.clone().max(one.clone()), &max);
        prop_assert_eq!(&max.clone().max(one), &max);
        let dial = Dial::new(max.clone());
        prop_assert_eq!(&other.max(&dial), &max);
    }

    #[test]
    fn the_min_lets_through_what_both_do(one in text(), other in text(), asked in prop::collection::vec(target(), 1..6)) {
        let (one, other) = (verbosity(&one), verbosity(&other));
        let min = one.min(&other);
        let named = format!("{one},{other}");
        let named = named.split(',').filter_map(|directive| Some(directive.split_once('=')?.0.to_owned()));
        for asked in &asked.into_iter().chain(named).chain(["z".to_owned()]).collect::<Vec<_>>() {
            assert_level(&min, asked, one.level_for(asked).min(other.level_for(asked)));
        }
        prop_assert_eq!(&other.min(&one), &min);
        prop_assert_eq!(&min.min(&Dial::new(one.clone()).into()), &min);
    }

    /// Without any of its directives, the most verbose of two would be another.
    #[test]
    fn the_max_has_no_directive_that_changes_nothing(one in text(), other in text()) {
        let max = verbosity(&one).max(verbosity(&other)).to_string();
        let directives: Vec<&str> = max.split(',').collect();
        for (index, directive) in directives.iter().enumerate() {
            let Some((target, level)) = directive.split_once('=') else { continue };
            let others = [&directives[..index], &directives[index + 1..]].concat().join(",");
            let without = if others.is_empty() { LevelFilter::OFF.into() } else { verbosity(&others) };
            prop_assert_ne!(without.level_for(target), level.parse::<LevelFilter>().unwrap(), "{}", max);
        }
    }

    #[test]
    fn a_target_is_set_as_by_one_directive_more(text in text(), target in target(), level in 0..LEVELS.len()) {
        let level = LEVELS[level];
        let expected = verbosity(&format!("{text},{target}={level}"));
        prop_assert_eq!(&verbosity(&text).with_target(&target, level), &expected);
        let dial = Dial::new(verbosity(&text));
        let from_dial = Verbosity::from(&dial).with_target(&target, level);
        dial.set(LevelFilter::OFF);
        prop_assert_eq!(&from_dial, &expected);
        assert_level(&from_dial, &target, level);
    }

    #[test]
    fn every_target_is_refused_or_printed_so_that_it_can_be_read_back(target in "[ai,=;\"\\[{\\\\ :]{0,6}|\\PC{0,6}") {
        if parse::check_target(target.trim()).is_ok() {
            let set = Verbosity::default().with_target(&target, LevelFilter::TRACE);
            assert_level(&set, target.trim(), LevelFilter::TRACE);
        }
    }
}

#[test]
fn what_is_raised_to_one_level_is_as_cheap_as_a_level() {
    let plain = verbosity("info,hyper=warn,hyper::client=off").max(LevelFilter::DEBUG);
    assert_eq!(plain, LevelFilter::DEBUG.into());
    assert!(plain.decide_by_level(&Level::DEBUG).is_some());
    assert_eq!(verbosity("off").max(LevelFilter::OFF), LevelFilter::OFF.into());
    assert_eq!(Verbosity::default().max(Level::WARN), Verbosity::default());
}

#[test]
fn the_empty_target_is_all_others() {
    assert_eq!(verbosity("info,a=warn").with_target("", Level::DEBUG).to_string(), "debug,a=warn");
    assert_eq!(verbosity("a=warn").with_target(" ", LevelFilter::OFF).to_string(), "a=warn");
    assert_eq!(Verbosity::default().with_target(" web ", Level::DEBUG).to_string(), "info,web=debug");
}

#[test]
fn a_target_that_no_directive_can_name_is_refused() {
    for target in ["a,b", "a=b", "=", "a;b", "\"a\"", "a[x]", "{", "a,", ","] {
        let refused = std::panic::catch_unwind(|| Verbosity::default().with_target(target, LevelFilter::TRACE));
        let message = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains(&format!("{target:?} cannot be the target of a directive: ")), "{message}");
    }
}

/// What was made of a dial, or of a dial up to a ceiling, keeps the value that the dial had.
#[test]
fn the_present_value_of_a_dial_counts() {
    let dial = Dial::new(verbosity("info,a=trace"));
    let clamped = Verbosity::from(&dial).clamped(LevelFilter::DEBUG);
    let made = [
        Verbosity::from(&dial).max(LevelFilter::WARN),
        Verbosity::from(LevelFilter::WARN).max(&dial),
        clamped.clone().max(LevelFilter::OFF),
        clamped.with_target("b", LevelFilter::TRACE),
    ];
    dial.set(LevelFilter::OFF);
    assert_eq!(
        made.map(|verbosity| verbosity.to_string()),
        ["info,a=trace", "info,a=trace", "info,a=debug", "info,a=debug,b=trace"]
    );
}

#[test]
fn a_text_is_tried_as_it_is_parsed() {
    assert_eq!(Verbosity::try_from("info,a=warn").unwrap(), verbosity("info,a=warn"));
    assert_eq!(Verbosity::try_from("info,a=warn".to_owned()).unwrap(), verbosity("info,a=warn"));
    let errors = [Verbosity::try_from("a=loud"), Verbosity::try_from("a=loud".to_owned()), "a=loud".parse()];
    let [one, other, parsed] = errors.map(|result| result.unwrap_err().to_string());
    assert!(one == parsed && other == parsed);
}
