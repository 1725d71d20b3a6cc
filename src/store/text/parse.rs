//! Text as single values: exact, or not at all.

use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{Date32Type, Float64Type};

/// `true` or `false`, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// An integer, also when written as `2.0` or `1e3`, if it fits the type.
pub(super) fn integer<T>(text: &str) -> Option<T::Native>
where
    T: Parser,
    T::Native: TryFrom<i64> + TryFrom<i128>,
{
    if let Some(value) = short_integer(text) {
        return T::Native::try_from(value).ok();
    }
    T::parse(text).or_else(|| T::Native::try_from(decimal(text.trim_ascii(), 38, 0)?).ok())
}

/// The common case of [`integer`]: up to 18 digits and nothing else but a minus sign.
#[inline]
fn short_integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
    }
    Some(if negative { -value } else { value })
}

/// A number; one that is written in digits must not overflow to infinity.
pub(super) fn float(text: &str) -> Option<f64> {
    Float64Type::parse(text).filter(|value| value.is_finite() || !has_digit(text))
}

pub(super) fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// A date without a time, `year-month-day` (or eight digits).
pub(super) fn date(text: &str) -> Option<i32> {
    if let Some(days) = short_date(text.as_bytes()) {
        return Some(days);
    }
    // A longer text would lose its time of day.
    let plain = text.len() <= 10 || text.starts_with(['+', '-']);
    if plain && text.is_ascii() { Date32Type::parse(text) } else { None }
}

/// The common case of [`date`]: a valid `yyyy-mm-dd`, by the calendar's arithmetic.
#[inline]
fn short_date(text: &[u8]) -> Option<i32> {
    const DAYS: [i32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2].map(|byte| i32::from(byte.wrapping_sub(b'0')));
    if digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let number = |digits: &[i32]| digits.iter().fold(0, |number, digit| number * 10 + digit);
    let (year, month, day) = (number(&digits[..4]), number(&digits[4..6]), number(&digits[6..]));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = DAYS.get(usize::try_from(month - 1).ok()?)? + i32::from(leap && month == 2);
    if day < 1 || day > length {
        return None;
    }
    // Years that begin in March have their leap day at the end; day 0 is 0000-03-01.
    let from_march = (month + 9) % 12;
    let year = year - i32::from(month <= 2);
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (from_march * 153 + 2) / 5 + day - 1 - 719_468)
}

/// A decimal as its unscaled integer; `None` when digits would be lost or do not fit.
pub(super) fn decimal(text: &str, precision: u8, scale: i32) -> Option<i128> {
    if let Some(unscaled) = short_decimal(text, precision, scale) {
        return Some(unscaled);
    }
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let (digits, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
        None => (digits, 0),
        Some(at) => {
            let exponent: i32 = std::str::from_utf8(&digits[at + 1..]).ok()?.parse().ok()?;
            (&digits[..at], exponent)
        }
    };
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let fraction = digits.get(point + 1..).unwrap_or_default();
    if point + fraction.len() == 0 {
        return None;
    }
    // The value is `unscaled` times ten to the power of `shift`.
    let mut unscaled = 0_i128;
    let mut shift = exponent.checked_add(scale)?;
    let mut zeros = 0_i32;
    for (i, byte) in digits[..point].iter().chain(fraction).enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        if i >= point {
            shift = shift.checked_sub(1)?;
        }
        // Zeros are kept back, so that those at the end cost no digits.
        zeros = zeros.checked_add(1)?;
        if *byte != b'0' {
            unscaled = times_ten(unscaled, zeros)?.checked_add(i128::from(byte - b'0'))?;
            zeros = 0;
        }
    }
    let value = times_ten(unscaled, shift.checked_add(zeros)?)?;
    let fits = value < 10_i128.checked_pow(u32::from(precision))?;
    fits.then_some(if negative { -value } else { value })
}

/// The common case of [`decimal`]: up to 18 digits, no exponent, no more fraction than the scale.
fn short_decimal(text: &str, precision: u8, scale: i32) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.len() > 18 || !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut value, mut point, mut fraction) = (0_i64, 0, 0);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
                fraction += point;
            }
            b'.' if point == 0 => point = 1,
            _ => return None,
        }
    }
    let power = u32::try_from(scale - fraction).ok()?;
    let value = i128::from(value).checked_mul(*POWERS.get(power as usize)?)?;
    let fits = value < *POWERS.get(usize::from(precision))?;
    fits.then_some(if negative { -value } else { value })
}

/// Powers of ten from 0 to 38.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// `value` times ten to the power of `shift`; for a negative power only if it divides.
fn times_ten(value: i128, shift: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    match 10_i128.checked_pow(shift.unsigned_abs()) {
        Some(power) if shift >= 0 => value.checked_mul(power),
        Some(power) => (value % power == 0).then_some(value / power),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_the_calendar() {
        let first = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date");
        for year in (0..=9999).step_by(7).chain([1900, 1972, 2000, 2024]) {
            for month in 0..=13 {
                for day in [0, 1, 28, 29, 30, 31, 32] {
                    let text = format!("{year:04}-{month:02}-{day:02}");
                    let expected = chrono::NaiveDate::from_ymd_opt(year, month, day)
                        .and_then(|d| i32::try_from((d - first).num_days()).ok());
                    assert_eq!(short_date(text.as_bytes()), expected, "{text}");
                    assert_eq!(date(&text), expected, "{text}");
                }
            }
        }
    }
}
