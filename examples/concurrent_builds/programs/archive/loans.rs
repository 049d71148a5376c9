pub fn from(shelf: u32) -> u32 {
    shelf::books(shelf) / 3
}
