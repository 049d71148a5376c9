//! The record that all contenders log: a message, a `u64`, a `&str` and an `f64`.

use std::hint::black_box;

pub fn size() -> u64 {
    black_box(4_096)
}

pub fn path() -> &'static str {
    black_box("src/main.cpp")
}

pub fn ratio() -> f64 {
    black_box(0.625)
}

/// The record as an event.
#[inline(always)]
pub fn event() {
    tracing::info!(size = size(), path = path(), ratio = ratio(), "linking");
}
