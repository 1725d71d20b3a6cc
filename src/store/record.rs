//! Small JSON records that are written once and never changed.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::folder::{Created, Folder};
use super::retry::Try;
use crate::error::{Error, Kind, Result};

/// A kind of record.
pub trait Record: Serialize + DeserializeOwned {
    /// The number of its format on disk. Each record has it in a field `format`.
    const FORMAT: u32;
    /// What a person calls it.
    const WHAT: &'static str;
}

/// What became of writing a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record at its place is this one.
    Won,
    /// Another record is at its place.
    Lost(Bytes),
}

/// The record's bytes.
///
/// # Errors
/// `Internal`: it cannot be written as JSON.
pub fn encode<R: Record>(record: &R) -> Result<Bytes> {
    let mut bytes = serde_json::to_vec(record).map_err(|e| {
        Error::internal("a record cannot be written as JSON").with("record", R::WHAT).because(e)
    })?;
    bytes.push(b'\n');
    Ok(bytes.into())
}

/// Reads a record from the bytes of the file `name`.
///
/// # Errors
/// `Stop`, naming the file: it is cut off, edited, or of a format that this version does not know.
pub fn decode<R: Record>(bytes: &[u8], name: &str) -> Result<R> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let broken = |e: serde_json::Error| {
        Error::stop(format!("a {} is not readable: it was cut off or edited", R::WHAT))
            .with("file", name)
            .because(e)
    };
    let head: Head = serde_json::from_slice(bytes).map_err(broken)?;
    if head.format != R::FORMAT {
        return Err(Error::stop(format!(
            "a {} has a format that this version does not know: use the version of dp that wrote it",
            R::WHAT
        ))
        .with("file", name)
        .with("format", head.format)
        .with("known", R::FORMAT));
    }
    serde_json::from_slice(bytes).map_err(broken)
}

/// Reads the record at `rel`; `None` when it is absent.
///
/// # Errors
/// As [`decode`] and [`Folder::get`].
pub fn read<R: Record>(folder: &Folder, rel: &str) -> Result<Option<R>> {
    match folder.get(rel)? {
        Some(bytes) => decode(&bytes, &folder.name(rel)).map(Some),
        None => Ok(None),
    }
}

/// Writes a record at a place where only one may ever be. `bytes` must be unlike what any other
/// process writes there (they hold a random id), or mean the same.
///
/// After "already exists" and after every error that leaves it open whether the write happened, the
/// place is read: what is there decides. If nothing is there the write is tried again.
///
/// # Errors
/// `Stop`; `Transient` when no try is left: then the record may be there or not.
pub fn create_once(folder: &Folder, rel: &str, bytes: &Bytes) -> Result<Outcome> {
    folder.retry().run(|| {
        let open = match folder.create(rel, bytes.clone()) {
            Ok(Created::New) => return Ok(Try::Done(Outcome::Won)),
            Ok(Created::Exists) => Error::transient("a record is said to exist, but it is not there"),
            Err(e) if e.kind() == Kind::Transient => e,
            Err(e) => return Err(e),
        };
        Ok(match folder.get(rel)? {
            Some(there) if there == *bytes => Try::Done(Outcome::Won),
            Some(there) => Try::Done(Outcome::Lost(there)),
            None => Try::Again(open.with("record", folder.name(rel))),
        })
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::store::testing::temp_folder;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        format: u32,
        text: String,
    }

    impl Record for Note {
        const FORMAT: u32 = 2;
        const WHAT: &'static str = "note";
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_the_file() {
        for (bytes, text) in [
            (&b""[..], "cut off"),
            (b"{\"format\":2,\"te", "cut off"),
            (b"{\"format\":2}", "cut off"),
            (b"{\"format\":3,\"text\":\"x\"}", "version of dp"),
            (b"{\"format\":1}", "version of dp"),
            (b"{\"text\":\"x\"}", "cut off"),
            (b"\xff\xfe", "cut off"),
        ] {
            let error = decode::<Note>(bytes, "some/file.json").unwrap_err();
            assert_eq!(error.kind(), Kind::Stop);
            assert!(error.to_string().contains(text), "{error}");
            assert!(error.to_string().contains("some/file.json"), "{error}");
        }
    }

    #[test]
    fn the_first_record_stays() {
        let (_dir, folder) = temp_folder();
        let [a, b] = ["a", "b"].map(|t| encode(&Note { format: 2, text: t.to_owned() }).unwrap());
        assert_eq!(create_once(&folder, "x/y", &a).unwrap(), Outcome::Won);
        assert_eq!(create_once(&folder, "x/y", &b).unwrap(), Outcome::Lost(a.clone()));
        assert_eq!(create_once(&folder, "x/y", &a).unwrap(), Outcome::Won);
        assert_eq!(read::<Note>(&folder, "x/y").unwrap().unwrap().text, "a");
        assert_eq!(read::<Note>(&folder, "x/z").unwrap(), None);
    }
}
