//! What a record knows of its context: name, id and fields.

use std::num::NonZeroU64;

use super::Value;
use super::span::Fragments;
use super::style::Style;
use crate::line_buffer::LineBuffer;

/// Identifies the context of a record: its name, its id, and the fields that it adds to each of its records.
#[derive(Debug)]
pub struct ContextInfo {
    name: Box<str>,
    id: u64,
    // No id is zero.
    parent_id: Option<NonZeroU64>,
    fields: Box<[(String, Value)]>,
    fragments: Fragments,
}

impl ContextInfo {
    pub(crate) fn new(name: String, id: u64, fields: Vec<(String, Value)>) -> Self {
        ContextInfo { name: name.into(), id, parent_id: None, fields: fields.into(), fragments: Fragments::default() }
    }

    /// The same as of a child of the context `parent_id`.
    pub(crate) fn with_parent_id(self, parent_id: Option<u64>) -> Self {
        ContextInfo { parent_id: parent_id.and_then(NonZeroU64::new), ..self }
    }

    /// The context of notices that concern no context, or several.
    pub(crate) fn nobody() -> Self {
        ContextInfo::new("logscope".to_owned(), 0, Vec::new())
    }

    /// Returns the name as the program gave it; formats escape it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id, which is unique in this process, and shared by contexts that are derived from one another.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the id of the parent, if the context is a [child](crate::OutputContext::child). The parent may no longer be alive, and may be
    /// in another process: see [`OutputContext::parent_id`](crate::OutputContext::parent_id).
    #[must_use]
    pub fn parent_id(&self) -> Option<u64> {
        self.parent_id.map(NonZeroU64::get)
    }

    /// Returns the fields in the order in which the program gave them; each name appears once.
    #[must_use]
    pub fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }

    /// Appends a blank and the fragment, as [`append_fragment`](ContextInfo::append_fragment) does.
    #[inline]
    pub(crate) fn append_fragment_after_blank(
        &self,
        style: Style,
        out: &mut LineBuffer,
        mut render: impl FnMut(&ContextInfo, &mut LineBuffer),
    ) {
        self.fragments.append_after_blank(style, out, |out| render(self, out));
    }

    /// Appends the fragment of this context in `style`; the first call in a style makes it with `render`.
    #[inline]
    pub(crate) fn append_fragment(
        &self,
        style: Style,
        out: &mut LineBuffer,
        mut render: impl FnMut(&ContextInfo, &mut LineBuffer),
    ) {
        self.fragments.append(style, out, |out| render(self, out));
    }
}
