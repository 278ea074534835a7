//! Records of a chunk with their references replaced: looked up in batches, kept for a while, never one by one.

use super::plan::{record_sight, sight};
use super::{Exporting, Interrupted};
use crate::account_records::accounts_by_id;
use crate::freeze_scope::MAX_ABOVE;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt, iter};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use waybill_domain::{CollectionName, ExportSpec, Failure, FailureCode, OrgCode, PARENT, RecordId};
use waybill_engine::{Chosen, Expansion, Follow, RecordFault, Reference, Rendered};
use waybill_ports::{PortError, compute};
use waybill_query::Filter;
use waybill_record::{Chunk, Path, ReadError, Seen, Sight, Tape, stored};

/// Records of one read.
const BATCH: usize = 100;
/// Reads of one chunk on their way at once.
const READS: usize = 4;
/// Bytes of rendered records that are kept for later chunks.
const KEPT_BYTES: usize = 4 << 20;

/// Replaces the references of one export.
pub(super) struct Expander {
    org: OrgCode,
    /// Where the references of each place lead.
    targets: Vec<CollectionName>,
    /// The place of what would be too far above a variant.
    too_far: Option<usize>,
    expansion: Arc<Expansion>,
    filter: Filter,
    /// What of the records is seen.
    sight: Option<Arc<dyn Sight>>,
    /// What is seen of those that the references of each place lead to.
    sights: Arc<Vec<Option<Arc<dyn Sight>>>>,
    kept: Mutex<Kept>,
}

/// What was rendered before; forgotten whole when it is too much.
#[derive(Default)]
struct Kept {
    objects: HashMap<Reference, Bytes>,
    bytes: usize,
}

/// A record that was looked up, in its stored form.
type Found = (Reference, Option<Bytes>);

impl Expander {
    /// For the references that `spec` follows; `None` when there are none.
    pub(super) fn of(spec: &ExportSpec) -> Option<Self> {
        if spec.followed.is_empty() {
            return None;
        }
        let follow = spec.followed.iter();
        let follow = follow.map(|followed| Follow { path: followed.path.clone(), keep: followed.keep.clone() });
        Some(Self {
            org: spec.org.clone(),
            targets: spec.followed.iter().map(|followed| followed.collection.clone()).collect(),
            too_far: spec.followed.iter().position(|followed| is_too_far(&followed.path)),
            expansion: Arc::new(Expansion::compile(&follow.collect::<Vec<_>>())),
            filter: spec.filter.clone().unwrap_or_else(Filter::everything),
            sight: record_sight(spec),
            sights: Arc::new(spec.followed.iter().map(|followed| sight(&followed.access, &spec.viewer)).collect()),
            kept: Mutex::default(),
        })
    }

    /// The records of `chunk` that meet the condition, expanded.
    pub(super) async fn expand(&self, exporting: &Exporting, chunk: Chunk) -> Result<Chunk, Interrupted> {
        let (expansion, filter, sight) = (Arc::clone(&self.expansion), self.filter.clone(), self.sight.clone());
        let chosen = worked(exporting, move || expansion.choose(&filter, sight.as_deref(), &chunk)).await?;
        let chosen = chosen.map_err(|error| bad_record(&format!("{error}: {}", error.fault)))?;
        let mut rendered = Rendered::default();
        let mut rounds: Vec<Vec<Found>> = Vec::new();
        let mut wanted = self.missing(chosen.references(), &mut rendered, &rounds);
        while !wanted.is_empty() {
            if let Some(last) = wanted.iter().find(|reference| Some(reference.place) == self.too_far) {
                return Err(bad_record(&format!(
                    "a variant has more than {MAX_ABOVE} records above it, or is above itself: by its `{PARENT}` and theirs one comes \
                     to {}; correct that, or export without variants",
                    last.id
                )));
            }
            let found = self.look_up(exporting, wanted).await?;
            let (expansion, sights) = (Arc::clone(&self.expansion), Arc::clone(&self.sights));
            let job = move || {
                let found = seen(&sights, found)?;
                inside(&expansion, &found).map(|further| (found, further))
            };
            let (found, further) = worked(exporting, job).await??;
            rounds.push(found);
            wanted = self.missing(&further, &mut rendered, &rounds);
        }
        let (expansion, looked_up) = (Arc::clone(&self.expansion), rounds);
        let (chunk, fresh) = worked(exporting, move || finish(&expansion, &chosen, looked_up, rendered)).await??;
        self.keep(fresh);
        Ok(chunk)
    }

    /// Those that have to be looked up; what is kept of the others goes to `rendered`.
    fn missing(&self, references: &[Reference], rendered: &mut Rendered, rounds: &[Vec<Found>]) -> Vec<Reference> {
        let kept = self.kept.lock().ok();
        let mut missing = Vec::new();
        for reference in references {
            match kept.as_ref().and_then(|kept| kept.objects.get(reference)) {
                Some(object) => rendered.insert(reference.clone(), object.clone()),
                None if rounds.iter().flatten().any(|(found, _)| found == reference) => {}
                None => missing.push(reference.clone()),
            }
        }
        missing
    }

    fn keep(&self, fresh: Vec<(Reference, Bytes)>) {
        let Ok(mut kept) = self.kept.lock() else { return };
        for (reference, object) in fresh {
            if kept.bytes > KEPT_BYTES {
                *kept = Kept::default();
            }
            kept.bytes += object.len() + reference.id.len();
            kept.objects.insert(reference, object);
        }
    }

    async fn look_up(&self, exporting: &Exporting, wanted: Vec<Reference>) -> Result<Vec<Found>, PortError> {
        let mut by_place: BTreeMap<usize, Vec<Reference>> = BTreeMap::new();
        for reference in wanted {
            by_place.entry(reference.place).or_default().push(reference);
        }
        let batches = by_place
            .into_values()
            .flat_map(|references| references.chunks(BATCH).map(<[Reference]>::to_vec).collect::<Vec<_>>());
        let reads = batches.map(|batch| self.read(exporting, batch));
        iter(reads.collect::<Vec<_>>()).buffered(READS).try_concat().await
    }

    /// Looks up references of one place.
    async fn read(&self, exporting: &Exporting, batch: Vec<Reference>) -> Result<Vec<Found>, PortError> {
        let Some(target) = batch.first().and_then(|first| self.targets.get(first.place)) else { return Ok(Vec::new()) };
        let ids: Vec<(RecordId, Reference)> =
            batch.into_iter().filter_map(|reference| Some((reference.id.parse().ok()?, reference))).collect();
        let asked: Vec<RecordId> = ids.iter().map(|(id, _)| *id).collect();
        let records = if *target == CollectionName::accounts() {
            accounts_by_id(&exporting.context, &self.org, &asked).await?
        } else {
            exporting.records.get(&self.org, target, &asked).await?
        };
        let found = ids.into_iter().zip(records);
        Ok(found.map(|((_, reference), record)| (reference, record.map(|record| record.stored))).collect())
    }
}

/// Whether a path leads from a variant to what is above more records than may be above one.
fn is_too_far(path: &Path) -> bool {
    path.segments().len() > MAX_ABOVE && path.segments().iter().all(|segment| segment == PARENT)
}

/// What is seen of records that were looked up: those that are not seen are as if they were not there.
fn seen(sights: &[Option<Arc<dyn Sight>>], mut found: Vec<Found>) -> Result<Vec<Found>, Interrupted> {
    let (mut decoder, mut tape, mut text) = (stored::Decoder::new(), Tape::new(), Vec::new());
    for (reference, record) in &mut found {
        let (Some(Some(sight)), Some(bytes)) = (sights.get(reference.place), &record) else { continue };
        text.clear();
        let plain = decoder.decode(bytes).map_err(|fault| broken(reference, ReadError::from(fault).into()))?;
        let document = tape.scan(plain).map_err(|fault| broken(reference, fault.into()))?;
        match sight.of(&document, &mut text) {
            Seen::Whole => {}
            Seen::Part => *record = Some([&[stored::PLAIN], text.as_slice()].concat().into()),
            Seen::Nothing => *record = None,
        }
    }
    Ok(found)
}

/// The references in records that were looked up, each once.
fn inside(expansion: &Expansion, found: &[Found]) -> Result<Vec<Reference>, Interrupted> {
    let mut references = Vec::new();
    for (reference, record) in found {
        if let Some(record) = record {
            let further = expansion.references(reference.place, record);
            references.extend(further.map_err(|fault| broken(reference, fault))?);
        }
    }
    references.sort_unstable();
    references.dedup();
    Ok(references)
}

/// Renders what was looked up, the last round first, and puts it in.
fn finish(
    expansion: &Expansion,
    chosen: &Chosen,
    rounds: Vec<Vec<Found>>,
    mut rendered: Rendered,
) -> Result<(Chunk, Vec<(Reference, Bytes)>), Interrupted> {
    let mut fresh = Vec::new();
    for (reference, record) in rounds.into_iter().rev().flatten() {
        let object = match record {
            Some(record) => expansion.render(reference.place, &record, &rendered),
            None => Ok(Bytes::from(format!("{{\"_id\":\"{}\"}}", reference.id))),
        };
        let object = object.map_err(|fault| broken(&reference, fault))?;
        rendered.insert(reference.clone(), object.clone());
        fresh.push((reference, object));
    }
    let chunk =
        expansion.splice(chosen, &rendered).map_err(|error| bad_record(&format!("{error}: {}", error.fault)))?;
    Ok((chunk, fresh))
}

async fn worked<T: Send + 'static>(
    exporting: &Exporting,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Interrupted> {
    let message = "an internal error occurred while references were expanded; the operator finds it in the log";
    let failed = || Interrupted::Failed(Failure::new(FailureCode::Internal, message));
    compute(&*exporting.compute, job).await.ok_or_else(failed)
}

fn broken(reference: &Reference, fault: RecordFault) -> Interrupted {
    bad_record(&format!("the record {}, which a reference leads to, cannot be read: {fault}", reference.id))
}

fn bad_record(message: &str) -> Interrupted {
    Interrupted::Failed(Failure::new(FailureCode::BadRecord, message))
}
