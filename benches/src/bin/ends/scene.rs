//! The child's side: installs a tool, logs, and ends in the way that is asked for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::shared::Shared;
use crate::tools::{self, Guard, Log, Logger, Tool};

/// What a child does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scene {
    /// Returns from `main`, which holds what the tool's documentation wants held there.
    Return,
    /// Returns from `main` while that is in a static.
    ReturnStatic,
    /// Calls `process::exit`.
    Exit,
    /// Another thread logs and panics; `main` has waited for it, and returns.
    Panic,
    /// Aborts from a panic hook, which first does what the tool's documentation says flushes.
    Abort,
    /// Logs until it is killed.
    Kill,
    /// Logs to a device that is full.
    Full,
    /// Logs to a file that another process logs to, lines of many lengths.
    Append,
    /// Logs from two threads to a file that rolls over by size.
    Roll,
}

const SCENES: [(Scene, &str); 9] = [
    (Scene::Return, "return"),
    (Scene::ReturnStatic, "return-static"),
    (Scene::Exit, "exit"),
    (Scene::Panic, "panic"),
    (Scene::Abort, "abort"),
    (Scene::Kill, "kill"),
    (Scene::Full, "full"),
    (Scene::Append, "append"),
    (Scene::Roll, "roll"),
];

impl Scene {
    pub fn name(self) -> &'static str {
        SCENES.iter().find(|(scene, _)| *scene == self).map_or("", |(_, name)| name)
    }
}

/// A file of this size is rolled over: often enough that each run of the job sees a dozen.
pub const ROLL_AT: u64 = 64 * 1024;

/// What a child is told on its command line.
pub struct Role {
    pub tool: &'static Tool,
    pub scene: Scene,
    /// Where its files are; the logs are in a folder of their own below it.
    pub folder: PathBuf,
    /// The number of this child among those of one run.
    pub part: u64,
    pub records: u64,
}

impl Role {
    pub fn to_arguments(&self) -> [String; 5] {
        let Role { tool, scene, folder, part, records } = self;
        let folder = folder.to_string_lossy().into_owned();
        [tool.name.to_owned(), scene.name().to_owned(), folder, part.to_string(), records.to_string()]
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub fn shared(&self) -> Result<&'static Shared> {
        Shared::open(&self.folder.join(format!("shared-{}", self.part)))
    }

    /// The number of its first record. Numbers of different children differ.
    pub fn first(&self) -> u64 {
        self.part * 1_000_000_000 + 1
    }
}

impl TryFrom<&[String]> for Role {
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn try_from(arguments: &[String]) -> Result<Role> {
        let [tool, scene, folder, part, records] = arguments else { return Err("a role has five parts".into()) };
        let scene = SCENES.iter().find(|(_, name)| name == scene).map(|(scene, _)| *scene);
        Ok(Role {
            tool: tools::ALL.iter().find(|known| known.name == tool).ok_or("there is no such tool")?,
            scene: scene.ok_or("there is no such scene")?,
            folder: folder.into(),
            part: part.parse()?,
            records: records.parse()?,
        })
    }
}

/// As programs keep them whose loggers are global.
static LOG: OnceLock<Log> = OnceLock::new();
static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

/// Does what `role` says. The process may end within.
pub fn play(role: &Role) -> Result<ExitCode> {
    let shared = role.shared()?;
    let path = match role.scene {
        Scene::Full => Path::new("/dev/full").to_owned(),
        _ => role.logs().join("app.log"),
    };
    let open = match role.scene {
        Scene::Roll => role.tool.open_rolling.ok_or("the tool does not roll over")?,
        _ => role.tool.open,
    };
    let logger = open(&path)?;
    if role.scene == Scene::Append {
        shared.set_ready();
        while !shared.may_go() {
            thread::sleep(Duration::from_micros(100));
        }
    }
    match role.scene {
        Scene::Return | Scene::Full | Scene::Append => held_in_main(role, shared, logger),
        Scene::Roll => {
            thread::scope(|scope| {
                for half in [0, 1] {
                    let log = &logger.log;
                    let (first, records) = (role.first() + half * role.records / 2, role.records / 2);
                    scope.spawn(move || log_from(log, shared, first, records, 40));
                }
            });
            drop(logger);
        }
        _ => in_a_static(role, shared, logger)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn held_in_main(role: &Role, shared: &Shared, logger: Logger) {
    let Logger { log, guard, losses, .. } = logger;
    if role.scene == Scene::Append {
        for number in role.first()..role.first() + role.records {
            log_from(&log, shared, number, 1, mixed_length(number));
        }
    } else {
        log_from(&log, shared, role.first(), role.records, 40);
    }
    // In the order in which a `main` drops them that made the guard first.
    drop(log);
    drop(guard);
    if let Some(losses) = losses {
        shared.set_counted(losses());
    }
}

fn in_a_static(role: &Role, shared: &'static Shared, logger: Logger) -> Result<()> {
    let Logger { log, guard, flush, .. } = logger;
    *GUARD.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    let log = LOG.get_or_init(|| log);
    let (first, records) = (role.first(), role.records);
    let log_all = move |records| log_from(log, shared, first, records, 40);
    match role.scene {
        Scene::Exit => {
            log_all(records);
            process::exit(0);
        }
        Scene::Panic => {
            let thread = thread::spawn(move || {
                log_all(records);
                panic!("as the scene wants it");
            });
            if thread.join().is_ok() {
                return Err("the thread was to panic".into());
            }
        }
        Scene::Abort => {
            std::panic::set_hook(Box::new(move |_| {
                if let Some(flush) = flush {
                    flush();
                }
                drop(GUARD.lock().unwrap_or_else(PoisonError::into_inner).take());
                process::abort();
            }));
            log_all(records);
            panic!("as the scene wants it");
        }
        Scene::Kill => {
            // It is to be killed in the middle; a parent that is late must not find the disk full.
            log_all(20 * records);
            loop {
                thread::park();
            }
        }
        _ => log_all(records),
    }
    Ok(())
}

/// Logs `records` records, and acknowledges each when its log call has returned.
fn log_from(log: &dyn Fn(&str), shared: &Shared, first: u64, records: u64, length: usize) {
    let mut message = String::new();
    for number in first..first + records {
        write_message(&mut message, number, length);
        log(&message);
        shared.acknowledge();
    }
}

/// `<number:length:payload>`, which [`read`](crate::read) takes apart.
fn write_message(message: &mut String, number: u64, length: usize) {
    message.clear();
    let _ = write!(message, "<{number}:{length}:");
    message.extend(std::iter::repeat_n(payload(number), length));
    message.push('>');
}

/// What the payload of a record consists of, so that pieces of two of them are seen where they are mixed.
pub fn payload(number: u64) -> char {
    char::from(b'a' + u8::try_from(number % 26).unwrap_or(0))
}

/// Mostly short, some longer than a page, a few longer than what `BufWriter` holds.
fn mixed_length(number: u64) -> usize {
    match number % 64 {
        0 => 20_000,
        16 | 48 => 5_000,
        8 | 24 | 40 | 56 => 600,
        other => 20 + usize::try_from(other).unwrap_or(0),
    }
}
