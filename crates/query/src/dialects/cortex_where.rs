//! The `where` of the Cortex surface: a JSON object of conditions in the manner of `MongoDB`.

use crate::filter::{Filter, Operand, Order, Test};
use crate::instant::Instant;
use serde_json::{Map, Value};
use waybill_record::{Path, PropertyType};

/// Deepest nesting of conditions.
pub const MAX_DEPTH: usize = 20;
/// Most conditions in one `where`.
pub const MAX_CLAUSES: usize = 100;

/// Operators of the grammar that are not evaluated yet.
const LATER: [&str; 7] = ["$regex", "$options", "$near", "$nearSphere", "$geoWithin", "$geoIntersects", "$maxDistance"];

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
    /// An operator that this version does not evaluate.
    #[error("the operator `{operator}` is not available yet")]
    Unsupported {
        /// The operator.
        operator: String,
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
}

impl WhereError {
    /// The key, path or operator at fault, where there is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            WhereError::Malformed { key, .. } | WhereError::UnknownOperator { key } => Some(key),
            WhereError::Unsupported { operator } => Some(operator),
            WhereError::UnknownProperty { path } | WhereError::WrongType { path, .. } => Some(path),
            WhereError::TooDeep | WhereError::TooMany => None,
        }
    }
}

/// Reads a `where`; `types` tells the type of each path that may be asked about, `None` refuses it.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(value: &Value, types: &dyn Fn(&Path) -> Option<PropertyType>) -> Result<Filter, WhereError> {
    let mut reader = Reader { types, clauses: 0 };
    let query = value.as_object().ok_or_else(|| malformed("where", "must be an object"))?;
    reader.query(query, None, 1)
}

struct Reader<'a> {
    types: &'a dyn Fn(&Path) -> Option<PropertyType>,
    clauses: usize,
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
            _ => Err(unknown(key)),
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
        let unknown_property = || WhereError::UnknownProperty { path: key.to_owned() };
        let path: Path = key.parse().map_err(|_| unknown_property())?;
        let full = match base {
            Some(base) => base.child(key).map_err(|_| unknown_property())?,
            None => path.clone(),
        };
        let of = (self.types)(&full).ok_or_else(unknown_property)?;
        let target = Target { path: full, of };
        for test in self.condition(&target, value, depth)? {
            parts.push(Filter::Property { path: path.clone(), test });
        }
        Ok(())
    }

    /// Reads what stands behind a path: a scalar, or an object of operators.
    fn condition(&mut self, target: &Target, value: &Value, depth: usize) -> Result<Vec<Test>, WhereError> {
        let Some(operators) = value.as_object() else {
            self.count()?;
            return Ok(vec![Test::Equal(target.operand(value)?)]);
        };
        if operators.is_empty() {
            return Err(malformed(&target.path.to_string(), "has no condition"));
        }
        if depth + 1 > MAX_DEPTH {
            return Err(WhereError::TooDeep);
        }
        operators.iter().map(|(operator, operand)| self.test(target, operator, operand, depth + 1)).collect()
    }

    fn test(&mut self, target: &Target, operator: &str, operand: &Value, depth: usize) -> Result<Test, WhereError> {
        self.count()?;
        let compare = |order| Ok(Test::Compare(order, target.ordered_operand(operator, operand)?));
        match operator {
            "$eq" => Ok(Test::Equal(target.operand(operand)?)),
            "$ne" => Ok(Test::Fails(vec![Test::Equal(target.operand(operand)?)])),
            "$lt" => compare(Order::Less),
            "$lte" => compare(Order::LessOrEqual),
            "$gt" => compare(Order::Greater),
            "$gte" => compare(Order::GreaterOrEqual),
            "$in" => Ok(Test::OneOf(target.operands(operator, operand)?)),
            "$nin" => Ok(Test::Fails(vec![Test::OneOf(target.operands(operator, operand)?)])),
            "$all" => Ok(Test::HasAll(target.operands(operator, operand)?)),
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
            _ => Err(unknown(operator)),
        }
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

fn unknown(operator: &str) -> WhereError {
    if LATER.contains(&operator) {
        WhereError::Unsupported { operator: operator.to_owned() }
    } else {
        WhereError::UnknownOperator { key: operator.to_owned() }
    }
}

/// A property that a condition is about.
struct Target {
    path: Path,
    of: PropertyType,
}

impl Target {
    fn operands(&self, operator: &str, value: &Value) -> Result<Vec<Operand>, WhereError> {
        value
            .as_array()
            .ok_or_else(|| malformed(operator, "takes an array"))?
            .iter()
            .map(|value| self.operand(value))
            .collect()
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
