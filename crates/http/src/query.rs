//! Arguments in the query of a URL.

use lambda_http::Request;

/// Most arguments that a query may have.
const MAX_ARGUMENTS: usize = 500;
/// Most characters of an argument's name that are said again.
const MAX_NAME_CHARS: usize = 100;

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` {reason}")]
pub struct QueryError {
    /// The argument as it was written; of a longer one its first 100 characters.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl QueryError {
    /// `name` is wrong because of `reason`.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        let mut name = name.into();
        if let Some((end, _)) = name.char_indices().nth(MAX_NAME_CHARS) {
            name.truncate(end);
            name.push('…');
        }
        Self { name, reason: reason.into() }
    }
}

/// The arguments of a query in their order, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryArguments(Vec<(String, String)>);

impl QueryArguments {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// When there are more than 500 arguments, or one is not UTF-8 once decoded.
    pub fn of(request: &Request) -> Result<Self, QueryError> {
        Self::parse(request.uri().query().unwrap_or(""))
    }

    /// Reads a query as it stands in a URL, without `?`; also a form-encoded body.
    ///
    /// # Errors
    /// As [`QueryArguments::of`].
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        if query.split('&').count() > MAX_ARGUMENTS {
            return Err(QueryError::new("query", format!("has more than {MAX_ARGUMENTS} arguments")));
        }
        let plain = |text: &str| {
            let text = text.replace('+', " ");
            percent_encoding::percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned)
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let arguments = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Named as it was written: a value, which may be a secret, is never said again.
            let no_text = |_| QueryError::new(name, "is not UTF-8 once decoded");
            Ok((plain(name).map_err(no_text)?, plain(value).map_err(no_text)?))
        });
        arguments.collect::<Result<_, _>>().map(Self)
    }

    /// The names in their order; one that is repeated comes repeatedly.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Those whose names begin with `name` and a dot, without that.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let inner = |given: &str| Some(given.strip_prefix(name)?.strip_prefix('.')?.to_owned());
        Self(self.0.iter().filter_map(|(given, value)| Some((inner(given)?, value.clone()))).collect())
    }

    /// Those whose names do not begin with one of `names` and a dot.
    #[must_use]
    pub fn besides(&self, names: &[&str]) -> Self {
        let is_below = |given: &str| given.split_once('.').is_some_and(|(head, _)| names.contains(&head));
        Self(self.0.iter().filter(|(given, _)| !is_below(given)).cloned().collect())
    }

    /// The only value of `name`.
    ///
    /// # Errors
    /// When it is given more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, QueryError> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() { Err(QueryError::new(name, "is given more than once")) } else { Ok(value) }
    }

    /// Every value of `name`: repeated as `name=` or `name[]=` (also `name[0]=`), or one JSON array of texts.
    ///
    /// # Errors
    /// When a value begins like a JSON array of texts and is none.
    pub fn all(&self, name: &str) -> Result<Vec<String>, QueryError> {
        let mut all = Vec::new();
        for (given, value) in &self.0 {
            let indexed = unindexed(given) == Some(name);
            if given == name && value.trim_start().starts_with('[') {
                let texts: Vec<String> = serde_json::from_str(value)
                    .map_err(|_| QueryError::new(name, "must be a JSON array of texts when it begins with `[`"))?;
                all.extend(texts);
            } else if given == name || indexed {
                all.push(value.clone());
            }
        }
        Ok(all)
    }

    /// The whole number `name` between `least` and `most`, or `default` when it is not given.
    ///
    /// # Errors
    /// When it is given more than once, is no whole number, or lies outside.
    pub fn number(&self, name: &str, default: usize, least: usize, most: usize) -> Result<usize, QueryError> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| QueryError::new(name, format!("must be a whole number from {least} to {most}")))
    }

    /// The switch `name`, `true` or `false`; `false` when it is not given.
    ///
    /// # Errors
    /// When it is given more than once, or as anything else.
    pub fn switch(&self, name: &str) -> Result<bool, QueryError> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(QueryError::new(name, "must be `true` or `false`")),
        }
    }

    /// The names that are not among `known`, where `name[]` stands for every form that [`QueryArguments::all`] reads.
    /// What it does not name is read, so that nothing is taken without a word and left out.
    pub fn unknown<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.names().filter(|name| {
            let listed = unindexed(name).unwrap_or(name);
            let is_known = |known: &&str| known.strip_suffix("[]").map_or(known == name, |known| known == listed);
            !known.iter().any(is_known)
        })
    }

    /// Refuses the first argument that is [`QueryArguments::unknown`].
    ///
    /// # Errors
    /// That argument's name.
    pub fn only(&self, known: &[&str]) -> Result<(), QueryError> {
        let unknown = self.unknown(known).next();
        unknown.map_or(Ok(()), |name| Err(QueryError::new(name, "is no argument of this request")))
    }
}

/// `name` of `name[]` and `name[0]`.
fn unindexed(name: &str) -> Option<&str> {
    let (bare, index) = name.strip_suffix(']')?.split_once('[')?;
    index.bytes().all(|byte| byte.is_ascii_digit()).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_bracketed_and_json_values_are_all_read() {
        let query = QueryArguments::parse("paths[]=a&paths=b.c&paths%5B%5D=d&paths=%5B%22e%22%5D&x=1+2").unwrap();
        assert_eq!(query.all("paths").unwrap(), ["a", "b.c", "d", "e"]);
        assert_eq!(query.one("x").unwrap(), Some("1 2"));
        assert!(query.one("paths").is_err());
        assert!(QueryArguments::parse("paths=[1]").unwrap().all("paths").is_err());
    }

    #[test]
    fn numbers_and_switches_are_checked() {
        let query = QueryArguments::parse("limit=5&skip=-1&big=1001&records=true&odd=yes").unwrap();
        assert_eq!(query.number("limit", 50, 1, 1000), Ok(5));
        assert_eq!(query.number("none", 50, 1, 1000), Ok(50));
        assert!(query.number("skip", 0, 0, 1000).is_err());
        let error = query.number("big", 50, 1, 1000).unwrap_err();
        assert_eq!(error.to_string(), "`big` must be a whole number from 1 to 1000");
        assert_eq!(query.switch("records"), Ok(true));
        assert!(query.switch("odd").is_err());
    }

    #[test]
    fn arguments_below_a_name_are_told_from_the_others() {
        let query = QueryArguments::parse("limit=5&visits.limit=1&visits.paths[]=a&visitsx.limit=2").unwrap();
        let below = query.below("visits");
        assert_eq!(below.names().collect::<Vec<_>>(), ["limit", "paths[]"]);
        assert_eq!(below.one("limit"), Ok(Some("1")));
        assert_eq!(query.besides(&["visits"]).names().collect::<Vec<_>>(), ["limit", "visitsx.limit"]);
    }

    #[test]
    fn unknown_arguments_are_refused_by_name() {
        let query = QueryArguments::parse("limit=5&paths[]=a&paths[0]=b&paths=c&colour=red").unwrap();
        assert_eq!(query.only(&["limit", "paths[]"]).unwrap_err().name, "colour");
        assert!(query.only(&["limit", "paths[]", "colour"]).is_ok());
    }

    #[test]
    fn forms_that_nothing_reads_are_unknown() {
        for (query, unread) in [("paths[x]=a", "paths[x]"), ("limit[]=1", "limit[]"), ("paths[0][1]=a", "paths[0][1]")]
        {
            let query = QueryArguments::parse(query).unwrap();
            assert_eq!(query.only(&["limit", "paths[]"]).unwrap_err().name, unread);
            assert_eq!((query.one("limit").unwrap(), query.all("paths").unwrap()), (None, Vec::new()));
        }
    }

    #[test]
    fn what_is_no_text_is_named_by_its_argument_and_cut_short() {
        assert_eq!(QueryArguments::parse("a=1&key=%ff").unwrap_err().name, "key");
        let name = "é".repeat(101);
        assert_eq!(QueryError::new(name, "is too long").name.chars().count(), 101);
    }
}
