pub fn turn(hour: f64) -> &'static str {
    if moon::phase::at(hour) > 0.0 { "spring" } else { "neap" }
}
