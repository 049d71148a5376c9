//! Waiting without sleeping, and doing things in a certain order, or all at once.
//!
//! | file | what |
//! |---|---|
//! | `signal`, `counted` | what one says and others wait for; the algorithm, which a model checks |
//! | `wait`, `backoff` | looking and trying again, with pauses |
//! | `together` | several threads that begin at once |
//! | `turns` | a fixed interleaving |

mod backoff;
mod counted;
mod signal;
mod together;
mod turns;
mod wait;

pub use backoff::Backoff;
pub use signal::Signal;
pub use together::run_together;
pub(crate) use together::{last_lines, message_of};
pub use turns::Turns;
pub use wait::{Look, retry, wait_until, wait_until_async};
