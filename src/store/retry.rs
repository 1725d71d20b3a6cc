//! Bounded retries with jitter. The only place of the store that sleeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// How often and how long to try again.
#[derive(Debug)]
pub struct Retry {
    tries: u32,
    base: Duration,
    cap: Duration,
    seed: AtomicU64,
}

/// What one try came to.
pub enum Try<T> {
    /// An answer.
    Done(T),
    /// Nothing yet; the error is what is reported when no try is left.
    Again(Error),
}

impl Retry {
    /// At most `tries` tries; the n-th pause is at most `base * 2^n`, and at most `cap`.
    #[must_use]
    pub const fn new(tries: u32, base: Duration, cap: Duration, seed: u64) -> Self {
        Self { tries, base, cap, seed: AtomicU64::new(seed) }
    }

    /// Local files: about five seconds in all.
    #[must_use]
    pub const fn local(seed: u64) -> Self {
        Self::new(16, Duration::from_millis(5), Duration::from_millis(500), seed)
    }

    /// Many tries without pauses, for tests.
    #[must_use]
    pub const fn eager(tries: u32) -> Self {
        Self::new(tries, Duration::ZERO, Duration::ZERO, 0)
    }

    /// Calls `op` until it is done or fails with something that is not worth another try.
    ///
    /// # Errors
    /// What `op` fails with; the last [`Try::Again`] when no try is left.
    pub fn run<T>(&self, mut op: impl FnMut() -> Result<Try<T>>) -> Result<T> {
        let mut tried = 0;
        loop {
            let error = match op()? {
                Try::Done(value) => return Ok(value),
                Try::Again(error) => error,
            };
            tried += 1;
            if tried >= self.tries {
                return Err(error.with("tries", tried));
            }
            self.pause(tried);
        }
    }

    /// Calls an idempotent `op` again while it fails with [`Kind::Transient`].
    ///
    /// # Errors
    /// What `op` fails with.
    pub fn idempotent<T>(&self, mut op: impl FnMut() -> Result<T>) -> Result<T> {
        self.run(|| match op() {
            Ok(value) => Ok(Try::Done(value)),
            Err(e) if e.kind() == Kind::Transient => Ok(Try::Again(e)),
            Err(e) => Err(e),
        })
    }

    /// Half of the full pause, plus a random share of the other half.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits between tries")]
    fn pause(&self, tried: u32) {
        let full = self.base.saturating_mul(1 << tried.min(16)).min(self.cap);
        if full.is_zero() {
            return;
        }
        let random = self.next_random();
        let half = full / 2;
        let share = u128::from(random % 1024);
        let extra = Duration::from_nanos(u64::try_from(half.as_nanos() * share / 1024).unwrap_or(0));
        std::thread::sleep(half + extra);
    }

    /// splitmix64.
    fn next_random(&self) -> u64 {
        let mut z =
            self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_errors_are_tried_a_bounded_number_of_times() {
        let mut calls = 0;
        let result: Result<()> = Retry::eager(5).idempotent(|| {
            calls += 1;
            Err(Error::transient("busy"))
        });
        assert_eq!(result.unwrap_err().kind(), Kind::Transient);
        assert_eq!(calls, 5);
    }

    #[test]
    fn other_errors_are_not_tried_again() {
        let mut calls = 0;
        let result: Result<()> = Retry::eager(5).idempotent(|| {
            calls += 1;
            Err(Error::stop("no permission"))
        });
        assert_eq!(result.unwrap_err().kind(), Kind::Stop);
        assert_eq!(calls, 1);
    }

    #[test]
    fn an_answer_ends_it() {
        let mut calls = 0;
        let value = Retry::eager(5).idempotent(|| {
            calls += 1;
            if calls < 3 { Err(Error::transient("busy")) } else { Ok(calls) }
        });
        assert_eq!(value.unwrap(), 3);
    }
}
