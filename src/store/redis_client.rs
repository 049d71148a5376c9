//! Commands to a Redis server: connections that are kept, bounded waits, and errors that say what is known.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::time::Duration;

use redis::{Client, Cmd, Connection, ConnectionLike as _, FromRedisValue, RedisError, RetryMethod};

use crate::error::{Error, ErrorKind};
use crate::limits::{REDIS_IDLE, REDIS_TIMEOUT};
use crate::process::ForkLocal;
use crate::sync::Mutex;

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
    idle: ForkLocal<Mutex<ManuallyDrop<Vec<Connection>>>>,
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
        let client = Client::open(url).map_err(|error| {
            // The text of the URL may have a password.
            Error::new(ErrorKind::Lock, "this is no URL of a Redis server; give one such as redis://127.0.0.1:6379/0")
                .with_source(error)
        })?;
        let idle = ForkLocal::made_here(Mutex::default(), |_| Mutex::default());
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

    /// Runs a command. It is sent once more if its connection turns out to be cut: it must be one that may run twice.
    pub(super) fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let idle = self.idle.get_made().lock().pop();
        let first = match idle {
            Some(connection) => self.run_on(connection, command),
            None => self.run_anew(command),
        };
        let result = match first {
            // A server that restarts cuts all connections, so the other ones are cut, too.
            Err(error) if is_cut(&error) => {
                self.drop_idle();
                self.run_anew(command)
            }
            result => result,
        };
        result.map_err(|error| self.failed(error))
    }

    fn run_anew<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let connection = self.client.get_connection_with_timeout(self.options.timeout)?;
        connection.set_read_timeout(Some(self.options.timeout))?;
        connection.set_write_timeout(Some(self.options.timeout))?;
        self.run_on(connection, command)
    }

    fn run_on<T: FromRedisValue>(&self, mut connection: Connection, command: &Cmd) -> Result<T, RedisError> {
        let result = command.query(&mut connection);
        // After an error of the connection, the answer may still come, and would be taken for that of the next command.
        let is_sound = !result.as_ref().is_err_and(|error: &RedisError| error.is_io_error() || error.is_timeout());
        if is_sound && connection.is_open() {
            let mut idle = self.idle.get_made().lock();
            if idle.len() < REDIS_IDLE {
                idle.push(connection);
            }
        }
        result
    }

    fn drop_idle(&self) {
        let cut = mem::take(&mut **self.idle.get_made().lock());
        drop(cut);
    }

    #[cold]
    fn failed(&self, error: RedisError) -> Error {
        let address = self.address();
        let may_pass =
            error.is_io_error() || error.is_timeout() || !matches!(error.retry_method(), RetryMethod::NoRetry);
        let (kind, what) = match may_pass {
            true if error.is_connection_refusal() => (ErrorKind::Unreachable, "cannot be reached"),
            true => (ErrorKind::Unreachable, "did not answer; whether it has done what it was asked for is not known"),
            false => (ErrorKind::Lock, "refused what it was asked for"),
        };
        Error::new(kind, format!("the Redis server at {address} {what}")).with_source(error)
    }
}

/// True if the connection was cut, rather than that the time was over.
fn is_cut(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal() && !error.is_timeout()
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
