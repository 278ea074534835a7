//! Putting together the deliveries of an export that is ready.

use crate::Context;
use waybill_domain::{
    DeliveredFile, DeliveredRun, Delivery, Export, ExportSpec, FilenameFacts, JobId, Packaging, Run, State, Timestamp,
};
use waybill_ports::PortError;

/// The deliveries that follow `settled`, one for each destination of its request; none of an export that has no archive, or that somebody
/// deleted.
///
/// # Errors
/// [`PortError`].
pub(crate) async fn new_deliveries(context: &Context, settled: &Export) -> Result<Vec<Delivery>, PortError> {
    if settled.deliveries == 0 || settled.deleted {
        return Ok(Vec::new());
    }
    let State::Ready { at, .. } = settled.state else { return Ok(Vec::new()) };
    let Some(spec) = context.rows().spec(&settled.org, settled.seq).await? else { return Ok(Vec::new()) };
    let Some(file) = file(settled, &spec.value) else { return Ok(Vec::new()) };
    let run = Run::of(settled).map(|run| DeliveredRun { job: run.job, started_at: run.started_at, id: run.id });
    let numbered = spec.value.delivery.destinations.into_iter().zip(0_u16..);
    let deliveries = numbered.map(|(destination, number)| {
        let of = (settled.org.clone(), settled.id, settled.seq, number);
        Delivery::queued(of, run.clone(), destination, file.clone(), (at, settled.expires_at))
    });
    Ok(deliveries.collect())
}

/// The file that is handed over: the one made of the records alone, else the archive.
fn file(export: &Export, spec: &ExportSpec) -> Option<DeliveredFile> {
    let archive = export.archive()?;
    let packaging = spec.file_packaging();
    let (key, size_bytes, sha256) = match &archive.packaged {
        Some(file) => (&file.key, file.size_bytes, &file.sha256),
        None => (&archive.key, archive.size_bytes, &archive.sha256),
    };
    let at = export.job.as_ref().and_then(|job| job.slot).unwrap_or(export.created_at);
    Some(DeliveredFile {
        key: key.clone(),
        name: name(export, spec, packaging, at),
        content_type: packaging.media_type(export.format).to_owned(),
        size_bytes,
        sha256: sha256.clone(),
        records: export.progress.records,
    })
}

fn name(export: &Export, spec: &ExportSpec, packaging: Packaging, at: Timestamp) -> String {
    let date: String = at.to_string().chars().take(10).collect();
    let plain = || format!("export-{date}.{}", packaging.ending(export.format));
    let Some(template) = &spec.delivery.filename else { return plain() };
    // An export that no job made stands for one of its own.
    let job = match &export.job {
        Some(of) => Some(of.job.clone()),
        None => export.id.to_string().parse::<JobId>().ok(),
    };
    let Some(job) = job else { return plain() };
    template.render(&FilenameFacts { at, job, run: export.id.into() }, packaging == Packaging::Gzip)
}
