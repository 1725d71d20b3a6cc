//! Two publishers at one output folder: in every order of their operations with at most two
//! switches between them, and in a large sample of orders with any number of switches, readers that
//! wait for `_SUCCESS` see the files of one run, and what was reported is what is there.

#[path = "support/gated.rs"]
mod gated;
#[path = "support/published.rs"]
mod published;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dp::error::Kind;
use dp::spec::IfExists::{self, Fail, Replace};
use dp::store::claim::LEASE_MILLIS;
use dp::store::publish::{Published, publish_with_clock};
use dp::store::retry::Retry;
use gated::{Gate, Gated};
use published::{Place, Prepared};

const START_MILLIS: u64 = 1_000_000_000;

/// Who publishes what, over which old result.
#[derive(Debug, Clone, Copy)]
struct Case {
    modes: [IfExists; 2],
    /// Whether a third run's result is there before.
    old: bool,
    /// Whether both publish the very same run.
    same: bool,
}

const CASES: &[Case] = &[
    Case { modes: [Fail, Fail], old: false, same: false },
    Case { modes: [Replace, Replace], old: false, same: false },
    Case { modes: [Replace, Replace], old: true, same: false },
    Case { modes: [Fail, Replace], old: false, same: false },
    Case { modes: [Replace, Replace], old: true, same: true },
    Case { modes: [Fail, Fail], old: false, same: true },
];

/// One order of operations being tried, and what both publishers reported.
struct Race {
    prepared: Prepared,
    gate: Arc<Gate>,
    clock: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<dp::Result<Published>>>,
}

impl Race {
    /// Both publishers stand before their first operation. With `slow_clock`, looking at the clock
    /// is an operation too.
    fn begin(place: Place, case: Case, slow_clock: bool) -> Self {
        let prepared = Prepared::new(place, case.old, case.same);
        let gate = Gate::new();
        let clock = Arc::new(AtomicU64::new(START_MILLIS));
        let threads = (0..2)
            .map(|who| {
                let (gate, clock) = (Arc::clone(&gate), Arc::clone(&clock));
                let inner = Arc::clone(prepared.output.backend());
                let backend = Gated { inner, gate: Arc::clone(&gate), who, retry: Retry::eager(3) };
                let (run, manifest) = prepared.run(who, Arc::new(backend));
                std::thread::spawn(move || {
                    let now = || {
                        let look = || clock.load(Ordering::SeqCst);
                        if slow_clock { gate.look_at_clock(who, look) } else { look() }
                    };
                    let result = publish_with_clock(&run, &manifest, case.modes[who], &now, &mut |_| ());
                    gate.end(who);
                    result
                })
            })
            .collect();
        Self { prepared, gate, clock, threads }
    }

    fn step(&self, who: usize) {
        self.gate.step(who);
        self.gate.waiting();
        self.prepared.check_what_readers_see();
    }

    fn end(self) -> (Prepared, [dp::Result<Published>; 2]) {
        let results =
            self.threads.into_iter().map(|t| t.join().expect("no publisher panics")).collect::<Vec<_>>();
        (self.prepared, results.try_into().expect("there are two"))
    }
}

/// What must hold when both have ended.
fn judge(case: Case, prepared: &Prepared, results: &[dp::Result<Published>; 2]) {
    let winner = prepared.winner();
    for (who, result) in results.iter().enumerate() {
        match result {
            Ok(_) => assert!(winner.is_some(), "{case:?}: {who} reported success, and there is no result"),
            Err(e) => assert!(matches!(e.kind(), Kind::Stop | Kind::Transient), "{case:?}: {e}"),
        }
    }
    let won: Vec<usize> = (0..2).filter(|who| results[*who].is_ok()).collect();
    assert!(!won.is_empty(), "{case:?}: both failed: {results:?}");
    if !case.same {
        let winner = winner.expect("someone has won");
        assert!(won.contains(&winner), "{case:?}: {winner} won and did not know");
        if case.modes == [Fail, Fail] {
            assert_eq!(won, [winner], "{case:?}: two runs believe that they won");
        }
        if let Err(e) = &results[1 - winner]
            && e.kind() == Kind::Stop
        {
            assert!(e.to_string().contains(&prepared.name(winner)), "{case:?}: {e} does not name the winner");
        }
    }
}

/// Runs one schedule: `choose(step, waiting, last)` says who goes next. Returns the last step at
/// which there was a choice.
fn race(place: Place, case: Case, mut choose: impl FnMut(usize, &[usize], Option<usize>) -> usize) -> usize {
    let race = Race::begin(place, case, false);
    let (mut steps, mut last, mut choices) = (0, None, 0);
    loop {
        let waiting = race.gate.waiting();
        if waiting.is_empty() {
            break;
        }
        if waiting.len() > 1 {
            choices = steps;
        }
        let who = choose(steps, &waiting, last);
        race.step(who);
        (steps, last) = (steps + 1, Some(who));
    }
    let (prepared, results) = race.end();
    judge(case, &prepared, &results);
    choices
}

/// Goes on with the last one, but switches before the steps in `switches`.
fn switching(first: usize, switches: &[usize]) -> impl FnMut(usize, &[usize], Option<usize>) -> usize {
    move |step, waiting, last| match waiting {
        [only] => *only,
        _ => match last {
            None => first,
            Some(last) if switches.contains(&step) => 1 - last,
            Some(last) => last,
        },
    }
}

fn every_order_with_two_switches(place: Place, cases: &[Case]) {
    for case in cases {
        for first in 0..2 {
            let until = race(place, *case, switching(first, &[]));
            for one in 1..=until {
                let until = race(place, *case, switching(first, &[one]));
                for two in one + 1..=until {
                    race(place, *case, switching(first, &[one, two]));
                }
            }
        }
    }
}

#[test]
fn local_files_every_order_with_two_switches() {
    // The lock leaves few orders to the others.
    every_order_with_two_switches(Place::Local, &CASES[..3]);
}

#[test]
fn object_store_every_order_with_two_switches() {
    every_order_with_two_switches(Place::Memory, CASES);
}

/// splitmix64.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn random_orders() {
    for seed in 0..1000 {
        let mut state = seed;
        let place = if seed % 2 == 0 { Place::Local } else { Place::Memory };
        let case = CASES[usize::try_from(seed / 2).expect("it is small") % CASES.len()];
        race(place, case, |_, waiting, _| match waiting {
            [only] => *only,
            _ => usize::from(random(&mut state).is_multiple_of(2)),
        });
    }
}

/// The first publisher dies before its operation number `step`; false if it ends before.
fn die(race: &Race, step: usize) -> bool {
    for _ in 0..step {
        if !race.gate.waiting().contains(&0) {
            return false;
        }
        race.step(0);
    }
    race.gate.crash(0);
    true
}

#[test]
fn a_publisher_that_dies_at_any_point_can_be_resumed_or_replaced() {
    for (place, case) in
        [Place::Local, Place::Memory].into_iter().flat_map(|p| CASES.iter().map(move |c| (p, *c)))
    {
        for step in 0.. {
            let race = Race::begin(place, case, false);
            if !die(&race, step) {
                race.gate.crash(1);
                drop(race.end());
                break;
            }
            // On an object store the dead one's claim bars other runs until its lease has ended.
            race.clock.fetch_add(LEASE_MILLIS + 1, Ordering::SeqCst);
            while race.gate.waiting() == [1] {
                race.step(1);
            }
            let (prepared, [_, second]) = race.end();
            if case.modes[1] == Replace || case.same {
                second.unwrap_or_else(|e| panic!("{place:?} {case:?} dead at {step}: {e}"));
                assert_eq!(prepared.winner(), Some(usize::from(!case.same)));
            }
            // The first run's next process ends it, or learns that another run has won.
            let again = prepared.publish_plainly(0, case.modes[0], START_MILLIS + 3 * LEASE_MILLIS);
            let expected = again.as_ref().map_or(1, |_| 0);
            assert_eq!(prepared.winner(), Some(expected), "{place:?} {case:?} dead at {step}: {again:?}");
            prepared.check_what_readers_see();
        }
    }
}

#[test]
fn a_publisher_that_wakes_up_after_its_lease_does_no_harm() {
    for case in CASES.iter().filter(|c| !c.same && c.modes[1] == Replace) {
        for sleep_at in 0.. {
            let race = Race::begin(Place::Memory, *case, true);
            let mut slept = false;
            for _ in 0..sleep_at {
                if race.gate.waiting().contains(&0) {
                    race.step(0);
                    slept = true;
                }
            }
            if sleep_at > 0 && (!slept || !race.gate.waiting().contains(&0)) {
                race.gate.crash(1);
                drop(race.end());
                break;
            }
            if race.gate.is_at_clock(0) {
                race.clock.fetch_add(LEASE_MILLIS + 1, Ordering::SeqCst);
            }
            while race.gate.waiting().contains(&1) {
                race.step(1);
            }
            while race.gate.waiting().contains(&0) {
                race.step(0);
            }
            let (prepared, results) = race.end();
            judge(*case, &prepared, &results);
        }
    }
}
