//! Which intervals of a schedule are to be run now. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::spec::{CatchUp, Clockwork, Schedule, Span};
use crate::store::intervals::Series;

/// A firing that comes later than this has missed its interval, where nothing else is said.
const LATE_SECONDS: u64 = 600;

/// What to do about a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Intervals to run, the oldest first.
    pub run: Vec<Span>,
    /// Intervals that nobody will run.
    pub skip: Vec<Span>,
}

/// The series that a schedule begins with, or changes to: `None`, the last one goes on.
///
/// A changed expression begins where the last finished interval ended. What was left open before stays
/// due in the old series.
#[must_use]
pub fn next_series(
    schedule: &Schedule,
    clock: &Clockwork,
    last: Option<&Series>,
    high_water: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Series> {
    let series = |start| Series {
        format: 1,
        cron: schedule.cron.clone(),
        time_zone: schedule.time_zone.name().to_owned(),
        start,
    };
    match last {
        Some(last) if last.cron == schedule.cron && last.time_zone == schedule.time_zone.name() => None,
        Some(last) => Some(series(high_water.unwrap_or(last.start).max(last.start))),
        None => Some(series(match schedule.start {
            // The first firing that is not before it.
            Some(start) => clock.after(start.with_timezone(&Utc) - TimeDelta::seconds(1))?,
            // The interval that ends with the firing of this moment.
            None => clock.before(clock.before(now + TimeDelta::seconds(1))?)?,
        })),
    }
}

/// The intervals of all series that have ended at `now`.
#[must_use]
pub fn ended(series: &[(Series, Clockwork)], now: DateTime<Utc>) -> Vec<Span> {
    let mut spans = Vec::new();
    for (at, (one, clock)) in series.iter().enumerate() {
        let until = series.get(at + 1).map_or(now, |(next, _)| next.start);
        spans.extend(clock.intervals(one.start, until));
    }
    spans
}

/// What is to be done of `ended`.
#[must_use]
pub fn due(
    schedule: &Schedule,
    ended: &[Span],
    finished: &BTreeSet<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Due {
    let mut open: Vec<Span> = ended.iter().filter(|s| !finished.contains(&s.start)).copied().collect();
    let late = i64::try_from(schedule.starting_deadline.unwrap_or(LATE_SECONDS)).unwrap_or(i64::MAX);
    let last_is_late = open.last().is_some_and(|s| (now - s.end).num_seconds() > late);
    let run = match schedule.catch_up {
        CatchUp::All => std::mem::take(&mut open),
        CatchUp::None if last_is_late => Vec::new(),
        CatchUp::Latest | CatchUp::None => open.pop().into_iter().collect(),
    };
    Due { run, skip: open }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::spec::Overlap;

    fn schedule(cron: &str, catch_up: CatchUp) -> Schedule {
        Schedule {
            cron: cron.to_owned(),
            time_zone: chrono_tz::America::New_York,
            start: None,
            catch_up,
            overlap: Overlap::Forbid,
            starting_deadline: None,
            suspend: false,
            history: 3,
        }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn clock(s: &Schedule) -> Clockwork {
        Clockwork::new(&s.cron, s.time_zone).unwrap()
    }

    #[test]
    fn the_first_firing_runs_the_interval_that_has_just_ended() {
        let daily = schedule("0 3 * * *", CatchUp::All);
        let now = utc("2026-11-26T08:00:05Z");
        let first = next_series(&daily, &clock(&daily), None, None, now).unwrap();
        assert_eq!(first.start, utc("2026-11-25T08:00:00Z"));
        let spans = ended(&[(first, clock(&daily))], now);
        assert_eq!(spans, [Span { start: utc("2026-11-25T08:00:00Z"), end: utc("2026-11-26T08:00:00Z") }]);
        let from = Schedule { start: Some(utc("2026-11-20T12:00:00Z").fixed_offset()), ..daily.clone() };
        assert_eq!(
            next_series(&from, &clock(&from), None, None, now).unwrap().start,
            utc("2026-11-21T08:00:00Z")
        );
    }

    #[test]
    fn what_was_missed_is_run_or_skipped_as_the_spec_says() {
        let now = utc("2026-11-26T08:00:05Z");
        for (catch_up, now, run, skip) in [
            (CatchUp::All, now, 4, 0),
            (CatchUp::Latest, now, 1, 3),
            (CatchUp::None, now, 1, 3),
            (CatchUp::None, now + TimeDelta::hours(1), 0, 4),
        ] {
            let daily = schedule("0 3 * * *", catch_up);
            let series = Series {
                format: 1,
                cron: daily.cron.clone(),
                time_zone: String::new(),
                start: utc("2026-11-22T08:00:00Z"),
            };
            let spans = ended(&[(series, clock(&daily))], now);
            let due = due(&daily, &spans, &BTreeSet::new(), now);
            assert_eq!((due.run.len(), due.skip.len()), (run, skip), "{catch_up:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Years in which firings are missed, doubled and late, runs fail, the job is suspended and its
        /// expression edited: in the end each moment since the start belongs to one finished interval.
        #[test]
        fn nothing_is_lost_or_doubled(
            // Hours to the next look at the clock, whether the firing is doubled, which runs fail, new expression.
            looks in prop::collection::vec((1..2000_i64, any::<bool>(), 0..4_u8, 0..12_u8), 1..60),
        ) {
            let crons = ["0 3 * * *", "30 2 * * *", "15 */6 * * *", "0 0 1 * *"];
            let mut spec = schedule(crons[0], CatchUp::All);
            let mut now = Utc.with_ymd_and_hms(2024, 1, 15, 8, 0, 1).unwrap();
            let mut series: Vec<(Series, Clockwork)> = Vec::new();
            let mut finished: Vec<Span> = Vec::new();
            let last_round = (1, false, 0, 11);
            for (hours, doubled, fails, edit) in looks.into_iter().chain([last_round]) {
                now += TimeDelta::hours(hours);
                if let Some(cron) = crons.get(usize::from(edit)) {
                    spec.cron = (*cron).to_owned();
                }
                let high = finished.iter().map(|s| s.end).max();
                let clockwork = clock(&spec);
                if let Some(next) = next_series(&spec, &clockwork, series.last().map(|(s, _)| s), high, now) {
                    series.push((next, clockwork));
                }
                let starts: BTreeSet<_> = finished.iter().map(|s| s.start).collect();
                let todo = due(&spec, &ended(&series, now), &starts, now);
                prop_assert!(todo.skip.is_empty());
                for _ in 0..=usize::from(doubled) {
                    // A second firing sees the same and finishes nothing twice: records are create-only.
                    for (n, span) in todo.run.iter().enumerate() {
                        let failed = fails > 0 && n % 4 == usize::from(fails);
                        if !failed && !finished.iter().any(|f| f.start == span.start) {
                            finished.push(*span);
                        }
                    }
                }
            }
            finished.sort();
            let mut at = series[0].0.start;
            for span in &finished {
                prop_assert_eq!(span.start, at);
                at = span.end;
            }
            let spans = ended(&series, now);
            prop_assert_eq!(spans.len(), finished.len());
        }
    }
}
