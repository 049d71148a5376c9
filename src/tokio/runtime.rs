//! Runtimes that are in a context as a whole.

use std::cell::Cell;
use std::io;

use ::tokio::runtime::Builder;

use crate::context::OutputContext;
use crate::scope::{InContext as _, ScopeGuard};

thread_local! {
    /// The scope of a thread of a runtime. Its destructor ends the scope, so the context is released when the thread ends, however it ends.
    static OF_THREAD: Cell<Option<ScopeGuard>> = const { Cell::new(None) };
}

/// Runs a program, a test or a whole runtime in a context.
pub trait RuntimeBuilderExt: sealed::Sealed {
    /// Builds the runtime, runs `future` on it, and waits for it, with the whole runtime in `context`.
    ///
    /// Use it in place of `#[tokio::main]` and `#[tokio::test]`:
    ///
    /// ```
    /// use logscope::tokio::RuntimeBuilderExt as _;
    /// use logscope::{OutputContext, sink};
    /// use tokio::runtime::Builder;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     logscope::init();
    ///     let (memory, lines) = sink::memory();
    ///     let uno = OutputContext::builder("uno").sink(memory).build();
    ///     Builder::new_multi_thread().enable_all().run_in_context(&uno, async {
    ///         tracing::info!("compiling");
    ///         let _ = tokio::spawn(async { tracing::info!("linking") }).await; // a bare spawn
    ///     })?;
    ///     assert_eq!(lines.len(), 2);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// `future` is a task [`in_context`](crate::InContext::in_context). What is spawned on this runtime by functions that carry no context is in
    /// `context` too, as with [`threads_in_context`](Self::threads_in_context). The runtime ends when `future` does.
    ///
    /// # Errors
    ///
    /// If the runtime cannot be built.
    ///
    /// # Panics
    ///
    /// Inside another runtime, or if `future` panics.
    fn run_in_context<F: Future>(&mut self, context: &OutputContext, future: F) -> io::Result<F::Output>;

    /// Has every thread that the runtime starts be in `context`: its workers, and its threads for blocking work.
    ///
    /// ```
    /// use logscope::tokio::RuntimeBuilderExt as _;
    /// use logscope::OutputContext;
    ///
    /// let uno = OutputContext::builder("uno").build();
    /// let runtime = tokio::runtime::Builder::new_multi_thread().threads_in_context(&uno).build()?;
    /// let name = runtime.spawn(async { OutputContext::current().name().to_owned() });
    /// assert_eq!(runtime.block_on(name).unwrap(), "uno");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// So what is spawned there by functions that carry no context runs in `context`. What carries its own, even none, keeps that.
    ///
    /// - A future that is given to `block_on` runs on the calling thread, and so do all tasks of a current-thread runtime. Call `block_on`
    ///   inside [`context.scope`](OutputContext::scope) for those, or use [`run_in_context`](Self::run_in_context).
    /// - This takes the place of [`on_thread_start`](Builder::on_thread_start), which a builder has once. A function of your own there can do
    ///   the same with a [guard](OutputContext::enter) in a thread-local. `on_thread_stop` stays free.
    /// - The builder keeps the context alive as long as it lives, and the runtime as long as its threads run.
    fn threads_in_context(&mut self, context: &OutputContext) -> &mut Self;
}

impl RuntimeBuilderExt for Builder {
    #[track_caller]
    fn run_in_context<F: Future>(&mut self, context: &OutputContext, future: F) -> io::Result<F::Output> {
        // First of all: `future` is dropped in the context, too, if there is no runtime.
        let future = future.in_context(context);
        let runtime = self.threads_in_context(context).build()?;
        // Not `scope`: a panic of `block_on` itself names its caller, which must not be a closure of ours.
        let _scope = context.enter();
        // Moved in here, so that it ends inside the scope: tasks that are under way are dropped on this thread.
        let runtime = runtime;
        Ok(runtime.block_on(future))
    }

    fn threads_in_context(&mut self, context: &OutputContext) -> &mut Self {
        let context = context.clone();
        self.on_thread_start(move || OF_THREAD.set(Some(context.enter())))
    }
}

/// Keeps the trait to this crate, so that it can grow.
mod sealed {
    pub trait Sealed {}

    impl Sealed for ::tokio::runtime::Builder {}
}
