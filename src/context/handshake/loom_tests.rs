//! Models of `handshake`.

use loom::thread;

use super::*;
use crate::sync::Arc;
use crate::sync::model::{AtomicBool, Mutex, OnceBox};

/// The steps of `begin_use` and `end_use` of a family around the fences: the model shows that those have to be as strong as they are.
///
/// A thread begins to use an output, for a context that another thread closes. The list of uses is made by the first that needs it.
/// After both, no use may be left in the list, where nobody would end it.
fn a_closed_context_uses_nothing(between: fn()) {
    loom::model(move || {
        let shared = Arc::new((OnceBox::<Mutex<Vec<u8>>>::new(), AtomicBool::new(false)));
        let using = Arc::clone(&shared);
        let using = thread::spawn(move || {
            let (uses, is_closed) = &*using;
            let uses = uses.get_or_init(|| Box::new(Mutex::new(Vec::new())));
            between();
            let mut uses = uses.lock();
            if !is_closed.load(Ordering::Acquire) {
                uses.push(1);
            }
        });
        let (uses, is_closed) = &*shared;
        is_closed.store(true, Ordering::Release);
        between();
        if let Some(uses) = uses.get() {
            uses.lock().clear();
        }
        using.join().unwrap();
        let left = uses.get().map_or(0, |uses| uses.lock().len());
        assert_eq!(left, 0, "a use is left that nobody ends");
    });
}

#[test]
fn loom_a_closed_context_uses_nothing() {
    a_closed_context_uses_nothing(between_showing_and_looking);
}

#[test]
#[should_panic(expected = "nobody ends")]
fn loom_weaker_fences_leave_a_use() {
    a_closed_context_uses_nothing(|| fence(Ordering::AcqRel));
}
