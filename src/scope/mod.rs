//! Scopes: which context is current, and how a context follows the work.
//!
//! The current context is that of the newest scope of the running stack, else the process default. A running stack is a thread, or a
//! task while it is polled: a poll starts a fresh stack, based on the task's context.
//!
//! | file | subject |
//! |---|---|
//! | `chain` | the algorithm, generic in the context: how scopes nest, end, and are released |
//! | `current` | reading and updating the current context |
//! | `thread` | scopes of closures and guards |
//! | `task` | scopes of futures: a task keeps its scopes until its future is dropped, not until it is finished |
//! | `task_scope` | the same for work that is no future |
//! | `place` | where work runs: in a context, or outside every scope, perhaps on purpose |
//! | `bound` | a value that is used, and dropped, in its place |
//! | `carry` | binding a context to a closure that runs elsewhere |
//! | `spans` | leaving the spans that a thread is in, and entering them again |
//! | `follow` | what follows work to another thread: its place and its span |
//! | `following` | a future with what followed it |
//! | `hook` | what a layer has called before a scope is entered |
//!
//! To change when the current context of a task ends, see `task`; how each poll exchanges the chains, and how the last one is released, is in
//! `chain/task`.
//!
//! This room imports [`context`](crate::context), `record` and `sync`, and nothing of layers. The process default is in the room of contexts;
//! how an
//! event asks for the current context, in [`layer`](mod@crate::layer).

mod bound;
mod carry;
mod chain;
mod current;
mod follow;
#[cfg(feature = "tokio")]
mod following;
mod hook;
mod place;
mod spans;
mod task;
#[cfg(feature = "http")]
mod task_scope;
mod thread;

pub(crate) use bound::Bound;
#[cfg(feature = "rayon")]
pub(crate) use bound::RunIn;
pub use carry::{bind_current, unscoped};
pub(crate) use chain::{glance, glance_at};
#[cfg(feature = "rayon")]
pub(crate) use current::is_scope_open;
#[cfg(feature = "testing")]
pub(crate) use current::newest_scope;
pub use current::update;
pub(crate) use current::{is_unscoped, with_current};
pub(crate) use follow::Follow;
#[cfg(feature = "rayon")]
pub(crate) use follow::{on_new_chain, outside};
#[cfg(feature = "tokio")]
pub(crate) use following::Following;
pub(crate) use hook::{arm, disarm};
pub use task::{InContext, Scoped};
#[cfg(feature = "http")]
pub(crate) use task_scope::TaskScope;
pub use thread::ScopeGuard;
