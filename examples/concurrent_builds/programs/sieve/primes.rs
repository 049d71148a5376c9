pub fn below(n: usize) -> Vec<usize> {
    let mut bits = bits::Bits::all(n);
    for i in 2..n {
        for j in (i * i..n).step_by(i) {
            bits.0[j] = false;
        }
    }
    (2..n).filter(|i| bits.0[*i]).collect()
}
