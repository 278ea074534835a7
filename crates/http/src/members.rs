//! Taking the members of a JSON object one by one, so that every wrong, missing or unknown one is named with its place.

use serde_json::{Map, Value};

/// Most elements of a list of texts: as many as a collection has properties.
pub const MAX_LIST_ELEMENTS: usize = 1000;
/// Most problems that are told at once, so that a reply stays small whatever was sent.
pub const MAX_PROBLEMS: usize = 100;

/// Something wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to it.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// Something wrong at `pointer`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// The members of one object, taken by name. What is `null` counts as absent. Problems gather until
/// [`Members::finish`], which adds one for every member that nobody took.
#[derive(Debug)]
pub struct Members<'a> {
    pointer: String,
    object: &'a Map<String, Value>,
    taken: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Members<'a> {
    /// The members of `value`, which stands at `pointer` (empty for the whole body).
    ///
    /// # Errors
    /// When it is no object.
    pub fn of(value: &'a Value, pointer: impl Into<String>) -> Result<Self, Problem> {
        let pointer = pointer.into();
        match value.as_object() {
            Some(object) => Ok(Self { pointer, object, taken: Vec::new(), problems: Vec::new() }),
            None => Err(Problem::new(pointer, "must be an object")),
        }
    }

    /// The pointer to the member `name`.
    pub fn at(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    /// Takes a member as it is; `None` when it is absent or `null`.
    pub fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.taken.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member is there at all, `null` included. Does not take it.
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// Takes a text of at most `max_chars` characters.
    pub fn text(&mut self, name: &'static str, max_chars: usize) -> Option<&'a str> {
        let value = self.take(name)?;
        match value.as_str() {
            Some(text) if text.chars().count() <= max_chars => Some(text),
            Some(_) => self.refuse(name, format!("has more than {max_chars} characters")),
            None => self.refuse(name, "must be a string"),
        }
    }

    /// Takes a text that parses; `expected` says what it must be.
    pub fn parsed<T: std::str::FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let value = self.take(name)?;
        match value.as_str().and_then(|text| text.parse().ok()) {
            Some(parsed) => Some(parsed),
            None => self.refuse(name, format!("must be {expected}")),
        }
    }

    /// Takes one of several words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.take(name)?;
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        if let Some((_, meaning)) = found {
            return Some(*meaning);
        }
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        self.refuse(name, format!("must be one of {}", words.join(", ")))
    }

    /// Takes a boolean.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.take(name)?;
        value.as_bool().or_else(|| self.refuse(name, "must be `true` or `false`"))
    }

    /// Takes a whole number, 0 or more.
    pub fn whole(&mut self, name: &'static str) -> Option<u64> {
        let value = self.take(name)?;
        value.as_u64().or_else(|| self.refuse(name, "must be a whole number, 0 or more"))
    }

    /// Takes an array of at most [`MAX_LIST_ELEMENTS`] texts that parse, with a problem for each that does not.
    pub fn list<T>(&mut self, name: &'static str) -> Vec<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(value) = self.take(name) else { return Vec::new() };
        let Some(values) = value.as_array() else {
            return self.refuse(name, "must be an array of strings").unwrap_or_default();
        };
        if values.len() > MAX_LIST_ELEMENTS {
            let reason = format!("has {} elements; at most {MAX_LIST_ELEMENTS} are taken", values.len());
            return self.refuse(name, reason).unwrap_or_default();
        }
        let mut list = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let wrong = match value.as_str().map(str::parse::<T>) {
                Some(Ok(parsed)) => {
                    list.push(parsed);
                    continue;
                }
                Some(Err(error)) => error.to_string(),
                None => "must be a string".to_owned(),
            };
            self.problems.push(Problem::new(format!("{}/{index}", self.at(name)), wrong));
        }
        list
    }

    /// Refuses a member that is known but not built yet, unless its value asks for nothing: `null`, `false`, an empty
    /// text, array or object, or an object of such values.
    pub fn later(&mut self, name: &'static str) {
        if self.take(name).is_some_and(|value| !is_inert(value)) {
            self.refuse::<()>(name, "is not available yet");
        }
    }

    /// Says that `name` must be there, when it is absent.
    pub fn require<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        let absent = self.object.get(name).is_none_or(Value::is_null);
        if value.is_none() && absent { self.refuse(name, "is required") } else { value }
    }

    /// Adds a problem with the member `name`. Always `None`.
    pub fn refuse<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        let pointer = self.at(name);
        self.problems.push(Problem::new(pointer, message));
        None
    }

    /// Adds problems that were found elsewhere.
    pub fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    /// Every problem, those of unknown members last; beyond [`MAX_PROBLEMS`] only how many there are.
    pub fn finish(mut self) -> Vec<Problem> {
        let unknown: Vec<&String> = self.object.keys().filter(|name| !self.taken.contains(&name.as_str())).collect();
        for name in unknown {
            self.refuse::<()>(name, "is no member of this");
        }
        let more = self.problems.len().saturating_sub(MAX_PROBLEMS);
        if more > 0 {
            self.problems.truncate(MAX_PROBLEMS);
            self.problems.push(Problem::new(self.pointer, format!("has {more} more problems")));
        }
        self.problems
    }
}

fn is_inert(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(is_inert),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|problem| format!("{} {}", problem.pointer, problem.message)).collect()
    }

    #[test]
    fn members_are_taken_and_the_rest_is_named() {
        let body = json!({"name": "x", "count": 3, "on": true, "none": null, "a/b": 1});
        let mut members = Members::of(&body, "").unwrap();
        assert_eq!(members.text("name", 10), Some("x"));
        assert_eq!(members.whole("count"), Some(3));
        assert_eq!(members.boolean("on"), Some(true));
        assert_eq!(members.text("none", 10), None);
        assert_eq!(texts(&members.finish()), ["/a~1b is no member of this"]);
    }

    #[test]
    fn wrong_members_are_named_with_what_would_be_right() {
        let body = json!({"name": 1, "format": "xls", "paths": ["a", 2, ""], "id": "x"});
        let mut members = Members::of(&body, "/spec").unwrap();
        let name = members.text("name", 10);
        assert_eq!(members.require("name", name), None);
        assert_eq!(members.word("format", &[("csv", 1), ("json", 2)]), None);
        assert_eq!(members.list::<u8>("paths"), Vec::<u8>::new());
        assert_eq!(members.parsed::<u8>("id", "a small number"), None);
        assert_eq!(members.require::<()>("collection", None), None);
        insta::assert_json_snapshot!(texts(&members.finish()));
    }

    #[test]
    fn what_is_wrong_a_thousand_times_is_told_a_hundred_times() {
        let body: Value = (0..1000).map(|number| (format!("x{number}"), json!(1))).collect::<Map<_, _>>().into();
        let problems = Members::of(&body, "").unwrap().finish();
        assert_eq!(problems.len(), MAX_PROBLEMS + 1);
        assert_eq!(problems.last(), Some(&Problem::new("", "has 900 more problems")));
        let body = json!({"paths": vec!["a"; MAX_LIST_ELEMENTS + 1]});
        let mut members = Members::of(&body, "").unwrap();
        assert_eq!(members.list::<String>("paths"), Vec::<String>::new());
        assert_eq!(texts(&members.finish()), ["/paths has 1001 elements; at most 1000 are taken"]);
    }

    #[test]
    fn what_comes_later_is_refused_only_when_it_asks_for_something() {
        let body = json!({"files": {"include": false, "zip": false}, "expand": [], "sort": "-created", "search": null});
        let mut members = Members::of(&body, "").unwrap();
        for name in ["files", "expand", "sort", "search"] {
            members.later(name);
        }
        assert_eq!(texts(&members.finish()), ["/sort is not available yet"]);
    }
}
