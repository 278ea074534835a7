//! What `xml` writes, and that a reader that is not ours reads it back.

use crate::encoder_tests::{file, naive_projection, object, path, value};
use crate::{Encoder, Format, Selection, Shape};
use proptest::prelude::*;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::{Value, json};

fn encoder_of(collection: &str, singular: &str, paths: &[&str]) -> Encoder {
    let shape = Shape { collection: collection.to_owned(), singular: singular.to_owned(), properties: Vec::new() };
    let paths: Vec<_> = paths.iter().map(|path| path.parse().unwrap()).collect();
    Encoder::new(Format::Xml, Selection::compile(&paths).unwrap(), &shape, false)
}

fn encoder(paths: &[&str]) -> Encoder {
    encoder_of("airports", "airport", paths)
}

/// An element as another reader sees it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn open(start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().map(Result::unwrap).map(|attribute| {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
            (String::from_utf8(attribute.key.as_ref().to_vec()).unwrap(), value)
        });
        Self {
            name: String::from_utf8(start.name().as_ref().to_vec()).unwrap(),
            attributes: attributes.collect(),
            ..Self::default()
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The property's name.
    fn property(&self) -> &str {
        self.attribute("name").unwrap_or(&self.name)
    }
}

/// The root element.
fn read(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(Element::open(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(Element::open(&start)),
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.decode().unwrap()),
            Event::GeneralRef(reference) => {
                let named = match reference.decode().unwrap().as_ref() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    _ => reference.resolve_char_ref().unwrap().unwrap(),
                };
                open.last_mut().unwrap().text.push(named);
            }
            Event::Decl(declaration) => assert_eq!(declaration.encoding().unwrap().unwrap().as_ref(), b"UTF-8"),
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open.len(), 1);
    open.pop().unwrap().children.pop().unwrap()
}

#[test]
fn a_record_is_an_element_of_elements() {
    let records = [
        r#"{"_id":"a1","name":"Aero <B> & \"Ranch\" ]]>","elevation":-1.50e3,"location":{"lat":1,"lon":null},"tags":["x",2,null,[],{"k":true}]}"#,
        r#"{ "_id" : "a2", "name" : "D\u00fcsseldorf\tWest\r\n", "tags" : [ ], "location" : { } , "extra" : { "a b" : 1, "1st" : "", "xml" : { "\u00e6" : [ [ false ] ] } } }"#,
        r#"{"_id":"a3","name":null,"location":"nowhere","lines":[{"n":1,"m":2},3,{}]}"#,
    ];
    let encoder = encoder(&["_id", "name", "elevation", "location.lat", "location.lon", "tags", "extra", "lines.n"]);
    insta::assert_snapshot!(file(&encoder, &[&records[..2], &records[2..]]), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <airports xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
    <airport><_id>a1</_id><name>Aero &lt;B&gt; &amp; "Ranch" ]]&gt;</name><elevation>-1.50e3</elevation><location><lat>1</lat><lon xsi:nil="true"/></location><tags><item>x</item><item>2</item><item xsi:nil="true"/><item></item><item><k>true</k></item></tags></airport>
    <airport><_id>a2</_id><name>Düsseldorf	West&#13;
    </name><location></location><tags></tags><extra><a_b name="a b">1</a_b><_1st name="1st"></_1st><_xml name="xml"><æ><item><item>false</item></item></æ></_xml></extra></airport>
    <airport><_id>a3</_id><name xsi:nil="true"/><lines><item><n>1</n></item><item></item></lines></airport>
    </airports>
    "#);
}

#[test]
fn nothing_is_a_root_without_elements() {
    let root = read(&file(&encoder(&["n"]), &[]));
    assert_eq!((root.name.as_str(), root.children.len()), ("airports", 0));
}

#[test]
fn names_that_no_element_may_have_are_made_safe_and_told() {
    for (name, safe) in [
        ("plain", "plain"),
        ("_id", "_id"),
        ("größe", "größe"),
        ("名前", "名前"),
        ("a-b.c", "a-b.c"),
        ("", "_"),
        ("1st", "_1st"),
        ("-x", "_-x"),
        ("a b", "a_b"),
        ("a:b", "a_b"),
        ("$ref", "__ref"),
        ("<&\"'>", "______"),
        ("xml", "_xml"),
        ("XMLThing", "_XMLThing"),
        ("a\u{300}", "a_"),
        ("𝒳", "__"),
        ("²", "__"),
        ("a\tb\nc", "a_b_c"),
    ] {
        let record = json!({"any": {name: 1}}).to_string();
        let root = read(&file(&encoder(&["any"]), &[&[&record]]));
        let element = &root.children[0].children[0].children[0];
        assert_eq!((element.name.as_str(), element.property()), (safe, name));
        assert_eq!(element.attribute("name").is_some(), safe != name);
    }
    let root = read(&file(&encoder_of("xmlthings", "1", &["n"]), &[&["{}"]]));
    assert_eq!((root.name.as_str(), root.property()), ("_xmlthings", "xmlthings"));
    assert_eq!((root.children[0].name.as_str(), root.children[0].property()), ("_1", "1"));
}

#[test]
fn characters_that_xml_cannot_hold_are_replaced() {
    let record = r#"{"t":"a\u0000b\u001f\t\n\r\uFFFE\uFFFF\u007f\ufffd\ud83d\ude00"}"#;
    let text = file(&encoder(&["t"]), &[&[record]]);
    assert_eq!(read(&text).children[0].children[0].text, "a\u{FFFD}b\u{FFFD}\t\n\r\u{FFFD}\u{FFFD}\u{7f}\u{FFFD}😀");
    assert!(text.contains("&#13;"));
    let raw = format!("{{\"t\":\"{}\"}}", "\u{FFFF}\u{EFFF}\u{FFFC}\u{7f}");
    let text = file(&encoder(&["t"]), &[&[&raw]]);
    assert_eq!(read(&text).children[0].children[0].text, "\u{FFFD}\u{EFFF}\u{FFFC}\u{7f}");
}

/// The plain way to say which element a value is.
fn naive_element(name: &str, value: &Value) -> Element {
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    match value {
        Value::Null => element.attributes.push(("xsi:nil".to_owned(), "true".to_owned())),
        Value::String(text) => element.text.clone_from(text),
        Value::Object(members) => {
            element.children = members.iter().map(|(key, value)| naive_element(key, value)).collect();
        }
        Value::Array(items) => element.children = items.iter().map(|item| naive_element("item", item)).collect(),
        scalar => element.text = scalar.to_string(),
    }
    element
}

/// Puts the members of the objects that paths lead to into the order of the paths, as a selection does.
fn reordered(value: Value, paths: &[&[&str]]) -> Value {
    if paths.iter().any(|path| path.is_empty()) {
        return value;
    }
    match value {
        Value::Object(mut members) => {
            let mut ordered = serde_json::Map::new();
            for path in paths {
                if let Some(member) = members.remove(path[0]) {
                    let inner: Vec<&[&str]> =
                        paths.iter().filter(|other| other[0] == path[0]).map(|p| &p[1..]).collect();
                    ordered.insert(path[0].to_owned(), reordered(member, &inner));
                }
            }
            ordered.into()
        }
        Value::Array(items) => items.into_iter().map(|item| reordered(item, paths)).collect(),
        value => value,
    }
}

proptest! {
    #[test]
    fn another_reader_reads_back_what_was_selected(
        records in proptest::collection::vec(object(value(3)), 0..5),
        paths in proptest::collection::vec(path(), 1..6),
        at in any::<prop::sample::Index>(),
    ) {
        let records: Vec<Value> = records.into_iter().map(Value::from).collect();
        let texts: Vec<String> = records.iter().map(ToString::to_string).collect();
        let page: Vec<&str> = texts.iter().map(String::as_str).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let split: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
        let split: Vec<&[&str]> = split.iter().map(Vec::as_slice).collect();
        let encoder = encoder(&paths);
        let text = file(&encoder, &[&page]);
        let expected: Vec<Element> = records.iter()
            .map(|record| naive_element("airport", &reordered(naive_projection(record, &split).unwrap(), &split)))
            .collect();
        prop_assert_eq!(read(&text).children, expected);
        if page.len() > 1 {
            let at = 1 + at.index(page.len() - 1);
            prop_assert_eq!(file(&encoder, &[&page[..at], &page[at..]]), text);
        }
    }

    #[test]
    fn any_text_and_any_key_can_be_read(text in any::<String>(), key in any::<String>()) {
        let record = json!({"t": text, "any": {key.clone(): 1}}).to_string();
        let root = read(&file(&encoder(&["t", "any"]), &[&[&record]]));
        let legal = |text: &str| -> String {
            text.chars()
                .map(|c| if matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c })
                .collect()
        };
        prop_assert_eq!(&root.children[0].children[0].text, &legal(&text));
        prop_assert_eq!(root.children[0].children[1].children[0].property(), legal(&key));
    }
}
