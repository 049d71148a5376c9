//! Running tokio's commands: all in the task that awaits, or with a thread for each pipe.

#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod ready;
#[cfg(any(test, not(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))))]
mod receive;
#[cfg(all(test, unix, not(logscope_loom)))]
mod tests;

use std::future::IntoFuture;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::process::Command;
use tokio::runtime::Handle;

#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
use ready::read_all;
#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "redox")))))]
use receive::read_all;

use super::finished::Finished;
use super::options::Run;
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
use super::prepare::cannot_run;
use super::running::Running;
use crate::scope::InContext as _;

/// The future of a run of one of tokio's commands; from [`Run`], which is awaited.
pub type RunFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Finished>> + Send + 'a>>;

/// Starts the program, logs what it prints as it comes, and waits until it has ended: see [`Run::wait`].
///
/// All is done in the task that awaits this, inside the context. If the future is dropped half way, the program goes on, or is ended with
/// [`kill_on_drop`](Run::kill_on_drop).
///
/// # Errors
///
/// As with [`Run::wait`], and outside a tokio runtime.
///
/// # Panics
///
/// If the runtime has no I/O or no time: its builder's `enable_all` switches both on. The program is not started then. If the function of
/// [`level_by`](Run::level_by) panics.
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
impl<'a> IntoFuture for Run<'a, Command> {
    type Output = io::Result<Finished>;
    type IntoFuture = RunFuture<'a>;

    fn into_future(self) -> RunFuture<'a> {
        let Run { context, command, mut options } = self;
        options.kill_on_drop |= command.get_kill_on_drop();
        let run = async move {
            if Handle::try_current().is_err() {
                return Err(io::Error::other(
                    "a command of tokio's runs inside a tokio runtime only: there is none here",
                ));
            }
            // tokio panics if it has no timers, which most programs need no sooner than at their ends.
            drop(tokio::time::sleep(Duration::ZERO));
            #[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
            ready::check_io().map_err(|error| cannot_run(command.as_std(), error))?;
            let (mut running, pipes) = Running::start(command.as_std_mut(), options)?;
            let left_open = read_all(&mut running, pipes).await.map_err(|error| running.give_up(error))?;
            running.finish(left_open)
        };
        Box::pin(run.in_context(context))
    }
}
