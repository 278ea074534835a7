//! Small well-formed things for tests.

use std::collections::BTreeSet;
use waybill_domain::{
    AccessLevel, Account, AccountId, AccountName, Collection, CollectionName, IdError, KeyId, Org, OrgCode, Principal,
    Property, PropertyKind, Role, Source, Timestamp,
};

/// An org without limits.
///
/// # Errors
/// [`IdError`] when `code` is none; so for the others.
pub fn org(code: &str) -> Result<Org, IdError> {
    let created_at = Timestamp::from_millis(0);
    let name = code.to_owned();
    Ok(Org {
        code: code.parse()?,
        name,
        quota_bytes: None,
        max_waiting: None,
        zone: "UTC".into(),
        min_interval_secs: None,
        created_at,
    })
}

/// The account of [`principal`] of that role.
///
/// # Errors
/// As [`org`].
pub fn account(code: &str, role: Role) -> Result<Account, IdError> {
    Ok(Account {
        org: code.parse()?,
        id: account_id(role),
        name: AccountName::of(format!("{role:?}")),
        email: None,
        role,
        roles: BTreeSet::new(),
        locked: false,
        sessions_since: None,
        created_at: Timestamp::from_millis(0),
    })
}

/// Somebody of that role: ids are the same for every org.
///
/// # Errors
/// As [`org`].
pub fn principal(code: &str, role: Role) -> Result<Principal, IdError> {
    let key = KeyId::new(Timestamp::from_millis(0), [number(role) + 100; 8]);
    Ok(Principal::of(&account(code, role)?, role, BTreeSet::new(), key))
}

fn number(role: Role) -> u8 {
    match role {
        Role::Member => 1,
        Role::Admin => 2,
    }
}

fn account_id(role: Role) -> AccountId {
    AccountId::new(Timestamp::from_millis(0), [number(role); 8])
}

/// A declared property that is neither an array nor optional.
pub fn property(name: &str, kind: PropertyKind) -> Property {
    Property {
        name: name.into(),
        kind,
        array: false,
        optional: false,
        inheritable: false,
        dimensions: Vec::new(),
        read_access: AccessLevel::Read,
    }
}

/// A closed collection with those properties.
pub fn collection(org: &OrgCode, name: &CollectionName, properties: Vec<Property>) -> Collection {
    Collection {
        org: org.clone(),
        name: name.clone(),
        singular: name.clone(),
        source: Source::Records,
        properties,
        open: false,
        access: Vec::new(),
        revision: 1,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    }
}
