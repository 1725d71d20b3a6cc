//! Why a run ends badly, in one error.

use std::collections::BTreeMap;

use super::super::run::Frozen;
use super::drive::Driver;
use super::view::{PODS_SHOWN, failed_pods, words};
use crate::error::{Error, Kind};
use crate::id::TaskId;
use crate::kube::client::Select;
use crate::kube::decide::{self, View};
use crate::kube::names::RUN_LABEL;
use crate::kube::object::Object;
use crate::kube::observe::{self, Trouble};
use crate::store::commit::read_failures;

impl Driver<'_> {
    /// A Job was ended by an exit code that says that the run cannot go on: that pod knows why.
    pub(super) fn stopped(&self, frozen: &Frozen, view: &View, message: &str) -> Error {
        let last = view.reduces.last().or(view.maps.last());
        let pods = last.map(|stage| failed_pods(&self.cluster, &stage.job.name));
        let words = pods.and_then(Result::ok).into_iter().flatten().find_map(|t| last_words(&t));
        if let Some((kind, text)) = words.filter(|(kind, _)| *kind != Kind::Interrupted) {
            return Error::new(kind, text).with("run", &frozen.run.name);
        }
        Error::stop(format!("a Job of the run was ended: {message}")).with("run", &frozen.run.name)
    }

    pub(super) fn give_up(&self, message: String) -> Error {
        let causes = self.causes();
        let error = Error::stop(message);
        if causes.is_empty() { error } else { error.with("causes", causes) }
    }

    /// Why pods failed, the most frequent cause first.
    fn causes(&self) -> String {
        let labels = format!("{RUN_LABEL}={}", self.identity.base);
        let select = Select { labels: &labels, fields: "status.phase=Failed", limit: PODS_SHOWN };
        let pods = self.cluster.list(Object::Pod, select).unwrap_or_default();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for trouble in pods.iter().filter_map(observe::pod) {
            *counts.entry(trouble.text).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), text.clone()));
        counts
            .into_iter()
            .take(3)
            .map(|(text, count)| format!("{count} x {text}"))
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// Which shards are bad, and what is said of the first.
pub(super) fn bad_shards(frozen: &Frozen, view: &View) -> Error {
    let said = read_failures(&frozen.run).unwrap_or_default().into_iter().find(|f| {
        f.kind() == Kind::BadData
            && f.task.strip_prefix("map/").and_then(TaskId::parse_map).is_some_and(|t| match t {
                TaskId::Map(id) | TaskId::MapAt(id, _) => view.bad.contains(&id.0),
                TaskId::Reduce => false,
            })
    });
    let said = said.map_or_else(|| "its data cannot be read".to_owned(), |f| f.message);
    let error = Error::bad_data(match view.bad.len() {
        1 => said,
        many => format!("{many} shards failed; the first of them: {said}"),
    });
    error.with("shards", decide::shown(&view.bad)).with("run", &frozen.run.name).with(
        "hint",
        "repair the input or set spec.errors.badRecords, then submit again: committed shards stay",
    )
}

/// The error that a pod ended with.
fn last_words(trouble: &Trouble) -> Option<(Kind, String)> {
    let words = words(trouble)?;
    let kind = Kind::of_exit_code(u8::try_from(words["exitCode"].as_u64()?).ok()?)?;
    Some((kind, words["error"].as_str()?.to_owned()))
}
