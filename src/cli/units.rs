//! Numbers as people read them: sizes, counts, durations. Pure.

use std::time::Duration;

const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// `1.5 GiB`, `312 B`.
pub(super) fn bytes(n: u64) -> String {
    match UNITS.iter().find(|(_, scale)| n >= *scale) {
        Some((unit, scale)) => format!("{} {unit}", short(ratio(n, *scale))),
        None => format!("{n} B"),
    }
}

/// `1,234,567`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2,000 rows`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `1.25 M`, `870`: a rate in short form.
pub(super) fn short_count(n: u64) -> String {
    match n {
        0..10_000 => count(n),
        10_000..1_000_000 => format!("{} k", short(ratio(n, 1_000))),
        1_000_000..1_000_000_000 => format!("{} M", short(ratio(n, 1_000_000))),
        _ => format!("{} G", short(ratio(n, 1_000_000_000))),
    }
}

/// `0.31 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn duration(d: Duration) -> String {
    let seconds = d.as_secs();
    match seconds {
        0..10 => format!("{:.2} s", d.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// As [`duration`], in whole seconds, rounded up.
pub(super) fn whole_seconds(d: Duration) -> String {
    let seconds = d.as_secs().saturating_add(u64::from(d.subsec_nanos() > 0));
    if seconds < 10 { format!("{seconds} s") } else { duration(Duration::from_secs(seconds)) }
}

/// `n` per second over `d`, rounded down; 0 before any time has passed.
pub(super) fn per_second(n: u64, d: Duration) -> u64 {
    let rate = (u128::from(n) * 1_000_000).checked_div(d.as_micros()).unwrap_or(0);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// Only for display: a quotient that needs three digits.
fn ratio(n: u64, scale: u64) -> f64 {
    let part = |n: u64| u32::try_from(n).map_or(f64::from(u32::MAX), f64::from);
    // The rest times 1000 stays below 2^51: the largest scale is 2^40.
    part(n / scale) + part(n % scale * 1000 / scale) / 1000.0
}

/// Three digits.
fn short(x: f64) -> String {
    if x < 10.0 {
        format!("{x:.2}")
    } else if x < 100.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.0}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_written() {
        for (n, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536 << 10, "1.50 MiB"),
            (10 << 30, "10.0 GiB"),
            (900 << 40, "900 TiB"),
        ] {
            assert_eq!(bytes(n), want);
        }
    }

    #[test]
    fn counts_and_times_are_written() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2000, "row"), "2,000 rows");
        assert_eq!(short_count(9_999), "9,999");
        assert_eq!(short_count(12_345), "12.3 k");
        assert_eq!(short_count(1_250_000), "1.25 M");
        assert_eq!(duration(Duration::from_millis(312)), "0.31 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(duration(Duration::from_mins(125)), "2 h 5 min");
        assert_eq!(whole_seconds(Duration::from_millis(8_100)), "9 s");
        assert_eq!(whole_seconds(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(per_second(10, Duration::ZERO), 0);
        assert_eq!(per_second(10, Duration::from_secs(4)), 2);
        assert_eq!(per_second(u64::MAX, Duration::from_micros(1)), u64::MAX);
    }

    proptest! {
        #[test]
        fn nothing_panics(n: u64, seconds: u64) {
            let _ = (bytes(n), count(n), short_count(n), whole_seconds(Duration::new(seconds, 1)));
        }
    }
}
