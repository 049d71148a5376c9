//! Commands to a Redis server: connections that are kept, bounded waits, and errors that say what is known.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::process;
use std::time::Duration;

use redis::{
    Client, Cmd, Connection, ConnectionLike as _, ErrorKind as RedisErrorKind, FromRedisValue, RedisError, RetryMethod,
};

use crate::error::{Error, ErrorKind};
use crate::limits::{REDIS_IDLE, REDIS_TIMEOUT};
use crate::process::ForkLocal;
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
        let client = Client::open(url).map_err(|error| {
            // The text of the URL may have a password.
            Error::new(ErrorKind::Lock, "this is no URL of a Redis server; give one such as redis://127.0.0.1:6379/0")
                .with_source(error)
        })?;
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

    /// Runs a command. It is sent once more if its connection turns out to be cut: it must be one that may run twice.
    pub(super) fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let idle = self.idle.get_made().pop(process::id());
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
            self.idle.get_made().push(process::id(), connection);
        }
        result
    }

    fn drop_idle(&self) {
        self.idle.get_made().clear(process::id());
    }

    #[cold]
    fn failed(&self, error: RedisError) -> Error {
        let address = self.address();
        let may_pass =
            error.is_io_error() || error.is_timeout() || !matches!(error.retry_method(), RetryMethod::NoRetry);
        let is_server = matches!(error.kind(), RedisErrorKind::Server(_));
        let (kind, what) = match may_pass {
            _ if is_refusal_of_user(&error) => (ErrorKind::Lock, "refused the user or the password"),
            true if is_server => (ErrorKind::Unreachable, "answered that it cannot do it now"),
            true if error.is_connection_refusal() => (ErrorKind::Unreachable, "cannot be reached"),
            true => (ErrorKind::Unreachable, "did not answer; whether it has done what it was asked for is not known"),
            false => (ErrorKind::Lock, "refused what it was asked for"),
        };
        Error::new(kind, format!("the Redis server at {address} {what}")).with_source(error)
    }
}

/// True if the server does not know who asks: a wrong password, or none where there must be one.
fn is_refusal_of_user(error: &RedisError) -> bool {
    error.kind() == RedisErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
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

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;
    use crate::sync::Arc;

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
