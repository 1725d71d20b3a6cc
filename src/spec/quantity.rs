//! Sizes and cores as people and Kubernetes write them.

/// Units of bytes, longest first among those with a common end.
const UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("k", 1_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("B", 1),
    ("", 1),
];

/// A size as a regular expression, for the JSON Schema.
pub(super) const SIZE_PATTERN: &str = r"^[0-9]{1,19}(\.[0-9]{1,9})? ?([KMGTP]i?B?|kB?|B)?$";

/// Cores as a regular expression, for the JSON Schema.
pub(super) const CPU_PATTERN: &str = r"^[0-9]{1,19}(\.[0-9]{1,9}|m)?$";

/// A time as a regular expression, for the JSON Schema.
pub(super) const DURATION_PATTERN: &str = r"^0*[1-9][0-9]{0,8}[smhd]$";

/// Most threads of a process.
const MAX_THREADS: u64 = 4096;

/// Reads a size in bytes: a number, or a quantity such as `512MiB`, `4Gi`, `1.5GB`. Parts of a byte
/// are rounded up.
///
/// # Errors
/// What is wrong with the text, without the text.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "is no size: write bytes as a number, or a quantity such as 512MiB, 4Gi or 1GB".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).ok_or_else(wrong)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    if unit == "m" {
        return Err("is no size: `m` means thousandths; write M or Mi for millions of bytes".to_owned());
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    match decimal(number, *factor) {
        None => Err(wrong()),
        Some(0) => Err("is no bytes at all".to_owned()),
        Some(bytes) => u64::try_from(bytes).map_err(|_| "is larger than any store".to_owned()),
    }
}

/// Reads a number of cores, `2`, `1.5` or `500m`, and rounds it up to whole threads.
///
/// # Errors
/// What is wrong with the text, without the text.
pub fn parse_cpu(text: &str) -> Result<u32, String> {
    let millis = match text.strip_suffix('m') {
        Some(millis) if !millis.contains('.') => decimal(millis, 1),
        Some(_) => None,
        None => decimal(text, 1000),
    };
    let millis = millis.ok_or("is no number of cores: write 2, 1.5 or 500m")?;
    match u32::try_from(millis.div_ceil(1000)) {
        Ok(threads) if threads > 0 && u64::from(threads) <= MAX_THREADS => Ok(threads),
        _ => Err(format!("must be more than 0 and at most {MAX_THREADS} cores")),
    }
}

/// Reads a time in whole seconds: `90s`, `30m`, `6h`, `2d`.
///
/// # Errors
/// What is wrong with the text, without the text.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let wrong = || "is no time: write a whole number and s, m, h or d, such as 90s, 30m or 6h".to_owned();
    let (number, factor) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .ok_or_else(wrong)?;
    let digits = number.trim_start_matches('0');
    if number.is_empty() || digits.len() > 9 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match digits.parse::<u64>().unwrap_or(0) * factor {
        0 => Err("is no time at all".to_owned()),
        seconds => Ok(seconds),
    }
}

/// `number` times `factor`, rounded up; `None` if it is no plain decimal number of bearable length.
fn decimal(number: &str, factor: u64) -> Option<u128> {
    let (whole, part) = number.split_once('.').map_or((number, None), |(w, p)| (w, Some(p)));
    let digits = |t: &str, most| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 19) || part.is_some_and(|p| !digits(p, 9)) {
        return None;
    }
    let factor = u128::from(factor);
    let whole = whole.parse::<u128>().ok()? * factor;
    let Some(part) = part else { return Some(whole) };
    let scale = 10u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    Some(whole + (part.parse::<u128>().ok()? * factor).div_ceil(scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    const SIZES: &[(&str, Option<u64>)] = &[
        ("1500", Some(1500)),
        ("512MiB", Some(512 << 20)),
        ("512 MiB", Some(512 << 20)),
        ("4Gi", Some(4 << 30)),
        ("1GB", Some(1_000_000_000)),
        ("1G", Some(1_000_000_000)),
        ("1k", Some(1000)),
        ("1.5Ki", Some(1536)),
        ("0.3", Some(1)),
        ("7B", Some(7)),
        ("0", None),
        ("0Gi", None),
        ("", None),
        ("Gi", None),
        ("-1", None),
        ("1e9", None),
        ("1mb", None),
        ("500m", None),
        ("1.Gi", None),
        (".5Gi", None),
        ("1..5", None),
        ("9999999999999999999Pi", None),
        ("99999999999999999999999999999999999999999999", None),
        ("4Gi ", None),
        ("４Gi", None),
    ];

    #[test]
    fn sizes() {
        for (text, bytes) in SIZES {
            assert_eq!(parse_size(text).ok(), *bytes, "{text}");
        }
        assert!(parse_size("500m").unwrap_err().contains("thousandths"));
    }

    #[test]
    fn cores_are_rounded_up() {
        for (text, threads) in [
            ("2", Some(2)),
            ("500m", Some(1)),
            ("1001m", Some(2)),
            ("1.5", Some(2)),
            ("0", None),
            ("0m", None),
            ("1.5m", None),
            ("5000", None),
            ("two", None),
            ("", None),
            ("m", None),
            ("-1", None),
        ] {
            assert_eq!(parse_cpu(text).ok(), threads, "{text}");
        }
    }

    #[test]
    fn times_are_whole_seconds() {
        let pattern = Regex::new(DURATION_PATTERN).unwrap();
        for (text, seconds) in [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("06h", Some(21_600)),
            ("2d", Some(172_800)),
            ("0s", None),
            ("90", None),
            ("1.5h", None),
            ("-1s", None),
            ("h", None),
            ("9999999999d", None),
            ("1w", None),
        ] {
            assert_eq!(parse_duration(text).ok(), seconds, "{text}");
            assert_eq!(pattern.is_match(text), seconds.is_some(), "{text}");
        }
    }

    #[test]
    fn patterns_accept_what_is_read() {
        let size = Regex::new(SIZE_PATTERN).unwrap();
        for (text, bytes) in SIZES {
            if bytes.is_some() {
                assert!(size.is_match(text), "{text}");
            }
        }
        for text in ["500m", "1mb", "Gi", "", "4Gi "] {
            assert!(!size.is_match(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9.]{0,50}[a-zA-Z ]{0,4}|\\PC{0,20}") {
            let _ = parse_size(&text);
            let _ = parse_cpu(&text);
        }
    }
}
