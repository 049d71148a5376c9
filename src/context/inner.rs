//! What a context is made of, and what derived contexts share.

use std::any::Any;
use std::time::{Duration, Instant, SystemTime};

use smallvec::SmallVec;

use super::handshake::between_showing_and_looking;
use super::live_list::{ListPosition, LiveList};
use super::span_events::SpanEvents;
use crate::background::{Account, OpenAccount};
use crate::clock::{Clock, CompactOrigin, Origin};
use crate::delivery::{DeferredCounters, Fate, InFlight, LogCall, OwnCall};
use crate::fallback;
use crate::limits::{INHERITED_LOCK, SINKLESS_REPORTS};
use crate::record::ContextInfo;
use crate::sink::{OutputRef, Sink};
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicUsize, Mutex, MutexGuard, OnceBox, Ordering, Weak};
use crate::trace::TraceContext;
use crate::verbosity::Verbosity;

/// Every context that is alive.
pub(super) static LIVE: LiveList<ContextInner> = LiveList::new();

/// How many families have a member that is alive.
static LIVE_FAMILIES: AtomicUsize = AtomicUsize::new(0);

/// Returns true if there are contexts beside the process default, which is one itself, and those that were derived from it.
#[inline]
pub(crate) fn are_others_alive() -> bool {
    // Relaxed: a count, by which no other data is read. In a forked child it is one too high for ever if another thread of the parent was
    // dropping the last member of a family at the fork.
    LIVE_FAMILIES.load(Ordering::Relaxed) > 1
}

/// The sinks of a context: most have one or two, which then need no allocation.
pub(super) type Sinks = SmallVec<[Sink; 2]>;

/// The contents of a context. The scope chain points to them directly, so they have a type of their own.
pub(crate) struct ContextInner {
    pub(super) family: Arc<Family>,
    /// What few contexts have that have no queued sink. Declared before `sinks`: see [`Own::accounts`].
    pub(super) own: Option<Box<Own>>,
    pub(super) origin: CompactOrigin,
    pub(super) verbosity: Verbosity,
    pub(super) span_events: SpanEvents,
    /// Sinks with the same format are neighbours, so that they share one rendering.
    pub(super) sinks: Sinks,
    pub(super) position: ListPosition,
    /// The isolated test that it was made under.
    #[cfg(feature = "testing")]
    pub(super) made_under: crate::under_test::Mark,
}

/// What contexts that were derived from one another share.
pub(crate) struct Family {
    /// How many members are alive. The family itself lives on until its records are out of all queues.
    members: AtomicU32,
    pub(super) info: ContextInfo,
    /// Also dates the notices about this context's records where no record is at hand.
    pub(super) clock: Clock,
    pub(super) in_flight: InFlight,
    pub(super) counters: DeferredCounters,
    rare: OnceBox<Rare>,
    /// The first member, from which the others were derived.
    pub(super) root: Weak<ContextInner>,
    /// True once a close has given up its records.
    pub(super) abandoned: AtomicBool,
    /// True once the program was warned that it logs to a closed context.
    pub(super) warned_closed: AtomicBool,
    /// True once the program was told that it logs to a member without sinks, and from the start if it is meant.
    pub(super) sinkless_is_known: AtomicBool,
}

/// What a context has of its own, beside its family.
pub(super) struct Own {
    /// Name, id and fields, where a derived context has another name or other fields than its family.
    pub(super) info: Option<ContextInfo>,
    /// The clock, where a derived context has another one than its family.
    pub(super) clock: Option<Clock>,
    pub(super) trace: Option<TraceContext>,
    /// The wall-clock time of the origin, where that is centuries away.
    pub(super) far_origin: Option<SystemTime>,
    /// One account per sink with that sink's queue; empty if no sink is queued. They drop before the sinks, which hold the queues.
    pub(super) accounts: Box<[Option<OpenAccount>]>,
}

impl Own {
    /// `None` if there is nothing. Takes the parts, so that nothing is made for the many contexts that have none.
    #[inline]
    pub(super) fn boxed(
        info: Option<ContextInfo>,
        clock: Option<Clock>,
        trace: Option<TraceContext>,
        far_origin: Option<SystemTime>,
        accounts: Box<[Option<OpenAccount>]>,
    ) -> Option<Box<Own>> {
        let is_empty =
            info.is_none() && clock.is_none() && trace.is_none() && far_origin.is_none() && accounts.is_empty();
        (!is_empty).then(|| Box::new(Own { info, clock, trace, far_origin, accounts }))
    }
}

/// What few families need.
#[derive(Default)]
struct Rare {
    /// The outputs of all members, if they do not all have the same.
    output_refs: Mutex<Vec<OutputRef>>,
    /// What tells outputs that this context uses them; each with the address of the output. Empty once the context is closed.
    uses: Mutex<Vec<(usize, Box<dyn Any + Send + Sync>)>>,
}

impl ContextInner {
    #[inline]
    fn own(&self) -> Option<&Own> {
        self.own.as_deref()
    }

    /// True if the name or the fields are not those of the family.
    pub(super) fn has_own_info(&self) -> bool {
        self.own().is_some_and(|own| own.info.is_some())
    }

    #[inline]
    pub(crate) fn info(&self) -> &ContextInfo {
        self.own().and_then(|own| own.info.as_ref()).unwrap_or(&self.family.info)
    }

    #[inline]
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock().now().saturating_duration_since(self.started())
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        self.own().and_then(|own| own.clock.as_ref()).unwrap_or(&self.family.clock)
    }

    #[inline]
    pub(crate) fn verbosity(&self) -> &Verbosity {
        &self.verbosity
    }

    #[inline]
    pub(crate) fn span_events(&self) -> SpanEvents {
        self.span_events
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.own()?.trace
    }

    #[cfg(feature = "testing")]
    pub(crate) fn made_under(&self) -> crate::under_test::Mark {
        self.made_under
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.family.in_flight.is_closed()
    }

    #[inline]
    pub(crate) fn sinks(&self) -> &[Sink] {
        &self.sinks
    }

    /// The account with the queue of sink number `sink`, if that sink is queued.
    #[inline]
    pub(crate) fn account(&self, sink: usize) -> Option<&OpenAccount> {
        self.own()?.accounts.get(sink)?.as_ref()
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin.origin(self.own().and_then(|own| own.far_origin))
    }

    /// The instant of the origin.
    #[inline]
    pub(crate) fn started(&self) -> Instant {
        self.origin.instant()
    }

    pub(crate) fn counters(&self) -> &DeferredCounters {
        &self.family.counters
    }

    /// The first context of this family. It may no longer be alive.
    pub(crate) fn root(&self) -> Weak<ContextInner> {
        self.family.root.clone()
    }

    /// Warns, once, that the program logs to this context although it is closed.
    #[cold]
    pub(crate) fn warn_closed(&self) {
        // Relaxed: the flag orders nothing. It only picks one of several threads to print the warning.
        if !self.family.warned_closed.swap(true, Ordering::Relaxed) {
            let name = self.info().name();
            fallback::report(format_args!(
                "context {name:?} is closed, and is logged to all the same: those records are dropped, and counted in its ledger"
            ));
        }
    }

    /// Tells the program, once, that it logs to this context although that has no sink.
    ///
    /// It is not told if the process default, or a parent, has no sink: then something else writes the records, such as a layer of `fmt`.
    #[cold]
    pub(crate) fn warn_sinkless(&self) {
        static REPORTED: AtomicUsize = AtomicUsize::new(0);
        let is_known = &self.family.sinkless_is_known;
        // Relaxed: neither orders anything. The flag picks one of several threads to print the warning. The load spares later calls the write.
        if is_known.load(Ordering::Relaxed) || is_known.swap(true, Ordering::Relaxed) {
            return;
        }
        // Relaxed: a count, by which no other data is read.
        let reported = REPORTED.fetch_add(1, Ordering::Relaxed) + 1;
        if reported <= SINKLESS_REPORTS {
            let name = self.info().name();
            let last =
                if reported == SINKLESS_REPORTS { "; other contexts without sinks are not reported" } else { "" };
            fallback::report(format_args!(
                "context {name:?} has no sink, and is logged to all the same: those records go nowhere, and no ledger counts them; \
                 give it a sink, or sink::null() if this is meant{last}"
            ));
        }
    }

    /// Notes that this context, if it has no sink, is meant to have none.
    pub(super) fn allow_no_sink(&self) {
        if self.sinks.is_empty() {
            // Relaxed: see `warn_sinkless`.
            self.family.sinkless_is_known.store(true, Ordering::Relaxed);
        }
    }

    /// Begins a log call, and counts its deliveries (one or more) as accepted.
    #[inline]
    pub(crate) fn begin_call(&self, deliveries: u64) -> ContextCall<'_> {
        let Family { in_flight, counters, .. } = &*self.family;
        // Beginning the call counts the first delivery, and must come last: see `InFlight::begin`.
        if deliveries > 1 {
            counters.accept(deliveries - 1);
        }
        ContextCall { call: in_flight.begin(), own: OwnCall::enter(in_flight, deliveries) }
    }
}

/// A log call to a context, in flight until it is dropped. Its deliveries are resolved in the ledger, or handed over to queues, before.
pub(crate) struct ContextCall<'a> {
    call: LogCall<'a>,
    own: OwnCall,
}

impl ContextCall<'_> {
    /// Returns the number of the record; `None` if the context is closed.
    #[inline]
    pub(crate) fn number(&self) -> Option<u64> {
        self.call.number()
    }

    /// Notes that a queue has taken over one of the deliveries.
    #[inline]
    pub(crate) fn hand_over(&self) {
        self.own.hand_over();
    }
}

impl ContextInner {
    /// Remembers the outputs of this context, and those of one that is derived from it with these `sinks`, unless they are the same. Either
    /// context may be flushed, and the other may have left records in the queues of outputs that this one does not have.
    pub(super) fn remember_outputs_before(&self, sinks: &[Sink]) {
        let has_all =
            |sinks: &[Sink], of: &[Sink]| of.iter().all(|sink| sinks.iter().any(|known| known.has_output_of(sink)));
        if has_all(sinks, &self.sinks) && has_all(&self.sinks, sinks) {
            return;
        }
        let family = &*self.family;
        let Some(mut output_refs) = family.lock(&family.rare().output_refs) else { return };
        let output_refs = &mut *output_refs;
        for sink in self.sinks.iter().chain(sinks) {
            if !output_refs.iter().any(|output_ref| output_ref.is_of(sink)) {
                if output_refs.len() == output_refs.capacity() {
                    output_refs.retain(|output_ref| !output_ref.is_gone());
                }
                output_refs.push(sink.output_ref());
            }
        }
    }
}

impl Family {
    /// Makes the family of the context `root`, which is being made, and its first member.
    pub(super) fn new(info: ContextInfo, clock: Clock, root: Weak<ContextInner>, sinkless_is_known: bool) -> Arc<Self> {
        Arc::new(Family {
            members: AtomicU32::new(1),
            info,
            clock,
            in_flight: InFlight::new(),
            counters: DeferredCounters::default(),
            rare: OnceBox::new(),
            root,
            abandoned: AtomicBool::new(false),
            warned_closed: AtomicBool::new(false),
            sinkless_is_known: AtomicBool::new(sinkless_is_known),
        })
    }

    /// Counts the first member, until it and all others are dropped.
    pub(super) fn count(&self) {
        // Relaxed, here and for all members: counts, by which no other data is read. The static count never goes below zero: each thread takes
        // off only for a member that was there, and that was counted before anybody could drop it.
        LIVE_FAMILIES.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a derived member, until it is dropped.
    pub(super) fn add_member(&self) {
        self.members.fetch_add(1, Ordering::Relaxed);
    }

    fn remove_member(&self) {
        if self.members.fetch_sub(1, Ordering::Relaxed) == 1 {
            LIVE_FAMILIES.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Locks the outputs, if members have different ones. `None` also in a forked child if a thread that only the parent has held the lock at the
    /// fork.
    pub(super) fn lock_output_refs(&self) -> Option<MutexGuard<'_, Vec<OutputRef>>> {
        self.lock(&self.rare.get()?.output_refs)
    }

    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> Option<MutexGuard<'a, T>> {
        if self.in_flight.is_inherited() { mutex.try_lock_for(INHERITED_LOCK) } else { Some(mutex.lock()) }
    }

    /// Tells the outputs of `sinks` that ask for it that this context uses them, until it is closed or gone.
    pub(super) fn begin_use(&self, sinks: &[Sink]) {
        for sink in sinks {
            let Some(users) = sink.core().users() else { continue };
            let address = Arc::as_ptr(sink.core()).addr();
            let rare = self.rare();
            // Either `end_use` finds `rare`, or this finds that the context is closed.
            between_showing_and_looking();
            let Some(mut uses) = self.lock(&rare.uses) else {
                // Nobody in this process will end the use: better than an output that ends while the context is open.
                std::mem::forget(Arc::clone(users).begin_use());
                continue;
            };
            // Under the lock that `end_use` takes after the context was closed.
            if !self.in_flight.is_closed() && uses.iter().all(|(known, _)| *known != address) {
                uses.push((address, Arc::clone(users).begin_use()));
            }
        }
    }

    /// Tells the outputs that this context, which is closed, no longer uses them.
    pub(super) fn end_use(&self) {
        // After the closing: see `begin_use`.
        between_showing_and_looking();
        let Some(rare) = self.rare.get() else { return };
        let uses = self.lock(&rare.uses).map(|mut uses| std::mem::take(&mut *uses));
        // Without the lock: this wakes tasks, which is code of the program.
        drop(uses);
    }
}

impl Account for Family {
    fn resolve(&self, fate: Fate, count: u64) {
        self.counters.resolve(fate, count);
    }

    fn info(&self) -> &ContextInfo {
        &self.info
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn is_abandoned(&self) -> bool {
        // Relaxed: whoever sets it then takes the lock under which this is asked.
        self.abandoned.load(Ordering::Relaxed)
    }
}

impl Drop for ContextInner {
    fn drop(&mut self) {
        self.family.remove_member();
        let this: *const Self = self;
        LIVE.remove(&mut self.position, this);
    }
}
