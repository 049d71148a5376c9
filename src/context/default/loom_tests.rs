//! Models of `default`: the first use of the default beside calls that set it.

use loom::thread;

use super::*;

/// The first built-in value. The others that are made are greater, and those that are set are less.
const BUILT_IN: u32 = 100;

/// A default, and the next built-in value.
type Shared = Arc<(Default<u32>, std::sync::atomic::AtomicU32)>;

/// How a thread sets the default, and how it uses it.
#[derive(Clone, Copy)]
struct Steps {
    replace: fn(&Default<u32>, u32) -> Option<u32>,
    used: fn(&Shared) -> u32,
}

const STEPS: Steps = Steps {
    replace: |default, value| default.replace(Arc::new(value)).map(|before| *before),
    used: |shared| *shared.0.get_or_make(|| make(shared)).load(),
};

fn make(shared: &Shared) -> Arc<u32> {
    Arc::new(shared.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

/// `users` threads use the default for the first time, while `setters` and this thread set it. Every value that was set, and the built-in one
/// if it was in use, is given back once or is the default at the end.
fn nothing_is_lost(users: usize, setters: u32, steps: Steps) {
    loom::model(move || {
        let shared: Shared = Arc::new((Default::new(), BUILT_IN.into()));
        // loom's part of the cell is made here, before there are threads.
        assert!(shared.0.0.get().is_none());
        let users: Vec<_> = std::iter::repeat_n(Arc::clone(&shared), users)
            .map(|shared| thread::spawn(move || (steps.used)(&shared)))
            .collect();
        let setters: Vec<_> = (1..=setters)
            .map(|value| (value, Arc::clone(&shared)))
            .map(|(value, shared)| thread::spawn(move || (steps.replace)(&shared.0, value)))
            .collect();
        let mut expected: Vec<_> = (0..=setters.len() as u32).collect();
        let mut seen: Vec<_> = (steps.replace)(&shared.0, 0).into_iter().collect();
        let used: Vec<_> = users.into_iter().map(|user| user.join().unwrap()).collect();
        seen.extend(setters.into_iter().filter_map(|setter| setter.join().unwrap()));
        seen.push((steps.used)(&shared));
        seen.sort_unstable();

        expected.extend(seen.iter().find(|value| **value >= BUILT_IN));
        assert_eq!(seen, expected, "a value is lost, or two built-in ones were in use");
        assert!(used.iter().all(|value| seen.contains(value)), "{used:?} were used, and only {seen:?} are known");
    });
}

#[test]
fn loom_nothing_is_lost_when_the_default_is_set_at_its_first_use() {
    nothing_is_lost(2, 0, STEPS);
    nothing_is_lost(1, 1, STEPS);
}

#[test]
#[should_panic(expected = "a value is lost")]
fn loom_a_default_that_is_set_in_vain_is_lost() {
    nothing_is_lost(
        1,
        0,
        Steps {
            replace: |default, value| match default.0.get() {
                Some(present) => Some(*present.swap(Arc::new(value))),
                None => {
                    let _ = default.0.set(ArcSwap::new(Arc::new(value)));
                    None
                }
            },
            ..STEPS
        },
    );
}

#[test]
#[should_panic(expected = "were used")]
fn loom_a_first_use_that_keeps_its_own_built_in_value_sees_another_default() {
    nothing_is_lost(
        1,
        0,
        Steps {
            used: |shared| match shared.0.0.get() {
                Some(present) => *present.load(),
                None => {
                    let made = make(shared);
                    let _ = shared.0.0.set(ArcSwap::new(Arc::clone(&made)));
                    *made
                }
            },
            ..STEPS
        },
    );
}
