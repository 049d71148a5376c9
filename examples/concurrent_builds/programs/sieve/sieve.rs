fn main() {
    let primes = primes::below(1_000);
    for prime in &primes {
        println!("{prime}");
    }
    let twins = twins::mark(&primes).0.into_iter().filter(|twin| *twin).count();
    println!("{} primes, {twins} pairs of twins", primes.len());
}
