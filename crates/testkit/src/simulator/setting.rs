//! What a world begins with: orgs, their collections and their records.

use super::network::World;
use super::oracle::OrgTraits;
use super::profile::Calamity;
use crate::samples;
use bytes::Bytes;
use futures::FutureExt;
use std::collections::BTreeMap;
use waybill_domain::{CollectionName, FileId, IdError, OrgCode, Property, PropertyKind, RecordId, Timestamp, file_key};
use waybill_ports::{Entity, Entropy, ObjectMetadata, PortError, RecordPatch, RecordStore, Rows, Transaction};

/// Why a world cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingError {
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] IdError),
    /// A port in memory refused.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The collection that every org has.
pub(super) const COLLECTION: &str = "things";

/// Makes one or two orgs.
pub(super) fn settle_in(world: &World, entropy: &dyn Entropy) -> Result<Vec<OrgCode>, SettingError> {
    let count = 1 + entropy.below(2);
    (0..count).map(|index| make_org(world, entropy, index)).collect()
}

fn make_org(world: &World, entropy: &dyn Entropy, index: u64) -> Result<OrgCode, SettingError> {
    let mut org = samples::org(&format!("org{index}"))?;
    let name: CollectionName = COLLECTION.parse()?;
    let file = Property { optional: true, ..samples::property("f", PropertyKind::File) };
    let properties =
        vec![samples::property("n", PropertyKind::Number), samples::property("s", PropertyKind::String), file];
    let collection = samples::collection(&org.code, &name, properties);
    let first = index == 0;
    let ours = |calamity: &Calamity| {
        first || !matches!(calamity, Calamity::BadRecords | Calamity::DeadlyRecords | Calamity::CollectionGone)
    };
    let mut traits = OrgTraits {
        calamities: world.profile.calamities.iter().copied().filter(ours).collect(),
        has_quota: entropy.below(6) == 0,
        max_waiting: (entropy.below(8) == 0).then_some(2),
        lines: Vec::new(),
        files: BTreeMap::new(),
        passing: Vec::new(),
    };
    org.quota_bytes = traits.has_quota.then(|| 5000 + entropy.below(8000));
    org.max_waiting = traits.max_waiting;
    let mut records = Vec::new();
    for number in 0..entropy.below(9) {
        let id = RecordId::new(Timestamp::from_millis(0), entropy.eight());
        let filler = "x".repeat(usize::try_from(entropy.below(120)).unwrap_or(0));
        let json = format!("{{\"_id\":\"{id}\",\"n\":{number}.0,\"s\":\"{number:04}{filler}\"}}");
        let stored = if number % 3 == 1 {
            let (file, content) = (FileId::new(Timestamp::from_millis(0), entropy.eight()), filler.repeat(2));
            let key = file_key(&org.code, &name, id, "f", file);
            world.archives.overwrite(&key, Bytes::copy_from_slice(content.as_bytes()), ObjectMetadata::default());
            traits.files.insert(format!("files/{id}/f/1-{number}.txt"), content.clone());
            let size = content.len();
            let named = format!(
                "\"f\":{{\"_id\":\"{file}\",\"filename\":\"{number}.txt\",\"mime\":\"text/plain\",\"size\":{size}}}"
            );
            json.replacen("\"n\":", &format!("{named},\"n\":"), 1)
        } else {
            json.clone()
        };
        records.push(RecordPatch { id, json: Bytes::from(stored) });
        traits.lines.push(json);
    }
    traits.lines.sort_unstable();
    traits.passing = (0..3).map(passing).map(|record| String::from_utf8_lossy(&record.json).into_owned()).collect();
    if traits.has(Calamity::BadRecords) {
        let id = RecordId::new(Timestamp::from_millis(0), entropy.eight());
        records.push(RecordPatch { id, json: Bytes::from_static(b"{\"n\":") });
    }
    at_once(world.records.put(&org.code, &name, &records))?;
    insert(world, entropy, &org)?;
    insert(world, entropy, &samples::account(org.code.as_str(), waybill_domain::Role::Admin)?)?;
    insert(world, entropy, &collection)?;
    world.oracle.with(|oracle| oracle.introduce(&org.code, traits));
    Ok(org.code)
}

/// A record that is not always there.
fn passing(number: u8) -> RecordPatch {
    let id = RecordId::new(Timestamp::from_millis(0), [number.wrapping_mul(97); 8]);
    let json = format!("{{\"_id\":\"{id}\",\"n\":{number},\"s\":\"passing\"}}");
    RecordPatch { id, json: Bytes::from(json) }
}

/// Writes or removes the records of an org that are not always there.
pub(super) fn pass_by(world: &World, org: &OrgCode, there: bool) {
    let Ok(name) = COLLECTION.parse::<CollectionName>() else { return };
    let records: Vec<RecordPatch> = (0..3).map(passing).collect();
    let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
    let done = if there {
        at_once(world.records.put(org, &name, &records))
    } else {
        at_once(world.records.delete(org, &name, &ids))
    };
    if let Err(error) = done {
        world.violate(format!("records in memory: {error}"));
    }
}

/// Deletes the collection of an org, not its records: those of an export under way shall be no excuse.
pub(super) fn delete_collection(world: &World, entropy: &dyn Entropy, org: &OrgCode) {
    let Ok(name) = COLLECTION.parse::<CollectionName>() else { return };
    let Ok(Some(stored)) = at_once(Rows(&world.state).collection(org, &name)) else { return };
    let mut transaction = Transaction::new(entropy.commit_id());
    transaction.delete(&stored);
    if let Err(error) = at_once(transaction.commit(&world.state)) {
        world.violate(format!("a row in memory: {error}"));
    }
}

fn insert<T: Entity>(world: &World, entropy: &dyn Entropy, entity: &T) -> Result<(), PortError> {
    let mut transaction = Transaction::new(entropy.commit_id());
    transaction.insert(entity)?;
    at_once(transaction.commit(&world.state)).map(drop)
}

fn at_once<T>(call: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    call.now_or_never().unwrap_or_else(|| Err(crate::memory::conflict("a store in memory waited")))
}
