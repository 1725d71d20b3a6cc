//! Bad input, on the real binary: each case ends with the exit code of `src/error.rs` and a text
//! that stands in `tests/golden/bad_input`, never with a panic, and publishes nothing.

#[path = "../support/mod.rs"]
mod support;

mod dp;
mod parquet_files;

mod names;
mod parquet_damage;
mod places;
mod statements;
mod text;
mod values;
