pub fn thread(over: bool) -> char {
    if over { yarn::OVER } else { yarn::UNDER }
}
