//! Histories of processes that fetch the same key at once: threads and tasks of three processes call, make, fail, panic, are dropped and are
//! killed in any order, while somebody deletes parts of the cache. The test decides what each make does, and knows what each call may be given.

#![cfg(feature = "testing")]
#![cfg(all(unix, feature = "lock"))]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a process of the test tells by its stdout what happens")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/waits.rs"]
mod waits;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, ErrorKind as IoErrorKind, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use child::{Child, Running, in_child};
use common::block_on;
use logscope::lock::{Fetch, FetchPolicy};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use tokio::sync::mpsc as tokio_mpsc;
use waits::on_waits;

const CACHE: &str = "LOGSCOPE_TEST_CACHE";
const ROLE: &str = "any_history_of_processes_gives_each_call_what_its_policy_says";
const PROCESSES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

/// What the make `number` makes.
fn text_of(number: usize) -> String {
    format!("{number}:{}:end", "x".repeat(50_000 + number))
}

/// Returns the number of the make that a file is of. It must be whole.
fn number_of(text: &str) -> usize {
    let number = text.split(':').next().unwrap().parse().unwrap();
    assert!(text == text_of(number), "a part of file {number}, of {} bytes", text.len());
    number
}

fn fetch(cache: &Path) -> Fetch {
    Fetch::new("gcc", cache).retries(100)
}

// The part of a process: it reads what to do from stdin, and tells what happens on stdout.

thread_local! {
    /// The call of this thread.
    static CALL: Cell<usize> = const { Cell::new(0) };
}

fn tell(what: &str) {
    // The test harness may have begun a line.
    println!("\n@ {what}");
}

fn play() {
    on_waits(|| tell(&format!("waits {}", CALL.get())));
    let cache = PathBuf::from(std::env::var_os(CACHE).unwrap());
    let mut calls = BTreeMap::new();
    for line in io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let call: usize = words[1].parse().unwrap();
        match words[0] {
            "call" => {
                let (sender, orders) = tokio_mpsc::unbounded_channel();
                calls.insert(call, sender);
                let fetch = match words[2] {
                    "always" => fetch(&cache).policy(FetchPolicy::Always),
                    "young" => fetch(&cache).policy(FetchPolicy::MaxAge(Duration::from_secs(3_600))),
                    _ => fetch(&cache),
                };
                let mirror = cache.with_file_name(format!("mirror-{call}"));
                let fetch = fetch.mirror_to(&mirror);
                let by_task = words[3] == "task";
                thread::spawn(move || {
                    CALL.set(call);
                    let run = AssertUnwindSafe(|| {
                        if by_task { run_task(call, &fetch, orders) } else { run(call, &fetch, orders) }
                    });
                    match catch_unwind(run) {
                        Ok(Some(Ok(made))) => {
                            tell(&format!("done {call} {} {made}", number_of(&fs::read_to_string(&mirror).unwrap())));
                        }
                        Ok(Some(Err(error))) => tell(&format!("failed {call} {error:#}")),
                        Ok(None) => tell(&format!("dropped {call}")),
                        Err(_) => tell(&format!("failed {call} panicked")),
                    }
                });
            }
            _ => calls[&call].send(words[2..].join(" ")).unwrap(),
        }
    }
}

type Orders = tokio_mpsc::UnboundedReceiver<String>;

/// Does what was ordered when a make had begun.
fn obey(order: &str, file: &mut File) -> io::Result<()> {
    match order {
        "fail" => file.write_all(b"half").and(Err(io::Error::other("no"))),
        "break" => file.write_all(b"half").and(Err(IoErrorKind::ConnectionReset.into())),
        "panic" => panic!("on purpose"),
        number => file.write_all(text_of(number.parse().unwrap()).as_bytes()),
    }
}

fn run(call: usize, fetch: &Fetch, mut orders: Orders) -> Option<Result<bool, logscope::Error>> {
    let fetched = fetch.get(|file| {
        tell(&format!("began {call}"));
        obey(&orders.blocking_recv().unwrap(), file)
    });
    Some(fetched.map(|fetched| fetched.made))
}

/// None if the future is dropped.
fn run_task(call: usize, fetch: &Fetch, mut orders: Orders) -> Option<Result<bool, logscope::Error>> {
    let (to_make, of_make) = tokio_mpsc::unbounded_channel::<String>();
    let of_make = tokio::sync::Mutex::new(of_make);
    let mut fetched = pin!(fetch.get_async(|mut file| {
        let of_make = &of_make;
        async move {
            tell(&format!("began {call}"));
            obey(&of_make.lock().await.recv().await.unwrap(), &mut file)
        }
    }));
    block_on(std::future::poll_fn(|context| {
        while let Poll::Ready(Some(order)) = orders.poll_recv(context) {
            if order == "drop" {
                return Poll::Ready(None);
            }
            to_make.send(order).unwrap();
        }
        fetched.as_mut().poll(context).map(|fetched| Some(fetched.map(|fetched| fetched.made)))
    }))
}

// The part of the test.

#[derive(Clone, Debug)]
enum Act {
    Call {
        process: usize,
        policy: &'static str,
        by: &'static str,
    },
    /// A make that has begun ends.
    End(Index, Ending),
    /// A future is dropped, whatever it does.
    Drop(Index),
    Kill(usize),
    Delete(Part),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Succeeds,
    Fails,
    Breaks,
    Panics,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Entry,
    Record,
    Lock,
    All,
}

fn act() -> impl Strategy<Value = Act> {
    let policy = prop::sample::select(vec!["always", "always", "missing", "young"]);
    let call = (0..PROCESSES, policy, prop::sample::select(vec!["thread", "task"]));
    let ending = prop_oneof![4 => Just(Ending::Succeeds), 1 => Just(Ending::Fails), 1 => Just(Ending::Breaks), 1 => Just(Ending::Panics)];
    let part = prop_oneof![Just(Part::Entry), Just(Part::Record), Just(Part::Lock), Just(Part::All)];
    prop_oneof![
        12 => call.prop_map(|(process, policy, by)| Act::Call { process, policy, by }),
        7 => (any::<Index>(), ending).prop_map(|(which, ending)| Act::End(which, ending)),
        1 => any::<Index>().prop_map(Act::Drop),
        1 => (0..PROCESSES).prop_map(Act::Kill),
        1 => part.prop_map(Act::Delete),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// It was told to call, and has not been heard of.
    Called,
    Waits,
    /// It makes, and somebody has deleted the lock meanwhile.
    Makes {
        number: usize,
        has_lost: bool,
    },
    /// Its make ends.
    Ends,
}

#[derive(Debug)]
struct Call {
    process: usize,
    policy: &'static str,
    by: &'static str,
    /// How many makes had begun before it.
    begun_before: usize,
    state: State,
    may_fail: bool,
}

/// A process, and what to tell it.
struct Process {
    running: Running,
    orders: ChildStdin,
}

struct World {
    folder: tempfile::TempDir,
    cache: PathBuf,
    processes: [Option<Process>; PROCESSES],
    /// What processes tell, and that one has ended.
    told: Receiver<(usize, Option<String>)>,
    tell: Sender<(usize, Option<String>)>,
    calls: BTreeMap<usize, Call>,
    called: usize,
    begun: usize,
    /// The numbers of the makes that were to be published.
    published: BTreeSet<usize>,
    /// Nobody has deleted anything.
    is_untouched: bool,
    /// What was done and told, for whoever reads of a failure.
    history: Vec<String>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let (tell, told) = channel();
        World {
            cache: folder.path().join("cache"),
            folder,
            processes: [None, None, None],
            told,
            tell,
            calls: BTreeMap::new(),
            called: 0,
            begun: 0,
            published: BTreeSet::new(),
            is_untouched: true,
            history: Vec::new(),
        }
    }

    fn order(&mut self, process: usize, order: &str) {
        let process = self.processes[process].get_or_insert_with(|| {
            let mut running = Child::new(ROLE).var(CACHE, self.cache.display()).stdin_piped().stdout_piped().start();
            let (lines, tell) = (BufReader::new(running.process().stdout.take().unwrap()).lines(), self.tell.clone());
            thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if let Some(event) = line.strip_prefix("@ ") {
                        let _ = tell.send((process, Some(event.to_owned())));
                    }
                }
                let _ = tell.send((process, None));
            });
            Process { orders: running.process().stdin.take().unwrap(), running }
        });
        writeln!(process.orders, "{order}").unwrap();
        self.history.push(order.to_owned());
    }

    fn act(&mut self, act: &Act) {
        self.history.push(format!("{act:?}"));
        match *act {
            Act::Call { process, policy, by } => {
                self.called += 1;
                let call = self.called;
                let (begun_before, state) = (self.begun, State::Called);
                self.calls.insert(call, Call { process, policy, by, begun_before, state, may_fail: false });
                self.order(process, &format!("call {call} {policy} {by}"));
            }
            Act::End(which, ending) => {
                let makers = self.find(|call| matches!(call.state, State::Makes { .. }));
                if !makers.is_empty() {
                    self.end(*which.get(&makers), ending);
                }
            }
            Act::Drop(which) => {
                let tasks = self.find(|call| call.by == "task");
                if !tasks.is_empty() {
                    let call = *which.get(&tasks);
                    self.calls.get_mut(&call).unwrap().state = State::Ends;
                    self.order(self.calls[&call].process, &format!("order {call} drop"));
                }
            }
            Act::Kill(process) => {
                if let Some(mut killed) = self.processes[process].take() {
                    killed.running.process().kill().unwrap();
                    killed.running.process().wait().unwrap();
                    while self.hear() != Some(process) {}
                    self.calls.retain(|_, call| call.process != process);
                }
            }
            Act::Delete(part) => self.delete(part),
        }
        self.settle();
    }

    fn find(&self, is: impl Fn(&Call) -> bool) -> Vec<usize> {
        self.calls.iter().filter(|(_, call)| is(call)).map(|(number, _)| *number).collect()
    }

    fn end(&mut self, number: usize, ending: Ending) {
        let call = self.calls.get_mut(&number).unwrap();
        let State::Makes { number: make, has_lost } = call.state else { panic!("{call:?} makes nothing") };
        // Who has lost the lock tries again, whatever its make did, and so waits.
        let waits = has_lost && ending != Ending::Panics;
        call.state = if waits { State::Waits } else { State::Ends };
        call.may_fail = matches!(ending, Ending::Fails | Ending::Panics) && !waits;
        let order = match ending {
            Ending::Succeeds => make.to_string(),
            Ending::Fails => "fail".to_owned(),
            Ending::Breaks => "break".to_owned(),
            Ending::Panics => "panic".to_owned(),
        };
        if ending == Ending::Succeeds && !has_lost {
            self.published.insert(make);
        }
        self.order(self.calls[&number].process, &format!("order {number} {order}"));
    }

    fn delete(&mut self, part: Part) {
        self.is_untouched = false;
        let plain = fetch(&self.cache);
        let _ = match part {
            Part::Entry => fs::remove_file(plain.entry_path()),
            Part::Record => fs::remove_file(plain.entry_path().with_file_name("record")),
            Part::Lock => fs::remove_file(plain.lock().path()),
            // In one step: while the lock is removed and its folder is not, somebody can make another one, which is removed as well.
            Part::All => {
                let aside = self.folder.path().join("removed");
                fs::rename(&self.cache, &aside).and_then(|()| fs::remove_dir_all(aside))
            }
        };
        if matches!(part, Part::Lock | Part::All) {
            for call in self.calls.values_mut() {
                if let State::Makes { has_lost, .. } = &mut call.state {
                    *has_lost = true;
                }
            }
        }
    }

    /// Goes on until nothing happens any more by itself: whoever waits does so for somebody who makes.
    fn settle(&mut self) {
        loop {
            let is_made = self.calls.values().any(|call| matches!(call.state, State::Makes { has_lost: false, .. }));
            let goes_on = |call: &Call| match call.state {
                State::Called | State::Ends => true,
                State::Waits => !is_made,
                State::Makes { .. } => false,
            };
            if !self.calls.values().any(goes_on) {
                return;
            }
            self.hear();
        }
    }

    /// Hears what a process tells. Returns one that has ended.
    fn hear(&mut self) -> Option<usize> {
        let told = self.told.recv_timeout(PATIENCE);
        let (process, event) =
            told.unwrap_or_else(|_| panic!("nothing happens any more: {:?} after {:#?}", self.calls, self.history));
        let Some(event) = event else { return Some(process) };
        self.history.push(event.clone());
        let words: Vec<&str> = event.split(' ').collect();
        let number = words[1].parse().unwrap();
        let is_made = self.calls.values().any(|call| matches!(call.state, State::Makes { has_lost: false, .. }));
        let call = self.calls.get_mut(&number).unwrap_or_else(|| panic!("nobody knows of {event}"));
        match words[0] {
            "waits" if call.state == State::Called => call.state = State::Waits,
            "waits" => {}
            "began" => {
                assert!(!is_made, "{call:?} makes while another one does");
                self.begun += 1;
                let mut since = self.published.range(call.begun_before + 1..);
                let serves = if call.policy == "always" { since.next() } else { self.published.first() };
                assert!(serves.is_none() || !self.is_untouched, "{call:?} makes, though {serves:?} serves it");
                call.state = State::Makes { number: self.begun, has_lost: false };
            }
            "done" => {
                let make: usize = words[2].parse().unwrap();
                assert!(self.published.contains(&make), "{call:?} got {make}, which was not to be published");
                assert!(
                    call.policy != "always" || make > call.begun_before,
                    "{call:?} got {make}, which began before it"
                );
                assert!(!call.may_fail, "{call:?} cannot have been served");
                self.calls.remove(&number);
            }
            "failed" => {
                assert!(call.may_fail, "{call:?}: {event}");
                self.calls.remove(&number);
            }
            "dropped" => drop(self.calls.remove(&number)),
            _ => panic!("{event}"),
        }
        None
    }

    /// Lets all calls end, and looks what is left.
    fn conclude(mut self) {
        while let Some(maker) = self.find(|call| matches!(call.state, State::Makes { .. })).first() {
            self.end(*maker, Ending::Succeeds);
            self.settle();
        }
        assert!(self.calls.is_empty(), "{:?}", self.calls);
        for process in self.processes.into_iter().flatten() {
            drop(process.orders);
            assert!(process.running.wait_for_any_end().0.success());
        }
        let last = fetch(&self.cache).policy(FetchPolicy::Always);
        assert!(last.get(|file| file.write_all(b"last")).unwrap().made);
        for folder in [last.entry_path().parent().unwrap(), self.folder.path()] {
            let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let left: Vec<_> = names.filter(|name| name.starts_with(".logscope-")).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, max_shrink_iters: 8, ..ProptestConfig::default() })]

    /// Each call is given a whole file that its policy allows. No call makes if another make serves it, and no two make at once, unless somebody
    /// has deleted something. Who is killed or dropped holds nobody up, and leaves nothing.
    #[test]
    fn any_history_of_processes_gives_each_call_what_its_policy_says(acts in prop::collection::vec(act(), 1..28)) {
        in_child(ROLE, |_| {
            play();
            json!(true)
        });
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        world.conclude();
    }
}
