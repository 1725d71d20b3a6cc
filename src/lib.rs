//! dp runs one data job over a dataset of any size: a planner cuts the dataset into shards and
//! freezes a plan, tasks turn shards into partials, a reduce task combines them and publishes.
//!
//! ```text
//! job.yaml ─ spec ─► Job ─ plan ─► Plan ──────────► task::map × shard ──► commit record
//!                              ▲     │ create-only     │ engine: read, filter, aggregate, write
//!          store: list, scan ──┘     ▼                 ▼
//!                               <work>/<run>/       partials ──► task::reduce ──► manifest ──► publish
//! ```
//!
//! # Words
//!
//! A *split* is a piece of one input file; a *shard* the splits that are committed together; the *plan*
//! the frozen description of a *run*; an *attempt* one try of a *task*; a *morsel* the rows that one
//! thread takes at one go; a *partial* mergeable state made from morsels; to *commit* is to create the
//! record that makes one attempt the result of its task; to *publish* is to put committed files under
//! their final names.
//!
//! # Files on disk
//!
//! All paths are made in [`store::layout`]; every format has a number.
//!
//! | file | written and read by |
//! | --- | --- |
//! | `plan.json`, `plan/*.json` | [`plan::freeze`] |
//! | `commits/<stage>/<task>.json`, `failures/…` | [`store::commit`] |
//! | `manifest.json` | [`store::manifest`] |
//! | `_dp/<run>/attempts/…` of shards | [`engine::partial`], or [`engine::write`] where nothing is merged |
//! | `_dp/publish/*.json` | [`store::claim`] |
//! | `part-*`, `_SUCCESS` | [`store::publish`], [`store::output`] |
//!
//! # Where to begin
//!
//! [`ops`] has one function per command; [`job::sql`] the grammar of what SQL can be cut; [`error`] the table
//! from kinds of error to retries and exit codes. `ARCHITECTURE.md` says what is never there.

pub mod cli;
pub mod engine;
pub mod error;
pub mod event;
pub mod id;
pub mod job;
pub mod kube;
pub mod ops;
pub mod plan;
pub mod spec;
pub mod store;
pub mod task;

pub use error::{Error, Kind, Result};
