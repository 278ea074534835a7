//! What exports and lines of the log are made of, said as the definition of a collection, so that they are asked for as records are.

use waybill_domain::{
    AccessEntry, AccessLevel, Collection, CollectionName, OrgCode, Property, PropertyKind, Role, RoleName, Source,
    Timestamp,
};

/// The properties of an export object.
///
/// # Errors
/// None: the names are constants that are names.
pub(crate) fn exports(org: &OrgCode) -> Result<Collection, waybill_domain::IdError> {
    let text = || PropertyKind::String;
    let account = || PropertyKind::Reference { collection: CollectionName::accounts() };
    let fault = [
        ("object", text()),
        ("name", text()),
        ("code", text()),
        ("errCode", text()),
        ("status", PropertyKind::Number),
        ("message", text()),
        ("reason", text()),
        ("path", text()),
        ("faults", PropertyKind::Any),
    ];
    let data_file = [
        ("ETag", text()),
        ("creator", PropertyKind::ObjectId),
        ("filename", text()),
        ("location", PropertyKind::Number),
        ("mime", text()),
        ("name", text()),
        ("path", text()),
        ("size", PropertyKind::Number),
        ("state", PropertyKind::Number),
        ("fault", document(fault.clone())),
    ];
    let stats = [
        ("docs", document([("count", PropertyKind::Number)])),
        ("files", document([("count", PropertyKind::Number), ("size", PropertyKind::Number)])),
    ];
    let properties = [
        ("object", text()),
        ("created", PropertyKind::Date),
        ("creator", account()),
        ("owner", account()),
        ("access", PropertyKind::Number),
        ("label", text()),
        ("description", text()),
        ("state", text()),
        ("exportFiles", PropertyKind::Boolean),
        ("zipFiles", PropertyKind::Boolean),
        ("format", text()),
        ("objects", text()),
        ("paths", text()),
        ("include", text()),
        ("expand", text()),
        ("where", text()),
        ("afterScript", text()),
        ("principal", PropertyKind::ObjectId),
        ("prefix", text()),
        ("pipeline", PropertyKind::Any),
        ("dataFile", document(data_file)),
        ("stats", document(stats)),
        ("expiresAt", PropertyKind::Date),
        ("err", document(fault)),
        ("afterScriptResult", PropertyKind::Any),
    ];
    let many = ["paths", "include", "expand"];
    let properties = properties.map(|(name, kind)| Property { array: many.contains(&name), ..property(name, kind) });
    built_in(org, "exports", "export", properties.to_vec())
}

/// The properties of a line of the log.
///
/// # Errors
/// As [`exports`].
pub(crate) fn logs(org: &OrgCode) -> Result<Collection, waybill_domain::IdError> {
    let (text, number) = (|| PropertyKind::String, || PropertyKind::Number);
    let properties = [
        ("object", text()),
        ("org", text()),
        ("req", text()),
        ("pid", PropertyKind::ObjectId),
        ("oid", PropertyKind::ObjectId),
        ("beg", PropertyKind::Date),
        ("end", PropertyKind::Date),
        ("sts", number()),
        ("src", number()),
        ("lvl", number()),
        ("err", PropertyKind::Any),
        ("sid", PropertyKind::ObjectId),
        ("stp", text()),
        ("ops", number()),
        ("ctt", number()),
        ("cms", number()),
        ("dat", PropertyKind::Any),
    ];
    built_in(org, "logs", "log", properties.map(|(name, kind)| property(name, kind)).to_vec())
}

fn built_in(
    org: &OrgCode,
    name: &str,
    singular: &str,
    properties: Vec<Property>,
) -> Result<Collection, waybill_domain::IdError> {
    Ok(Collection {
        org: org.clone(),
        name: name.parse()?,
        singular: singular.parse()?,
        source: Source::Records,
        properties,
        open: false,
        // Exports are everybody's to see, and their owner's to delete.
        access: vec![
            AccessEntry::Role { target: RoleName::of(Role::Member), allow: AccessLevel::Read },
            AccessEntry::Owner { allow: AccessLevel::Delete },
        ],
        revision: 1,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    })
}

fn document<const N: usize>(properties: [(&str, PropertyKind); N]) -> PropertyKind {
    PropertyKind::Document { properties: properties.map(|(name, kind)| property(name, kind)).to_vec() }
}

fn property(name: &str, kind: PropertyKind) -> Property {
    Property {
        name: name.to_owned(),
        kind,
        array: false,
        optional: false,
        inheritable: false,
        dimensions: Vec::new(),
        read_access: AccessLevel::Read,
    }
}
