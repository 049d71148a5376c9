//! The folder, the time, and the contenders; and what may happen next.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use super::super::name::Name;
use super::contender::{Answer, Faults, Operation, Plan, Status, run};
use crate::lock::Token;

/// How much may go wrong.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Budgets {
    /// Contenders that end in the middle.
    pub(super) crashes: u32,
    /// Answers to renames that are lost, and requests that arrive late.
    pub(super) lost: u32,
    /// Listings that show what was there before, both names of a rename, or none.
    pub(super) stale: u32,
    /// How often time passes.
    pub(super) ticks: u64,
}

#[derive(Clone)]
struct Contender {
    plan: Plan,
    token: Token,
    answers: Vec<(Answer, u64)>,
    is_dead: bool,
    /// The answer to what it does, which has not reached it.
    on_the_way: Option<Answer>,
    status: Status,
}

/// How a number that was given came to its end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum End {
    Released,
    Broken,
    TakenOver,
}

#[derive(Clone)]
pub(super) struct World {
    names: Vec<Name>,
    before: Option<Name>,
    now: u64,
    contenders: Vec<Contender>,
    /// Requests that are under way.
    late: Vec<(usize, Name, Name)>,
    budgets: Budgets,
    faults: Faults,
    /// To whom each number was given.
    given: BTreeMap<u64, Token>,
    ends: BTreeMap<u64, End>,
}

impl World {
    pub(super) fn new(plans: &[Plan], budgets: Budgets, faults: Faults) -> Self {
        let contender = |(index, plan): (usize, &Plan)| {
            let token: Token = format!("{index:032x}").parse().expect("it is a token");
            let status = run(*plan, faults, token, &[]);
            Contender { plan: *plan, token, answers: Vec::new(), is_dead: false, on_the_way: None, status }
        };
        World {
            names: vec![Name::Free { fence: 0, is_broken: false }],
            before: None,
            now: 0,
            contenders: plans.iter().enumerate().map(contender).collect(),
            late: Vec::new(),
            budgets,
            faults,
            given: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Tells worlds apart by all that can still matter.
    pub(super) fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.names, &self.before, self.now, &self.late, self.budgets, &self.given, &self.ends).hash(&mut hasher);
        for contender in &self.contenders {
            let Contender { answers, is_dead, on_the_way, status, .. } = contender;
            (is_dead, status.next.is_some(), status.works).hash(&mut hasher);
            // What it was told does not matter any more to one that has ended.
            if !is_dead && status.next.is_some() {
                let (memory, since) = &status.memory;
                (memory, &answers[*since..], on_the_way).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// Returns every world that this one may become next, or says which promise is broken.
    pub(super) fn successors(&self) -> Result<Vec<World>, String> {
        let mut found = Vec::new();
        for (index, contender) in self.contenders.iter().enumerate() {
            let Some(operation) = contender.status.next.filter(|_| !contender.is_dead) else { continue };
            if self.budgets.crashes > 0 {
                let mut world = self.clone();
                world.budgets.crashes -= 1;
                world.contenders[index].is_dead = true;
                found.push(world);
            }
            if let Some(answer) = contender.on_the_way.clone() {
                let mut world = self.clone();
                world.contenders[index].on_the_way = None;
                world.answer(index, answer)?;
                found.push(world);
                continue;
            }
            match operation {
                Operation::List => self.list(index, &mut found)?,
                Operation::Rename(from, to) => self.rename(index, from, to, &mut found)?,
                Operation::Wait => self.wait(index, &mut found)?,
                Operation::Work => {
                    let mut world = self.clone();
                    world.answer(index, Answer::GoOn)?;
                    found.push(world);
                }
            }
        }
        for late in 0..self.late.len() {
            let mut world = self.clone();
            let (index, from, to) = world.late.remove(late);
            world.apply(index, from, to)?;
            found.push(world);
        }
        if self.budgets.ticks > 0 && self.contenders.iter().any(|contender| contender.status.next.is_some()) {
            let mut world = self.clone();
            world.budgets.ticks -= 1;
            world.now += 1;
            found.push(world);
        }
        if found.is_empty() {
            self.check_end()?;
        }
        found.iter().try_for_each(World::check)?;
        Ok(found)
    }

    fn list(&self, index: usize, found: &mut Vec<World>) -> Result<(), String> {
        let mut answers = vec![(self.names.clone(), 0)];
        if self.budgets.stale > 0
            && let Some(before) = self.before
        {
            answers.push((vec![before], 1));
            answers.push(([vec![before], self.names.clone()].concat(), 1));
            answers.push((Vec::new(), 1));
        }
        for (names, stale) in answers {
            let mut world = self.clone();
            world.budgets.stale -= stale;
            world.answer(index, Answer::Listed(names))?;
            found.push(world);
        }
        Ok(())
    }

    fn rename(&self, index: usize, from: Name, to: Name, found: &mut Vec<World>) -> Result<(), String> {
        let mut told = self.clone();
        let is_done = told.apply(index, from, to)?;
        told.answer(index, if is_done { Answer::Renamed } else { Answer::NotFound })?;
        found.push(told);
        if self.budgets.lost > 0 {
            let mut lossy = self.clone();
            lossy.budgets.lost -= 1;
            // Never arrives, or arrives later.
            let mut world = lossy.clone();
            world.answer(index, Answer::Silence)?;
            found.push(world);
            let mut world = lossy.clone();
            world.late.push((index, from, to));
            world.answer(index, Answer::Silence)?;
            found.push(world);
            // Arrives, and the answer is late.
            let mut world = lossy.clone();
            if world.apply(index, from, to)? {
                world.contenders[index].on_the_way = Some(Answer::Renamed);
                found.push(world);
            }
            // Arrives, but the answer is lost; or the request is then repeated.
            for answer in [Answer::Silence, Answer::NotFound] {
                let mut world = lossy.clone();
                if world.apply(index, from, to)? {
                    world.answer(index, answer)?;
                    found.push(world);
                }
            }
        }
        if self.budgets.crashes > 0 {
            let mut world = self.clone();
            world.budgets.crashes -= 1;
            world.apply(index, from, to)?;
            world.contenders[index].is_dead = true;
            found.push(world);
        }
        Ok(())
    }

    fn wait(&self, index: usize, found: &mut Vec<World>) -> Result<(), String> {
        let (answer, at) = self.contenders[index].answers.last().expect("it has looked");
        if *at < self.now || *answer != Answer::Listed(self.names.clone()) {
            let mut world = self.clone();
            world.answer(index, Answer::GoOn)?;
            found.push(world);
        }
        Ok(())
    }

    fn answer(&mut self, index: usize, answer: Answer) -> Result<(), String> {
        let contender = &mut self.contenders[index];
        contender.answers.push((answer, self.now));
        contender.status = run(contender.plan, self.faults, contender.token, &contender.answers);
        if let Some(fence) = contender.status.fence
            && self.given.get(&fence) != Some(&contender.token)
        {
            return Err(self.broken(&format!("contender {index} was told {fence}, which it was not given")));
        }
        let Contender { status: Status { released, fence, .. }, .. } = &self.contenders[index];
        match (released, fence.and_then(|fence| self.ends.get(&fence))) {
            (Some(true), end) if end != Some(&End::Released) => {
                Err(self.broken(&format!("the release of contender {index} succeeded, but the lease was {end:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Does a rename. Returns false if there is nothing of that name.
    fn apply(&mut self, index: usize, from: Name, to: Name) -> Result<bool, String> {
        let is_there = self.names.contains(&from);
        if !is_there && !self.faults.renames_over {
            return Ok(false);
        }
        let was = self.names[0];
        self.before = Some(was);
        self.names = vec![to];
        if let Name::Held { fence, token, .. } = was
            && !to.is_held_by(token)
        {
            let end = match to {
                Name::Free { is_broken: true, .. } => End::Broken,
                Name::Free { .. } => End::Released,
                Name::Held { .. } => End::TakenOver,
            };
            if end == End::Released && self.contenders[index].token != token {
                return Err(self.broken(&format!("the lease of {fence} was freed by another")));
            }
            self.ends.insert(fence, end);
        }
        if let Name::Held { fence, token, renewal: 0, .. } = to {
            if self.given.insert(fence, token).is_some_and(|before| before != token) {
                return Err(self.broken(&format!("the number {fence} is given twice")));
            }
            if self.given.keys().next_back() != Some(&fence) {
                return Err(self.broken(&format!("the number {fence} is given after a higher one")));
            }
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), String> {
        if self.names.len() != 1 {
            return Err(self.broken("there is not exactly one file"));
        }
        let is_at_work = |contender: &&Contender| {
            contender.status.works.is_some_and(|(fence, until)| {
                // Who breaks a lease says that its holder is gone.
                self.now < until && self.ends.get(&fence) != Some(&End::Broken)
            }) && !contender.is_dead
        };
        if self.contenders.iter().filter(is_at_work).count() > 1 {
            return Err(self.broken("two have the lease at the same time"));
        }
        Ok(())
    }

    /// Whatever has happened, the next one gets the lease, in the end.
    fn check_end(&self) -> Result<(), String> {
        if self.contenders.iter().any(|contender| contender.status.next.is_some() && !contender.is_dead) {
            // It would need more time than there is here.
            return Ok(());
        }
        let token: Token = "f".repeat(32).parse().expect("it is a token");
        let (mut world, mut answers) = (self.clone(), Vec::new());
        loop {
            world.now += 1;
            let status = run(Plan::LAST, self.faults, token, &answers);
            if let Some(fence) = status.fence {
                let is_higher = self.given.keys().all(|given| *given < fence);
                return if is_higher { Ok(()) } else { Err(self.broken("the next number is not higher")) };
            }
            let answer = match status.next {
                Some(Operation::List) => Answer::Listed(world.names.clone()),
                Some(Operation::Rename(from, to)) if world.names == [from] => {
                    world.names = vec![to];
                    Answer::Renamed
                }
                Some(Operation::Rename(..)) => Answer::NotFound,
                Some(Operation::Wait | Operation::Work) => Answer::GoOn,
                None => return Err(self.broken("nobody can get the lease any more")),
            };
            answers.push((answer, world.now));
        }
    }

    fn broken(&self, promise: &str) -> String {
        use std::fmt::Write as _;

        let mut text = format!("{promise}, at {} with {:?} and {:?}", self.now, self.names, self.ends);
        for (index, contender) in self.contenders.iter().enumerate() {
            let _ = write!(text, "\ncontender {index}, {:?}", contender.status);
            for (answer, at) in &contender.answers {
                let _ = write!(text, "\n    {at}: {answer:?}");
            }
        }
        text
    }
}
