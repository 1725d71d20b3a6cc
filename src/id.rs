//! Ids of shards, tasks and attempts, and their text forms.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A shard of a plan: dense from 0, in plan order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub u32);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// One unit of a run: what is committed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskId {
    /// A shard's map task.
    Map(ShardId),
    /// A shard's map task run again with its first record at the stated byte of its first split,
    /// because the guess of [`TaskId::Map`] did not tile the file.
    MapAt(ShardId, u64),
    /// The reduce task of the run.
    Reduce,
}

impl TaskId {
    /// The stage's folder name.
    #[must_use]
    pub const fn stage(self) -> &'static str {
        match self {
            Self::Map(_) | Self::MapAt(..) => "map",
            Self::Reduce => "reduce",
        }
    }

    /// Reads the text form of a map task.
    #[must_use]
    pub fn parse_map(text: &str) -> Option<Self> {
        match text.split_once("-at-") {
            Some((shard, offset)) => Some(Self::MapAt(ShardId(shard.parse().ok()?), offset.parse().ok()?)),
            None => Some(Self::Map(ShardId(text.parse().ok()?))),
        }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(shard) => write!(f, "{shard}"),
            Self::MapAt(shard, offset) => write!(f, "{shard}-at-{offset}"),
            Self::Reduce => f.write_str("000000"),
        }
    }
}

/// One try of a task. Unique, never a counter: two pods may try one task at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(String);

impl AttemptId {
    /// A new, random id.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_tasks_are_read_as_they_are_written() {
        for task in [TaskId::Map(ShardId(7)), TaskId::MapAt(ShardId(123_456_789), 42)] {
            assert_eq!(TaskId::parse_map(&task.to_string()), Some(task));
        }
        for bad in ["", "x", "7-at-", "-at-7", "7-at-x"] {
            assert_eq!(TaskId::parse_map(bad), None, "{bad}");
        }
    }
}
