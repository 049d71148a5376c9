pub struct Planet {
    pub name: &'static str,
    /// In astronomical units.
    pub distance: f64,
}

impl Planet {
    /// In years, by Kepler's third law.
    pub fn period(&self) -> f64 {
        self.distance.powi(3).sqrt()
    }
}
