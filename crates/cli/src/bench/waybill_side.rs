//! Waybill's side of the benchmark: an export created and advanced by the production use cases over replaying ports.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use waybill_app::{CreateExport, Exporting, StepSettings, Verdict, advance_lane, create_export, read_export};
use waybill_aws::{SystemClock, SystemEntropy, ThreadCompute};
use waybill_domain::{
    AccountId, CollectionName, ExportFormat, KeyId, Level, Principal, Role, State, Surface, Timestamp,
};
use waybill_ports::{Clock, WakeMessage, WakeReceipt};
use waybill_record::Path;

use super::pages::{Pages, ReplayedRecords};
use super::records;
use super::rows::MappedRows;
use super::sinks::{CountingArchives, SilentWake};
use super::written::Written;

/// Longer than any benchmark: the export is made in one step.
const BUDGET: Duration = Duration::from_hours(24);

/// Exports `pages` on `threads` threads.
pub(super) fn run(pages: Pages, threads: NonZeroUsize, level: Level) -> Result<Written> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(export(Arc::new(pages), threads, level))
}

async fn export(pages: Arc<Pages>, threads: NonZeroUsize, level: Level) -> Result<Written> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let context = waybill_app::Context {
        state: Arc::new(MappedRows::default()),
        clock: Arc::clone(&clock),
        entropy: Arc::new(SystemEntropy),
        request_id: None,
    };
    let principal = somebody()?;
    let collection: CollectionName = "people".parse()?;
    let mut transaction = context.transaction();
    transaction.insert(&records::collection(principal.org.clone(), collection.clone()))?;
    transaction.commit(&*context.state).await?;
    let paths = records::COLUMNS.iter().map(|column| column.parse()).collect::<Result<Vec<Path>, _>>()?;
    let command = CreateExport { level, paths, ..CreateExport::new(Surface::Admin, collection, ExportFormat::Csv) };
    let export = create_export(&context, &SilentWake, &principal, &command).await?.export;

    let archives = Arc::new(CountingArchives::default());
    let exporting = Exporting {
        context: context.clone(),
        records: Arc::new(ReplayedRecords(pages)),
        archives: archives.clone(),
        wake: Arc::new(SilentWake),
        compute: Arc::new(ThreadCompute::new(threads)),
        settings: StepSettings::default(),
    };
    let message = WakeMessage::ExportV1 { org: export.org.clone(), export: export.id };
    let began = clock.monotonic();
    let verdict = advance_lane(&exporting, &message, &WakeReceipt(String::new()), BUDGET).await;
    let took = clock.monotonic().saturating_sub(began);

    let export = read_export(&context, &principal, None, export.id).await?.export;
    let archive = match &export.state {
        State::Ready { archive, .. } if verdict == Verdict::Done => archive,
        state => bail!("the export did not end well: {state:?}"),
    };
    if archives.size_of(&archive.key) != Some(archive.size_bytes) {
        bail!("the archive is not as large as its export says");
    }
    let csv = archive.entries.first().context("the archive has no entry")?;
    Ok(Written {
        took,
        records: export.progress.records,
        csv_bytes: csv.size_bytes,
        csv_crc32: csv.crc32,
        archive_bytes: archive.size_bytes,
    })
}

fn somebody() -> Result<Principal> {
    let at = Timestamp::from_millis(0);
    Ok(Principal {
        org: "bench".parse()?,
        account: AccountId::new(at, [1; 8]),
        role: Role::Admin,
        scopes: std::collections::BTreeSet::new(),
        key: KeyId::new(at, [2; 8]),
    })
}
