//! Nothing: the tests of this package are in `tests`.
