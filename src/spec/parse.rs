//! The text of a job spec -> the job that it means, or all that is wrong with it.

use std::path::Path;

use super::build::Build;
use super::check::Check;
use super::fields;
use super::given::Given;
use super::params::Params;
use super::problem::{Problem, Problems};
use super::tree::{Data, Node};
use super::valid::Job;
use super::yaml;

/// Reads a job spec. `file` names it in problems; `base` is its folder, absolute, in which relative
/// paths lie.
///
/// # Errors
/// Every problem of the file, in its order.
pub fn parse(text: &str, file: &str, base: &Path, given: &Given) -> Result<Job, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut problems = Problems::new(file);
    let job =
        yaml::read(text, &mut problems).and_then(|root| understand(root, text, base, given, &mut problems));
    match job {
        Some(job) if problems.is_empty() => Ok(job),
        _ => Err(problems.into_sorted()),
    }
}

/// A tree -> the job; what is wrong is added.
pub(super) fn understand(
    mut root: Node,
    text: &str,
    base: &Path,
    given: &Given,
    problems: &mut Problems,
) -> Option<Job> {
    if let Some(kind) = root.entry("kind").filter(|e| is_pipeline(&e.value)) {
        // Its `spec` has other keys: to name each of them would help nobody.
        problems.add(kind.value.pos, "kind", "`DataPipeline` is not acted on by this version of dp");
        return None;
    }
    given.overlay(&mut root, problems);
    let mut params = Params::new(text, &root, given, problems);
    Check { params: &mut params, problems }.block(&mut root, &fields::JOB, "", false);
    Build { base, given, problems }.job(&root, &params)
}

fn is_pipeline(node: &Node) -> bool {
    matches!(&node.data, Data::Scalar(s) if s.text == "DataPipeline")
}
