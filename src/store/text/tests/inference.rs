//! What types are found.
