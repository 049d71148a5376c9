//! Carrying a context into a closure that runs elsewhere: a thread, a pool, a callback.

use crate::context::OutputContext;

impl OutputContext {
    /// Wraps `f` so that it runs inside this context, wherever it is called.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// let _ = logscope::init(); // once, early in main
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// std::thread::spawn(uno.bind(|| tracing::info!("compiling"))).join().unwrap();
    /// assert_eq!(lines.lines().len(), 1);
    /// ```
    ///
    /// Use it wherever a closure runs elsewhere: for `thread::spawn`, a pool's `spawn`, or a callback.
    ///
    /// What `f` has captured is dropped inside this context too, also if `f` never runs.
    pub fn bind<R, F: FnOnce() -> R>(&self, f: F) -> impl FnOnce() -> R + use<R, F> {
        let bound = Bound { context: Some(self.clone()), f: Some(f) };
        move || bound.call()
    }
}

/// Wraps `f` so that it runs inside the context that is current now.
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// let name = uno.scope(|| logscope::bind_current(|| OutputContext::current().name().to_owned()));
/// assert_eq!(std::thread::spawn(name).join().unwrap(), "uno");
/// ```
///
/// Outside every scope it binds nothing: `f` then runs in the context that is current where it is called. What `f` has captured is dropped
/// inside the same context, also if `f` never runs.
pub fn bind_current<R, F: FnOnce() -> R>(f: F) -> impl FnOnce() -> R + use<R, F> {
    let bound = Bound { context: OutputContext::try_current(), f: Some(f) };
    move || bound.call()
}

/// A closure that runs, and is dropped, inside a context.
struct Bound<F> {
    /// `None` if the closure was bound outside every scope.
    context: Option<OutputContext>,
    /// `None` once the closure has run.
    f: Option<F>,
}

impl<F> Bound<F> {
    fn call<R>(mut self) -> R
    where
        F: FnOnce() -> R,
    {
        let Some(f) = self.f.take() else {
            unreachable!("the closure is there until this is called, which consumes it");
        };
        match &self.context {
            Some(context) => context.scope(f),
            None => f(),
        }
    }
}

impl<F> Drop for Bound<F> {
    fn drop(&mut self) {
        if let (Some(context), Some(f)) = (&self.context, self.f.take()) {
            context.scope(|| drop(f));
        }
    }
}
