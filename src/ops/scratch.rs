//! A folder for a result that is only shown: gone when its owner is, and swept by the next start
//! if its process was killed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::error::{Error, Result};

const PREFIX: &str = "dp-sql-";

/// A file in the folder that is locked while its process lives: the kernel drops the lock with it.
const LOCK: &str = "lock";

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    /// Closed after the folder is gone.
    _lock: File,
}

impl Scratch {
    /// A new folder in `parent`, which exists. Removes those of processes that were killed.
    ///
    /// # Errors
    /// `Stop`: `parent` cannot be written to.
    pub fn new(parent: &Path) -> Result<Self> {
        sweep(parent);
        make(parent).map_err(|e| {
            Error::stop("no scratch folder can be made").with("folder", parent.display()).because(e)
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn make(parent: &Path) -> io::Result<Scratch> {
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
    // Nobody finds the lock before it is held.
    let unseen = folder.path().join(format!("{LOCK}.new"));
    let lock = File::create(&unseen)?;
    // A file system without locks: then nobody takes this folder for one that was left behind.
    let _ = lock.try_lock();
    fs::rename(unseen, folder.path().join(LOCK))?;
    Ok(Scratch { folder, _lock: lock })
}

/// Best effort: what cannot be removed now is in nobody's way.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && entry.file_type().is_ok_and(|t| t.is_dir()) && is_left_behind(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_left_behind(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As SIGKILL does: the lock is gone, the folder is not.
    fn die(scratch: Scratch) -> std::path::PathBuf {
        let Scratch { folder, .. } = scratch;
        folder.keep()
    }

    #[test]
    fn only_what_a_dead_process_left_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let living = Scratch::new(parent.path()).unwrap();
        let dead = Scratch::new(parent.path()).unwrap();
        fs::write(dead.path().join("rows"), "x").unwrap();
        let left = die(dead);
        for other in ["dp-sql-unlocked", "dp-other"] {
            fs::create_dir(parent.path().join(other)).unwrap();
        }
        fs::write(parent.path().join("dp-other").join(LOCK), "").unwrap();
        fs::write(parent.path().join("dp-sql-file"), "").unwrap();
        drop(Scratch::new(parent.path()).unwrap());
        assert!(!left.exists());
        assert!(living.path().exists());
        drop(living);
        let mut names: Vec<_> =
            fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["dp-other", "dp-sql-file", "dp-sql-unlocked"]);
    }
}
