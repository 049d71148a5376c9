pub fn ratio(gears: &[gear::Gear]) -> f64 {
    gears.chunks(2).map(|pair| f64::from(pair[1].teeth) / f64::from(pair[0].teeth)).product()
}
