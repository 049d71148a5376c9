pub mod square;

pub const SIDE: i32 = 8;
