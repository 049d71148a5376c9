fn main() {
    for planet in inner::PLANETS.iter().chain(&outer::PLANETS) {
        for twelfth in 1..=12 {
            let years = planet.period() * f64::from(twelfth) / 12.0;
            println!("{} is {twelfth}/12 around after {years:.2} years", planet.name);
        }
    }
    println!("Neptune takes {:.1} years", outer::PLANETS[3].period());
}
