//! A bounded piece of a file's text in memory, and where more of it comes from.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::spec::TextCompression;
use crate::store::source::ByteSource;

/// Bytes read at a time.
pub(super) const PIECE: usize = 1 << 20;
/// Bytes read at a time behind a split's end, where only its last record is wanted.
const TAIL_PIECE: usize = 64 << 10;
/// Bytes of compressed text read at a time.
const PACKED_PIECE: u64 = 1 << 20;

/// A pinned file, shared or borrowed.
#[derive(Clone)]
pub(super) enum File<'a> {
    /// By a reader that outlives its caller.
    Shared(Arc<dyn ByteSource>),
    /// For the time of one call.
    Borrowed(&'a dyn ByteSource),
}

impl File<'_> {
    /// The file.
    pub(super) fn get(&self) -> &dyn ByteSource {
        match self {
            Self::Shared(source) => source.as_ref(),
            Self::Borrowed(source) => *source,
        }
    }
}

/// Where text comes from, in order.
enum Feed<'a> {
    /// The file's own bytes from `at` on; `soft_end` is where the split ends.
    Plain { file: File<'a>, at: u64, soft_end: u64 },
    /// What a compressed file holds.
    Packed { unpacked: Box<dyn Read + Send + 'a>, file: File<'a>, fetched: Arc<AtomicU64> },
}

/// Consecutive text of a file: dropped at its front when consumed, extended at its end.
pub(super) struct Window<'a> {
    feed: Feed<'a>,
    text: Vec<u8>,
    /// How much of `text` is consumed; it is dropped when more is read.
    consumed: usize,
    base: u64,
    eof: bool,
    fetched: u64,
}

impl<'a> Window<'a> {
    /// Uncompressed text from byte `at` on. What lies beyond `soft_end` is read in smaller pieces.
    pub(super) fn plain(file: File<'a>, at: u64, soft_end: u64) -> Self {
        let eof = at >= file.get().size();
        Self {
            feed: Feed::Plain { file, at, soft_end },
            text: Vec::new(),
            consumed: 0,
            base: at,
            eof,
            fetched: 0,
        }
    }

    /// A whole file, compressed or not. An empty file is an empty text, whatever its compression.
    ///
    /// # Errors
    /// `Internal` when the decompressor cannot be made.
    pub(super) fn whole(file: File<'a>, compression: TextCompression) -> Result<Self> {
        let size = file.get().size();
        let fetched = Arc::new(AtomicU64::new(0));
        let fetch = Fetch { file: file.clone(), fetched: Arc::clone(&fetched), piece: bytes::Bytes::new() };
        let packed = BufReader::with_capacity(64 << 10, fetch);
        let unpacked: Box<dyn Read + Send + 'a> = match compression {
            _ if size == 0 => return Ok(Self::plain(file, 0, 0)),
            TextCompression::None => return Ok(Self::plain(file, 0, size)),
            TextCompression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            TextCompression::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(packed)
                    .map_err(|e| Error::internal("the zstd decoder cannot be made").because(e))?,
            ),
        };
        let feed = Feed::Packed { unpacked, file, fetched };
        Ok(Self { feed, text: Vec::new(), consumed: 0, base: 0, eof: false, fetched: 0 })
    }

    /// The file, as a person would write it.
    pub(super) fn path(&self) -> &str {
        match &self.feed {
            Feed::Plain { file, .. } | Feed::Packed { file, .. } => file.get().path(),
        }
    }

    /// The text in memory.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[self.consumed..]
    }

    /// The text in memory, to be changed where it has been scanned already.
    pub(super) fn text_mut(&mut self) -> &mut [u8] {
        &mut self.text[self.consumed..]
    }

    /// Where the text in memory begins in the (decompressed) file.
    pub(super) const fn base(&self) -> u64 {
        self.base
    }

    /// Whether the text in memory reaches the end of the file.
    pub(super) const fn eof(&self) -> bool {
        self.eof
    }

    /// Bytes fetched from the store so far.
    pub(super) const fn fetched(&self) -> u64 {
        self.fetched
    }

    /// Drops the first `bytes` of the text in memory.
    pub(super) fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.text.len() - self.consumed);
        self.consumed += bytes;
        self.base += bytes as u64;
    }

    /// Appends at least one byte, or finds the end of the file. `pending` bytes are waiting for
    /// their end: as many more are read, so that scanning them again stays linear.
    ///
    /// # Errors
    /// Those of the source; `BadData` for a damaged compressed file.
    pub(super) fn more(&mut self, pending: usize) -> Result<()> {
        self.text.drain(..self.consumed);
        self.consumed = 0;
        match &mut self.feed {
            Feed::Plain { file, at, soft_end } => {
                let size = file.get().size();
                let piece = if *at < *soft_end { PIECE } else { TAIL_PIECE };
                let mut end = size.min(*at + piece.max(pending) as u64);
                if *at < *soft_end && pending < PIECE {
                    end = end.min(*soft_end);
                }
                if *at < end {
                    let bytes = file.get().read(*at..end)?;
                    self.fetched += bytes.len() as u64;
                    self.text.extend_from_slice(&bytes);
                    *at = end;
                }
                self.eof = *at >= size;
            }
            Feed::Packed { unpacked, file, fetched } => {
                let before = self.text.len();
                let wanted = PIECE.max(pending) as u64;
                unpacked.as_mut().take(wanted).read_to_end(&mut self.text).map_err(|e| damaged(e, file))?;
                self.eof = self.text.len() == before;
                self.fetched = fetched.load(Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// What a decompressor's error means: an error of the store that came through it, or bad data.
fn damaged(error: io::Error, file: &File<'_>) -> Error {
    let cut = error.kind() == io::ErrorKind::UnexpectedEof;
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => {
            let what = if cut { "ends too early" } else { "is damaged" };
            Error::bad_data(format!("the compressed file {what}: write it again, or leave it out"))
                .with("file", file.get().path())
                .because(error)
        }
    }
}

/// A file's bytes as a reader.
struct Fetch<'a> {
    file: File<'a>,
    /// How far the file was read.
    fetched: Arc<AtomicU64>,
    piece: bytes::Bytes,
}

impl Read for Fetch<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let at = self.fetched.load(Ordering::Relaxed);
            let end = self.file.get().size().min(at + PACKED_PIECE);
            if at >= end {
                return Ok(0);
            }
            self.piece = self.file.get().read(at..end).map_err(io::Error::other)?;
            self.fetched.store(end, Ordering::Relaxed);
        }
        let length = to.len().min(self.piece.len());
        to[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
