//! Patterns that texts are searched for, in time linear in the text.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, ErrorKind};
use serde::{Deserialize, Serialize};

/// Longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1000;
/// Most memory of a compiled pattern, in bytes: bounds what one character of a text can cost.
const MAX_COMPILED_BYTES: usize = 256 << 10;
/// Deepest nesting of groups.
const MAX_NESTING: u32 = 50;

/// A regular expression with its options; compiled when it is made or read back.
///
/// The syntax is the common one without what needs backtracking: look-around and back-references. `\d`, `\w`, `\s` and
/// `\b` know all of Unicode, `$` without the option `m` is the end of the text alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Pattern {
    written: Written,
    compiled: Regex,
}

/// A pattern as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pattern: String,
    options: String,
}

/// Why a text is no pattern; each is the end of a sentence that begins with where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Over [`MAX_PATTERN_BYTES`].
    #[error("is longer than {MAX_PATTERN_BYTES} bytes")]
    TooLong,
    /// Look-ahead or look-behind.
    #[error("looks around (`{0}`), which cannot be matched in linear time")]
    LookAround(String),
    /// A reference to what a group has matched.
    #[error("refers back (`{0}`), which cannot be matched in linear time")]
    BackReference(String),
    /// Not the syntax.
    #[error("is no pattern: {reason}, at character {at}")]
    Syntax {
        /// Why.
        reason: String,
        /// Where, counted from 1.
        at: usize,
    },
    /// Repetitions or classes that multiply.
    #[error("is too large when it is compiled; repeat less")]
    TooLarge,
    /// An option that is none.
    #[error("has the option `{0}`; known are `i`, `m`, `s`, `u` and `x`")]
    Option(char),
}

impl Pattern {
    /// Compiles a pattern. Options: `i` letters of either case, `m` `^` and `$` at every line, `s` `.` is a line's end
    /// too, `x` white space and comments in the pattern do not count, `u` nothing (it is always so).
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn new(pattern: &str, options: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        if let Some(unknown) = options.chars().find(|option| !"imsux".contains(*option)) {
            return Err(PatternError::Option(unknown));
        }
        let has = |option| options.contains(option);
        ast::parse::ParserBuilder::new()
            .ignore_whitespace(has('x'))
            .nest_limit(MAX_NESTING)
            .build()
            .parse(pattern)
            .map_err(|error| refused(pattern, &error))?;
        let compiled = RegexBuilder::new(pattern)
            .case_insensitive(has('i'))
            .multi_line(has('m'))
            .dot_matches_new_line(has('s'))
            .ignore_whitespace(has('x'))
            .nest_limit(MAX_NESTING)
            .size_limit(MAX_COMPILED_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
                other => PatternError::Syntax { reason: last_line(&other.to_string()), at: 1 },
            })?;
        Ok(Self { written: Written { pattern: pattern.to_owned(), options: options.to_owned() }, compiled })
    }

    /// Whether it occurs anywhere in the text.
    pub fn occurs_in(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

/// What the parser's refusal means.
fn refused(pattern: &str, error: &ast::Error) -> PatternError {
    let span = error.span();
    let found = || pattern.get(span.start.offset..span.end.offset).unwrap_or_default().to_owned();
    match error.kind() {
        ErrorKind::UnsupportedLookAround => PatternError::LookAround(found()),
        ErrorKind::UnsupportedBackreference => PatternError::BackReference(found()),
        kind => {
            let at = pattern.get(..span.start.offset).unwrap_or_default().chars().count() + 1;
            PatternError::Syntax { reason: kind.to_string(), at }
        }
    }
}

/// The engine draws the pattern first and says what is wrong with it last.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl TryFrom<Written> for Pattern {
    type Error = PatternError;

    fn try_from(written: Written) -> Result<Self, PatternError> {
        Self::new(&written.pattern, &written.options)
    }
}

impl From<Pattern> for Written {
    fn from(pattern: Pattern) -> Self {
        pattern.written
    }
}
