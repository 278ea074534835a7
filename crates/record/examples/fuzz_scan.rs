//! The scanner against `serde_json` on as many random texts as asked for: `--iterations N --from SEED`. Each text follows
//! from its seed; the first one on which they disagree is printed with it, and the exit code is 1.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

#[path = "../src/scan_agreement.rs"]
mod scan_agreement;

use std::process::ExitCode;
use waybill_record::Tape;

/// Numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() >> 1).unwrap_or(0) % bound.max(1)
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const TEXTS: [&str; 20] = [
    "a",
    "name",
    "é",
    "日本",
    "😀",
    "\u{7f}",
    "\u{ffff}",
    "\\n",
    "\\\"",
    "\\\\",
    "\\/",
    "\\u0041",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\udc00",
    "\\u12",
    "\\x",
    "\t",
    "{}[],:",
];
const NUMBERS: [&str; 16] = [
    "0",
    "-0",
    "1",
    "-1",
    "10.50",
    "0.001",
    "1e5",
    "1E+5",
    "-2.5e-10",
    "12345678901234567890123456789012345678",
    "01",
    "1.",
    ".5",
    "-",
    "1e",
    "+1",
];
const WORDS: [&str; 7] = ["true", "false", "null", "nul", "True", "NaN", "truee"];
const SPACES: [&str; 8] = ["", "", "", "", " ", "\n", "\t\r", "  "];

fn write_text(dice: &mut Dice, out: &mut String) {
    out.push('"');
    for _ in 0..dice.below(4) {
        // Now and then an ending that is no text.
        let choices = if dice.below(40) == 0 { TEXTS.len() } else { 14 };
        out.push_str(dice.pick(&TEXTS[..choices]));
        let plain = dice.below(20);
        out.extend(std::iter::repeat_n('x', plain));
    }
    out.push('"');
}

fn write_value(dice: &mut Dice, depth: usize, out: &mut String) {
    out.push_str(dice.pick(&SPACES));
    let valid = dice.below(60) > 0;
    match dice.below(if depth == 0 { 3 } else { 5 }) {
        0 => write_text(dice, out),
        1 => out.push_str(dice.pick(&NUMBERS[..if valid { 10 } else { NUMBERS.len() }])),
        2 => out.push_str(dice.pick(&WORDS[..if valid { 3 } else { WORDS.len() }])),
        3 => {
            out.push('[');
            for place in 0..dice.below(4) {
                out.push_str(if place > 0 { "," } else { "" });
                write_value(dice, depth - 1, out);
            }
            out.push(']');
        }
        _ => write_object(dice, depth - 1, out),
    }
    out.push_str(dice.pick(&SPACES));
}

fn write_object(dice: &mut Dice, depth: usize, out: &mut String) {
    out.push('{');
    for place in 0..dice.below(5) {
        out.push_str(if place > 0 { "," } else { "" });
        out.push_str(dice.pick(&SPACES));
        write_text(dice, out);
        out.push_str(dice.pick(&SPACES));
        out.push(':');
        write_value(dice, depth, out);
    }
    out.push('}');
}

/// The text of a seed: a record, mostly valid, sometimes nested to the limit and beyond, half of the time damaged.
fn text(seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut record = String::new();
    let levels = if dice.below(16) == 0 { 26 + dice.below(8) } else { 0 };
    record.push_str(&"{\"d\":[".repeat(levels / 2));
    let depth = dice.below(6);
    write_object(&mut dice, depth, &mut record);
    record.push_str(&"]}".repeat(levels / 2));
    let mut bytes = record.into_bytes();
    for _ in 0..dice.below(4).saturating_sub(1) {
        let at = dice.below(bytes.len());
        let byte =
            if dice.below(2) == 0 { b"{}[],:\"\\ue+-.0 \n"[dice.below(16)] } else { dice.roll().to_le_bytes()[0] };
        match dice.below(4) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let (iterations, from) = (number("--iterations").unwrap_or(100_000), number("--from").unwrap_or(0));
    let mut tape = Tape::new();
    let mut valid = 0_u64;
    for seed in from..from.saturating_add(iterations) {
        let text = text(seed);
        if let Err(difference) = scan_agreement::agree(&mut tape, &text) {
            println!("seed {seed}: {difference}");
            return ExitCode::FAILURE;
        }
        valid += u64::from(tape.scan(&text).is_ok());
    }
    println!("{iterations} texts, {valid} of them records: no difference");
    ExitCode::SUCCESS
}
