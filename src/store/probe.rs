//! Whether a store keeps the promise that the commit protocol stands on.

use bytes::Bytes;

use super::folder::{Created, Folder};
use super::retry::Try;
use crate::error::{Error, Kind, Result};

/// Creates one object twice; the second time must be refused. Called when a plan is frozen, on the
/// folder of the run and on the output folder.
///
/// # Errors
/// `Stop`: the store overwrites, or cannot be written to. `Transient`: the store failed.
pub fn conditional_create(folder: &Folder) -> Result<()> {
    if folder.location().as_local().is_some() {
        // The kernel keeps it.
        return Ok(());
    }
    let rel = format!(".dp-probe-{}", uuid::Uuid::new_v4().simple());
    let answer = folder.retry().run(|| twice(folder, &rel));
    // Best effort: a probe that stays is hidden and harmless.
    let _ = folder.delete(&rel);
    if answer? {
        return Ok(());
    }
    Err(Error::stop(
        "this store overwrites objects that it was asked only to create, so that two workers could \
         both win: use a store with conditional writes (If-None-Match)",
    )
    .with("url", folder.location()))
}

/// Whether the second create was refused and the first object stayed.
fn twice(folder: &Folder, rel: &str) -> Result<Try<bool>> {
    let [first, second] = [&b"first"[..], b"second"].map(Bytes::from_static);
    for bytes in [&first, &second] {
        match folder.create(rel, bytes.clone()) {
            Err(e) if e.kind() == Kind::Transient => return Ok(Try::Again(e)),
            Err(e) => return Err(e.with("probe", rel)),
            Ok(Created::New) if bytes == &second => return Ok(Try::Done(false)),
            Ok(_) => (),
        }
    }
    Ok(match folder.get(rel)? {
        Some(bytes) => Try::Done(bytes == first),
        None => Try::Again(Error::transient("an object that was just written is not there")),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;
    use crate::spec::{Location, Scheme};
    use crate::store::client::{StoreOptions, Stores};

    #[test]
    fn a_store_that_keeps_it_passes_and_nothing_stays() {
        let stores = Stores::new(StoreOptions::default()).unwrap();
        let stores = stores.with_store(Scheme::S3, "b", Arc::new(InMemory::new()));
        let folder =
            stores.folder(&Location::parse("s3://b/f/", std::path::Path::new("/")).unwrap()).unwrap();
        conditional_create(&folder).unwrap();
        assert!(folder.list("").unwrap().is_empty());
    }
}
