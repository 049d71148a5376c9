//! A daemon: it builds all projects again and again, each on a thread with a context of its own, and keeps their states.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use logscope::store::{FolderLeases, Lease, Store};
use logscope::{Format, LevelFilter, OutputContext, Verbosity, sink};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::{Manner, Result};

pub(crate) const PROJECTS: [&str; 4] = ["blink", "clock", "robot", "siren"];

/// How long a daemon may be dead before the other one takes over what it has locked.
const TTL: Duration = Duration::from_millis(500);

/// How long a build takes.
const BUILD: Duration = Duration::from_millis(8);

/// How long a daemon rests after a build, so that the other one has its turn.
const REST: Duration = Duration::from_millis(16);

/// How many of the last builds a state has.
const LAST: usize = 5;

/// The state of a project.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct State {
    /// How often it was built.
    pub(crate) builds: u64,
    pub(crate) by_daemon: BTreeMap<String, u64>,
    /// The numbers of the last builds, and who has made them.
    pub(crate) last: Vec<(u64, String)>,
}

impl State {
    fn built_by(&mut self, daemon: &str) {
        self.builds += 1;
        *self.by_daemon.entry(daemon.to_owned()).or_default() += 1;
        self.last.push((self.builds, daemon.to_owned()));
        let rest = self.last.len().saturating_sub(LAST);
        self.last.drain(..rest);
    }
}

/// What a daemon says: that it begins a build, or that it is saved.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) daemon: String,
    pub(crate) project: usize,
    pub(crate) is_saved: bool,
    /// The number of the build.
    pub(crate) build: u64,
    pub(crate) fence: u64,
    /// When, in milliseconds of the wall clock.
    pub(crate) at: u128,
}

impl Told {
    fn say(&self) {
        let Told { daemon, project, is_saved, build, fence, at } = self;
        println!("{daemon} {project} {is_saved} {build} {fence} {at}");
    }

    pub(crate) fn parse(line: &str) -> Result<Told> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [daemon, project, is_saved, build, fence, at] = words[..] else {
            return Err(format!("what is {line:?}?").into());
        };
        Ok(Told {
            daemon: daemon.to_owned(),
            project: project.parse()?,
            is_saved: is_saved.parse()?,
            build: build.parse()?,
            fence: fence.parse()?,
            at: at.parse()?,
        })
    }
}

pub(crate) fn now() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// Opens the state of a project.
pub(crate) fn open(folder: &Path, project: &str) -> Result<Store<State>, logscope::Error> {
    let leases = FolderLeases::new(folder.join(project).join("leases"));
    let lease = Lease::new(leases, project).ttl(TTL).keeper(true);
    Store::options().schema("project-state").lease(lease).open(folder.join(project).join("state.json"))
}

/// Builds until stdin is closed.
pub(crate) fn run(manner: Manner, name: &str, folder: &Path) -> Result<()> {
    let terminal = sink::stderr().format(Format::build().aligned(true).fields(false));
    let nobody = OutputContext::builder(name).verbosity(LevelFilter::WARN).sink(terminal.clone()).build();
    logscope::configure().default_context(nobody).install()?;
    let verbosity: Verbosity = std::env::var("LOGSCOPE").unwrap_or_else(|_| "warn".to_owned()).parse()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let builds: Vec<_> = (0..PROJECTS.len())
        .map(|project| {
            let context = OutputContext::builder(format!("{name}.{}", PROJECTS[project]));
            let context = context.verbosity(verbosity.clone()).sink(terminal.clone()).build();
            let (name, folder, is_over) = (name.to_owned(), folder.to_owned(), Arc::clone(&is_over));
            thread::spawn(move || {
                context.scope(|| match manner {
                    Manner::Store => build(&name, &folder, project, &is_over),
                    Manner::Naive => build_naively(&name, &folder, project, &is_over),
                })
            })
        })
        .collect();
    std::io::stdin().read_to_end(&mut Vec::new())?;
    is_over.store(true, Ordering::Relaxed);
    for build in builds {
        build.join().map_err(|_| "a thread that builds has panicked")??;
    }
    Ok(())
}

fn build(daemon: &str, folder: &Path, project: usize, is_over: &AtomicBool) -> Result<()> {
    let store = open(folder, PROJECTS[project])?;
    while !is_over.load(Ordering::Relaxed) {
        let mut state = store.lock(Duration::from_secs(60))?;
        state.built_by(daemon);
        let (build, fence) = (state.builds, state.lease().map_or(0, |lease| lease.fence()));
        let told = |is_saved| Told { daemon: daemon.to_owned(), project, is_saved, build, fence, at: now() };
        info!("build {build} of {}", PROJECTS[project]);
        told(false).say();
        thread::sleep(BUILD);
        match state.save() {
            Ok(()) => told(true).say(),
            // Another daemon has taken over: whatever was built is to be built again.
            Err(error) if error.is_lock_lost() => warn!("build {build} is void: {error}"),
            Err(error) => return Err(error.into()),
        }
        thread::sleep(REST);
    }
    Ok(())
}

/// As the daemons did it before: the state is read once, and written after each build.
fn build_naively(daemon: &str, folder: &Path, project: usize, is_over: &AtomicBool) -> Result<()> {
    let path = folder.join(PROJECTS[project]).join("state.json");
    let mut state: State =
        fs::read(&path).map_or_else(|_| Ok(State::default()), |state| serde_json::from_slice(&state))?;
    while !is_over.load(Ordering::Relaxed) {
        state.built_by(daemon);
        let told =
            |is_saved| Told { daemon: daemon.to_owned(), project, is_saved, build: state.builds, fence: 0, at: now() };
        told(false).say();
        thread::sleep(BUILD);
        fs::write(&path, serde_json::to_vec(&state)?)?;
        told(true).say();
        thread::sleep(REST);
    }
    Ok(())
}
