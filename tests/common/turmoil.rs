//! The ceiling under stress. On several threads, contexts of any verbosity come and go, log from callsites that are hit for the first
//! time, and turn dials, while other threads disturb `tracing`'s caches. The logging thread knows from the verbosity that it asked for,
//! event by event, what must arrive; a sink of each context's own counts what does arrive.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, RecordOutput, Sink};
use logscope::{Dial, LevelFilter, OutputContext, Record, Verbosity};
use tracing::callsite::rebuild_interest_cache;
use tracing::{Dispatch, Level, Subscriber, dispatcher};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::reload;

use super::callsites::{Callsite, callsites};

/// How long each of the two halves takes.
const HALF: Duration = Duration::from_millis(1_800);
/// A half that takes longer than this is stuck, however busy the machine is.
const ALARM: Duration = Duration::from_secs(60);
const WORKERS: u64 = 3;

/// A disturbance while the workers log: called again and again on a thread of its own.
pub(crate) type Disturbance<'a> = Box<dyn FnMut(&mut Random) + Send + 'a>;

/// Runs the stress and returns how many records the contexts wanted. Checks that exactly those arrived.
///
/// In the first half the process has one `Dispatch`; in the second half others come and go: `tracing` has different code for the two.
pub(crate) fn run(disturbances: impl Fn() -> Vec<Disturbance<'static>>) -> u64 {
    let middle = callsites().len() / 2;
    let wanted = [0..middle, middle..callsites().len()].map(|part| {
        let fresh =
            CallsitePool { known: part.start, opening: part.len(), start: Instant::now(), claims: AtomicUsize::new(0) };
        let mut disturbances: Vec<Disturbance<'_>> = disturbances();
        disturbances.push(Box::new(|_| rebuild_interest_cache()));
        if part.start > 0 {
            disturbances.push(foreign_dispatches(&fresh));
        }
        half(&fresh, disturbances)
    });
    assert!(wanted.iter().all(|wanted| *wanted > 1_000), "too few records to prove anything: {wanted:?}");
    wanted.iter().sum()
}

fn half(fresh: &CallsitePool, disturbances: Vec<Disturbance<'_>>) -> u64 {
    let (over, racing) = (AtomicBool::new(false), Dial::new(LevelFilter::DEBUG));
    let (over, racing) = (&over, &racing);
    thread::scope(|scope| {
        let _end = StopOnDrop(over);
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                scope.spawn(move || {
                    let mut random = Random::new(number + fresh.known as u64);
                    let steady = Worker::new("steady", Requested::Racing, Verbosity::from(racing));
                    let mut wanted = 0;
                    while !over.load(Ordering::Relaxed) {
                        wanted += one_context(&mut random, fresh);
                        steady.log(&mut random, fresh, 5);
                    }
                    wanted + steady.finish()
                })
            })
            .collect();
        for (number, mut disturb) in disturbances.into_iter().chain([turning(racing)]).enumerate() {
            scope.spawn(move || {
                let mut random = Random::new(100 + number as u64);
                while !over.load(Ordering::Relaxed) {
                    disturb(&mut random);
                    thread::yield_now();
                }
            });
        }
        // A worker that returns before `over` is set has panicked.
        while !fresh.is_used_up() && !workers.iter().any(|worker| worker.is_finished()) {
            assert!(fresh.start.elapsed() < ALARM, "the workers are stuck");
            thread::park_timeout(Duration::from_millis(10));
        }
        over.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    })
}

/// Stops the half when it is dropped, at the regular end or on a panic.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Turns `dial` all the time, never below DEBUG.
fn turning(dial: &Dial) -> Disturbance<'_> {
    let directives: Verbosity = "debug,far=trace".parse().unwrap();
    let mut settings = [LevelFilter::TRACE.into(), directives, LevelFilter::DEBUG.into()].into_iter().cycle();
    Box::new(move |_| dial.set(settings.next().unwrap()))
}

/// Makes a `Dispatch` without logscope, logs under it, and drops it.
fn foreign_dispatches(fresh: &CallsitePool) -> Disturbance<'_> {
    struct Ignores;
    impl<S: Subscriber> Layer<S> for Ignores {}

    let foreign = Worker::new("foreign", Requested::Elsewhere, LevelFilter::TRACE.into());
    Box::new(move |random| {
        let (filter, handle) = reload::Layer::new(random.level());
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(Ignores).with(filter));
        dispatcher::with_default(&dispatch, || {
            foreign.log(random, fresh, 3);
            handle.reload(random.level()).unwrap();
            foreign.log(random, fresh, 3);
        });
        drop(dispatch);
        assert_eq!(foreign.finish(), 0);
    })
}

/// Makes one context, logs in it, and checks it. Returns how many records it wanted.
fn one_context(random: &mut Random, fresh: &CallsitePool) -> u64 {
    let (near, far) = (random.level(), random.level());
    let worker = match random.below(3) {
        0 => Worker::new("level", Requested::Levels { near, far: near }, near.into()),
        1 => Worker::new("directives", Requested::Levels { near, far }, format!("{near},far={far}").parse().unwrap()),
        _ => {
            let dial = Dial::new(near);
            let verbosity = Verbosity::from(&dial);
            Worker::new("dial", Requested::Dial(dial), verbosity)
        }
    };
    match random.below(3) {
        0 => worker.log(random, fresh, 20),
        1 => {
            let _outer = OutputContext::builder("outer").verbosity(random.level()).build().enter();
            worker.log(random, fresh, 10);
        }
        _ => {
            worker.log(random, fresh, 5);
            worker.derived(random.level()).log(random, fresh, 5);
        }
    }
    worker.finish()
}

/// A context, what it asked for, and what arrived.
struct Worker {
    context: OutputContext,
    asked: Requested,
    sink: Sink,
    wanted: Arc<AtomicU64>,
    arrived: Arc<Arrived>,
}

enum Requested {
    /// Fixed levels, by target.
    Levels { near: LevelFilter, far: LevelFilter },
    /// A dial that only the thread that logs turns.
    Dial(Dial),
    /// A dial that another thread turns all the time, between DEBUG and TRACE.
    Racing,
    /// Nothing: the events are logged under a dispatcher without logscope.
    Elsewhere,
}

impl Worker {
    fn new(name: &str, asked: Requested, verbosity: Verbosity) -> Worker {
        let arrived = Arc::new(Arrived::default());
        let sink = sink::records(Counter(arrived.clone()));
        let context = OutputContext::builder(name).verbosity(verbosity).sink(sink.clone()).build();
        arrived.owner.store(context.id(), Ordering::Relaxed);
        Worker { context, asked, sink, wanted: Arc::default(), arrived }
    }

    /// A worker with another verbosity that shares the sink and so the counts.
    fn derived(&self, level: LevelFilter) -> Worker {
        Worker {
            context: self.context.with_verbosity(level),
            asked: Requested::Levels { near: level, far: level },
            sink: self.sink.clone(),
            wanted: self.wanted.clone(),
            arrived: self.arrived.clone(),
        }
    }

    fn log(&self, random: &mut Random, fresh: &CallsitePool, events: usize) {
        self.context.scope(|| {
            for _ in 0..events {
                self.log_one(fresh.pick(random), random);
            }
        });
    }

    fn log_one(&self, callsite: &Callsite, random: &mut Random) {
        let level = match &self.asked {
            Requested::Levels { near, far } => *if callsite.target == "far" { far } else { near },
            Requested::Dial(dial) => {
                let level = random.level();
                dial.set(level);
                level
            }
            // Whether this event would arrive depends on the dial at this moment, so it is logged with nothing enabled. That may still be
            // the first hit of its callsite.
            Requested::Racing if callsite.level > Level::DEBUG => {
                return self.context.with_verbosity(LevelFilter::OFF).scope(callsite.hit);
            }
            Requested::Racing => LevelFilter::DEBUG,
            Requested::Elsewhere => LevelFilter::OFF,
        };
        let wanted = u64::from(callsite.level <= level);
        self.wanted.fetch_add(wanted, Ordering::Relaxed);
        let before = self.arrived.count.load(Ordering::Relaxed);
        (callsite.hit)();
        let arrived = self.arrived.count.load(Ordering::Relaxed) - before;
        let Callsite { level: said, target, .. } = callsite;
        assert_eq!(
            arrived,
            wanted,
            "{}: an event at {said} from {target:?}, under the verbosity {level}",
            self.context.name()
        );
    }

    /// Checks that exactly the wanted records arrived, and returns their number.
    fn finish(&self) -> u64 {
        let (name, wanted) = (self.context.name(), self.wanted.load(Ordering::Relaxed));
        assert_eq!(
            self.arrived.count.load(Ordering::Relaxed),
            wanted,
            "{name}: records that arrived, and records that were wanted"
        );
        assert_eq!(self.arrived.foreign.load(Ordering::Relaxed), 0, "{name}: records of other contexts");
        for ledger in [self.context.ledger(), self.sink.ledger()] {
            assert_eq!((ledger.accepted, ledger.written), (wanted, wanted), "{name}: {ledger}");
        }
        wanted
    }
}

#[derive(Default)]
struct Arrived {
    owner: AtomicU64,
    count: AtomicU64,
    foreign: AtomicU64,
}

struct Counter(Arc<Arrived>);

impl RecordOutput for Counter {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let own = record.context().id() == self.0.owner.load(Ordering::Relaxed);
        let count = if own { &self.0.count } else { &self.0.foreign };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The callsites, some of which were not hit yet. Those are released one after the other as time passes, each for two threads at once.
struct CallsitePool {
    /// How many were hit before this half.
    known: usize,
    /// How many are released in this half.
    opening: usize,
    start: Instant,
    claims: AtomicUsize,
}

impl CallsitePool {
    fn pick(&self, random: &mut Random) -> &'static Callsite {
        let known = self.known + self.claims.load(Ordering::Relaxed).min(2 * self.opening) / 2;
        if (random.below(4) == 0 || known == 0)
            && let Some(index) = self.open()
        {
            return &callsites()[index];
        }
        &callsites()[random.below(known.max(1))]
    }

    /// Returns a callsite that was not hit before, or that another thread is about to hit for the first time.
    fn open(&self) -> Option<usize> {
        let passed = self.start.elapsed().as_secs_f64() / HALF.as_secs_f64();
        let open = (self.opening as f64 * passed) as usize;
        let claim = self.claims.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |claim| {
            (claim / 2 < open.min(self.opening)).then_some(claim + 1)
        });
        claim.ok().map(|claim| self.known + claim / 2)
    }

    fn is_used_up(&self) -> bool {
        self.claims.load(Ordering::Relaxed) >= 2 * self.opening
    }
}

/// A generator of the same numbers in every run. (The interleaving differs.)
pub(crate) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    pub(crate) fn level(&mut self) -> LevelFilter {
        const LEVELS: [LevelFilter; 6] = [
            LevelFilter::OFF,
            LevelFilter::ERROR,
            LevelFilter::WARN,
            LevelFilter::INFO,
            LevelFilter::DEBUG,
            LevelFilter::TRACE,
        ];
        LEVELS[self.below(LEVELS.len())]
    }
}
