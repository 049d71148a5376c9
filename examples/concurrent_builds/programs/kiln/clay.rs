pub fn wetness() -> f64 {
    0.25
}
