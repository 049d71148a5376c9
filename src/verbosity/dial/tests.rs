//! A verbosity follows its dial, and never mixes two values of it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;

use super::super::Repr;
use super::super::tests::{ALL, callsite, verbosity};
use super::*;

#[test]
fn a_verbosity_follows_its_dial_and_a_snapshot_does_not() {
    let dial = Dial::new(LevelFilter::WARN);
    let follows = Verbosity::from(&dial);
    let (snapshot, copy) = (dial.get(), Dial::new(&dial));
    let (info, debug) = (callsite(Level::INFO, "a"), callsite(Level::DEBUG, "a"));
    let decisions = |verbosity: &Verbosity| [info, debug].map(|metadata| verbosity.allows(metadata));
    let steps = [
        ("info", [true, false]),
        ("a", [true, true]),
        ("off", [false, false]),
        ("trace,a=info", [true, false]),
        ("debug,b=trace", [true, true]),
        ("warn", [false, false]),
    ];
    for (text, expected) in steps {
        dial.clone().set(verbosity(text));
        assert_eq!(decisions(&follows), expected, "{text}");
        assert_eq!([info, debug].map(|metadata| follows.enabled(metadata)), expected, "{text}");
        assert_eq!(decisions(&dial.get()), expected, "{text}");
        assert_eq!(follows, verbosity(text));
        assert_eq!(follows.max_level(), verbosity(text).max_level());
        assert_eq!(follows.to_string(), verbosity(text).to_string());
        assert_eq!(snapshot, LevelFilter::WARN.into());
        assert_eq!(copy.get(), LevelFilter::WARN.into());
    }
}

#[test]
fn a_dial_takes_the_value_of_another_and_does_not_follow_it() {
    let (one, other) = (Dial::new(LevelFilter::INFO), Dial::new(LevelFilter::DEBUG));
    one.set(Verbosity::from(&other).clamped(LevelFilter::WARN));
    assert_eq!(one.get(), LevelFilter::WARN.into());
    other.set(&one);
    one.set(LevelFilter::TRACE);
    assert_eq!(other.get(), LevelFilter::WARN.into());
    one.set(&one);
    assert_eq!(one.get(), LevelFilter::TRACE.into());
}

#[test]
fn a_clamped_verbosity_follows_its_dial_up_to_the_ceiling() {
    let dial = Dial::new(LevelFilter::ERROR);
    let clamped = Verbosity::from(&dial).clamped(LevelFilter::INFO).clamped(LevelFilter::DEBUG);
    dial.set(verbosity("warn,a=trace"));
    assert_eq!(clamped.to_string(), "warn,a=info");
    assert!(clamped.allows(callsite(Level::INFO, "a")));
    assert!(!clamped.allows(callsite(Level::DEBUG, "a")));
    assert!(!clamped.allows_target(Level::DEBUG, "a"));
    assert!(!clamped.allows_target(Level::INFO, "b"));
}

/// Each verbosity that is set lets INFO of `a` through, but not TRACE of `b`. A mixture of two of them would decide otherwise.
#[test]
fn all_questions_have_the_same_answer() {
    const TARGETS: [&str; 2] = ["a", "b"];
    for text in ["off", "error", "info", "trace", "warn,a=debug", "off,a=trace"] {
        let (fixed, dial) = (verbosity(text), Dial::new(verbosity(text)));
        for ceiling in LEVELS {
            for one in [fixed.clamped(ceiling), Verbosity::from(&dial).clamped(ceiling)] {
                let own_value = one.without_dial();
                assert_eq!((own_value.max_level(), own_value.to_string()), (one.max_level(), one.to_string()));
                assert!(matches!(own_value.0, Repr::Directives(_)));
                for level in ALL {
                    let wanted = TARGETS.map(|target| level <= one.level_for(target));
                    for (target, wanted) in TARGETS.into_iter().zip(wanted) {
                        let metadata = callsite(level, target);
                        let answers = [
                            one.enabled(metadata),
                            one.allows(metadata),
                            // Of a callsite that nobody has asked about, so that no decision is remembered.
                            one.allows_any(callsite(level, target)),
                            one.allows_target(level, target),
                        ];
                        assert_eq!(answers, [wanted; 4], "{one}: {level} of {target}");
                    }
                    let by_level = one.decide_by_level(&level);
                    assert!(by_level.is_none_or(|decided| wanted == [decided; 2]), "{one}: {level}");
                    // Most events are decided like this: it must not be left to the directives.
                    let must_decide = !text.contains(',') || level > one.max_level();
                    assert!(by_level.is_some() || !must_decide, "{one}: {level}");
                }
            }
        }
    }
}

#[test]
fn an_event_is_decided_by_one_verbosity_while_the_dial_is_set() {
    let texts = ["info", "off,a=trace", "debug", "info,b=off,c=trace"].map(verbosity);
    let dial = Dial::new(texts[0].clone());
    let follows = Verbosity::from(&dial);
    let (always, never) = (callsite(Level::INFO, "a"), callsite(Level::TRACE, "b"));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..20_000 {
                dial.set(texts[turn % texts.len()].clone());
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            assert!(follows.allows(always) && follows.allows_target(Level::INFO, "a"));
            assert!(!follows.allows(never) && !follows.allows_target(Level::TRACE, "b"));
        }
    });
}

/// In each round, two threads call `set` at the same moment. Between its two stores, `set` walks over all threads that have
/// ever read the dial; many readers make that walk long, so that the other setter could store in between.
#[test]
fn concurrent_setters_leave_the_hint_and_value_of_one() {
    const ROUNDS: usize = 2_000;
    const READERS: usize = 64;
    let dial = Dial::new(LevelFilter::INFO);
    let all_have_read = Barrier::new(READERS);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| (dial.get(), all_have_read.wait()));
        }
    });
    let arrived = AtomicUsize::new(0);
    let meet = |count: usize| {
        arrived.fetch_add(1, Ordering::AcqRel);
        while arrived.load(Ordering::Acquire) < count {
            thread::yield_now();
        }
    };
    let race = |text: &str| {
        let set = verbosity(text);
        let mut agreed = true;
        for round in 0..ROUNDS {
            meet(4 * round + 2);
            dial.set(set.clone());
            meet(4 * round + 4);
            agreed &= dial.agrees();
        }
        assert!(agreed, "the hint of one verbosity stands beside the other");
    };
    thread::scope(|scope| {
        scope.spawn(|| race("off,a=warn"));
        race("trace");
    });
}
