fn main() {
    for shelf in 0..60 {
        println!("shelf {shelf}: {} books, {} of them lent", shelf::books(shelf), loans::from(shelf));
    }
    println!("{} books", index::cards(60));
}
