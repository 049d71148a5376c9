//! Scopes: jobs that may borrow.

use std::fmt;
use std::ptr;

use ::rayon::BroadcastContext;

use crate::scope::{Bound, Follow, outside};

/// Makes the type of a scope, and the two functions that open one.
macro_rules! scope {
    ($Scope:ident, $spawn:ident, $scope:ident, $in_place_scope:ident, $order:literal) => {
        #[doc = concat!("Submits jobs that may borrow; from [`", stringify!($scope), "()`] and [`", stringify!($in_place_scope), "()`].")]
        #[repr(transparent)]
        pub struct $Scope<'scope>(::rayon::$Scope<'scope>);

        #[doc = concat!("Runs `op` in the pool with a scope for jobs that may borrow, ", $order, ", and waits for them.")]
        ///
        #[doc = concat!("`op` runs in the current context and the current span. Otherwise like [`rayon::", stringify!($scope), "`](::rayon::", stringify!($scope), ").")]
        ///
        /// ```
        /// use logscope::OutputContext;
        ///
        /// let uno = OutputContext::builder("uno").build();
        /// let mut names = [String::new(), String::new()];
        #[doc = concat!("uno.scope(|| logscope::rayon::", stringify!($scope), "(|s| {")]
        ///     for name in &mut names {
        #[doc = concat!("        s.", stringify!($spawn), "(|_| *name = OutputContext::current().name().to_owned());")]
        ///     }
        /// }));
        /// assert_eq!(names, ["uno", "uno"]);
        /// ```
        ///
        /// # Panics
        ///
        /// If `op` or one of the jobs panics.
        pub fn $scope<'scope, OP, R>(op: OP) -> R
        where
            OP: FnOnce(&$Scope<'scope>) -> R + Send,
            R: Send,
        {
            let follow = Follow::here();
            let bound = Bound::new(&follow, op);
            outside(|| ::rayon::$scope(move |scope| bound.consume(|op| op($Scope::of(scope)))))
        }

        #[doc = concat!("Runs `op` on this thread with a scope for jobs that may borrow, ", $order, ", and waits for them.")]
        ///
        #[doc = concat!("`op` runs in the current context and the current span. Otherwise like [`rayon::", stringify!($in_place_scope), "`](::rayon::", stringify!($in_place_scope), ").")]
        ///
        /// # Panics
        ///
        /// If `op` or one of the jobs panics.
        pub fn $in_place_scope<'scope, OP, R>(op: OP) -> R
        where
            OP: FnOnce(&$Scope<'scope>) -> R,
        {
            let follow = Follow::here();
            let bound = Bound::new(&follow, op);
            outside(|| ::rayon::$in_place_scope(move |scope| bound.consume(|op| op($Scope::of(scope)))))
        }

        impl<'scope> $Scope<'scope> {
            fn of<'a>(scope: &'a ::rayon::$Scope<'scope>) -> &'a Self {
                // SAFETY:
                // - The type is `repr(transparent)` around rayon's, so a reference to one is a valid reference to the other.
                // - The lifetimes stay the same, and there is no other access than through shared references.
                unsafe { &*ptr::from_ref(scope).cast::<Self>() }
            }

            /// Submits a job in the context and the span that are current where this is called.
            pub fn $spawn<BODY>(&self, body: BODY)
            where
                BODY: FnOnce(&$Scope<'scope>) + Send + 'scope,
            {
                let bound = Bound::new(Follow::here(), body);
                self.0.$spawn(move |scope| bound.consume(|body| body($Scope::of(scope))));
            }

            /// Submits a job to every thread of the pool, in the context and the span that are current where this is called.
            pub fn spawn_broadcast<BODY>(&self, body: BODY)
            where
                BODY: Fn(&$Scope<'scope>, BroadcastContext<'_>) + Send + Sync + 'scope,
            {
                let bound = Bound::new(Follow::here(), body);
                self.0.spawn_broadcast(move |scope, context| bound.with(|body| body($Scope::of(scope), context)));
            }
        }

        impl fmt::Debug for $Scope<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

scope!(Scope, spawn, scope, in_place_scope, "the last one first where a thread has several");
scope!(ScopeFifo, spawn_fifo, scope_fifo, in_place_scope_fifo, "the first one first where a thread has several");
