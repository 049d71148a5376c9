//! What a record knows of its context: not the context itself, only who it is.

use super::Value;
use super::span::{Fragments, Style};

/// Who a context is: its name, its id, and the fields that it puts on each of its records.
#[derive(Debug)]
pub struct ContextInfo {
    name: String,
    id: u64,
    fields: Vec<(String, Value)>,
    fragments: Fragments,
}

impl ContextInfo {
    pub(crate) fn new(name: String, id: u64, fields: Vec<(String, Value)>) -> Self {
        ContextInfo { name, id, fields, fragments: Fragments::default() }
    }

    /// The one that has what is nobody's, or several contexts', to say.
    pub(crate) fn nobody() -> Self {
        ContextInfo::new("logscope".to_owned(), 0, Vec::new())
    }

    /// The name, as it was given. Formats escape it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id: unique in this process, shared by the contexts that were derived from one another.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The fields, in the order in which they were given; a name appears once.
    #[must_use]
    pub fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }

    /// This context's rendering in `style`, made once by `render`.
    pub(crate) fn fragment(&self, style: Style, render: impl FnOnce(&ContextInfo, &mut Vec<u8>)) -> &[u8] {
        self.fragments.get(style, |out| render(self, out))
    }
}
