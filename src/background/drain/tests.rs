//! Tests of draining.

use super::*;
use crate::background::Queue;
use crate::bytes::Line;
use crate::delivery::Core;
use crate::format::{Format, Renderer, Screen};
use crate::output::{AnyOutput, Output};
use crate::queue::FlushTicket;
use crate::sync::{Arc, AtomicUsize, Mutex};

/// Counts flushes and syncs. Its flush takes the time that the last caller allows.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicUsize; 2]>, Option<&'static str>);

impl Output for Counts {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        assert!(deadline > Duration::from_secs(10), "the latest deadline counts");
        self.0[0].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self, _: Duration) -> io::Result<()> {
        self.0[1].fetch_add(1, Ordering::Relaxed);
        self.1.map_or(Ok(()), |text| Err(io::Error::new(io::ErrorKind::StorageFull, text)))
    }
}

/// Completes 32 requests that are due at the same time, every second of which is for a sync. Returns the results, and the numbers of flushes
/// and syncs.
fn complete_32(fails: Option<&'static str>) -> (Vec<Result<(), String>>, [usize; 2]) {
    let output = Counts(Arc::default(), fails);
    let core = Core::new(AnyOutput::Lines(Box::new(output.clone())));
    let queued = QueuedOutput::new(&core, None, Queue::new(), Vec::new(), false);
    let tickets: Vec<_> = (0..32).map(|_| Arc::new(FlushTicket::new())).collect();
    let request = |(number, ticket): (u64, &Arc<FlushTicket>)| FlushRequest {
        deadline: Instant::now().checked_add(Duration::from_secs(number)),
        sync: number % 2 == 1,
        call: None,
        ticket: Arc::clone(ticket),
    };
    queued.complete_flushes((0..).zip(&tickets).map(request).collect(), true);
    let result = |ticket: Arc<FlushTicket>| ticket.wait(Some(Instant::now())).expect("it is complete");
    let results = tickets.into_iter().map(|ticket| result(ticket).map_err(|error| error.to_string())).collect();
    (results, [0, 1].map(|which| output.0[which].load(Ordering::Relaxed)))
}

#[test]
fn requests_that_are_due_together_share_one_flush_and_one_sync() {
    assert_eq!(complete_32(None), (vec![Ok(()); 32], [1, 1]));
}

#[test]
fn each_request_gets_the_error_of_the_shared_sync() {
    let (results, counts) = complete_32(Some("the device is full"));
    assert_eq!(counts, [1, 1]);
    for (number, result) in results.into_iter().enumerate() {
        let expected = if number % 2 == 1 { Err("the device is full".to_owned()) } else { Ok(()) };
        assert_eq!(result, expected);
    }
}

/// Keeps the lines that it gets.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Output for Lines {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.0.lock().push(line.text().into_owned());
        Ok(())
    }
}

/// The writer thread may have drained none of the records that are evicted, as here.
#[test]
fn evicted_records_are_told_of_in_the_format_that_they_had() {
    let output = Lines::default();
    let core = Core::new(AnyOutput::Lines(Box::new(output.clone())));
    let queued = QueuedOutput::new(&core, None, Queue::new(), Vec::new(), false);
    let [_text, json] =
        [Format::text(), Format::json()].map(|format| queued.renderer_number(&Renderer::new(&format, Screen::None)));
    let stamp = Stamp { renderer: json, level: Level::INFO, elapsed: Duration::ZERO }.pack();
    let _report = queued.count_evicted(Label { tag: tag::NOBODY, stamp });
    queued.write_last_notices(true);
    let lines = output.0.lock().clone();
    assert!(matches!(&lines[..], [line] if line.starts_with('{') && line.contains("\"dropped\":1")), "{lines:?}");
}
