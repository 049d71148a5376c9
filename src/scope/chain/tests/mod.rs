//! The promises of the chain, case by case, and against a model. Every test ends with all counts given back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod model;
mod release;
mod speed;
mod task;
mod thread;
mod threads;

use std::thread::LocalKey;

use super::{ChainContext, Guard, Local, TaskChain, is_outside_on_purpose, replace_current, scope, with_current};
use crate::sync::Arc;

/// A context with a name, and with something to do when it is dropped.
#[derive(Default)]
struct Context {
    name: &'static str,
    on_drop: Option<Box<dyn Fn() + Send + Sync>>,
}

thread_local! {
    static LOCAL: Local<Context> = const { Local::new() };
}

impl ChainContext for Context {
    fn local() -> &'static LocalKey<Local<Self>> {
        &LOCAL
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(on_drop) = &self.on_drop {
            on_drop();
        }
    }
}

fn context(name: &'static str) -> Arc<Context> {
    Arc::new(Context { name, on_drop: None })
}

/// A context of which nobody holds a count but who is given this one.
fn context_that(name: &'static str, on_drop: impl Fn() + Send + Sync + 'static) -> Arc<Context> {
    Arc::new(Context { name, on_drop: Some(Box::new(on_drop)) })
}

fn enter(context: &Arc<Context>) -> Guard<Context> {
    Guard::enter(Arc::clone(context))
}

fn task(context: &Arc<Context>) -> TaskChain<Context> {
    TaskChain::new(Arc::clone(context))
}

fn replace(context: &Arc<Context>) -> Option<&'static str> {
    replace_current(Arc::clone(context)).map(|before| before.name)
}

/// The name of the current context, or `-` outside every scope.
fn current() -> &'static str {
    with_current(|current: Option<&Arc<Context>>| current.map_or("-", |context| context.name))
}

/// Nothing is left on this thread and nobody but the test holds a count.
#[track_caller]
fn assert_clean<const N: usize>(contexts: [&Arc<Context>; N]) {
    assert_eq!(current(), "-");
    LOCAL.with(|local| {
        assert!(local.top.get().is_null(), "a scope was left behind");
        assert!(local.base.get().context().is_null() && !local.base.get().is_on_purpose(), "a task was left behind");
        assert!(local.readers.retired.get().is_null(), "a retired context was left behind");
        assert_eq!(local.readers.depth.get(), 0);
    });
    for context in contexts {
        assert_eq!(Arc::strong_count(context), 1, "a count of {} leaked", context.name);
    }
}
