//! What tests share and what each has alone, over threads and processes.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use logscope::testing::{
    Child, Signal, child, child_role, exclusive, free_port, in_child, per_worker, run_together, scratch_dir, seed,
    shared, wait_until, worker_id,
};

const DEADLINE: Duration = Duration::from_secs(60);

fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
        }
    }
}

#[test]
fn one_uses_a_resource_alone_or_several_share_it() {
    let (alone, sharing) = (AtomicUsize::new(0), AtomicUsize::new(0));
    run_together(6, |number| {
        for _ in 0..5 {
            if number < 2 {
                let _guard = exclusive("alone-or-shared");
                assert_eq!(alone.fetch_add(1, Ordering::SeqCst), 0);
                assert_eq!(sharing.load(Ordering::SeqCst), 0);
                alone.fetch_sub(1, Ordering::SeqCst);
            } else {
                let _guard = shared("alone-or-shared");
                sharing.fetch_add(1, Ordering::SeqCst);
                assert_eq!(alone.load(Ordering::SeqCst), 0);
                sharing.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
    let first = shared("alone-or-shared");
    // Would wait for ever if it were not shared.
    thread::spawn(|| drop(shared("alone-or-shared"))).join().unwrap();
    drop(first);
}

#[test]
fn a_thread_gets_again_what_it_has_and_is_told_where_it_would_wait_for_itself() {
    let outer = exclusive("again");
    let inner = (exclusive("again"), shared("again"));
    drop(outer);
    // It is held until the last guard is gone.
    let (waiting, has_it) = (Signal::named("another waits"), Signal::named("another has it"));
    let other = thread::spawn({
        let (waiting, has_it) = (waiting.clone(), has_it.clone());
        move || {
            waiting.set();
            let _guard = exclusive("again");
            has_it.set();
        }
    });
    waiting.wait(DEADLINE).unwrap();
    assert!(has_it.wait(Duration::from_millis(50)).is_err());
    drop(inner);
    other.join().unwrap();

    let _shares = shared("upgrade");
    let text = panic_text(|| exclusive("upgrade"));
    assert!(text.contains("this thread shares \"upgrade\" and wants it alone"), "{text}");
}

/// Uses a resource until its stdin is closed.
fn holder() -> Child {
    child().role("holder").stdin(std::process::Stdio::piped())
}

#[test]
fn processes_exclude_each_other_and_the_wait_is_told_with_the_holder() {
    in_child("holder", |folder: &Path| {
        let guard = exclusive("between processes: ../x");
        fs::write(folder.join("has it"), "").unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
        drop(guard);
    });
    in_child("waiter", |_: &Path| drop(exclusive("between processes: ../x")));

    let mut holder = holder().start();
    let has_it = holder.folder().join("has it");
    wait_until(DEADLINE, || has_it.exists()).unwrap();
    let waiter = child().role("waiter").start();
    let stderr = waiter.folder().join("stderr");
    let text = || fs::read_to_string(&stderr).unwrap_or_default();
    wait_until(DEADLINE, || text().contains(" waits for \"between processes: ../x\": held for ")).unwrap();
    assert!(text().contains(&format!("by pid {}", holder.process().id())), "{}", text());
    assert!(text().contains("Exclusive use of \"between processes: ../x\" by"), "{}", text());
    drop(holder.process().stdin.take());
    holder.wait();
    assert!(waiter.wait().stderr.contains("has \"between processes: ../x\" now, after"));
}

#[test]
fn processes_share_a_resource_and_who_wants_it_alone_waits_for_all_of_them() {
    in_child("sharer", |folder: &Path| {
        let guard = shared("shared between processes");
        fs::write(folder.join("has it"), "").unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
        drop(guard);
    });
    in_child("alone", |folder: &Path| {
        let guard = exclusive("shared between processes");
        fs::write(folder.join("has it"), "").unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
        drop(guard);
    });
    let start = |role| child().role(role).stdin(std::process::Stdio::piped()).start();
    // At once: neither ends before the other has it.
    let (mut first, mut second) = (start("sharer"), start("sharer"));
    let has_it = |folder: &Path| folder.join("has it").exists();
    wait_until(DEADLINE, || has_it(first.folder()) && has_it(second.folder())).unwrap();
    let mut alone = start("alone");
    let stderr = alone.folder().join("stderr");
    let waits =
        || fs::read_to_string(&stderr).is_ok_and(|text| text.contains(" waits for \"shared between processes\""));
    wait_until(DEADLINE, waits).unwrap();
    drop(first.process().stdin.take());
    first.wait();
    assert!(!has_it(alone.folder()), "the second process still shares it");
    drop(second.process().stdin.take());
    second.wait();
    wait_until(DEADLINE, || has_it(alone.folder())).unwrap();
    // And nobody shares what one has alone.
    let mut third = start("sharer");
    let stderr = third.folder().join("stderr");
    wait_until(DEADLINE, || fs::read_to_string(&stderr).is_ok_and(|text| text.contains(" waits for "))).unwrap();
    assert!(!has_it(third.folder()), "it is used alone");
    drop(alone.process().stdin.take());
    alone.wait();
    drop(third.process().stdin.take());
    third.wait();
}

#[test]
fn a_wait_inside_one_process_is_told_with_the_test_that_holds() {
    let ended = child().run(|| {
        let guard = exclusive("in one process");
        let waits =
            thread::Builder::new().name("waits".to_owned()).spawn(|| drop(exclusive("in one process"))).unwrap();
        let stderr = child_role().unwrap().1.join("stderr");
        let told = "\"waits\" waits for \"in one process\": used by \"";
        wait_until(DEADLINE, || fs::read_to_string(&stderr).is_ok_and(|text| text.contains(told))).unwrap();
        drop(guard);
        waits.join().unwrap();
    });
    assert!(ended.stderr.contains("\"waits\" has \"in one process\" now, after"), "{}", ended.stderr);
}

#[test]
fn a_child_does_not_wait_for_what_its_test_holds() {
    let sharing = shared("shared with a child");
    // Both share it.
    child().run(|| drop(shared("shared with a child")));
    drop(sharing);
    // In the child, this is the panic itself.
    let text = panic_text(|| {
        let _held = exclusive("held by its test");
        child().timeout(Duration::from_secs(20)).run(|| ());
    });
    let expected = "the test that started this child uses \"held by its test\": call `exclusive` inside `run`";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_killed_process_holds_nothing() {
    in_child("holder", |folder: &Path| {
        let _guard = exclusive("killed");
        fs::write(folder.join("has it"), "").unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
    });
    let mut holder = holder().start();
    let has_it = holder.folder().join("has it");
    wait_until(DEADLINE, || has_it.exists()).unwrap();
    holder.kill().unwrap();
    drop(exclusive("killed"));
}

#[test]
fn workers_that_run_at_once_have_different_numbers_and_keep_theirs() {
    let own = worker_id();
    let numbers = run_together(8, |_| (worker_id(), worker_id()));
    assert!(numbers.iter().all(|(first, second)| first == second && *first != own), "{numbers:?} beside {own}");
    assert_eq!(worker_id(), own);

    in_child("worker", |folder: &Path| {
        fs::write(folder.join("number"), worker_id().to_string()).unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
    });
    let start = |slot: &str| {
        child().role("worker").env("NEXTEST_TEST_GLOBAL_SLOT", slot).stdin(std::process::Stdio::piped()).start()
    };
    let mut workers = [start("2001"), start("2001"), start("x")];
    let numbers: Vec<usize> = workers
        .iter()
        .map(|worker| {
            let path = worker.folder().join("number");
            wait_until(DEADLINE, || fs::read_to_string(&path).ok()?.parse().ok()).unwrap()
        })
        .collect();
    workers.iter_mut().for_each(|worker| drop(worker.process().stdin.take()));
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 3, "{numbers:?}");
    assert!(numbers[..2].contains(&2_001), "nextest's number is tried first: {numbers:?}");
}

#[test]
fn a_worker_finds_its_own_files_again_and_no_name_leads_elsewhere() {
    let database = per_worker("base.db");
    assert_eq!(per_worker("base.db"), database);
    assert_eq!(database.file_name().unwrap(), "base.db");
    fs::write(&database, "made by a test").unwrap();
    let others = run_together(4, |_| per_worker("base.db"));
    assert!(!others.contains(&database), "{others:?}");
    for name in ["../x", "/x", "..", "a/../../x", ""] {
        assert_eq!(per_worker(name).parent(), database.parent(), "{name}");
    }
}

#[test]
fn the_shared_folder_can_be_set() {
    // In the children this cannot be made in the shared folder.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ended = child().env("LOGSCOPE_TEST_SHARED", folder.join("own")).run(|| per_worker("x").display().to_string());
    assert!(Path::new(ended.report.as_deref().unwrap()).starts_with(folder.join("own/workers")));
}

#[test]
fn a_shared_folder_that_cannot_be_used_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("file"), "").unwrap();
    let failed = child().env("LOGSCOPE_TEST_SHARED", folder.join("file")).run(|| panic_text(|| exclusive("database")));
    let text = failed.report.unwrap();
    assert!(text.contains("cannot use \"database\"") && text.contains("file"), "{text}");
}

#[test]
fn a_panic_is_where_the_test_asks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let own = format!("panicked at {}", file!());
    let ended = child().env("LOGSCOPE_TEST_SHARED", &file).run(|| {
        panic_text(|| exclusive("database"));
        panic_text(|| drop(scratch_dir()));
        panic_text(|| println!("{}", worker_id()));
        panic_text(|| println!("{}", per_worker("base.db").display()));
        panic_text(|| drop(free_port()));
    });
    assert_eq!(ended.stderr.matches(&own).count(), 5, "{}", ended.stderr);
    let ended = child().env("LOGSCOPE_TEST_SEED", "many").run(|| panic_text(|| println!("{}", seed())));
    assert!(ended.stderr.contains(&own), "{}", ended.stderr);
    assert!(ended.report.unwrap().contains("LOGSCOPE_TEST_SEED is \"many\", which is no number"));
}
