//! Tests of `flush`.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::super::test_support::{FakeFront, Probe};
use super::*;
use crate::delivery::Fate;
use crate::fallback::capture_reports;
use crate::sink::test_support::in_child;
use crate::sync::Ordering;

/// A deadline that a test never reaches.
fn far() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

fn past() -> Option<Instant> {
    Some(Instant::now())
}

#[test]
fn an_output_without_queues_is_flushed_once_and_synced_if_asked_for() {
    let (probe, core) = Probe::core();
    Flush::begin(&core, far(), false).unwrap().wait(far()).unwrap();
    assert_eq!(probe.calls(), (1, 0));
    Flush::begin(&core, far(), true).unwrap().wait(far()).unwrap();
    assert_eq!(probe.calls(), (2, 1));
    let flush = Flush::begin_for_task(&core, far()).unwrap();
    assert_eq!(probe.calls(), (3, 1), "in the call");
    assert!(flush.finish(far()).is_complete());
    assert_eq!(probe.calls(), (3, 1));
}

#[test]
fn an_output_with_queues_is_flushed_by_their_writer_threads() {
    let (probe, core) = Probe::core();
    let fronts = [true, true].map(|is_empty| FakeFront::before(&core, is_empty));
    assert!(Flush::begin(&core, far(), false).unwrap().finish(far()).is_complete());
    Flush::begin(&core, far(), true).unwrap().wait(far()).unwrap();
    assert!(Flush::begin_for_task(&core, far()).unwrap().finish(far()).is_complete());
    let counts = |front: &Arc<FakeFront>| (front.requests(), front.syncs.load(Ordering::Relaxed));
    assert_eq!(fronts.each_ref().map(counts), [(3, 1), (3, 1)]);
    assert_eq!(probe.calls(), (0, 0));
}

#[test]
fn a_flush_withdraws_its_requests_when_it_ends() {
    let (_, core) = Probe::core();
    let front = FakeFront::before(&core, false);
    let ledger = Flush::begin(&core, far(), false).unwrap().finish(past());
    assert!(ledger.unflushed, "nobody has written the queue");
    assert_eq!((front.requests(), front.withdrawn.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn the_queues_are_flushed_once_more_for_the_calls_that_were_in_flight() {
    let (_, core) = Probe::core();
    let front = FakeFront::before(&core, true);
    let unqueued = Arc::clone(core.unqueued());

    let call = unqueued.begin();
    let flush = Flush::begin(&core, far(), false).unwrap();
    drop(call);
    assert!(flush.finish(far()).is_complete());
    assert_eq!(front.requests(), 2);

    let call = unqueued.begin();
    let ledger = Flush::begin(&core, far(), false).unwrap().finish(past());
    assert!(ledger.unflushed, "the call is still in flight");
    assert_eq!(front.requests(), 3);
    drop(call);
}

#[test]
fn records_that_are_accepted_while_a_flush_runs_are_not_its_own() {
    let (_, core) = Probe::core();
    core.counters().accept(2);
    core.counters().resolve(Fate::Written, 1);
    let ledger = Flush::begin(&core, far(), false).unwrap().finish(far());
    assert_eq!((ledger.accepted, ledger.written, ledger.pending), (1, 1, 0));
}

#[test]
fn a_failure_is_reported_but_not_a_timeout_that_pending_records_show() {
    for (kind, pending, reports) in [
        (io::ErrorKind::StorageFull, 0, 1),
        (io::ErrorKind::StorageFull, 1, 1),
        (io::ErrorKind::TimedOut, 0, 1),
        (io::ErrorKind::TimedOut, 1, 0),
    ] {
        let (probe, core) = Probe::core();
        probe.fail(kind);
        core.counters().accept(pending);
        let (ledger, reported) = capture_reports(|| Flush::begin(&core, far(), false).unwrap().finish(far()));
        assert_eq!((ledger.unflushed, ledger.pending), (true, pending), "{kind}");
        assert_eq!(reported.len(), reports, "{kind}: {reported:?}");
        assert!(reported.iter().all(|line| line.contains("cannot flush probe")), "{reported:?}");
        core.counters().resolve(Fate::Written, pending);
    }
}

#[test]
fn an_output_that_is_closed_meanwhile_needs_no_flush() {
    let (probe, core) = Probe::core();
    let flush = Flush::begin(&core, far(), true).unwrap();
    drop(core);
    assert!(flush.finish(far()).is_complete());
    assert_eq!(probe.calls(), (0, 0));
}

#[test]
fn each_of_several_outputs_is_flushed_once() {
    let (probes, cores): (Vec<_>, Vec<_>) = (0..3).map(|_| Probe::core()).unzip();
    let front = FakeFront::before(&cores[1], true);
    probes[2].fail(io::ErrorKind::StorageFull);
    let flushes = cores.iter().filter_map(|core| Flush::begin(core, far(), false)).collect();
    let (unflushed, reports) =
        capture_reports(|| finish_all(flushes, far()).map(|ledger| ledger.unflushed).collect::<Vec<_>>());
    assert_eq!(unflushed, [false, false, true]);
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(probes.iter().map(|probe| probe.calls().0).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(front.requests(), 1);
}

#[test]
fn an_output_that_times_out_before_its_turn_is_over_is_not_asked_again() {
    let (probe, core) = Probe::core();
    probe.fail(io::ErrorKind::TimedOut);
    let mut flush = Flush::begin(&core, far(), false).unwrap();
    assert!(flush.take_turn(far(), far()), "that is its answer");
    assert_eq!(flush.wait(far()).unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(probe.calls(), (1, 0));

    let mut flush = Flush::begin(&core, far(), false).unwrap();
    assert!(!flush.take_turn(past(), far()), "it had no time");
    assert_eq!(flush.wait(far()).unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(probe.calls(), (3, 0));

    probe.fail(io::ErrorKind::StorageFull);
    let mut flush = Flush::begin(&core, far(), false).unwrap();
    assert!(flush.take_turn(past(), far()), "an error is an answer however late it comes");
    assert_eq!(flush.wait(far()).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn an_output_has_its_turn_until_the_calls_in_flight_have_ended() {
    let (_, core) = Probe::core();
    let _front = FakeFront::before(&core, true);
    let unqueued = Arc::clone(core.unqueued());
    let call = unqueued.begin();
    let mut flush = Flush::begin(&core, far(), false).unwrap();
    assert!(!flush.take_turn(past(), far()));
    drop(call);
    assert!(flush.take_turn(past(), far()));
}

#[test]
fn an_output_that_stands_still_takes_no_time_from_another() {
    let (probes, cores): (Vec<_>, Vec<_>) = (0..3).map(|_| Probe::core()).unzip();
    probes[0].stands_still.store(true, Ordering::Relaxed);
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    let flushes = cores.iter().filter_map(|core| Flush::begin(core, deadline, false)).collect();
    let (complete, _) =
        capture_reports(|| finish_all(flushes, deadline).map(|ledger| ledger.is_complete()).collect::<Vec<_>>());
    assert_eq!(complete, [false, true, true]);
    // A first turn, then all the time that is left, and what it is asked at the deadline.
    assert!(probes[0].calls().0 <= 3, "{}", probes[0].calls().0);
    assert!(probes[1..].iter().all(|probe| *probe.least.lock().unwrap() > Some(Duration::ZERO)));
}

#[test]
fn a_single_output_is_asked_once() {
    let (probe, core) = Probe::core();
    probe.fail(io::ErrorKind::TimedOut);
    let flush = Flush::begin(&core, past(), false).into_iter().collect();
    let (ledgers, _) = capture_reports(|| finish_all(flush, past()).count());
    assert_eq!((ledgers, probe.calls()), (1, (1, 0)));
}

#[test]
fn turns_end_when_every_output_is_flushed() {
    let cores: Vec<_> = (0..2).map(|_| Probe::core().1).collect();
    let start = Instant::now();
    let flushes = cores.iter().filter_map(|core| Flush::begin(core, far(), false)).collect();
    assert_eq!(finish_all(flushes, far()).count(), 2);
    assert!(start.elapsed() < Duration::from_secs(30));
}

/// Polls a future once.
fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn a_task_waits_for_the_calls_in_flight_and_flushes_the_queues_once_more() {
    let (_, core) = Probe::core();
    let front = FakeFront::before(&core, true);
    core.counters().count(Fate::Written, 7);
    let ledger = poll(pin!(Flush::begin_for_task(&core, far()).unwrap().finish_as_task())).unwrap();
    assert_eq!((ledger.written, ledger.unflushed, front.requests()), (7, false, 1));

    let unqueued = Arc::clone(core.unqueued());
    let call = unqueued.begin();
    let mut task = pin!(Flush::begin_for_task(&core, far()).unwrap().finish_as_task());
    assert_eq!((poll(task.as_mut()), front.requests()), (None, 2));
    drop(call);
    assert_eq!(poll(task).map(|ledger| ledger.written), Some(7));
    assert_eq!(front.requests(), 3);
}

#[test]
fn a_task_waits_for_no_call_if_there_is_no_queue() {
    let (probe, core) = Probe::core();
    let unqueued = Arc::clone(core.unqueued());
    let _call = unqueued.begin();
    let task = pin!(Flush::begin_for_task(&core, far()).unwrap().finish_as_task());
    assert!(poll(task).unwrap().is_complete());
    assert_eq!(probe.calls(), (1, 0));
}

#[test]
fn a_forked_child_cannot_use_an_output_that_was_being_written_to() {
    let (_, core) = Probe::core();
    let front = FakeFront::before(&core, true);
    core.is_usable_in_child().unwrap();
    front.is_being_written.store(true, Ordering::Relaxed);
    assert!(core.is_usable_in_child().is_err());
    drop(front);
    core.is_usable_in_child().unwrap();
    let _fronts = core.fronts().lock();
    assert!(core.is_usable_in_child().is_err(), "a thread of the parent may hold the lock");
}

/// In a child, because it flushes the outputs of other tests, too.
#[test]
fn a_flush_of_the_process_flushes_and_counts_every_output() {
    let ended = in_child("delivery::flush::tests::a_flush_of_the_process_flushes_and_counts_every_output", || {
        let outputs: Vec<_> = (0..3).map(|_| Probe::core()).collect();
        outputs.iter().for_each(|(_, core)| core.counters().count(Fate::Written, 5));
        let ledger = flush_all(far());
        assert_eq!((ledger.written, ledger.is_complete()), (15, true));
        assert!(outputs.iter().all(|(probe, _)| probe.calls() == (1, 0)));
    });
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
