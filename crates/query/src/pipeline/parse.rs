//! Pipelines read from JSON, and typed.

use super::expression::{Expression, Function};
use super::group::{Accumulate, Accumulator, Group};
use super::projection::{Member, Projection, What};
use super::schema::{Field, FieldKind, Schema, Source};
use super::{Pipeline, Stage};
use crate::SortError;
use crate::dialects::cortex_where::{self, WhereError};
use crate::sort_order::SortOrder;
use serde_json::{Map, Value as Json};
use waybill_record::{Path, PropertyType};

/// Most stages.
pub const MAX_STAGES: usize = 20;
/// Most fields that one `$project` or `$group` names, nested ones included.
pub const MAX_FIELDS: usize = 200;
/// Deepest nesting of what a stage names and computes.
const MAX_DEPTH: usize = 10;

/// Why a pipeline is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// It is no array, or has too many stages.
    #[error("must be an array of 1 to {MAX_STAGES} stages")]
    Form,
    /// Something in it.
    #[error("{at}: {reason}")]
    Stage {
        /// Where: the stage's position from 0, its operator, and what is inside it: `1.$group.total`.
        at: String,
        /// What.
        reason: String,
    },
    /// A condition.
    #[error("{at}: {source}")]
    Match {
        /// Where.
        at: String,
        /// What.
        #[source]
        source: WhereError,
    },
    /// An order.
    #[error("{at}: {source}")]
    Sort {
        /// Where.
        at: String,
        /// What.
        #[source]
        source: SortError,
    },
}

fn refuse<T>(at: &str, reason: impl Into<String>) -> Result<T, PipelineError> {
    Err(PipelineError::Stage { at: at.to_owned(), reason: reason.into() })
}

/// Reads a pipeline.
pub(super) fn parse(request: &Json, source: &Source<'_>) -> Result<Pipeline, PipelineError> {
    let stages = request.as_array().filter(|stages| (1..=MAX_STAGES).contains(&stages.len()));
    let stages = stages.ok_or(PipelineError::Form)?;
    let mut reader = Reader { schema: Schema::new(*source), reads: Vec::new(), fields: 0 };
    let mut read = Vec::with_capacity(stages.len());
    for (position, stage) in stages.iter().enumerate() {
        let Some((operator, operand)) =
            stage.as_object().filter(|stage| stage.len() == 1).and_then(|s| s.iter().next())
        else {
            return refuse(&position.to_string(), "a stage is an object with one operator");
        };
        let at = format!("{position}.{operator}");
        reader.fields = 0;
        read.push(reader.stage(&at, operator, operand)?);
    }
    let Reader { schema, mut reads, .. } = reader;
    let mut seen = std::collections::HashSet::new();
    reads.retain(|path| seen.insert(path.clone()));
    Ok(Pipeline { stages: read, output: schema.rows, reads })
}

struct Reader<'a> {
    schema: Schema<'a>,
    /// Paths into the records, as far as rows are records.
    reads: Vec<Path>,
    fields: usize,
}

impl Reader<'_> {
    fn stage(&mut self, at: &str, operator: &str, operand: &Json) -> Result<Stage, PipelineError> {
        match operator {
            "$match" => self.condition(at, operand),
            "$project" => self.project(at, operand),
            "$sort" => self.sort(at, operand),
            "$skip" => match operand.as_u64() {
                Some(count) => Ok(Stage::Skip(count)),
                None => refuse(at, "takes a whole number, 0 or more"),
            },
            "$limit" => match operand.as_u64().filter(|count| *count > 0) {
                Some(count) => Ok(Stage::Limit(count)),
                None => refuse(at, "takes a whole number, 1 or more"),
            },
            "$group" => self.group(at, operand),
            _ => refuse(at, "is no stage here; there are $match, $project, $sort, $skip, $limit and $group"),
        }
    }

    fn condition(&mut self, at: &str, operand: &Json) -> Result<Stage, PipelineError> {
        let asked = std::cell::RefCell::new(Vec::new());
        let types = |path: &Path| {
            let kind = self.schema.type_of(path).map(|(kind, _)| kind);
            asked.borrow_mut().extend(kind.map(|_| path.clone()));
            kind
        };
        let filter = cortex_where::parse(operand, &types)
            .map_err(|source| PipelineError::Match { at: at.to_owned(), source })?;
        let asked = asked.into_inner();
        if self.schema.rows.is_none() {
            self.reads.extend(asked);
        }
        Ok(Stage::Match(filter))
    }

    fn sort(&mut self, at: &str, operand: &Json) -> Result<Stage, PipelineError> {
        if !operand.is_object() {
            return refuse(at, "takes an object like {\"name\":1,\"created\":-1}");
        }
        let order = SortOrder::parse(operand).map_err(|source| PipelineError::Sort { at: at.to_owned(), source })?;
        let order = order.resolve(|path| self.property(at, path).map(|(kind, _)| kind))?;
        Ok(Stage::Sort(order))
    }

    /// The type of a property that is read.
    fn property(&mut self, at: &str, path: &Path) -> Result<(PropertyType, bool), PipelineError> {
        let Some(found) = self.schema.type_of(path) else { return refuse(at, format!("unknown property `{path}`")) };
        if self.schema.rows.is_none() {
            self.reads.push(path.clone());
        }
        Ok(found)
    }

    fn group(&mut self, at: &str, operand: &Json) -> Result<Stage, PipelineError> {
        let Some(members) = operand.as_object() else { return refuse(at, "takes an object") };
        let Some(id) = members.get("_id") else { return refuse(at, "needs `_id`: what rows are grouped by, or null") };
        let id = self.expression(&format!("{at}._id"), id, 1)?;
        let mut rows = vec![id.field("_id")];
        let mut fields = Vec::new();
        for (name, accumulator) in members.iter().filter(|(name, _)| *name != "_id") {
            let at = format!("{at}.{name}");
            self.name(&at, name)?;
            let accumulator = self.accumulator(&at, accumulator)?;
            rows.push(accumulated(name, &accumulator));
            fields.push((name.clone(), accumulator));
        }
        self.schema.rows = Some(rows);
        Ok(Stage::Group(Group { id, fields }))
    }

    fn accumulator(&mut self, at: &str, request: &Json) -> Result<Accumulator, PipelineError> {
        let single = request.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        let Some((operator, of)) = single else { return refuse(at, "takes an object with one accumulator") };
        let Some((_, what)) = Accumulate::ALL.into_iter().find(|(name, _)| name == operator) else {
            let known = Accumulate::ALL.map(|(name, _)| name).join(" ");
            return refuse(&format!("{at}.{operator}"), format!("is no accumulator here; there are {known}"));
        };
        let at = format!("{at}.{operator}");
        if what == Accumulate::Count {
            if of.as_object().is_none_or(|of| !of.is_empty()) {
                return refuse(&at, "takes an empty object");
            }
            return Ok(Accumulator { what, of: Expression::Constant("null".to_owned()) });
        }
        Ok(Accumulator { what, of: self.expression(&at, of, 1)? })
    }

    fn project(&mut self, at: &str, operand: &Json) -> Result<Stage, PipelineError> {
        let members = operand.as_object().filter(|members| !members.is_empty());
        let Some(members) = members else { return refuse(at, "takes an object that names at least one field") };
        let without_id = members.get("_id").is_some_and(|id| flag(id) == Some(false));
        let named: Map<String, Json> = members
            .iter()
            .filter(|(name, _)| *name != "_id" || !without_id)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let tree = tree(at, &named)?;
        let mut kinds = Vec::new();
        leaves(&tree, &mut kinds);
        let drops = kinds.iter().filter(|kind| **kind == Some(false)).count();
        if drops > 0 && drops < kinds.len() {
            return refuse(at, "names either what stays or what goes; only `_id` may go where others stay");
        }
        let keeps_rest = drops == kinds.len();
        let projection = if keeps_rest {
            let mut members = self.dropped(at, &tree, None)?;
            if without_id {
                members.push(Member { name: "_id".to_owned(), what: What::Drop });
            }
            let gone = |name: &str| members.iter().any(|member| member.name == name && member.what == What::Drop);
            let fields = self.schema.fields().into_iter().filter(|field| !gone(&field.name)).collect();
            self.schema.rows = Some(fields);
            Projection { keeps_rest, members }
        } else {
            let (mut members, mut fields) = self.kept(at, &tree, None, 1)?;
            let id: Option<Path> = "_id".parse().ok();
            if !without_id
                && !named.contains_key("_id")
                && let Some(field) = id.and_then(|id| self.schema.field(&id, "_id"))
            {
                members.insert(0, Member { name: "_id".to_owned(), what: What::Keep });
                fields.insert(0, field);
            }
            self.schema.rows = Some(fields);
            Projection { keeps_rest, members }
        };
        Ok(Stage::Project(projection))
    }

    /// Reads what goes.
    fn dropped(&mut self, at: &str, tree: &[Branch], above: Option<&Path>) -> Result<Vec<Member>, PipelineError> {
        let mut members = Vec::with_capacity(tree.len());
        for Branch { name, is } in tree {
            let path = self.below(at, above, name)?;
            let what = match is {
                Is::Leaf(_) => {
                    self.property(at, &path)?;
                    What::Drop
                }
                Is::Inside(inner) => What::Inside(self.dropped(at, inner, Some(&path))?),
            };
            members.push(Member { name: name.clone(), what });
        }
        Ok(members)
    }

    /// Reads what stays, or is computed, and the fields that it makes.
    fn kept(
        &mut self,
        at: &str,
        tree: &[Branch],
        above: Option<&Path>,
        depth: usize,
    ) -> Result<(Vec<Member>, Vec<Field>), PipelineError> {
        if depth > MAX_DEPTH {
            return refuse(at, format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        let (mut members, mut fields) = (Vec::with_capacity(tree.len()), Vec::with_capacity(tree.len()));
        for Branch { name, is } in tree {
            let path = self.below(at, above, name)?;
            let inner_at = format!("{at}.{path}");
            let (what, field) = match is {
                Is::Leaf(leaf) if flag(leaf) == Some(true) => {
                    self.property(at, &path)?;
                    (What::Keep, self.schema.field(&path, name))
                }
                Is::Leaf(leaf) => {
                    let expression = self.expression(&inner_at, leaf, depth)?;
                    let field = expression.field(name);
                    (What::Compute(expression), Some(field))
                }
                Is::Inside(inner) => {
                    let array = self.schema.type_of(&path).is_some_and(|(_, array)| array);
                    let (members, fields) = self.kept(at, inner, Some(&path), depth + 1)?;
                    (What::Inside(members), Some(Field::new(name, FieldKind::Document(fields), array)))
                }
            };
            members.push(Member { name: name.clone(), what });
            fields.extend(field);
        }
        Ok((members, fields))
    }

    fn below(&mut self, at: &str, above: Option<&Path>, name: &str) -> Result<Path, PipelineError> {
        self.name(&format!("{at}.{name}"), name)?;
        let path = match above {
            Some(above) => above.child(name),
            None => name.parse(),
        };
        path.or_else(|error| refuse(at, error.to_string()))
    }

    /// Checks the name of a field that rows are given.
    fn name(&mut self, at: &str, name: &str) -> Result<(), PipelineError> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return refuse(at, format!("is one field too many; a stage names at most {MAX_FIELDS}"));
        }
        let single = name.parse::<Path>().is_ok_and(|path| path.segments().len() == 1);
        if name.starts_with('$') || !single {
            return refuse(at, "is no name of a field: letters, digits, `_` and `-`, no dot, no `$` in front");
        }
        Ok(())
    }

    fn expression(&mut self, at: &str, request: &Json, depth: usize) -> Result<Expression, PipelineError> {
        if depth > MAX_DEPTH {
            return refuse(at, format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        match request {
            Json::String(text) if text.starts_with("$$") => match text.as_str() {
                "$$ROOT" => {
                    let row = Expression::Path { path: None, kind: PropertyType::Document, array: false };
                    Ok(row)
                }
                other => match other.strip_prefix("$$ROOT.") {
                    Some(path) => self.path(at, path),
                    None => refuse(at, format!("the variable `{other}` is not there; there is `$$ROOT`")),
                },
            },
            Json::String(text) => match text.strip_prefix('$') {
                Some(path) => self.path(at, path),
                None => Ok(Expression::Constant(request.to_string())),
            },
            Json::Array(elements) => {
                let read = elements.iter().map(|element| self.expression(at, element, depth + 1));
                Ok(Expression::Array(read.collect::<Result<_, _>>()?))
            }
            Json::Object(members) => self.object(at, members, depth),
            scalar => Ok(Expression::Constant(scalar.to_string())),
        }
    }

    fn path(&mut self, at: &str, text: &str) -> Result<Expression, PipelineError> {
        let Ok(path) = text.parse::<Path>() else { return refuse(at, format!("unknown property `{text}`")) };
        let (kind, array) = self.property(at, &path)?;
        Ok(Expression::Path { path: Some(path), kind, array })
    }

    fn object(&mut self, at: &str, members: &Map<String, Json>, depth: usize) -> Result<Expression, PipelineError> {
        let Some(operator) = members.keys().find(|name| name.starts_with('$')) else {
            let mut read = Vec::with_capacity(members.len());
            for (name, member) in members {
                let at = format!("{at}.{name}");
                self.name(&at, name)?;
                read.push((name.clone(), self.expression(&at, member, depth + 1)?));
            }
            return Ok(Expression::Document(read));
        };
        let at = format!("{at}.{operator}");
        let Some(operand) = members.get(operator).filter(|_| members.len() == 1) else {
            return refuse(&at, "stands beside other members; a function stands alone in its object");
        };
        if operator == "$literal" {
            return Ok(Expression::Constant(operand.to_string()));
        }
        let Some((_, function, least, most)) = Function::ALL.into_iter().find(|(name, ..)| name == operator) else {
            let known = Function::ALL.map(|(name, ..)| name).join(" ");
            return refuse(&at, format!("is no function here; there are $literal {known}"));
        };
        let arguments = match operand {
            Json::Array(arguments) => arguments.as_slice(),
            single => std::slice::from_ref(single),
        };
        if !(least..=most).contains(&arguments.len()) {
            let count = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return refuse(&at, format!("takes {count} arguments"));
        }
        let read = arguments.iter().map(|argument| self.expression(&at, argument, depth + 1));
        Ok(Expression::Call(function, read.collect::<Result<_, _>>()?))
    }
}

/// The field that an accumulator makes.
fn accumulated(name: &str, accumulator: &Accumulator) -> Field {
    match accumulator.what {
        Accumulate::Sum | Accumulate::Average | Accumulate::Count => {
            Field::new(name, FieldKind::Value(PropertyType::Number), false)
        }
        Accumulate::Least | Accumulate::Greatest | Accumulate::First | Accumulate::Last => accumulator.of.field(name),
        Accumulate::Push | Accumulate::AddToSet => {
            let element = accumulator.of.field(name);
            if element.array {
                // Arrays in an array.
                return Field::new(name, FieldKind::Value(PropertyType::Any), true);
            }
            Field::new(name, element.kind, true)
        }
    }
}

/// What `1`, `0`, `true` and `false` mean in a `$project`; `None` for what is computed.
fn flag(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(flag) => Some(*flag),
        Json::Number(number) => Some(number.as_f64() != Some(0.0)),
        _ => None,
    }
}

/// What a `$project` names, dots and nested objects as one tree.
struct Branch {
    name: String,
    is: Is,
}

enum Is {
    Leaf(Json),
    Inside(Vec<Branch>),
}

fn tree(at: &str, members: &Map<String, Json>) -> Result<Vec<Branch>, PipelineError> {
    let mut branches = Vec::new();
    for (key, value) in members {
        let segments: Vec<&str> = key.split('.').collect();
        if segments.len() > MAX_DEPTH {
            return refuse(&format!("{at}.{key}"), format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        plant(&format!("{at}.{key}"), &mut branches, &segments, value)?;
    }
    Ok(branches)
}

fn plant(at: &str, branches: &mut Vec<Branch>, segments: &[&str], value: &Json) -> Result<(), PipelineError> {
    let Some((name, rest)) = segments.split_first() else { return Ok(()) };
    let named = branches.iter_mut().find(|branch| branch.name == *name);
    let nested = value.as_object().filter(|members| !members.keys().any(|name| name.starts_with('$')));
    if !rest.is_empty() {
        return match named {
            Some(Branch { is: Is::Inside(inner), .. }) => plant(at, inner, rest, value),
            Some(_) => refuse(at, "is named twice, as a whole and in part"),
            None => {
                let mut inner = Vec::new();
                plant(at, &mut inner, rest, value)?;
                branches.push(Branch { name: (*name).to_owned(), is: Is::Inside(inner) });
                Ok(())
            }
        };
    }
    if named.is_some() {
        return refuse(at, "is named twice, as a whole and in part");
    }
    let is = match nested {
        Some(members) if members.is_empty() => return refuse(at, "names no field"),
        Some(members) => Is::Inside(tree(at, members)?),
        None => Is::Leaf(value.clone()),
    };
    branches.push(Branch { name: (*name).to_owned(), is });
    Ok(())
}

fn leaves(tree: &[Branch], flags: &mut Vec<Option<bool>>) {
    for Branch { is, .. } in tree {
        match is {
            Is::Leaf(value) => flags.push(flag(value)),
            Is::Inside(inner) => leaves(inner, flags),
        }
    }
}
