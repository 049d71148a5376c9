//! The offset of this machine's time zone from UTC.

use time::UtcOffset;

/// Returns the offset now; UTC if it is not known.
pub(super) fn local_offset() -> UtcOffset {
    lookup().unwrap_or(UtcOffset::UTC)
}

/// Reads the time zone that the environment variable `TZ` or `/etc/localtime` names. The C library would do so, too, but not safely beside a
/// thread that changes the environment.
#[cfg(unix)]
fn lookup() -> Option<UtcOffset> {
    let zone = tz::TimeZone::local().ok()?;
    let local = zone.find_current_local_time_type().ok()?;
    UtcOffset::from_whole_seconds(local.ut_offset()).ok()
}

#[cfg(not(unix))]
fn lookup() -> Option<UtcOffset> {
    UtcOffset::current_local_offset().ok()
}
