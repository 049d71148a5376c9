pub fn cards(shelves: u32) -> u32 {
    let mut cards = (0..shelves).map(shelf::books).sum(); // need not be `mut`
    cards
}
