//! Random programs of scopes, tasks and readers, against a model that is simple enough to be right: vectors.
//!
//! To the model a scope ends when its guard is dropped, wherever that happens. After every step the current context
//! must be the model's, and whatever the model holds, or a reader looks at, must be alive; at the end nothing is.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread::LocalKey;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::scope::chain::{
    ChainContext, Guard, Local, TaskChain, current, depth, replace_current, scope, with_current,
};
use crate::sync::Arc;

/// One step of a program. An index picks among what there is at that moment; where there is nothing the step does
/// nothing.
#[derive(Clone, Debug)]
enum Step {
    Enter,
    /// Drops a guard: of any chain, running, suspended or ended.
    Leave(Index),
    /// Never drops a guard, as `mem::forget` does.
    Forget(Index),
    Update,
    Spawn,
    /// Makes a task without a context.
    SpawnUnscoped,
    EndTask(Index),
    /// What follows runs in a poll, a closure scope or a reader, until `Return` or `Unwind`.
    Poll(Index),
    Scope,
    Read,
    Return,
    Unwind,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<Index>;
    let step = prop_oneof![
        6 => Just(Step::Enter),
        6 => index().prop_map(Step::Leave),
        1 => index().prop_map(Step::Forget),
        2 => Just(Step::Update),
        2 => Just(Step::Spawn),
        1 => Just(Step::SpawnUnscoped),
        1 => index().prop_map(Step::EndTask),
        4 => index().prop_map(Step::Poll),
        2 => Just(Step::Scope),
        2 => Just(Step::Read),
        5 => Just(Step::Return),
        1 => Just(Step::Unwind),
    ];
    proptest::collection::vec(step, 0..if cfg!(miri) { 40 } else { 80 })
}

/// A context with a number. Its `Drop` uses scopes, and notes what is wrong (a panic there would be caught by the
/// chain).
struct Numbered {
    number: usize,
    fates: Rc<Fates>,
}

#[derive(Default)]
struct Fates {
    made: Cell<usize>,
    alive: RefCell<HashSet<usize>>,
    wrong: Cell<Option<&'static str>>,
}

thread_local! {
    static LOCAL: Local<Numbered> = const { Local::new() };
}

impl ChainContext for Numbered {
    fn local() -> &'static LocalKey<Local<Self>> {
        &LOCAL
    }
}

impl Drop for Numbered {
    fn drop(&mut self) {
        let number = self.number;
        let before = current_number();
        let mut wrong = None;
        if before == Some(number) {
            wrong = Some("dropped while it was the current context");
        } else if depth::<Numbered>() != 0 {
            wrong = Some("dropped under a reader");
        } else if !self.fates.alive.borrow_mut().remove(&number) {
            wrong = Some("dropped twice");
        }
        // Half of them open a scope, whose context has a `Drop` of its own.
        if number.is_multiple_of(2) && number != 0 {
            let guard = Guard::enter(self.fates.context_numbered(1_000_001 + number));
            if current_number() != Some(1_000_001 + number) {
                wrong = Some("a scope within its drop had no effect");
            }
            with_current(|_: Option<&Arc<Numbered>>| drop(guard));
        }
        if current_number() != before {
            wrong = Some("its drop has changed the current context");
        }
        self.fates.wrong.set(self.fates.wrong.get().or(wrong));
    }
}

impl Fates {
    fn context(self: &Rc<Self>) -> Arc<Numbered> {
        self.made.set(self.made.get() + 1);
        self.context_numbered(self.made.get())
    }

    #[allow(clippy::arc_with_non_send_sync, reason = "the chain takes an `Arc`; these programs run on one thread")]
    fn context_numbered(self: &Rc<Self>, number: usize) -> Arc<Numbered> {
        self.alive.borrow_mut().insert(number);
        Arc::new(Numbered { number, fates: Rc::clone(self) })
    }
}

fn current_number() -> Option<usize> {
    with_current(|current: Option<&Arc<Numbered>>| current.map(|context| context.number))
}

/// A chain of the model: the scopes that are open, oldest first, each with an identity and the number of its context.
#[derive(Default)]
struct Chain {
    base: Option<usize>,
    scopes: Vec<(usize, usize)>,
}

impl Chain {
    fn current(&mut self) -> Option<&mut usize> {
        self.scopes.last_mut().map(|(_, context)| context).or(self.base.as_mut())
    }
}

/// Runs `f` until it returns or comes to a [`Step::Unwind`]; a failed assertion passes through.
fn until_unwind(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f))
        && !payload.is::<Unwound>()
    {
        resume_unwind(payload);
    }
}

/// What a [`Step::Unwind`] throws.
struct Unwound;

/// The program's state and, beside it, the model's.
struct World {
    fates: Rc<Fates>,
    /// The guards that can be dropped, with the identities of their scopes.
    guards: Vec<(usize, Guard<Numbered>)>,
    forgotten: Vec<Guard<Numbered>>,
    /// The tasks, by the number of their chain; `None` while one is polled.
    tasks: Vec<(usize, Option<TaskChain<Numbered>>)>,
    /// The chains by number; 0 is the thread's. `None` after its task ended.
    chains: Vec<Option<Chain>>,
    /// The chains that run, one within the other.
    running: Vec<usize>,
    /// What readers look at.
    watched: Vec<usize>,
    /// Counts of the program's own, which the chain cannot be blamed for dropping under a reader.
    kept: Vec<Arc<Numbered>>,
    scopes: usize,
}

impl World {
    fn new() -> Self {
        World {
            fates: Rc::default(),
            guards: Vec::new(),
            forgotten: Vec::new(),
            tasks: Vec::new(),
            chains: vec![Some(Chain::default())],
            running: vec![0],
            watched: Vec::new(),
            kept: Vec::new(),
            scopes: 0,
        }
    }

    fn running(&mut self) -> &mut Chain {
        let running = *self.running.last().unwrap();
        self.chains[running].as_mut().unwrap()
    }

    fn open(&mut self, context: usize) -> usize {
        self.scopes += 1;
        let scope = self.scopes;
        self.running().scopes.push((scope, context));
        scope
    }

    fn close(&mut self, scope: usize) {
        for chain in self.chains.iter_mut().flatten() {
            chain.scopes.retain(|(open, _)| *open != scope);
        }
    }

    /// Drops a count of the program's own, or, under a reader, keeps it until the end.
    fn keep_under_readers(&mut self, context: Arc<Numbered>) {
        if !self.watched.is_empty() {
            self.kept.push(context);
        }
    }

    fn check(&mut self) {
        let expected = self.running().current().copied();
        assert_eq!(current_number(), expected);
        assert_eq!(current::<Numbered>().map(|context| context.number), expected);
        assert_eq!(depth::<Numbered>() as usize, self.watched.len());
        assert_eq!(self.fates.wrong.get(), None);
        let alive = self.fates.alive.borrow();
        let held =
            self.chains.iter().flatten().flat_map(|chain| chain.base.iter().chain(chain.scopes.iter().map(|(_, c)| c)));
        // 0 is a reader outside every scope.
        for context in held.chain(&self.watched).filter(|context| **context != 0) {
            assert!(alive.contains(context), "context {context} was let go of too early");
        }
    }

    /// Runs `steps` until the block that they are in ends.
    fn run(&mut self, steps: &mut std::vec::IntoIter<Step>) {
        while let Some(step) = steps.next() {
            match step {
                Step::Return => return,
                Step::Unwind => resume_unwind(Box::new(Unwound)),
                step => self.step(step, steps),
            }
            self.check();
        }
    }

    /// Runs the block that a step opens, by `around`, which calls what it is given. It ends here whether it returns or
    /// unwinds.
    fn block(&mut self, steps: &mut std::vec::IntoIter<Step>, around: impl FnOnce(&mut dyn FnMut())) {
        until_unwind(|| {
            around(&mut || {
                self.check();
                self.run(steps);
            });
        });
    }

    fn step(&mut self, step: Step, steps: &mut std::vec::IntoIter<Step>) {
        match step {
            Step::Enter => {
                let context = self.fates.context();
                let scope = self.open(context.number);
                self.guards.push((scope, Guard::enter(context)));
            }
            Step::Leave(index) if !self.guards.is_empty() => {
                let (scope, guard) = self.guards.remove(index.index(self.guards.len()));
                self.close(scope);
                drop(guard);
            }
            Step::Forget(index) if !self.guards.is_empty() => {
                let (_, guard) = self.guards.remove(index.index(self.guards.len()));
                self.forgotten.push(guard);
            }
            Step::Update => {
                let context = self.fates.context();
                let number = context.number;
                let expected = self.running().current().map(|current| std::mem::replace(current, number));
                if expected.is_none() {
                    self.keep_under_readers(Arc::clone(&context));
                }
                let before = replace_current(context);
                assert_eq!(before.map(|before| before.number), expected);
            }
            Step::Spawn => {
                let context = self.fates.context();
                self.tasks.push((self.chains.len(), None));
                self.chains.push(Some(Chain { base: Some(context.number), scopes: Vec::new() }));
                self.tasks.last_mut().unwrap().1 = Some(TaskChain::new(context));
            }
            Step::SpawnUnscoped => {
                self.tasks.push((self.chains.len(), Some(TaskChain::outside())));
                self.chains.push(Some(Chain::default()));
            }
            Step::EndTask(index) if !self.tasks.is_empty() => {
                let index = index.index(self.tasks.len());
                if self.tasks[index].1.is_some() {
                    let (chain, task) = self.tasks.remove(index);
                    self.chains[chain] = None;
                    drop(task);
                }
            }
            Step::Poll(index) if !self.tasks.is_empty() => {
                let index = index.index(self.tasks.len());
                let chain = self.tasks[index].0;
                if let Some(mut task) = self.tasks[index].1.take() {
                    self.running.push(chain);
                    self.block(steps, |inner| task.run(inner));
                    self.running.pop();
                    let slot = self.tasks.iter_mut().find(|(number, _)| *number == chain).unwrap();
                    slot.1 = Some(task);
                }
            }
            Step::Scope => {
                let context = self.fates.context();
                let opened = self.open(context.number);
                self.block(steps, |inner| scope(&context, inner));
                self.close(opened);
                self.keep_under_readers(context);
            }
            Step::Read => {
                let expected = self.running().current().map_or(0, |current| *current);
                self.watched.push(expected);
                self.block(steps, |inner| {
                    with_current(|context: Option<&Arc<Numbered>>| {
                        inner();
                        assert_eq!(context.map_or(0, |context| context.number), expected);
                    });
                });
                self.watched.pop();
            }
            _ => {}
        }
    }

    /// Ends the tasks, then drops the guards that are left, and finds everything gone.
    fn end(mut self) {
        while let Some((chain, task)) = self.tasks.pop() {
            self.chains[chain] = None;
            drop(task);
            self.check();
        }
        self.guards.clear();
        self.forgotten.clear();
        self.kept.clear();
        assert_eq!(current_number(), None);
        assert_eq!(*self.fates.alive.borrow(), HashSet::new(), "contexts that leaked");
        assert_eq!(self.fates.wrong.get(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Programs are short, and many are needed. `PROPTEST_CASES` scales their number.
        cases: if cfg!(miri) { 4 } else { 12 * ProptestConfig::default().cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_programs_agree_with_the_model(steps in steps()) {
        let mut world = World::new();
        let mut steps = steps.into_iter();
        // A `Return` or `Unwind` outside every block ends nothing.
        while !steps.as_slice().is_empty() {
            until_unwind(|| world.run(&mut steps));
        }
        world.end();
    }
}
