pub fn of(x: i32, y: i32) -> String {
    format!("{}{}", char::from(b'a' + x as u8), board::SIDE - y)
}
