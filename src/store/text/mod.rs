//! CSV and JSONL: records, cuts, decoding.
