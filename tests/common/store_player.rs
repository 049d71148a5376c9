//! Players of the tests of stores: each is a thread or a process that opens a document and does what it is told, one step at a time. So a test fixes
//! the order of all steps, between the check and the act as well.
//!
//! A player uses logscope, or does it as programs did before: it checks, and then it acts. The words are the same.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "the answers go there")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use logscope::store::{FolderLeases, Lease, RedisLeases, RedisOptions, Store, StoreGuard};
use serde_json::Value;

use crate::child::{ALARM, Child, Running};

/// How long a lease lasts that is not to end in a test.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// Before each answer: the test harness prints on stdout as well.
const ANSWER: &str = "> ";

/// Where the leases are.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Folder,
    /// The URL of a server.
    Redis(String),
}

/// Whether the players are threads of one process or processes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Threads,
    Processes,
}

/// How the players do it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    Logscope,
    /// Check, then act.
    Naive,
}

/// What all players of a test have in common.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) kind: Kind,
    pub(crate) manner: Manner,
    pub(crate) backend: Backend,
    pub(crate) ttl: Duration,
    pub(crate) folder: PathBuf,
}

impl Stage {
    fn document(&self) -> PathBuf {
        self.folder.join("count.json")
    }

    fn lease(&self) -> Lease {
        let lease = match &self.backend {
            Backend::Folder => Lease::new(FolderLeases::new(self.folder.join("leases")), "count"),
            Backend::Redis(url) => {
                let options = RedisOptions::new().prefix(format!("{}:", self.folder.display()));
                Lease::new(RedisLeases::connect(url, options).unwrap(), "count")
            }
        };
        lease.ttl(self.ttl)
    }

    /// Returns what is saved, read past everybody.
    pub(crate) fn saved(&self) -> u32 {
        match self.manner {
            Manner::Logscope => {
                let readonly = Store::<u32>::options().schema("count").open_readonly(self.document()).unwrap();
                readonly.read().unwrap().map_or(0, |count| *count)
            }
            Manner::Naive => Naive::read(&self.document()),
        }
    }

    /// Starts a player. The test `role` must be one that only calls [`obey`].
    pub(crate) fn player(&self, role: &str) -> Remote {
        match self.kind {
            Kind::Threads => {
                let ((orders, inbox), (sender, answers)) = (channel::<String>(), channel());
                let (stage, opened) = (self.clone(), Opened::default());
                let shown = opened.clone();
                thread::spawn(move || {
                    let mut player = Player::new(stage, shown);
                    inbox.into_iter().for_each(|order| drop(sender.send(player.obey(&order))));
                });
                Remote { orders: Orders::Thread(orders), answers, opened }
            }
            Kind::Processes => {
                let (backend, url) = match &self.backend {
                    Backend::Folder => ("folder", ""),
                    Backend::Redis(url) => ("redis", url.as_str()),
                };
                let mut running = Child::new(role)
                    .var("STAGE", format!("{:?} {backend} {} {url}", self.manner, self.ttl.as_millis()))
                    .var("STAGE_FOLDER", self.folder.display())
                    .stdin_piped()
                    .stdout_piped()
                    .start();
                let (stdin, stdout) =
                    (running.process().stdin.take().unwrap(), running.process().stdout.take().unwrap());
                let (sender, answers) = channel();
                thread::spawn(move || {
                    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                        if let Some(answer) = line.strip_prefix(ANSWER) {
                            let _ = sender.send(answer.to_owned());
                        }
                    }
                });
                Remote { orders: Orders::Process(stdin, running), answers, opened: Opened::default() }
            }
        }
    }
}

/// A player, as the test sees it.
pub(crate) struct Remote {
    orders: Orders,
    answers: Receiver<String>,
    opened: Opened,
}

/// What a player that is a thread has open.
#[derive(Clone, Default)]
struct Opened(Arc<Mutex<Option<Instance>>>);

#[derive(Clone)]
enum Instance {
    Logscope(Store<u32>),
    Naive(Arc<Mutex<u32>>),
}

impl Instance {
    fn ptr_eq(&self, other: &Instance) -> bool {
        match (self, other) {
            (Instance::Logscope(one), Instance::Logscope(other)) => Store::ptr_eq(one, other),
            (Instance::Naive(one), Instance::Naive(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

enum Orders {
    Thread(Sender<String>),
    Process(ChildStdin, Running),
}

impl Remote {
    /// Gives orders, one after the other, and returns the last answer.
    #[track_caller]
    pub(crate) fn does(&mut self, orders: &str) -> String {
        self.tell(orders);
        self.answer_to(orders)
    }

    /// Gives orders without waiting for the answers.
    pub(crate) fn tell(&mut self, orders: &str) {
        for order in orders.split(' ') {
            match &mut self.orders {
                Orders::Thread(sender) => sender.send(order.to_owned()).unwrap(),
                Orders::Process(stdin, _) => writeln!(stdin, "{order}").unwrap(),
            }
        }
    }

    /// Waits for the answers to orders, and returns the last one.
    #[track_caller]
    pub(crate) fn answer_to(&mut self, orders: &str) -> String {
        let mut last = String::new();
        for _ in orders.split(' ') {
            last = self.answers.recv_timeout(ALARM).expect("the player answers");
        }
        last
    }

    /// Returns true if both are threads, and have the very same instance open.
    pub(crate) fn has_same_instance(&self, other: &Remote) -> bool {
        let (one, other) = (self.opened.0.lock().unwrap().clone(), other.opened.0.lock().unwrap().clone());
        one.zip(other).is_some_and(|(one, other)| one.ptr_eq(&other))
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        if let Orders::Process(_, running) = self {
            let _ = running.process().kill();
            let _ = running.process().wait();
        }
    }
}

/// What a process does: one order after the other, until nobody gives any.
pub(crate) fn obey(_: &Path) -> Value {
    let (words, folder) = (std::env::var("STAGE").unwrap(), std::env::var_os("STAGE_FOLDER").unwrap());
    let words: Vec<&str> = words.split(' ').collect();
    let stage = Stage {
        kind: Kind::Processes,
        manner: if words[0] == "Naive" { Manner::Naive } else { Manner::Logscope },
        backend: if words[1] == "folder" { Backend::Folder } else { Backend::Redis(words[3].to_owned()) },
        ttl: Duration::from_millis(words[2].parse().unwrap()),
        folder: folder.into(),
    };
    let mut player = Player::new(stage, Opened::default());
    for order in std::io::stdin().lines() {
        println!("\n{ANSWER}{}", player.obey(&order.unwrap()));
    }
    Value::Null
}

enum Player {
    Logscope(Box<Logscope>),
    Naive(Naive),
}

impl Player {
    fn new(stage: Stage, opened: Opened) -> Player {
        match stage.manner {
            Manner::Logscope => Player::Logscope(Box::new(Logscope { stage, opened, store: None, guard: None })),
            Manner::Naive => Player::Naive(Naive { stage, opened, token: String::new(), count: Arc::default() }),
        }
    }

    fn obey(&mut self, order: &str) -> String {
        match self {
            Player::Logscope(player) => player.obey(order),
            Player::Naive(player) => player.obey(order),
        }
    }
}

struct Logscope {
    stage: Stage,
    opened: Opened,
    store: Option<Store<u32>>,
    guard: Option<StoreGuard<u32>>,
}

impl Logscope {
    fn obey(&mut self, order: &str) -> String {
        let stage = &self.stage;
        let mut lock = |timeout: Duration| {
            let locked = self.store.as_ref().unwrap().lock(timeout);
            match locked.map(|guard| self.guard.insert(guard)) {
                Ok(_) => "locked".to_owned(),
                Err(error) if error.is_timeout() => "busy".to_owned(),
                Err(error) => format!("{error:#}"),
            }
        };
        match order {
            // A program that checks first does so here.
            "look" => "free".to_owned(),
            "open" => {
                let options = Store::options().schema("count").lease(stage.lease());
                options.open(stage.document()).map_or_else(
                    |error| format!("{error:#}"),
                    |store| {
                        *self.opened.0.lock().unwrap() = Some(Instance::Logscope(store.clone()));
                        self.store = Some(store);
                        "open".to_owned()
                    },
                )
            }
            "take" | "lock" => lock(Duration::from_secs(60)),
            "try" => lock(Duration::ZERO),
            "add" => {
                **self.guard.as_mut().unwrap() += 1;
                "added".to_owned()
            }
            "check" => match self.guard.as_ref().unwrap().verify() {
                Ok(()) => "ok".to_owned(),
                Err(error) if error.is_lock_lost() => "lost".to_owned(),
                Err(error) => format!("{error:#}"),
            },
            "write" => match self.guard.take().unwrap().save() {
                Ok(()) => "saved".to_owned(),
                Err(error) if error.is_lock_lost() => format!("lost, and has {}", error.into_value()),
                Err(error) => format!("{error:?}"),
            },
            "leave" => {
                self.guard = None;
                "left".to_owned()
            }
            "read" => {
                self.store.as_ref().unwrap().read().map_or_else(|error| error.to_string(), |count| count.to_string())
            }
            "expire" => {
                let lease = self.guard.as_ref().unwrap().lease().unwrap();
                while !lease.remaining().is_zero() {
                    thread::sleep(lease.remaining());
                }
                "over".to_owned()
            }
            // What an operator does who wants all locks gone.
            "clear" => {
                let _ = stage.lease().break_lease().unwrap();
                for entry in fs::read_dir(&stage.folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.to_string_lossy().contains(".lock") {
                        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
                    }
                }
                "cleared".to_owned()
            }
            order => panic!("no such order: {order}"),
        }
    }
}

/// A program that keeps the document in memory, looks who has the lock, and then does what it has found to be allowed.
struct Naive {
    stage: Stage,
    opened: Opened,
    token: String,
    count: Arc<Mutex<u32>>,
}

static NAIVE_INSTANCES: Mutex<Option<HashMap<PathBuf, Arc<Mutex<u32>>>>> = Mutex::new(None);

impl Naive {
    fn read(document: &Path) -> u32 {
        fs::read_to_string(document).map_or(0, |text| text.parse().unwrap())
    }

    fn is_free(&self) -> bool {
        let text = self.get();
        let expires: Option<u128> = text.split_once(' ').and_then(|(_, expires)| expires.parse().ok());
        expires.is_none_or(|expires| expires < Naive::now())
    }

    fn now() -> u128 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
    }

    fn obey(&mut self, order: &str) -> String {
        let document = self.stage.document();
        let answer = match order {
            "look" if NAIVE_INSTANCES.lock().unwrap().get_or_insert_default().contains_key(&document) => "open already",
            "look" => "free",
            "open" => {
                self.count = Arc::new(Mutex::new(Naive::read(&document)));
                *self.opened.0.lock().unwrap() = Some(Instance::Naive(Arc::clone(&self.count)));
                NAIVE_INSTANCES.lock().unwrap().get_or_insert_default().insert(document, Arc::clone(&self.count));
                "open"
            }
            "lock" | "try" if !self.is_free() => "busy",
            "take" | "lock" | "try" => {
                self.token = format!("{:?}-{}", thread::current().id(), std::process::id());
                self.set(&format!("{} {}", self.token, Naive::now() + self.stage.ttl.as_millis()));
                "locked"
            }
            "add" => {
                *self.count.lock().unwrap() += 1;
                "added"
            }
            "check" if self.get().starts_with(&self.token) => "ok",
            "check" => "lost",
            "write" => {
                fs::write(&document, self.count.lock().unwrap().to_string()).unwrap();
                self.delete();
                "saved"
            }
            "leave" | "clear" => {
                self.delete();
                "left"
            }
            "read" => return self.count.lock().unwrap().to_string(),
            "expire" => {
                while !self.is_free() {
                    thread::sleep(Duration::from_millis(5));
                }
                "over"
            }
            order => panic!("no such order: {order}"),
        };
        answer.to_owned()
    }

    fn lock_file(&self) -> PathBuf {
        self.stage.folder.join("naive.lock")
    }

    fn get(&self) -> String {
        match &self.stage.backend {
            Backend::Folder => fs::read_to_string(self.lock_file()).unwrap_or_default(),
            Backend::Redis(url) => redis(url, &["GET", &self.lock_file().display().to_string()]),
        }
    }

    fn set(&self, text: &str) {
        match &self.stage.backend {
            Backend::Folder => fs::write(self.lock_file(), text).unwrap(),
            Backend::Redis(url) => drop(redis(url, &["SET", &self.lock_file().display().to_string(), text])),
        }
    }

    fn delete(&self) {
        match &self.stage.backend {
            Backend::Folder => drop(fs::remove_file(self.lock_file())),
            Backend::Redis(url) => drop(redis(url, &["DEL", &self.lock_file().display().to_string()])),
        }
    }
}

/// Sends a command to a server, and returns the text of the answer; empty if it is none.
fn redis(url: &str, words: &[&str]) -> String {
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let mut text = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
    stream.get_mut().write_all(text.as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let Some(length) = line.trim_end().strip_prefix('$').and_then(|length| length.parse().ok()) else {
        return String::new();
    };
    let mut value = vec![0; length];
    stream.read_exact(&mut value).unwrap();
    String::from_utf8(value).unwrap()
}
