pub fn mark(primes: &[usize]) -> bits::Bits {
    bits::Bits(primes.windows(2).map(|pair| pair[1] - pair[0] == 2).collect())
}
