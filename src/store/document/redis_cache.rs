//! A cache of documents in Redis.

use std::fmt;
use std::io;

use redis::{Cmd, cmd};

use super::cache::DocumentCache;
use super::header::DocumentVersion;
use crate::error::Error;
use crate::store::redis_client::{RedisClient, RedisOptions};

/// Keeps the document `ARGV[2]` with the version `ARGV[1]`, unless one that is as new is there and is not `ARGV[3]`. It may run twice. The texts of versions
/// are in the order of versions; as numbers of Lua they would not be exact.
///
/// A part of an entry, or a version that has not the length of one, is no document, and is replaced.
const PUT: &str = "
local present = redis.call('HGET', KEYS[1], 'version')
local document = redis.call('HGET', KEYS[1], 'document')
if document and document ~= ARGV[3] and present and #present == #ARGV[1] and present >= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'document', ARGV[2])
return 1
";

/// Keeps documents in Redis, beside the disk: see [`StoreOptions::cache`](super::StoreOptions::cache).
///
/// A document is a hash, `<prefix>document:<key>`, with the fields `version` and `document`, and stays until it is deleted. Each call waits for the
/// server as long as [`RedisOptions::timeout`] says.
///
/// ```no_run
/// use logscope::store::{CacheGone, RedisCache, RedisOptions, Store};
///
/// let cache = RedisCache::new("redis://127.0.0.1/", RedisOptions::new().prefix("builds:"))?;
/// let counts: Store<Vec<u32>> = Store::options().cache(cache, "counts").cache_gone(CacheGone::UseDisk).open("counts.json")?;
/// # Ok::<(), logscope::Error>(())
/// ```
pub struct RedisCache {
    client: RedisClient,
}

impl RedisCache {
    /// Names a server. It is not asked yet, so it may be gone: [`CacheGone`](super::CacheGone) says what happens then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`](crate::ErrorKind::Lock) if `url` is none of a Redis server.
    pub fn new(url: impl AsRef<str>, options: RedisOptions) -> Result<Self, Error> {
        Ok(RedisCache { client: RedisClient::new(url.as_ref(), options)? })
    }

    fn run_put(&self, command: &Cmd) -> io::Result<()> {
        let _is_newest: i64 = self.client.run(command).map_err(io::Error::other)?;
        Ok(())
    }
}

impl DocumentCache for RedisCache {
    fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        self.client.run(cmd("HGET").arg(self.client.key("document", key)).arg("document")).map_err(io::Error::other)
    }

    fn put(&self, key: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let key = self.client.key("document", key);
        self.run_put(cmd("EVAL").arg(PUT).arg(1).arg(key).arg(version.to_string()).arg(document))
    }

    fn replace(&self, key: &str, damaged: &[u8], version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let key = self.client.key("document", key);
        self.run_put(cmd("EVAL").arg(PUT).arg(1).arg(key).arg(version.to_string()).arg(document).arg(damaged))
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("server", &self.client.address()).finish()
    }
}
