//! Commands to a Redis server: connections that are kept, bounded waits, and errors that say what is known.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::process;
use std::time::{Duration, Instant};

use redis::{
    Client, Cmd, Connection, ConnectionLike as _, ErrorKind as RedisErrorKind, FromRedisValue, RedisError, RetryMethod,
};

use crate::error::{Error, ErrorKind};
use crate::limits::{REDIS_IDLE, REDIS_RETRIES, REDIS_TEXT_BYTES, REDIS_TIMEOUT};
use crate::lock::{Shown, one_line};
use crate::process::ForkLocal;
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// Says how a Redis server is used.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::store::RedisOptions;
///
/// let options = RedisOptions::new().timeout(Duration::from_millis(500)).prefix("builds:");
/// # drop(options);
/// ```
#[derive(Clone, Debug)]
pub struct RedisOptions {
    timeout: Duration,
    prefix: String,
}

impl RedisOptions {
    /// Returns the options that are used unless others are set.
    #[must_use]
    pub fn new() -> Self {
        RedisOptions { timeout: REDIS_TIMEOUT, prefix: "logscope:".to_owned() }
    }

    /// Sets how long a command waits at most for a connection, and again for its answer: 2 s unless set, and at least 1 ms.
    ///
    /// A lease that is renewed needs a TTL that is several times as long.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        // The system takes zero for no limit.
        RedisOptions { timeout: timeout.max(Duration::from_millis(1)), ..self }
    }

    /// Sets what the names of all keys begin with: `logscope:` unless set.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        RedisOptions { prefix: prefix.into(), ..self }
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        RedisOptions::new()
    }
}

/// A server, and connections to it that nobody uses at the moment.
///
/// Each command has a connection for itself while it runs, so one that waits for its answer holds up no other. A forked child makes its own
/// connections: the parent and it would read each other's answers. The parent's stay open in it, and are never touched there.
pub(super) struct RedisClient {
    client: Client,
    options: RedisOptions,
    idle: ForkLocal<Pool<Connection>>,
}

/// Connections that nobody uses, each with the process that has made it: not every fork is one that the C library, and so `ForkLocal`, knows of.
///
/// Those of another process are forgotten, and neither used nor closed.
struct Pool<C>(Mutex<ManuallyDrop<Vec<(u32, C)>>>);

impl<C> Pool<C> {
    fn new() -> Self {
        Pool(Mutex::new(ManuallyDrop::new(Vec::new())))
    }

    fn pop(&self, process: u32) -> Option<C> {
        let mut idle = self.0.lock();
        loop {
            match idle.pop()? {
                (maker, connection) if maker == process => return Some(connection),
                foreign => mem::forget(foreign),
            }
        }
    }

    fn push(&self, process: u32, connection: C) {
        let mut idle = self.0.lock();
        if idle.len() < REDIS_IDLE {
            idle.push((process, connection));
        }
    }

    /// Closes the connections of `process`.
    fn clear(&self, process: u32) {
        let connections = mem::take(&mut **self.0.lock());
        for connection in connections {
            if connection.0 == process {
                drop(connection);
            } else {
                mem::forget(connection);
            }
        }
    }
}

impl RedisClient {
    /// Names a server, and makes sure that it answers.
    pub(super) fn connect(url: &str, options: RedisOptions) -> Result<Self, Error> {
        let server = RedisClient::new(url, options)?;
        let _: String = server.run(&redis::cmd("PING"))?;
        Ok(server)
    }

    /// Names a server, without asking it.
    pub(super) fn new(url: &str, options: RedisOptions) -> Result<Self, Error> {
        let client = Client::open(url).map_err(|error| no_url(url, &error))?;
        let idle = ForkLocal::made_here(Pool::new(), |_| Pool::new());
        Ok(RedisClient { client, options, idle })
    }

    /// Returns the name of a key.
    pub(super) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}:{name}", self.options.prefix)
    }

    /// Returns the address of the server, without passwords.
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Runs a command. It is sent again if its connection turns out to be cut: it must be one that may run twice.
    pub(super) fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let began = Instant::now();
        let idle = self.idle.get_made().pop(process::id());
        let mut result = match idle {
            Some(connection) => self.run_on(connection, command),
            None => self.run_anew(command),
        };
        let mut retries = 0;
        let (mut was_asked, mut was_asked_before) = (false, false);
        while let Err(failure) = &result {
            let error = &failure.error;
            was_asked |= failure.was_asked;
            let is_cut = is_cut(error) && retries < REDIS_RETRIES;
            // However often the process is stopped and goes on, within the time that it would have waited.
            let waits_on = is_interrupted(error) && began.elapsed() < self.options.timeout;
            if !is_cut && !waits_on {
                break;
            }
            retries += usize::from(is_cut);
            // A server that restarts cuts all connections, so the other ones are cut, too.
            self.drop_idle();
            was_asked_before = was_asked;
            result = self.run_anew(command);
        }
        result.map_err(|failure| self.failed(&failure, was_asked, was_asked_before))
    }

    fn run_anew<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let connect = || {
            let connection = self.client.get_connection_with_timeout(self.options.timeout)?;
            connection.set_read_timeout(Some(self.options.timeout))?;
            connection.set_write_timeout(Some(self.options.timeout))?;
            Ok(connection)
        };
        let connection = connect().map_err(|error| Failure { error, was_asked: false })?;
        self.run_on(connection, command)
    }

    fn run_on<T: FromRedisValue>(&self, mut connection: Connection, command: &Cmd) -> Result<T, Failure> {
        let result = command.query(&mut connection);
        // After an error of the connection, the answer may still come, and would be taken for that of the next command.
        let is_sound = !result.as_ref().is_err_and(|error: &RedisError| error.is_io_error() || error.is_timeout());
        if is_sound && connection.is_open() {
            self.idle.get_made().push(process::id(), connection);
        }
        result.map_err(|error| Failure { error, was_asked: true })
    }

    fn drop_idle(&self) {
        self.idle.get_made().clear(process::id());
    }

    #[cold]
    /// Says why an attempt, the last one, has failed. Another one before may have been received all the same.
    fn failed(&self, Failure { error, was_asked }: &Failure, was_ever_asked: bool, was_asked_before: bool) -> Error {
        let unless =
            |is_known: bool| if is_known { "" } else { "; whether it has done what it was asked for is not known" };
        let unknown = unless(!was_ever_asked);
        // An answer to the last attempt says nothing of those before.
        let unknown_before = unless(!was_asked_before);

        let server = format!("the Redis server at {}", self.address());
        let said = one_line(&error.to_string(), REDIS_TEXT_BYTES);
        let may_pass =
            error.is_io_error() || error.is_timeout() || !matches!(error.retry_method(), RetryMethod::NoRetry);
        let is_server = matches!(error.kind(), RedisErrorKind::Server(_));
        let unreachable = |what: &str| Error::new(ErrorKind::Unreachable, format!("{server} {what}"));
        let refused = |what: &str| Error::new(ErrorKind::Lock, format!("{server} {what}"));
        match was_asked {
            _ if is_refusal_of_user(error) => {
                refused(&format!("refused the user or the password{unknown_before}")).with_source(said)
            }
            _ if error.kind() == RedisErrorKind::Parse => {
                refused(&format!("is no Redis server, or a broken one{unknown_before}")).with_source(said)
            }
            _ if !may_pass => refused(&format!("refused what it was asked for: {said}{unknown_before}")),
            _ if is_server => {
                unreachable(&format!("answered that it cannot do it now{unknown_before}")).with_source(said)
            }
            // The system's word for it is that a resource is unavailable.
            _ if error.is_timeout() => {
                unreachable(&format!("gave no answer within {}{unknown}", Shown(self.options.timeout)))
            }
            true => unreachable(&format!("did not answer{unknown}")).with_source(said),
            false => unreachable(&format!("cannot be reached{unknown}")).with_source(said),
        }
    }
}

/// Why a command has no result.
struct Failure {
    error: RedisError,
    /// False if there was no connection to send it by.
    was_asked: bool,
}

/// The text of the URL may have a password, and is told only if it cannot.
#[cold]
fn no_url(url: &str, error: &RedisError) -> Error {
    let what = if url.starts_with("rediss:") {
        "there is no TLS to Redis servers: give a URL that begins with redis://, of a server in a network that is safe"
            .to_owned()
    } else if !url.contains(':') || url.contains("://") || url.contains('@') {
        "this is no URL of a Redis server; give one such as redis://127.0.0.1:6379/0".to_owned()
    } else {
        let url = one_line(url, REDIS_TEXT_BYTES);
        format!("{url:?} is no URL of a Redis server: give it as redis://{url}")
    };
    Error::new(ErrorKind::Lock, what).with_source(one_line(&error.to_string(), REDIS_TEXT_BYTES))
}

/// True if the server does not know who asks: a wrong password, or none where there must be one.
fn is_refusal_of_user(error: &RedisError) -> bool {
    error.kind() == RedisErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

/// True if the connection was cut, rather than that the time was over.
fn is_cut(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal() && !error.is_timeout()
}

/// True if a signal has ended the wait for the answer: a process that was stopped, and goes on, gets one.
fn is_interrupted(error: &RedisError) -> bool {
    let Some(source) = error.source() else { return false };
    let shared = || source.downcast_ref::<Arc<dyn StdError + Send + Sync>>()?.downcast_ref();
    let io: Option<&io::Error> = source.downcast_ref().or_else(shared);
    io.is_some_and(|error| error.kind() == io::ErrorKind::Interrupted)
}

impl Drop for RedisClient {
    fn drop(&mut self) {
        self.drop_idle();
    }
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient").field("address", &self.address()).field("options", &self.options).finish()
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_wait_is_told_from_other_errors() {
        let is_so = |kind: io::ErrorKind| is_interrupted(&RedisError::from(io::Error::from(kind)));
        assert!(is_so(io::ErrorKind::Interrupted) && !is_so(io::ErrorKind::TimedOut));
        let other = RedisError::from((RedisErrorKind::Client, "an error without a source"));
        assert!(!is_interrupted(&other));
    }

    #[test]
    fn connections_of_another_process_are_neither_used_nor_closed() {
        let (own, foreign) = (Arc::new("own"), Arc::new("foreign"));
        let pool = Pool::new();
        pool.push(1, Arc::clone(&own));
        pool.push(2, Arc::clone(&foreign));
        assert_eq!(pool.pop(1), Some(Arc::clone(&own)));
        assert_eq!(pool.pop(1), None);
        pool.push(2, Arc::clone(&foreign));
        pool.push(1, Arc::clone(&own));
        pool.clear(1);
        assert_eq!((pool.pop(2), Arc::strong_count(&own), Arc::strong_count(&foreign)), (None, 1, 3));
    }
}
