//! The chain of scopes: which context is the current one, read in a nanosecond, right in every order of leaving.
//!
//! # The idea
//!
//! A *chain* is the list of the scopes of one running stack: a thread's own, or a task's. Each scope is a [`Node`] that
//! points to the next older one; below all of them lies the *base*, which is the task's context, or nothing on a
//! thread. A thread-local ([`Local`]) holds the two words of the chain that is running (`top`, `base`) and beside them
//! `current`, the context of the newest scope, so that a reader follows no list. A poll of a task ([`TaskChain::run`])
//! exchanges the two words for its own and exchanges them back. The thread-local has no destructor: it costs no
//! registration, and it can be read in the destructors of others.
//!
//! ```text
//!   Local ── top ──> node ──> node ──> node ──> (end)     of the thread, or of the task that it polls
//!      │              │        │        │
//!      ├── current ───┴─> T    T        T
//!      └── base ────────> T (a task's) or null
//! ```
//!
//! The node of a closure scope ([`scope`]) lies on the call stack and borrows its context. The node of a guard
//! ([`Guard`]) is boxed, because guards are dropped in any order and anywhere: after their task ended, inside another
//! task's poll, on a thread while another one polls the task.
//!
//! # Who owns what
//!
//! - A **chain** belongs to one thread at a time: to the thread that runs it, or to whoever owns the `TaskChain` (by
//!   `&mut`). Only that owner reads or writes `prev`, the context and its count. No lock is needed for them.
//! - The **context** of a node belongs to the chain side, always: the chain releases it when it removes the node or
//!   ends. A guard that is forgotten therefore keeps its scope until its task ends, and leaks a few bytes, never a
//!   context.
//! - The **memory** of a guard's node belongs to the guard and the chain together; [`State`](node::State) decides who
//!   frees it. That is the only thing on which two threads can meet.
//!
//! # How a scope is left
//!
//! A guard whose node is the top, or further down in the chain that is running here, takes it out of the list. A guard
//! whose node is not there (its chain is suspended, runs elsewhere or has ended) says so in the node's state, and the
//! chain takes the node out when it is next looked at: *settling*, done whenever a chain starts to run and whenever a
//! scope of it is left. Settling removes abandoned nodes from the top only; one in the middle is hidden by what is
//! above it and waits until it surfaces.
//!
//! # Why readers take no count
//!
//! [`with_current`] lends the current context without counting it. What keeps it alive: the chain, or the borrow of a
//! closure scope around the reader. What could end it meanwhile is only what the reader itself does on this thread: it
//! may drop the guard, end a task or replace a context. So readers are counted per thread (`depth`), and a count that a
//! chain releases while one is under way is *retired*: kept in a list until the outermost reader is done. Scopes still
//! end at once.
//!
//! # User code
//!
//! The `Drop` of a context is the user's code and may log, enter, drop guards and end tasks. It runs only when the list
//! is in order again and nothing of it is held in a local variable that such a call could make stale; a panic in it is
//! caught, since it would come out of a log call or of the end of a scope.

mod glance;
mod guard;
mod node;
mod release;
mod task;

#[cfg(all(test, logscope_loom))]
mod loom;
#[cfg(all(test, not(logscope_loom)))]
mod tests;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;

pub(crate) use self::glance::glance;
pub(crate) use self::guard::Guard;
use self::node::Node;
use self::release::Reading;
pub(crate) use self::task::TaskChain;
use crate::sync::{Arc, thread::LocalKey};

/// A type of contexts, with the thread-local that holds the running chain of its scopes.
///
/// ```ignore
/// thread_local! { static LOCAL: Local<ContextInner> = const { Local::new() } }
/// impl Scoped for ContextInner { fn local() -> &'static LocalKey<Local<Self>> { &LOCAL } }
/// ```
pub(crate) trait Scoped: Sized + 'static {
    /// The thread-local. It has no destructor, so where the platform has native thread-locals it can always be reached.
    fn local() -> &'static LocalKey<Local<Self>>;
}

/// What a thread knows about its scopes. It has no destructor: the scopes that are left open on a thread are never
/// closed.
///
/// The order is fixed so that `top` and `base` do not lie side by side: a poll, which exchanges both, would load them
/// as one vector shortly after one of them was stored alone, and wait for the store (9 ns in place of 2.5).
#[repr(C)]
pub(crate) struct Local<T> {
    /// The newest scope of the running chain, or null.
    top: Cell<*const Node<T>>,
    /// The context of `top`, or `base` if there is none: what readers see, in one load.
    current: Cell<*const T>,
    /// The context below all scopes, with its count: a running task's. Null on a thread that polls none.
    base: Cell<*const T>,
    /// How many readers are under way on this thread, one within the other.
    depth: Cell<u32>,
    /// The nodes whose contexts were released while `depth` was not zero, linked by `prev`. Empty while it is zero.
    retired: Cell<*const Node<T>>,
}

impl<T> Local<T> {
    pub(crate) const fn new() -> Self {
        Local {
            top: Cell::new(ptr::null()),
            current: Cell::new(ptr::null()),
            base: Cell::new(ptr::null()),
            depth: Cell::new(0),
            retired: Cell::new(ptr::null()),
        }
    }
}

impl<T: Scoped> Local<T> {
    /// The one of this thread.
    #[inline]
    fn here() -> &'static Self {
        // SAFETY: a thread-local without destructor is valid for as long as its thread runs code, and the reference
        // cannot leave the thread, because `Local` is not `Sync`.
        T::local().with(|local| unsafe { &*ptr::from_ref(local) })
    }
}

/// Calls `read` with the current context, or with `None` outside every scope, without taking a count of it.
///
/// The context stays valid for the call even if `read` leaves its scope. Counts that are released meanwhile on this
/// thread are kept until the outermost `with_current` returns.
#[inline]
pub(crate) fn with_current<T: Scoped, R>(read: impl FnOnce(Option<&Arc<T>>) -> R) -> R {
    let local = Local::here();
    let _reading = Reading::begin(local);
    read(local.borrow_current().as_deref())
}

/// [`with_current`] for a type that wraps the count of a context, of which it lends one.
#[inline]
pub(crate) fn with_current_as<T: Scoped, H: From<Arc<T>>, R>(read: impl FnOnce(Option<&H>) -> R) -> R {
    let local = Local::here();
    let _reading = Reading::begin(local);
    // The count stays where it is: it is wrapped without being dropped on the way, in either wrapping.
    let handle = local.borrow_current().map(|arc| ManuallyDrop::new(H::from(ManuallyDrop::into_inner(arc))));
    read(handle.as_deref())
}

/// The current context with a count of its own, or `None` outside every scope.
pub(crate) fn current<T: Scoped>() -> Option<Arc<T>> {
    Local::here().borrow_current().as_deref().cloned()
}

/// How many calls of [`with_current`] are under way on this thread, one within the other.
#[cfg(all(test, not(logscope_loom)))]
pub(crate) fn depth<T: Scoped>() -> u32 {
    Local::<T>::here().depth.get()
}

/// Makes `new` the context of the newest scope, or of the running task where no scope is open above it, and returns the
/// context that it replaces. Outside every scope there is nothing to replace: `new` is dropped and the answer is
/// `None`.
pub(crate) fn replace_current<T: Scoped>(new: Arc<T>) -> Option<Arc<T>> {
    let local = Local::here();
    local.reveal(local.top.get());
    // A count of its own for the caller, who may drop it while a reader of the old context is under way.
    let before = local.borrow_current().as_deref().cloned()?;
    // SAFETY: `top` is null or a node of the running chain, which stays valid until it is taken out of the chain.
    let released = match unsafe { local.top.get().as_ref() } {
        Some(node) => node.replace(new),
        // SAFETY: a base is made by `Arc::into_raw`, and its count is the chain's; this takes both out of the chain.
        None => Some(unsafe { Arc::from_raw(local.base.replace(Arc::into_raw(new))) }),
    };
    local.reveal(local.top.get());
    if let Some(context) = released {
        local.release(context);
    }
    Some(before)
}

/// Runs `f` in a scope of `context`. Nothing is allocated and no count is taken.
///
/// A guard that `f` returns lives on above the scope that has ended. A stack that is switched to another thread inside
/// `f` (a stackful coroutine) has left its chain behind: the process aborts when `f` returns there.
#[inline]
pub(crate) fn scope<T: Scoped, R>(context: &Arc<T>, f: impl FnOnce() -> R) -> R {
    /// Leaves the scope, also when `f` unwinds.
    struct Leave<'a, T: Scoped>(&'a Node<T>);

    impl<T: Scoped> Drop for Leave<'_, T> {
        #[inline]
        fn drop(&mut self) {
            leave_scope(self.0);
        }
    }

    let node = Node::lent(context);
    // SAFETY:
    // - The node stays in its place and valid until it is taken out: `Leave` borrows it, drops before it and takes it
    //   out.
    // - The context outlives the node: `context` is borrowed for this whole call.
    unsafe { Local::here().push(&node) };
    let _leave = Leave(&node);
    f()
}

/// Takes the node of a closure scope out of the running chain.
///
/// A function of its own, so that the address of the thread-local is computed anew: within one function the compiler
/// may keep it over a call, and a stack that was switched to another thread would then work on the list of the first
/// one.
#[inline(never)]
fn leave_scope<T: Scoped>(node: &Node<T>) {
    let local = Local::here();
    if local.top.get() == ptr::from_ref(node) && !node.is_counted() {
        local.reveal(node.prev.get());
    } else {
        leave_scope_slowly(local, node);
    }
}

/// [`leave_scope`] for one that is not the newest, or whose context was replaced.
#[cold]
#[inline(never)]
fn leave_scope_slowly<T: Scoped>(local: &Local<T>, node: &Node<T>) {
    if !local.unlink(node) {
        // The chain is not the one on which the scope was opened, so that one still points into this stack frame. No
        // thread but its own can mend that, and returning would let it read the frame when it is gone.
        std::process::abort();
    }
    if let Some(context) = node.take() {
        local.release(context);
    }
}

/// The list. Every node that is read here is one of the running chain, of which this thread is the owner.
impl<T> Local<T> {
    /// The current context, with the count that its owner holds: it must not be dropped, and is not.
    #[inline]
    fn borrow_current(&self) -> Option<ManuallyDrop<Arc<T>>> {
        let current = self.current.get();
        // SAFETY:
        // - A context that is not null was made by `Arc::as_ptr` or `Arc::into_raw`.
        // - It has a count: that of the chain, or the one that a closure scope borrows. `ManuallyDrop` leaves it there.
        (!current.is_null()).then(|| ManuallyDrop::new(unsafe { Arc::from_raw(current) }))
    }

    /// Puts `node` on top of the chain.
    ///
    /// # Safety
    ///
    /// The node must stay where it is, and its context alive, until it was taken out of the chain.
    #[inline]
    unsafe fn push(&self, node: *const Node<T>) {
        let below = self.top.replace(node);
        // SAFETY: the caller promises that the node is valid. The list keeps `node` itself, not a pointer derived from
        // this reference, which could not be made a box again.
        let node = unsafe { &*node };
        node.prev.set(below);
        self.current.set(node.context());
    }

    /// Makes `top` (null, or a node of this chain) the newest scope, and settles.
    #[inline]
    fn reveal(&self, top: *const Node<T>) {
        self.top.set(top);
        // SAFETY: nodes of the running chain are valid until they are taken out of it.
        match unsafe { top.as_ref() } {
            None => self.current.set(self.base.get()),
            Some(node) if node.state.is_guard_gone() => self.settle(),
            Some(node) => self.current.set(node.context()),
        }
    }

    /// Takes `node` out of the chain, or returns false if it is not in it. Reads it only if it is.
    #[inline]
    fn unlink(&self, node: *const Node<T>) -> bool {
        if self.top.get() != node {
            return self.unlink_below(node);
        }
        // SAFETY: the node is in the running chain, so it is valid.
        self.reveal(unsafe { (*node).prev.get() });
        true
    }

    /// [`unlink`](Self::unlink) for a scope that is left out of order. The newest scope stays the newest.
    #[cold]
    #[inline(never)]
    fn unlink_below(&self, node: *const Node<T>) -> bool {
        let mut newer = self.top.get();
        // SAFETY: nodes of the running chain are valid, and the walk stays in the chain.
        while let Some(candidate) = unsafe { newer.as_ref() } {
            if candidate.prev.get() == node {
                // SAFETY: the node was found in the running chain, so it is valid.
                candidate.prev.set(unsafe { (*node).prev.get() });
                self.reveal(self.top.get());
                return true;
            }
            newer = candidate.prev.get();
        }
        false
    }

    /// Takes the nodes at the top whose guards are gone out of the chain, and frees them.
    #[cold]
    #[inline(never)]
    fn settle(&self) {
        let mut abandoned = self.top.get();
        let mut live = abandoned;
        // SAFETY: nodes of the running chain are valid, and the walk stays in the chain.
        while let Some(node) = unsafe { live.as_ref() }
            && node.state.is_guard_gone()
        {
            live = node.prev.get();
        }
        // The whole run is cut off before the first of them is freed: what runs in a context's `Drop` sees the list in
        // order.
        self.top.set(live);
        // SAFETY: as above.
        self.current.set(unsafe { live.as_ref() }.map_or(self.base.get(), Node::context));
        while abandoned != live {
            // SAFETY:
            // - The node is boxed and its guard has let go of it for ever, as its state says: only guards put that
            //   there.
            // - It is out of the chain, so this is the only pointer to it. Its `prev` is read before it is freed.
            unsafe {
                let next = (*abandoned).prev.get();
                self.release_node(abandoned);
                abandoned = next;
            }
        }
    }
}
