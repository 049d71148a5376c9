//! Threads that borrow.

use std::ptr;

use crate::scope::{Bound, Follow};
use crate::sync::thread;
use crate::under_test::Started;

/// Starts threads that may borrow; from [`scope`].
#[derive(Debug)]
#[repr(transparent)]
pub struct Scope<'scope, 'env>(thread::Scope<'scope, 'env>);

/// Calls `f` with a scope for threads that may borrow, and waits for them; otherwise like [`std::thread::scope`].
///
/// ```
/// use logscope::{OutputContext, thread};
///
/// let uno = OutputContext::builder("uno").build();
/// let units = vec!["core", "net"];
/// let name = || OutputContext::current().name().to_owned();
/// let names = uno.scope(|| {
///     thread::scope(|s| {
///         let outer = s.spawn(|| (units.len(), s.spawn(name).join().unwrap()));
///         [outer.join().unwrap().1, s.spawn(name).join().unwrap()]
///     })
/// });
/// assert_eq!(names, ["uno", "uno"]);
/// ```
///
/// # Panics
///
/// If a thread panicked that was not joined by hand.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    thread::scope(|scope| f(Scope::of(scope)))
}

impl<'scope, 'env> Scope<'scope, 'env> {
    fn of(scope: &'scope thread::Scope<'scope, 'env>) -> &'scope Self {
        // SAFETY:
        // - `Scope` is `repr(transparent)` around std's, so a reference to one is a valid reference to the other.
        // - The lifetimes stay the same, and there is no other access than through shared references.
        unsafe { &*ptr::from_ref(scope).cast::<Self>() }
    }

    pub(super) fn as_std(&'scope self) -> &'scope thread::Scope<'scope, 'env> {
        &self.0
    }

    /// Starts a thread in the context and the span that are current where this is called.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread. [`Builder::spawn_scoped`](super::Builder::spawn_scoped) returns an error then.
    pub fn spawn<F, T>(&'scope self, f: F) -> thread::ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (bound, started) = (Bound::new(Follow::here(), f), Started::by_caller(None));
        self.0.spawn(move || started.run(|| bound.run_once()))
    }
}
