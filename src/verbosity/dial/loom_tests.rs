//! Models of `dial`. `ArcSwap` is modelled by what it promises: see `sync`.

use loom::thread;

use super::*;

type Set = fn(&Dial, &Verbosity);

fn set(dial: &Dial, verbosity: &Verbosity) {
    dial.set(verbosity.clone());
}

fn verbosity(text: &str) -> Verbosity {
    text.parse().unwrap()
}

/// The two stores of `set`, the second one with `ordering`.
fn store(dial: &Dial, verbosity: &Verbosity, ordering: Ordering) {
    let directives = verbosity.directives();
    let hint = Hint::of(&directives).0;
    drop(dial.0.value.swap(Arc::new(directives)));
    dial.0.hint.store(hint, ordering);
}

/// Two threads set the dial. Afterwards its hint belongs to its value.
fn two_setters_leave_the_hint_and_value_of_one(set: Set) {
    loom::model(move || {
        let dial = Dial::new(LevelFilter::INFO);
        let threads = ["trace", "off,a=warn"].map(|text| {
            let dial = dial.clone();
            thread::spawn(move || set(&dial, &verbosity(text)))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(dial.agrees(), "the hint of one verbosity stands beside the value of another");
    });
}

#[test]
fn loom_two_setters_leave_the_hint_and_value_of_one() {
    two_setters_leave_the_hint_and_value_of_one(set);
}

#[test]
#[should_panic(expected = "beside the value of another")]
fn loom_setters_without_a_lock_mix_two_verbosities() {
    two_setters_leave_the_hint_and_value_of_one(|dial, verbosity| store(dial, verbosity, Ordering::Release));
}

/// Two threads set the dial, one of them twice, while a third has three events. The verbosity from before refuses them. The others let them
/// through, one by its hint alone and two by their values: once an event was let through, all later ones are.
fn events_follow_the_dial(set: Set, allows: fn(&Dial) -> bool) {
    loom::model(move || {
        let dial = Dial::new(verbosity("warn"));
        let threads = [&["info", "off,a=info"] as &[_], &["off,a=debug"]].map(|texts| {
            let dial = dial.clone();
            thread::spawn(move || texts.iter().for_each(|text| set(&dial, &verbosity(text))))
        });
        let mut allowed = false;
        for _ in 0..3 {
            let now = allows(&dial);
            assert!(now || !allowed, "an event is decided by a verbosity that was replaced before");
            allowed = now;
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(allows(&dial), "an event after the call is decided by another verbosity");
    });
}

fn allows(dial: &Dial) -> bool {
    dial.allows_target(Level::INFO, "a")
}

#[test]
fn loom_events_follow_the_dial() {
    events_follow_the_dial(set, allows);
}

#[test]
#[should_panic(expected = "was replaced before")]
fn loom_without_the_fence_an_event_goes_back_to_an_older_verbosity() {
    events_follow_the_dial(set, |dial| {
        let hint = dial.hint();
        number(LevelFilter::INFO) <= hint.level()
            && (hint.is_plain() || dial.0.value.load().allows_target(Level::INFO, "a"))
    });
}

#[test]
#[should_panic(expected = "was replaced before")]
fn loom_a_relaxed_hint_comes_before_its_value() {
    events_follow_the_dial(
        |dial, verbosity| {
            let _setter = dial.0.setter.lock();
            store(dial, verbosity, Ordering::Relaxed);
        },
        allows,
    );
}
