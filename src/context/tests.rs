use std::time::Duration;

use super::*;
use crate::sink;
use crate::sync::Arc;
use crate::verbosity::Verbosity;
use crate::{LevelFilter, Origin};

#[test]
fn debug_shows_all_settings() {
    let clock = crate::ManualClock::new();
    let (memory, _lines) = sink::memory();
    let uno = OutputContext::builder("uno")
        .clock(&clock)
        .verbosity("info,linker=trace".parse::<Verbosity>().unwrap())
        .field("env", "uno")
        .field("jobs", 2_u64)
        .field("env", "due")
        .sink(memory.format(crate::Format::json()))
        .build();
    clock.advance(Duration::from_millis(1_500));
    assert_eq!(
        format!("{uno:?}"),
        format!(
            "OutputContext {{ name: \"uno\", id: {}, elapsed: 1.5s, verbosity: info,linker=trace, \
             fields: {{\"env\": \"due\", \"jobs\": \"2\"}}, sinks: [\"memory (json)\"], closed: false }}",
            uno.id()
        )
    );
}

#[test]
fn directives_replace_the_verbosity_and_a_wrong_one_is_an_error() {
    let builder = OutputContext::builder("uno").verbosity(LevelFilter::TRACE).directives("info,linker=trace").unwrap();
    assert_eq!(builder.build().verbosity().to_string(), "info,linker=trace");
    let error = OutputContext::builder("uno").directives(String::from("info,linker=loud")).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Parse);
    assert!(error.to_string().contains("directive 2"), "{error}");
}

#[test]
fn a_derived_context_shares_id_name_origin_and_closing() {
    let uno = OutputContext::builder("uno").field("env", "uno").sink(sink::null()).build();
    let louder = uno.to_builder().verbosity(LevelFilter::TRACE).build();
    assert_eq!((louder.id(), louder.name(), louder.origin()), (uno.id(), "uno", uno.origin()));
    assert_eq!(louder.fields(), uno.fields());
    assert_eq!(uno.verbosity().max_level(), LevelFilter::INFO);
    let marked = louder.with_field("step", 1_u64);
    assert_eq!((marked.id(), marked.fields().len(), uno.fields().len()), (uno.id(), 2, 1));
    assert!(!louder.is_closed());
    let _ = marked.close(Duration::ZERO);
    assert!(uno.is_closed() && louder.is_closed());
    assert_ne!(OutputContext::builder("uno").build().id(), uno.id());
}

#[test]
fn a_child_begins_with_its_parents_settings_and_shares_nothing() {
    let clock = crate::ManualClock::new();
    let (memory, _lines) = sink::memory();
    let parent = OutputContext::builder("server")
        .clock(&clock)
        .verbosity("info,linker=trace".parse::<Verbosity>().unwrap())
        .field("env", "uno")
        .sink(memory)
        .build();
    clock.advance(Duration::from_secs(5));
    let child = parent.child("request").field("path", "/cart").build();
    assert_eq!((child.name(), child.parent_id(), parent.parent_id()), ("request", Some(parent.id()), None));
    assert_ne!(child.id(), parent.id());
    assert_eq!(child.verbosity(), parent.verbosity());
    assert_eq!(child.fields(), [("env".to_owned(), "uno".into()), ("path".to_owned(), "/cart".into())]);
    assert_eq!(parent.fields().len(), 1);
    assert!(child.sinks()[0].has_output_of(&parent.sinks()[0]));
    assert_eq!(
        (child.elapsed(), parent.elapsed()),
        (Duration::ZERO, Duration::from_secs(5)),
        "the present of the clock"
    );
    let same_start = parent.child("phase").origin(parent.origin()).build();
    assert_eq!(same_start.elapsed(), Duration::from_secs(5));

    let _ = parent.close(Duration::ZERO);
    assert!(parent.is_closed() && !child.is_closed());
    let _ = child.close(Duration::ZERO);
    assert!(child.is_closed() && !same_start.is_closed());
}

#[test]
fn what_is_derived_from_a_child_keeps_the_parent() {
    let parent = OutputContext::builder("server").build();
    let child = parent.child("request").build();
    let derived = [
        child.to_builder().build(),
        child.with_field("n", 1_u64),
        child.with_field("n", 1_u64).with_verbosity(LevelFilter::TRACE),
        child.with_origin_now(),
        child.with_sinks([sink::null()]),
        child.renamed("response"),
    ];
    for context in derived {
        assert_eq!((context.id(), context.parent_id()), (child.id(), Some(parent.id())), "{context:?}");
        assert_eq!(context.snapshot().parent, Some(parent.id()));
    }
    assert_eq!(child.child("query").build().parent_id(), Some(child.id()), "a child of a child");
    assert!(format!("{child:?}").contains(&format!("parent: {}, ", parent.id())));
}

#[test]
fn a_child_does_not_keep_its_parent_alive() {
    let parent = OutputContext::builder("server").sink(sink::null()).build();
    let (id, kept) = (parent.id(), Arc::downgrade(parent.inner()));
    let builder = parent.child("request");
    let child = parent.child("request").build();
    drop(parent);
    // Tests that run at the same time take counts of every context for a moment.
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while kept.upgrade().is_some() {
        assert!(std::time::Instant::now() < deadline, "the parent is alive");
        std::thread::yield_now();
    }
    assert_eq!((child.parent_id(), builder.build().parent_id()), (Some(id), Some(id)));
}

#[test]
fn a_renamed_context_is_the_same_work() {
    let job = OutputContext::builder("job").field("env", "uno").sink(sink::null()).build();
    let linking = job.renamed("linking");
    assert_eq!((linking.name(), job.name()), ("linking", "job"));
    assert_eq!((linking.id(), linking.fields(), linking.origin()), (job.id(), job.fields(), job.origin()));
    assert_eq!(linking.with_field("n", 1_u64).name(), "linking", "what is derived keeps the new name");
    let _ = linking.close(Duration::ZERO);
    assert!(job.is_closed());
    let [other, child] = [OutputContext::builder("a").name("b"), job.child("a").name("b")].map(ContextBuilder::build);
    assert_eq!((other.name(), child.name(), child.parent_id()), ("b", "b", Some(job.id())));
}

#[test]
fn sinks_with_one_format_become_neighbours_and_keep_their_order() {
    use crate::Format;
    let sinks = [Format::text(), Format::json(), Format::text().seq(true), Format::json(), Format::text()];
    let context = OutputContext::builder("c").sinks(sinks.map(|format| sink::null().format(format))).build();
    let layouts: Vec<_> = context.sinks().iter().map(|sink| sink.renderer().format().to_string()).collect();
    assert_eq!(layouts, ["text", "text", "json", "json", "text"]);
}

/// (That a context leaves the list is tested in `live_list`: here, tests that run at the same time take counts of every context.)
#[test]
fn live_lists_each_context_once_while_it_lives() {
    let uno = OutputContext::builder("uno").build();
    let louder = uno.with_verbosity(LevelFilter::TRACE);
    let count = |id| live().iter().filter(|context| context.id() == id).count();
    assert_eq!(count(uno.id()), 1);
    let id = uno.id();
    drop(uno);
    assert_eq!(count(id), 1, "the derived context lives");
    drop(louder);
}

#[cfg(feature = "serde")]
#[test]
fn a_snapshot_round_trips() {
    let uno = OutputContext::builder("uno").field("n", 5_u64).sink(sink::null().max_level(LevelFilter::WARN)).build();
    let snapshot = uno.snapshot();
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    assert!(text.contains("\"verbosity\":\"info\"") && text.contains("\"verbosity\":\"warn\""), "{text}");
}

#[test]
fn an_origin_keeps_its_wall_clock_time_however_far_that_is() {
    use std::time::{Instant, SystemTime};
    let second = Duration::from_secs(1);
    let year = second * 31_556_952;
    let nanosecond = Duration::from_nanos(1);
    let after = |time| SystemTime::UNIX_EPOCH + time;
    let before = |time| SystemTime::UNIX_EPOCH - time;
    let (most, least) = (Duration::from_nanos(i64::MAX as u64), Duration::from_nanos(1 << 63));
    // Windows knows no time before the year 1601.
    let first = SystemTime::UNIX_EPOCH.checked_sub(year * 1_000);
    let far = [after(year * 10_000), before(least), after(most + nanosecond)].into_iter().chain(first);
    let near = [after(Duration::ZERO), before(nanosecond), before(second * 5 / 2), after(most), before(most)];
    // On systems whose clock is coarser than a nanosecond, some of these are the same.
    for wall in far.chain(near) {
        let origin = Origin::from_parts(Instant::now(), wall);
        let uno = OutputContext::builder("uno").origin(origin).build();
        assert_eq!((uno.origin(), uno.renamed("due").origin()), (origin, origin));
        assert_eq!(uno.child("tre").origin(origin).build().origin().wall(), wall);
    }
}

#[test]
fn a_new_origin_is_the_present_of_the_clock() {
    let clock = crate::ManualClock::new();
    let uno = OutputContext::builder("uno").clock(&clock).build();
    clock.advance(Duration::from_millis(7));
    let present = crate::Clock::from(&clock).origin();
    let due = OutputContext::builder("due").clock(&clock).build();
    assert_eq!((due.origin(), due.elapsed()), (present, Duration::ZERO));
    assert_eq!((uno.with_origin_now().origin(), uno.elapsed()), (present, Duration::from_millis(7)));
    let (earlier, later) = (Origin::now(), OutputContext::builder("tre").build().origin());
    let ahead = later.wall().duration_since(earlier.wall()).unwrap_or_default();
    assert!(later.instant() >= earlier.instant() && ahead < Duration::from_secs(60));
}
