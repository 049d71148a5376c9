//! Tests that change what the process shares: everything is restored, and what is left behind is named.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use std::{io, thread};

use logscope::sink::{self, Line, Output, Queue};
use logscope::testing::{self, Signal, child, isolated, run_together, wait_until};
use logscope::{Dial, LevelFilter, OutputContext, ScopeGuard};

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

fn context(name: &str) -> OutputContext {
    OutputContext::builder(name).sink(sink::null()).build()
}

static DIAL: LazyLock<Dial> = LazyLock::new(|| Dial::new(LevelFilter::INFO));

#[test]
fn the_default_the_dials_and_the_panic_hook_are_restored() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let change = || {
        logscope::set_process_default(context("of the test"));
        DIAL.set(LevelFilter::TRACE);
        DIAL.set(LevelFilter::DEBUG);
        set_hook(Box::new(|_| {
            CALLS.fetch_add(1, Ordering::Relaxed);
        }));
        let _ = catch_unwind(|| panic!("this is for the hook"));
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    };
    let is_restored = || {
        assert_ne!(OutputContext::current().name(), "of the test");
        assert_eq!(DIAL.get(), LevelFilter::INFO.into());
        let _ = catch_unwind(|| panic!("this is for the hook that was there before"));
        assert_eq!(CALLS.swap(0, Ordering::Relaxed), 1);
    };
    // Isolated around all: other tests here panic as well.
    isolated(|| {
        isolated(change);
        assert_eq!(CALLS.swap(0, Ordering::Relaxed), 1);
        assert_eq!(DIAL.get(), LevelFilter::INFO.into());

        // A hook of this thread, which counts by itself.
        static OWN: AtomicUsize = AtomicUsize::new(0);
        let own = thread::current().id();
        set_hook(Box::new(move |_| {
            if thread::current().id() == own {
                OWN.fetch_add(1, Ordering::Relaxed);
            }
        }));
        for passes in [true, false] {
            let text = catch_unwind(|| {
                isolated(|| {
                    change();
                    assert!(passes, "this test fails");
                });
            });
            assert_eq!(text.is_ok(), passes);
            CALLS.store(1, Ordering::Relaxed);
            OWN.store(0, Ordering::Relaxed);
            is_restored();
            assert_eq!(OWN.load(Ordering::Relaxed), 1, "the hook of before");
        }
    });
}

/// Were each hook wrapped in a new one, a panic after many isolated tests would need a deep stack.
#[test]
fn hooks_do_not_pile_up() {
    isolated(|| {
        let (dropped, hook) = (Arc::new(()), Arc::new(()));
        set_hook(Box::new({
            let hook = Arc::clone(&hook);
            move |_| assert_eq!(Arc::strong_count(&hook), 2)
        }));
        for _ in 0..100_000 {
            isolated(|| ());
        }
        let _ = catch_unwind(|| panic!("this is for the hook"));
        drop(take_hook());
        assert_eq!(Arc::strong_count(&hook), 1, "the hook itself is there again, and nothing else holds it");
        drop(dropped);
    });
}

#[test]
fn a_guard_that_is_left_open_is_named() {
    thread_local!(static KEPT: RefCell<Option<ScopeGuard>> = const { RefCell::new(None) });
    // On a thread of its own, on which a scope may stay open.
    let text = thread::spawn(|| {
        let uno = context("uno");
        panic_text(|| isolated(|| KEPT.set(Some(uno.enter()))))
    });
    let text = text.join().unwrap();
    assert!(text.contains("has left behind: a guard of the context \"uno\" is open"), "{text}");
    let due = context("due");
    isolated(|| drop((due.enter(), due.enter())));
}

#[test]
fn a_context_that_is_alive_is_named_and_contexts_of_others_are_not() {
    static KEPT: Mutex<Vec<OutputContext>> = Mutex::new(Vec::new());
    let (begun, go_on) = (Signal::named("the test has begun"), Signal::named("another has made a context"));
    let other = thread::spawn({
        let (begun, go_on) = (begun.clone(), go_on.clone());
        move || {
            begun.wait(DEADLINE).unwrap();
            KEPT.lock().unwrap().push(context("of another test"));
            go_on.set();
        }
    });
    let before = context("before");
    let text = panic_text(|| {
        isolated(|| {
            begun.set();
            go_on.wait(DEADLINE).unwrap();
            let uno = context("uno");
            KEPT.lock().unwrap().push(uno.child("by this thread").build());
            // A thread of ours works for this test, and so does a bare one in a context that was made under it.
            logscope::thread::spawn(|| KEPT.lock().unwrap().push(context("by a thread of ours"))).join().unwrap();
            thread::spawn(uno.bind(|| KEPT.lock().unwrap().push(context("by a bare thread")))).join().unwrap();
            drop(before.child("gone").build());
        })
    });
    other.join().unwrap();
    for name in ["by this thread", "by a thread of ours", "by a bare thread"] {
        assert!(text.contains(&format!("the context {name:?} is alive")), "{text}");
    }
    assert_eq!(text.matches("is alive").count(), 3, "{text}");
    KEPT.lock().unwrap().clear();
}

#[test]
fn a_thread_that_runs_is_named_and_one_that_ends_soon_is_not() {
    let go_on = Signal::named("the thread may end");
    let text = panic_text(|| {
        isolated(|| {
            let wait = || {
                let go_on = go_on.clone();
                move || go_on.wait(DEADLINE).unwrap()
            };
            logscope::thread::Builder::new().name("linker".to_owned()).spawn(wait()).unwrap();
            logscope::thread::spawn(wait());
        })
    });
    go_on.set();
    assert!(text.contains("the thread \"linker\" runs; a thread without a name runs"), "{text}");
    isolated(|| {
        for _ in 0..20 {
            // Not joined: it ends about now.
            drop(logscope::thread::spawn(thread::yield_now));
        }
    });
}

/// An output that takes nothing until it is told to.
struct Shut(Signal);

impl Output for Shut {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        self.0.wait(DEADLINE).map_err(io::Error::other)
    }

    fn describe(&self) -> String {
        "the shut output".to_owned()
    }
}

#[test]
fn a_queue_that_is_not_written_is_named() {
    let open = Signal::named("the output opens");
    let text = panic_text(|| {
        isolated(|| {
            let sink = sink::custom(Shut(open.clone())).queued(Queue::new());
            let uno = OutputContext::builder("uno").sink(sink).build();
            let _ = logscope::try_init();
            uno.scope(|| (0..3).for_each(|number| tracing::info!(number, "hello")));
        })
    });
    open.set();
    assert!(text.contains("3 records for the shut output are not written"), "{text}");
    isolated(|| {
        let sink = sink::custom(Shut(open.clone())).queued(Queue::new());
        let uno = OutputContext::builder("uno").sink(sink).build();
        uno.scope(|| tracing::info!("hello"));
        assert!(uno.flush(DEADLINE).is_complete());
    });
}

#[test]
fn a_panic_is_passed_on_also_if_something_is_left_behind() {
    static KEPT: Mutex<Option<OutputContext>> = Mutex::new(None);
    let text = panic_text(|| {
        isolated(|| {
            *KEPT.lock().unwrap() = Some(context("left"));
            panic!("this is the panic of the {}", "test");
        })
    });
    assert_eq!(text, "this is the panic of the test");
    KEPT.lock().unwrap().take();
}

#[test]
fn isolated_tests_run_one_at_a_time() {
    let inside = AtomicUsize::new(0);
    run_together(8, |_| {
        for _ in 0..20 {
            isolated(|| {
                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                thread::yield_now();
                inside.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
}

#[test]
fn an_isolated_test_may_be_inside_itself_and_not_in_a_destructor_that_a_panic_runs() {
    isolated(|| {
        let before = OutputContext::current().id();
        isolated(|| drop(logscope::set_process_default(context("inner"))));
        assert_eq!(OutputContext::current().id(), before);
    });
    struct Isolates(Arc<Mutex<String>>);
    impl Drop for Isolates {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = panic_text(|| isolated(|| ()));
        }
    }
    let text = Arc::new(Mutex::new(String::new()));
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _isolates = Isolates(Arc::clone(&text));
        panic!("this is the panic that runs the destructor");
    }));
    assert!(text.lock().unwrap().contains("while its thread panics"), "{text:?}");
    // It has left nothing locked.
    let start = Instant::now();
    isolated(|| ());
    wait_until(Duration::ZERO, || start.elapsed() < DEADLINE).unwrap();
}

#[test]
fn what_the_first_capture_installs_is_not_left_behind() {
    // In the child nothing is installed yet.
    child().run(|| isolated(|| testing::capture(|_| tracing::info!("in the first capture"))));
}

#[test]
fn an_isolated_test_that_runs_alone_logs_as_in_a_suite() {
    // In the child nothing is installed yet.
    child().run(|| {
        isolated(|| {
            let (sink, memory) = sink::memory();
            OutputContext::builder("uno").sink(sink).build().scope(|| tracing::info!("hello"));
            assert_eq!(memory.lines().len(), 1, "{:?}", memory.lines());
        });
    });
}
