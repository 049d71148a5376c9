//! The id of a request: taken from its header if it is sane, else made.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::REQUEST_ID_BYTES;
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// The header that has the id, in the request and in the response.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Holds the id of a request, for handlers that ask its extensions.
///
/// ```
/// use axum::Extension;
/// use logscope::http::RequestId;
///
/// async fn handler(Extension(id): Extension<RequestId>) -> String {
///     format!("please quote {id} when you ask for help")
/// }
/// # let _ = handler;
/// ```
///
/// It is 1 to 128 visible ASCII characters: that of the request's header `x-request-id`, if that is such a text, else one that no other request
/// of this process has. The same id is in the headers of the request, whatever was there before, and of the response.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Takes the id from `headers`, or makes one and puts it there.
    pub(super) fn take_or_make(headers: &mut HeaderMap) -> Self {
        if let Some(taken) = headers.get(HEADER).filter(|value| is_sane(value.as_bytes())) {
            return RequestId(taken.clone());
        }
        let made = make();
        headers.insert(HEADER, made.clone());
        RequestId(made)
    }

    /// Puts the id into the headers of a response.
    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        headers.insert(HEADER, self.0.clone());
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// Makes an id: 16 digits that differ from process to process, also of a forked one, and a number that counts the requests.
fn make() -> HeaderValue {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let process = KEY.get_or_init(RandomState::new).hash_one(std::process::id());
    // Relaxed: the numbers only have to differ.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{process:016x}-{number}")).unwrap_or_else(|_| HeaderValue::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(value: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
        let id = RequestId::take_or_make(&mut headers);
        assert_eq!(headers.get_all(HEADER).iter().collect::<Vec<_>>(), [id.as_str()]);
        id
    }

    #[test]
    fn a_sane_id_is_taken() {
        for sane in ["r", "7f3c-{a}", &"x".repeat(REQUEST_ID_BYTES)] {
            assert_eq!(taken(sane.as_bytes()).as_str(), sane);
        }
    }

    #[test]
    fn any_other_id_is_replaced() {
        let long = "x".repeat(REQUEST_ID_BYTES + 1);
        for other in ["", "two words", "tab\tbed", "\u{e4}", &long] {
            let made = taken(other.as_bytes());
            assert_ne!(made.as_str(), other);
            assert!(is_sane(made.as_str().as_bytes()));
        }
    }

    #[test]
    fn made_ids_differ() {
        let mut ids: Vec<_> = (0..100).map(|_| make()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 100);
    }
}
