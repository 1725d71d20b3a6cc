//! Many small blocking requests at once: looking into files while planning.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;

/// Requests in flight at one time: enough to hide the latency of an object store, few enough not to
/// be throttled or to run out of open files.
const IN_FLIGHT: usize = 32;

/// `f` of each item, in the items' order. After an error no new item is begun; of several errors
/// that of the first item is returned.
///
/// # Errors
/// Those of `f`.
pub fn concurrently<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    if items.len() <= 2 {
        return items.iter().map(f).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else { return };
            let result = f(item);
            if result.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((position, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..IN_FLIGHT.min(items.len()) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn results_keep_the_order() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled = concurrently(&items, |i| Ok(i * 2)).expect("no error");
        assert_eq!(doubled, items.iter().map(|i| i * 2).collect::<Vec<_>>());
        assert_eq!(concurrently(&[] as &[u32], |i| Ok(*i)).expect("no error"), Vec::<u32>::new());
    }

    #[test]
    fn an_error_ends_it() {
        let items: Vec<u32> = (0..1000).collect();
        let result = concurrently(&items, |i| if *i >= 3 { Err(Error::stop(i.to_string())) } else { Ok(()) });
        assert!(result.is_err());
    }
}
