//! Carrying a context into a closure that runs elsewhere: a thread, a pool, a callback.

use super::bound::Bound;
use super::chain::TaskChain;
use super::place::Place;
use crate::context::{ContextInner, OutputContext};

impl OutputContext {
    /// Wraps `f` so that it runs inside this context, wherever it is called.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// logscope::init(); // once, early in main
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// std::thread::spawn(uno.bind(|| tracing::info!("compiling"))).join().unwrap();
    /// assert_eq!(lines.lines().len(), 1);
    /// ```
    ///
    /// Use it wherever a closure runs once and elsewhere: for `thread::spawn`, or a pool's `spawn`. A callback that is called again and again
    /// is wrapped by [`bind_mut`](OutputContext::bind_mut) or [`bind_fn`](OutputContext::bind_fn).
    ///
    /// What `f` has captured is dropped inside this context too, also if `f` never runs.
    pub fn bind<R, F: FnOnce() -> R>(&self, f: F) -> impl FnOnce() -> R + use<R, F> {
        let bound = Bound::new(Place::Context(self.clone()), f);
        move || bound.run_once()
    }

    /// Wraps `f`, which takes one argument and may change what it has captured, so that it runs inside this context.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// logscope::init(); // once, early in main
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// let mut seen = 0;
    /// ["a.c", "b.c"].into_iter().for_each(uno.bind_mut(|unit| {
    ///     seen += 1;
    ///     tracing::info!(unit, seen, "compiled");
    /// }));
    /// assert_eq!(lines.lines().len(), 2);
    /// ```
    ///
    /// The argument has one type: see [`bind_fn`](OutputContext::bind_fn) for callees that lend it.
    pub fn bind_mut<A, R, F: FnMut(A) -> R>(&self, f: F) -> impl FnMut(A) -> R + use<A, R, F> {
        let mut bound = Bound::new(Place::Context(self.clone()), f);
        move |argument| bound.with_mut(|f| f(argument))
    }

    /// Wraps `f`, which takes one argument, so that it runs inside this context, on several threads at once if `f` can.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// logscope::init(); // once, early in main
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// let compile = uno.bind_fn(|unit: u32| tracing::info!(unit, "compiled"));
    /// std::thread::scope(|threads| {
    ///     for unit in 0..4 {
    ///         let compile = &compile;
    ///         threads.spawn(move || compile(unit));
    ///     }
    /// });
    /// assert_eq!(lines.lines().len(), 4);
    /// ```
    ///
    /// With rayon, `par_iter().for_each(uno.bind_fn(…))` runs each call inside this context.
    ///
    /// The argument has *one* type. A callee that lends a value for each call (`filter`, `sort_by_key`, a scope of rayon) wants a closure for
    /// every lifetime, `for<'a> Fn(&'a T)`, which a wrapper cannot be:
    ///
    /// ```compile_fail,E0308
    /// # let uno = logscope::OutputContext::builder("uno").build();
    /// let long: Vec<String> = vec!["a.c".to_owned()].into_iter().filter(uno.bind_mut(|unit: &String| unit.len() > 3)).collect();
    /// ```
    ///
    /// Enter the scope inside the closure there:
    ///
    /// ```
    /// # let uno = logscope::OutputContext::builder("uno").build();
    /// let long: Vec<String> = vec!["a.c".to_owned()].into_iter().filter(|unit| uno.scope(|| unit.len() > 3)).collect();
    /// # assert!(long.is_empty());
    /// ```
    pub fn bind_fn<A, R, F: Fn(A) -> R>(&self, f: F) -> impl Fn(A) -> R + use<A, R, F> {
        let bound = Bound::new(Place::Context(self.clone()), f);
        move |argument| bound.with(|f| f(argument))
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
/// Outside every scope there is no such context, and `f` is bound to *no scope*: wherever it is called, also inside another context's
/// scope, it logs to the process default (with [`route_by_span`](crate::Config::route_by_span), to the context of its span first). What `f`
/// has captured is dropped in the same place, also if `f` never runs.
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// let bound = logscope::bind_current(|| OutputContext::try_current().is_none());
/// assert!(uno.scope(bound), "bound outside every scope, it never logs to `uno`");
/// ```
pub fn bind_current<R, F: FnOnce() -> R>(f: F) -> impl FnOnce() -> R + use<R, F> {
    let bound = Bound::new(Place::current(), f);
    move || bound.run_once()
}

/// Runs `f` outside every scope, on purpose: in the process default.
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// uno.scope(|| {
///     logscope::unscoped(|| {
///         assert!(OutputContext::try_current().is_none());
///         tracing::info!("the daemon's own line");
///     });
///     assert_eq!(OutputContext::current().name(), "uno");
/// });
/// ```
///
/// A scope that `f` enters and leaves open ends with `f`. What `f` binds, spawns or wraps by [`bind_current`],
/// [`in_current_context`](crate::InContext::in_current_context) and the like is outside every scope too, on purpose.
#[inline]
pub fn unscoped<R>(f: impl FnOnce() -> R) -> R {
    TaskChain::<ContextInner>::outside_on_purpose().run(f)
}
