//! What a contender does, from its beginning up to the first operation that has no answer yet.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::time::Duration;

use super::super::name::Name;
use super::super::steps::{self, Names};
use crate::lock::Token;
use crate::store::lease::backend::{LeaseHolder, LeaseState};
use crate::store::lease::watch::Watch;

/// What a contender is to do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Plan {
    attempts: u32,
    renewals: u32,
    breaks: bool,
    /// If not, it works on until its time is over.
    releases: bool,
    /// In ticks. A watcher waits for one more.
    ttl: u64,
}

impl Plan {
    /// Gets the lease, renews it, and releases it.
    pub(super) const WORK: Plan = Plan { attempts: 3, renewals: 1, breaks: false, releases: true, ttl: 2 };
    /// Gets the lease and releases it.
    pub(super) const SHORT: Plan = Plan { attempts: 3, renewals: 0, breaks: false, releases: true, ttl: 2 };
    /// The same, with an attempt less.
    pub(super) const QUICK: Plan = Plan { attempts: 2, renewals: 0, breaks: false, releases: true, ttl: 2 };
    /// Gets the lease for longer, and renews it twice.
    pub(super) const LONG: Plan = Plan { attempts: 1, renewals: 2, breaks: false, releases: false, ttl: 3 };
    /// Gets the lease for longer, in a second attempt if the first one was in vain.
    pub(super) const AGAIN: Plan = Plan { attempts: 2, renewals: 0, breaks: false, releases: false, ttl: 3 };
    /// Waits for it once.
    pub(super) const WAIT: Plan = Plan { attempts: 2, renewals: 0, breaks: false, releases: false, ttl: 3 };
    /// Breaks the lease.
    pub(super) const BREAK: Plan = Plan { attempts: 0, renewals: 0, breaks: true, releases: true, ttl: 2 };
    /// Waits for as long as it takes.
    pub(super) const LAST: Plan = Plan { attempts: 9, renewals: 0, breaks: false, releases: true, ttl: 2 };

    /// A tick is a second.
    fn ttl(self) -> Duration {
        Duration::from_secs(self.ttl)
    }
}

/// In what a contender differs from the real thing.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Faults {
    pub(super) renames_over: bool,
    pub(super) keeps_fence: bool,
    pub(super) has_no_patience: bool,
    pub(super) counts_late: bool,
    pub(super) frees_any: bool,
    pub(super) trusts_names: bool,
}

/// What a contender asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Operation {
    List,
    Rename(Name, Name),
    /// To go on when time has passed or the name has changed.
    Wait,
    /// To do its work, for any time.
    Work,
}

/// What it is told, and when.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Answer {
    Listed(Vec<Name>),
    Renamed,
    NotFound,
    Silence,
    GoOn,
}

/// How a contender is.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    /// What it does next. `None` if it has ended.
    pub(super) next: Option<Operation>,
    /// The number under which it works, and until when it takes the lease for its own.
    pub(super) works: Option<(u64, u64)>,
    /// The number that it was told of.
    pub(super) fence: Option<u64>,
    /// What it was told of its release, if it thought to have the lease when that began.
    pub(super) released: Option<bool>,
    /// What it remembers, and how many answers it had when it began what it does now. Nothing else of the past matters to it.
    pub(super) memory: (String, usize),
}

struct Replay<'a> {
    answers: &'a [(Answer, u64)],
    position: Cell<usize>,
    now: Cell<u64>,
    next: Cell<Option<Operation>>,
    status: RefCell<Status>,
}

impl Replay<'_> {
    fn ask(&self, operation: Operation) -> io::Result<Answer> {
        let Some((answer, at)) = self.answers.get(self.position.get()) else {
            self.next.set(Some(operation));
            return Err(ErrorKind::Interrupted.into());
        };
        self.position.set(self.position.get() + 1);
        self.now.set(*at);
        match answer {
            Answer::NotFound => Err(ErrorKind::NotFound.into()),
            Answer::Silence => Err(ErrorKind::TimedOut.into()),
            answer => Ok(answer.clone()),
        }
    }

    /// The time of the last answer: the earliest that it can be now, so the earliest from which anybody counts.
    fn now(&self) -> Duration {
        Duration::from_secs(self.now.get())
    }

    /// Says that all that matters from here on is `memory` and the answers to come.
    fn begins(&self, memory: &impl Debug) {
        let mut status = self.status.borrow_mut();
        status.memory = (format!("{memory:?} {:?} {:?}", status.works, status.fence), self.position.get());
    }

    fn is_stopped(&self) -> bool {
        self.next.get().is_some()
    }
}

impl Names for Replay<'_> {
    fn list(&self) -> io::Result<Vec<Name>> {
        match self.ask(Operation::List)? {
            Answer::Listed(names) => Ok(names),
            answer => panic!("{answer:?} is no answer to a listing"),
        }
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        self.ask(Operation::Rename(from, to)).map(drop)
    }

    fn pause(&self, _: u32) {}
}

/// Runs the contender with this token.
pub(super) fn run(plan: Plan, faults: Faults, token: Token, answers: &[(Answer, u64)]) -> Status {
    let replay = Replay {
        answers,
        position: Cell::new(0),
        now: Cell::new(0),
        next: Cell::new(None),
        status: RefCell::new(Status::default()),
    };
    // An error ends it, as it ends a program; or it has no answer yet.
    let _ = play(plan, faults, token, &replay);
    let next = replay.next.get();
    Status { next, ..replay.status.into_inner() }
}

fn play(plan: Plan, faults: Faults, token: Token, replay: &Replay<'_>) -> io::Result<()> {
    replay.begins(&"looks");
    if plan.breaks {
        let seen = steps::look(replay)?;
        if let Name::Held { .. } = seen {
            steps::free(replay, seen, true)?;
        }
        return Ok(());
    }
    let Some(fence) = acquire(plan, faults, token, replay)? else { return Ok(()) };
    let is_working =
        |replay: &Replay<'_>| replay.status.borrow().works.is_some_and(|(_, until)| replay.now.get() < until);
    for renewal in 0..plan.renewals {
        replay.begins(&("renews", renewal, replay.now()));
        // As in `Held`: it counts from before the renewal began, and one that comes too late is lost.
        let began = replay.now();
        let is_own = if faults.trusts_names { renew_by_name(replay, token) } else { steps::renew(replay, token) };
        if replay.is_stopped() {
            return Ok(());
        }
        match is_own {
            Ok(true) if is_working(replay) => {
                let from = if faults.counts_late { replay.now() } else { began };
                replay.status.borrow_mut().works = Some((fence, (from + plan.ttl()).as_secs()));
            }
            Err(_) if is_working(replay) => {}
            _ => {
                replay.status.borrow_mut().works = None;
                break;
            }
        }
    }
    if !plan.releases {
        return Ok(());
    }
    replay.begins(&"works");
    replay.ask(Operation::Work)?;
    let had_it = is_working(replay);
    // Whoever releases a lease has ended its work.
    replay.status.borrow_mut().works = None;
    replay.begins(&("releases", had_it));
    let released = if faults.frees_any {
        let now = steps::look(replay)?;
        steps::free(replay, now, false)
    } else {
        steps::release(replay, token)
    };
    if !replay.is_stopped() && had_it {
        replay.status.borrow_mut().released = released.ok();
    }
    Ok(())
}

/// As in `Acquisition`.
fn acquire(plan: Plan, faults: Faults, token: Token, replay: &Replay<'_>) -> io::Result<Option<u64>> {
    let mut watch = Watch::default();
    for attempt in 0..plan.attempts {
        replay.begins(&("tries", attempt, &watch));
        let seen = steps::look(replay)?;
        let left = watch.left(&state(seen), replay.now());
        if left > Duration::ZERO && !seen.is_held_by(token) && !faults.has_no_patience {
            replay.ask(Operation::Wait)?;
            continue;
        }
        let began = replay.now();
        let taken = match seen {
            Name::Held { fence, .. } if faults.keeps_fence => {
                let Name::Held { ttl, .. } = seen else { unreachable!("it is held") };
                let taken = Name::Held { fence, token, renewal: 0, ttl };
                replay.rename(seen, taken).map(|()| Some(fence))
            }
            _ if faults.trusts_names => acquire_by_name(replay, seen, token, plan.ttl()),
            _ => steps::acquire(replay, seen, token, plan.ttl()),
        };
        if replay.is_stopped() {
            return Ok(None);
        }
        match taken {
            Ok(None) => {}
            Ok(Some(fence)) => {
                let from = if faults.counts_late { replay.now() } else { began };
                let mut status = replay.status.borrow_mut();
                status.works = Some((fence, (from + plan.ttl()).as_secs()));
                status.fence = Some(fence);
                return Ok(Some(fence));
            }
            Err(error) => {
                steps::release(replay, token)?;
                return Err(error);
            }
        }
    }
    Ok(None)
}

/// Takes the name that was to be given for a proof of this renewal.
fn renew_by_name(replay: &Replay<'_>, token: Token) -> io::Result<bool> {
    let now = steps::look(replay)?;
    let Some(renewed) = now.renewed().filter(|_| now.is_held_by(token)) else { return Ok(false) };
    match replay.rename(now, renewed) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(steps::look(replay)? == renewed),
        result => result.map(|()| true),
    }
}

/// The same, of this acquisition.
fn acquire_by_name(replay: &Replay<'_>, seen: Name, token: Token, ttl: Duration) -> io::Result<Option<u64>> {
    let taken = seen.taken(token, ttl).expect("there is a higher number");
    match replay.rename(seen, taken) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let now = steps::look(replay)?;
            Ok(now.is_held_by(token).then_some(now.fence()))
        }
        result => result.map(|()| Some(taken.fence())),
    }
}

/// As in `FolderLeases::observe`.
fn state(seen: Name) -> LeaseState {
    let holder = match seen {
        Name::Free { .. } => None,
        Name::Held { fence, token, ttl, .. } => Some(LeaseHolder::unknown(token, Duration::from_millis(ttl), fence)),
    };
    LeaseState { version: seen.to_string(), holder, left: None }
}
