pub fn at(hour: f64) -> f64 {
    (hour / super::DAY * std::f64::consts::TAU).cos()
}
