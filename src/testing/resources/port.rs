//! Ports that nobody else uses.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::folder::shared_folder;
use crate::error::{Error, ErrorKind};
use crate::lock::{FileLock, FileLockGuard};
use crate::testing::seed;
use crate::testing::told::this_thread;

/// Where ports are looked for, unless the test says otherwise: below what systems use for outgoing connections.
const RANGE: RangeInclusive<u16> = 15_000..=25_000;

/// The environment variable that sets the range: `20000-20999`.
const VARIABLE: &str = "LOGSCOPE_TEST_PORTS";

/// Returns a port that nobody listens at, and that no other test gets while the result is held.
///
/// ```
/// let port = logscope::testing::free_port();
/// let server = std::net::TcpListener::bind(("127.0.0.1", port.number()))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Asking the system for port 0 gives a port that somebody else can have a moment later. This one is held by a file lock, which all processes of this
/// user respect that ask here, from this call until the result is dropped: the server may start late, and start again. It is outside the range of
/// outgoing connections, so no client gets it by chance. It was free on IPv4 and IPv6, for TCP and UDP.
///
/// See [`Ports`] for a preferred port, and another range than 15,000 to 25,000.
///
/// # Panics
///
/// If there is no free port in the range, or if the lock's file cannot be made or used.
#[must_use = "another test may get the port when this is dropped: bind it to a variable for as long as you need the port"]
#[track_caller]
pub fn free_port() -> FreePort {
    match Ports::new().take() {
        Ok(port) => port,
        Err(error) => panic!("no free port: {error:#}"),
    }
}

/// Looks for a [free port](free_port), with options.
///
/// ```
/// use logscope::testing::Ports;
///
/// let port = Ports::new().prefer(18_080).range(20_000..=20_999).take()?;
/// # assert!(port.number() == 18_080 || (20_000..=20_999).contains(&port.number()));
/// # Ok::<(), logscope::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "this takes no port: call `take`"]
pub struct Ports {
    range: Option<RangeInclusive<u16>>,
    preferred: Option<u16>,
}

impl Ports {
    /// Looks at 15,000 to 25,000, or at the range that the environment variable `LOGSCOPE_TEST_PORTS` sets: `20000-20999`.
    #[expect(clippy::new_without_default, reason = "a const, like the setters")]
    pub const fn new() -> Self {
        Ports { range: None, preferred: None }
    }

    /// Looks at this range. Ports of it that the system uses for outgoing connections are left out.
    pub const fn range(self, range: RangeInclusive<u16>) -> Self {
        Ports { range: Some(range), preferred: self.preferred }
    }

    /// Tries this port first. It may be one outside the range. Zero is none.
    pub const fn prefer(self, port: u16) -> Self {
        Ports { preferred: Some(port), range: self.range }
    }

    /// Takes the first port that is free: the preferred one, or one of the range, from a random one on.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Parse`] if the range in the environment is none.
    /// - [`ErrorKind::Open`] if no port in the range is free.
    /// - [`ErrorKind::Lock`] if a lock's file cannot be made or used.
    pub fn take(&self) -> Result<FreePort, Error> {
        let folder = shared_folder()?.join("ports");
        let range = self.range.clone().map_or_else(range_of_environment, Ok)?;
        let outgoing = outgoing();
        let candidates: Vec<u16> = range.clone().filter(|port| *port != 0 && !outgoing.contains(port)).collect();
        let start = seed::choose().below(candidates.len() as u64) as usize;
        let (before, from_there) = candidates.split_at(start);
        // To a system, zero is any port.
        let preferred = self.preferred.filter(|port| *port != 0);
        for port in preferred.iter().chain(from_there).chain(before) {
            if let Some(free) = try_take(&folder, *port)? {
                return Ok(free);
            }
        }
        let (first, last) = range.into_inner();
        let (out_first, out_last) = outgoing.into_inner();
        Err(Error::new(
            ErrorKind::Open,
            format!(
                "none of the ports {first} to {last} is free, without those for outgoing connections, {out_first} to {out_last}: set another range, \
                 by `Ports::range` or {VARIABLE}"
            ),
        ))
    }
}

fn range_of_environment() -> Result<RangeInclusive<u16>, Error> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(RANGE) };
    let parsed =
        text.split_once('-').and_then(|(first, last)| Some(first.trim().parse().ok()?..=last.trim().parse().ok()?));
    parsed
        .ok_or_else(|| Error::new(ErrorKind::Parse, format!("{VARIABLE} is {text:?}, and should be like 20000-20999")))
}

/// The ports that the system gives to clients.
fn outgoing() -> RangeInclusive<u16> {
    let parse = |text: String| {
        let mut ends = text.split_whitespace().map(str::parse);
        Some(ends.next()?.ok()?..=ends.next()?.ok()?)
    };
    let of_linux = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().and_then(parse);
    // What the standard says, and what most systems do.
    of_linux.unwrap_or(49_152..=u16::MAX)
}

fn try_take(folder: &std::path::Path, port: u16) -> Result<Option<FreePort>, Error> {
    let path: PathBuf = folder.join(format!("{port}.lock"));
    let lock = FileLock::new(path).purpose(format!("a port for {}", this_thread())).silent(true);
    let Some(guard) = lock.try_acquire()? else { return Ok(None) };
    Ok(is_free(port).then_some(FreePort { port, _lock: guard }))
}

/// True if somebody could listen at the port now, on all addresses.
fn is_free(port: u16) -> bool {
    let addresses: [IpAddr; 4] = [
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::LOCALHOST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
        Ipv6Addr::LOCALHOST.into(),
    ];
    addresses.into_iter().map(|address| SocketAddr::new(address, port)).all(|address| {
        is_free_for(TcpListener::bind(address).map(drop), address)
            && is_free_for(UdpSocket::bind(address).map(drop), address)
    })
}

fn is_free_for(bound: io::Result<()>, address: SocketAddr) -> bool {
    match bound {
        Ok(()) => true,
        Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => false,
        // A machine without IPv6.
        Err(_) => address.is_ipv6(),
    }
}

/// Keeps a port for this test until it is dropped; from [`free_port`].
#[must_use = "another test may get the port when this is dropped: bind it to a variable for as long as you need the port"]
pub struct FreePort {
    port: u16,
    _lock: FileLockGuard,
}

impl FreePort {
    /// Returns the number of the port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for FreePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.port.fmt(f)
    }
}

impl fmt::Debug for FreePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FreePort").field(&self.port).finish()
    }
}
