//! `key=value` folders of a path.

use crate::error::{Error, Result};

/// What Hive writes for NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The pairs of a path, from the outside in: all behind its first `fixed` bytes, and before them
/// those that follow one another directly.
pub(super) fn of(path: &str, fixed: usize) -> Result<Vec<(String, Option<String>)>> {
    let Some((folders, _)) = path.rsplit_once('/') else { return Ok(Vec::new()) };
    let (mut end, mut pairs) = (folders.len(), Vec::new());
    for folder in folders.rsplit('/') {
        let start = end - folder.len();
        match folder.split_once('=').filter(|(key, _)| !key.is_empty()) {
            Some((key, value)) => {
                let value = if value == NULL { None } else { Some(decoded(value, path)?) };
                pairs.push((decoded(key, path)?, value));
            }
            None if start < fixed => break,
            None => (),
        }
        end = start.saturating_sub(1);
    }
    pairs.reverse();
    Ok(pairs)
}

/// `%2F` and its kin as the characters that they stand for; a `%` without two digits stays.
fn decoded(text: &str, path: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'%', [high, low, behind @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                out.push(hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0));
                rest = behind;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).map_err(|e| {
        Error::stop(format!("the folder name part '{text}' is no UTF-8 when decoded"))
            .with("file", path)
            .because(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_paths() {
        let cases: [(&str, usize, &[(&str, Option<&str>)]); 9] = [
            ("/d/f.csv", 3, &[]),
            ("/d/a=1/b=x/f.csv", 3, &[("a", Some("1")), ("b", Some("x"))]),
            ("/d/a=1/sub/b=x/f.csv", 3, &[("a", Some("1")), ("b", Some("x"))]),
            ("/x=1/d/a=1/f.csv", 11, &[("a", Some("1"))]),
            ("/x=1/d/sub/f.csv", 7, &[]),
            ("/d/a=__HIVE_DEFAULT_PARTITION__/f", 3, &[("a", None)]),
            ("/d/a%20b=%2Fx%zz%/f", 3, &[("a b", Some("/x%zz%"))]),
            ("/d/a=b=c/=x/f", 3, &[("a", Some("b=c"))]),
            ("/d/a=/f=1.csv", 3, &[("a", Some(""))]),
        ];
        for (path, fixed, expected) in cases {
            let pairs = of(path, fixed).expect("valid");
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
            assert_eq!(pairs, expected, "{path}");
        }
        assert!(of("/d/a=%ff/f", 3).is_err());
    }
}
