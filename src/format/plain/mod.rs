//! The notation that `text`, `build` and `logfmt` share, as opposed to JSON: `name=value`, and `name{a=1 b=2}` for spans and
//! contexts.
//!
//! | file | subject |
//! |---|---|
//! | `value` | values: bare or quoted |
//! | `literal` | values that are string literals already: `?string`, `?path` |
//! | `name` | names of fields: bare, quoted or escaped |
//! | `braces` | a span or a context with its fields in braces |
//! | `fields` | the message and the fields of a record |
//!
//! Imports: the files beside this folder, but no layout. Where one layout departs from the shared notation, it implements
//! [`Dialect`](fields::Dialect).

pub(super) mod braces;
pub(super) mod fields;
pub(super) mod literal;
pub(super) mod name;
pub(super) mod value;
