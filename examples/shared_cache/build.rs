//! The builds of one process: each has a context of its own, fetches all toolchains, and mirrors them to its folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use logscope::lock::{Fetch, FileLock};
use logscope::sink::Sink;
use logscope::{Format, InContext as _, LevelFilter, OutputContext, Verbosity, sink};
use tracing::info;

use crate::server::{Download, TOOLS, Tool, begun};
use crate::{Manner, Result};

/// How many builds a process runs at once: half of them on threads, half as tasks.
pub(crate) const BUILDS: usize = 4;

/// What became of one wish of a build.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) tool: usize,
    /// How many downloads had begun before it asked.
    pub(crate) begun: usize,
    /// It has downloaded it itself.
    pub(crate) made: bool,
    pub(crate) mirror: PathBuf,
    /// Why it got none; empty if it got one.
    pub(crate) problem: String,
}

impl Asked {
    fn to_line(&self) -> String {
        let Asked { tool, begun, made, mirror, problem } = self;
        format!("{tool}\t{begun}\t{made}\t{}\t{}", mirror.display(), problem.replace(['\t', '\n'], " "))
    }

    pub(crate) fn parse(line: &str) -> Result<Asked> {
        let words: Vec<&str> = line.split('\t').collect();
        let [tool, begun, made, mirror, problem] = words[..] else { return Err(format!("what is {line:?}?").into()) };
        Ok(Asked {
            tool: tool.parse()?,
            begun: begun.parse()?,
            made: made.parse()?,
            mirror: mirror.into(),
            problem: problem.to_owned(),
        })
    }
}

/// Runs the builds of one process, and prints what became of them.
pub(crate) fn run_all(manner: Manner, process: usize, folder: &Path) -> Result<()> {
    let terminal = install()?;
    let verbosity: Verbosity =
        std::env::var("LOGSCOPE").unwrap_or_else(|_| "info,logscope::lock=off".to_owned()).parse()?;
    let context = |number: usize| {
        let name = format!("{process}.{number}");
        let context = OutputContext::builder(&name).verbosity(verbosity.clone()).sink(terminal.clone()).build();
        (context, folder.join("builds").join(name))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder: Arc<Path> = folder.into();
    let tasks: Vec<_> = (0..BUILDS / 2)
        .map(|number| {
            let ((context, own), folder) = (context(number), Arc::clone(&folder));
            runtime.spawn(async move { run_task(manner, &folder, &own).await }.in_context(&context))
        })
        .collect();
    let threads: Vec<_> = (BUILDS / 2..BUILDS)
        .map(|number| {
            let ((context, own), folder) = (context(number), Arc::clone(&folder));
            thread::spawn(move || context.scope(|| run_thread(manner, &folder, &own)))
        })
        .collect();
    let mut asked = Vec::new();
    for thread in threads {
        asked.extend(thread.join().map_err(|_| "a build's thread has panicked")?);
    }
    for task in tasks {
        asked.extend(runtime.block_on(task)?);
    }
    asked.iter().for_each(|asked| println!("{}", asked.to_line()));
    Ok(())
}

/// Downloads half of a toolchain, and dies.
pub(crate) fn die_downloading(folder: &Path) -> Result<bool> {
    let _terminal = install()?;
    fetch(folder, &TOOLS[1], &folder.join("builds/dead")).get(|file| {
        Download::begin(folder, &TOOLS[1])?.next(file)?;
        // Nothing is cleaned up, as if it were killed.
        std::process::abort()
    })?;
    Ok(true)
}

fn install() -> Result<Sink> {
    let terminal = sink::stderr().format(Format::build().aligned(true).fields(false));
    let nobody = OutputContext::builder("nobody").verbosity(LevelFilter::WARN).sink(terminal.clone()).build();
    logscope::configure().default_context(nobody).install()?;
    Ok(terminal)
}

/// What a build asks for.
fn fetch(folder: &Path, tool: &Tool, own: &Path) -> Fetch {
    let fetch = Fetch::new(tool.name, folder.join("cache")).policy(tool.policy()).mirror_to(own.join(tool.name));
    match tool.digest() {
        Some(digest) => fetch.digest(digest),
        None => fetch,
    }
}

fn run_thread(manner: Manner, folder: &Path, own: &Path) -> Vec<Asked> {
    if manner == Manner::Naive {
        return run_naively(folder, own);
    }
    let ask = |(number, tool): (usize, &Tool)| {
        let begun = begun(folder, tool);
        let fetched = fetch(folder, tool, own).get(|file| download(folder, tool, file));
        asked(number, begun, own, fetched.map(|fetched| fetched.made).map_err(|error| format!("{error:#}")))
    };
    (0..).zip(&TOOLS).map(ask).collect()
}

async fn run_task(manner: Manner, folder: &Path, own: &Path) -> Vec<Asked> {
    if manner == Manner::Naive {
        return tokio::task::block_in_place(|| run_naively(folder, own));
    }
    let mut all = Vec::new();
    for (number, tool) in (0..).zip(&TOOLS) {
        let begun = begun(folder, tool);
        let fetched = fetch(folder, tool, own).get_async(|file| download_async(folder, tool, file)).await;
        all.push(asked(number, begun, own, fetched.map(|fetched| fetched.made).map_err(|error| format!("{error:#}"))));
    }
    all
}

fn asked(tool: usize, begun: usize, own: &Path, fetched: Result<bool, String>) -> Asked {
    let mirror = own.join(TOOLS[tool].name);
    let (made, problem) = match fetched {
        Ok(made) => (made, String::new()),
        Err(problem) => (false, problem),
    };
    Asked { tool, begun, made, mirror, problem }
}

fn download(folder: &Path, tool: &Tool, file: &mut File) -> io::Result<()> {
    let began = Instant::now();
    let mut download = Download::begin(folder, tool)?;
    while let Some(pause) = download.next(file)? {
        thread::sleep(pause);
    }
    say_downloaded(tool, began, "a thread");
    Ok(())
}

async fn download_async(folder: &Path, tool: &Tool, mut file: File) -> io::Result<()> {
    let began = Instant::now();
    let mut download = Download::begin(folder, tool)?;
    while let Some(pause) = download.next(&mut file)? {
        tokio::time::sleep(pause).await;
    }
    say_downloaded(tool, began, "a task");
    Ok(())
}

fn say_downloaded(tool: &Tool, began: Instant, by: &str) {
    info!("{by} has downloaded {} in {} ms", tool.name, began.elapsed().as_millis());
}

/// As the builds did it before: the lock is held while the cache is filled, in place, and the mirrors are made when all is there.
fn run_naively(folder: &Path, own: &Path) -> Vec<Asked> {
    let cache = folder.join("cache");
    let fill = |tool: &Tool| -> Result<bool> {
        let _lock = FileLock::new(cache.join(format!("{}.lock", tool.name))).acquire(Duration::from_secs(60))?;
        let entry = cache.join(tool.name);
        if entry.exists() && !tool.is_index {
            return Ok(false);
        }
        let _ = fs::remove_file(&entry);
        download(folder, tool, &mut File::create(&entry)?)?;
        Ok(true)
    };
    let filled: Vec<_> = TOOLS.iter().map(|tool| (begun(folder, tool), fill(tool))).collect();
    let mirror = |(number, (begun, filled)): (usize, (usize, Result<bool>))| {
        let name = TOOLS[number].name;
        let mirrored = filled.and_then(|made| {
            fs::create_dir_all(own)?;
            fs::copy(cache.join(name), own.join(name))?;
            Ok(made)
        });
        asked(number, begun, own, mirrored.map_err(|error| error.to_string()))
    };
    (0..).zip(filled).map(mirror).collect()
}
