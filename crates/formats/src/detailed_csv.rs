//! A record's selected parts as lines of RFC 4180, one for each item of its declared arrays.
//!
//! A line holds the cells of one item and repeats those of everything around it. Arrays beside each other take turns:
//! an item stands on exactly one line (items that hold arrays of their own: on the lines of those items), so a record
//! has as many lines as innermost items, or one if there are none. An empty array counts as none, `null` too.
//! Structure that the definition does not declare is one JSON cell.

use crate::csv::{Slot, write_line};
use crate::encoder::{EncodeError, Scratch};
use crate::keys::KeyTable;
use crate::selection::{Branch, Selection};
use crate::shape::PropertyShape;
use waybill_record::{Document, Kind, Path, Value};

/// Most bytes that the lines of one record may take: what is around an item is repeated for each.
const MAX_RECORD_BYTES: usize = 32 << 20;

/// A selection, compiled with the arrays that the definition declares.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    root: Level,
    arrays: Vec<Items>,
}

/// The properties of an object.
#[derive(Clone, Debug)]
struct Level {
    /// How many segments of a path lead to one of the properties.
    depth: usize,
    keys: KeyTable,
    members: Vec<Member>,
    /// The arrays among them and in objects inside, but not those in arrays.
    arrays: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Member {
    /// A declared array, by its position in [`Detail::arrays`].
    Array(usize),
    /// Anything else.
    One {
        column: Option<usize>,
        /// The columns that want something inside.
        inner_columns: Vec<usize>,
        inside: Option<Level>,
    },
}

/// A declared array.
#[derive(Clone, Debug)]
struct Items {
    /// How many segments of a path lead to it.
    depth: usize,
    /// The column that wants its items as they are.
    column: Option<usize>,
    /// The columns that want something inside its items.
    inner_columns: Vec<usize>,
    inside: Option<Level>,
}

/// The lines of one record under way.
struct Lines<'a, 'r> {
    detail: &'a Detail,
    columns: &'a [Path],
    raw_cells: bool,
    record: &'a Document<'r>,
    scratch: &'a mut Scratch,
    /// Where the record's lines must have ended.
    limit: usize,
    out: &'a mut Vec<u8>,
}

impl Detail {
    /// Compiles a selection for records of these properties.
    pub(crate) fn compile(selection: &Selection, properties: &[PropertyShape]) -> Self {
        let mut arrays = Vec::new();
        let root = level(selection.root(), properties, 1, &mut arrays);
        Self { root, arrays }
    }

    /// Appends the lines of one record.
    pub(crate) fn write(
        &self,
        record: &Document<'_>,
        selection: &Selection,
        raw_cells: bool,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let columns = selection.columns();
        scratch.slots.clear();
        scratch.slots.resize(columns.len(), Slot::Missing);
        scratch.found.clear();
        scratch.found.resize(self.arrays.len(), None);
        let limit = out.len().saturating_add(MAX_RECORD_BYTES);
        Lines { detail: self, columns, raw_cells, record, scratch, limit, out }.write_object(&self.root, record.root())
    }
}

fn level(branch: &Branch, properties: &[PropertyShape], depth: usize, arrays: &mut Vec<Items>) -> Level {
    let mut own = Vec::new();
    let mut members = Vec::new();
    for twig in &branch.twigs {
        let property = properties.iter().find(|property| property.name == twig.name);
        let inner = property.map_or(&[][..], |property| property.holds.properties());
        let inside = twig.inside.as_ref().map(|branch| level(branch, inner, depth + 1, arrays));
        let (column, inner_columns) = (twig.column, twig.inner_columns.clone());
        if property.is_some_and(|property| property.array) {
            own.push(arrays.len());
            members.push(Member::Array(arrays.len()));
            arrays.push(Items { depth, column, inner_columns, inside });
        } else {
            own.extend(inside.iter().flat_map(|inside| inside.arrays.iter().copied()));
            members.push(Member::One { column, inner_columns, inside });
        }
    }
    let keys = KeyTable::new(branch.twigs.iter().map(|twig| twig.name.as_str()));
    Level { depth, keys, members, arrays: own }
}

impl Lines<'_, '_> {
    /// Writes the lines of an object whose cells, and those of everything in it, are empty yet.
    fn write_object(&mut self, level: &Level, object: Value<'_>) -> Result<(), EncodeError> {
        for &array in &level.arrays {
            self.scratch.found[array] = None;
        }
        self.fill(level, object);
        let detail = self.detail;
        let mut alone = true;
        for &array in &level.arrays {
            let Some(handle) = self.scratch.found[array] else { continue };
            let (items, value) = (&detail.arrays[array], self.record.value(handle));
            match value.kind() {
                Kind::Null => {}
                Kind::Array => {
                    for item in value.elements() {
                        alone = false;
                        self.write_item(items, item)?;
                    }
                }
                // Declared an array, but none: its own only item.
                _ => {
                    alone = false;
                    self.write_item(items, value)?;
                }
            }
            self.set(items, Slot::Missing);
        }
        if alone { self.write_line() } else { Ok(()) }
    }

    fn write_item(&mut self, items: &Items, item: Value<'_>) -> Result<(), EncodeError> {
        let inner = if item.kind() == Kind::Array { Slot::Gather(item.handle(), items.depth) } else { Slot::Missing };
        self.set(items, inner);
        if let Some(column) = items.column {
            self.scratch.slots[column] = Slot::Value(item.handle());
        }
        match &items.inside {
            Some(inside) if item.kind() == Kind::Object => self.write_object(inside, item),
            _ => self.write_line(),
        }
    }

    /// Empties the cells of an array's items, or gives them one slot.
    fn set(&mut self, items: &Items, slot: Slot) {
        if let Some(column) = items.column {
            self.scratch.slots[column] = Slot::Missing;
        }
        for &column in &items.inner_columns {
            self.scratch.slots[column] = slot;
        }
    }

    /// Fills the cells of an object, and remembers where its arrays lie.
    fn fill(&mut self, level: &Level, object: Value<'_>) {
        for (key, value) in object.members() {
            let Some(position) = level.keys.find(key) else { continue };
            let (column, inner_columns, inside) = match &level.members[position] {
                Member::Array(array) => {
                    self.scratch.found[*array] = Some(value.handle());
                    continue;
                }
                Member::One { column, inner_columns, inside } => (column, inner_columns, inside),
            };
            if let Some(column) = column {
                self.scratch.slots[*column] = Slot::Value(value.handle());
            }
            let Some(inside) = inside else { continue };
            // A key may come twice; what the first one held must not shine through.
            let gathers = value.kind() == Kind::Array;
            let slot = if gathers { Slot::Gather(value.handle(), level.depth) } else { Slot::Missing };
            for &column in inner_columns {
                self.scratch.slots[column] = slot;
            }
            for &array in &inside.arrays {
                self.scratch.found[array] = None;
            }
            if value.kind() == Kind::Object {
                self.fill(inside, value);
            }
        }
    }

    fn write_line(&mut self) -> Result<(), EncodeError> {
        write_line(self.record, self.columns, self.raw_cells, self.scratch, self.out);
        if self.out.len() > self.limit { Err(EncodeError::TooManyLines) } else { Ok(()) }
    }
}
