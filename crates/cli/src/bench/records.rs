//! The records that a benchmark exports: made from a seed, nested, about 650 bytes of JSON each.

use std::fmt::Write as _;

use waybill_domain::{
    AccessLevel, Collection, CollectionName, OrgCode, Property, PropertyKind, RecordId, Source, Timestamp,
};

/// The columns that are exported: leaves at several depths and one array.
pub(super) const COLUMNS: [&str; 16] = [
    "_id",
    "created",
    "name",
    "email",
    "status",
    "score",
    "visits",
    "verified",
    "notes",
    "tags",
    "address.city",
    "address.country",
    "address.location.lat",
    "address.location.lon",
    "device.model",
    "device.os",
];

/// The attribute that says whose an item of the replayed table is; the records have none of it.
pub(super) const ORG_ATTRIBUTE: &str = "org";

/// Which records are exported, as a Cortex client asks: 72 of 100.
pub(super) const WHERE: &str = r#"{"status":{"$ne":"withdrawn"},"visits":{"$gte":4}}"#;

/// Whether a record is to be exported, as a plain program asks.
pub(super) fn is_wanted(record: &serde_json::Value) -> bool {
    record["status"] != "withdrawn" && record["visits"].as_u64().is_some_and(|visits| visits >= 4)
}

const GIVEN: [&str; 12] =
    ["Mira", "Jonas", "Aïcha", "Søren", "Li", "Tomás", "Freya", "Kwame", "Noor", "Ewa", "Iván", "Hana"];
const FAMILY: [&str; 12] = [
    "Lindqvist",
    "Okafor",
    "Haddad",
    "Kjær",
    "Nakamura",
    "Ferreira",
    "Novák",
    "Moreau",
    "Singh",
    "Brandt",
    "Rossi",
    "Weber",
];
const STATUS: [&str; 5] = ["active", "paused", "invited", "withdrawn", "completed"];
const WORDS: [&str; 24] = [
    "patient",
    "reports",
    "mild",
    "headache",
    "after",
    "second",
    "dose",
    "no",
    "change",
    "since",
    "last",
    "visit",
    "blood",
    "pressure",
    "within",
    "range",
    "follow-up",
    "planned",
    "sleep",
    "improved",
    "asked",
    "about",
    "travel",
    "declined",
];
const TAGS: [&str; 8] = ["baseline", "follow-up", "remote", "on site", "pilot", "arm A", "arm B", "late"];
const CITIES: [(&str, &str); 8] = [
    ("København", "DK"),
    ("Göteborg", "SE"),
    ("Bergen", "NO"),
    ("Lyon", "FR"),
    ("Kraków", "PL"),
    ("Porto", "PT"),
    ("San José", "CR"),
    ("Ōsaka", "JP"),
];
const MODELS: [&str; 5] = ["Tracer 2", "Tracer 3", "Pulse One", "Pulse One, large", "Loop"];
const SYSTEMS: [&str; 3] = ["android", "ios", "none"];

/// Numbers from a seed (`SplitMix64`), the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = usize::try_from(self.roll() >> 32).unwrap_or(0) % choices.len();
        choices[index]
    }
}

/// The id of record `number` and its JSON text.
pub(super) fn record(number: u64) -> (RecordId, String) {
    let mut dice = Dice(number);
    let at = Timestamp::from_millis(1_767_225_600_000 + i64::try_from(number % 31_536_000).unwrap_or(0) * 1009);
    let id = RecordId::new(at, dice.roll().to_be_bytes());
    let mut json = String::with_capacity(800);
    // Writing into a string does not fail.
    let _ = write_record(&mut json, &mut dice, id, at);
    (id, json)
}

fn write_record(json: &mut String, dice: &mut Dice, id: RecordId, at: Timestamp) -> std::fmt::Result {
    let (given, family) = (dice.pick(&GIVEN), dice.pick(&FAMILY));
    let updated = at.after(std::time::Duration::from_millis(dice.below(5_000_000_000)));
    write!(json, r#"{{"_id":"{id}","created":"{at}","updated":"{updated}","name":"{given} {family}","#)?;
    write!(json, r#""email":"person.{}@example.com","status":"{}","#, dice.below(10_000_000), dice.pick(&STATUS))?;
    write!(json, r#""score":{}.{:02},"visits":{},"#, dice.below(10_000), dice.below(100), dice.below(40))?;
    write!(json, r#""verified":{},"notes":""#, dice.below(4) > 0)?;
    for position in 0..8 + dice.below(12) {
        let separator = match (position, dice.below(9)) {
            (0, _) => "",
            (_, 0) => ", ",
            (_, 1) => r#" \"so\" "#,
            _ => " ",
        };
        write!(json, "{separator}{}", dice.pick(&WORDS))?;
    }
    write!(json, r#"","tags":["{}","{}"],"#, dice.pick(&TAGS), dice.pick(&TAGS))?;
    let (city, country) = dice.pick(&CITIES);
    write!(json, r#""address":{{"street":"{} {}","#, dice.pick(&FAMILY), dice.below(300))?;
    write!(json, r#""city":"{city}","country":"{country}","location":{{"#)?;
    write!(json, r#""lat":{}.{:06},"#, dice.below(90), dice.below(1_000_000))?;
    write!(json, r#""lon":-{}.{:06}}}}},"#, dice.below(180), dice.below(1_000_000))?;
    write!(json, r#""device":{{"model":"{}","os":"{}","#, dice.pick(&MODELS), dice.pick(&SYSTEMS))?;
    write!(json, r#""serial":"{:012x}"}},"readings":["#, dice.below(1 << 48))?;
    for position in 0..2 + dice.below(2) {
        let separator = if position == 0 { "" } else { "," };
        let (whole, tenth) = (dice.below(200), dice.below(10));
        write!(json, r#"{separator}{{"day":{},"value":{whole}.{tenth},"unit":"mmol/l"}}"#, dice.below(400))?;
    }
    json.push_str("]}");
    Ok(())
}

/// The definition of the records' collection.
pub(super) fn collection(org: OrgCode, name: CollectionName) -> Collection {
    use PropertyKind::{Any, Boolean, Number, String};
    let location = document([property("lat", Number), property("lon", Number)]);
    let address = [("street", String), ("city", String), ("country", String), ("location", location)];
    let device = [("model", String), ("os", String), ("serial", String)];
    let tags = Property { array: true, ..property("tags", String) };
    let readings = Property { array: true, ..property("readings", Any) };
    let address = document(address.map(|(name, kind)| property(name, kind)));
    let device = document(device.map(|(name, kind)| property(name, kind)));
    // In the order of the records' text: an export of everything gives that text back.
    let properties = vec![
        property("name", String),
        property("email", String),
        property("status", String),
        property("score", Number),
        property("visits", Number),
        property("verified", Boolean),
        property("notes", String),
        tags,
        property("address", address),
        property("device", device),
        readings,
    ];
    Collection {
        org,
        singular: name.clone(),
        name,
        source: Source::Records,
        properties,
        open: false,
        access: Vec::new(),
        revision: 1,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    }
}

/// A declared property.
pub(super) fn property(name: &str, kind: PropertyKind) -> Property {
    let name = name.to_owned();
    Property {
        name,
        kind,
        array: false,
        optional: false,
        inheritable: false,
        dimensions: Vec::new(),
        read_access: AccessLevel::Read,
    }
}

fn document<const N: usize>(properties: [Property; N]) -> PropertyKind {
    PropertyKind::Document { properties: properties.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_json_and_as_large_as_said() {
        let mut total = 0;
        for number in 0..1000 {
            let (id, json) = record(number);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["_id"], id.to_string());
            assert_eq!(value.to_string(), json, "compact and verbatim");
            total += json.len();
        }
        assert!((600_000..700_000).contains(&total), "{total}");
    }

    #[test]
    fn the_same_number_gives_the_same_record_and_another_another() {
        assert_eq!(record(7), record(7));
        assert_ne!(record(7), record(8));
    }

    #[test]
    fn every_column_is_declared() {
        let collection = collection("bench".parse().unwrap(), "people".parse().unwrap());
        for column in COLUMNS {
            assert!(collection.type_of(&column.parse().unwrap()).is_some(), "{column}");
        }
    }
}
