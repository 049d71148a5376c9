pub fn hours() -> f64 {
    8.0 + 4.0 * clay::wetness()
}
