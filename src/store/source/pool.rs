//! Recycled buffers for large reads: fresh memory costs a page fault every 4 KiB.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Reads below this size use memory of their own.
const POOLED_FROM: usize = 256 * 1024;
/// At most this much memory waits for its next use.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

static IDLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Bytes of length `length` that `fill` has written.
pub(super) fn filled<E>(length: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Bytes, E> {
    if length < POOLED_FROM {
        let mut buffer = vec![0; length];
        fill(&mut buffer)?;
        return Ok(Bytes::from(buffer));
    }
    let mut buffer = Recycled { memory: take(length), length };
    // Idle buffers keep their length, so that only what was never written is zeroed here.
    if buffer.memory.len() < length {
        buffer.memory.resize(length, 0);
    }
    fill(buffer.memory.get_mut(..length).unwrap_or_default())?;
    Ok(Bytes::from_owner(buffer))
}

/// The smallest idle buffer that holds `length` bytes without being wastefully large, or none.
fn take(length: usize) -> Vec<u8> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |b: &Vec<u8>| b.capacity() >= length && b.capacity() / 4 <= length;
    let best = idle.iter().enumerate().filter(|(_, b)| fits(b)).min_by_key(|(_, b)| b.capacity());
    let best = best.map(|(i, _)| i);
    best.map_or_else(Vec::new, |i| idle.swap_remove(i))
}

struct Recycled {
    memory: Vec<u8>,
    length: usize,
}

impl AsRef<[u8]> for Recycled {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Recycled {
    fn drop(&mut self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = idle.iter().map(Vec::capacity).sum();
        if kept + self.memory.capacity() <= KEPT_BYTES {
            idle.push(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recycled_buffers_hold_only_what_was_filled() {
        for length in [1, POOLED_FROM - 1, POOLED_FROM, 3 * POOLED_FROM, POOLED_FROM + 7] {
            for byte in [1_u8, 2] {
                let bytes = filled(length, |b| {
                    b.fill(byte);
                    Ok::<_, ()>(())
                });
                let bytes = bytes.expect("fill cannot fail");
                assert_eq!(bytes.len(), length);
                assert!(bytes.iter().all(|b| *b == byte));
            }
        }
        assert_eq!(filled(POOLED_FROM, |_| Err(7)), Err(7));
    }
}
