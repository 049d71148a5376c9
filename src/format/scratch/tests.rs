//! Tests of `scratch`.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::format::test_support::Fixture;
use crate::format::{Format, Screen};

#[test]
fn equal_renderers_share_a_rendering_of_one_record() {
    /// Counts how often it is rendered.
    struct Counts(AtomicUsize);
    impl fmt::Debug for Counts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}", self.0.fetch_add(1, Ordering::Relaxed))
        }
    }
    let counts = Counts(AtomicUsize::new(0));
    let [json, other] = [true, false].map(|seq| Renderer::new(&Format::json().seq(seq), Screen::None));
    let see = move |record: &Record<'_>| {
        let clone = json.clone();
        with_scratch(|scratch| {
            let first = [&json, &clone, &other, &other].map(|renderer| {
                let line = std::str::from_utf8(scratch.line(renderer, record)).unwrap();
                let (_, count) = line.split_once("\"count\":\"").unwrap();
                (count.split('"').next().unwrap().to_owned(), line.contains("\"seq\""))
            });
            scratch.begin();
            let line = scratch.line(&other, record).to_vec();
            (first, String::from_utf8(line).unwrap())
        })
    };
    let seen = Fixture::new().capture(|| tracing::info!(count = ?counts), see);
    let (first, line) = &seen[0];
    assert_eq!(
        first.each_ref().map(|(count, seq)| (count.as_str(), *seq)),
        [("0", true), ("0", true), ("1", false), ("1", false)]
    );
    assert!(line.contains("\"count\":\"2\""), "after `begin` nothing is shared: {line}");
}

#[test]
fn nested_calls_get_scratches_of_their_own() {
    with_scratch(|outer| {
        outer.line.extend_from_slice(b"outer");
        with_scratch(|inner| assert!(inner.line.is_empty()));
        assert_eq!(&outer.line[..], b"outer");
    });
}
