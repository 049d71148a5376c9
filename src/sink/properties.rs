//! Property tests: the promises hold whatever the writer does. P2 (ledger), P3 (whole lines), P4 (no panic) and P5 (a notice counts each
//! loss).

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::test_support::{ParsedLine, deliver, lose, send};
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

/// An action on a sink.
#[derive(Clone, Copy, Debug)]
enum Act {
    Deliver,
    Drop(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![6 => Just(Act::Deliver), 1 => (1_u64..4).prop_map(Act::Drop)]
}

/// Checks the whole lines of a log against the deliveries: each written record is there, in order, and the notices before it count the records
/// that are missing before it.
fn check_lines(lines: &[ParsedLine], deliveries: &[(u64, Act, Option<Fate>)]) {
    let mut lines = lines.iter().filter(|line| **line != ParsedLine::Fragment);
    let (mut failed, mut dropped, mut counted_failed, mut counted_dropped) = (0, 0, 0, 0);
    for (seq, act, delivery) in deliveries {
        match (act, delivery) {
            (Act::Drop(count), _) => dropped += count,
            (Act::Deliver, Some(Fate::Written)) => {
                loop {
                    match lines.next() {
                        Some(ParsedLine::Failed(count)) => counted_failed += count,
                        Some(ParsedLine::Dropped(count)) => counted_dropped += count,
                        Some(ParsedLine::Record(found)) => {
                            assert_eq!(found, seq, "a record is out of place");
                            break;
                        }
                        other => panic!("record {seq} was written and is not in the log: {other:?}"),
                    }
                }
                assert_eq!(counted_failed, failed, "the notices before record {seq} count other failed records");
                assert_eq!(counted_dropped, dropped, "the notices before record {seq} count other dropped records");
            }
            (Act::Deliver, _) => failed += 1,
        }
    }
    assert_eq!(lines.next(), None, "the log has lines that nobody wrote");
}

/// Performs `acts` on a sink over `writer`, then lets the writer recover, and delivers one more record.
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

/// Checks the lines of a log that was written through a queue. The fates of single records are not known there, only their sums: the notices
/// before each record count all records that are missing before it.
fn check_queued_lines(lines: &[ParsedLine], last: u64, lost: u64) {
    let (mut seen, mut before, mut counted) = (0, 0, 0);
    for line in lines {
        match line {
            ParsedLine::Record(seq) => {
                assert!(*seq > before, "a record is out of place");
                seen += 1;
                before = *seq;
                assert_eq!(seq - seen, counted, "the notices before record {seq} count other records");
            }
            ParsedLine::Failed(count) | ParsedLine::Dropped(count) => counted += count,
            ParsedLine::Fragment => {}
        }
    }
    assert_eq!((before, counted), (last, lost), "notices before the last record count all missing records");
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
        let ledger = sink.flush(PATIENCE);

        prop_assert_eq!(ledger.accepted, count + 1);
        prop_assert_eq!(ledger.written + ledger.dropped + ledger.failed, count + 1);
        prop_assert!(scripted.text().ends_with('\n'));
        let lines = scripted.lines();
        let records = lines.iter().filter(|line| matches!(line, ParsedLine::Record(_))).count() as u64;
        prop_assert_eq!(records, ledger.written);
        check_queued_lines(&lines, count + 1, ledger.dropped + ledger.failed);
    }

    #[test]
    fn promises_hold_over_any_writer(steps in vec(step(), 0..80), acts in vec(act(), 0..40)) {
        let scripted = Scripted::new(steps);
        let sink = writer(scripted.clone()).format(Format::json());
        let (deliveries, _reports) = capture_reports(|| run(&sink, &scripted, &acts));

        let is = |fate| move |(.., delivery): &&(u64, Act, Option<Fate>)| *delivery == Some(fate);
        let ledger = sink.ledger();
        prop_assert_eq!(ledger.written, deliveries.iter().filter(is(Fate::Written)).count() as u64);
        prop_assert_eq!(ledger.failed, deliveries.iter().filter(is(Fate::Failed)).count() as u64);
        prop_assert_eq!(ledger.accepted, ledger.written + ledger.dropped + ledger.failed);
        prop_assert_eq!(ledger.pending, 0);
        prop_assert!(is(Fate::Written)(&deliveries.last().unwrap()), "the writer works again");

        prop_assert!(scripted.text().ends_with('\n'));
        check_lines(&scripted.lines(), &deliveries);
    }
}
