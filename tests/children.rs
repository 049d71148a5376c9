//! A child context has sinks and fields of its parent, and an id, a ledger, an origin and numbers of its own.

#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use common::init;
use logscope::sink::{self, Queue, RecordOutput};
use logscope::{Format, OutputContext, Record, RecordBuf};

/// Keeps owned copies of its records.
struct Kept(Sender<RecordBuf>);

impl RecordOutput for Kept {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        assert_eq!(record.context().parent_id(), record.to_buf().context.unwrap().parent);
        self.0.send(record.to_buf()).map_err(io::Error::other)
    }
}

#[test]
fn parent_and_child_share_a_log_and_count_for_themselves() {
    init();
    let (memory, lines) = sink::memory();
    let parent = OutputContext::builder("server").field("env", "uno").sink(memory.format(Format::json())).build();
    let child = parent.child("request").field("path", "/cart").build();
    parent.scope(|| tracing::info!("one"));
    child.scope(|| tracing::info!("two"));
    child.renamed("response").scope(|| tracing::info!("three"));
    parent.scope(|| tracing::info!("four"));

    let records: Vec<_> = lines.lines().iter().map(|line| RecordBuf::parse_json(line).unwrap()).collect();
    let told = records.iter().map(|record| {
        let context = record.context.as_ref().unwrap();
        (record.message.as_str(), context.name.as_str(), context.id, context.parent, record.seq)
    });
    let (id, child_id) = (Some(parent.id()), Some(child.id()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("one", "server", id, None, Some(1)),
            ("two", "request", child_id, id, Some(1)),
            ("three", "response", child_id, id, Some(2)),
            ("four", "server", id, None, Some(2)),
        ]
    );
    assert_eq!(records[1].context.as_ref().unwrap().fields.len(), 2);
    assert!(!lines.lines()[0].contains("parent"), "absent without a parent");
    assert_eq!((parent.ledger().accepted, child.ledger().accepted), (2, 2));
}

#[test]
fn the_parent_is_named_without_the_fields_too_and_in_an_owned_record() {
    init();
    let (memory, lines) = sink::memory();
    let (kept, records) = channel();
    let parent = OutputContext::builder("server").build();
    let child = parent
        .child("request")
        .field("path", "/cart")
        .sink(memory.format(Format::json().context_fields(false)))
        .sink(sink::records(Kept(kept)))
        .build();
    child.scope(|| tracing::info!("two"));
    let context = format!(r#""context":{{"name":"request","id":{},"parent":{}}}"#, child.id(), parent.id());
    assert!(lines.lines()[0].contains(&context), "{:?}", lines.lines());
    let kept = records.try_recv().unwrap();
    assert_eq!(kept.context.as_ref().unwrap().parent, Some(parent.id()));
    let read = RecordBuf::parse_json(&serde_json::to_string(&kept).unwrap()).unwrap();
    assert_eq!(read.context, kept.context);
}

#[test]
fn closing_one_leaves_the_other_open() {
    init();
    let (memory, lines) = sink::memory();
    let parent = OutputContext::builder("server").sink(memory.queued(Queue::new())).build();
    let [first, second] = ["first", "second"].map(|name| parent.child(name).build());
    let log = |context: &OutputContext| context.scope(|| tracing::info!("to {}", context.name()));
    let ledger = first.close(Duration::from_secs(30));
    assert!(ledger.is_complete());
    log(&first);
    log(&parent);
    log(&second);
    assert_eq!(first.ledger().dropped, 1);
    assert!(parent.close(Duration::from_secs(30)).is_complete());
    log(&parent);
    log(&second);
    assert!(second.flush(Duration::from_secs(30)).is_complete());
    assert_eq!((parent.ledger().dropped, second.ledger().dropped, second.ledger().written), (1, 0, 2));
    let kept = lines.lines().iter().filter(|line| line.contains("to second")).count();
    assert_eq!(kept, 2);
}
