//! Local files, by std: an object store's listing would hide names that end in `#` and digits.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Found;
use super::glob::{Glob, hidden};
use crate::error::{Error, Result};
use crate::spec::Location;
use crate::store::source::{etag, io_error};

/// Folders nested deeper than this are refused.
const MAX_DEPTH: usize = 200;

/// Adds the files of `url` to `found`.
pub(super) fn list(url: &Location, missing_ok: bool, found: &mut Vec<Found>) -> Result<()> {
    let path = url.path();
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let mut root = path.trim_end_matches('/').to_owned();
            root.push('/');
            Walk { glob: None, above: Vec::new(), found }.folder(&root, &meta, 0, root.len())
        }
        Ok(meta) => {
            let fixed = path.rfind('/').map_or(0, |i| i + 1);
            found.push(file(path.to_owned(), &meta, fixed)?);
            Ok(())
        }
        Err(_) if url.is_glob() => {
            let glob = Glob::new(url)?;
            let base = glob.base.clone();
            match fs::metadata(&base) {
                Ok(meta) if meta.is_dir() => {
                    let fixed = base.len();
                    Walk { glob: Some(glob), above: Vec::new(), found }.folder(&base, &meta, 0, fixed)
                }
                Ok(_) => Err(Error::stop("this is a file, not a folder").with("file", base)),
                Err(e) => unreadable(e, &base, missing_ok),
            }
        }
        Err(e) => unreadable(e, path, missing_ok),
    }
}

fn unreadable(error: std::io::Error, path: &str, missing_ok: bool) -> Result<()> {
    if error.kind() != std::io::ErrorKind::NotFound {
        return Err(io_error(error, Path::new(path)));
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(
            Error::stop("this symbolic link leads nowhere: mend it, or leave it out").with("file", path)
        );
    }
    if missing_ok {
        return Ok(());
    }
    let near = nearest(Path::new(path)).map(|n| format!(": did you mean '{n}'?")).unwrap_or_default();
    Err(Error::stop(format!("no such file or folder{near}")).with("file", path))
}

/// The existing path that is most like `path`, where the first name that does not exist is replaced.
fn nearest(path: &Path) -> Option<String> {
    let parent = path.ancestors().skip(1).find(|p| p.is_dir())?;
    let wanted =
        path.strip_prefix(parent).ok()?.components().next()?.as_os_str().to_string_lossy().into_owned();
    // Looking further than this into a large folder is not worth it.
    let names =
        fs::read_dir(parent).ok()?.take(10_000).filter_map(|e| e.ok()?.file_name().into_string().ok());
    let close = names.map(|n| (strsim::damerau_levenshtein(&n, &wanted), n));
    let (distance, name) = close.min()?;
    (distance <= 1 + wanted.chars().count() / 4).then(|| parent.join(name).to_string_lossy().into_owned())
}

fn file(path: String, meta: &Metadata, fixed: usize) -> Result<Found> {
    if !meta.is_file() {
        return Err(Error::stop("this is neither a file nor a folder").with("file", path));
    }
    Ok(Found { path, fixed, bytes: meta.size(), etag: Some(etag(meta)) })
}

struct Walk<'a> {
    glob: Option<Glob>,
    /// Device and inode of the folders above: a link back to one of them is not followed.
    above: Vec<(u64, u64)>,
    found: &'a mut Vec<Found>,
}

impl Walk<'_> {
    /// `path` ends in `/`; the walk began at its first `root` bytes.
    fn folder(&mut self, path: &str, meta: &Metadata, depth: usize, root: usize) -> Result<()> {
        let id = (meta.dev(), meta.ino());
        if self.above.contains(&id) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(
                Error::stop(format!("folders are nested more than {MAX_DEPTH} deep")).with("file", path)
            );
        }
        self.above.push(id);
        let place = Path::new(path);
        for entry in fs::read_dir(place).map_err(|e| io_error(e, place))? {
            let name = entry.map_err(|e| io_error(e, place))?.file_name();
            let Some(name) = name.to_str() else {
                let shown = place.join(&name);
                return Err(
                    Error::stop("the file's name is no UTF-8: rename it").with("file", shown.display())
                );
            };
            if hidden(name) && !self.glob.as_ref().is_some_and(|g| g.shows(name)) {
                continue;
            }
            self.entry(format!("{path}{name}"), name, depth, root)?;
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, mut path: String, name: &str, depth: usize, root: usize) -> Result<()> {
        let relative = path.get(root..).unwrap_or_default();
        let (takes, enters) = match &self.glob {
            Some(glob) => (glob.takes(relative), glob.enters(name, depth)),
            None => (true, true),
        };
        if !takes && !enters {
            return Ok(());
        }
        let meta = fs::metadata(&path).map_err(|e| io_error(e, Path::new(&path)))?;
        if meta.is_dir() {
            path.push('/');
            return if enters { self.folder(&path, &meta, depth + 1, root) } else { Ok(()) };
        }
        if takes {
            self.found.push(file(path, &meta, root)?);
        }
        Ok(())
    }
}
