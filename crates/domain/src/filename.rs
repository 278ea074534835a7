//! The name under which a job's file arrives: a template with placeholders, and what becomes of it.

use crate::{JobId, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest template, in characters; what placeholders add stays below the 255 bytes that file systems take.
const MAX_CHARS: usize = 120;

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
    #[error("must be a file's name of 1 to {MAX_CHARS} characters without `/`, `\\`, `..` and control characters")]
    Unsafe,
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
        if text.is_empty() || text.chars().count() > MAX_CHARS || hidden || evil {
            return Err(FilenameError::Unsafe);
        }
        let facts = FilenameFacts {
            at: Timestamp::from_millis(0),
            job: JobId::new(Timestamp::from_millis(0), [0; 8]),
            run: RunId::new(Timestamp::from_millis(0), [0; 8]),
        };
        fill(text, &facts)?;
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for one run; `gzip` adds `.gz` where the template does not end so.
    pub fn render(&self, facts: &FilenameFacts, gzip: bool) -> String {
        // Understood when it was parsed.
        let name = fill(&self.0, facts).unwrap_or_else(|_| format!("export-{}", facts.run));
        let is_named = name.rsplit_once('.').is_some_and(|(_, ending)| ending == "gz");
        if gzip && !is_named { format!("{name}.gz") } else { name }
    }
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
        ] {
            assert_eq!(FilenameTemplate::parse(text), Err(error), "{text}");
        }
    }
}
