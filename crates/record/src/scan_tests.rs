//! The scanner against `serde_json`: the same texts are valid, and they mean the same.

use crate::{Document, MAX_DEPTH, ScanError, Tape};
use proptest::prelude::*;

/// Checks that both readers agree on a text.
fn agree(text: &[u8]) -> Result<(), TestCaseError> {
    crate::scan_agreement::agree(&mut Tape::new(), text).map_err(TestCaseError::fail)
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
}

/// The source of a string, escapes and all, mostly valid.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -!#-\\[\\]-~]{1,12}",
        2 => "\\PC{1,4}".prop_map(|text| text.replace(['"', '\\'], "x")),
        2 => "\\\\[\"\\\\/bfnrt]",
        2 => "\\\\u[0-9a-fA-F]{4}",
        1 => Just("\\ud83d\\ude00".to_owned()),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r")]
}

fn json(depth: u32) -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![Just("null".to_owned()), Just("true".to_owned()), Just("false".to_owned()), number(), string(),];
    leaf.prop_recursive(depth, 64, 6, |inner| {
        let array = proptest::collection::vec((space(), inner.clone(), space()), 0..6).prop_map(|items| {
            let items: Vec<String> = items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
            format!("[{}]", items.join(","))
        });
        let member = (space(), string(), space(), inner, space());
        let object = proptest::collection::vec(member, 0..6).prop_map(|members| object(&members));
        prop_oneof![array, object]
    })
}

type Member = (&'static str, String, &'static str, String, &'static str);

fn object(members: &[Member]) -> String {
    let members: Vec<String> =
        members.iter().map(|(a, key, b, value, c)| format!("{a}{key}{b}:{c}{value}{a}")).collect();
    format!("{{{}}}", members.join(","))
}

fn record() -> impl Strategy<Value = String> {
    proptest::collection::vec((space(), string(), space(), json(6), space()), 0..8).prop_map(|members| object(&members))
}

proptest! {
    #[test]
    fn records_mean_what_serde_json_says(text in record()) {
        agree(text.as_bytes())?;
    }

    #[test]
    fn damaged_records_are_valid_exactly_when_serde_json_says(
        text in record(),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (at, kind, byte) in cuts {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => { bytes.remove(at); }
                _ => bytes.insert(at.min(bytes.len()), byte),
            }
        }
        agree(&bytes)?;
    }

    #[test]
    fn token_soup_is_valid_exactly_when_serde_json_says(
        tokens in proptest::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"\"", "0", "-", "1.5", "1.", "01", "1e", "2E+3", "true", "nul", "null", " ", "\n", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\\ud800\"",
        ]), 0..12),
    ) {
        let soup = tokens.concat();
        agree(soup.as_bytes())?;
        agree(format!("{{\"k\":{soup}}}").as_bytes())?;
    }

    #[test]
    fn any_bytes_are_valid_exactly_when_serde_json_says(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        agree(&bytes)?;
        agree(&[b"{\"k\":\"", bytes.as_slice(), b"\"}"].concat())?;
    }
}

#[test]
fn nesting_is_accepted_up_to_the_limit() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(Tape::new().scan(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(Tape::new().scan(nested(MAX_DEPTH + 1).as_bytes()).err(), Some(ScanError::Depth));
}

#[test]
fn errors_say_where() {
    assert_eq!(Tape::new().scan(b"{\"a\":1,}").err(), Some(ScanError::Syntax { at: 7 }));
    assert_eq!(Tape::new().scan(b"{\"a\":\"\xff\"}").err(), Some(ScanError::Utf8 { at: 6 }));
    assert_eq!(Tape::new().scan(b"{} {}").err(), Some(ScanError::Syntax { at: 3 }));
    assert_eq!(Tape::new().scan(b"").err(), Some(ScanError::Syntax { at: 0 }));
    assert_eq!(Tape::new().scan(b"[1]").err(), Some(ScanError::NotAnObject));
}

#[test]
fn strings_of_every_length_and_offset_end_where_they_end() {
    let mut tape = Tape::new();
    for before in 0..9 {
        for length in 0..40 {
            for end in ["\\n", "é", "\\\"", "\\\\", ""] {
                let content = format!("{}{end}", "x".repeat(length));
                let text = format!("{}{{\"k\":\"{content}\",\"l\":2}}", " ".repeat(before));
                let document = tape.scan(text.as_bytes()).unwrap();
                assert_eq!(document.root().get("k").unwrap().text().unwrap().source(), content);
                assert_eq!(document.root().get("l").unwrap().number(), Some("2"));
            }
            for control in 0..0x20_u8 {
                let text = format!("{{\"k\":\"{}{}\"}}", "x".repeat(length), char::from(control));
                assert_eq!(tape.scan(text.as_bytes()).err(), Some(ScanError::Syntax { at: 6 + length }));
            }
        }
    }
}

#[test]
fn the_last_of_equal_keys_counts() {
    let mut tape = Tape::new();
    let document: Document<'_> = tape.scan(br#"{"a":1,"b":{"c":2},"\u0061":3,"b":{}}"#).unwrap();
    assert_eq!(document.get(&"a".parse().unwrap()).unwrap().number(), Some("3"));
    assert!(document.get(&"b.c".parse().unwrap()).is_none());
}
