//! What was forgotten.
