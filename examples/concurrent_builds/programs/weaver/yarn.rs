pub const OVER: char = '#';
pub const UNDER: char = '.';
