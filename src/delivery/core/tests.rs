//! Tests of `core`.

use super::super::test_support::{FakeFront, Probe};
use super::durability::unsynced_reason;
use super::*;
use crate::delivery::release_all;
use crate::fallback::{capture_reports, report};
use crate::format::{Format, with_scratch};
use crate::output::{Null, RecordOutput};
use crate::sink::test_support::with_record;

fn core() -> Arc<Core> {
    Probe::core().1
}

/// Loses `count` records in the way that `lose` does.
fn lose(core: &Core, count: u64, lose: fn(&Core, Loss<'_>)) {
    with_record(1, |record| lose(core, Loss { count, ..Loss::of(record) }));
}

fn fail(core: &Core, loss: Loss<'_>) {
    core.add_refused(loss, io::Error::other("scripted"), core.dropped());
}

fn drop_records(core: &Core, loss: Loss<'_>) {
    core.add_dropped(core.dropped(), loss, "scripted");
}

fn fail_to_sync(core: &Core, _: Loss<'_>) {
    core.note_sync(Err(io::Error::other("scripted")));
}

fn renderer() -> Renderer {
    Renderer::new(&Format::text(), Screen::None)
}

#[test]
fn all_outputs_are_in_the_list_of_the_process() {
    let core = core();
    let (all, _) = Core::all();
    assert!(all.iter().any(|listed| Arc::ptr_eq(listed, &core)));
    release_all(all);
}

#[test]
fn the_reason_why_an_output_cannot_be_synced_is_its_error() {
    assert_eq!(unsynced_reason(&io::Error::other("bad sector")), "bad sector");
    assert_eq!(unsynced_reason(&io::ErrorKind::Unsupported.into()), "it is not on a storage device");
}

#[test]
fn records_are_missing_until_a_notice_counts_them() {
    let (probe, core) = Probe::core();
    let flags = || (core.has_missing(), core.has_dropped(), core.has_failed(), core.unnoticed());
    assert_eq!(flags(), (false, false, false, 0));
    capture_reports(|| {
        lose(&core, 2, fail);
        assert_eq!(flags(), (true, false, true, 2));
        lose(&core, 3, drop_records);
        assert_eq!(flags(), (true, true, true, 5));
    });
    with_record(1, |record| core.write_failed_notice(&renderer(), record)).unwrap();
    assert_eq!(flags(), (true, true, false, 3));
    assert!(probe.text.lock().unwrap().ends_with("could not be written failed=2\n"));
    with_record(1, |record| core.write_notices(&renderer(), record)).unwrap();
    assert_eq!(flags(), (false, false, false, 0));
    assert!(probe.text.lock().unwrap().ends_with("were dropped dropped=3\n"));
}

#[test]
fn a_gap_has_a_notice_although_no_record_follows() {
    let core = core();
    let put_gap_notice = |result: fn() -> io::Result<()>| {
        let mut notices = Vec::new();
        let put: PutNotice<'_> = &mut |notice, _| {
            notices.push(notice);
            result()
        };
        let result = with_record(1, |record| core.put_gap_notice(&record.moment(), put));
        (notices, result.is_ok())
    };
    capture_reports(|| lose(&core, 3, drop_records));
    assert!(!core.has_gap(), "the records were logged inside the output");
    assert_eq!(put_gap_notice(|| Ok(())), (vec![], true));
    core.note_gap();
    assert!(core.has_gap());
    assert_eq!(put_gap_notice(|| Err(io::Error::other("scripted"))), (vec![Notice::Dropped(3)], false));
    assert!(core.has_gap(), "the log does not have the notice");
    assert_eq!(put_gap_notice(|| Ok(())), (vec![Notice::Dropped(3)], true));
    assert!(!core.has_gap());
    core.note_gap();
    assert!(!core.has_gap(), "another notice counts the records already");
}

/// Does something while the fallback writes a line, and so cannot write another one.
struct InAReport<'a>(&'a dyn Fn());

impl fmt::Display for InAReport<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)();
        Ok(())
    }
}

#[test]
fn an_outage_counts_as_reported_only_if_stderr_takes_the_report() {
    let ways: [fn(&Core, Loss<'_>); 3] = [fail, drop_records, fail_to_sync];
    let lists: [fn(&Core) -> &Missing; 3] = [|core| &core.failed, |core| &core.dropped, |core| &core.unsynced];
    for (way, missing) in ways.into_iter().zip(lists) {
        let reported = core();
        let ((), reports) = capture_reports(|| lose(&reported, 1, way));
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].contains("probe") && reports[0].contains("scripted"), "{reports:?}");
        assert!(missing(&reported).is_reported());

        let refused = core();
        let ((), reports) = capture_reports(|| report(format_args!("{}", InAReport(&|| lose(&refused, 1, way)))));
        assert_eq!(reports.len(), 1, "the outer report alone");
        assert!(!missing(&refused).is_reported());
    }
}

#[test]
fn a_sync_that_works_ends_the_outage_of_those_that_failed() {
    let (probe, core) = Probe::core();
    probe.fail(io::ErrorKind::StorageFull);
    let ((), reports) = capture_reports(|| {
        core.sync_record();
        core.sync_record();
    });
    assert_eq!((reports.len(), probe.calls()), (1, (2, 0)), "what cannot be flushed is not synced");
    assert_eq!(core.unsynced.count(), 2);
    *probe.error.lock().unwrap() = None;
    core.sync_record();
    assert_eq!((core.unsynced.count(), probe.calls()), (0, (3, 1)));
}

#[test]
fn only_lines_can_be_queued() {
    struct Records;
    impl RecordOutput for Records {
        fn write(&self, _: &Record<'_>) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(Core::new(AnyOutput::Lines(Box::new(Null))).takes_lines());
    assert!(!Core::new(AnyOutput::Records(Box::new(Records))).takes_lines());
}

#[test]
fn each_queue_gives_up_its_abandoned_calls() {
    let core = core();
    let fronts = [true, false].map(|is_empty| FakeFront::before(&core, is_empty));
    core.give_up_abandoned_calls();
    assert!(fronts.iter().all(|front| front.given_up.load(Ordering::Relaxed) == 1));
}

#[test]
fn debug_shows_the_name_and_the_counts() {
    let core = core();
    let renderer = renderer();
    with_record(1, |record| with_scratch(|scratch| core.write(&renderer, record, scratch))).unwrap();
    core.counters().count(Fate::Written, 1);
    let text = format!("{core:?}");
    assert!(text.contains("probe") && text.contains("written: 1"), "{text}");
}
