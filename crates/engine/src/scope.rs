//! Records with one value for each property that is scoped by dimensions, and variants with what they inherit.
//!
//! A scoped value is `[{"scope":{},"value":…},{"scope":{"dim-language":"seg-da"},"value":…}]`. Of the entries whose scope lies within the
//! segments that count, the one that matches most dimensions is taken, `{}` last; without one the property has no value. A
//! variant's `_parent` is the record that it is a variant of, and so on up: what it has no value for is the nearest one's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use waybill_record::{Document, Kind, Seen, Sight, Value};

const PARENT: &str = "_parent";
const CATALOGS: &str = "_catalogs";

/// A property that is not taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedProperty {
    /// Its name.
    pub name: String,
    /// Whether its values are scoped.
    pub dimensional: bool,
    /// Whether a variant takes it from its parent where it has none.
    pub inheritable: bool,
}

/// What is taken of every record.
#[derive(Clone, Debug)]
pub struct Scope {
    properties: Vec<ScopedProperty>,
    by_name: HashMap<String, usize>,
    asked: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
    variants: bool,
    catalog: Option<String>,
}

impl Scope {
    /// Compiles it: segments that were asked for and those that count for other dimensions, whether variants come along, and
    /// the catalog that records must be in.
    pub fn compile(
        properties: Vec<ScopedProperty>,
        (asked, defaults): (BTreeMap<String, String>, BTreeMap<String, String>),
        variants: bool,
        catalog: Option<String>,
    ) -> Self {
        let names = properties.iter().enumerate().map(|(place, property)| (property.name.clone(), place));
        Self { by_name: names.collect(), properties, asked, defaults, variants, catalog }
    }

    /// The value of a property as it is stored; `None` where it has none.
    fn value<'a>(&self, property: &ScopedProperty, stored: Value<'a>) -> Option<Value<'a>> {
        let value = if property.dimensional && stored.kind() == Kind::Array { self.choose(stored)? } else { stored };
        (!value.is_null()).then_some(value)
    }

    fn choose<'a>(&self, entries: Value<'a>) -> Option<Value<'a>> {
        let rated = entries.elements().enumerate().filter_map(|(place, entry)| {
            let (matched, asked) = self.rate(entry.get("scope"))?;
            Some(((matched, asked, Reverse(place)), entry.get("value")?))
        });
        rated.max_by_key(|(rate, _)| *rate).map(|(_, value)| value)
    }

    /// How many dimensions a scope matches, and how many of them by name; `None` when it lies outside.
    fn rate(&self, scope: Option<Value<'_>>) -> Option<(usize, usize)> {
        let Some(scope) = scope.filter(|scope| !scope.is_null()) else { return Some((0, 0)) };
        let (mut matched, mut named) = (0, 0);
        for (key, segment) in scope.members() {
            let (dimension, segment) = (key.text()?.decoded(), segment.text()?.decoded());
            let asked = self.asked.get(&*dimension);
            if **asked.or_else(|| self.defaults.get(&*dimension))? != *segment {
                return None;
            }
            matched += 1;
            named += usize::from(asked.is_some());
        }
        Some((matched, named))
    }

    /// The value of a property of the nearest record above.
    fn inherited<'a>(&self, property: &ScopedProperty, mut parent: Option<Value<'a>>) -> Option<Value<'a>> {
        while let Some(record) = parent.filter(|record| record.kind() == Kind::Object) {
            if let Some(value) = record.get(&property.name).and_then(|stored| self.value(property, stored)) {
                return Some(value);
            }
            parent = record.get(PARENT);
        }
        None
    }

    /// Whether the record, or the nearest one above that says so, is in the catalog.
    fn is_in_catalog(&self, record: Value<'_>) -> bool {
        let Some(catalog) = &self.catalog else { return true };
        let mut next = Some(record);
        while let Some(record) = next.filter(|record| record.kind() == Kind::Object) {
            if let Some(list) = record.get(CATALOGS).filter(|list| !list.is_null()) {
                return list.elements().any(|id| id.text().is_some_and(|id| id.decoded() == *catalog));
            }
            next = record.get(PARENT);
        }
        false
    }
}

impl Sight for Scope {
    fn of(&self, record: &Document<'_>, out: &mut Vec<u8>) -> Seen {
        let root = record.root();
        let parent = root.get(PARENT).filter(|parent| !parent.is_null());
        if parent.is_some() && !self.variants || !self.is_in_catalog(root) {
            return Seen::Nothing;
        }
        if parent.is_none() && !self.properties.iter().any(|property| property.dimensional) {
            return Seen::Whole;
        }
        out.push(b'{');
        let mut first = true;
        let mut member = |out: &mut Vec<u8>, key: &[u8], value: Value<'_>| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(key);
            out.push(b':');
            value.write_compact(out);
        };
        let mut there = vec![false; self.properties.len()];
        for (key, stored) in root.members() {
            if key.key_is(PARENT) {
                // A record that was looked up stands in the place of its id.
                let id = if stored.kind() == Kind::Object { stored.get("_id") } else { Some(stored) };
                if let Some(id) = id {
                    member(out, b"\"_parentId\"", id);
                }
                continue;
            }
            let name = key.text().map(|text| text.decoded()).unwrap_or_default();
            match self.by_name.get(&*name).map(|place| (*place, &self.properties[*place])) {
                Some((place, property)) => {
                    if let Some(value) = self.value(property, stored) {
                        there[place] = true;
                        member(out, key.source(), value);
                    }
                }
                None => member(out, key.source(), stored),
            }
        }
        if parent.is_some() {
            let missing = self.properties.iter().zip(there).filter(|(property, there)| property.inheritable && !there);
            for (property, _) in missing {
                if let Some(value) = self.inherited(property, parent) {
                    // Names of properties are such as paths have: nothing in them is escaped.
                    member(out, format!("\"{}\"", property.name).as_bytes(), value);
                }
            }
        }
        out.push(b'}');
        Seen::Part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value as Json, json};
    use waybill_record::{Looking, Tape};

    fn property(name: &str, dimensional: bool, inheritable: bool) -> ScopedProperty {
        ScopedProperty { name: name.to_owned(), dimensional, inheritable }
    }

    fn segments(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(dimension, segment)| ((*dimension).to_owned(), (*segment).to_owned())).collect()
    }

    fn scope(asked: &[(&str, &str)], variants: bool, catalog: Option<&str>) -> Scope {
        let properties =
            vec![property("title", true, true), property("weight", false, true), property("sku", false, false)];
        let defaults = segments(&[("lang", "en"), ("market", "eu")]);
        let defaults = defaults.into_iter().filter(|(name, _)| !asked.iter().any(|(known, _)| known == name)).collect();
        Scope::compile(properties, (segments(asked), defaults), variants, catalog.map(str::to_owned))
    }

    fn seen(scope: &Scope, record: &Json) -> Option<Json> {
        let text = record.to_string();
        let (mut tape, mut looking) = (Tape::new(), Looking::default());
        let seen = looking.at(scope, tape.scan(text.as_bytes()).unwrap()).unwrap()?;
        Some(serde_json::from_slice(seen.source()).unwrap())
    }

    fn titles(entries: &[(Json, &str)]) -> Json {
        entries.iter().map(|(scope, value)| json!({"scope": scope, "value": value})).collect()
    }

    #[test]
    fn the_entry_that_matches_most_dimensions_is_taken_and_the_default_segment_where_none_is_named() {
        let title = titles(&[
            (json!({}), "any"),
            (json!({"lang": "en"}), "english"),
            (json!({"lang": "da"}), "danish"),
            (json!({"lang": "da", "market": "eu"}), "danish in europe"),
            (json!({"lang": "da", "market": "us"}), "danish overseas"),
            (json!({"color": "red"}), "of a dimension that nothing is said of"),
        ]);
        let record = json!({"_id": "1", "title": title});
        let title = |asked: &[(&str, &str)]| seen(&scope(asked, false, None), &record).unwrap()["title"].clone();
        assert_eq!(title(&[]), "english");
        assert_eq!(title(&[("lang", "da")]), "danish in europe");
        assert_eq!(title(&[("lang", "da"), ("market", "us")]), "danish overseas");
        assert_eq!(title(&[("lang", "da"), ("market", "as")]), "danish");
        assert_eq!(title(&[("lang", "fr")]), "any");
        let none = json!({"_id": "1", "title": [{"scope": {"lang": "da"}, "value": "x"}]});
        assert_eq!(seen(&scope(&[], false, None), &none), Some(json!({"_id": "1"})));
    }

    #[test]
    fn variants_take_what_they_have_none_of_from_the_nearest_one_above() {
        let top = json!({"_id": "t", "title": titles(&[(json!({}), "shirt"), (json!({"lang": "da"}), "skjorte")]),
            "weight": 1.50, "sku": "S"});
        let middle = json!({"_id": "m", "weight": 2, "_parent": top});
        let variant = json!({"_id": "v", "_parent": middle, "_level": 2,
            "title": titles(&[(json!({"lang": "de"}), "Hemd")]), "sku": null});
        assert_eq!(seen(&scope(&[], false, None), &variant), None);
        assert_eq!(
            seen(&scope(&[("lang", "da")], true, None), &variant),
            Some(json!({"_id": "v", "_parentId": "m", "_level": 2, "title": "skjorte", "weight": 2}))
        );
        assert_eq!(seen(&scope(&[("lang", "de")], true, None), &variant).unwrap()["title"], "Hemd");
    }

    #[test]
    fn records_are_in_a_catalog_as_they_say_or_as_the_one_above_them_says() {
        let spring = scope(&[], true, Some("spring"));
        let top = json!({"_id": "t", "_catalogs": ["winter", "spring"]});
        assert!(seen(&spring, &top).is_some());
        assert!(seen(&spring, &json!({"_id": "v", "_parent": top})).is_some());
        assert!(seen(&spring, &json!({"_id": "v", "_parent": top, "_catalogs": []})).is_none());
        assert!(seen(&spring, &json!({"_id": "t", "_catalogs": ["winter"]})).is_none());
        assert!(seen(&spring, &json!({"_id": "t"})).is_none());
    }

    /// What the specification says, read off a tree of values.
    fn plainly(entries: &[(BTreeMap<String, String>, i64)], counts: &BTreeMap<String, String>) -> Vec<i64> {
        let within =
            |scope: &BTreeMap<String, String>| scope.iter().all(|(name, segment)| counts.get(name) == Some(segment));
        let candidates: Vec<_> = entries.iter().filter(|(scope, _)| within(scope)).collect();
        let most = candidates.iter().map(|(scope, _)| scope.len()).max().unwrap_or(0);
        candidates.into_iter().filter(|(scope, _)| scope.len() == most).map(|(_, value)| *value).collect()
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_a_plain_reading_takes(
            entries in prop::collection::vec((prop::collection::btree_map("[ab]", "[xy]", 0..3), 0_i64..1000), 0..8),
            asked in prop::collection::btree_map("[ab]", "[xy]", 0..3),
        ) {
            let defaults = segments(&[("a", "x")]);
            let mut counts = defaults.clone();
            counts.extend(asked.clone());
            let title: Json = entries.iter().map(|(scope, value)| json!({"scope": scope, "value": value})).collect();
            let others: BTreeMap<_, _> = defaults.into_iter().filter(|(name, _)| !asked.contains_key(name)).collect();
            let scope = Scope::compile(vec![property("title", true, false)], (asked, others), false, None);
            let taken = seen(&scope, &json!({"title": title})).unwrap();
            let expected = plainly(&entries, &counts);
            match taken.get("title").and_then(Json::as_i64) {
                Some(value) => prop_assert!(expected.contains(&value)),
                None => prop_assert!(expected.is_empty() && taken == Json::Object(Map::new())),
            }
        }
    }
}
