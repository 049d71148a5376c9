pub fn books(shelf: u32) -> u32 {
    let dusty = true; // unused, which a quiet build still reports
    30 + shelf % 7
}
