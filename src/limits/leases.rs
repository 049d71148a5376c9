//! The limits of leases, and of Redis.

use std::ops::RangeInclusive;
use std::time::Duration;

/// For how long a lease is held without renewal, unless it is set.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(30);

/// The shortest and the longest TTL of a lease. A shorter one would be over before its holder can do anything; a longer one is no lease.
pub(crate) const LEASE_TTLS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(30 * 24 * 3600);

/// How long who waits for a lease pauses before the first retry, at most. Each pause is twice the one before.
pub(crate) const LEASE_FIRST_RETRY: Duration = Duration::from_millis(1);

/// How long who waits for a lease pauses between two attempts, at most.
pub(crate) const LEASE_RETRY: Duration = Duration::from_millis(100);

/// Who has released a lease lets others go first for as long as it held it, divided by this, and for [`LEASE_RETRY`] at most.
pub(crate) const LEASE_REST_DIVISOR: u32 = 2;

/// How often in a row others may take a lease in the middle of an attempt, until who wants it pauses.
pub(crate) const LEASE_ATTEMPTS: u32 = 16;

/// How much longer than the TTL somebody watches a lease that does not change before taking it over, in percent: by so much may two clocks
/// differ in their speed.
pub(crate) const LEASE_MARGIN_PERCENT: u32 = 10;

/// How often a keeper renews a lease within its TTL.
pub(crate) const LEASE_RENEWALS: u32 = 3;

/// Into how many pauses a keeper that cannot renew a lease divides its TTL.
pub(crate) const LEASE_RETRIES: u32 = 20;

/// How often a step lists the folder of a lease which others are just changing.
pub(crate) const LEASE_LISTINGS: u32 = 400;

/// How many of these looks follow one another at once.
pub(crate) const LEASE_QUICK_LISTINGS: u32 = 200;

/// How long it pauses before each of the others, at most: for the caches of network file systems, about 4 s in all.
pub(crate) const LEASE_LISTING_PAUSE: Duration = Duration::from_millis(25);

/// The longest name of a lease, in bytes.
pub(crate) const LEASE_NAME_BYTES: usize = 512;

/// The most bytes that are read of what an owner of a lease says of itself.
pub(crate) const LEASE_OWNER_BYTES: u64 = 8 << 10;

/// How long a command to Redis waits for a connection, and again for its answer, unless it is set.
#[cfg(feature = "redis")]
pub(crate) const REDIS_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a command to Redis is sent again whose connection was cut.
#[cfg(feature = "redis")]
pub(crate) const REDIS_RETRIES: usize = 1;

/// The most bytes of what a Redis server says that are told, in an error.
#[cfg(feature = "redis")]
pub(crate) const REDIS_TEXT_BYTES: usize = 1024;

/// How many connections to Redis are kept while nobody uses them.
#[cfg(feature = "redis")]
pub(crate) const REDIS_IDLE: usize = 8;
