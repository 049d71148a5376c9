//! Records with the spans that they are in.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use std::sync::mpsc::{Sender, channel};

use logscope::OutputContext;
use logscope::sink::Memory;
use serde_json::Value;
use tracing::span::Id;
use tracing::{Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

use crate::common::DEADLINE;

/// The records of a JSON log, each as `message` or `message @ outer/inner`, sorted.
pub(crate) fn with_spans(memory: &Memory) -> Vec<String> {
    let mut records: Vec<String> = memory.lines().iter().map(|line| with_span(line)).collect();
    records.sort_unstable();
    records
}

fn with_span(line: &str) -> String {
    let json: Value = serde_json::from_str(line).expect("a line is JSON");
    let message = json["fields"]["message"].as_str().unwrap_or_default();
    let spans = json["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let path: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
    if path.is_empty() { message.to_owned() } else { format!("{message} @ {}", path.join("/")) }
}

/// Tells in which context a span is closed.
struct Closes(Sender<String>);

impl<S: Subscriber> Layer<S> for Closes {
    fn on_close(&self, _: Id, _: Context<'_, S>) {
        let name = OutputContext::try_current().map_or("-".to_owned(), |context| context.name().to_owned());
        // A test that has failed waits no longer.
        let _ = self.0.send(name);
    }
}

/// Has `start` start work, in the context "uno" and a span. Returns the name of the context in which the span is closed when the work ends:
/// nothing else keeps the span open, and nothing else the context.
pub(crate) fn closes_its_span_in(start: impl FnOnce(Box<dyn FnOnce() + Send>)) -> String {
    let (closes, closed) = channel();
    // The span carries this subscriber to where the work runs.
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(Closes(closes)));
    let (go, wait) = channel::<()>();
    let work = Box::new(move || wait.recv_timeout(DEADLINE).expect("the work is let go"));
    OutputContext::builder("uno").build().scope(|| info_span!("work").in_scope(|| start(work)));
    go.send(()).expect("the work is there");
    closed.recv_timeout(DEADLINE).expect("the span is closed")
}
