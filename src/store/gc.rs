//! Removing what no result needs.

use super::commit::RunFolder;
use super::layout;
use crate::error::Result;
use crate::id::{AttemptId, TaskId};

/// Removes the data of one attempt: one that lost, or that failed before its commit was tried.
///
/// # Errors
/// As [`super::folder::Folder::delete`].
pub fn remove_attempt(run: &RunFolder, task: TaskId, attempt: &AttemptId) -> Result<()> {
    run.output.remove_folder(&layout::attempt(&run.name, task, attempt))
}
