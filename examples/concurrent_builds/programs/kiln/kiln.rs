fn main() {
    println!("{} coats, {} hours", glaze::coats(), fire::hours());
}
