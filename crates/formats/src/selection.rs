//! Which parts of a record go out, and in which order.

use crate::keys::KeyTable;
use waybill_record::Path;

/// An ordered choice of paths, compiled; what goes out may be called otherwise than in the record.
///
/// Equal paths count once. As a table each path is a column; as a document the paths keep the record's nesting, paths
/// with a common beginning share it, and keys come in the order in which the paths name them first.
#[derive(Clone, Debug)]
pub struct Selection {
    columns: Vec<Path>,
    /// What the columns are called; empty = as their paths.
    names: Vec<String>,
    root: Branch,
}

/// One level of the choice.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) twigs: Vec<Twig>,
    pub(crate) keys: KeyTable,
}

/// One property on a level of the choice.
#[derive(Clone, Debug)]
pub(crate) struct Twig {
    /// The property's name in the record.
    pub(crate) name: String,
    /// What it is called where it goes out.
    pub(crate) label: String,
    /// That as a JSON key, quotes and colon included.
    pub(crate) json_key: Vec<u8>,
    /// The column that wants exactly this property.
    pub(crate) column: Option<usize>,
    /// The columns that want something inside.
    pub(crate) inner_columns: Vec<usize>,
    /// What is wanted inside.
    pub(crate) inside: Option<Branch>,
    /// Where it is a reference that goes out as itself, though it was replaced by the record that it leads to: the collection of that.
    pub(crate) link: Option<String>,
}

impl Branch {
    fn new(twigs: Vec<Twig>) -> Self {
        let keys = KeyTable::new(twigs.iter().map(|twig| twig.name.as_str()));
        Self { twigs, keys }
    }

    /// The same without the id of what it is a level of.
    pub(crate) fn beside_id(&self) -> Self {
        Self::new(self.twigs.iter().filter(|twig| twig.name != ID).cloned().collect())
    }
}

impl Twig {
    /// The parts that are wanted of it, `None` where all of it is.
    pub(crate) fn within(&self) -> Option<&Branch> {
        self.inside.as_ref().filter(|_| self.column.is_none())
    }
}

/// Why paths make no selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// There are none.
    #[error("a selection needs at least one path")]
    Empty,
    /// There are too many.
    #[error("a selection has at most {MAX_COLUMNS} paths")]
    TooMany,
    /// Names that do not belong to the paths.
    #[error("each path has one name, of as many segments")]
    Names,
}

/// What the id of a record is called in it.
const ID: &str = "_id";
/// Most columns of one selection.
const MAX_COLUMNS: usize = 16_000;

impl Selection {
    /// Compiles an ordered choice of paths, which are called what they are.
    ///
    /// # Errors
    /// No path, or more than 16 000.
    pub fn compile(paths: &[Path]) -> Result<Self, SelectionError> {
        Self::compile_named(paths, &[])
    }

    /// Compiles an ordered choice of paths. The name of each is the header of its column, and its segments, with slashes or dots
    /// between, are what is around it in a document; without names the paths are called what they are.
    ///
    /// # Errors
    /// No path, or more than 16 000; names of which there are not as many, or that have not as many segments.
    pub fn compile_named(paths: &[Path], names: &[String]) -> Result<Self, SelectionError> {
        if !names.is_empty() && names.len() != paths.len() {
            return Err(SelectionError::Names);
        }
        let mut columns: Vec<Path> = Vec::new();
        let mut called: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (position, path) in paths.iter().enumerate() {
            if seen.insert(path) {
                columns.push(path.clone());
                called.extend(names.get(position).cloned());
            }
        }
        if columns.is_empty() {
            return Err(SelectionError::Empty);
        }
        if columns.len() > MAX_COLUMNS {
            return Err(SelectionError::TooMany);
        }
        let labels: Vec<Vec<&str>> = called.iter().map(|name| name.split(['/', '.']).collect()).collect();
        if labels.iter().zip(&columns).any(|(labels, path)| labels.len() != path.segments().len()) {
            return Err(SelectionError::Names);
        }
        let all: Vec<usize> = (0..columns.len()).collect();
        let root = branch(&columns, &labels, &all, 0);
        Ok(Self { columns, names: called, root })
    }

    /// The same with references that go out as themselves, though each was replaced by a record of the collection beside it, since
    /// something else of that goes out, too: the `_id` in it is theirs. Where there are names, a table calls that column as the reference.
    #[must_use]
    pub fn linking(mut self, links: &[(Path, String)]) -> Self {
        for (path, collection) in links {
            let of_id = |column: &Path| {
                column.segments().split_last().is_some_and(|(last, above)| last == ID && above == path.segments())
            };
            if let Some(name) = self.columns.iter().position(of_id).and_then(|column| self.names.get_mut(column)) {
                name.truncate(name.rfind(['/', '.']).unwrap_or(name.len()));
            }
            if let Some(twig) = twig_mut(&mut self.root, path.segments()) {
                twig.link = Some(collection.clone());
            }
        }
        self
    }

    /// The paths, each once, in order: the columns of a table.
    pub fn columns(&self) -> &[Path] {
        &self.columns
    }

    /// What each column is called; none where they are called as their paths.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn root(&self) -> &Branch {
        &self.root
    }
}

/// Compiles the level `depth` of those columns that share everything above it; where they have labels, what the first one to name a
/// property calls it holds.
fn branch(columns: &[Path], labels: &[Vec<&str>], members: &[usize], depth: usize) -> Branch {
    let mut twigs: Vec<Twig> = Vec::new();
    let mut by_name = std::collections::HashMap::new();
    for &column in members {
        let segments = columns[column].segments();
        let name = segments[depth].as_str();
        let position = *by_name.entry(name).or_insert_with(|| {
            let label = labels.get(column).map_or(name, |labels| labels[depth]);
            twigs.push(Twig {
                name: name.to_owned(),
                label: label.to_owned(),
                json_key: json_key(label),
                column: None,
                inner_columns: Vec::new(),
                inside: None,
                link: None,
            });
            twigs.len() - 1
        });
        if segments.len() == depth + 1 {
            twigs[position].column = Some(column);
        } else {
            twigs[position].inner_columns.push(column);
        }
    }
    for twig in &mut twigs {
        if !twig.inner_columns.is_empty() {
            twig.inside = Some(branch(columns, labels, &twig.inner_columns, depth + 1));
        }
    }
    Branch::new(twigs)
}

fn twig_mut<'a>(branch: &'a mut Branch, segments: &[String]) -> Option<&'a mut Twig> {
    let (first, rest) = segments.split_first()?;
    let twig = branch.twigs.iter_mut().find(|twig| twig.name == *first)?;
    if rest.is_empty() { Some(twig) } else { twig_mut(twig.inside.as_mut()?, rest) }
}

/// The names of a path, and labels, hold no character that JSON escapes.
fn json_key(name: &str) -> Vec<u8> {
    format!("\"{name}\":").into_bytes()
}
