//! Histories of processes that publish the same things at once: each stops at some step, and then goes on or is killed there.

#![allow(clippy::print_stdout, reason = "a process of the test tells by its stdout what happens")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use proptest::prelude::*;

use super::killed::{Kind, publish_version, read_version};
use super::*;

const KIND: &str = "LOGSCOPE_TEST_HISTORY_KIND";
const STEP: &str = "LOGSCOPE_TEST_HISTORY_STEP";
const PATH: &str = "LOGSCOPE_TEST_HISTORY_PATH";
const VERSION: &str = "LOGSCOPE_TEST_HISTORY_VERSION";

const STOPPED: &str = "stopped";

#[derive(Clone, Debug)]
enum Act {
    /// A process begins to publish, and stops at one of the steps.
    Begin(Kind, prop::sample::Index),
    /// One of those that have stopped goes on, to the end.
    GoOn(prop::sample::Index),
    /// One of those that have stopped is killed.
    Kill(prop::sample::Index),
    /// Somebody removes what is published.
    Remove(Kind),
}

fn act() -> impl Strategy<Value = Act> {
    let kind = || prop::sample::select(&Kind::ALL[..]);
    let any = any::<prop::sample::Index>;
    prop_oneof![
        5 => (kind(), any()).prop_map(|(kind, step)| Act::Begin(kind, step)),
        3 => any().prop_map(Act::GoOn),
        2 => any().prop_map(Act::Kill),
        1 => kind().prop_map(Act::Remove),
    ]
}

/// A process that has stopped in the middle of a publication.
struct Publisher {
    process: Child,
    kind: Kind,
    version: String,
    is_placed: bool,
}

impl Publisher {
    fn begin(kind: Kind, step: &str, folder: &Path, version: &str) -> Publisher {
        let role = thread::current().name().unwrap().to_owned();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &role, "--nocapture"])
            .envs([(KIND, kind.name()), (STEP, step), (VERSION, version)])
            .env(PATH, folder.join(kind.name()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == STOPPED), "{kind:?} does not come to {step:?}");
        let is_placed = kind.steps().last() == Some(&step);
        Publisher { process, kind, version: version.to_owned(), is_placed }
    }

    /// The part of the process.
    fn play() {
        let Some(path) = std::env::var_os(PATH) else { return };
        let [kind, at, version] = [KIND, STEP, VERSION].map(|name| std::env::var(name).unwrap());
        steps::watch(move |step| {
            if step == at {
                println!("\n{STOPPED}");
                assert!(io::stdin().lines().next().is_some(), "nobody lets it go on");
            }
        });
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap();
        publish_version(kind, Path::new(&path), &version).unwrap();
        std::process::exit(0);
    }

    fn go_on(mut self) {
        writeln!(self.process.stdin.take().unwrap()).unwrap();
        assert!(self.process.wait().unwrap().success(), "{:?} is published whatever others do", self.kind);
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// At each moment everything is as it was last put in place, and whole. In the end nothing is left over.
    #[test]
    fn in_any_history_of_publishers_each_finds_what_was_put_in_place_last(acts in prop::collection::vec(act(), 1..14)) {
        Publisher::play();
        let folder = tempfile::tempdir().unwrap();
        let path = |kind: Kind| folder.path().join(kind.name());
        let mut stopped: Vec<Publisher> = Vec::new();
        let mut placed: [Option<String>; 3] = [None, None, None];
        let end = |publisher: Publisher, placed: &mut [Option<String>; 3]| {
            if !publisher.is_placed {
                placed[publisher.kind as usize] = Some(publisher.version.clone());
            }
            publisher.go_on();
        };
        for (number, act) in acts.into_iter().enumerate() {
            match act {
                Act::Begin(kind, step) => {
                    let step: &&str = step.get(kind.steps());
                    let publisher = Publisher::begin(kind, step, folder.path(), &number.to_string());
                    if publisher.is_placed {
                        placed[kind as usize] = Some(publisher.version.clone());
                    }
                    stopped.push(publisher);
                }
                Act::GoOn(which) if !stopped.is_empty() => end(stopped.remove(which.index(stopped.len())), &mut placed),
                Act::Kill(which) if !stopped.is_empty() => stopped.remove(which.index(stopped.len())).kill(),
                Act::Remove(kind) if placed[kind as usize].take().is_some() => match kind {
                    Kind::Exchanged => fs::remove_dir_all(path(kind)).unwrap(),
                    Kind::File | Kind::Linked => fs::remove_file(path(kind)).unwrap(),
                },
                _ => {}
            }
            for kind in Kind::ALL {
                let found = path(kind).exists().then(|| read_version(kind, &path(kind)));
                prop_assert_eq!(&found, &placed[kind as usize], "{:?}", kind);
            }
        }
        for publisher in stopped {
            end(publisher, &mut placed);
        }
        for kind in Kind::ALL {
            thread::scope(|scope| scope.spawn(|| publish_version(kind, &path(kind), "last").unwrap()).join().unwrap());
        }
        steps::keep_replaced_folders(Duration::ZERO);
        clear_leftovers(folder.path());
        // One that a link leads to.
        prop_assert_eq!(names(folder.path()).len(), Kind::ALL.len() + 1, "{:?}", names(folder.path()));
    }
}
