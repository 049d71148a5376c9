fn main() {
    let mut all = 0;
    for y in 0..board::SIDE {
        for x in 0..board::SIDE {
            println!("{}: {} leaps", names::of(x, y), leaps::from(x, y));
            all += leaps::from(x, y);
        }
    }
    println!("{all} leaps in all");
}
