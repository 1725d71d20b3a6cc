//! Parquet: footers and decoding.
