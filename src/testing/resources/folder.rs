//! The folder in which the processes of one user meet: locks of resources, ports and workers, and the folders of tests.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::lock::ensure_dir_writable;
use crate::sync::OnceLock;
use crate::testing::seed_value::hash;

/// The environment variable that sets the folder.
const VARIABLE: &str = "LOGSCOPE_TEST_SHARED";

/// Returns the folder, which is there then.
pub(super) fn shared_folder() -> Result<&'static Path, Error> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    if let Some(folder) = FOLDER.get() {
        return Ok(folder);
    }
    let folder = shared_path();
    ensure_dir_writable(&folder)?;
    Ok(FOLDER.get_or_init(|| folder))
}

/// Returns the path of the folder, which need not be there.
pub(crate) fn shared_path() -> PathBuf {
    let folder = std::env::var_os(VARIABLE).map_or_else(of_user, PathBuf::from);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The user's part of the system's folder for temporary files. The name has the user, because nobody else can write there: where another user has
/// made it, the folder is found not to be writable.
fn of_user() -> PathBuf {
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw().to_string();
    // There each user has a folder for temporary files.
    #[cfg(not(unix))]
    let user = "user";
    std::env::temp_dir().join(format!("logscope-testing-{user}"))
}

/// Returns `name` as the name of a file: what is no letter, digit, `-` or `_` is written as its number.
pub(super) fn file_name(name: &str) -> String {
    use std::fmt::Write as _;

    if name.is_empty() {
        return "%".to_owned();
    }
    let mut safe = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || "-_".contains(character) {
            safe.push(character);
        } else {
            let _ = write!(safe, "%{:x}.", u32::from(character));
        }
    }
    // The system allows 255 bytes, and what a lock puts beside its file has a longer name.
    if safe.len() > 160 {
        let hash = hash(&safe);
        safe.truncate(140);
        let _ = write!(safe, "~{hash:016x}");
    }
    safe
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn different_names_are_different_files_and_none_leads_elsewhere() {
        assert_eq!(file_name("data_base-1"), "data_base-1");
        assert_eq!(file_name("a::b"), "a%3a.%3a.b");
        assert_eq!(file_name(""), "%");
        assert_eq!(file_name("../x"), "%2e.%2e.%2f.x");
        let long = |end| file_name(&format!("{}{end}", "x".repeat(400)));
        assert!(long("1").len() < 200 && long("1") != long("2"));
    }
}
