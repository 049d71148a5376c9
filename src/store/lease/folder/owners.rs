//! What the owners of a lease say of themselves: a file for each in the folder beside that of the lease, with its token as its name.
//!
//! Not in the lease's own file: who has lost that, and is slow, would write into the next owner's. An owner writes its file before it takes the
//! lease, so that it is there as soon as its token stands in the name. A crash may leave one behind, which the next owner removes. The file is
//! told to people only; without it the holder is somebody who left no word.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use crate::limits::LEASE_OWNER_BYTES;
use crate::lock::{Token, ensure_last_io};
use crate::store::lease::backend::LeaseClaim;

/// The folder with these files.
pub(super) struct Owners {
    pub(super) folder: PathBuf,
}

impl Owners {
    pub(super) fn write(&self, claim: &LeaseClaim) -> io::Result<()> {
        let path = self.path(claim.token);
        let file = match File::create(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody may have deleted all of it.
                ensure_last_io(self.folder.parent().unwrap_or(&self.folder))?;
                ensure_last_io(&self.folder)?;
                File::create(&path)
            }
            file => file,
        };
        file?.write_all(claim.to_text().as_bytes())
    }

    pub(super) fn read(&self, token: Token) -> Option<LeaseClaim> {
        let mut text = String::new();
        File::open(self.path(token)).ok()?.take(LEASE_OWNER_BYTES).read_to_string(&mut text).ok()?;
        LeaseClaim::parse(&text).filter(|claim| claim.token == token)
    }

    pub(super) fn remove(&self, token: Token) {
        let _ = fs::remove_file(self.path(token));
    }

    /// Removes what owners before this one have left.
    pub(super) fn remove_others(&self, token: Token) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let owner = entry.file_name().to_str().and_then(|name| name.parse::<Token>().ok());
            if owner.is_some_and(|owner| owner != token) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, token: Token) -> PathBuf {
        self.folder.join(token.to_string())
    }
}
