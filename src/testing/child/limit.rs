//! How much of the system's resources a child may use.

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Names a resource of which a [`Child`](super::Child) may be given less. (Unix only.)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// How many files it may have open, with its streams: `RLIMIT_NOFILE`.
    OpenFiles,
    /// The longest file that it may write, in bytes: `RLIMIT_FSIZE`. A longer one raises SIGXFSZ, which kills it unless it is ignored.
    FileSize,
    /// How much memory it may map, in bytes: `RLIMIT_AS`.
    AddressSpace,
    /// How long it may compute, in seconds: `RLIMIT_CPU`.
    ProcessorTime,
    /// How much the core dump of a crash may have, in bytes: `RLIMIT_CORE`.
    CoreDump,
}

const ALL: [Limit; 5] = [Limit::OpenFiles, Limit::FileSize, Limit::AddressSpace, Limit::ProcessorTime, Limit::CoreDump];

/// Writes limits as text, for the environment of the child.
pub(super) fn to_text(limits: &[(Limit, u64)]) -> String {
    limits.iter().map(|(limit, value)| format!("{limit:?}={value}")).collect::<Vec<_>>().join(",")
}

/// Sets the limits of this process that stand in a text. It may lower its own limits, and raise none beyond what it is allowed.
pub(super) fn apply(text: &str) -> Result<(), String> {
    for assignment in text.split(',').filter(|assignment| !assignment.is_empty()) {
        let (name, value) = assignment.split_once('=').ok_or_else(|| format!("{assignment:?} is no limit"))?;
        let limit = ALL.into_iter().find(|limit| format!("{limit:?}") == name);
        match (limit, value.parse()) {
            (Some(limit), Ok(value)) => {
                set(limit, value).map_err(|error| format!("cannot set {assignment}: {error}"))?
            }
            _ => return Err(format!("{assignment:?} is no limit")),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set(limit: Limit, value: u64) -> std::io::Result<()> {
    let resource = match limit {
        Limit::OpenFiles => Resource::Nofile,
        Limit::FileSize => Resource::Fsize,
        Limit::AddressSpace => Resource::As,
        Limit::ProcessorTime => Resource::Cpu,
        Limit::CoreDump => Resource::Core,
    };
    // The hard limit stays: the child may raise its own again.
    let maximum = getrlimit(resource).maximum;
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum })?)
}

#[cfg(not(unix))]
fn set(_: Limit, _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        assert_eq!(to_text(&[(Limit::OpenFiles, 64), (Limit::FileSize, 8_192)]), "OpenFiles=64,FileSize=8192");
        assert_eq!(apply(""), Ok(()));
        assert_eq!(apply("Doors=1"), Err("\"Doors=1\" is no limit".to_owned()));
        assert_eq!(apply("OpenFiles=many"), Err("\"OpenFiles=many\" is no limit".to_owned()));
    }
}
