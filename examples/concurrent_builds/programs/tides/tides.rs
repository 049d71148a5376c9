fn main() {
    let mut highest = (0.0, 0.0);
    for quarter in 0..96 {
        let hour = f64::from(quarter) / 4.0;
        let level = sea::level(hour);
        println!("{hour:5.2} h {level:.2} m {}", shore::turn(hour));
        if level > highest.0 {
            highest = (level, hour);
        }
    }
    println!("high water of {:.2} m at {} h", highest.0, highest.1);
}
