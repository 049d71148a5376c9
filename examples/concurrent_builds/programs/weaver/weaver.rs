fn main() {
    let mut over = 0;
    for row in 0..48 {
        let cloth: String = (0..24).map(|column| weft::thread(warp::is_lifted(row, column))).collect();
        over += cloth.matches(yarn::OVER).count();
        println!("{cloth}");
    }
    println!("a twill of {over} threads");
}
