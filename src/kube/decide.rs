//! What a driver does next, from what it sees. Pure.

use std::collections::BTreeSet;

use super::observe::{End, JobState};
use super::render::Round;

/// Map Jobs of one run that bring nothing new, in a row, before it is given up.
const IDLE_ROUNDS_MAX: u32 = 3;
/// Map Jobs of one run.
const ROUNDS_MAX: u32 = 40;
/// Reduce Jobs of one run.
const REDUCES_MAX: u32 = 6;

/// A Job that dp made for the run, and what is known of its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its number, from 1.
    pub number: u32,
    /// What the API server says of it.
    pub job: JobState,
    /// Whether a pod of it was killed for its memory.
    pub out_of_memory: bool,
}

/// What a driver sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Whether the result is published.
    pub published: bool,
    /// The map Jobs, by number.
    pub maps: Vec<Stage>,
    /// The reduce Jobs, by number.
    pub reduces: Vec<Stage>,
    /// Shards without a commit; looked at only when no Job runs.
    pub missing: BTreeSet<u32>,
    /// Those of them that are bad by their data: trying again is useless.
    pub bad: BTreeSet<u32>,
    /// Those of them that were in work when memory ran out.
    pub hungry: BTreeSet<u32>,
    /// Map Jobs in a row that brought nothing.
    pub idle: u32,
}

/// What may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Completion indexes of a map Job.
    pub indexes: u32,
    /// Bytes of memory of a pod at first.
    pub memory: u64,
    /// Bytes up to which it is raised.
    pub max_memory: u64,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Make this map Job over these shards; `None`: over all of them.
    Map(Round, Option<BTreeSet<u32>>),
    /// Make this reduce Job.
    Reduce {
        /// Its number.
        number: u32,
        /// Bytes of memory of its pod.
        memory: u64,
    },
    /// Look again later.
    Wait,
    /// All is published.
    Done,
    /// Shards are bad: say which.
    Bad,
    /// A Job ended because the run cannot go on.
    Stopped(String),
    /// Nothing more helps: why.
    GiveUp(String),
}

/// The next thing to do.
#[must_use]
pub fn next(view: &View, bounds: Bounds) -> Next {
    if view.published {
        return Next::Done;
    }
    if let Some(last) = view.reduces.last() {
        return after_reduce(last, bounds);
    }
    let Some(last) = view.maps.last() else {
        let round = Round { number: 1, indexes: bounds.indexes, memory: bounds.memory };
        return Next::Map(round, None);
    };
    match &last.job.end {
        None => Next::Wait,
        Some(_) if view.missing.is_empty() => Next::Reduce { number: 1, memory: bounds.memory },
        Some(_) if !view.bad.is_empty() => Next::Bad,
        Some(End::Failed { reason, message })
            if reason == "PodFailurePolicy" || reason == "DeadlineExceeded" =>
        {
            Next::Stopped(message.clone())
        }
        Some(_) => another_round(view, last, bounds),
    }
}

fn another_round(view: &View, last: &Stage, bounds: Bounds) -> Next {
    let left = view.missing.len();
    if view.idle >= IDLE_ROUNDS_MAX {
        return Next::GiveUp(format!(
            "{left} shards are left, and {IDLE_ROUNDS_MAX} Jobs in a row committed none of them"
        ));
    }
    if last.number >= ROUNDS_MAX {
        return Next::GiveUp(format!("{left} shards are left after {ROUNDS_MAX} Jobs"));
    }
    let others: BTreeSet<u32> = view.missing.difference(&view.hungry).copied().collect();
    let (shards, memory) = if others.is_empty() {
        let most = view.maps.iter().map(|s| s.job.memory).max().unwrap_or(bounds.memory);
        if most >= bounds.max_memory {
            return Next::GiveUp(format!(
                "memory ran out with the most that is allowed, {} MiB, in shards {}",
                most >> 20,
                shown(&view.missing)
            ));
        }
        (view.missing.clone(), most.saturating_mul(2).min(bounds.max_memory))
    } else {
        (others, bounds.memory)
    };
    let count = u32::try_from(shards.len()).unwrap_or(u32::MAX);
    let round = Round { number: last.number + 1, indexes: bounds.indexes.min(count), memory };
    Next::Map(round, Some(shards))
}

fn after_reduce(last: &Stage, bounds: Bounds) -> Next {
    match &last.job.end {
        None => Next::Wait,
        // The record of it is on its way, or somebody removed the result.
        Some(End::Complete) => {
            Next::GiveUp("the reduce Job is complete, but the result is not there".to_owned())
        }
        Some(End::Failed { reason, message })
            if reason == "PodFailurePolicy" || reason == "DeadlineExceeded" =>
        {
            Next::Stopped(message.clone())
        }
        Some(End::Failed { .. }) if last.number >= REDUCES_MAX => {
            Next::GiveUp(format!("{REDUCES_MAX} reduce Jobs failed"))
        }
        Some(End::Failed { .. }) if last.out_of_memory && last.job.memory >= bounds.max_memory => {
            Next::GiveUp(format!(
                "memory ran out in reduce with the most that is allowed, {} MiB",
                last.job.memory >> 20
            ))
        }
        Some(End::Failed { .. }) => {
            let memory = if last.out_of_memory { last.job.memory.saturating_mul(2) } else { last.job.memory };
            Next::Reduce { number: last.number + 1, memory: memory.min(bounds.max_memory) }
        }
    }
}

/// Shards as a person reads them: at most ten.
#[must_use]
pub fn shown(shards: &BTreeSet<u32>) -> String {
    let mut text: Vec<String> = shards.iter().take(10).map(u32::to_string).collect();
    if shards.len() > 10 {
        text.push(format!("and {} more", shards.len() - 10));
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const BOUNDS: Bounds = Bounds { indexes: 4, memory: GIB, max_memory: 4 * GIB };

    fn stage(number: u32, memory: u64, end: Option<&str>) -> Stage {
        let end = end.map(|reason| match reason {
            "Complete" => End::Complete,
            reason => End::Failed { reason: reason.to_owned(), message: "m".to_owned() },
        });
        Stage { number, job: JobState { memory, end, ..JobState::default() }, out_of_memory: false }
    }

    fn set(shards: &[u32]) -> BTreeSet<u32> {
        shards.iter().copied().collect()
    }

    fn after_map(missing: &[u32], end: &str) -> View {
        View { maps: vec![stage(1, GIB, Some(end))], missing: set(missing), ..View::default() }
    }

    fn map(number: u32, indexes: u32, memory: u64, shards: Option<&[u32]>) -> Next {
        Next::Map(Round { number, indexes, memory }, shards.map(set))
    }

    #[test]
    fn a_run_goes_from_map_to_reduce_to_done() {
        assert_eq!(next(&View::default(), BOUNDS), map(1, 4, GIB, None));
        let running = View { maps: vec![stage(1, GIB, None)], ..View::default() };
        assert_eq!(next(&running, BOUNDS), Next::Wait);
        assert_eq!(next(&after_map(&[], "Complete"), BOUNDS), Next::Reduce { number: 1, memory: GIB });
        let reducing = View { reduces: vec![stage(1, GIB, None)], ..after_map(&[], "Complete") };
        assert_eq!(next(&reducing, BOUNDS), Next::Wait);
        assert_eq!(next(&View { published: true, ..reducing }, BOUNDS), Next::Done);
    }

    #[test]
    fn shards_that_are_left_are_run_again_alone() {
        // Even a failed Job may have committed everything.
        assert_eq!(next(&after_map(&[], "FailedIndexes"), BOUNDS), Next::Reduce { number: 1, memory: GIB });
        assert_eq!(next(&after_map(&[3, 9], "FailedIndexes"), BOUNDS), map(2, 2, GIB, Some(&[3, 9])));
        let bad = View { bad: set(&[3]), ..after_map(&[3, 9], "FailedIndexes") };
        assert_eq!(next(&bad, BOUNDS), Next::Bad);
        assert_eq!(next(&after_map(&[3], "PodFailurePolicy"), BOUNDS), Next::Stopped("m".to_owned()));
        let idle = View { idle: 3, ..after_map(&[3], "FailedIndexes") };
        assert!(matches!(next(&idle, BOUNDS), Next::GiveUp(_)));
    }

    #[test]
    fn memory_is_raised_only_where_it_ran_out() {
        let mut view = View { hungry: set(&[3]), ..after_map(&[3, 9], "FailedIndexes") };
        assert_eq!(next(&view, BOUNDS), map(2, 1, GIB, Some(&[9])));
        view.maps.push(stage(2, GIB, Some("Complete")));
        view.missing = set(&[3]);
        assert_eq!(next(&view, BOUNDS), map(3, 1, 2 * GIB, Some(&[3])));
        view.maps.push(stage(3, 4 * GIB, Some("FailedIndexes")));
        assert!(matches!(next(&view, BOUNDS), Next::GiveUp(m) if m.contains("4096 MiB, in shards 3")));
    }

    #[test]
    fn a_reduce_that_failed_is_tried_again() {
        let mut last = stage(1, GIB, Some("BackoffLimitExceeded"));
        let view = |last: Stage| View { reduces: vec![last], ..after_map(&[], "Complete") };
        assert_eq!(next(&view(last.clone()), BOUNDS), Next::Reduce { number: 2, memory: GIB });
        last.out_of_memory = true;
        assert_eq!(next(&view(last.clone()), BOUNDS), Next::Reduce { number: 2, memory: 2 * GIB });
        last.job.memory = 4 * GIB;
        assert!(matches!(next(&view(last), BOUNDS), Next::GiveUp(_)));
        assert_eq!(
            next(&view(stage(1, GIB, Some("PodFailurePolicy"))), BOUNDS),
            Next::Stopped("m".to_owned())
        );
        assert!(matches!(next(&view(stage(6, GIB, Some("x"))), BOUNDS), Next::GiveUp(_)));
    }
}
