//! What holds for leases of every backend: who has one, who learns that it is lost, who is told.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;
#[path = "common/in_time.rs"]
mod in_time;
#[path = "common/redis.rs"]
#[cfg(feature = "redis")]
mod redis;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{DEADLINE, block_on, poll, wait_until};
use in_time::{acquire_in_time, once_in_time};
use logscope::store::{FolderLeases, Lease, LeaseBackend, LeaseGuard, MemoryLeases};
use logscope::{Error, ErrorKind, Level, testing};

const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(60);

/// Runs `test` for each backend.
fn with_each(test: impl Fn(Arc<dyn LeaseBackend>)) {
    let folder = tempfile::tempdir().unwrap();
    test(Arc::new(MemoryLeases::new()));
    test(Arc::new(FolderLeases::new(folder.path().join("leases"))));
    #[cfg(feature = "redis")]
    if let Some(server) = redis::server() {
        let options = logscope::store::RedisOptions::new();
        test(Arc::new(logscope::store::RedisLeases::connect(server.url(), options).unwrap()));
    }
}

fn lease(backend: &Arc<dyn LeaseBackend>, name: &str) -> Lease {
    Lease::new(Arc::clone(backend), name).ttl(LONG)
}

fn wait_until_over(guard: &LeaseGuard) {
    wait_until("its time is over", || guard.remaining().is_zero());
}

#[test]
fn one_has_it_and_fencing_numbers_rise() {
    with_each(|backend| {
        let (uno, due) = (lease(&backend, "uno"), lease(&backend, "due"));
        let mut last = 0;
        for _ in 0..3 {
            let guard = uno.try_acquire().unwrap().unwrap();
            assert!(guard.fence() > last, "{guard:?}");
            last = guard.fence();
            assert!(uno.try_acquire().unwrap().is_none() && lease(&backend, "uno").try_acquire().unwrap().is_none());
            drop(due.try_acquire().unwrap().unwrap());
            assert!(guard.remaining() <= LONG && guard.remaining() > LONG / 2);
            guard.verify().unwrap();
            guard.renew().unwrap();
            guard.release().unwrap();
        }
        drop(uno.try_acquire().unwrap().unwrap());
        assert!(uno.holder().unwrap().is_none());
    });
}

#[test]
fn whose_time_is_over_learns_it_and_touches_nothing() {
    with_each(|backend| {
        let uno = lease(&backend, "uno").ttl(SHORT).silent(true);
        let [renews, verifies, releases] = [(); 3].map(|()| {
            let guard = acquire_in_time(&uno, DEADLINE);
            wait_until_over(&guard);
            guard
        });
        let new = lease(&backend, "uno").acquire(DEADLINE).unwrap();
        assert!(new.fence() > releases.fence());
        for error in [renews.renew().unwrap_err(), verifies.verify().unwrap_err(), releases.release().unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
            assert!(error.to_string().contains("its time was over"), "{error}");
        }
        drop((renews, verifies));
        new.verify().unwrap();
        assert_eq!(uno.holder().unwrap().unwrap().token, new.token());
    });
}

#[test]
fn a_renewal_after_the_time_is_over_is_a_loss_even_if_nobody_else_wants_the_lease() {
    with_each(|backend| {
        let guard = acquire_in_time(&lease(&backend, "uno").ttl(SHORT).silent(true), DEADLINE);
        wait_until_over(&guard);
        assert!(guard.renew().unwrap_err().is_lease_lost());
        // It stays lost, and is free for the next.
        assert!(guard.verify().unwrap_err().is_lease_lost() && guard.remaining().is_zero());
        assert!(guard.release().unwrap_err().is_lease_lost());
        assert!(lease(&backend, "uno").try_acquire().unwrap().is_some());
    });
}

#[test]
fn renewals_keep_it_for_longer_than_its_ttl() {
    let ttl = Duration::from_secs(2);
    let keeps = |uno: &Lease| {
        let start = Instant::now();
        let guard = acquire_in_time(uno, DEADLINE);
        // The last renewal began then, or later.
        let mut renewed = start;
        let check = |result: Result<(), Error>, renewed: Instant| match result {
            Err(error) if error.is_lease_lost() && renewed.elapsed() >= ttl => false,
            result => {
                result.unwrap();
                true
            }
        };
        while start.elapsed() < ttl * 3 / 2 {
            thread::sleep(ttl / 20);
            let before = Instant::now();
            if !check(guard.renew(), renewed) {
                return false;
            }
            renewed = before;
        }
        let other = uno.try_acquire().unwrap();
        assert!(other.is_none() || renewed.elapsed() >= ttl);
        check(guard.release(), renewed)
    };
    with_each(|backend| once_in_time(|| keeps(&lease(&backend, "uno").ttl(ttl))));
}

#[test]
fn a_break_is_told_to_the_holder_at_its_next_check_and_logged_by_both() {
    with_each(|backend| {
        testing::capture(|log| {
            let [holder, operator] = ["holder", "operator"].map(|name| log.context().child(name).build());
            let guard = holder.scope(|| lease(&backend, "uno").owner("nightly").acquire(DEADLINE)).unwrap();
            let broken = operator.scope(|| lease(&backend, "uno").break_lease()).unwrap().unwrap();
            assert_eq!((broken.fence, broken.owner.as_str()), (guard.fence(), "nightly"));
            holder.scope(|| {
                let error = guard.verify().unwrap_err();
                assert!(
                    error.is_lease_lost() && error.to_string().contains("it was broken, or its backend"),
                    "{error}"
                );
                assert!(guard.renew().unwrap_err().is_lease_lost());
                assert!(guard.remaining().is_zero());
                drop(guard);
            });
            let warnings = log.records().level(Level::WARN);
            assert_eq!(warnings.clone().context("holder").one().message, "a lease was lost", "once");
            let told = warnings.context("operator").one().message;
            assert_eq!(told, "broke a lease: its holder may still be at work");
            assert!(lease(&backend, "uno").break_lease().unwrap().is_none());
        });
    });
}

#[test]
fn who_waits_is_woken_by_a_release_and_told_of_the_holder_in_vain() {
    with_each(|backend| {
        let uno = lease(&backend, "uno").owner("nightly");
        let guard = uno.try_acquire().unwrap().unwrap();
        let error = uno.acquire(Duration::from_millis(5)).unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert!(error.to_string().ends_with(&format!(": nightly (fence {})", guard.fence())), "{error}");
        let waits = thread::spawn({
            let uno = uno.clone();
            move || uno.acquire(DEADLINE).unwrap().fence()
        });
        let fence = guard.fence();
        drop(guard);
        assert!(waits.join().unwrap() > fence);
    });
}

#[test]
fn a_task_waits_and_one_that_is_dropped_holds_nothing() {
    with_each(|backend| {
        let uno = lease(&backend, "uno");
        let guard = block_on(uno.acquire_async(DEADLINE)).unwrap();
        let mut dropped = Box::pin(uno.acquire_async(DEADLINE));
        let mut waits = Box::pin(uno.acquire_async(DEADLINE));
        assert!(poll(&mut dropped).is_pending() && poll(&mut waits).is_pending());
        drop(dropped);
        guard.release().unwrap();
        block_on(waits).unwrap().release().unwrap();
        // Also one whose thread gets the lease while it is dropped.
        for _ in 0..20 {
            let mut dropped = Box::pin(uno.acquire_async(DEADLINE));
            let _ = poll(&mut dropped);
            drop(dropped);
        }
        uno.acquire(DEADLINE).unwrap().release().unwrap();
    });
}

#[test]
fn a_holder_that_panics_releases_it() {
    with_each(|backend| {
        let uno = lease(&backend, "uno");
        let panics = thread::spawn({
            let uno = uno.clone();
            move || {
                let _guard = uno.acquire(DEADLINE).unwrap();
                panic!("this is the panic");
            }
        });
        assert!(panics.join().is_err());
        uno.try_acquire().unwrap().unwrap().release().unwrap();
    });
}

#[test]
fn a_name_and_a_ttl_that_no_lease_can_have_are_clear_errors() {
    let lease = |name: &str, ttl| Lease::new(MemoryLeases::new(), name).ttl(ttl);
    for lease in [lease("", LONG), lease(&"a".repeat(513), LONG), lease("a", Duration::ZERO), lease("a", Duration::MAX)]
    {
        let error = lease.acquire(DEADLINE).unwrap_err();
        assert_eq!((error.kind(), lease.holder().unwrap_err().kind()), (ErrorKind::Lock, ErrorKind::Lock));
        assert!(error.to_string().contains("; give it "), "{error}");
        assert!(block_on(lease.acquire_async(DEADLINE)).is_err());
    }
    with_each(|backend| {
        for name in ["..", "a/b", "Ä\n\0", &"a".repeat(512), "a.owners", "free"] {
            let guard = Lease::new(Arc::clone(&backend), name).try_acquire().unwrap().unwrap();
            assert!(Lease::new(Arc::clone(&backend), name).try_acquire().unwrap().is_none(), "{name}");
            guard.release().unwrap();
        }
    });
}

#[test]
fn a_folder_is_made_of_one_file_whose_name_is_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let leases = FolderLeases::new(folder.path().join("leases"));
    let names = |path: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let uno = Lease::new(leases.clone(), "uno").ttl(Duration::from_secs(7));
    let guard = uno.try_acquire().unwrap().unwrap();
    let (path, fence, token) = (leases.path().join("uno"), guard.fence(), guard.token());
    assert_eq!(names(&path), [format!("{fence}.{token}.0.7000")]);
    guard.renew().unwrap();
    assert_eq!(names(&path), [format!("{fence}.{token}.1.7000")]);
    guard.release().unwrap();
    assert_eq!(names(&path), [format!("{fence}.free.0")]);
    assert_eq!(names(&leases.path().join("uno.owners")), [""; 0]);
    let guard = uno.try_acquire().unwrap().unwrap();
    assert_eq!(guard.fence(), fence + 1);
    uno.break_lease().unwrap().unwrap();
    assert_eq!(names(&path), [format!("{}.free.1", fence + 1)]);

    // Somebody deletes the file, the folder, or all.
    for delete in [
        |path: &Path| std::fs::remove_dir_all(path),
        |path: &Path| std::fs::read_dir(path)?.try_for_each(|entry| std::fs::remove_file(entry?.path())),
    ] {
        let before = uno.acquire(DEADLINE).unwrap();
        delete(&path).unwrap();
        assert!(before.verify().unwrap_err().is_lease_lost());
        let after = uno.try_acquire().unwrap().unwrap();
        assert!(after.fence() > before.fence());
        assert!(before.release().unwrap_err().is_lease_lost());
        after.release().unwrap();
    }
    // Two files are an error that says what to do, and nothing is changed.
    std::fs::write(path.join("1.free.0"), "").unwrap();
    let error = uno.try_acquire().unwrap_err();
    assert!(error.to_string().contains("remove all but one"), "{error}");
    assert_eq!(names(&path).len(), 2);
}

/// A dead holder is told from a live one by watching, also in attempts that do not wait.
#[test]
fn attempts_that_do_not_wait_find_in_the_end_that_a_holder_in_a_folder_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let leases = FolderLeases::new(folder.path());
    let short = Lease::new(leases.clone(), "uno").ttl(Duration::from_millis(100)).owner("dead");
    let dead = acquire_in_time(&short, DEADLINE);
    let fence = dead.fence();
    std::mem::forget(dead);
    let (uno, start) = (Lease::new(leases, "uno"), Instant::now());
    testing::capture(|log| {
        let next = testing::wait_until(DEADLINE, || uno.try_acquire().unwrap()).expect("it is taken over");
        assert!(start.elapsed() >= Duration::from_millis(110));
        assert_eq!(next.fence(), fence + 1);
        let told = log.records().level(Level::WARN).first();
        assert!(told.message.starts_with("took a lease over whose time was over"), "{told:?}");
        let before = told.field("before").and_then(|before| before.as_str());
        assert!(before.is_some_and(|before| before.contains(": dead (fence ")), "{told:?}");
    });
}
