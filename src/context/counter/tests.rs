//! Tests of `counter`.

use super::*;

#[test]
fn numbers_are_refused_once_closed() {
    let counter = Counter::new();
    assert_eq!((counter.next(), counter.next()), (Some(1), Some(2)));
    counter.close();
    assert_eq!((counter.next(), counter.next()), (None, None));
    counter.close();
    assert!(counter.is_closed());
    assert_eq!(counter.taken(), 4);
}
