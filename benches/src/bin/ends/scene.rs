//! The child's side: installs a tool, logs, and ends in the requested way.

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
    /// Returns from `main`, which holds the guard that the tool's documentation wants held there.
    Return,
    /// Returns from `main` while the guard is in a static.
    ReturnStatic,
    /// Calls `process::exit`.
    Exit,
    /// Logs on another thread, which panics. `main` waits for that thread, and returns.
    Panic,
    /// Aborts from a panic hook, which first calls what the tool's documentation offers for flushing.
    Abort,
    /// Logs until it is killed.
    Kill,
    /// Logs to a device that is full.
    Full,
    /// Logs lines of many lengths to a file that another process logs to.
    Append,
    /// Logs from two threads to a file that rolls by size.
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

/// A file of this size is rolled. A run of the job then rolls about a dozen times.
pub const ROLL_AT: u64 = 64 * 1024;

/// The arguments of a child.
pub struct Role {
    pub tool: &'static Tool,
    pub scene: Scene,
    /// The folder of its files. The logs are in a folder of their own below it.
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

/// The log and the guard in statics, as in programs whose loggers are global.
static LOG: OnceLock<Log> = OnceLock::new();
static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

/// Runs `role`. The process may end inside this call.
pub fn play(role: &Role) -> Result<ExitCode> {
    let shared = role.shared()?;
    let path = match role.scene {
        Scene::Full => Path::new("/dev/full").to_owned(),
        _ => role.logs().join("app.log"),
    };
    let open = match role.scene {
        Scene::Roll => role.tool.open_rolling.ok_or("the tool does not roll files")?,
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
    // In the order in which they are dropped in a `main` that made the guard first.
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
                panic!("on purpose");
            });
            if thread.join().is_ok() {
                return Err("the thread did not panic".into());
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
            panic!("on purpose");
        }
        Scene::Kill => {
            // The parent kills this process in the middle. The number of records is limited, so that a slow parent does not find the disk full.
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

/// Writes `<number:length:payload>`, which [`read`](crate::read) parses.
fn write_message(message: &mut String, number: u64, length: usize) {
    message.clear();
    let _ = write!(message, "<{number}:{length}:");
    message.extend(std::iter::repeat_n(payload(number), length));
    message.push('>');
}

/// The character of a record's payload. It differs between records, so that mixed pieces of two records show.
pub fn payload(number: u64) -> char {
    char::from(b'a' + u8::try_from(number % 26).unwrap_or(0))
}

/// Mostly short, some longer than a page, a few longer than the buffer of a `BufWriter`.
fn mixed_length(number: u64) -> usize {
    match number % 64 {
        0 => 20_000,
        16 | 48 => 5_000,
        8 | 24 | 40 | 56 => 600,
        other => 20 + usize::try_from(other).unwrap_or(0),
    }
}
