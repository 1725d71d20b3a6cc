//! Places: a local path or an object store URL.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which store a place lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// The local file system.
    File,
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// Azure Blob Storage.
    Az,
    /// A plain web server, read only.
    Http,
    /// A plain web server with TLS, read only.
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "file" => Self::File,
            "s3" | "s3a" => Self::S3,
            "gs" | "gcs" => Self::Gs,
            "az" | "azure" | "abfs" | "abfss" => Self::Az,
            "http" => Self::Http,
            "https" => Self::Https,
            _ => return None,
        })
    }

    /// The scheme's name in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A place: store, authority (bucket, container or host) and path. The path may hold a glob; it is
/// kept as written, never percent-decoded. Local paths are absolute and begin with `/`; object
/// store keys have no leading `/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location {
    scheme: Scheme,
    authority: String,
    path: String,
}

impl PartialOrd for Scheme {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheme {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name())
    }
}

impl Location {
    /// Reads a URL or a local path; a relative path lies under `base`.
    ///
    /// # Errors
    /// An unknown scheme, a missing bucket or host, an empty text.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::usage("a location is empty: write a path or a URL such as s3://bucket/key"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::local(&base.join(text)));
        };
        let Some(known) = Scheme::parse(scheme) else {
            return Err(Error::usage(format!(
                "unknown URL scheme '{scheme}': use a local path, s3://, gs://, az:// or https://"
            ))
            .with("url", text));
        };
        if known == Scheme::File {
            return Ok(Self::local(&base.join(rest)));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() {
            return Err(Error::usage("the URL names no bucket or host").with("url", text));
        }
        Ok(Self {
            scheme: known,
            authority: authority.to_owned(),
            path: path.trim_start_matches('/').to_owned(),
        })
    }

    /// A local path, made absolute by the caller; `.` and `..` are resolved in the text.
    #[must_use]
    pub fn local(path: &Path) -> Self {
        let mut clean = PathBuf::from("/");
        for part in path.components() {
            match part {
                Component::ParentDir => {
                    clean.pop();
                }
                Component::Normal(p) => clean.push(p),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => (),
            }
        }
        let mut text = clean.to_string_lossy().into_owned();
        if path.to_string_lossy().ends_with('/') && !text.ends_with('/') {
            text.push('/');
        }
        Self { scheme: Scheme::File, authority: String::new(), path: text }
    }

    /// The store.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Bucket, container or host; empty for local paths.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path within the store, as written.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The local path, if it is one.
    #[must_use]
    pub fn as_local(&self) -> Option<&Path> {
        (self.scheme == Scheme::File).then(|| Path::new(&self.path))
    }

    /// The place `relative` below this one.
    #[must_use]
    pub fn join(&self, relative: &str) -> Self {
        let mut path = self.path.clone();
        if !path.is_empty() && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(relative.trim_start_matches('/'));
        Self { scheme: self.scheme, authority: self.authority.clone(), path }
    }

    /// The same store with another path.
    #[must_use]
    pub fn with_path(&self, path: impl Into<String>) -> Self {
        Self { scheme: self.scheme, authority: self.authority.clone(), path: path.into() }
    }

    /// Whether the path holds a glob (`*`, `?`, `[`, `{`).
    #[must_use]
    pub fn is_glob(&self) -> bool {
        self.path.contains(['*', '?', '[', '{'])
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::File => f.write_str(&self.path),
            _ => write!(f, "{}://{}/{}", self.scheme.name(), self.authority, self.path),
        }
    }
}

impl TryFrom<String> for Location {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text, Path::new("/"))
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}
