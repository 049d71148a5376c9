pub fn is_on(x: i32, y: i32) -> bool {
    (0..super::SIDE).contains(&x) && (0..super::SIDE).contains(&y)
}
