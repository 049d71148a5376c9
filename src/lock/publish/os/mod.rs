//! System calls. `unix` and `other` have the same functions.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::sync_folder;
#[cfg(not(unix))]
pub(super) use other::{
    age, create_held, exchange, hold, make_folder, make_link, release, remove_folder, sync_all_in, touch,
};
#[cfg(not(unix))]
pub(in crate::lock) use other::{clone_file, is_same_file};
#[cfg(unix)]
pub(crate) use unix::sync_folder;
#[cfg(unix)]
pub(super) use unix::{
    age, create_held, exchange, hold, make_folder, make_link, release, remove_folder, sync_all_in, touch,
};
#[cfg(unix)]
pub(in crate::lock) use unix::{clone_file, is_same_file};
