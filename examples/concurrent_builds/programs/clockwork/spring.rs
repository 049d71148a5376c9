pub fn turns(barrel: &gear::Gear) -> u32 {
    barrel.teeth / 12
}
