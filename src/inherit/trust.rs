//! Whether the environment of this process may say how it logs.
//!
//! A program that runs with other rights than whoever started it (setuid, setgid, capabilities of its file) must not let the starter name a
//! file to write to, or a context to be taken for.

/// Returns true if whoever started this process has the rights that it has.
pub(super) fn is_environment_trusted() -> bool {
    #[cfg(unix)]
    {
        use rustix::process::{getegid, geteuid, getgid, getuid};

        is_trusted(
            (getuid().as_raw(), geteuid().as_raw()),
            (getgid().as_raw(), getegid().as_raw()),
            has_gained_rights_at_start(),
        )
    }
    #[cfg(not(unix))]
    true
}

/// Decides by the real and the effective user and group, and by whether the system says that the process gained rights when it was started.
#[cfg(unix)]
fn is_trusted(user: (u32, u32), group: (u32, u32), has_gained_rights: bool) -> bool {
    user.0 == user.1 && group.0 == group.1 && !has_gained_rights
}

/// Returns what Linux says in `AT_SECURE`, which also knows of rights that are no user or group, and of those that the process has
/// given up since.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_gained_rights_at_start() -> bool {
    use nix::libc::{AT_SECURE, getauxval};

    // SAFETY: `getauxval` takes any number. It reads a table that the kernel has filled before the program began, and that nothing changes.
    unsafe { getauxval(AT_SECURE) != 0 }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn has_gained_rights_at_start() -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn rights_of_another_are_not_trusted() {
        assert!(is_trusted((1000, 1000), (1000, 1000), false));
        assert!(is_trusted((0, 0), (0, 0), false));
        assert!(!is_trusted((1000, 0), (1000, 1000), false));
        assert!(!is_trusted((0, 1000), (1000, 1000), false));
        assert!(!is_trusted((1000, 1000), (1000, 0), false));
        assert!(!is_trusted((1000, 1000), (1000, 1000), true));
    }

    #[test]
    fn this_process_is_trusted() {
        assert!(is_environment_trusted());
    }
}
