//! Cut anywhere, a file gives the records that one pass over it gives.

use proptest::prelude::*;

use super::*;

/// What one pass over a text gives, written as plainly as can be.
#[derive(Debug, Default, PartialEq)]
struct Plain {
    rows: Vec<String>,
    rejected: u64,
    /// Whether the text ends inside quotes.
    unclosed: bool,
}

/// The reference: byte by byte, one state, no cuts.
fn one_pass(text: &[u8], csv: &Csv, columns: usize) -> Plain {
    let (mut found, mut at) = (Plain::default(), 0);
    if text.starts_with(b"\xef\xbb\xbf") {
        at = 3;
    }
    let mut header = csv.header;
    while at < text.len() {
        let line = text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n + 1);
        if Some(text[at]) == csv.comment
            || text[at..line].iter().all(|b| *b == b'\n')
            || &text[at..line] == b"\r\n"
        {
            at = line;
            continue;
        }
        if &text[at..line] == b"\r" {
            break;
        }
        let (mut fields, mut good) = (Vec::new(), true);
        loop {
            let (field, quoted) = one_field(text, &mut at, csv, &mut good, &mut found.unclosed);
            let null = !quoted && field.is_empty();
            fields.push(if null { "∅".to_owned() } else { String::from_utf8(field).expect("ASCII") });
            match text.get(at) {
                Some(b) if *b == csv.delimiter => at += 1,
                Some(_) => {
                    at += 1;
                    break;
                }
                None => break,
            }
        }
        if std::mem::take(&mut header) {
            continue;
        }
        if good && fields.len() == columns {
            found.rows.push(fields.join("|"));
        } else {
            found.rejected += 1;
        }
    }
    found
}

/// Reads a field; `at` stops at the delimiter, the line feed or the end.
fn one_field(
    text: &[u8],
    at: &mut usize,
    csv: &Csv,
    good: &mut bool,
    unclosed: &mut bool,
) -> (Vec<u8>, bool) {
    let mut field = Vec::new();
    let quoted = csv.quote.is_some() && text.get(*at).copied() == csv.quote;
    if quoted {
        *at += 1;
        loop {
            let (byte, next) = (text.get(*at).copied(), text.get(*at + 1).copied());
            let escape = csv.escape.or(csv.quote);
            match byte {
                None => {
                    (*good, *unclosed) = (false, true);
                    return (field, true);
                }
                Some(b) if byte == escape && next.is_some() && (next == csv.quote || next == csv.escape) => {
                    let _ = b;
                    field.extend(next);
                    *at += 2;
                }
                Some(_) if byte == csv.quote => break,
                Some(b) => {
                    field.push(b);
                    *at += 1;
                }
            }
        }
        *at += 1;
        if text.get(*at) == Some(&b'\r') && matches!(text.get(*at + 1), None | Some(b'\n')) {
            *at += 1;
        }
    }
    let start = *at;
    while text.get(*at).is_some_and(|b| *b != csv.delimiter && *b != b'\n') {
        *at += 1;
    }
    let rest = &text[start..*at];
    if quoted {
        *good &= rest.is_empty();
        return (field, true);
    }
    let ended = text.get(*at) != Some(&csv.delimiter);
    (rest.strip_suffix(b"\r").filter(|_| ended).unwrap_or(rest).to_vec(), false)
}

/// Texts made of what is dangerous.
fn hostile(pieces: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "\"",
        "\"\"",
        ",",
        "\n",
        "\r\n",
        "\r",
        "\\",
        "\\\"",
        "#",
        "a",
        "bc",
        "\",\"",
        "\"\n\"",
        "\n\"",
        "\"\n",
        "\n#",
        "x,y\n",
        "\"q,\n\",z\n",
        ",,",
        "\n\n",
        "hello world, again",
    ]);
    prop::collection::vec(piece, 0..pieces).prop_map(|p| p.concat().into_bytes())
}

/// Texts that are proper CSV of two columns, with anything inside quotes.
fn proper(records: usize) -> impl Strategy<Value = Vec<u8>> {
    let quoted =
        prop::sample::select(vec!["a\nb", "x,y", "\"\"", "\n", ",\n,", "", "1,2\n3,4\n", "\u{feff}", "\r\n"]);
    let field = prop_oneof![
        Just("plain".to_owned()),
        Just(String::new()),
        Just("12.5".to_owned()),
        prop::collection::vec(quoted, 0..4).prop_map(|q| format!("\"{}\"", q.concat())),
    ];
    let line_end = prop::sample::select(vec!["\n", "\r\n"]);
    let record = (field.clone(), field, line_end).prop_map(|(a, b, end)| format!("{a},{b}{end}"));
    prop::collection::vec(record, 0..records).prop_map(|r| r.concat().into_bytes())
}

fn settings() -> impl Strategy<Value = Csv> {
    let escape = prop::sample::select(vec![None, None, Some(b'\\'), Some(b'"')]);
    let quote = prop::sample::select(vec![Some(b'"'), Some(b'"'), Some(b'"'), None]);
    let comment = prop::sample::select(vec![None, Some(b'#')]);
    (quote, escape, comment, any::<bool>()).prop_map(|(quote, escape, comment, header)| Csv {
        quote,
        escape: escape.filter(|_| quote.is_some()),
        comment,
        header,
        ..Csv::default()
    })
}

fn cuts(text: &[u8], at: &[prop::sample::Index]) -> Vec<u64> {
    let mut cuts: Vec<u64> =
        at.iter().map(|i| i.index(text.len().max(1)) as u64).filter(|c| *c > 0).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn compare(text: &[u8], csv: &Csv, cuts: &[u64], look_back: u64) -> std::result::Result<(), TestCaseError> {
    let table = table(Format::Csv, csv.clone(), schema(&["a", "b"]));
    let expected = one_pass(text, csv, 2);
    let found = read_cut(text, &table, cuts, BadRecords::Skip, look_back);
    let clean = expected.rejected == 0;
    if expected.unclosed {
        // The part before the quote is no answer: nothing behind it can be trusted.
        prop_assert!(found.is_err(), "{:?}", found);
    } else {
        let (rows, rejected, _) = found.expect("skipping, only an open quote is an error");
        prop_assert_eq!(&rows, &expected.rows);
        prop_assert_eq!(rejected, expected.rejected);
    }
    // Failing on bad records: an error if and only if there is one, whatever was guessed.
    let failing = read_cut(text, &table, cuts, BadRecords::Fail, look_back);
    prop_assert_eq!(failing.is_ok(), clean, "{:?}", failing);
    if let Ok((rows, ..)) = failing {
        prop_assert_eq!(rows, expected.rows);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn hostile_text(
        body in hostile(60),
        csv in settings(),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        look_back in prop::sample::select(vec![0, 1, 3, 16, 4096]),
        bom in any::<bool>(),
    ) {
        let bom: &[u8] = if bom { b"\xef\xbb\xbf" } else { b"" };
        let header: &[u8] = if csv.header { b"a,b\n" } else { b"" };
        let text = [bom, header, &body].concat();
        compare(&text, &csv, &cuts(&text, &at), look_back)?;
    }

    #[test]
    fn proper_text(
        body in proper(60),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        look_back in prop::sample::select(vec![0, 2, 64]),
        final_newline in any::<bool>(),
    ) {
        let mut text = [b"a,b\n".as_slice(), &body].concat();
        if !final_newline && text.len() > 4 {
            text.pop();
        }
        compare(&text, &Csv::default(), &cuts(&text, &at), look_back)?;
    }

    #[test]
    fn lines_of_json(
        lines in prop::collection::vec(prop::sample::select(vec![
            "{\"a\":\"x\",\"b\":\"\\n\"}\n", "{}\r\n", "\n", "  \n", "[1]\n", "{\"a\":1}\n", "{\"a\":\n", "{\"b\":\"{\\\"\"}\n",
        ]), 0..40),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let text = lines.concat().into_bytes();
        let table = table(Format::Jsonl, Csv::default(), schema(&["a", "b"]));
        let (expected, stats) = read_whole(&text, &table, BadRecords::Skip).expect("a reading");
        let good = lines.iter().filter(|l| l.starts_with('{') && !l.ends_with(":\n")).count();
        prop_assert_eq!(expected.len(), good);
        let (rows, rejected, again) =
            read_cut(&text, &table, &cuts(&text, &at), BadRecords::Skip, 0).expect("a reading");
        prop_assert_eq!((rows, rejected, again), (expected, stats.rejected, 0));
    }
}

#[test]
fn every_single_cut_of_one_text() {
    let text = b"\xef\xbb\xbf# c \"\n\"a\",b\r\n1,\"x\n\"\"y\"\",\n2,z\"\n\n3,\"\"\n#,\"\n,4\r\n\"5\r\n\",6";
    let csv = Csv { comment: Some(b'#'), ..Csv::default() };
    for cut in 1..text.len() as u64 {
        for look_back in [0, 1, 2, 5, 100] {
            compare(text, &csv, &[cut], look_back).expect("the same rows");
            if cut > 1 {
                compare(text, &csv, &[cut / 2, cut], look_back).expect("the same rows");
            }
        }
    }
}

#[test]
fn ordinary_files_need_no_second_run() {
    let mut text = b"id,note\n".to_vec();
    for i in 0..4000 {
        let note = match i % 4 {
            0 => "plain".to_owned(),
            1 => format!("\"two\nlines, and a comma {i}\""),
            2 => "\"he said \"\"no\"\"\"".to_owned(),
            _ => "\"\"".to_owned(),
        };
        text.extend_from_slice(format!("{i},{note}\n").as_bytes());
    }
    let table = table(Format::Csv, Csv::default(), schema(&["id:int64", "note"]));
    for step in [997, 5003, 20011_usize] {
        let cuts: Vec<u64> = (step..text.len()).step_by(step).map(|c| c as u64).collect();
        let (rows, rejected, again) =
            read_cut(&text, &table, &cuts, BadRecords::Fail, 512).expect("a good file");
        assert_eq!((rows.len(), rejected, again), (4000, 0, 0), "cut every {step} bytes");
    }
}
