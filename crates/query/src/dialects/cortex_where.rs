//! The `where` of the Cortex surface: a JSON object of conditions in the manner of `MongoDB`.

use crate::filter::{Filter, Operand, Order, Test};
use crate::instant::Instant;
use crate::pattern::{Pattern, PatternError};
use serde_json::{Map, Value};
use waybill_record::{Path, PropertyType};

/// Deepest nesting of conditions.
pub const MAX_DEPTH: usize = 20;
/// Most conditions in one `where`.
pub const MAX_CLAUSES: usize = 100;

/// Most operands in one `where`, those of `$in` and its like together.
pub const MAX_OPERANDS: usize = 10_000;

/// Operators of the grammar that ask about geometry, which is kept and exported but not computed with.
const GEOMETRY: [&str; 12] = [
    "$near",
    "$nearSphere",
    "$geoWithin",
    "$geoIntersects",
    "$geoNear",
    "$within",
    "$geometry",
    "$box",
    "$center",
    "$centerSphere",
    "$maxDistance",
    "$minDistance",
];

/// Why a `where` is refused; each names the key at fault as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhereError {
    /// Something has the wrong shape.
    #[error("`{key}` {reason}")]
    Malformed {
        /// The key, `where` for the whole.
        key: String,
        /// What was expected.
        reason: &'static str,
    },
    /// A key that is neither a path nor an operator that may stand there.
    #[error("`{key}` is no operator that can stand here")]
    UnknownOperator {
        /// The key.
        key: String,
    },
    /// An operator that asks about geometry.
    #[error("`{key}` asks about geometry, and conditions cannot")]
    Geometry {
        /// The operator, behind its path.
        key: String,
    },
    /// A `$regex` that is none, or that cannot be matched in linear time.
    #[error("`{key}` {source}")]
    Pattern {
        /// The operator, behind its path.
        key: String,
        /// Why.
        #[source]
        source: PatternError,
    },
    /// The collection declares no such property.
    #[error("unknown property `{path}`")]
    UnknownProperty {
        /// The path as it was written.
        path: String,
    },
    /// The operand does not fit the property's type.
    #[error("`{path}` must be compared with {expected}")]
    WrongType {
        /// The path.
        path: String,
        /// What it can be compared with.
        expected: &'static str,
    },
    /// Conditions are nested deeper than [`MAX_DEPTH`].
    #[error("conditions are nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// There are more conditions than [`MAX_CLAUSES`].
    #[error("there are more than {MAX_CLAUSES} conditions")]
    TooMany,
    /// There are more operands than [`MAX_OPERANDS`].
    #[error("there are more than {MAX_OPERANDS} values to compare with")]
    TooManyOperands,
}

impl WhereError {
    /// The key, path or operator at fault, where there is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            WhereError::Malformed { key, .. }
            | WhereError::UnknownOperator { key }
            | WhereError::Geometry { key }
            | WhereError::Pattern { key, .. } => Some(key),
            WhereError::UnknownProperty { path } | WhereError::WrongType { path, .. } => Some(path),
            WhereError::TooDeep | WhereError::TooMany | WhereError::TooManyOperands => None,
        }
    }
}

/// Reads a `where`; `types` tells the type of each path that may be asked about, `None` refuses it.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(value: &Value, types: &dyn Fn(&Path) -> Option<PropertyType>) -> Result<Filter, WhereError> {
    let mut reader = Reader { types, clauses: 0, operands: 0 };
    let query = value.as_object().ok_or_else(|| malformed("where", "must be an object"))?;
    reader.query(query, None, 1)
}

struct Reader<'a> {
    types: &'a dyn Fn(&Path) -> Option<PropertyType>,
    clauses: usize,
    operands: usize,
}

fn malformed(key: &str, reason: &'static str) -> WhereError {
    WhereError::Malformed { key: key.to_owned(), reason }
}

/// Several conditions as one.
fn all(mut parts: Vec<Filter>) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            Filter::All(parts)
        }
        (_, None) => Filter::everything(),
    }
}

impl Reader<'_> {
    /// Reads an object of conditions; `base` is the array whose elements it is about, inside `$elemMatch`.
    fn query(&mut self, query: &Map<String, Value>, base: Option<&Path>, depth: usize) -> Result<Filter, WhereError> {
        if depth > MAX_DEPTH {
            return Err(WhereError::TooDeep);
        }
        let mut parts = Vec::with_capacity(query.len());
        for (key, value) in query {
            if key.starts_with('$') {
                parts.push(self.logical(key, value, base, depth)?);
            } else {
                self.property(key, value, base, depth, &mut parts)?;
            }
        }
        Ok(all(parts))
    }

    fn logical(&mut self, key: &str, value: &Value, base: Option<&Path>, depth: usize) -> Result<Filter, WhereError> {
        match key {
            "$and" => Ok(Filter::All(self.queries(key, value, base, depth)?)),
            "$or" => Ok(Filter::Any(self.queries(key, value, base, depth)?)),
            "$nor" => {
                let parts = self.queries(key, value, base, depth)?;
                Ok(Filter::Not(Box::new(Filter::Any(parts))))
            }
            "$not" => {
                let query = value.as_object().ok_or_else(|| malformed(key, "takes an object"))?;
                let part = self.query(query, base, depth + 1)?;
                Ok(Filter::Not(Box::new(part)))
            }
            _ => Err(unknown(key.to_owned(), key)),
        }
    }

    fn queries(
        &mut self,
        key: &str,
        value: &Value,
        base: Option<&Path>,
        depth: usize,
    ) -> Result<Vec<Filter>, WhereError> {
        let parts = value
            .as_array()
            .filter(|parts| !parts.is_empty())
            .ok_or_else(|| malformed(key, "takes an array of at least one object"))?;
        parts
            .iter()
            .map(|part| {
                let query = part.as_object().ok_or_else(|| malformed(key, "takes an array of objects"))?;
                self.query(query, base, depth + 1)
            })
            .collect()
    }

    fn property(
        &mut self,
        key: &str,
        value: &Value,
        base: Option<&Path>,
        depth: usize,
        parts: &mut Vec<Filter>,
    ) -> Result<(), WhereError> {
        let shown = base.map_or(key.to_owned(), |base| format!("{base}.{key}"));
        let unknown_property = || WhereError::UnknownProperty { path: shown.clone() };
        let mut path: Path = key.parse().map_err(|_| unknown_property())?;
        let mut full: Path = shown.parse().map_err(|_| unknown_property())?;
        let mut of = (self.types)(&full);
        if of.is_none()
            && let Some((reference, kind)) = self.reference_of(&full)
            && let Some(short) = parent(&path)
        {
            (path, full, of) = (short, reference, Some(kind));
        }
        let target = Target { path: full, of: of.ok_or_else(unknown_property)? };
        for test in self.condition(&target, value, depth)? {
            parts.push(Filter::Property { path: path.clone(), test });
        }
        Ok(())
    }

    /// `site._id` asks for the id that the reference `site` holds, in whichever form it is stored.
    fn reference_of(&self, path: &Path) -> Option<(Path, PropertyType)> {
        let reference = parent(path).filter(|_| path.segments().last().is_some_and(|last| last == "_id"))?;
        let kind = (self.types)(&reference).filter(|kind| *kind == PropertyType::Reference)?;
        Some((reference, kind))
    }

    /// Reads what stands behind a path: a scalar, or an object of operators.
    fn condition(&mut self, target: &Target, value: &Value, depth: usize) -> Result<Vec<Test>, WhereError> {
        let Some(operators) = value.as_object() else {
            self.count()?;
            return Ok(vec![Test::Equal(self.operand(target, value)?)]);
        };
        if operators.is_empty() {
            return Err(malformed(&target.path.to_string(), "has no condition"));
        }
        if depth + 1 > MAX_DEPTH {
            return Err(WhereError::TooDeep);
        }
        let options = operators.get("$options");
        if options.is_some() && !operators.contains_key("$regex") {
            return Err(malformed(&target.operator("$options"), "stands beside a `$regex` only"));
        }
        operators
            .iter()
            .filter(|(operator, _)| *operator != "$options")
            .map(|(operator, operand)| match operator.as_str() {
                "$regex" => self.pattern(target, operand, options),
                _ => self.test(target, operator, operand, depth + 1),
            })
            .collect()
    }

    fn pattern(&mut self, target: &Target, operand: &Value, options: Option<&Value>) -> Result<Test, WhereError> {
        self.count()?;
        let key = || target.operator("$regex");
        if !matches!(
            target.of,
            PropertyType::String | PropertyType::Binary | PropertyType::Any | PropertyType::Document
        ) {
            return Err(malformed(&key(), "asks about text, and the property has none"));
        }
        let text = operand.as_str().ok_or_else(|| malformed(&key(), "takes text"))?;
        let options = match options {
            None => "",
            Some(options) => {
                options.as_str().ok_or_else(|| malformed(&target.operator("$options"), "takes text like `im`"))?
            }
        };
        Pattern::new(text, options).map(Test::Matches).map_err(|source| WhereError::Pattern { key: key(), source })
    }

    fn test(&mut self, target: &Target, operator: &str, operand: &Value, depth: usize) -> Result<Test, WhereError> {
        self.count()?;
        let compare = |order| Ok(Test::Compare(order, target.ordered_operand(operator, operand)?));
        match operator {
            "$eq" => Ok(Test::Equal(self.operand(target, operand)?)),
            "$ne" => Ok(Test::Fails(vec![Test::Equal(self.operand(target, operand)?)])),
            "$lt" => compare(Order::Less),
            "$lte" => compare(Order::LessOrEqual),
            "$gt" => compare(Order::Greater),
            "$gte" => compare(Order::GreaterOrEqual),
            "$in" => Ok(Test::OneOf(self.operands(target, operator, operand)?)),
            "$nin" => Ok(Test::Fails(vec![Test::OneOf(self.operands(target, operator, operand)?)])),
            "$all" => Ok(Test::HasAll(self.operands(target, operator, operand)?)),
            "$size" => operand.as_u64().map(Test::Size).ok_or_else(|| malformed(operator, "takes a whole number")),
            "$exists" => operand
                .as_bool()
                .map(|wanted| if wanted { Test::Exists } else { Test::Fails(vec![Test::Exists]) })
                .ok_or_else(|| malformed(operator, "takes true or false")),
            "$not" => {
                if !operand.is_object() {
                    return Err(malformed(operator, "takes an object of operators"));
                }
                Ok(Test::Fails(self.condition(target, operand, depth)?))
            }
            "$elemMatch" => self.element(target, operand, depth),
            _ => Err(unknown(target.operator(operator), operator)),
        }
    }

    fn operand(&mut self, target: &Target, value: &Value) -> Result<Operand, WhereError> {
        self.operands += 1;
        if self.operands > MAX_OPERANDS {
            return Err(WhereError::TooManyOperands);
        }
        target.operand(value)
    }

    fn operands(&mut self, target: &Target, operator: &str, value: &Value) -> Result<Vec<Operand>, WhereError> {
        let values = value.as_array().ok_or_else(|| malformed(operator, "takes an array"))?;
        values.iter().map(|value| self.operand(target, value)).collect()
    }

    fn element(&mut self, target: &Target, operand: &Value, depth: usize) -> Result<Test, WhereError> {
        let query = operand
            .as_object()
            .filter(|query| !query.is_empty())
            .ok_or_else(|| malformed("$elemMatch", "takes an object of conditions"))?;
        let is_logical = |key: &str| matches!(key, "$and" | "$or" | "$nor");
        if query.keys().all(|key| key.starts_with('$') && !is_logical(key)) {
            return Ok(Test::ElementPasses(self.condition(target, operand, depth)?));
        }
        let filter = self.query(query, Some(&target.path), depth + 1)?;
        Ok(Test::Element(Box::new(filter)))
    }

    fn count(&mut self) -> Result<(), WhereError> {
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(WhereError::TooMany);
        }
        Ok(())
    }
}

fn unknown(key: String, operator: &str) -> WhereError {
    if GEOMETRY.contains(&operator) { WhereError::Geometry { key } } else { WhereError::UnknownOperator { key } }
}

/// The path without its last name.
fn parent(path: &Path) -> Option<Path> {
    let (_, above) = path.segments().split_last()?;
    above.join(".").parse().ok()
}

/// A property that a condition is about.
struct Target {
    path: Path,
    of: PropertyType,
}

impl Target {
    /// The operator behind the path that it is applied to.
    fn operator(&self, operator: &str) -> String {
        format!("{}.{operator}", self.path)
    }

    fn ordered_operand(&self, operator: &str, value: &Value) -> Result<Operand, WhereError> {
        match self.operand(value)? {
            Operand::Null => Err(malformed(operator, "does not take null")),
            operand => Ok(operand),
        }
    }

    /// Reads an operand as the property's type has it.
    fn operand(&self, value: &Value) -> Result<Operand, WhereError> {
        let wrong = |expected| Err(WhereError::WrongType { path: self.path.to_string(), expected });
        match (self.of, value) {
            (_, Value::Null) => Ok(Operand::Null),
            (_, Value::Array(_) | Value::Object(_)) => wrong("a scalar"),
            (PropertyType::Number, Value::Number(number)) => Ok(Operand::Number(number.to_string())),
            (PropertyType::Number, _) => wrong("a number"),
            (PropertyType::Boolean, Value::Bool(flag)) => Ok(Operand::Boolean(*flag)),
            (PropertyType::Boolean, _) => wrong("true or false"),
            (PropertyType::Date, Value::String(text)) => match Instant::parse(text) {
                Some(instant) => Ok(Operand::Instant(instant)),
                None => wrong("an ISO 8601 date"),
            },
            (PropertyType::Date, _) => wrong("an ISO 8601 date"),
            (PropertyType::ObjectId | PropertyType::Reference, Value::String(text)) if is_object_id(text) => {
                Ok(Operand::Id(text.to_ascii_lowercase()))
            }
            (PropertyType::ObjectId | PropertyType::Reference, _) => wrong("an id of 24 hex digits"),
            (PropertyType::String | PropertyType::Binary, Value::String(text)) => Ok(Operand::Text(text.clone())),
            (PropertyType::String | PropertyType::Binary, _) => wrong("text"),
            (_, Value::String(text)) => Ok(Operand::Text(text.clone())),
            (_, Value::Number(number)) => Ok(Operand::Number(number.to_string())),
            (_, Value::Bool(flag)) => Ok(Operand::Boolean(*flag)),
        }
    }
}

fn is_object_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
