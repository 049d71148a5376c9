//! Which context is the process default when logscope is installed: the program's, the one that the parent process has given, or the
//! built-in one.

use super::Config;
use crate::context::{OutputContext, built_in, is_built_in_to_go};
use crate::inherit::{inherited_context, inherited_trace};
use crate::verbosity::Verbosity;

impl Config {
    /// Sets the process default, to which events outside every scope go, in place of the built-in context.
    ///
    /// It keeps the verbosity with which it was built, whatever the environment holds, unless [`verbosity`](Config::verbosity) is set.
    pub fn default_context(mut self, context: OutputContext) -> Self {
        self.default = Some(context);
        self
    }

    /// Sets the verbosity of the process default, in place of that in the environment.
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext};
    ///
    /// logscope::configure().verbosity(LevelFilter::DEBUG).install()?;
    /// assert_eq!(OutputContext::current().verbosity().max_level(), LevelFilter::DEBUG);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// A default that [`set_process_default`](crate::set_process_default) has set before keeps its own.
    pub fn verbosity(mut self, verbosity: impl Into<Verbosity>) -> Self {
        self.verbosity = Some(verbosity.into());
        self
    }

    /// Sets whether the built-in process default has the verbosity in `LOGSCOPE` or `RUST_LOG`, as [`init`](crate::init) describes; true
    /// unless set.
    ///
    /// A process reads the environment once.
    pub fn env(mut self, read: bool) -> Self {
        self.env = read;
        self
    }

    /// Returns the context that is to be the process default; `None` if the present one stays.
    pub(super) fn take_default(&mut self) -> Option<OutputContext> {
        if let Some(context) = self.default.take() {
            return Some(match self.verbosity.take() {
                Some(verbosity) => context.with_verbosity(verbosity),
                None => context,
            });
        }
        let verbosity = self.verbosity.take();
        if self.inherit
            && is_built_in_to_go(|_| true)
            && let Some(context) = inherited_context(verbosity.as_ref(), self.ceiling, self.accepts_sinks())
        {
            return Some(context);
        }
        let verbosity = verbosity.or_else(|| self.env.then(Verbosity::from_env).flatten());
        let trace = self.inherit.then(inherited_trace).flatten();
        let is_to_go = is_built_in_to_go(|default| {
            verbosity.as_ref().is_some_and(|verbosity| default.verbosity() != verbosity)
                || (trace.is_some() && default.trace() != trace)
        });
        if !is_to_go || (verbosity.is_none() && trace.is_none()) {
            return None;
        }
        let mut builder = built_in().to_builder();
        if let Some(verbosity) = verbosity {
            builder = builder.verbosity(verbosity);
        }
        if let Some(trace) = trace {
            builder = builder.trace(trace);
        }
        Some(builder.build())
    }

    /// Sets whether the process default is the context that the parent process has given to this one; true unless set.
    ///
    /// ```
    /// logscope::configure().inherit(false).install()?; // a daemon: what it does belongs to nobody who started it
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// A parent gives a context by [`InheritContext`](crate::InheritContext), in the environment variable `LOGSCOPE_CONTEXT`. The process
    /// default then has its name, its fields, its trace and its verbosity, which comes before the variables `LOGSCOPE` and `RUST_LOG`,
    /// counts its elapsed time from the parent's zero, and names the parent's context as its own [parent](OutputContext::parent_id). A
    /// [`verbosity`](Config::verbosity) of this configuration comes before that of the parent, and a
    /// [`default_context`](Config::default_context), or one that was set before by [`set_process_default`](crate::set_process_default),
    /// replaces the whole.
    ///
    /// Without such a context, the built-in process default belongs to the [trace](crate::TraceContext) in `TRACEPARENT`, if that is set.
    ///
    /// A variable that is empty counts as not set. If there is a mistake in one, or if it is longer than 8 KiB, one line on stderr says
    /// what is wrong, and it counts as not set. A process whose real and effective user or group differ, or which Linux has given other
    /// rights when it was started, reads neither. The variables are read once in a process.
    pub fn inherit(mut self, inherit: bool) -> Self {
        self.inherit = inherit;
        self
    }

    /// Sets whether the context that the parent process has given logs to the files that the parent offers, in place of stderr; false
    /// unless set.
    ///
    /// ```
    /// logscope::configure().inherit_sinks(true).install()?;
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The parent offers them by [`inherit_context_and_sinks`](crate::InheritContext::inherit_context_and_sinks). This process opens each
    /// file for appending. If one cannot be opened, one line on stderr says why, and records go to stderr in its place.
    ///
    /// Whoever can set the environment of this process can then have it append its log to any file that it may write to.
    #[cfg(feature = "file")]
    #[cfg_attr(docsrs, doc(cfg(feature = "file")))]
    pub fn inherit_sinks(mut self, accept: bool) -> Self {
        self.inherit_sinks = accept;
        self
    }

    fn accepts_sinks(&self) -> bool {
        #[cfg(feature = "file")]
        return self.inherit_sinks;
        #[cfg(not(feature = "file"))]
        false
    }
}
