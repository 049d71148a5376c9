//! Single live instances.

pub use crate::registry::{Instance, Registry};
