//! What was compressed is inflated by others, and does not depend on what was compressed before.

use super::{Effort, Encoder};
use flate2::{Decompress, FlushDecompress, Status};
use proptest::prelude::*;

const EFFORTS: [Effort; 3] = [Effort::Fast, Effort::Moderate, Effort::Thorough];

/// The text of open blocks, by another implementation; `None` when it refuses them.
fn inflated(blocks: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut stream = blocks.to_vec();
    stream.extend_from_slice(crate::end_block());
    let mut text = Vec::with_capacity(length + 1);
    let mut inflate = Decompress::new(false);
    let status = inflate.decompress_vec(&stream, &mut text, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd && inflate.total_in() == u64::try_from(stream.len()).unwrap()).then_some(text)
}

fn deflated(effort: Effort, text: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::new();
    Encoder::new(effort).deflate(text, &mut blocks);
    blocks
}

/// Texts of all kinds: noise, few letters, long repetitions, records.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(0_u8..4, 0..300),
        (proptest::collection::vec(any::<u8>(), 1..20), 1_usize..400).prop_map(|(piece, times)| piece.repeat(times)),
        "(\\{\"name\":\"[a-z]{1,9}\",\"n\":[0-9]{1,5}\\}){1,40}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_was_deflated_is_inflated(texts in proptest::collection::vec(text(), 1..4)) {
        for effort in EFFORTS {
            let mut encoder = Encoder::new(effort);
            let mut all = Vec::new();
            for text in &texts {
                let before = all.len();
                encoder.deflate(text, &mut all);
                let blocks = &all[before..];
                let read = inflated(blocks, text.len());
                prop_assert_eq!(read.as_ref(), Some(text));
                // Used or new, it writes the same.
                prop_assert_eq!(&deflated(effort, text), blocks);
                // What cannot shrink grows by little.
                prop_assert!(blocks.len() <= text.len() + text.len() / 10_000 + 16);
            }
            let text = texts.concat();
            let read = inflated(&all, text.len());
            prop_assert_eq!(read, Some(text));
        }
    }
}

/// A long text of alike lines, with now and then a repetition, or noise.
fn long_text() -> Vec<u8> {
    let mut seed = 1_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 40
    };
    let mut text = Vec::new();
    while text.len() < 1_500_000 {
        text.extend_from_slice(format!("{},{:x},name {},\r\n", next() % 1000, next(), next() % 97).as_bytes());
        match next() % 500 {
            0 => text.extend(std::iter::repeat_n(b'z', 300)),
            1 => text.extend((0..3000).map(|_| next().to_le_bytes()[0])),
            2 => text.extend_from_within(text.len().saturating_sub(40_000)..),
            _ => {}
        }
    }
    text
}

#[test]
fn long_texts_of_many_blocks_come_back_and_more_effort_makes_them_smaller() {
    let text = long_text();
    let sizes = EFFORTS.map(|effort| {
        let blocks = deflated(effort, &text);
        assert!(inflated(&blocks, text.len()).unwrap() == text);
        blocks.len()
    });
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    assert!(sizes[0] * 3 < text.len() * 2, "{sizes:?}");
}

#[test]
fn texts_with_every_distance_and_length_come_back() {
    for effort in EFFORTS {
        for distance in [1, 2, 3, 4, 5, 7, 255, 256, 257, 1023, 1025, 32_766, 32_767, 32_768, 32_769, 40_000] {
            for length in [3, 4, 5, 8, 9, 31, 257, 258, 259, 600] {
                let mut text: Vec<u8> = (0..distance).map(|at: usize| (at * at / 7 % 251).to_le_bytes()[0]).collect();
                for at in 0..length {
                    text.push(text[at]);
                }
                text.extend_from_slice(b"end");
                assert!(inflated(&deflated(effort, &text), text.len()).unwrap() == text, "{distance} {length}");
            }
        }
    }
}
