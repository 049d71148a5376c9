const LEAPS: [(i32, i32); 8] = [(1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1)];

pub fn from(x: i32, y: i32) -> usize {
    LEAPS.iter().filter(|(dx, dy)| board::square::is_on(x + dx, y + dy)).count()
}
