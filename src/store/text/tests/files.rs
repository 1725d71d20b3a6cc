//! Files as people have them, and what is said about bad ones.
