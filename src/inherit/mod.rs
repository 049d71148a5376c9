//! Contexts that follow child processes: a parent puts one into the environment of a command, and the child takes it up when it installs
//! logscope.
//!
//! | file | subject |
//! |---|---|
//! | `command` | the public trait: what a parent gives |
//! | `variable` | the notation of the variable `LOGSCOPE_CONTEXT` |
//! | `pairs` | its escapes and numbers |
//! | `offer` | the files in it |
//! | `clock` | one origin in two processes |
//! | `take` | what a child makes of it |
//! | `trust` | which process may read it |
//!
//! This room imports the rooms before it, up to `context`. `layer/install` asks it for the process default. What a `traceparent` is stands in
//! `trace`.

mod clock;
mod command;
#[cfg(feature = "file")]
mod offer;
mod pairs;
mod take;
mod trust;
mod variable;

pub use command::InheritContext;
pub(crate) use take::{inherited_context, inherited_trace};
#[cfg(fuzzing)]
pub use variable::inherited_for_fuzzing;
