pub fn level(hour: f64) -> f64 {
    2.0 + 1.5 * moon::phase::at(2.0 * hour)
}
