//! A cache in front of the disk, and what happens when it is gone.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::disk::keep_unreadable;
use super::errors::cache_gone;
use super::header::{DocumentVersion, Fault, Header, Stamp};
use super::log::{log_cache_back, log_cache_gone, log_unreadable_replaced};
use super::place::Place;
use crate::error::Error;
use crate::limits::{STORE_CACHE_LONGEST_REST, STORE_CACHE_QUICK, STORE_CACHE_REST};
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// Keeps documents beside the disk: the higher [version](DocumentVersion) of the two is the document.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::io;
/// use std::sync::Mutex;
///
/// use logscope::store::{DocumentCache, DocumentVersion};
///
/// #[derive(Debug, Default)]
/// struct InMemory(Mutex<BTreeMap<String, (DocumentVersion, Vec<u8>)>>);
///
/// impl DocumentCache for InMemory {
///     fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
///         let documents = self.0.lock().unwrap();
///         Ok(documents.get(key).map(|(_, document)| document.clone()))
///     }
///
///     fn put(&self, key: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()> {
///         let mut documents = self.0.lock().unwrap();
///         // Looks and writes in one step: see the contract.
///         if documents.get(key).is_none_or(|(present, _)| *present < version) {
///             documents.insert(key.to_owned(), (version, document.to_owned()));
///         }
///         Ok(())
///     }
/// }
/// # let cache = InMemory::default();
/// # let version = |generation| DocumentVersion { generation, ..DocumentVersion::default() };
/// # cache.put("a", version(2), b"2").unwrap();
/// # cache.put("a", version(1), b"1").unwrap();
/// # assert_eq!(cache.get("a").unwrap().unwrap(), b"2");
/// ```
pub trait DocumentCache: fmt::Debug + Send + Sync + 'static {
    /// Returns the document of `key` as it was put, if there is one.
    ///
    /// # Errors
    ///
    /// The cache cannot be asked. That there is no document is none.
    fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>>;

    /// Keeps `document` for `key`, unless a document with the same or a higher version is there: then it changes nothing, and succeeds.
    ///
    /// The look and the write must be one step: several processes put at once.
    ///
    /// # Errors
    ///
    /// The cache cannot be asked. Whether it has kept the document is not known then.
    fn put(&self, key: &str, version: DocumentVersion, document: &[u8]) -> io::Result<()>;

    /// Keeps `document` for `key` in place of `found`, whatever its version. That is what [`get`](Self::get) has returned, and it is no document, or one
    /// of the same version that was saved without this one. Where something else is there by now, does what [`put`](Self::put) does.
    ///
    /// The look and the write must be one step, as in [`put`](Self::put), which this calls unless it is implemented. Then damage that was put with a high
    /// version stays until somebody deletes it, and a document of the same version until the next save.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    fn replace(&self, key: &str, found: &[u8], version: DocumentVersion, document: &[u8]) -> io::Result<()> {
        let _ = found;
        self.put(key, version, document)
    }
}

/// What happens to a document while its cache cannot be used.
///
/// It says nothing of the lease: one whose backend is gone can neither be taken nor checked, so the document can be read, and not be locked or saved.
/// Where a document is to survive an outage of Redis, keep its leases in a folder.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum CacheGone {
    /// The disk alone is used, and a record at WARN says so, once until the cache is back. What only the cache had is missed meanwhile.
    ///
    /// A cache that takes long to fail, because its server stands still, is asked again after five times as long, and after 10 s at the latest. So it holds up
    /// a call now and then, and not each.
    ///
    /// An entry of the cache that is no document, because it was damaged, or something else or an earlier version of this library has written it,
    /// is [replaced](DocumentCache::replace) by the document on disk when that is opened or saved next. A copy of it is kept beside the document, as
    /// `state.json.cache.<digest>`, which a record at WARN names. One of another schema or of a later version of this
    /// library stays, unless it is put there after the look before a save, and has a lower version than what is saved.
    #[default]
    UseDisk,
    /// Opening, locking and saving fail with [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable), before anything is changed. Reading does not
    /// need the cache, and uses the disk then.
    ///
    /// An entry of the cache that is no document, or has another schema, counts as a cache that cannot be used, until somebody removes it.
    Refuse,
}

/// What a cache has: a document, and how it was put.
pub(super) type Found = Option<(Header, Vec<u8>)>;

/// The cache of one document.
#[derive(Debug)]
pub(super) struct Cached {
    cache: Arc<dyn DocumentCache>,
    key: String,
    gone: CacheGone,
    /// Until when the cache is left alone. `None` if it did not fail when it was asked last.
    rests_until: Mutex<Option<Instant>>,
    /// What the cache had when it answered last.
    content: Mutex<Content>,
    /// The last two saves of which was told that neither follows the other: that of the disk, and that of the cache.
    fork: Mutex<Option<(Stamp, Stamp)>>,
}

/// What a cache has for a key.
#[derive(Debug)]
enum Content {
    /// The document, or nothing.
    Fit,
    /// A document that is another one's. It stays.
    Foreign,
    /// What nobody can read. The next document that is put replaces it, after a copy was made.
    Unreadable(Vec<u8>),
    /// A document that was made without the one on disk, and is not newer. The next document that is put replaces it. There is a copy.
    Twin(Vec<u8>),
}

impl Cached {
    pub(super) fn new(cache: Arc<dyn DocumentCache>, key: String, gone: CacheGone) -> Self {
        let (rests_until, content, fork) = (Mutex::new(None), Mutex::new(Content::Fit), Mutex::new(None));
        Cached { cache, key, gone, rests_until, content, fork }
    }

    /// Returns what two who open a document must have in common.
    pub(super) fn options(&self) -> (&str, CacheGone) {
        (&self.key, self.gone)
    }

    /// Returns the document that the cache has. One that is damaged, or has another schema, counts as a cache that cannot be used. Then the result is
    /// none, unless the cache `is_needed`, and it was said to refuse without it. While the cache rests, it is asked only then.
    pub(super) fn get(&self, place: &Place, schema: &str, is_needed: bool) -> Result<Option<(Header, Vec<u8>)>, Error> {
        self.look(place, schema, is_needed).map(Option::flatten)
    }

    /// The same. The outer `Option` is none if the cache was not asked or cannot be used.
    pub(super) fn look(&self, place: &Place, schema: &str, is_needed: bool) -> Result<Option<Found>, Error> {
        let refuses = is_needed && self.gone == CacheGone::Refuse;
        if !refuses && !self.may_ask() {
            return Ok(None);
        }
        let began = Instant::now();
        let found = self.cache.get(&self.key).map(|document| document.map(|document| self.parse(document, schema)));
        let (found, content) = match found.map(Option::transpose) {
            Ok(Ok(document)) => (Ok(document), Some(Content::Fit)),
            Ok(Err((why, content))) => (Err(io::Error::other(why)), Some(content)),
            Err(error) => (Err(error), None),
        };
        if let Some(content) = content {
            *self.content.lock() = content;
        }
        match found {
            Ok(document) => {
                self.note_back(place);
                Ok(Some(document))
            }
            Err(error) if refuses => Err(cache_gone(place.path(), error)),
            Err(error) => {
                self.note_gone(place, &error, began.elapsed());
                Ok(None)
            }
        }
    }

    /// Returns what the cache has, or why that is not the document.
    fn parse(&self, document: Vec<u8>, schema: &str) -> Result<(Header, Vec<u8>), (String, Content)> {
        let key = &self.key;
        match Header::parse(&document).map(|(header, _)| header) {
            Ok(header) if header.schema == schema => Ok((header, document)),
            Ok(Header { schema, .. }) => {
                let why = format!("{key} has the schema {schema:?} there: another document has this key");
                Err((why, Content::Foreign))
            }
            Err(Fault::Newer(format)) => {
                let why = format!("{key} was put there by a later version of logscope, in format {format}");
                Err((why, Content::Foreign))
            }
            Err(Fault::Older(format)) => {
                let why = format!("{key} was put there by an earlier version of logscope, in format {format}");
                Err((why, Content::Unreadable(document)))
            }
            Err(fault) => {
                let how = match fault {
                    Fault::Damaged(how) => how,
                    _ => "something else than a store has written it",
                };
                Err((format!("what it has as {key} is no document: {how}"), Content::Unreadable(document)))
            }
        }
    }

    /// Notes that the disk and the cache disagree. Returns false if that was noted before, of the same two saves: a cache need not be able to replace one.
    pub(super) fn note_fork(&self, disk: Stamp, cache: Stamp) -> bool {
        self.fork.lock().replace((disk, cache)) != Some((disk, cache))
    }

    /// True if it was noted last that this save in the cache disagrees with the disk: there is a copy.
    pub(super) fn has_noted(&self, cache: Stamp) -> bool {
        self.fork.lock().is_some_and(|(_, noted)| noted == cache)
    }

    /// Has the cache keep a document that is on disk in place of `found`, which it has returned.
    pub(super) fn put_over(&self, place: &Place, found: Vec<u8>, header: &Header, document: &[u8]) {
        *self.content.lock() = Content::Twin(found);
        self.put(place, header, document);
    }

    /// Has the cache keep a document that is on disk. The document is saved without it, so a failure is told, and is no error.
    pub(super) fn put(&self, place: &Place, header: &Header, document: &[u8]) {
        let (replaced, is_kept) = match &*self.content.lock() {
            Content::Fit => (None, true),
            Content::Unreadable(found) => (Some(found.clone()), false),
            Content::Twin(found) => (Some(found.clone()), true),
            // Whatever its version: those of two documents say nothing of one another.
            Content::Foreign => return,
        };
        if !self.may_ask() {
            return;
        }
        if let (Some(found), false) = (&replaced, is_kept)
            && let Some(kept) = keep_unreadable(place, found).transpose()
        {
            log_unreadable_replaced(place.path(), &kept);
        }
        let began = Instant::now();
        let is_fit = replaced.is_none();
        let put = match replaced {
            None => self.cache.put(&self.key, header.version(), document),
            Some(found) => self.cache.replace(&self.key, &found, header.version(), document),
        };
        match put {
            Ok(()) if is_fit => self.note_back(place),
            // It may still have what is not the document. The next look tells.
            Ok(()) => self.end_rest(),
            Err(error) => self.note_gone(place, &error, began.elapsed()),
        }
    }

    /// Returns false while the cache rests.
    fn may_ask(&self) -> bool {
        let now = Instant::now();
        let mut rests_until = self.rests_until.lock();
        match &mut *rests_until {
            None => true,
            Some(until) if now < *until => false,
            // One asks whether it is back. The others need not wait for that.
            Some(until) => {
                *until = now + STORE_CACHE_LONGEST_REST;
                true
            }
        }
    }

    /// Lets the cache be asked again. Nothing is known of whether it is back.
    fn end_rest(&self) {
        if let Some(until) = &mut *self.rests_until.lock() {
            *until = Instant::now();
        }
    }

    /// Notes that the cache has failed, after so long.
    fn note_gone(&self, place: &Place, error: &io::Error, after: Duration) {
        let rest = if after < STORE_CACHE_QUICK { Duration::ZERO } else { after.saturating_mul(STORE_CACHE_REST) };
        let until = Instant::now() + rest.min(STORE_CACHE_LONGEST_REST);
        let before = self.rests_until.lock().replace(until);
        if before.is_none() {
            log_cache_gone(place.path(), error);
        }
    }

    fn note_back(&self, place: &Place) {
        let before = self.rests_until.lock().take();
        if before.is_some() {
            log_cache_back(place.path());
        }
    }
}
