//! A file that a parent offers its child to log to: where it is, how it is opened, and the view that the parent's sink has of it.
//!
//! Offered is only what the child can do again so that both processes append whole lines to one file, in one form: see
//! [`OfferedFile::of`].

use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

use super::pairs::{Problem, push_escaped, shortened, unescaped, unescaped_text};
use crate::error::Error;
use crate::format::Format;
use crate::sink::{self, Sink};
use crate::verbosity::Verbosity;

/// The bytes that stand between the options of a file, and so are escaped in their values.
const SPECIAL: &[u8] = b",";

/// A log file that a child may open.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OfferedFile {
    /// Absolute.
    path: PathBuf,
    mode: u32,
    create_parents: bool,
    allow_symlink: bool,
    layout: String,
    /// The options of the format, by their names.
    options: Vec<(String, String)>,
    verbosity: Verbosity,
    sync_at: LevelFilter,
}

impl OfferedFile {
    /// Returns the file of `sink`, if another process can append to it as this one does.
    ///
    /// It can if the sink writes to a regular file by its own name, which does not roll, in a format of ours, and with the origin of each
    /// record's context. Where a path need not be Unicode but bytes, as on Unix, any path will do; elsewhere it must be Unicode.
    pub(super) fn of(sink: &Sink) -> Option<Self> {
        let file = sink.file_options_elsewhere()?;
        path_bytes(&file.path)?;
        let (layout, options) = sink.renderer().to_words()?;
        Some(OfferedFile {
            mode: file.creation_mode(),
            create_parents: file.create_parents,
            allow_symlink: file.allow_symlink,
            path: file.path,
            layout,
            options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            verbosity: sink.own_verbosity().without_dial(),
            sync_at: sink.sync_level(),
        })
    }

    /// Appends the file: its path, the layout, and options, as `/var/log/uno.log,json,mode=600,verbosity=trace`.
    pub(super) fn push(&self, out: &mut String) {
        push_escaped(out, path_bytes(&self.path).unwrap_or_default(), SPECIAL);
        out.push(',');
        out.push_str(&self.layout);
        let mut push = |name: &str, value: &str| {
            out.extend([",", name, "="]);
            push_escaped(out, value.as_bytes(), SPECIAL);
        };
        push("mode", &format!("{:o}", self.mode));
        push("verbosity", &self.verbosity.to_string());
        push("sync_at", &self.sync_at.to_string());
        for (name, is_set) in [("parents", self.create_parents), ("symlink", self.allow_symlink)] {
            if is_set {
                push(name, "true");
            }
        }
        for (name, value) in &self.options {
            push(name, value);
        }
    }

    /// Reads a file back. All is checked here but what only opening it shows.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let mut parts = text.split(',');
        let path = path_of(unescaped(parts.next().unwrap_or_default())?)?;
        if !path.is_absolute() {
            return Err("the path of a file in it is not absolute".to_owned());
        }
        let layout = parts.next().unwrap_or_default().to_owned();
        let mut format = Format::of_layout(&layout).ok_or_else(|| no_option("format", &layout))?;
        let mut file = OfferedFile {
            path,
            mode: 0o600,
            create_parents: false,
            allow_symlink: false,
            layout,
            options: Vec::new(),
            verbosity: LevelFilter::TRACE.into(),
            sync_at: LevelFilter::OFF,
        };
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(|| no_option("option", part))?;
            let bad = || no_option(name, value);
            let text = unescaped_text(value)?;
            match name {
                "mode" => file.mode = octal(&text).ok_or_else(bad)?,
                "verbosity" => file.verbosity = text.parse().map_err(|_| bad())?,
                "sync_at" => file.sync_at = text.parse().map_err(|_| bad())?,
                "parents" => file.create_parents = text.parse().map_err(|_| bad())?,
                "symlink" => file.allow_symlink = text.parse().map_err(|_| bad())?,
                _ => {
                    format = format.with_option(name, &text).ok_or_else(bad)?;
                    file.options.push((name.to_owned(), text));
                }
            }
        }
        Ok(file)
    }

    /// Opens the file for appending.
    pub(super) fn open(&self) -> Result<Sink, Error> {
        let options = sink::file(&self.path).mode(self.mode);
        let file = options.create_parents(self.create_parents).allow_symlink(self.allow_symlink).open()?;
        Ok(file.format(self.format()).verbosity(self.verbosity.clone()).sync_at(self.sync_at))
    }

    fn format(&self) -> Format {
        let layout = Format::of_layout(&self.layout).unwrap_or_else(Format::text);
        // `read` has tried them all.
        self.options
            .iter()
            .fold(layout, |format, (name, value)| format.clone().with_option(name, value).unwrap_or(format))
    }
}

/// The permissions of a file, in octal digits.
fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

#[cold]
fn no_option(name: &str, value: &str) -> Problem {
    format!("{} {} of a file in it is not known", shortened(name), shortened(value))
}

#[cfg(unix)]
fn path_bytes(path: &std::path::Path) -> Option<&[u8]> {
    use std::os::unix::ffi::OsStrExt as _;

    Some(path.as_os_str().as_bytes())
}

#[cfg(not(unix))]
fn path_bytes(path: &std::path::Path) -> Option<&[u8]> {
    path.to_str().map(str::as_bytes)
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, Problem> {
    use std::os::unix::ffi::OsStringExt as _;

    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, Problem> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| "the path of a file in it is not Unicode".to_owned())
}
