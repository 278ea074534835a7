//! What a collection's definition says of access, and what somebody sees of its records by that.

use super::{ACCESS_LIST, AccessEntry, AccessLevel, RecordAccess, Viewer, effective_level};
use crate::{Collection, Property, PropertyKind, Source};
use serde::{Deserialize, Serialize};
use waybill_record::{Document, Kind, Path, Seen, Sight, Value};

/// Levels at which something of a record can be seen, from the lowest.
const SEEING: [AccessLevel; 4] = [AccessLevel::Read, AccessLevel::Share, AccessLevel::Update, AccessLevel::Delete];

/// What a definition says of who may see what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRules {
    /// Its entries, which hold for every record.
    pub entries: Vec<AccessEntry>,
    /// Whether records have an owner and entries of their own; items of a table of the platform have not.
    pub by_record: bool,
    /// Properties for which reading the record is not enough.
    pub guarded: Vec<GuardedProperty>,
}

/// A property that takes a higher level than its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardedProperty {
    /// The property, through documents.
    pub path: Path,
    /// The level that it takes.
    pub level: AccessLevel,
}

impl AccessRules {
    /// What the definition of `collection` says.
    pub fn of(collection: &Collection) -> Self {
        let mut guarded = Vec::new();
        guards(&collection.properties, None, &mut guarded);
        Self {
            entries: collection.access.clone(),
            by_record: !matches!(collection.source, Source::Dynamodb(_)),
            guarded,
        }
    }

    /// What `viewer` sees of the records.
    pub fn sight(&self, viewer: &Viewer) -> RecordSight {
        let floor = effective_level(viewer, &self.entries, &RecordAccess::default());
        let hidden = SEEING.map(|level| {
            let above = self.guarded.iter().filter(|guarded| guarded.level > level);
            above.fold(Vec::new(), |mut hidden, guarded| {
                hide(&mut hidden, guarded.path.segments());
                hidden
            })
        });
        RecordSight { account: viewer.account.to_string(), viewer: viewer.clone(), rules: self.clone(), floor, hidden }
    }
}

fn guards(properties: &[Property], parent: Option<&Path>, found: &mut Vec<GuardedProperty>) {
    for property in properties {
        let path = parent.map_or_else(|| property.name.parse(), |parent| parent.child(&property.name));
        // Definitions are checked: every name makes a path.
        let Ok(path) = path else { continue };
        if property.read_access > AccessLevel::Read {
            found.push(GuardedProperty { path: path.clone(), level: property.read_access });
        }
        if let PropertyKind::Document { properties } = &property.kind {
            guards(properties, Some(&path), found);
        }
    }
}

/// Somebody's view of the records of a collection.
#[derive(Clone, Debug)]
pub struct RecordSight {
    /// The viewer's account, as records write it.
    account: String,
    viewer: Viewer,
    rules: AccessRules,
    /// The level that every record gives.
    floor: Option<AccessLevel>,
    /// What is left out at each level of [`SEEING`].
    hidden: [Vec<Hidden>; 4],
}

/// A member that is left out, whole or in parts.
#[derive(Clone, Debug)]
struct Hidden {
    name: String,
    /// What is left out of it; nothing = it is left out itself.
    inside: Vec<Hidden>,
}

fn hide(hidden: &mut Vec<Hidden>, path: &[String]) {
    let Some((name, rest)) = path.split_first() else { return };
    let known = hidden.iter_mut().find(|member| member.name == *name);
    match known {
        Some(member) if rest.is_empty() => member.inside.clear(),
        // Left out whole already.
        Some(member) if member.inside.is_empty() => {}
        Some(member) => hide(&mut member.inside, rest),
        None => {
            let mut inside = Vec::new();
            hide(&mut inside, rest);
            hidden.push(Hidden { name: name.clone(), inside });
        }
    }
}

impl RecordSight {
    /// Whether every record is seen whole, so that none needs to be looked at.
    pub fn sees_everything(&self) -> bool {
        self.floor.is_some_and(|floor| floor >= AccessLevel::Read && self.hidden_at(floor).is_some_and(<[_]>::is_empty))
    }

    /// The viewer's level on a record, in the form in which it is stored; `None` = none at all.
    pub fn level(&self, record: &Document<'_>) -> Option<AccessLevel> {
        if !self.rules.by_record || self.floor >= Some(AccessLevel::Delete) {
            return self.floor;
        }
        let (mut is_self, mut is_owner, mut list) = (false, false, None);
        for (key, value) in record.root().members() {
            if key.key_is("_id") {
                is_self = self.is_account(value);
            } else if key.key_is("owner") {
                is_owner = self.is_account(value);
            } else if key.key_is(ACCESS_LIST) {
                list = Some(value);
            }
        }
        // Entries only ever grant, so a list that does not parse grants nothing.
        let entries: Vec<AccessEntry> =
            list.and_then(|list| serde_json::from_slice(list.source()).ok()).unwrap_or_default();
        if !is_self && !is_owner && entries.is_empty() {
            return self.floor;
        }
        effective_level(&self.viewer, &self.rules.entries, &RecordAccess { is_self, is_owner, entries: &entries })
    }

    /// Whether the property at `path` is left out for a viewer with `level` on its record.
    pub fn hides(&self, path: &Path, level: AccessLevel) -> bool {
        let Some(mut hidden) = self.hidden_at(level) else { return true };
        for segment in path.segments() {
            match hidden.iter().find(|member| member.name == *segment) {
                Some(member) if member.inside.is_empty() => return true,
                Some(member) => hidden = &member.inside,
                None => return false,
            }
        }
        false
    }

    fn is_account(&self, value: Value<'_>) -> bool {
        // A reference may be written as an object.
        let id = if value.kind() == Kind::Object { value.get("_id") } else { Some(value) };
        id.and_then(|id| id.text()).is_some_and(|text| text.decoded().eq_ignore_ascii_case(&self.account))
    }

    fn hidden_at(&self, level: AccessLevel) -> Option<&[Hidden]> {
        let found = SEEING.iter().zip(&self.hidden).rfind(|(seeing, _)| **seeing <= level);
        found.map(|(_, hidden)| hidden.as_slice())
    }
}

impl Sight for RecordSight {
    fn of(&self, record: &Document<'_>, out: &mut Vec<u8>) -> Seen {
        match self.level(record).and_then(|level| self.hidden_at(level)) {
            None => Seen::Nothing,
            Some([]) => Seen::Whole,
            Some(hidden) => {
                write_without(record.root(), hidden, out);
                Seen::Part
            }
        }
    }
}

/// Writes a value without what is hidden in it; through arrays, in each element.
fn write_without(value: Value<'_>, hidden: &[Hidden], out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Object => {
            out.push(b'{');
            let mut first = true;
            for (key, value) in value.members() {
                let member = hidden.iter().find(|member| key.key_is(&member.name));
                if member.is_some_and(|member| member.inside.is_empty()) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(key.source());
                out.push(b':');
                match member {
                    Some(member) => write_without(value, &member.inside, out),
                    None => out.extend_from_slice(value.source()),
                }
            }
            out.push(b'}');
        }
        Kind::Array => {
            out.push(b'[');
            for (position, element) in value.elements().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_without(element, hidden, out);
            }
            out.push(b']');
        }
        _ => out.extend_from_slice(value.source()),
    }
}
