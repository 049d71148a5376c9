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
    pub fn bind<R, F: FnOnce() -> R>(&self, f: F) -> impl FnOnce() -> R + use<R, F> {
        let context = self.clone();
        move || context.scope(f)
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
/// Outside every scope it binds nothing: `f` then runs in the context that is current where it is called.
pub fn bind_current<R, F: FnOnce() -> R>(f: F) -> impl FnOnce() -> R + use<R, F> {
    let context = OutputContext::try_current();
    move || match context {
        Some(context) => context.scope(f),
        None => f(),
    }
}
