//! Who waits for whom: syncs, log calls and `reopen`, while a write or the storage device stands still.

use std::sync::mpsc::{Receiver, channel};

use super::*;

const SHORT: Duration = Duration::from_millis(20);

/// More than a busy machine takes beyond [`SHORT`], at the best of several attempts, and less than any other wait of the library.
const KEPT: Duration = Duration::from_millis(900);

/// Calls `f` on another thread, and returns its result once it is there.
fn on_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Receiver<R> {
    let (sender, result) = channel();
    thread::spawn(move || drop(sender.send(f())));
    result
}

/// Returns the result of a call that must not wait for what stands still.
fn returned<R>(result: &Receiver<R>) -> R {
    result.recv_timeout(LONG).expect("the call waits for what stands still")
}

/// Waits until a sync of the file or directory has begun.
fn wait_for_sync(watch: &SyncWatch) {
    let end = Instant::now() + LONG;
    while watch.take() == 0 {
        assert!(Instant::now() < end, "nothing is synced");
        thread::yield_now();
    }
}

/// Calls `f` until it is quick, five times at most, and fails if it never is.
fn is_quick_once(name: &str, mut f: impl FnMut()) {
    let durations: Vec<_> = (0..5)
        .map(|_| {
            let begun = Instant::now();
            f();
            begun.elapsed()
        })
        .take_while(|duration| *duration >= KEPT)
        .collect();
    assert!(durations.len() < 5, "{name} took {durations:?}");
}

#[test]
fn a_sync_keeps_its_deadline_while_the_device_stands_still() {
    let (_dir, path, log) = new_log();
    let watch = SyncWatch::new(&path);
    log.write();
    watch.hold(true);
    is_quick_once("a sync", || {
        let appender = Arc::clone(&log.appender);
        let result = returned(&on_thread(move || appender.sync(SHORT)));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
    });
    log.write();
    watch.hold(false);
    log.sync().unwrap();
}

#[test]
fn sync_reopen_and_flush_keep_their_deadlines_while_a_write_stands_still() {
    type Call = fn(&Appender) -> Result<(), ErrorKind>;
    let calls: [(&str, Call, Result<(), ErrorKind>); 4] = [
        ("sync", |appender| appender.sync(SHORT).map_err(|error| error.kind()), Err(ErrorKind::TimedOut)),
        ("reopen", |appender| appender.reopen(SHORT).map_err(|error| error.kind()), Err(ErrorKind::TimedOut)),
        ("flush", |appender| appender.flush(SHORT).map_err(|error| error.kind()), Ok(())),
        (
            "reopen_all",
            |appender| {
                assert!(appender.is_reopenable(Instant::now() + SHORT), "`reopen_all` names it in its error");
                Ok(())
            },
            Ok(()),
        ),
    ];
    let (_dir, _path, log) = new_log();
    let writing = log.appender.current.lock();
    for (name, call, expected) in calls {
        is_quick_once(name, || {
            let appender = Arc::clone(&log.appender);
            assert_eq!(returned(&on_thread(move || call(&appender))), expected, "{name}");
        });
    }
    drop(writing);
}

#[test]
fn log_calls_go_on_while_the_device_stands_still() {
    let (_dir, path, log) = new_log();
    let watch = SyncWatch::new(&path);
    log.write();
    watch.hold(true);
    let appender = Arc::clone(&log.appender);
    let synced = on_thread(move || appender.sync(LONG));
    wait_for_sync(&watch);
    let appender = Arc::clone(&log.appender);
    returned(&on_thread(move || appender.write(Line::new(b"line\n", crate::Level::INFO)))).unwrap();
    assert!(synced.try_recv().is_err(), "the device still stands still");
    watch.hold(false);
    returned(&synced).unwrap();
    let ((), reports) = capture_reports(|| drop(log));
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn syncs_that_wait_at_the_same_time_share_one() {
    const CALLERS: usize = 32;
    let (_dir, path, log) = new_log();
    let watch = SyncWatch::new(&path);
    log.write();
    watch.hold(true);
    let sync = || {
        let appender = Arc::clone(&log.appender);
        on_thread(move || appender.sync(LONG))
    };
    let first = sync();
    wait_for_sync(&watch);
    let others: Vec<_> = (0..CALLERS).map(|_| sync()).collect();
    let end = Instant::now() + LONG;
    while log.appender.syncs.waiting() < CALLERS {
        assert!(Instant::now() < end && watch.take() == 0, "each caller syncs for itself");
        thread::yield_now();
    }
    watch.hold(false);
    assert!([first].iter().chain(&others).all(|result| returned(result).is_ok()));
    assert_eq!(watch.take(), 1, "one sync for all of them");
}
