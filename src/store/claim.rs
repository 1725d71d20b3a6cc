//! Who may publish into an output folder.
//!
//! Claims are create-only records, numbered from 1 without gaps; the highest one owns the output.
//! A claim is made only while no other run can still be acting on an earlier one:
//!
//! - Local files: a publisher holds a lock of the operating system, which ends with its process.
//! - Object stores have no locks and no conditional delete. There a claim bars other runs until its
//!   publisher has said that it ended, or for [`LEASE_MILLIS`]; a publisher acts only within
//!   [`HOLD_MILLIS`] of its claim and then claims again. So a publisher that wakes up late finds a
//!   higher claim, or none and goes on, and does no harm unless it slept for the difference between
//!   looking at the clock and sending one request.
//!
//! Publishers of one manifest do not bar each other: all that they do is idempotent.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::folder::{Folder, Lock};
use super::layout;
use super::manifest::Manifest;
use super::record::{self, Outcome, Record};
use super::retry::Try;
use crate::error::{Error, Kind, Result};
use crate::id::AttemptId;

/// How long a claim bars other runs on stores without locks, if its publisher does not end it.
pub const LEASE_MILLIS: u64 = 30 * 60 * 1000;

/// How long a publisher acts on a claim before it claims again. Far below [`LEASE_MILLIS`]: the
/// difference covers clocks that differ, and one change with all its retries.
pub const HOLD_MILLIS: u64 = 5 * 60 * 1000;

/// Wall-clock milliseconds since the epoch.
pub type Clock<'a> = &'a (dyn Fn() -> u64 + Sync);

/// A file that a publisher may put at the top of the output folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// A claim on an output folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// [`Claim::FORMAT`].
    pub format: u32,
    /// The run that is published.
    pub run: String,
    /// Its plan's digest.
    pub plan: String,
    /// Digest of its manifest.
    pub manifest: String,
    /// The publisher.
    pub publisher: AttemptId,
    /// When it was made, by the publisher's clock.
    pub at_millis: u64,
    /// What it may put there: so that whoever comes next knows whose files they are.
    pub files: Vec<ClaimedFile>,
    /// What it found there and may replace or remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<ClaimedFile>,
}

impl Record for Claim {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "claim on an output folder";
}

impl Claim {
    /// A claim for publishing `manifest`.
    ///
    /// # Errors
    /// `Internal`: the manifest cannot be written as JSON.
    pub fn new(manifest: &Manifest, replaces: Vec<ClaimedFile>, at_millis: u64) -> Result<Self> {
        let digest = blake3::hash(&record::encode(manifest)?);
        let file = |f: &super::manifest::PublishedFile| ClaimedFile { name: f.name.clone(), bytes: f.bytes };
        Ok(Self {
            format: Self::FORMAT,
            run: manifest.run.clone(),
            plan: manifest.plan.clone(),
            manifest: digest.to_hex().to_string(),
            publisher: AttemptId::random(),
            at_millis,
            files: manifest.files.iter().map(file).collect(),
            replaces,
        })
    }

    /// Whether both publish the same files of the same attempts.
    #[must_use]
    pub fn same_manifest(&self, other: &Self) -> bool {
        self.plan == other.plan && self.manifest == other.manifest
    }
}

/// The highest claim's number; 0 without any. Claims are found by name: a listing may be incomplete.
///
/// # Errors
/// As [`Folder::get`].
pub fn highest(output: &Folder) -> Result<u64> {
    let (mut there, mut absent) = (0, 1);
    while output.exists(&layout::claim(absent))? {
        (there, absent) = (absent, absent * 2);
    }
    while absent - there > 1 {
        let middle = there + (absent - there) / 2;
        if output.exists(&layout::claim(middle))? {
            there = middle;
        } else {
            absent = middle;
        }
    }
    Ok(there)
}

/// The claim of an epoch.
///
/// # Errors
/// `Stop`: it is unreadable, or absent although a later one is there.
pub fn read(output: &Folder, epoch: u64) -> Result<Claim> {
    let rel = layout::claim(epoch);
    record::read(output, &rel)?
        .ok_or_else(|| Error::stop("a claim on the output folder is gone").with("file", output.name(&rel)))
}

/// The right to publish, for as long as this lives.
pub struct Owner<'a> {
    output: &'a Folder,
    clock: Clock<'a>,
    claim: Claim,
    epochs: Vec<u64>,
    /// `None` on stores without locks.
    lock: Option<Box<dyn Send + Sync>>,
}

impl std::fmt::Debug for Owner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({:?})", self.epochs)
    }
}

/// Claims the output for `manifest`. `may_begin` is asked before a claim is made, while no other
/// run is publishing, and says what is there to be replaced.
///
/// # Errors
/// `Transient`, naming the other run: one is publishing, and did not end within the retries.
/// Otherwise the error of `may_begin` or of the store.
pub fn acquire<'a>(
    output: &'a Folder,
    manifest: &Manifest,
    clock: Clock<'a>,
    may_begin: impl Fn() -> Result<Vec<ClaimedFile>>,
) -> Result<Owner<'a>> {
    output.retry().run(|| {
        let lock = match output.lock(layout::PUBLISH_LOCK)? {
            Lock::Held(guard) => Some(guard),
            Lock::Unsupported => None,
            Lock::Busy => {
                return Ok(Try::Again(match holder(output)? {
                    Some(run) => busy(output).with("run", run),
                    None => busy(output),
                }));
            }
        };
        let mut claim = Claim::new(manifest, Vec::new(), clock())?;
        let last = highest(output)?;
        if lock.is_none()
            && let Some(run) = acting(output, &claim, last)?
        {
            return Ok(Try::Again(busy(output).with("run", run)));
        }
        claim.replaces = may_begin()?;
        let epoch = last + 1;
        match record::create_once(output, &layout::claim(epoch), &record::encode(&claim)?)? {
            Outcome::Won => {
                let epochs = vec![epoch];
                Ok(Try::Done(Owner { output, clock, claim, epochs, lock }))
            }
            Outcome::Lost(bytes) => {
                let other: Claim = record::decode(&bytes, &output.name(&layout::claim(epoch)))?;
                Ok(Try::Again(busy(output).with("run", other.run)))
            }
        }
    })
}

/// Another run whose publisher may still be acting.
fn acting(output: &Folder, mine: &Claim, last: u64) -> Result<Option<String>> {
    for epoch in (1..=last).rev() {
        let other = read(output, epoch)?;
        if mine.at_millis.saturating_sub(other.at_millis) > LEASE_MILLIS {
            break;
        }
        if !other.same_manifest(mine) && !output.exists(&layout::release(epoch))? {
            return Ok(Some(other.run));
        }
    }
    Ok(None)
}

/// The run that holds the lock, if it has claimed the output.
fn holder(output: &Folder) -> Result<Option<String>> {
    let last = highest(output)?;
    if last == 0 || output.exists(&layout::release(last))? {
        return Ok(None);
    }
    Ok(Some(read(output, last)?.run))
}

fn busy(output: &Folder) -> Error {
    Error::transient(
        "another run is publishing to the output folder: wait until it has ended (a publisher that \
         died on an object store is given up after 30 minutes), then resume",
    )
    .with("output", output.location())
}

impl Owner<'_> {
    /// To be called before each change to the output folder.
    ///
    /// # Errors
    /// `Stop`, naming the winner: another run owns the output.
    pub fn check(&mut self) -> Result<()> {
        if self.lock.is_some() || (self.clock)().saturating_sub(self.claim.at_millis) <= HOLD_MILLIS {
            return Ok(());
        }
        self.claim.at_millis = (self.clock)();
        self.claim.publisher = AttemptId::random();
        let bytes = record::encode(&self.claim)?;
        let mut epoch = self.last() + 1;
        while let Outcome::Lost(there) = record::create_once(self.output, &layout::claim(epoch), &bytes)? {
            self.judge(epoch, &there)?;
            epoch += 1;
        }
        self.epochs.push(epoch);
        Ok(())
    }

    /// To be asked before each try of a change that may take long.
    ///
    /// # Errors
    /// `Transient`: the claim is too old to act on; publish again.
    pub fn in_time(&self) -> Result<()> {
        if self.lock.is_some() || (self.clock)().saturating_sub(self.claim.at_millis) <= 2 * HOLD_MILLIS {
            return Ok(());
        }
        Err(Error::transient("the store is too slow to publish to: resume the run")
            .with("output", self.output.location()))
    }

    /// To be called once more before the result is declared finished.
    ///
    /// # Errors
    /// As [`Owner::check`].
    pub fn confirm(&mut self) -> Result<()> {
        self.check()?;
        for epoch in self.last() + 1.. {
            match self.output.get(&layout::claim(epoch))? {
                Some(there) => self.judge(epoch, &there)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Notes that the result is there, whole, and that this publisher has ended: other runs may
    /// begin at once, and need not look at earlier claims to know whose files lie there.
    pub fn release(self) {
        for epoch in &self.epochs {
            // Best effort: without it others look further back, or wait until the lease ends.
            let note = Bytes::from_static(b"{\"format\":1}\n");
            let _ = record::create_once(self.output, &layout::release(*epoch), &note);
        }
    }

    fn last(&self) -> u64 {
        self.epochs.last().copied().unwrap_or(0)
    }

    fn judge(&self, epoch: u64, there: &[u8]) -> Result<()> {
        let other: Claim = record::decode(there, &self.output.name(&layout::claim(epoch)))?;
        if other.same_manifest(&self.claim) {
            return Ok(());
        }
        Err(lost(self.output, &other.run))
    }
}

/// Another run has won the output.
pub(super) fn lost(output: &Folder, winner: &str) -> Error {
    Error::new(Kind::Stop, "another run has published to the output folder meanwhile: its result stands")
        .with("winner", winner)
        .with("output", output.location())
}
