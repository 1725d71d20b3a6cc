//! The nearest known name to a mistyped one.

/// Names longer than this are not compared: the cost grows with the square of the length.
const MAX_COMPARED: usize = 64;

/// The known name that was probably meant by `word`: equal but for case, or a few typing mistakes
/// away. `None` if nothing is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > MAX_COMPARED {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = (1 + length / 4).min(3).min(length.saturating_sub(1));
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The end of a message about an unknown name: the nearest known one, or all of them.
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = nearest(word, known.clone()) {
        return format!("did you mean `{name}`?");
    }
    list(known)
}

/// All known names, for a message.
pub(super) fn list<'a>(known: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = known.into_iter().collect();
    if names.is_empty() {
        "there is none here".to_owned()
    } else {
        format!("known here: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["url", "format", "targetBytes", "count"];
        for (word, expected) in [
            ("urll", Some("url")),
            ("ulr", Some("url")),
            ("URL", Some("url")),
            ("targetbytes", Some("targetBytes")),
            ("target_bytes", Some("targetBytes")),
            ("fromat", Some("format")),
            ("x", None),
            ("", None),
            ("something", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(nearest(&"u".repeat(1_000_000), known), None);
    }

    #[test]
    fn hint_lists_what_is_known() {
        assert_eq!(hint("zzz", ["url", "format"]), "known here: url, format");
        assert_eq!(hint("zzz", []), "there is none here");
    }
}
