pub fn is_lifted(row: u32, column: u32) -> bool {
    (row + column) % 4 < 2
}

pub fn idle() -> char {
    yarn::UNDER
}
