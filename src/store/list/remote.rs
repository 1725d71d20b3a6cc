//! Objects of an object store: keys in which `/` makes folders.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt};

use super::Found;
use super::glob::{Glob, hidden};
use crate::error::{Error, Result};
use crate::spec::{Location, Scheme};
use crate::store::answer::failed;
use crate::store::client::Stores;

/// Adds the objects of `url` to `found`.
pub(super) fn list(stores: &Stores, url: &Location, missing_ok: bool, found: &mut Vec<Found>) -> Result<()> {
    let web = matches!(url.scheme(), Scheme::Http | Scheme::Https);
    if !url.path().is_empty() && !url.path().ends_with('/') {
        if let Some(meta) = head(stores, url)? {
            // Some tools mark a folder by an empty object of its name.
            let before = found.len();
            if meta.size == 0 && !web {
                below(stores, url, &format!("{}/", url.path()), |relative| takes(relative, None), found)?;
            }
            if found.len() == before {
                found.push(object(url, meta, url.path().rfind('/').map_or(0, |i| i + 1)));
            }
            return Ok(());
        }
        if web && missing_ok && !url.is_glob() {
            return Ok(());
        }
    }
    if web {
        let what = "a web server cannot be listed: name each file, without wildcards";
        let what = if url.is_glob() || url.path().ends_with('/') { what } else { "no such file" };
        return Err(Error::stop(what).with("url", url));
    }
    if url.is_glob() {
        let glob = Glob::new(url)?;
        return below(stores, url, &glob.base, |relative| takes(relative, Some(&glob)), found);
    }
    let mut base = url.path().to_owned();
    if !base.is_empty() && !base.ends_with('/') {
        base.push('/');
    }
    below(stores, url, &base, |relative| takes(relative, None), found)
}

fn key(url: &Location, path: &str) -> Result<Path> {
    Path::parse(path).map_err(|e| Error::usage("not a key of an object store").with("url", url).because(e))
}

fn head(stores: &Stores, url: &Location) -> Result<Option<ObjectMeta>> {
    // A pattern is rarely a key, and some are not even allowed as one.
    let Ok(path) = Path::parse(url.path()) else { return Ok(None) };
    let client = stores.client(url)?;
    match stores.block_on(client.head(&path))? {
        Ok(meta) => Ok(Some(meta)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(_) if url.is_glob() => Ok(None),
        Err(e) => Err(failed("look at", &url.to_string(), e)),
    }
}

fn object(url: &Location, meta: ObjectMeta, fixed: usize) -> Found {
    let path = url.with_path(meta.location.as_ref()).to_string();
    let fixed = fixed + path.len().saturating_sub(meta.location.as_ref().len());
    Found { path, fixed, bytes: meta.size, etag: meta.e_tag }
}

fn takes(relative: &str, glob: Option<&Glob>) -> bool {
    let shown = |name: &str| !hidden(name) || glob.is_some_and(|g| g.shows(name));
    !relative.is_empty()
        && relative.split('/').all(shown)
        && glob.is_none_or(|g| g.takes(relative))
        && !relative.ends_with("_$folder$")
}

fn below(
    stores: &Stores,
    url: &Location,
    base: &str,
    takes: impl Fn(&str) -> bool,
    found: &mut Vec<Found>,
) -> Result<()> {
    let client = stores.client(url)?;
    let prefix = if base.is_empty() { None } else { Some(key(url, base.trim_end_matches('/'))?) };
    let listed = stores.block_on(client.list(prefix.as_ref()).try_collect::<Vec<_>>())?;
    let mut listed = listed.map_err(|e| failed("list", &url.to_string(), e))?;
    listed.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    let mut objects = listed.into_iter().peekable();
    while let Some(meta) = objects.next() {
        let marks = |next: &ObjectMeta| {
            next.location
                .as_ref()
                .strip_prefix(meta.location.as_ref())
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let marker = meta.size == 0 && objects.peek().is_some_and(marks);
        if !marker && meta.location.as_ref().strip_prefix(base).is_some_and(&takes) {
            found.push(object(url, meta, base.len()));
        }
    }
    Ok(())
}
