//! Waybill's side: exports created and advanced by the production use cases over the ports that they are given.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use waybill_app::{
    CreateExport, Exporting, FilterRequest, StepSettings, Verdict, advance_lane, create_export, read_export,
};
use waybill_aws::{SystemClock, SystemEntropy, ThreadCompute};
use waybill_domain::{
    AccountId, Archive, Collection, CollectionName, Export, ExportFormat, KeyId, Level, Principal, Role, State,
    Surface, Timestamp,
};
use waybill_ports::{ArchiveStore, Clock, RecordSource, WakeMessage, WakeReceipt};
use waybill_record::Path;

use super::data::{PageFile, Paged};
use super::job::{ExportJob, Run, Stopwatch};
use super::pages::ReplayedRecords;
use super::rows::MappedRows;
use super::sinks::{MappedArchives, SilentWake};
use super::{process, records};

/// Longer than any benchmark: the export is made in one step.
pub(super) const ONE_STEP: Duration = Duration::from_hours(24);
/// Steps after which an export will never end.
const MOST_STEPS: u64 = 1_000_000;

/// What is exported.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The form of the file.
    pub(super) format: ExportFormat,
    /// How hard deflate tries.
    pub(super) level: Level,
    /// The columns; empty for everything that is declared.
    pub(super) columns: &'static [&'static str],
    /// Whether the benchmark's condition applies.
    pub(super) filtered: bool,
}

/// A made export.
#[derive(Debug)]
pub(super) struct Made {
    /// Its archive.
    pub(super) archive: Archive,
    /// Records in it.
    pub(super) records: u64,
    /// Steps that it took.
    pub(super) steps: u64,
}

/// An org with the benchmark's collection, and somebody who may export it.
pub(super) struct Exports {
    context: waybill_app::Context,
    principal: Principal,
    collection: CollectionName,
}

impl Exports {
    /// A fresh one, under this clock.
    pub(super) async fn new(clock: Arc<dyn Clock>) -> Result<Self> {
        Self::of(clock, |collection| collection).await
    }

    /// One whose collection is what `defined` makes of the benchmark's.
    pub(super) async fn of(clock: Arc<dyn Clock>, defined: fn(Collection) -> Collection) -> Result<Self> {
        let context = waybill_app::Context {
            state: Arc::new(MappedRows::default()),
            clock,
            entropy: Arc::new(SystemEntropy),
            request_id: None,
        };
        let principal = somebody()?;
        let collection: CollectionName = "people".parse()?;
        let mut transaction = context.transaction();
        transaction.insert(&defined(records::collection(principal.org.clone(), collection.clone())))?;
        transaction.commit(&*context.state).await?;
        Ok(Self { context, principal, collection })
    }

    /// Creates an export.
    pub(super) async fn create(&self, request: &Request) -> Result<Export> {
        let paths = request.columns.iter().map(|column| column.parse()).collect::<Result<Vec<Path>, _>>()?;
        let condition = serde_json::from_str(records::WHERE)?;
        let filter = FilterRequest::CortexWhere { condition, text: records::WHERE.to_owned() };
        let command = CreateExport {
            level: request.level,
            paths,
            filter: request.filtered.then_some(filter),
            ..CreateExport::new(Surface::Admin, self.collection.clone(), request.format)
        };
        Ok(create_export(&self.context, &SilentWake, &self.principal, &command).await?.export)
    }

    /// The ports of an exporter.
    pub(super) fn exporting(
        &self,
        records: Arc<dyn RecordSource>,
        archives: Arc<dyn ArchiveStore>,
        threads: usize,
        settings: StepSettings,
    ) -> Exporting {
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        Exporting {
            context: self.context.clone(),
            records,
            archives,
            wake: Arc::new(SilentWake),
            scripts: Arc::new(SilentWake),
            deliveries: Arc::new(SilentWake),
            compute: Arc::new(ThreadCompute::new(threads)),
            settings,
        }
    }

    /// Advances an export until it is made, in steps that each have `budget`.
    pub(super) async fn advance(&self, exporting: &Exporting, export: &Export, budget: Duration) -> Result<Made> {
        let message = WakeMessage::ExportV1 { org: export.org.clone(), export: export.id };
        let (receipt, mut steps) = (WakeReceipt(String::new()), 1);
        while Box::pin(advance_lane(exporting, &message, &receipt, budget)).await == Verdict::Retry {
            steps += 1;
            if steps > MOST_STEPS {
                bail!("an export does not end");
            }
        }
        let export = read_export(&self.context, &self.principal, None, export.id).await?.export;
        match export.state {
            State::Ready { archive, .. } => Ok(Made { archive, records: export.progress.records, steps }),
            state => bail!("an export did not end well: {state:?}"),
        }
    }
}

/// One export of all records in one step, into a store that only counts.
pub(super) async fn run(job: &ExportJob) -> Result<Run> {
    let exports = Exports::new(Arc::new(SystemClock::new())).await?;
    let request = Request {
        format: ExportFormat::Csv,
        level: job.effort.of_export(),
        columns: &records::COLUMNS,
        filtered: true,
    };
    let export = exports.create(&request).await?;
    let file = PageFile::open(&job.data, Paged::Stored)?;
    let count = file.count();
    let archives = Arc::new(MappedArchives::default());
    let pages = Arc::new(ReplayedRecords::of_file(file, count));
    let exporting = exports.exporting(pages, archives.clone(), job.threads, StepSettings::default());
    let watch = Stopwatch::start();
    let made = exports.advance(&exporting, &export, ONE_STEP).await?;
    let (secs, processor_secs) = watch.elapsed();
    if archives.size_of(&made.archive.key) != Some(made.archive.size_bytes) {
        bail!("the archive is not as large as its export says");
    }
    let csv = made.archive.entries.first().context("the archive has no entry")?;
    Ok(Run {
        secs,
        processor_secs: Some(processor_secs),
        records: made.records,
        plain_bytes: csv.size_bytes,
        crc32: csv.crc32,
        archive_bytes: made.archive.size_bytes,
        peak_rss_bytes: process::peak_rss_bytes(),
        steps: made.steps,
        ..Run::default()
    })
}

fn somebody() -> Result<Principal> {
    let at = Timestamp::from_millis(0);
    Ok(Principal {
        org: "bench".parse()?,
        account: AccountId::new(at, [1; 8]),
        role: Role::Admin,
        roles: std::collections::BTreeSet::new(),
        scopes: std::collections::BTreeSet::new(),
        key: KeyId::new(at, [2; 8]),
    })
}
