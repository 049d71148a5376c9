//! A writer that does what it likes, against the promises: P2 (ledger), P3 (whole lines), P4 (no panic) and P5 (each loss
//! stated).

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::test_support::{Line, deliver, lose, send};
use super::{Overflow, Queue, Sink, writer};
use crate::bytes::scripted::{Scripted, Step};
use crate::delivery::Fate;
use crate::fallback::capture_reports;
use crate::format::Format;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Take),
        4 => (0_usize..300).prop_map(Step::Short),
        2 => Just(Step::Interrupted),
        1 => Just(Step::WouldBlock),
        1 => Just(Step::Zero),
        3 => Just(Step::Full),
        1 => (0_usize..300).prop_map(Step::Panic),
    ]
}

/// What happens to a sink.
#[derive(Clone, Copy, Debug)]
enum Act {
    Deliver,
    Drop(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![6 => Just(Act::Deliver), 1 => (1_u64..4).prop_map(Act::Drop)]
}

/// The whole lines that must be in the log for these deliveries, the notices as running totals: how many records are missing
/// before each record.
fn check_lines(lines: &[Line], deliveries: &[(u64, Act, Option<Fate>)]) {
    let mut lines = lines.iter().filter(|line| **line != Line::Fragment);
    let (mut failed, mut dropped, mut stated_failed, mut stated_dropped) = (0, 0, 0, 0);
    for (seq, act, delivery) in deliveries {
        match (act, delivery) {
            (Act::Drop(count), _) => dropped += count,
            (Act::Deliver, Some(Fate::Written)) => {
                loop {
                    match lines.next() {
                        Some(Line::Failed(count)) => stated_failed += count,
                        Some(Line::Dropped(count)) => stated_dropped += count,
                        Some(Line::Record(found)) => {
                            assert_eq!(found, seq, "a record is out of place");
                            break;
                        }
                        other => panic!("record {seq} was written and is not in the log: {other:?}"),
                    }
                }
                assert_eq!(stated_failed, failed, "what is stated before record {seq} is not what is missing");
                assert_eq!(stated_dropped, dropped, "what is stated before record {seq} was not dropped");
            }
            (Act::Deliver, _) => failed += 1,
        }
    }
    assert_eq!(lines.next(), None, "there are lines in the log that nobody wrote");
}

/// Lets `acts` happen to a sink over `writer`, then lets the writer recover, and one record more be delivered.
fn run(sink: &Sink, writer: &Scripted, acts: &[Act]) -> Vec<(u64, Act, Option<Fate>)> {
    let last = std::iter::once(Act::Deliver);
    let (mut seq, mut done) = (0, Vec::new());
    for (n, act) in acts.iter().copied().chain(last).enumerate() {
        if n == acts.len() {
            writer.recover();
        }
        seq += 1;
        let delivery = match act {
            Act::Deliver => Some(deliver(sink, seq)),
            Act::Drop(count) => {
                lose(sink, count);
                None
            }
        };
        done.push((seq, act, delivery));
    }
    done
}

/// The same of a log that was written by a queue, of which only the whole is known: the records that are missing before each that is
/// there have been stated.
fn check_queued_lines(lines: &[Line], last: u64, lost: u64) {
    let (mut seen, mut before, mut stated) = (0, 0, 0);
    for line in lines {
        match line {
            Line::Record(seq) => {
                assert!(*seq > before, "a record is out of place");
                seen += 1;
                before = *seq;
                assert_eq!(seq - seen, stated, "what is stated before record {seq} is not what is missing");
            }
            Line::Failed(count) | Line::Dropped(count) => stated += count,
            Line::Fragment => {}
        }
    }
    assert_eq!((before, stated), (last, lost), "all that is missing is stated before the last record");
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![Just(Overflow::Block), Just(Overflow::DropNewest), Just(Overflow::DropOldest)]
}

proptest! {
    #[test]
    fn promises_hold_behind_a_queue(steps in vec(step(), 0..80), count in 1_u64..120, overflow in overflow()) {
        const PATIENCE: Duration = Duration::from_secs(60);
        let scripted = Scripted::new(steps);
        let direct = writer(scripted.clone());
        let sink = direct.queued(Queue::new().bytes(4096).overflow(overflow)).format(Format::json());
        for seq in 1..=count {
            send(&sink, seq);
        }
        prop_assert_eq!(sink.flush(PATIENCE).pending, 0);
        scripted.recover();
        send(&sink, count + 1);
        let outcome = sink.flush(PATIENCE);

        prop_assert_eq!(outcome.accepted, count + 1);
        prop_assert_eq!(outcome.written + outcome.dropped + outcome.failed, count + 1);
        prop_assert!(scripted.text().ends_with('\n'));
        let lines = scripted.lines();
        let records = lines.iter().filter(|line| matches!(line, Line::Record(_))).count() as u64;
        prop_assert_eq!(records, outcome.written);
        check_queued_lines(&lines, count + 1, outcome.dropped + outcome.failed);
    }

    #[test]
    fn promises_hold_over_any_writer(steps in vec(step(), 0..80), acts in vec(act(), 0..40)) {
        let scripted = Scripted::new(steps);
        let sink = writer(scripted.clone()).format(Format::json());
        let (deliveries, _told) = capture_reports(|| run(&sink, &scripted, &acts));

        let is = |fate| move |(.., delivery): &&(u64, Act, Option<Fate>)| *delivery == Some(fate);
        let outcome = sink.ledger();
        prop_assert_eq!(outcome.written, deliveries.iter().filter(is(Fate::Written)).count() as u64);
        prop_assert_eq!(outcome.failed, deliveries.iter().filter(is(Fate::Failed)).count() as u64);
        prop_assert_eq!(outcome.accepted, outcome.written + outcome.dropped + outcome.failed);
        prop_assert_eq!(outcome.pending, 0);
        prop_assert!(is(Fate::Written)(&deliveries.last().unwrap()), "the writer works again");

        prop_assert!(scripted.text().ends_with('\n'));
        check_lines(&scripted.lines(), &deliveries);
    }
}
