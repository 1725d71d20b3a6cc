//! When a job is due: the validated `schedule` block, its firing instants, and the logical intervals
//! between them. Pure: the clock is an argument.

use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// The `schedule` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// As written: five fields, or a nickname such as `@daily`.
    pub cron: String,
    /// The zone in which `cron` is meant.
    pub time_zone: Tz,
    /// Nothing before it is due.
    pub start: Option<DateTime<FixedOffset>>,
    /// Which missed intervals are run.
    pub catch_up: CatchUp,
    /// What happens when a firing finds an earlier run still going.
    pub overlap: Overlap,
    /// Seconds after which a firing is too late, for Kubernetes.
    pub starting_deadline: Option<u64>,
    /// Whether nothing is started.
    pub suspend: bool,
    /// Ended runs that are kept in the cluster.
    pub history: u32,
}

/// Which missed intervals are run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// Each of them, the oldest first.
    #[default]
    All,
    /// The last one.
    Latest,
    /// The last one, unless it was due long ago.
    None,
}

/// What happens when a firing finds an earlier run still going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The earlier one goes on; it looks at the clock before it ends.
    #[default]
    Forbid,
    /// The earlier one is ended.
    Replace,
    /// Both go on.
    Allow,
}

impl Overlap {
    /// As Kubernetes calls it.
    #[must_use]
    pub const fn concurrency_policy(self) -> &'static str {
        match self {
            Self::Forbid => "Forbid",
            Self::Replace => "Replace",
            Self::Allow => "Allow",
        }
    }
}

/// Reads a cron expression that Kubernetes takes as well.
///
/// # Errors
/// What is wrong with the text, without the text.
pub(super) fn parse_cron(text: &str) -> Result<Cron, String> {
    const NICKNAMES: [&str; 7] =
        ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    if text.starts_with('@') {
        if !NICKNAMES.contains(&text) {
            return Err(format!("is not known here: expected one of {}", NICKNAMES.join(", ")));
        }
    } else {
        five_fields(text)?;
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|e| format!("is no cron expression: {e}"))?;
    match cron.find_next_occurrence(&DateTime::UNIX_EPOCH, false) {
        Ok(_) => Ok(cron),
        Err(_) => Err("is never due".to_owned()),
    }
}

fn five_fields(text: &str) -> Result<(), String> {
    const NAMES: [&str; 19] = [
        "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
        "AUG", "SEP", "OCT", "NOV", "DEC",
    ];
    if text.contains("TZ=") {
        return Err("names a time zone: write it as `timeZone`".to_owned());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [_, _, day, _, weekday] = fields.as_slice() else {
        return Err(
            "must have five fields: minute, hour, day of the month, month, day of the week".to_owned()
        );
    };
    let strange = |c: char| !(c.is_ascii_alphanumeric() || c.is_whitespace() || "*/,-?".contains(c));
    if let Some(c) = text.chars().find(|c| strange(*c)) {
        return Err(format!("holds `{c}`, which Kubernetes does not take"));
    }
    for word in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty()) {
        if !NAMES.contains(&word.to_ascii_uppercase().as_str()) {
            return Err(format!("holds `{word}`, which is no name of a day or month"));
        }
    }
    if weekday.split(|c: char| !c.is_ascii_digit()).any(|n| n.parse::<u32>().is_ok_and(|n| n > 6)) {
        return Err("has a day of the week above 6; Sunday is 0".to_owned());
    }
    let stepped = |field: &str| field.starts_with("*/") || field.starts_with("?/");
    let any = |field: &str| field == "*" || field == "?";
    if (stepped(day) && !any(weekday)) || (stepped(weekday) && !any(day)) {
        return Err("has a step over all days beside another rule for days; readers of cron differ in what that means: \
             list the days"
            .to_owned());
    }
    Ok(())
}

/// Reads the name of a time zone, such as `Europe/Oslo`.
///
/// # Errors
/// It is not known.
pub(super) fn parse_time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "is no time zone: write a name such as Europe/Oslo or Etc/UTC".to_owned())
}

/// Reads an instant in RFC 3339.
///
/// # Errors
/// It is none.
pub(super) fn parse_instant(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| "is no instant: write it with its offset, such as 2026-01-31T00:00:00Z".to_owned())
}

/// Instants of one schedule, found one after the other.
#[derive(Debug, Clone)]
pub struct Clockwork {
    cron: Cron,
    zone: Tz,
}

impl Clockwork {
    /// Of a cron expression that was checked, in a zone.
    ///
    /// # Errors
    /// It is no such expression.
    pub fn new(cron: &str, zone: Tz) -> Result<Self, String> {
        Ok(Self { cron: parse_cron(cron)?, zone })
    }

    /// The first firing after `instant`. Local times that do not exist fire at the end of the gap;
    /// those that exist twice fire once, unless the expression fires in every hour.
    #[must_use]
    pub fn after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = instant.with_timezone(&self.zone);
        Some(self.cron.find_next_occurrence(&local, false).ok()?.with_timezone(&Utc))
            .filter(|next| *next > instant)
    }

    /// The last firing before `instant`.
    #[must_use]
    pub fn before(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = instant.with_timezone(&self.zone);
        Some(self.cron.find_previous_occurrence(&local, false).ok()?.with_timezone(&Utc))
            .filter(|last| *last < instant)
    }

    /// The intervals from `start`, which is a firing, that have ended at `now`: each from one firing to the
    /// next.
    pub fn intervals(&self, start: DateTime<Utc>, now: DateTime<Utc>) -> impl Iterator<Item = Span> + '_ {
        let mut at = start;
        std::iter::from_fn(move || {
            let end = self.after(at).filter(|end| *end <= now)?;
            let span = Span { start: at, end };
            at = end;
            Some(span)
        })
    }

    /// An instant in the zone, as people there write it.
    #[must_use]
    pub fn local(&self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        instant.with_timezone(&self.zone).fixed_offset()
    }
}

/// A logical interval: from one firing up to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its first instant.
    pub start: DateTime<Utc>,
    /// The first instant behind it, at which it is due.
    pub end: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate, TimeDelta, TimeZone, Timelike};
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn what_kubernetes_would_not_take_is_refused() {
        for good in [
            "0 3 * * *",
            "*/15 * * * *",
            "0 0 1 JAN *",
            "30 2 * * MON-FRI",
            "@daily",
            "0 0 1,15 * 1",
            "5 4 ? * sun",
        ] {
            assert!(parse_cron(good).is_ok(), "{good}: {:?}", parse_cron(good).err());
        }
        for (bad, why) in [
            ("", "five fields"),
            ("0 3 * *", "five fields"),
            ("0 0 3 * * *", "five fields"),
            ("@every 1h", "not known here"),
            ("@reboot", "not known here"),
            ("0 0 L * *", "no name"),
            ("0 0 15W * *", "no name"),
            ("0 0 * * 1#2", "`#`"),
            ("0 0 * * 7", "above 6"),
            ("60 0 * * *", "no cron expression"),
            ("0 0 30 2 *", "never due"),
            ("0 0 */2 * 1", "step"),
            ("CRON_TZ=Europe/Oslo 0 3 * * *", "timeZone"),
        ] {
            let said = parse_cron(bad).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
        assert!(parse_time_zone("Europe/Oslo").is_ok());
        assert!(parse_time_zone("Oslo").is_err());
    }

    #[test]
    fn clocks_that_change_lose_and_double_nothing() {
        let oslo = |cron| Clockwork::new(cron, chrono_tz::Europe::Oslo).unwrap();
        let days = |cron, from, to| -> Vec<String> {
            let clock = oslo(cron);
            clock
                .intervals(utc(from), utc(to))
                .map(|s| s.end.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
                .collect()
        };
        // 02:30 does not exist on 29 March 2026.
        assert_eq!(
            days("30 2 * * *", "2026-03-28T01:30:00Z", "2026-03-30T12:00:00Z"),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        // 02:30 exists twice on 25 October 2026.
        assert_eq!(
            days("30 2 * * *", "2026-10-24T00:30:00Z", "2026-10-26T12:00:00Z"),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        // Each hour that passes has its firing.
        let hours = days("0 * * * *", "2026-10-24T22:00:00Z", "2026-10-25T04:00:00Z");
        assert_eq!(hours.len(), 6);
    }

    /// The firing of a day at a local time, by walking through its minutes: the first minute of the day that
    /// is not before that time on the clock and comes before any later day.
    fn oracle(zone: Tz, date: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
        let wanted = date.and_hms_opt(hour, minute, 0).unwrap();
        let mut at = Utc.from_utc_datetime(&date.and_hms_opt(0, 0, 0).unwrap()) - TimeDelta::hours(30);
        loop {
            let local = at.with_timezone(&zone).naive_local();
            if local >= wanted && local.date() >= date {
                return at;
            }
            at += TimeDelta::minutes(1);
        }
    }

    /// Years of days in zones that change their clocks at other times and by other steps.
    #[test]
    fn every_day_has_its_firing_for_years() {
        let zones = [chrono_tz::Europe::Oslo, chrono_tz::America::New_York, chrono_tz::Australia::Lord_Howe];
        for (zone, hour, minute) in
            [(zones[0], 2, 30), (zones[1], 2, 15), (zones[2], 2, 10), (zones[0], 0, 0)]
        {
            let clock = Clockwork::new(&format!("{minute} {hour} * * *"), zone).unwrap();
            let first = NaiveDate::from_ymd_opt(2023, 12, 31).unwrap();
            let start = oracle(zone, first, hour, minute);
            let mut spans = clock.intervals(start, start + TimeDelta::days(1100));
            let mut last = start;
            for date in first.iter_days().skip(1).take(1098) {
                let span = spans.next().unwrap();
                assert_eq!(span.start, last, "{zone} {date}");
                assert_eq!(span.end, oracle(zone, date, hour, minute), "{zone} {date}");
                last = span.end;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Intervals follow each other without a gap, whatever the expression, and looking back finds
        /// the same instants.
        #[test]
        fn intervals_tile_time(
            minute in 0..60_u32, hour in 0..24_u32, day in 1..29_u32, form in 0..5_u32, zone in 0..3_usize, begin in 0..3000_i64,
        ) {
            let zones = [chrono_tz::Europe::Oslo, chrono_tz::America::New_York, chrono_tz::Australia::Lord_Howe];
            let cron = match form {
                0 => format!("{minute} * * * *"),
                1 => format!("{minute} {hour} * * *"),
                2 => format!("{minute} {hour} {day} * *"),
                3 => format!("{minute} {hour} * * 1-5"),
                _ => format!("*/17 {hour} * * *"),
            };
            let clock = Clockwork::new(&cron, zones[zone]).unwrap();
            let from = Utc.with_ymd_and_hms(2020, 1, 1, 0, 0, 0).unwrap() + TimeDelta::days(begin);
            let start = clock.after(from).unwrap();
            let mut last = start;
            for span in clock.intervals(start, start + TimeDelta::days(200)).take(300) {
                prop_assert_eq!(span.start, last);
                prop_assert!(span.end > span.start);
                let local = clock.local(span.end);
                prop_assert!(form == 4 || local.minute() == minute || local.minute().is_multiple_of(30), "{}", local);
                prop_assert!(form != 2 || local.day() == day);
                last = span.end;
            }
        }
    }
}
