//! Ordered parallel work: items of many units run on all threads in any order, and each unit's
//! results are taken one at a time in the order of its items.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is done to items and units.
pub trait Lanes: Sync {
    /// What an item gives.
    type Output: Send;

    /// How many items a unit has.
    fn items(&self, unit: usize) -> usize;

    /// Works on one item; called on any thread in any order.
    fn work(&self, unit: usize, item: usize) -> Self::Output;

    /// Takes an item's result; called in the order of the unit's items, never twice at once for one
    /// unit.
    fn take(&self, unit: usize, item: usize, output: Self::Output);

    /// Ends a unit; called once, after its last item was taken.
    fn end(&self, unit: usize);

    /// Whether to begin no further item.
    fn stop(&self) -> bool {
        false
    }
}

/// Runs all items of `units` units on the threads of `pool`. Units are begun in order; at most one
/// unit per thread is open, and at most `threads + 1` results of a unit wait for their turn.
pub fn run<L: Lanes>(pool: &rayon::ThreadPool, units: usize, lanes: &L) {
    let threads = pool.current_num_threads();
    let run = Run {
        lanes,
        units,
        open_max: threads,
        ahead_max: threads + 1,
        state: Mutex::new(State { next_unit: 0, open: Vec::new(), ending: 0, panic: None }),
        changed: Condvar::new(),
    };
    // One worker a thread, for good: as a task that can be stolen, a worker could start inside
    // another one that waits for parallel work within its own item, and wait for that one for ever.
    pool.broadcast(|_| run.worker());
    let state = run.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(panic) = state.panic {
        resume_unwind(panic);
    }
}

struct Run<'a, L: Lanes> {
    lanes: &'a L,
    units: usize,
    open_max: usize,
    ahead_max: usize,
    state: Mutex<State<L::Output>>,
    changed: Condvar,
}

struct State<O> {
    next_unit: usize,
    open: Vec<Open<O>>,
    /// Units whose end is running.
    ending: usize,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

struct Open<O> {
    unit: usize,
    items: usize,
    begun: usize,
    taken: usize,
    taking: bool,
    waiting: BTreeMap<usize, O>,
}

/// What a thread does next.
enum Step<O> {
    Take { unit: usize, item: usize, output: O },
    End { unit: usize },
    Work { unit: usize, item: usize },
    Wait,
    Leave,
}

/// How long an idle thread sleeps before it looks for other threads' parallel work again.
const IDLE: Duration = Duration::from_millis(1);

impl<L: Lanes> Run<'_, L> {
    fn lock(&self) -> MutexGuard<'_, State<L::Output>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worker(&self) {
        loop {
            let step = self.next(&mut self.lock());
            match step {
                Step::Take { unit, item, output } => {
                    self.guarded(|| self.lanes.take(unit, item, output));
                    let mut state = self.lock();
                    if let Some(open) = state.open.iter_mut().find(|o| o.unit == unit) {
                        open.taken += 1;
                        open.taking = false;
                    }
                }
                Step::End { unit } => {
                    self.guarded(|| self.lanes.end(unit));
                    self.lock().ending -= 1;
                }
                Step::Work { unit, item } => {
                    let output = self.guarded(|| self.lanes.work(unit, item));
                    let mut state = self.lock();
                    if let (Some(open), Some(output)) =
                        (state.open.iter_mut().find(|o| o.unit == unit), output)
                    {
                        open.waiting.insert(item, output);
                    }
                }
                Step::Wait => self.wait(),
                Step::Leave => return self.changed.notify_all(),
            }
            self.changed.notify_one();
        }
    }

    fn next(&self, state: &mut State<L::Output>) -> Step<L::Output> {
        let stop = state.panic.is_some() || self.lanes.stop();
        if stop {
            return Step::Leave;
        }
        if let Some(at) = state.open.iter().position(|o| o.taken == o.items && !o.taking) {
            let open = state.open.remove(at);
            state.ending += 1;
            return Step::End { unit: open.unit };
        }
        for open in &mut state.open {
            if !open.taking
                && let Some(output) = open.waiting.remove(&open.taken)
            {
                open.taking = true;
                return Step::Take { unit: open.unit, item: open.taken, output };
            }
        }
        let ahead_max = self.ahead_max;
        if let Some(open) = state.open.iter_mut().find(|o| o.begun < o.items && o.begun - o.taken < ahead_max)
        {
            open.begun += 1;
            return Step::Work { unit: open.unit, item: open.begun - 1 };
        }
        if state.next_unit < self.units && state.open.len() < self.open_max {
            let unit = state.next_unit;
            state.next_unit += 1;
            let items = self.lanes.items(unit);
            state.open.push(Open {
                unit,
                items,
                begun: 0,
                taken: 0,
                taking: false,
                waiting: BTreeMap::new(),
            });
            return self.next(state);
        }
        let done = state.next_unit == self.units && state.open.is_empty() && state.ending == 0;
        if done { Step::Leave } else { Step::Wait }
    }

    /// Helps with parallel work inside other threads' items, or sleeps until something changes.
    fn wait(&self) {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            return;
        }
        let guard = self.lock();
        drop(self.changed.wait_timeout(guard, IDLE));
    }

    /// A panic of one item ends the run on all threads and goes on in the caller.
    fn guarded<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(f)) {
            Ok(value) => Some(value),
            Err(panic) => {
                self.lock().panic = Some(panic);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Squares {
        items: Vec<usize>,
        seen: Vec<Mutex<Vec<usize>>>,
        ended: Vec<Mutex<usize>>,
    }

    impl Lanes for Squares {
        type Output = usize;

        fn items(&self, unit: usize) -> usize {
            self.items[unit]
        }

        fn work(&self, _: usize, item: usize) -> usize {
            item * item
        }

        fn take(&self, unit: usize, item: usize, output: usize) {
            assert_eq!(output, item * item);
            self.seen[unit].lock().unwrap().push(item);
        }

        fn end(&self, unit: usize) {
            assert_eq!(self.seen[unit].lock().unwrap().len(), self.items[unit]);
            *self.ended[unit].lock().unwrap() += 1;
        }
    }

    #[test]
    fn results_are_taken_in_order_and_units_end_once() {
        let items: Vec<usize> = (0..60).map(|u| (u * 7) % 13).collect();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let lanes = Squares {
                seen: items.iter().map(|_| Mutex::default()).collect(),
                ended: items.iter().map(|_| Mutex::default()).collect(),
                items: items.clone(),
            };
            run(&pool, items.len(), &lanes);
            for (unit, count) in items.iter().enumerate() {
                assert_eq!(*lanes.seen[unit].lock().unwrap(), (0..*count).collect::<Vec<_>>());
                assert_eq!(*lanes.ended[unit].lock().unwrap(), 1);
            }
        }
    }
}
