//! Objects of an object store.

use super::Found;
use crate::error::{Error, Result};
use crate::spec::Location;
use crate::store::client::Stores;

/// Adds the objects of `url` to `found`.
pub(super) fn list(_: &Stores, url: &Location, _: bool, _: &mut Vec<Found>) -> Result<()> {
    Err(Error::usage("not yet").with("url", url))
}
