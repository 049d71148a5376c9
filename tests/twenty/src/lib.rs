//! A build server, as small as it can be: it takes sources over a socket, compiles them, and keeps what it made in a cache.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The greeting of the server: that of the environment, or a default.
pub fn greeting() -> String {
    std::env::var("TWENTY_GREETING").unwrap_or_else(|_| "hello".to_owned())
}

/// Compiles a source: its length is the object.
pub fn compile(source: &str) -> Result<usize, String> {
    if source.contains("#error") {
        tracing::error!(source, "cannot compile");
        return Err(format!("cannot compile {source:?}"));
    }
    if source.len() > 40 {
        tracing::warn!(length = source.len(), "a long source");
    }
    tracing::debug!(length = source.len(), "compiled");
    Ok(source.len())
}

/// Compiles all sources, in parallel.
pub fn compile_all(sources: &[&str]) -> Vec<usize> {
    use logscope::InContext as _;
    sources.par_iter().in_current_context().map(|source| compile(source).unwrap_or_default()).collect()
}

/// Keeps objects in memory, and counts how often each was compiled.
#[derive(Debug, Default)]
pub struct Cache {
    objects: Mutex<BTreeMap<String, usize>>,
    /// How often something was compiled.
    pub compiled: AtomicU64,
}

impl Cache {
    /// Returns the object of a source, compiled once.
    pub fn get(&self, source: &str) -> usize {
        let mut objects = self.objects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *objects.entry(source.to_owned()).or_insert_with(|| {
            self.compiled.fetch_add(1, Ordering::Relaxed);
            compile(source).unwrap_or_default()
        })
    }
}

/// Keeps objects in a folder.
#[derive(Debug)]
pub struct Store(PathBuf);

impl Store {
    /// Opens the store in `folder`.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        tracing::info!(folder = %folder.display(), "store opened");
        Ok(Store(folder.to_owned()))
    }

    /// Writes an object.
    pub fn put(&self, name: &str, object: usize) -> io::Result<()> {
        fs::write(self.0.join(name), object.to_string())
    }

    /// Reads an object.
    pub fn get(&self, name: &str) -> Option<usize> {
        fs::read_to_string(self.0.join(name)).ok()?.parse().ok()
    }
}

/// Starts a thread that compiles whatever comes, until the sender is gone.
pub fn start_worker(jobs: std::sync::mpsc::Receiver<String>) -> logscope::thread::JoinHandle<usize> {
    logscope::thread::spawn(move || jobs.into_iter().filter_map(|source| compile(&source).ok()).sum())
}

/// Serves one connection after the other: a line is a source, and the answer is its object.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        logscope::tokio::spawn(async move {
            let (lines, mut answers) = stream.split();
            let mut lines = BufReader::new(lines).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = compile(&line).map_or_else(|error| error, |object| object.to_string());
                if answers.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
                    break;
                }
            }
            tracing::info!("a client has gone");
        });
    }
}

/// Sends a heartbeat every minute, until nobody receives them.
pub async fn heartbeats(beats: mpsc::Sender<Duration>) {
    let start = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        tracing::debug!("beat");
        if beats.send(start.elapsed()).await.is_err() {
            return;
        }
    }
}
