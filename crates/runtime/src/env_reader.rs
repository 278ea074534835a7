//! Reading a function's configuration from the environment so that one failure names everything that is wrong.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use secrecy::SecretString;

/// What is wrong with one environment variable. The value itself is never kept, as it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Name of the variable.
    pub variable: String,
    /// What is wrong with it, in a few words.
    pub reason: String,
}

/// Everything that is wrong with a function's environment, in the order in which it was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// One entry a variable; never empty.
    pub issues: Vec<Issue>,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not usable: ")?;
        for (index, issue) in self.issues.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", issue.variable, issue.reason)?;
        }
        Ok(())
    }
}

/// Reads variables and remembers what was wrong, so that a `Config` is built in one expression and then released, or
/// refused with all reasons at once, by [`EnvReader::finish`].
///
/// A method that finds its variable unusable returns a placeholder (`T::default()`); `finish` never lets it out.
///
/// ```
/// # use waybill_runtime::{ConfigError, EnvReader};
/// struct Config { table: String, lease_secs: u64 }
///
/// fn from(env: &mut EnvReader) -> Config {
///     Config { table: env.text("MAIN_TABLE"), lease_secs: env.parsed("LEASE_SECS") }
/// }
///
/// let mut env = EnvReader::from_pairs([("LEASE_SECS", "soon")]);
/// let config = from(&mut env);
/// let error = env.finish(config).err().expect("two variables are wrong");
/// assert_eq!(error.issues.len(), 2);
/// ```
#[derive(Debug)]
pub struct EnvReader {
    variables: BTreeMap<String, String>,
    issues: Vec<Issue>,
}

impl EnvReader {
    /// Takes the variables of this process. A variable that is not Unicode reads as missing.
    #[must_use]
    pub fn from_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: variables.collect(), issues: Vec::new() }
    }

    /// Takes variables from pairs of name and value, for tests and tools.
    #[must_use]
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { variables: variables.collect(), issues: Vec::new() }
    }

    /// A required, non-empty text.
    pub fn text(&mut self, name: &str) -> String {
        self.required(name).unwrap_or_default()
    }

    /// A required, non-empty secret.
    pub fn secret(&mut self, name: &str) -> SecretString {
        SecretString::from(self.text(name))
    }

    /// A required value that parses; the reason of a refusal is the error's text, so it must not repeat the value.
    pub fn parsed<T>(&mut self, name: &str) -> T
    where
        T: FromStr + Default,
        T::Err: Display,
    {
        self.parsed_or(name, T::default())
    }

    /// As [`EnvReader::parsed`] for a type without a default: `placeholder` stands in until `finish` refuses.
    pub fn parsed_or<T>(&mut self, name: &str, placeholder: T) -> T
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.required(name) else {
            return placeholder;
        };
        match text.parse() {
            Ok(value) => value,
            Err(error) => {
                self.refuse(name, &format!("does not parse: {error}"));
                placeholder
            }
        }
    }

    /// A value that may be absent; an empty variable is an absent one, and one that is present must parse.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.variables.get(name).filter(|text| !text.is_empty())?.clone();
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, &format!("does not parse: {error}"));
                None
            }
        }
    }

    /// A required list of non-empty texts separated by commas, spaces around them removed.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.text(name);
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// Records that `variable` is unusable, for rules that concern more than its own syntax.
    pub fn refuse(&mut self, variable: &str, reason: &str) {
        self.issues.push(Issue { variable: variable.to_owned(), reason: reason.to_owned() });
    }

    /// Releases `config` if nothing was wrong.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that was missing or invalid.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.issues.is_empty() { Ok(config) } else { Err(ConfigError { issues: self.issues }) }
    }

    fn required(&mut self, name: &str) -> Option<String> {
        match self.variables.get(name) {
            Some(text) if !text.is_empty() => Some(text.clone()),
            Some(_) => {
                self.refuse(name, "is empty");
                None
            }
            None => {
                self.refuse(name, "is missing");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn all_issues_are_reported_at_once() {
        let mut env = EnvReader::from_pairs([("EMPTY", ""), ("NUMBER", "x"), ("GOOD", "7"), ("MAYBE", "-1")]);
        let read = (env.text("ABSENT"), env.text("EMPTY"), env.parsed::<u64>("NUMBER"), env.parsed::<u64>("GOOD"));
        assert_eq!(env.optional::<u8>("MAYBE"), None);
        assert_eq!(env.optional::<u8>("NONE"), None);
        let error = env.finish(read).unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            "the configuration is not usable: ABSENT is missing; EMPTY is empty; \
             NUMBER does not parse: invalid digit found in string; MAYBE does not parse: invalid digit found in string"
        );
    }

    #[test]
    fn a_whole_environment_is_released() {
        let mut env =
            EnvReader::from_pairs([("NAME", "main"), ("KEY", "hush"), ("LIST", "a, b,,c"), ("SWITCH", "true")]);
        let config = (env.text("NAME"), env.secret("KEY"), env.list("LIST"), env.parsed::<bool>("SWITCH"));
        let (name, key, list, switch) = env.finish(config).unwrap();
        assert_eq!((name.as_str(), key.expose_secret(), switch), ("main", "hush", true));
        assert_eq!(list, ["a", "b", "c"]);
    }

    #[test]
    fn a_rule_over_two_variables_can_be_refused() {
        let mut env = EnvReader::from_pairs([("A", "1"), ("B", "0")]);
        if env.parsed::<u8>("A") > env.parsed::<u8>("B") {
            env.refuse("A", "must not exceed B");
        }
        assert_eq!(env.finish(()).unwrap_err().issues[0].reason, "must not exceed B");
    }
}
