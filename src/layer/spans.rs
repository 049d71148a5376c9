//! The spans around a record: their fields are captured when they are made, and each thread caches the rendered path to its current span.
//!
//! The cache is invalidated, never maintained. A prefix that is pushed on enter and popped on exit is wrong as soon as a span records a
//! field after it was entered, is exited out of order, is entered twice, has another parent than the span around it, or is entered on a
//! thread where its parent is not. So a thread keeps a rendered path together with three values: the layer, the thread's count of enters
//! and exits, and the process's count of recorded span fields. When any of them has changed, the path is asked of the innermost span, which keeps
//! it under a key of its own (`record/kept_paths.rs`), or rendered anew. Explicit parents bypass both.
//!
//! One case is left: a layer beneath this one that logs inside its own `on_enter` or `on_exit`, before this layer is called, gets the path
//! from before.

use std::cell::{Cell, RefCell};

use tracing::Subscriber;
use tracing::field::Visit;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::nesting::Nested;
use crate::context::{ContextInner, OutputContext};
use crate::line_buffer::LineBuffer;
use crate::record::{
    Captured, FieldName, PathKey, RenderPath, SpanPath, SpanValues, Style, capture_fields, capture_primitives,
    max_span_bytes,
};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Ordering, Weak};

/// The most bytes that a thread keeps of one rendered path.
const MAX_CACHED: usize = 16 << 10;

/// The data that this layer keeps in a span's extensions.
struct SpanData {
    values: Arc<SpanValues>,
    /// The context in which the span was made, if events are routed by span. Weak: a long-lived span, such as that of a connection, must
    /// not keep a finished build's log open.
    context: Option<Binding>,
}

/// A context, held weakly.
struct Binding {
    context: Weak<ContextInner>,
    /// The first context of its family: it is the same work, and may outlive the derived context.
    root: Weak<ContextInner>,
}

impl Binding {
    fn to(context: &OutputContext) -> Self {
        Binding { context: Arc::downgrade(context.inner()), root: context.inner().root() }
    }

    fn upgrade(&self) -> Option<Arc<ContextInner>> {
        self.context.upgrade().or_else(|| self.root.upgrade())
    }
}

/// Captures the fields of a new span. Their `Debug` runs here, before the extensions are locked.
pub(super) fn attach<S>(span: &SpanRef<'_, S>, attributes: &Attributes<'_>, bind_context: bool)
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    let mut values = SpanValues::new(attributes.metadata().name());
    capture(|visitor| attributes.record(visitor), |name, value| values.record(name, value));
    let context = match bind_context {
        true => OutputContext::try_current().map(|context| Binding::to(&context)),
        false => None,
    };
    span.extensions_mut().replace(SpanData { values: Arc::new(values), context });
}

/// Captures fields. Beyond the nesting limit (a value that makes spans in its own `Debug`, without end) only primitive values are captured.
fn capture(visit: impl FnOnce(&mut dyn Visit), each: impl FnMut(FieldName, Captured)) {
    let nested = Nested::enter();
    if nested.is_too_deep() {
        capture_primitives(max_span_bytes(), visit, each);
    } else {
        capture_fields(max_span_bytes(), visit, each);
    }
}

/// Captures fields that are recorded after the span was made.
pub(super) fn record<S>(span: &SpanRef<'_, S>, record: &SpanRecord<'_>)
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    let mut fields = Vec::new();
    capture(|visitor| record.record(visitor), |name, value| fields.push((name, value)));
    // Another thread may be rendering the old values, so they are replaced and not changed. Nothing is allocated or dropped while the extensions
    // are locked: the program's allocator may log, and this span's path would be asked for.
    loop {
        let Some(before) = values_of(span) else { return };
        let mut values = before.with_same_fields();
        for (name, value) in &fields {
            values.record(*name, value.clone());
        }
        let mut values = Arc::new(values);
        let is_replaced = match span.extensions_mut().get_mut::<SpanData>() {
            Some(data) if Arc::ptr_eq(&data.values, &before) => {
                std::mem::swap(&mut data.values, &mut values);
                true
            }
            _ => false,
        };
        if is_replaced {
            break;
        }
    }
    // Release, with the Acquire in `Epoch::now`: a thread that sees this count renders its path with the new values. With Relaxed, it could
    // cache the old values under the new count. Another thread's later event sees the new count once that thread has synchronised with this
    // one, because the count was stored before.
    RECORDED.fetch_add(1, Ordering::Release);
}

/// Returns what is known of a span, if it was [attached](attach).
fn values_of<S>(span: &SpanRef<'_, S>) -> Option<Arc<SpanValues>>
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    span.extensions().get::<SpanData>().map(|data| data.values.clone())
}

/// Returns the context of the innermost span, from `span` outwards, whose context still lives.
pub(super) fn bound_context<S>(span: Option<SpanRef<'_, S>>) -> Option<Arc<ContextInner>>
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    span?.scope().find_map(|span| span.extensions().get::<SpanData>()?.context.as_ref()?.upgrade())
}

/// How often any thread recorded a field on a span.
static RECORDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How often this thread entered or exited a span. Without destructor, so that other destructors can count.
    static MOVES: Cell<u64> = const { Cell::new(0) };

    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };

    /// The buffer for walking a path, kept so that walking does not allocate.
    static WALK: Cell<Vec<Arc<SpanValues>>> = const { Cell::new(Vec::new()) };
}

/// Notes that this thread has entered or exited a span.
pub(super) fn moved() {
    MOVES.set(MOVES.get().wrapping_add(1));
}

pub(super) fn next_layer_id() -> u32 {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    // Relaxed: only uniqueness counts.
    NEXT.fetch_add(1, Ordering::Relaxed) as u32
}

/// A thread's rendered paths to its current span, in at most [`CACHED_STYLES`] styles. A new one takes the place of the one that came first.
struct Cache {
    paths: Vec<CachedPath>,
    oldest: usize,
}

/// The most styles in which a thread keeps its path.
const CACHED_STYLES: usize = 8;

struct CachedPath {
    style: Style,
    made_under: Epoch,
    rendered: LineBuffer,
}

/// The values under which a path was rendered: it is valid while they are the same.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Epoch {
    layer: u32,
    moves: u64,
    recorded: u64,
}

impl Epoch {
    fn now(layer: u32) -> Self {
        Epoch { layer, moves: MOVES.get(), recorded: RECORDED.load(Ordering::Acquire) }
    }

    /// Returns the key of a path that is rendered now.
    fn key(self, style: Style) -> PathKey {
        PathKey { layer: self.layer, recorded: self.recorded, style }
    }
}

impl Cache {
    const fn new() -> Self {
        Cache { paths: Vec::new(), oldest: 0 }
    }

    /// Appends the path in `style`, if it was rendered under `epoch`.
    #[inline(always)]
    fn append(&self, epoch: Epoch, style: Style, out: &mut LineBuffer) -> bool {
        match self.paths.iter().find(|path| path.style == style) {
            Some(path) if path.made_under == epoch => {
                out.extend_from_line(&path.rendered);
                true
            }
            _ => false,
        }
    }

    /// Keeps the path that was just rendered, unless it is long.
    fn keep(&mut self, epoch: Epoch, style: Style, rendered: &[u8]) {
        if rendered.len() > MAX_CACHED {
            // The one that is kept in this style was made under another epoch, and so is not taken for this one.
            return;
        }
        let path = self.place(epoch, style);
        path.style = style;
        path.made_under = epoch;
        path.rendered.clear();
        path.rendered.extend_from_slice(rendered);
    }

    /// Returns the place for the path in `style`.
    fn place(&mut self, epoch: Epoch, style: Style) -> &mut CachedPath {
        let place = match self.paths.iter().position(|path| path.style == style) {
            Some(place) => place,
            None if self.paths.len() < CACHED_STYLES => {
                self.paths.push(CachedPath { style, made_under: epoch, rendered: LineBuffer::new() });
                self.paths.len() - 1
            }
            None => {
                let oldest = self.oldest;
                self.oldest = (oldest + 1) % CACHED_STYLES;
                oldest
            }
        };
        &mut self.paths[place]
    }
}

/// Collects the values of `leaf` and of the spans around it, outermost first.
pub(super) fn walk<S>(leaf: Option<SpanRef<'_, S>>, path: &mut Vec<Arc<SpanValues>>)
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    path.clear();
    let Some(leaf) = leaf else { return };
    for span in leaf.scope() {
        if let Some(data) = span.extensions().get::<SpanData>() {
            path.push(data.values.clone());
        }
    }
    path.reverse();
}

/// Calls `f` with the values of `leaf` and of the spans around it, outermost first. They are in the thread's buffer, which is taken out
/// meanwhile, so that nothing is borrowed while `f` runs.
fn with_walk<S>(leaf: Option<SpanRef<'_, S>>, f: impl FnOnce(&[Arc<SpanValues>]))
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    let mut path = WALK.try_with(Cell::take).unwrap_or_default();
    walk(leaf, &mut path);
    f(&path);
    path.clear();
    let _ = WALK.try_with(|kept| kept.set(path));
}

/// Appends the path to `leaf`, which may be kept with it.
fn append_path<S>(leaf: Option<SpanRef<'_, S>>, key: PathKey, render: &RenderPath<'_>, out: &mut LineBuffer)
where
    S: for<'lookup> LookupSpan<'lookup>,
{
    // The values of the leaf, so that neither its extensions nor anything else is locked meanwhile: a layout of the program's own may log, and
    // so may its allocator.
    let Some(values) = leaf.as_ref().and_then(values_of) else { return with_walk(leaf, |path| render(path, out)) };
    if !values.paths().append(key, out) {
        let start = out.len();
        with_walk(leaf, |path| render(path, out));
        values.paths().keep(key, &out[start..]);
    }
}

/// Calls `f` with the thread's cache, in which no code of the program's runs. `None` if the thread is ending, and the cache is gone.
fn with_cache<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
    CACHE.try_with(|cache| cache.try_borrow_mut().ok().map(|mut cache| f(&mut cache))).ok().flatten()
}

/// Where the span that is current on this thread is found: in the context of a layer, or in a registry.
pub(super) trait CurrentSpan {
    type Spans: for<'lookup> LookupSpan<'lookup>;

    fn innermost(&self) -> Option<SpanRef<'_, Self::Spans>>;
}

impl<S> CurrentSpan for Context<'_, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    type Spans = S;

    fn innermost(&self) -> Option<SpanRef<'_, S>> {
        self.lookup_current()
    }
}

#[cfg(feature = "log")]
impl CurrentSpan for tracing_subscriber::Registry {
    type Spans = Self;

    fn innermost(&self) -> Option<SpanRef<'_, Self>> {
        self.span(Subscriber::current_span(self).id()?)
    }
}

/// The path to the span that is current on this thread.
pub(super) struct CurrentPath<'a, C> {
    layer: u32,
    spans: &'a C,
}

impl<'a, C: CurrentSpan> CurrentPath<'a, C> {
    pub(super) fn new(layer: u32, spans: &'a C) -> Self {
        CurrentPath { layer, spans }
    }

    #[inline(never)]
    fn append_anew(&self, epoch: Epoch, style: Style, render: &RenderPath<'_>, out: &mut LineBuffer) {
        let start = out.len();
        append_path(self.spans.innermost(), epoch.key(style), render, out);
        with_cache(|cache| cache.keep(epoch, style, &out[start..]));
    }
}

impl<C: CurrentSpan> SpanPath for CurrentPath<'_, C> {
    fn append(&self, style: Style, render: &RenderPath<'_>, out: &mut LineBuffer) {
        let epoch = Epoch::now(self.layer);
        if with_cache(|cache| cache.append(epoch, style, out)) == Some(true) {
            return;
        }
        self.append_anew(epoch, style, render, out);
    }

    fn visit(&self, each: &mut dyn FnMut(&SpanValues)) {
        with_walk(self.spans.innermost(), |path| path.iter().for_each(|span| each(span)));
    }
}

/// The path to the parent that an event names; empty if it names none.
pub(super) struct ParentPath<'a, S> {
    parent: Option<&'a Id>,
    cx: &'a Context<'a, S>,
}

impl<'a, S> ParentPath<'a, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    pub(super) fn new(parent: Option<&'a Id>, cx: &'a Context<'a, S>) -> Self {
        ParentPath { parent, cx }
    }

    fn leaf(&self) -> Option<SpanRef<'_, S>> {
        self.cx.span(self.parent?)
    }
}

impl<S> SpanPath for ParentPath<'_, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn append(&self, _: Style, render: &RenderPath<'_>, out: &mut LineBuffer) {
        with_walk(self.leaf(), |path| render(path, out));
    }

    fn visit(&self, each: &mut dyn FnMut(&SpanValues)) {
        with_walk(self.leaf(), |path| path.iter().for_each(|span| each(span)));
    }
}
