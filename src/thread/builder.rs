//! Threads with a name, or with a stack of a certain size.

use std::io;

use super::Scope;
use crate::scope::{Bound, Follow};
use crate::sync::thread;
use crate::under_test::Started;

/// Starts threads with a name or a stack size, in the current context and the current span; otherwise like [`std::thread::Builder`].
///
/// ```
/// use logscope::{OutputContext, thread};
///
/// let uno = OutputContext::builder("uno").build();
/// let name = || OutputContext::current().name().to_owned();
/// let handle = uno.scope(|| thread::Builder::new().name("linker".to_owned()).spawn(name))?;
/// assert_eq!(handle.thread().name(), Some("linker"));
/// assert_eq!(handle.join().unwrap(), "uno");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder starts no thread: call `spawn` or `spawn_scoped`"]
#[derive(Debug)]
pub struct Builder {
    builder: thread::Builder,
    name: Option<String>,
}

impl Builder {
    /// Makes a builder of a thread without a name, with std's stack size.
    #[expect(clippy::new_without_default, reason = "std's builder has none")]
    pub fn new() -> Builder {
        Builder { builder: thread::Builder::new(), name: None }
    }

    /// Names the thread. The name must not contain null bytes.
    pub fn name(self, name: String) -> Builder {
        Builder { builder: self.builder.name(name.clone()), name: Some(name) }
    }

    /// Sets the size of the thread's stack, in bytes.
    pub fn stack_size(self, size: usize) -> Builder {
        Builder { builder: self.builder.stack_size(size), ..self }
    }

    /// Starts a thread in the current context and the current span.
    ///
    /// # Errors
    ///
    /// If the system cannot start a thread. What `f` has captured is then dropped here, in the context.
    ///
    /// # Panics
    ///
    /// If the name contains null bytes.
    pub fn spawn<F, T>(self, f: F) -> io::Result<thread::JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (bound, started) = (Bound::new(Follow::here(), f), Started::by_caller(self.name.as_deref()));
        self.builder.spawn(move || started.run(|| bound.run_once()))
    }

    /// Starts a thread of a [scope](super::scope()) in the current context and the current span.
    ///
    /// # Errors
    ///
    /// If the system cannot start a thread. What `f` has captured is then dropped here, in the context.
    ///
    /// # Panics
    ///
    /// If the name contains null bytes.
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<thread::ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (bound, started) = (Bound::new(Follow::here(), f), Started::by_caller(self.name.as_deref()));
        self.builder.spawn_scoped(scope.as_std(), move || started.run(|| bound.run_once()))
    }
}
