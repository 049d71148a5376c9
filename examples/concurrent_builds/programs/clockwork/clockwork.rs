use gear::Gear;

fn main() {
    let gears = [8, 64, 8, 60].map(|teeth| Gear { teeth });
    println!("the spring turns {} times", spring::turns(&gears[3]));
    println!("one turn of it is {} ticks", train::ratio(&gears));
}
