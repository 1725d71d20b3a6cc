//! The grammar of JSON (RFC 8259), strictly: the decoder behind it is lenient.

/// Arrays and objects inside one another at most.
pub(super) const MAX_DEPTH: usize = 128;

/// What kind of scalar was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool,
    Number,
    String,
}

/// Sees the parts of a JSON text in order. Strings and keys are as written, escapes included.
pub(super) trait Visit {
    fn key(&mut self, _key: &[u8]) {}
    fn scalar(&mut self, _kind: Scalar, _text: &[u8]) {}
    fn open(&mut self, _object: bool) {}
    fn close(&mut self) {}
}

/// Sees nothing.
pub(super) struct Check;

impl Visit for Check {}

/// Walks over `line`, which must be one JSON object and nothing else.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub(super) fn walk(line: &[u8], visit: &mut impl Visit) -> Result<(), String> {
    let mut walker = Walker { text: line, at: 0 };
    walker.space();
    if walker.peek() != Some(b'{') {
        return Err("it does not begin with '{'".to_owned());
    }
    walker.value(visit, 0)?;
    walker.space();
    match walker.peek() {
        None => Ok(()),
        Some(_) => Err(walker.unexpected("the end of the line")),
    }
}

struct Walker<'a> {
    text: &'a [u8],
    at: usize,
}

impl Walker<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.utf8_chunks().next()) {
            Some(chunk) if self.at < self.text.len() => {
                let found = chunk.valid().chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                let found =
                    if found.is_control() { found.escape_debug().to_string() } else { found.to_string() };
                format!("{wanted} was expected at its character {}, not '{found}'", self.at + 1)
            }
            _ => format!("it ends where {wanted} was expected"),
        }
    }

    fn value(&mut self, visit: &mut impl Visit, depth: usize) -> Result<(), String> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => return self.object(visit, depth + 1),
            Some(b'[') => return self.list(visit, depth + 1),
            Some(b'"') => {
                self.string()?;
                visit.scalar(Scalar::String, &self.text[start + 1..self.at - 1]);
                return Ok(());
            }
            Some(b't') => self.literal(b"true", Scalar::Bool)?,
            Some(b'f') => self.literal(b"false", Scalar::Bool)?,
            Some(b'n') => self.literal(b"null", Scalar::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.unexpected("a value")),
        };
        visit.scalar(kind, &self.text[start..self.at]);
        Ok(())
    }

    fn enter(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn object(&mut self, visit: &mut impl Visit, depth: usize) -> Result<(), String> {
        self.enter(depth)?;
        visit.open(true);
        if self.peek() == Some(b'}') {
            self.at += 1;
            visit.close();
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a name in quotes"));
            }
            let start = self.at + 1;
            self.string()?;
            visit.key(&self.text[start..self.at - 1]);
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("':'"));
            }
            self.at += 1;
            self.space();
            self.value(visit, depth)?;
            if self.after_item(b'}', "',' or '}'")? {
                visit.close();
                return Ok(());
            }
        }
    }

    fn list(&mut self, visit: &mut impl Visit, depth: usize) -> Result<(), String> {
        self.enter(depth)?;
        visit.open(false);
        if self.peek() == Some(b']') {
            self.at += 1;
            visit.close();
            return Ok(());
        }
        loop {
            self.value(visit, depth)?;
            if self.after_item(b']', "',' or ']'")? {
                visit.close();
                return Ok(());
            }
        }
    }

    /// Passes what follows an item; whether it was the last one.
    fn after_item(&mut self, end: u8, wanted: &str) -> Result<bool, String> {
        self.space();
        let last = match self.peek() {
            Some(b',') => false,
            Some(byte) if byte == end => true,
            _ => return Err(self.unexpected(wanted)),
        };
        self.at += 1;
        self.space();
        Ok(last)
    }

    fn literal(&mut self, word: &[u8], kind: Scalar) -> Result<Scalar, String> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(kind);
        }
        Err(self.unexpected("a value"))
    }

    fn number(&mut self) -> Result<Scalar, String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Scalar::Number)
    }

    fn digits(&mut self) -> Result<(), String> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    /// Passes a string, from its opening to behind its closing quote.
    fn string(&mut self) -> Result<(), String> {
        let start = self.at + 1;
        self.at = start;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.text.len();
                return Err(self.unexpected("the end of a string"));
            };
            if let Some(control) = rest[..length].iter().position(|b| *b < 0x20) {
                self.at += control;
                return Err(self.unexpected("an escape for a control character"));
            }
            self.at += length;
            if rest[length] == b'"' {
                self.at += 1;
                return Ok(());
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let length = match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if self.text.get(self.at + 2..self.at + 6).is_some_and(hexadecimal) => 6,
            _ => return Err(self.unexpected("a valid escape")),
        };
        self.at += length;
        Ok(())
    }
}

fn hexadecimal(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<(), String> {
        walk(text.as_bytes(), &mut Check)
    }

    #[test]
    fn objects_only_and_strictly() {
        for good in ["{}", r#" { "a" : [ 1 , -0.5e+3 , true , null , { } , [ ] ] , "b\u00e9\n" : "x\"y" } "#]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let cases = [
            ("[1]", "it does not begin with '{'"),
            (r#"{"a":1 "b":2}"#, "',' or '}' was expected at its character 8, not '\"'"),
            (r#"{"a":1,}"#, "a name in quotes was expected at its character 8, not '}'"),
            (r#"{"a":01}"#, "',' or '}' was expected at its character 7, not '1'"),
            (r#"{"a":1-2}"#, "',' or '}' was expected at its character 7, not '-'"),
            (r#"{"a":NaN}"#, "a value was expected at its character 6, not 'N'"),
            (r#"{"a":"#, "it ends where a value was expected"),
            (r#"{"a":"x"#, "it ends where the end of a string was expected"),
            (
                "{\"a\":\"x\ty\"}",
                "an escape for a control character was expected at its character 8, not '\\t'",
            ),
            (r#"{"a":"\x"}"#, "a valid escape was expected at its character 7, not '\\'"),
            (r#"{"a":1}{"a":2}"#, "the end of the line was expected at its character 8, not '{'"),
            (r#"{"a":.5}"#, "a value was expected at its character 6, not '.'"),
            (r#"{"a":5.}"#, "a digit was expected at its character 8, not '}'"),
        ];
        for (bad, why) in cases {
            assert_eq!(check(bad), Err(why.to_owned()), "{bad}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert_eq!(check(&nested(MAX_DEPTH - 1)), Ok(()));
        let why = Err("it is nested more than 128 levels deep".to_owned());
        assert_eq!(check(&nested(MAX_DEPTH)), why);
        assert_eq!(check(&nested(100_000)), why);
        assert_eq!(check(&"{\"a\":".repeat(100_000)), why);
    }

    proptest! {
        #[test]
        fn agrees_with_serde(text in r#"\{("[ab\\"u0]{0,3}"|[0-9.eE+-]{0,4}|[\[\]{}:,tn ]|true|null|"a":|,){0,8}\}"#) {
            let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
            let lone_surrogate = theirs.as_ref().is_err_and(|e| e.to_string().contains("surrogate"));
            let range = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
            if !lone_surrogate && !range {
                prop_assert_eq!(check(&text).is_ok(), theirs.is_ok(), "{}: {:?}", text, theirs);
            }
        }
    }
}
