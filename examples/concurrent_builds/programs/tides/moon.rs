pub mod phase;

pub const DAY: f64 = 24.84;
