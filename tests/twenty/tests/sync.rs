//! Plain functions, threads and rayon.

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

use logscope::testing::{self, Signal, Turns, run_together, scratch_dir};
use logscope::{Level, OutputContext};
use twenty::{Cache, Store, compile, compile_all, greeting, start_worker};

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_source_is_compiled() {
    testing::capture(|log| {
        log.deny(Level::WARN);
        assert_eq!(compile("int main;"), Ok(9));
        log.records().message("compiled").field("length", 9).one();
    });
}

#[test]
fn a_source_with_an_error_is_refused_and_logged() {
    testing::capture(|log| {
        compile("#error").unwrap_err();
        log.records().level(Level::ERROR).message("cannot compile").field("source", "#error").one();
        log.records().message("compiled").none();
    });
}

#[test]
fn a_long_source_is_told() {
    let log = testing::begin("a long source");
    compile(&"x".repeat(41)).unwrap();
    log.records().in_order(["a long source", "compiled"]);
}

#[test]
fn a_worker_compiles_on_its_own_thread() {
    testing::capture(|log| {
        let (send, jobs) = channel();
        let worker = start_worker(jobs);
        send.send("abc".to_owned()).unwrap();
        log.records().message("compiled").within(DEADLINE).one();
        send.send("de".to_owned()).unwrap();
        drop(send);
        assert_eq!(worker.join().unwrap(), 5);
        log.records().message("compiled").exactly(2);
    });
}

#[test]
fn a_worker_outlives_a_refused_source() {
    testing::capture(|log| {
        let (send, jobs) = channel();
        let worker = start_worker(jobs);
        for source in ["#error", "abc"] {
            send.send(source.to_owned()).unwrap();
        }
        drop(send);
        assert_eq!(worker.join().unwrap(), 3);
        log.records().in_order(["cannot compile", "compiled"]);
    });
}

#[test]
fn rayon_compiles_in_parallel_and_each_record_is_here() {
    testing::capture(|log| {
        let sources: Vec<String> = (0..100).map(|length| "x".repeat(length % 30)).collect();
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        let objects = compile_all(&sources);
        assert_eq!(objects.len(), 100);
        log.records().message("compiled").exactly(100);
    });
}

#[test]
fn a_cache_compiles_each_source_once_for_all_threads() {
    testing::capture(|log| {
        let cache = Cache::default();
        let objects = run_together(8, |_| cache.get("abc"));
        assert_eq!(objects, [3; 8]);
        assert_eq!(cache.compiled.load(Ordering::Relaxed), 1);
        log.records().message("compiled").one();
    });
}

#[test]
fn two_threads_see_the_cache_in_a_fixed_order() {
    let (cache, turns) = (Cache::default(), Turns::new(["fill", "read"]));
    run_together(2, |number| {
        if number == 0 {
            turns.take("read", || assert_eq!(cache.compiled.load(Ordering::Relaxed), 1));
        } else {
            turns.take("fill", || assert_eq!(cache.get("ab"), 2));
        }
    });
    turns.finish();
}

#[test]
fn a_store_keeps_objects_in_a_folder_of_this_test() {
    let folder = scratch_dir();
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.get("a"), None);
    store.put("a", 7).unwrap();
    assert_eq!(Store::open(&folder).unwrap().get("a"), Some(7));
}

#[test]
fn a_store_of_a_worker_is_used_by_one_test_at_a_time() {
    let store = Store::open(&testing::per_worker("store")).unwrap();
    let number = std::process::id() as usize;
    store.put("owner", number).unwrap();
    assert_eq!(store.get("owner"), Some(number));
}

#[test]
fn the_shared_database_is_read_by_several_and_written_by_one() {
    let reads = Signal::named("a reader has read");
    run_together(4, |number| {
        if number == 0 {
            let _alone = testing::exclusive("twenty's database");
        } else {
            let _shared = testing::shared("twenty's database");
            reads.set();
        }
    });
    reads.wait_for(3, Duration::ZERO).unwrap();
}

#[test]
fn the_greeting_comes_from_the_environment() {
    let ended = testing::child().env("TWENTY_GREETING", "good morning").run(greeting);
    assert_eq!(ended.report.as_deref(), Some("good morning"));
}

#[test]
fn the_default_context_is_changed_by_one_test_at_a_time() {
    testing::isolated(|| {
        let own = OutputContext::builder("twenty").sink(logscope::sink::null()).build();
        drop(logscope::set_process_default(own));
        assert_eq!(OutputContext::current().name(), "twenty");
    });
}

#[test]
fn compiling_is_stable() {
    let report = testing::stability(10, [1, 2], |run| {
        let length = run.random().below(40) as usize;
        assert_eq!(compile(&"x".repeat(length)), Ok(length));
    });
    assert!(report.levels.iter().all(|level| level.passed == 10));
}
