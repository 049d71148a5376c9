//! Parallel iterators that carry a context.
//!
//! rayon hands the items of such an iterator to a *consumer*, which it splits between threads. Each part becomes a *folder*, which takes items
//! one by one, and a *reducer* joins the results of two parts. What stands behind the context in a chain of adaptors is the consumer, so all
//! that it and its folders and reducers do runs in the context: they may call closures of the program at every step (`map_init` when a folder is
//! made, `fold` when it is completed). What stands before it makes the items.

use ::rayon::iter::ParallelIterator;
use ::rayon::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};

use crate::scope::{Bound, Follow, Scoped, is_scope_open, on_new_chain, outside};

/// Items are handled in the context from here on, whichever thread handles them. (Feature `rayon`; see
/// [`rayon`](crate::rayon#parallel-iterators).)
#[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
impl<P: ParallelIterator> ParallelIterator for Scoped<P> {
    type Item = P::Item;

    fn drive_unindexed<C: UnindexedConsumer<P::Item>>(self, consumer: C) -> C::Result {
        let (follow, iterator) = self.into_follow();
        outside(|| iterator.drive_unindexed(ScopedConsumer(Bound::new(&follow, consumer))))
    }

    fn opt_len(&self) -> Option<usize> {
        self.value().and_then(P::opt_len)
    }
}

/// What stands behind the context.
struct ScopedConsumer<'f, C>(Bound<&'f Follow, C>);

impl<'f, T, C: Consumer<T>> Consumer<T> for ScopedConsumer<'f, C> {
    type Folder = ScopedFolder<'f, C::Folder>;
    type Reducer = ScopedReducer<'f, C::Reducer>;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer) {
        let follow = *self.0.place();
        let (left, right, reducer) = self.0.consume(|consumer| consumer.split_at(index));
        let part = |consumer| ScopedConsumer(Bound::new(follow, consumer));
        (part(left), part(right), ScopedReducer(Bound::new(follow, reducer)))
    }

    fn into_folder(self) -> Self::Folder {
        let follow = *self.0.place();
        ScopedFolder(Bound::new(follow, self.0.consume(Consumer::into_folder)))
    }

    fn full(&self) -> bool {
        self.0.value().full()
    }
}

impl<T, C: UnindexedConsumer<T>> UnindexedConsumer<T> for ScopedConsumer<'_, C> {
    fn split_off_left(&self) -> Self {
        ScopedConsumer(Bound::new(*self.0.place(), self.0.with(C::split_off_left)))
    }

    fn to_reducer(&self) -> Self::Reducer {
        ScopedReducer(Bound::new(*self.0.place(), self.0.with(C::to_reducer)))
    }
}

/// What stands behind the context, on one thread.
struct ScopedFolder<'f, F>(Bound<&'f Follow, F>);

impl<T, F: Folder<T>> Folder<T> for ScopedFolder<'_, F> {
    type Result = F::Result;

    fn consume(self, item: T) -> Self {
        let follow = *self.0.place();
        ScopedFolder(Bound::new(follow, self.0.consume(|folder| folder.consume(item))))
    }

    /// Enters the span once for all items, and the context for each: asking for the next item runs what stands before the context.
    fn consume_iter<I: IntoIterator<Item = T>>(mut self, items: I) -> Self {
        let follow = *self.0.place();
        follow.run_in_span(|| {
            let mut items = items.into_iter();
            while on_new_chain(|| self.consume_until_a_scope_is_open(&mut items)) {}
        });
        self
    }

    fn complete(self) -> F::Result {
        self.0.consume(F::complete)
    }

    fn full(&self) -> bool {
        self.0.value().full()
    }
}

impl<F> ScopedFolder<'_, F> {
    /// Consumes items, and returns true if there may be more of them: the last item left a scope open, which must end before the next is made.
    fn consume_until_a_scope_is_open<T>(&mut self, items: &mut impl Iterator<Item = T>) -> bool
    where
        F: Folder<T>,
    {
        let follow = *self.0.place();
        for item in items {
            self.0.replace(|folder| follow.run_in_context(|| folder.consume(item)));
            if self.0.value().full() {
                return false;
            }
            if is_scope_open() {
                return true;
            }
        }
        false
    }
}

struct ScopedReducer<'f, R>(Bound<&'f Follow, R>);

impl<T, R: Reducer<T>> Reducer<T> for ScopedReducer<'_, R> {
    fn reduce(self, left: T, right: T) -> T {
        self.0.consume(|reducer| reducer.reduce(left, right))
    }
}
