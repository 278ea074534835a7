//! References replaced by the records that they lead to, before anything else is done to a page.
//!
//! Whoever reads the records goes in rounds: [`Expansion::choose`] gives the records that meet the condition and the
//! references in them, [`Expansion::references`] those in what was read for these, and so on; then every record read is
//! rendered, the last round first ([`Expansion::render`]), and [`Expansion::splice`] gives a chunk that is transformed
//! like any other. A reference is replaced by an object: the kept members of the record, or its `_id` alone where there
//! is no such record.

use crate::plan::{RecordFault, TransformError};
use bytes::Bytes;
use std::collections::HashMap;
use std::ops::Range;
use waybill_query::Filter;
use waybill_record::stored::Decoder;
use waybill_record::{Chunk, Kind, Looking, Page, PageReader, Path, ReadError, Sight, Tape, Value, stored};

/// A reference to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The reference, through documents, arrays and the references followed before it.
    pub path: Path,
    /// The members of the record it leads to that take its place, `_id` always; the others are left out.
    pub keep: Vec<String>,
}

/// A reference that was met: which of the followed ones, and the id that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Position of its [`Follow`].
    pub place: usize,
    /// The `_id` of a record.
    pub id: String,
}

/// The references to follow, compiled.
#[derive(Clone, Debug)]
pub struct Expansion {
    places: Vec<Place>,
    hops: Vec<Vec<Member>>,
}

#[derive(Clone, Debug)]
struct Place {
    keep: Vec<String>,
    /// The hop from the record that it leads to.
    inside: usize,
}

/// A member to look into.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    /// Where it is a reference: which.
    place: Option<usize>,
    /// Where it is a document: the hop from there.
    inside: usize,
}

/// Records of a chunk that meet the condition, and the references in them.
#[derive(Debug, Default)]
pub struct Chosen {
    texts: Vec<u8>,
    records: Vec<Range<usize>>,
    references: Vec<Reference>,
    scanned: u64,
}

/// Objects that take the place of references.
#[derive(Clone, Debug, Default)]
pub struct Rendered(Vec<HashMap<String, Bytes>>);

impl Chosen {
    /// The references in them, each once, in order.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// How many records the chunk had.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// Bytes that it takes.
    pub fn size_bytes(&self) -> usize {
        self.texts.len()
    }
}

impl Rendered {
    /// Whether this reference has its object.
    pub fn has(&self, reference: &Reference) -> bool {
        self.0.get(reference.place).is_some_and(|place| place.contains_key(&reference.id))
    }

    /// Gives a reference its object.
    pub fn insert(&mut self, reference: Reference, object: Bytes) {
        if self.0.len() <= reference.place {
            self.0.resize_with(reference.place + 1, HashMap::new);
        }
        self.0[reference.place].insert(reference.id, object);
    }

    fn get(&self, place: usize, id: &str) -> Option<&Bytes> {
        self.0.get(place)?.get(id)
    }
}

impl Expansion {
    /// Compiles what to follow; a reference inside a record that another one leads to comes after that one.
    pub fn compile(follow: &[Follow]) -> Self {
        let mut expansion = Self { places: Vec::new(), hops: vec![Vec::new()] };
        for (place, follow) in follow.iter().enumerate() {
            let inside = expansion.add_hop();
            expansion.places.push(Place { keep: follow.keep.clone(), inside });
            let mut hop = 0;
            let segments = follow.path.segments();
            for (depth, segment) in segments.iter().enumerate() {
                let at = expansion.member(hop, segment);
                if depth + 1 == segments.len() {
                    expansion.hops[hop][at].place = Some(place);
                } else {
                    let member = &expansion.hops[hop][at];
                    hop = member.place.map_or(member.inside, |place| expansion.places[place].inside);
                }
            }
        }
        expansion
    }

    fn add_hop(&mut self) -> usize {
        self.hops.push(Vec::new());
        self.hops.len() - 1
    }

    fn member(&mut self, hop: usize, name: &str) -> usize {
        if let Some(at) = self.hops[hop].iter().position(|member| member.name == name) {
            return at;
        }
        let inside = self.add_hop();
        self.hops[hop].push(Member { name: name.to_owned(), place: None, inside });
        self.hops[hop].len() - 1
    }

    /// The records of a chunk that meet `filter`, as `sight` has them; the filter sees no more of them.
    ///
    /// # Errors
    /// The first record that is broken.
    pub fn choose(&self, filter: &Filter, sight: Option<&dyn Sight>, chunk: &Chunk) -> Result<Chosen, TransformError> {
        let (mut reader, mut memory, mut chosen) =
            (PageReader::new(), (Tape::new(), Looking::default()), Chosen::default());
        let mut records = reader.read(chunk);
        while let Some(text) = records.next_text() {
            let broken = |fault| TransformError { position: 0, id: None, fault };
            let at = |error: TransformError, position| TransformError { position, ..error };
            let added = match text {
                Ok(text) => self.add((filter, sight), text, &mut memory, &mut chosen).map_err(broken),
                Err(error) => Err(broken(error.into())),
            };
            added.map_err(|error| at(error, records.position()))?;
        }
        chosen.references.sort_unstable();
        chosen.references.dedup();
        Ok(chosen)
    }

    fn add(
        &self,
        (filter, sight): (&Filter, Option<&dyn Sight>),
        text: &[u8],
        (tape, looking): &mut (Tape, Looking),
        chosen: &mut Chosen,
    ) -> Result<(), RecordFault> {
        let record = tape.scan(text)?;
        chosen.scanned += 1;
        let seen = match sight {
            None => Some(record),
            Some(sight) => looking.at(sight, record)?,
        };
        let Some(record) = seen else { return Ok(()) };
        if filter.matches(&record) {
            self.find(0, record.root(), &mut chosen.references);
            let start = chosen.texts.len();
            chosen.texts.extend_from_slice(record.source());
            chosen.records.push(start..chosen.texts.len());
        }
        Ok(())
    }

    /// The references in the record, in its stored form, that `place` leads to; each once, in order.
    ///
    /// # Errors
    /// The record is broken.
    pub fn references(&self, place: usize, record: &[u8]) -> Result<Vec<Reference>, RecordFault> {
        let Some(Place { inside, .. }) = self.places.get(place) else { return Ok(Vec::new()) };
        if self.hops[*inside].is_empty() {
            return Ok(Vec::new());
        }
        let (mut decoder, mut tape, mut references) = (Decoder::new(), Tape::new(), Vec::new());
        let record = tape.scan(decoder.decode(record).map_err(ReadError::from)?)?;
        self.find(*inside, record.root(), &mut references);
        references.sort_unstable();
        references.dedup();
        Ok(references)
    }

    /// The object that takes the place of references that `place` has to a record, in its stored form.
    ///
    /// # Errors
    /// The record is broken.
    pub fn render(&self, place: usize, record: &[u8], rendered: &Rendered) -> Result<Bytes, RecordFault> {
        let Some(Place { keep, inside }) = self.places.get(place) else { return Ok(Bytes::new()) };
        let (mut decoder, mut tape, mut out) = (Decoder::new(), Tape::new(), Vec::new());
        let record = tape.scan(decoder.decode(record).map_err(ReadError::from)?)?;
        let keeps = |key: &str| key == "_id" || keep.iter().any(|kept| kept == key);
        self.write_members(*inside, record.root(), &keeps, rendered, &mut out);
        Ok(out.into())
    }

    /// The chosen records with what was rendered in the place of their references.
    ///
    /// # Errors
    /// None that a caller can cause: the texts were scanned before.
    pub fn splice(&self, chosen: &Chosen, rendered: &Rendered) -> Result<Chunk, TransformError> {
        let mut tape = Tape::new();
        let mut records = Vec::with_capacity(chosen.records.len());
        for (position, range) in chosen.records.iter().enumerate() {
            let text = &chosen.texts[range.clone()];
            let broken = |fault| TransformError { position, id: None, fault };
            let record = tape.scan(text).map_err(|fault| broken(fault.into()))?;
            let mut out = vec![stored::PLAIN];
            self.write_members(0, record.root(), &|_| true, rendered, &mut out);
            records.push(Bytes::from(out));
        }
        Ok(Page::stored(records).whole())
    }

    /// Appends the references below a value.
    fn find(&self, hop: usize, value: Value<'_>, found: &mut Vec<Reference>) {
        for member in &self.hops[hop] {
            let Some(value) = value.get(&member.name) else { continue };
            match member.place {
                Some(place) => each(value, &mut |value| {
                    if let Some(id) = id(value) {
                        found.push(Reference { place, id });
                    }
                }),
                None => each(value, &mut |value| self.find(member.inside, value, found)),
            }
        }
    }

    fn write_members(
        &self,
        hop: usize,
        object: Value<'_>,
        keeps: &dyn Fn(&str) -> bool,
        rendered: &Rendered,
        out: &mut Vec<u8>,
    ) {
        out.push(b'{');
        let mut first = true;
        for (key, value) in object.members() {
            let name = key.text().map(|text| text.decoded()).unwrap_or_default();
            if !keeps(&name) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(key.source());
            out.push(b':');
            match self.hops[hop].iter().find(|member| member.name == name) {
                Some(member) => self.write_followed(member, value, rendered, out),
                None => out.extend_from_slice(value.source()),
            }
        }
        out.push(b'}');
    }

    fn write_followed(&self, member: &Member, value: Value<'_>, rendered: &Rendered, out: &mut Vec<u8>) {
        match (value.kind(), member.place) {
            (Kind::Array, _) => {
                out.push(b'[');
                for (position, element) in value.elements().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    self.write_followed(member, element, rendered, out);
                }
                out.push(b']');
            }
            (Kind::Text, Some(place)) => match id(value) {
                Some(id) => match rendered.get(place, &id) {
                    Some(object) => out.extend_from_slice(object),
                    None => out.extend_from_slice(format!("{{\"_id\":\"{id}\"}}").as_bytes()),
                },
                None => out.extend_from_slice(value.source()),
            },
            (Kind::Object, None) => self.write_members(member.inside, value, &|_| true, rendered, out),
            _ => out.extend_from_slice(value.source()),
        }
    }
}

/// Does something with a value, or with each element of an array.
fn each(value: Value<'_>, does: &mut dyn FnMut(Value<'_>)) {
    if value.kind() == Kind::Array {
        value.elements().for_each(does);
    } else {
        does(value);
    }
}

/// The id that a reference holds; what is no id leads nowhere.
fn id(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    let id = text.decoded();
    (id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_record::stored::encode;

    fn follow(path: &str, keep: &[&str]) -> Follow {
        Follow { path: path.parse().unwrap(), keep: keep.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn page(records: &[&str]) -> Chunk {
        Page::stored(records.iter().map(|text| Bytes::from(encode(text.as_bytes()))).collect()).whole()
    }

    fn texts(chunk: &Chunk) -> Vec<String> {
        let mut reader = PageReader::new();
        let mut records = reader.read(chunk);
        let mut texts = Vec::new();
        while let Some(text) = records.next_text() {
            texts.push(String::from_utf8(text.unwrap().to_vec()).unwrap());
        }
        texts
    }

    fn numbered(number: usize) -> String {
        format!("{number:024x}")
    }

    #[test]
    fn references_are_followed_through_documents_arrays_and_each_other() {
        let expansion = Expansion::compile(&[
            follow("site", &["code", "region"]),
            follow("site.region", &["name"]),
            follow("lines.item", &["sku"]),
        ]);
        let [site, region, item, gone] = [1, 2, 3, 4].map(numbered);
        let visit = format!(
            r#"{{"_id":"a","site":"{site}","n":1.50,"lines":[{{"item":"{item}","k":[1]}},{{"item":"{gone}"}},{{"item":null}}]}}"#
        );
        let chosen = expansion.choose(&Filter::everything(), None, &page(&[&visit, r#"{"_id":"b"}"#])).unwrap();
        assert_eq!(chosen.scanned(), 2);
        let reference = |place, id: &String| Reference { place, id: id.clone() };
        assert_eq!(chosen.references(), [reference(0, &site), reference(2, &item), reference(2, &gone)]);
        let record = encode(format!(r#"{{"_id":"{site}","code":"A\"","secret":1,"region":"{region}"}}"#).as_bytes());
        assert_eq!(expansion.references(0, &record).unwrap(), [reference(1, &region)]);
        let mut rendered = Rendered::default();
        let north = encode(format!(r#"{{"_id":"{region}","name":"north"}}"#).as_bytes());
        rendered.insert(reference(1, &region), expansion.render(1, &north, &rendered).unwrap());
        rendered.insert(reference(0, &site), expansion.render(0, &record, &rendered).unwrap());
        let spare = encode(format!(r#"{{"_id":"{item}","sku":"x"}}"#).as_bytes());
        rendered.insert(reference(2, &item), expansion.render(2, &spare, &rendered).unwrap());
        let spliced = expansion.splice(&chosen, &rendered).unwrap();
        let expected = format!(
            r#"{{"_id":"a","site":{{"_id":"{site}","code":"A\"","region":{{"_id":"{region}","name":"north"}}}},"n":1.50,"lines":[{{"item":{{"_id":"{item}","sku":"x"}},"k":[1]}},{{"item":{{"_id":"{gone}"}}}},{{"item":null}}]}}"#
        );
        assert_eq!(texts(&spliced), [expected, r#"{"_id":"b"}"#.to_owned()]);
    }

    #[test]
    fn the_condition_sees_records_as_they_are_stored() {
        let expansion = Expansion::compile(&[follow("site", &[])]);
        let filter = Filter::everything();
        let chosen =
            expansion.choose(&filter, None, &page(&[r#"{"site":"not an id"}"#, r#"{"site":["0",7]}"#])).unwrap();
        assert!(chosen.references().is_empty());
        let spliced = expansion.splice(&chosen, &Rendered::default()).unwrap();
        assert_eq!(texts(&spliced), [r#"{"site":"not an id"}"#, r#"{"site":["0",7]}"#]);
    }

    #[test]
    fn broken_records_are_told_by_their_place() {
        let expansion = Expansion::compile(&[follow("site", &[])]);
        let broken = expansion.choose(&Filter::everything(), None, &page(&["{}", "{", "{}"]));
        assert_eq!(broken.unwrap_err().position, 1);
        assert!(expansion.render(0, b"\0[", &Rendered::default()).is_err());
    }
}
