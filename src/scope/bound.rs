//! A value that is used, and dropped, in a certain place.

/// Something that a call can be run in, from any thread.
pub(crate) trait RunIn: Sized {
    fn run<R>(&self, f: impl FnOnce() -> R) -> R;

    /// Runs `f`, for the last time. What ends with `self` and can be seen to end (a span) ends in here as well.
    #[inline]
    fn run_last<R>(self, f: impl FnOnce() -> R) -> R {
        self.run(f)
    }
}

impl<P: RunIn> RunIn for &P {
    #[inline]
    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        (**self).run(f)
    }
}

/// A value, mostly a closure, that is used in its place, and dropped there if it is not used up.
pub(crate) struct Bound<P: RunIn, T>(
    /// `None` once the value is used up.
    Option<(P, T)>,
);

impl<P: RunIn, T> Bound<P, T> {
    pub(crate) fn new(place: P, value: T) -> Self {
        Bound(Some((place, value)))
    }

    #[inline]
    fn parts(&self) -> &(P, T) {
        match &self.0 {
            Some(parts) => parts,
            None => unreachable!("only what consumes `self` uses the value up"),
        }
    }

    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn place(&self) -> &P {
        &self.parts().0
    }

    /// Returns the value, to look at it from outside its place.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn value(&self) -> &T {
        &self.parts().1
    }

    /// Exchanges the value for what `f` makes of it. `f` must go to the place itself. If it panics, there is no value any more.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn replace(&mut self, f: impl FnOnce(T) -> T) {
        self.0 = self.0.take().map(|(place, value)| (place, f(value)));
    }

    /// Uses the value up.
    #[inline]
    pub(crate) fn consume<R>(mut self, f: impl FnOnce(T) -> R) -> R {
        match self.0.take() {
            Some((place, value)) => place.run_last(|| f(value)),
            None => unreachable!("only this uses the value up, and it consumes `self`"),
        }
    }

    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let (place, value) = self.parts();
        place.run(|| f(value))
    }

    #[inline]
    pub(crate) fn with_mut<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        match &mut self.0 {
            Some((place, value)) => place.run(|| f(value)),
            None => unreachable!("only what consumes `self` uses the value up"),
        }
    }

    /// Runs the closure, for the only time.
    pub(crate) fn run_once<R>(self) -> R
    where
        T: FnOnce() -> R,
    {
        self.consume(|f| f())
    }
}

impl<P: RunIn, T> Drop for Bound<P, T> {
    fn drop(&mut self) {
        if let Some((place, value)) = self.0.take() {
            place.run_last(|| drop(value));
        }
    }
}
