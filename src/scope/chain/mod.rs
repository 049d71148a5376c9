//! The chain of scopes: finds the current context in a nanosecond, in whatever order scopes are left.
//!
//! # The idea
//!
//! A *chain* is the list of the open scopes of one running stack: of a thread, or of a task. Each scope is a [`Node`](node::Node) that points to
//! the next older scope. Below all scopes lies the *base*: the task's context, or nothing on a thread
//! and in a task that was made outside every scope. Such a nothing can be on purpose. A thread-local
//! ([`Local`]) holds two words for the chain that is running (`top` and `base`), and beside them `current`, the context of the newest
//! scope, so that a reader follows no list. A poll of a task ([`TaskChain::run`]) exchanges the two words for those of the task, and
//! exchanges them back afterwards. The thread-local has no destructor: it needs no registration, and the destructors of other
//! thread-locals can read it.
//!
//! ```text
//!   Local ── top ──> node ──> node ──> node ──> (end)     of the thread, or of the task that it polls
//!      │              │        │        │
//!      ├── current ───┴─> T    T        T
//!      └── base ────────> T (a task's) or null
//! ```
//!
//! The node of a closure scope ([`scope`]) lies on the call stack and borrows its context. The node of a guard ([`Guard`]) is boxed,
//! because a guard may be dropped in any order and anywhere: after its task ended, inside another task's poll, or on one thread while
//! another thread polls its task.
//!
//! # Who owns what
//!
//! - A **chain** belongs to one thread at a time: to the thread that runs it, or to the owner of the `TaskChain` (through `&mut`). Only
//!   that owner reads or writes a node's `prev`, its context and its count. These need no lock.
//! - The **context** of a node always belongs to the chain: the chain releases it when it removes the node, or when it ends. So a
//!   forgotten guard keeps its scope open until its task ends, and leaks a few bytes but never a context.
//! - The **memory** of a guard's node belongs to the guard and the chain together; [`Ownership`](ownership::Ownership) decides which of
//!   them frees it. This is the only data that two threads can access at once.
//!
//! # How a scope is left
//!
//! If the guard's node is in the chain that runs on this thread, at the top or further down, the guard takes it out of the list.
//! Otherwise the chain is suspended, runs elsewhere or has ended. Then the guard marks the node as *abandoned* in its ownership
//! state, and the chain removes the node later: [`Local::reveal`] looks for abandoned nodes whenever a chain starts to run and whenever
//! one of its scopes is left. It removes them only from the top. An abandoned node in the middle is hidden by the newer ones above it,
//! and stays until it is at the top.
//!
//! # Why readers take no count
//!
//! [`with_current`] lends the current context without counting it. The chain keeps the context alive, or, for a closure scope, the
//! borrow around the reader does. Only the reader's own actions on this thread could end it: dropping the guard, ending a task, or
//! replacing a context. So each thread counts its readers, and a count that a chain releases while a reader is under way is *retired*:
//! it is kept in a list until the outermost reader has returned ([`Readers`](readers::Readers)). The scope itself still ends at once.
//!
//! # User code
//!
//! The `Drop` of a context is the user's code: it may log, enter scopes, drop guards and end tasks. It runs only when the list is in
//! order again, and when no local variable holds a part of the list that such a call could make stale. A panic in it is caught, because
//! it would otherwise leave a log call or the end of a scope, which never panic.
//!
//! # Files
//!
//! From the bottom up; each imports only files before it, and the last five do not import one another. All but `glance` are generic in the
//! context, and know nothing of logging.
//!
//! | file | subject |
//! |---|---|
//! | `ownership` | who frees the node of a guard |
//! | `node` | one scope in a chain |
//! | `base` | what lies below all scopes of a chain |
//! | `readers` | who reads the current context, so that its release waits |
//! | `local` | the thread's chain, and taking nodes in and out of it |
//! | `current` | reading and replacing the current context |
//! | `closure`, `guard` | the scopes of closures and of guards |
//! | `task` | the chain of a task: exchanged at each poll, released when the task is dropped |
//! | `glance` | whether the current context wants an event, as far as its level or what is remembered says, without counting a reader |

mod base;
mod closure;
mod current;
mod glance;
mod guard;
mod local;
mod node;
mod ownership;
mod readers;
mod task;

#[cfg(all(test, logscope_loom))]
mod loom;
#[cfg(all(test, not(logscope_loom)))]
mod tests;

pub(crate) use self::closure::scope;
#[cfg(all(test, not(logscope_loom)))]
pub(crate) use self::current::depth;
#[cfg(feature = "rayon")]
pub(crate) use self::current::is_scope_open;
#[cfg(feature = "testing")]
pub(crate) use self::current::newest_scope;
pub(crate) use self::current::{current, is_outside_on_purpose, replace_current, with_current, with_current_as};
pub(crate) use self::glance::{glance, glance_at};
pub(crate) use self::guard::Guard;
pub(crate) use self::local::{ChainContext, Local};
pub(crate) use self::task::TaskChain;
