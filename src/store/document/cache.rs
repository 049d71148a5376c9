//! A cache in front of the disk, and what happens when it is gone.

use std::fmt;
use std::io;

use super::errors::cache_gone;
use super::header::{Fault, Header};
use super::log::{log_cache_back, log_cache_gone};
use super::place::Place;
use crate::error::Error;
use crate::sync::model::Mutex;
use crate::sync::{Arc, AtomicBool, Ordering};

/// Keeps documents beside the disk: the higher generation of the two is the document.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::io;
/// use std::sync::Mutex;
///
/// use logscope::store::DocumentCache;
///
/// #[derive(Debug, Default)]
/// struct InMemory(Mutex<BTreeMap<String, (u64, Vec<u8>)>>);
///
/// impl DocumentCache for InMemory {
///     fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
///         let documents = self.0.lock().unwrap();
///         Ok(documents.get(key).map(|(_, document)| document.clone()))
///     }
///
///     fn put(&self, key: &str, generation: u64, document: &[u8]) -> io::Result<()> {
///         let mut documents = self.0.lock().unwrap();
///         // Looks and writes in one step: see the contract.
///         if documents.get(key).is_none_or(|(present, _)| *present < generation) {
///             documents.insert(key.to_owned(), (generation, document.to_owned()));
///         }
///         Ok(())
///     }
/// }
/// # let cache = InMemory::default();
/// # cache.put("a", 2, b"2").unwrap();
/// # cache.put("a", 1, b"1").unwrap();
/// # assert_eq!(cache.get("a").unwrap().unwrap(), b"2");
/// ```
pub trait DocumentCache: fmt::Debug + Send + Sync + 'static {
    /// Returns the document of `key` as it was put, if there is one.
    ///
    /// # Errors
    ///
    /// The cache cannot be asked. That there is no document is none.
    fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>>;

    /// Keeps `document` for `key`, unless a document with the same or a higher generation is there: then it changes nothing, and succeeds.
    ///
    /// The look and the write must be one step: several processes put at once.
    ///
    /// # Errors
    ///
    /// The cache cannot be asked. Whether it has kept the document is not known then.
    fn put(&self, key: &str, generation: u64, document: &[u8]) -> io::Result<()>;

    /// Keeps `document` for `key` in place of `damaged`, which [`get`](Self::get) has returned and which is no document, whatever its generation. Where
    /// something else is there by now, does what [`put`](Self::put) does.
    ///
    /// The look and the write must be one step, as in [`put`](Self::put), which this calls unless it is implemented. Then damage that was put with a high
    /// generation stays until somebody deletes it.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    fn replace(&self, key: &str, damaged: &[u8], generation: u64, document: &[u8]) -> io::Result<()> {
        let _ = damaged;
        self.put(key, generation, document)
    }
}

/// What happens to a document while its cache cannot be used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum CacheGone {
    /// The disk alone is used, and a record at WARN says so, once until the cache is back. What only the cache had is missed meanwhile.
    ///
    /// An entry of the cache that is no document, because it was damaged or something else has written it, is [replaced](DocumentCache::replace) by the
    /// document on disk when that is opened or saved next. One of another schema or of a later version of this library stays.
    #[default]
    UseDisk,
    /// Opening, locking and saving fail with [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable), before anything is changed. Reading does not
    /// need the cache, and uses the disk then.
    ///
    /// An entry of the cache that is no document, or has another schema, counts as a cache that cannot be used, until somebody removes it.
    Refuse,
}

/// The cache of one document.
#[derive(Debug)]
pub(super) struct Cached {
    cache: Arc<dyn DocumentCache>,
    key: String,
    gone: CacheGone,
    is_gone: AtomicBool,
    /// What the cache had when it answered last.
    content: Mutex<Content>,
}

/// What a cache has for a key.
#[derive(Debug)]
enum Content {
    /// The document, or nothing.
    Fit,
    /// A document that is another one's. It stays.
    Foreign,
    /// What nobody can read. The next document that is put replaces it.
    Damaged(Vec<u8>),
}

impl Cached {
    pub(super) fn new(cache: Arc<dyn DocumentCache>, key: String, gone: CacheGone) -> Self {
        Cached { cache, key, gone, is_gone: AtomicBool::new(false), content: Mutex::new(Content::Fit) }
    }

    /// Returns what two who open a document must have in common.
    pub(super) fn options(&self) -> (&str, CacheGone) {
        (&self.key, self.gone)
    }

    /// Returns the document that the cache has. One that is damaged, or has another schema, counts as a cache that cannot be used. Then the result is
    /// none, unless the cache `is_needed`, and it was said to refuse without it.
    pub(super) fn get(&self, place: &Place, schema: &str, is_needed: bool) -> Result<Option<(Header, Vec<u8>)>, Error> {
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
                Ok(document)
            }
            Err(error) if is_needed && self.gone == CacheGone::Refuse => Err(cache_gone(place.path(), error)),
            Err(error) => {
                self.tell_gone(place, &error);
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
            Err(fault) => {
                let how = match fault {
                    Fault::Damaged(how) => how,
                    _ => "something else than a store has written it",
                };
                Err((format!("what it has as {key} is no document: {how}"), Content::Damaged(document)))
            }
        }
    }

    /// Has the cache keep a document that is on disk. The document is saved without it, so a failure is told, and is no error.
    pub(super) fn put(&self, place: &Place, header: &Header, document: &[u8]) {
        let (damaged, is_fit) = match &*self.content.lock() {
            Content::Damaged(damaged) => (Some(damaged.clone()), false),
            content => (None, matches!(content, Content::Fit)),
        };
        let put = match damaged {
            None => self.cache.put(&self.key, header.stamp.generation, document),
            Some(damaged) => self.cache.replace(&self.key, &damaged, header.stamp.generation, document),
        };
        match put {
            Ok(()) if is_fit => self.note_back(place),
            // It may still have what is not the document. The next look tells.
            Ok(()) => {}
            Err(error) => self.tell_gone(place, &error),
        }
    }

    fn tell_gone(&self, place: &Place, error: &io::Error) {
        // Relaxed: one of those who notice it tells it, and nothing else depends on it.
        if !self.is_gone.swap(true, Ordering::Relaxed) {
            log_cache_gone(place.path(), error);
        }
    }

    fn note_back(&self, place: &Place) {
        if self.is_gone.swap(false, Ordering::Relaxed) {
            log_cache_back(place.path());
        }
    }
}
