//! A value that is used, and dropped, in a certain place.

/// Something that a call can be run in, from any thread.
pub(crate) trait RunIn {
    fn run<R>(&self, f: impl FnOnce() -> R) -> R;
}

impl<P: RunIn> RunIn for &P {
    #[inline]
    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        (**self).run(f)
    }
}

/// A value, mostly a closure, that is used in its place, and dropped there if it is not used up.
pub(crate) struct Bound<P: RunIn, T> {
    place: P,
    /// `None` once it is used up.
    value: Option<T>,
}

impl<P: RunIn, T> Bound<P, T> {
    pub(crate) fn new(place: P, value: T) -> Self {
        Bound { place, value: Some(value) }
    }

    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn place(&self) -> &P {
        &self.place
    }

    /// Returns the value, to look at it from outside its place.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn value(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("only `consume` uses the value up"),
        }
    }

    /// Exchanges the value for what `f` makes of it. `f` must go to the place itself. If it panics, there is no value any more.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn replace(&mut self, f: impl FnOnce(T) -> T) {
        self.value = self.value.take().map(f);
    }

    /// Uses the value up.
    #[inline]
    pub(crate) fn consume<R>(mut self, f: impl FnOnce(T) -> R) -> R {
        match self.value.take() {
            Some(value) => self.place.run(|| f(value)),
            None => unreachable!("only this uses the value up, and it consumes `self`"),
        }
    }

    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match &self.value {
            Some(value) => self.place.run(|| f(value)),
            None => unreachable!("only `consume` uses the value up"),
        }
    }

    #[inline]
    pub(crate) fn with_mut<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        match &mut self.value {
            Some(value) => self.place.run(|| f(value)),
            None => unreachable!("only `consume` uses the value up"),
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
        if let Some(value) = self.value.take() {
            self.place.run(|| drop(value));
        }
    }
}
