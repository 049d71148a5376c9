//! [`InheritContext`]: giving a context to a child process that is about to be started.

use std::env;
use std::process::Command;

#[cfg(feature = "file")]
use super::offer::OfferedFile;
use super::pairs::shortened;
use super::variable::{Inherited, VARIABLE};
use crate::context::OutputContext;
use crate::fallback;
use crate::limits::INHERITED_BYTES;
use crate::trace::TraceContext;

/// The variable by which a process gets a trace from any program.
pub(super) const TRACEPARENT: &str = "TRACEPARENT";

/// Gives a child process the context that its work belongs to; for [`std::process::Command`] and, with the feature `tokio`, `tokio`'s.
///
/// ```no_run
/// use std::process::Command;
/// use logscope::{InheritContext as _, OutputContext};
///
/// let uno = OutputContext::builder("uno").field("env", "uno").build();
/// let status = Command::new("linker").inherit_context(&uno).arg("main.o").status()?;
/// # drop(status);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The child takes the context up where it calls [`init`](crate::init), [`install`](crate::Config::install) or [`layer`](crate::layer()): it
/// is the child's process default, unless the child [refuses](crate::Config::inherit). The guide [child processes](crate::docs::child_processes)
/// says what the child gets, and what wins over it.
///
/// The context goes by the environment variable `LOGSCOPE_CONTEXT`, in text of at most 8 KiB, and what it says is that of the moment of the
/// call: of a [`Dial`](crate::Dial), the present setting. Whoever can read the environment of the child can read it. It is one more
/// variable of the command:
///
/// - `env_clear` after this call removes it, and `env_clear` before does not;
/// - of two calls, the last one counts, and `env_remove("LOGSCOPE_CONTEXT")` takes it back;
/// - it stays in the environment of the child. A process that the child starts without this call therefore gets the *same* context, and
///   names the
///   same parent. With this call, it gets the child's.
///
/// `TRACEPARENT` is set too, to the context's [trace](OutputContext::trace). If it has none, that of this process is passed on, also after
/// `env_clear`, unless the command has one of its own.
///
/// If the fields make the variable too long, they are left out from the end, and the child's context has a field `fields_left_out` with
/// their number. If it is too long without any, the child gets no context, and one line on stderr says so.
pub trait InheritContext {
    /// Returns the command of the standard library that is to be started, for which this type stands.
    ///
    /// Implement it for a wrapper of commands; the other methods come with it.
    fn std_command(&mut self) -> &mut Command;

    /// Gives the child `context`: its name, id, origin, verbosity, fields and trace. The child logs to stderr.
    ///
    /// If it is started by [`run`](OutputContext::run), what it logs there is logged once more, as lines that it prints: the guide
    /// [says](crate::docs::child_processes#a-child-that-is-run) how to have each record once.
    fn inherit_context(&mut self, context: &OutputContext) -> &mut Self {
        give(self.std_command(), context, Inherited::of(context));
        self
    }

    /// Gives the child `context`, and offers it the files that the context logs to. The child opens them if it
    /// [accepts sinks](crate::Config::inherit_sinks).
    ///
    /// ```no_run
    /// use std::process::Command;
    /// use logscope::{InheritContext as _, OutputContext, sink};
    ///
    /// let uno = OutputContext::builder("uno").sink(sink::file("/var/log/uno.log").open()?).build();
    /// Command::new("linker").inherit_context_and_sinks(&uno).status()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Both processes then append to the same file, each record in one write, so all lines are whole. Offered is a sink that writes to a regular
    /// file, with a format and options of ours. The child opens the file by its path, with the same mode, and has the same format, threshold and
    /// [`sync_at`](crate::sink::Sink::sync_at). Not offered are
    ///
    /// - logs that roll: two processes that roll one log would each move the other's file away;
    /// - pipes, devices, memory, outputs of the program's own, and files that are a standard stream or a descriptor of this process;
    /// - formats with a [layout](crate::Format::custom) or a [timer](crate::Format::timer) of the program's own, and sinks with an
    ///   [origin](crate::sink::Sink::origin) of their own;
    /// - outside Unix, files whose path is not Unicode.
    ///
    /// The child writes directly, also to a file that has a queue here. The ledgers of either process count its own records.
    #[cfg(feature = "file")]
    #[cfg_attr(docsrs, doc(cfg(feature = "file")))]
    fn inherit_context_and_sinks(&mut self, context: &OutputContext) -> &mut Self {
        let files = context.sinks().iter().filter_map(OfferedFile::of).collect();
        give(self.std_command(), context, Inherited { files, ..Inherited::of(context) });
        self
    }
}

impl InheritContext for Command {
    fn std_command(&mut self) -> &mut Command {
        self
    }
}

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
impl InheritContext for tokio::process::Command {
    fn std_command(&mut self) -> &mut Command {
        self.as_std_mut()
    }
}

fn give(command: &mut Command, context: &OutputContext, inherited: Inherited) {
    match inherited.encode() {
        Some(value) => command.env(VARIABLE, value),
        None => {
            fallback::report(format_args!(
                "a child process is not given the context {}: name, verbosity and files have more than {INHERITED_BYTES} bytes together",
                shortened(context.name())
            ));
            // Not that of this process's parent, either.
            command.env_remove(VARIABLE)
        }
    };
    let has_own = command.get_envs().any(|(name, _)| name == TRACEPARENT);
    if let Some(trace) = context.trace() {
        command.env(TRACEPARENT, trace.to_string());
    } else if !has_own
        && let Ok(header) = env::var(TRACEPARENT)
        && header.parse::<TraceContext>().is_ok()
    {
        command.env(TRACEPARENT, header);
    }
}
