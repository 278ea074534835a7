//! The name under which a job's file arrives: a template with placeholders, and what becomes of it.

use crate::{JobId, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest name, in bytes of UTF-8: what file systems take.
const MAX_BYTES: usize = 255;
/// What gzip adds to a name that does not end so.
const GZIP_ENDING: &str = ".gz";

/// A template of a file's name, understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilenameTemplate(String);

/// Why a text is no template of a file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilenameError {
    /// A placeholder that nothing is known for.
    #[error("`{{{0}}}` is no placeholder; there are {{date}}, {{datetime}}, {{timestamp}}, {{jobId}} and {{runId}}")]
    Placeholder(String),
    /// A brace that opens or closes nothing.
    #[error("has a brace that opens or closes no placeholder")]
    Brace,
    /// A name that some system takes for something else than a file in a folder.
    #[error(
        "must be a file's name without `/`, `\\`, `..` and control characters, not empty, and without a dot or a space at its beginning"
    )]
    Unsafe,
    /// No file system takes what it would become.
    #[error(
        "makes names of up to {0} bytes, `.gz` included where it is not written; a file's name has {MAX_BYTES} at most"
    )]
    TooLong(usize),
}

/// What stands for the placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilenameFacts {
    /// When it was due, or made.
    pub at: Timestamp,
    /// The job.
    pub job: JobId,
    /// The run.
    pub run: RunId,
}

impl FilenameTemplate {
    /// Understands a template.
    ///
    /// # Errors
    /// [`FilenameError`].
    pub fn parse(text: &str) -> Result<Self, FilenameError> {
        let hidden = text.starts_with('.') || text.trim() != text;
        let evil = text.contains(['/', '\\']) || text.contains("..") || text.chars().any(char::is_control);
        if text.is_empty() || hidden || evil {
            return Err(FilenameError::Unsafe);
        }
        let facts = FilenameFacts {
            at: Timestamp::from_millis(0),
            job: JobId::new(Timestamp::from_millis(0), [0; 8]),
            run: RunId::new(Timestamp::from_millis(0), [0; 8]),
        };
        let longest = longest(text, fill(text, &facts)?.len(), facts.job.as_str().len());
        if longest > MAX_BYTES { Err(FilenameError::TooLong(longest)) } else { Ok(Self(text.to_owned())) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for one run; `gzip` adds `.gz` where the template does not end so.
    pub fn render(&self, facts: &FilenameFacts, gzip: bool) -> String {
        // Understood when it was parsed.
        let name = fill(&self.0, facts).unwrap_or_else(|_| format!("export-{}", facts.run));
        if gzip && !name.ends_with(GZIP_ENDING) { format!("{name}{GZIP_ENDING}") } else { name }
    }
}

/// How many bytes the longest name of a template has that is `filled` bytes long with a job's id of `job_bytes`, which is the one
/// thing whose length differs.
fn longest(text: &str, filled: usize, job_bytes: usize) -> usize {
    let jobs = text.matches("{jobId}").count();
    let gzip = if text.ends_with(GZIP_ENDING) { 0 } else { GZIP_ENDING.len() };
    filled + jobs * JobId::MAX_BYTES.saturating_sub(job_bytes) + gzip
}

fn fill(text: &str, facts: &FilenameFacts) -> Result<String, FilenameError> {
    let mut name = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (placeholder, after) = behind.split_once('}').ok_or(FilenameError::Brace)?;
        if before.contains('}') {
            return Err(FilenameError::Brace);
        }
        name.push_str(before);
        // `2026-11-21T21:04:16.101Z`
        let instant = facts.at.to_string();
        match placeholder {
            "date" => name.extend(instant.chars().take(10)),
            "datetime" => name.extend(instant.chars().take(19).map(|c| if c == ':' { '-' } else { c })),
            "timestamp" => name.push_str(&facts.at.as_secs().to_string()),
            "jobId" => name.push_str(facts.job.as_str()),
            "runId" => name.push_str(&facts.run.to_string()),
            other => return Err(FilenameError::Placeholder(other.to_owned())),
        }
        rest = after;
    }
    if rest.contains('}') {
        return Err(FilenameError::Brace);
    }
    name.push_str(rest);
    Ok(name)
}

impl TryFrom<String> for FilenameTemplate {
    type Error = FilenameError;

    fn try_from(text: String) -> Result<Self, FilenameError> {
        Self::parse(&text)
    }
}

impl From<FilenameTemplate> for String {
    fn from(template: FilenameTemplate) -> Self {
        template.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, gzip: bool) -> String {
        let at: Timestamp = "2026-11-21T21:04:16.101Z".parse().unwrap();
        let facts = FilenameFacts { at, job: "feed".parse().unwrap(), run: RunId::new(at, [7; 8]) };
        FilenameTemplate::parse(template).unwrap().render(&facts, gzip)
    }

    #[test]
    fn placeholders_are_filled_and_gzip_is_named_once() {
        assert_eq!(render("feed-{date}.jsonl", false), "feed-2026-11-21.jsonl");
        assert_eq!(render("feed-{date}.jsonl", true), "feed-2026-11-21.jsonl.gz");
        assert_eq!(render("feed.csv.gz", true), "feed.csv.gz");
        assert_eq!(render("{jobId}_{datetime}_{timestamp}", false), "feed_2026-11-21T21-04-16_1795295056");
        assert!(render("{runId}.xml", false).ends_with("0707070707070707.xml"));
    }

    #[test]
    fn unknown_placeholders_and_unsafe_names_are_refused() {
        for (text, error) in [
            ("{day}.csv", FilenameError::Placeholder("day".into())),
            ("{date.csv", FilenameError::Brace),
            ("date}.csv", FilenameError::Brace),
            ("a/b.csv", FilenameError::Unsafe),
            ("a\\b.csv", FilenameError::Unsafe),
            ("..", FilenameError::Unsafe),
            (".hidden", FilenameError::Unsafe),
            ("", FilenameError::Unsafe),
            ("a\n.csv", FilenameError::Unsafe),
            (" a.csv", FilenameError::Unsafe),
        ] {
            assert_eq!(FilenameTemplate::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_template_is_refused_when_its_longest_name_is_beyond_what_file_systems_take() {
        let too_long = |text: &str| match FilenameTemplate::parse(text) {
            Err(FilenameError::TooLong(bytes)) => Some(bytes),
            other => other.map(|_| None).unwrap(),
        };
        assert_eq!(too_long(&("日".repeat(100) + ".csv")), Some(307));
        assert_eq!(too_long(&"{runId}".repeat(17)), Some(17 * 24 + 3));
        assert_eq!(too_long(&("a".repeat(248) + ".csv")), None);
        assert_eq!(too_long(&("a".repeat(249) + ".csv")), Some(256));
        assert_eq!(too_long(&("a".repeat(252) + ".gz")), None);
        // The longest id that a job can have is 64 bytes.
        assert_eq!((too_long("{jobId}{jobId}{jobId}"), too_long(&"{jobId}".repeat(4))), (None, Some(259)));
    }
}
