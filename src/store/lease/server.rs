//! Leases in Redis.
//!
//! A lease is two keys. That of the holder (`…lease:<name>`) has `<token> <fence> <what the holder says of itself>`, and the server ends it after the TTL and a tenth. That of
//! the name (`…fence:<name>`) stays: a hash with the last fencing number, and the tokens that were released and broken last, by which a
//! request that is repeated because its answer was lost is known again.
//!
//! Each step is one script, which the server runs whole and alone.

use std::io;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, cmd};

use super::backend::{LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
use super::watch::patience;
use crate::error::{Error, ErrorKind};
use crate::lock::Token;
use crate::store::redis_client::{RedisClient, RedisOptions};
use crate::sync::Arc;

/// Returns the holder and how long it has the lease yet, or nothing.
const OBSERVE: &str = "
local value = redis.call('GET', KEYS[1])
if not value then return {} end
return {value, tostring(redis.call('PTTL', KEYS[1]))}
";

/// Gives the lease to the token `ARGV[1]` for `ARGV[2]` ms, and returns the fencing number as a text: Lua's numbers are exact up to 2^53, and have
/// other texts. The number is one more than the last, and at least the microseconds of the server's clock, so that a server that has lost its data goes
/// on with higher numbers. A request that comes after its sender has given up gets nothing: nobody would release it.
const ACQUIRE: &str = "
local value = redis.call('GET', KEYS[1])
if value then
    if string.sub(value, 1, 32) ~= ARGV[1] then return false end
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return string.match(value, '^%x+ (%d+) ')
end
if redis.call('HGET', KEYS[2], 'released') == ARGV[1] or redis.call('HGET', KEYS[2], 'given up') == ARGV[1] then
    return false
end
local time = redis.call('TIME')
local last = tonumber(redis.call('HGET', KEYS[2], 'last') or '0')
local fence = string.format('%.0f', math.max(last + 1, time[1] * 1000000 + time[2]))
redis.call('HSET', KEYS[2], 'last', fence)
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. fence .. ' ' .. ARGV[3], 'NX', 'PX', ARGV[2])
return fence
";

const RENEW: &str = "
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, 32) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// Ends the lease of the token `ARGV[1]`, and notes in the field `ARGV[2]` that this was done.
const END: &str = "
local value = redis.call('GET', KEYS[1])
if value and string.sub(value, 1, 32) == ARGV[1] then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
    return 1
end
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then return 1 end
if ARGV[2] == 'released' then redis.call('HSET', KEYS[2], 'given up', ARGV[1]) end
return 0
";

/// Keeps leases in a Redis server, version 5 or later.
///
/// `SET NX PX` and scripts: the server ends a lease by itself, after its TTL and a tenth more: the clocks of the two may differ in speed. A request whose answer was lost is sent once more, and is known again by
/// its token. What a failover of Redis may lose, see [the limits](super#limits).
///
/// ```no_run
/// use logscope::store::{Lease, RedisLeases, RedisOptions};
///
/// let leases = RedisLeases::connect("redis://127.0.0.1:6379/0", RedisOptions::new())?;
/// let guard = Lease::new(leases, "uno").try_acquire()?.expect("it is free");
/// guard.release()?;
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// Its clones are one backend, with one set of connections. A forked child makes connections of its own.
#[derive(Clone, Debug)]
pub struct RedisLeases(Arc<RedisClient>);

impl RedisLeases {
    /// Keeps leases in the server at `url`, which is not asked yet: it may be gone for now. See [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] if `url` is none of a Redis server.
    pub fn new(url: impl AsRef<str>, options: RedisOptions) -> Result<Self, Error> {
        Ok(RedisLeases(Arc::new(RedisClient::new(url.as_ref(), options)?)))
    }

    /// Keeps leases in the server at `url`, and makes sure that it answers: `redis://[user:password@]host[:port][/database]`, or `redis+unix:///path` for a socket on Unix. There is no
    /// TLS.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Unreachable`] if the server does not answer.
    /// - [`ErrorKind::Lock`] if `url` is not one, or if the server refuses the user.
    pub fn connect(url: impl AsRef<str>, options: RedisOptions) -> Result<Self, Error> {
        Ok(RedisLeases(Arc::new(RedisClient::connect(url.as_ref(), options)?)))
    }

    fn script(&self, text: &str, name: &str) -> Cmd {
        let mut script = cmd("EVAL");
        script.arg(text).arg(2).arg(self.0.key("lease", name)).arg(self.0.key("fence", name));
        script
    }

    /// The errors of the client name the server. That of the lease is put before them.
    fn run<T: FromRedisValue>(&self, command: &Cmd) -> io::Result<T> {
        self.0.run(command).map_err(io::Error::other)
    }

    fn end(&self, name: &str, token: Token, how: &str) -> io::Result<bool> {
        self.run(self.script(END, name).arg(token.to_string()).arg(how))
    }

    /// What stands in a key is none of ours.
    #[cold]
    fn foreign(&self, name: &str) -> io::Error {
        let key = self.0.key("lease", name);
        let what = format!("the key {key} of the Redis server at {} has something else than a lease", self.0.address());
        io::Error::other(Error::new(ErrorKind::Lock, what))
    }
}

impl LeaseBackend for RedisLeases {
    fn place(&self, name: &str) -> String {
        format!("{name} in the Redis server at {}", self.0.address())
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        let found: Vec<String> = self.run(&self.script(OBSERVE, name))?;
        let [value, left] = found.as_slice() else {
            return Ok(LeaseState { version: String::new(), holder: None, left: None });
        };
        let (version, holder) = parse(value).ok_or_else(|| self.foreign(name))?;
        // Negative if somebody has made the key stay.
        let left = left.parse().map_or(Duration::MAX, Duration::from_millis);
        Ok(LeaseState { version, holder: Some(holder), left: Some(left) })
    }

    fn acquire(&self, name: &str, _: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        let mut script = self.script(ACQUIRE, name);
        script.arg(claim.token.to_string()).arg(kept_for(claim.ttl)).arg(claim.to_text());
        let fence: Option<String> = self.run(&script)?;
        fence.map(|fence| fence.parse().map_err(|_| self.foreign(name))).transpose()
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.run(self.script(RENEW, name).arg(claim.token.to_string()).arg(kept_for(claim.ttl)))
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.end(name, claim.token, "released")
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        // The token alone: a renewal in between changes nothing about who is meant.
        seen.holder.as_ref().map_or(Ok(false), |holder| self.end(name, holder.token, "broken"))
    }
}

/// Returns for how many milliseconds the server keeps a lease with this TTL: a tenth longer than its holder counts, because their clocks may differ
/// in speed, and never a part of a millisecond less.
fn kept_for(ttl: Duration) -> u64 {
    u64::try_from(patience(ttl).as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Reads the value of a holder's key.
fn parse(value: &str) -> Option<(String, LeaseHolder)> {
    let mut parts = value.splitn(3, ' ');
    let (token, fence) = (parts.next()?.parse::<Token>().ok()?, parts.next()?.parse().ok()?);
    let claim = LeaseClaim::parse(parts.next()?).filter(|claim| claim.token == token);
    let holder = match claim {
        Some(claim) => LeaseHolder::new(&claim, fence),
        None => LeaseHolder::unknown(token, Duration::ZERO, fence),
    };
    Some((format!("{token} {fence}"), holder))
}
