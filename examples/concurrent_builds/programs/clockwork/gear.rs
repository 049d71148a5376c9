pub struct Gear {
    pub teeth: u32,
}
