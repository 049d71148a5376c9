//! What the hot paths cost. `cargo test --release --lib chain::tests::speed -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use super::*;

/// Prints the best of twenty rounds, in nanoseconds for each call of `f`.
#[allow(clippy::print_stdout, reason = "a measurement is for reading")]
fn measure(what: &str, mut f: impl FnMut()) {
    const CALLS: u32 = 200_000;
    let best = (0..20).map(|_| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| f());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    });
    println!("{what:>16}: {:5.2} ns", best.fold(f64::INFINITY, f64::min));
}

#[test]
#[ignore = "a measurement, for a quiet machine"]
fn speed() {
    let a = context("a");
    let mut task = task(&context("t"));
    let _outer = enter(&a);
    measure("arc clone, drop", || drop(black_box(Arc::clone(&a))));
    measure("with_current", || {
        with_current(|current: Option<&Arc<Context>>| {
            black_box(current.map(Arc::as_ptr));
        });
    });
    measure("scope", || {
        scope(&a, || {
            black_box(());
        });
    });
    measure("guard", || drop(black_box(enter(&a))));
    measure("poll", || {
        task.run(|| {
            black_box(());
        });
    });
}
