//! From what a client asks for to what a job keeps, and back each time that it makes an export.

use crate::{CreateExport, DateRangeRequest, DestinationRequest, Error, FilterRequest, PutJob};
use waybill_domain::{
    AccountId, DeliveryPlan, FilenameTemplate, Job, JobTemplate, KeptRange, SealedDestination, Surface,
};

/// What a job keeps beside the request of its exports.
pub(crate) struct Delivered {
    pub(crate) destinations: Vec<SealedDestination>,
    pub(crate) filename: Option<FilenameTemplate>,
    pub(crate) compress: bool,
}

/// What a job keeps of `export`. A member that is added to the request has to be kept here, or every run would forget it: so all are named.
pub(crate) fn template_of(export: CreateExport, principal: AccountId, delivered: Delivered) -> JobTemplate {
    let CreateExport {
        surface: _,
        collection,
        prefix,
        label: _,
        description: _,
        format,
        level,
        paths,
        include,
        expand,
        filter,
        search,
        date_range,
        pipeline,
        sort,
        files,
        packaging,
        raw_cells,
        per_collection,
        scope,
        // The template's own, whoever was named.
        principal: _,
        scheduled_at: _,
        // The job's schedule.
        recurring: _,
        // The job's own, but for who is told.
        delivery,
        idempotency: _,
        after_script,
        // Of a surface that makes no jobs.
        alias: _,
        data: _,
        limits: _,
    } = export;
    JobTemplate {
        collection,
        prefix,
        format,
        level,
        paths,
        include,
        expand,
        date_range: date_range.map(|DateRangeRequest { start, end, field }| KeptRange { start, end, field }),
        filter: filter.map(|FilterRequest::CortexWhere { text, .. }| text),
        search,
        pipeline,
        sort,
        files,
        packaging,
        raw_cells,
        per_collection,
        after_script,
        scope,
        principal,
        destinations: delivered.destinations,
        filename: delivered.filename,
        compress: delivered.compress,
        notify: delivery.notify,
    }
}

/// The request of one of the job's exports.
///
/// # Errors
/// `Invalid` when the kept condition is no JSON.
pub(crate) fn request_of(
    template: &JobTemplate,
    surface: Surface,
    label: &str,
    description: Option<&str>,
) -> Result<CreateExport, Error> {
    let filter = template.filter.as_ref().map(|text| {
        let condition = serde_json::from_str(text).map_err(|error| Error::invalid("where", error.to_string()))?;
        Ok::<_, Error>(FilterRequest::CortexWhere { condition, text: text.clone() })
    });
    Ok(CreateExport {
        label: Some(label.to_owned()),
        description: description.map(str::to_owned),
        level: template.level,
        prefix: template.prefix.clone(),
        paths: template.paths.clone(),
        include: template.include.clone(),
        expand: template.expand.clone(),
        pipeline: template.pipeline.clone(),
        filter: filter.transpose()?,
        search: template.search.clone(),
        date_range: template.date_range.clone().map(|KeptRange { start, end, field }| DateRangeRequest {
            start,
            end,
            field,
        }),
        sort: template.sort.clone(),
        files: template.files,
        packaging: template.packaging,
        raw_cells: template.raw_cells,
        per_collection: template.per_collection,
        after_script: template.after_script.clone(),
        scope: template.scope.clone(),
        delivery: DeliveryPlan {
            destinations: template.destinations.clone(),
            filename: template.filename.clone(),
            compress: template.compress,
            notify: template.notify.clone(),
        },
        ..CreateExport::new(surface, template.collection.clone(), template.format)
    })
}

impl PutJob {
    /// The command that leaves a job as it is, through `surface`: its secrets are masked, which keeps them.
    ///
    /// # Errors
    /// `Invalid` when the kept condition is no JSON.
    pub fn of(job: &Job, surface: Surface) -> Result<Self, Error> {
        let request = &job.request;
        let template = &request.template;
        let shown = |sealed: &SealedDestination| DestinationRequest {
            kind: sealed.config.kind(),
            config: sealed.config.shown(),
        };
        Ok(Self {
            surface,
            name: request.name.clone(),
            description: request.description.clone(),
            export: request_of(template, surface, &request.name, request.description.as_deref())?,
            schedule: request.schedule.clone(),
            zone: Some(request.zone.clone()),
            active: request.active,
            destinations: template.destinations.iter().map(shown).collect(),
            filename: template.filename.clone(),
            compress: template.compress,
        })
    }
}
