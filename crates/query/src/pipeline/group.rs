//! `$group`: rows gathered by a value, in memory.

use super::evaluation::PipelineFault;
use super::expression::{Expression, ObjectWriter, is_number};
use crate::sum::Sum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use waybill_record::{Tape, Value};

/// What a group is taken to need besides its texts, in bytes.
const GROUP_BYTES: usize = 160;
/// What an accumulator, or an element of a set, is taken to need besides its texts.
const PART_BYTES: usize = 96;

/// How rows are gathered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What rows of one group have in common.
    pub id: Expression,
    /// What is told of each group, in order.
    pub fields: Vec<(String, Accumulator)>,
}

/// Something told of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulator {
    /// What.
    pub what: Accumulate,
    /// Of which values.
    pub of: Expression,
}

/// What is told of a group's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Accumulate {
    /// The sum of those that are numbers, exact.
    Sum,
    /// Their average, to 34 digits; `null` of none.
    Average,
    /// The least that is there and not `null`; `null` of none.
    Least,
    /// The greatest.
    Greatest,
    /// That of the first row; `null` where it has none.
    First,
    /// That of the last row; `null` where it has none.
    Last,
    /// All that are there, in the order of the rows.
    Push,
    /// All that are there, equal ones once, in their order.
    AddToSet,
    /// How many rows there are.
    Count,
}

impl Accumulate {
    /// All, by their operators.
    pub(super) const ALL: [(&'static str, Self); 9] = [
        ("$sum", Self::Sum),
        ("$avg", Self::Average),
        ("$min", Self::Least),
        ("$max", Self::Greatest),
        ("$first", Self::First),
        ("$last", Self::Last),
        ("$push", Self::Push),
        ("$addToSet", Self::AddToSet),
        ("$count", Self::Count),
    ];
}

/// The groups so far, by the keys of their ids.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Vec<u8>, Gathered>);

/// A group so far.
#[derive(Debug)]
struct Gathered {
    id: String,
    states: Vec<State>,
}

#[derive(Debug)]
enum State {
    Sum(Sum),
    Average(Sum, u64),
    /// Key and value.
    Extreme(Option<(Vec<u8>, String)>),
    /// The value of one row; `None` = there was no row.
    One(Option<String>),
    /// Elements with commas between them.
    All(String),
    Set(BTreeMap<Vec<u8>, String>),
    Count(u64),
}

/// A group as it is kept in a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedGroup {
    id: String,
    states: Vec<SavedState>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SavedState {
    Sum(String),
    Average(String, u64),
    Extreme(Option<String>),
    One(Option<String>),
    All(String),
    Set(Vec<String>),
    Count(u64),
}

/// Memory for reading values that were computed.
#[derive(Debug, Default)]
pub(super) struct Reader {
    tape: Tape,
    wrapped: Vec<u8>,
}

impl Reader {
    /// The key of a value that the expression has given.
    fn key(&mut self, expression: &Expression, json: &str) -> Result<Vec<u8>, PipelineFault> {
        self.wrapped.clear();
        self.wrapped.extend_from_slice(b"{\"v\":");
        self.wrapped.extend_from_slice(json.as_bytes());
        self.wrapped.push(b'}');
        let mut key = Vec::new();
        let scanned = self.tape.scan(&self.wrapped)?;
        expression.write_key(scanned.root().get("v"), &mut key);
        Ok(key)
    }
}

impl Accumulate {
    fn begin(self) -> State {
        match self {
            Self::Sum => State::Sum(Sum::default()),
            Self::Average => State::Average(Sum::default(), 0),
            Self::Least | Self::Greatest => State::Extreme(None),
            Self::First | Self::Last => State::One(None),
            Self::Push => State::All(String::new()),
            Self::AddToSet => State::Set(BTreeMap::new()),
            Self::Count => State::Count(0),
        }
    }
}

impl Groups {
    /// Adds a row; gives how many more bytes are held, less where it is negative.
    pub(super) fn add(&mut self, group: &Group, row: Value<'_>, reader: &mut Reader) -> Result<isize, PipelineFault> {
        let id = computed(&group.id, row)?.unwrap_or_else(|| "null".to_owned());
        let key = reader.key(&group.id, &id)?;
        let mut grown = 0;
        if !self.0.contains_key(&key) {
            grown += signed(GROUP_BYTES + key.len() + id.len() + PART_BYTES * group.fields.len());
            let states = group.fields.iter().map(|(_, accumulator)| accumulator.what.begin()).collect();
            self.0.insert(key.clone(), Gathered { id, states });
        }
        let Some(gathered) = self.0.get_mut(&key) else { return Ok(grown) };
        for ((_, accumulator), state) in group.fields.iter().zip(&mut gathered.states) {
            grown += state.add(accumulator, row, reader)?;
        }
        Ok(grown)
    }

    /// Takes the first group out, as a row.
    pub(super) fn take_first(&mut self, group: &Group) -> Option<String> {
        let (_, gathered) = self.0.pop_first()?;
        let mut out = Vec::new();
        let mut object = ObjectWriter::begin(&mut out);
        object.member("_id", |out| {
            out.extend_from_slice(gathered.id.as_bytes());
            true
        });
        for ((name, _), state) in group.fields.iter().zip(gathered.states) {
            object.member(name, |out| {
                out.extend_from_slice(state.result().as_bytes());
                true
            });
        }
        object.end();
        String::from_utf8(out).ok()
    }

    pub(super) fn save(&self) -> Vec<SavedGroup> {
        let saved = self.0.values();
        saved
            .map(|group| SavedGroup { id: group.id.clone(), states: group.states.iter().map(State::save).collect() })
            .collect()
    }

    /// Takes up saved groups; gives how many bytes they hold, too.
    pub(super) fn resume(
        group: &Group,
        saved: Vec<SavedGroup>,
        reader: &mut Reader,
    ) -> Result<(Self, usize), PipelineFault> {
        let (mut groups, mut held) = (Self::default(), 0);
        for SavedGroup { id, states } in saved {
            let key = reader.key(&group.id, &id)?;
            held += GROUP_BYTES + key.len() + id.len() + PART_BYTES * group.fields.len();
            let states = group.fields.iter().zip(states).map(|((_, accumulator), state)| {
                let state = state.resume(accumulator, reader)?;
                held += state.held();
                Ok(state)
            });
            let states = states.collect::<Result<Vec<State>, PipelineFault>>()?;
            groups.0.insert(key, Gathered { id, states });
        }
        Ok((groups, held))
    }
}

/// What an expression gives of a row, as JSON.
fn computed(expression: &Expression, row: Value<'_>) -> Result<Option<String>, PipelineFault> {
    let mut out = Vec::new();
    if !expression.write(row, &mut out) {
        return Ok(None);
    }
    String::from_utf8(out).map(Some).map_err(|_| PipelineFault::Broken)
}

fn signed(length: usize) -> isize {
    isize::try_from(length).unwrap_or(isize::MAX)
}

impl State {
    fn add(&mut self, accumulator: &Accumulator, row: Value<'_>, reader: &mut Reader) -> Result<isize, PipelineFault> {
        if let Self::Count(count) = self {
            *count += 1;
            return Ok(0);
        }
        let value = computed(&accumulator.of, row)?;
        let before = if matches!(self, Self::Extreme(_) | Self::One(_)) { self.held() } else { 0 };
        match (&mut *self, value) {
            (Self::Sum(sum), Some(value)) if is_number(&value) => sum.add(&value, false)?,
            (Self::Average(sum, count), Some(value)) if is_number(&value) => {
                sum.add(&value, false)?;
                *count += 1;
            }
            (Self::Extreme(extreme), Some(value)) if value != "null" => {
                let key = reader.key(&accumulator.of, &value)?;
                let better = extreme.as_ref().is_none_or(|(held, _)| match accumulator.what {
                    Accumulate::Greatest => key > *held,
                    _ => key < *held,
                });
                if better {
                    *extreme = Some((key, value));
                }
            }
            (Self::One(one), value) => {
                if one.is_none() || accumulator.what == Accumulate::Last {
                    *one = Some(value.unwrap_or_else(|| "null".to_owned()));
                }
            }
            (Self::All(all), Some(value)) => {
                if !all.is_empty() {
                    all.push(',');
                }
                all.push_str(&value);
                return Ok(signed(value.len() + 1));
            }
            (Self::Set(set), Some(value)) => {
                let key = reader.key(&accumulator.of, &value)?;
                return Ok(match set.entry(key) {
                    Entry::Occupied(_) => 0,
                    Entry::Vacant(free) => {
                        let grown = PART_BYTES + free.key().len() + value.len();
                        free.insert(value);
                        signed(grown)
                    }
                });
            }
            _ => return Ok(0),
        }
        let after = if matches!(self, Self::Extreme(_) | Self::One(_)) { self.held() } else { 0 };
        Ok(signed(after) - signed(before))
    }

    /// Bytes of its texts. Not to be asked for every row of the long ones: they tell what they grow by.
    fn held(&self) -> usize {
        match self {
            Self::Sum(_) | Self::Average(..) | Self::Count(_) => 0,
            Self::Extreme(extreme) => extreme.as_ref().map_or(0, |(key, value)| key.len() + value.len()),
            Self::One(one) => one.as_ref().map_or(0, String::len),
            Self::All(all) => all.len(),
            Self::Set(set) => set.iter().map(|(key, value)| PART_BYTES + key.len() + value.len()).sum(),
        }
    }

    fn result(self) -> String {
        let null = || "null".to_owned();
        match self {
            Self::Sum(sum) => sum.text(),
            Self::Average(_, 0) => null(),
            Self::Average(sum, count) => sum.divided_by(count),
            Self::Extreme(extreme) => extreme.map_or_else(null, |(_, value)| value),
            Self::One(one) => one.unwrap_or_else(null),
            Self::All(all) => format!("[{all}]"),
            Self::Set(set) => format!("[{}]", set.into_values().collect::<Vec<_>>().join(",")),
            Self::Count(count) => count.to_string(),
        }
    }

    fn save(&self) -> SavedState {
        match self {
            Self::Sum(sum) => SavedState::Sum(sum.text()),
            Self::Average(sum, count) => SavedState::Average(sum.text(), *count),
            Self::Extreme(extreme) => SavedState::Extreme(extreme.as_ref().map(|(_, value)| value.clone())),
            Self::One(one) => SavedState::One(one.clone()),
            Self::All(all) => SavedState::All(all.clone()),
            Self::Set(set) => SavedState::Set(set.values().cloned().collect()),
            Self::Count(count) => SavedState::Count(*count),
        }
    }
}

impl SavedState {
    fn resume(self, accumulator: &Accumulator, reader: &mut Reader) -> Result<State, PipelineFault> {
        let sum = |text: &str| {
            let mut sum = Sum::default();
            sum.add(text, false)?;
            Ok::<_, PipelineFault>(sum)
        };
        Ok(match self {
            Self::Sum(text) => State::Sum(sum(&text)?),
            Self::Average(text, count) => State::Average(sum(&text)?, count),
            Self::Extreme(None) => State::Extreme(None),
            Self::Extreme(Some(value)) => State::Extreme(Some((reader.key(&accumulator.of, &value)?, value))),
            Self::One(one) => State::One(one),
            Self::All(all) => State::All(all),
            Self::Set(values) => {
                let mut set = BTreeMap::new();
                for value in values {
                    set.insert(reader.key(&accumulator.of, &value)?, value);
                }
                State::Set(set)
            }
            Self::Count(count) => State::Count(count),
        })
    }
}
