//! What the benchmark programs share: measuring a [`Subject`](harness::Subject), and the subjects that are logscope's own.
//!
//! The other loggers, and everything that only one program needs, stay in that program.

pub mod alloc;
pub mod discard;
pub mod harness;
pub mod subjects;
