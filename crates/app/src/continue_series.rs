//! What becomes of a series when the time of its export has come: that one enters its lane, and the next one is made.
//!
//! As with slots of jobs, an instant that nobody looked at for an hour makes no export any more, and of several that are due the latest
//! does; the export that waits then waits for another one. The last of a series enters however late.

use crate::begin_series::kept_clock;
use crate::create_export::freeze_request;
use crate::tick_schedules::principal_of;
use crate::{Context, CreateExport, DateRangeRequest, Error};
use waybill_domain::{
    Export, ExportId, ExportPointer, ExportSpec, Principal, Seq, Series, SkippedReason, State, Stop, Timestamp, Viewer,
};
use waybill_ports::{PortError, PortErrorKind, Stored, Transaction};

/// What becomes of an export that is due.
pub(crate) enum Turn {
    /// It enters its lane, and the next one of its series, if there is one, is made.
    Enters {
        /// It, as it was or with the instant that it stands for.
        export: Box<Export>,
        /// That one.
        next: Option<Box<Next>>,
    },
    /// It does not: as it will be instead.
    Stays(Box<Export>),
}

/// The next export of a series, but for its number.
pub(crate) struct Next {
    export: Export,
    spec: ExportSpec,
}

impl Next {
    /// Its id.
    pub(crate) fn id(&self) -> ExportId {
        self.export.id
    }

    /// Adds its rows.
    ///
    /// # Errors
    /// As [`Transaction::insert`].
    pub(crate) fn add(self, seq: Seq, created_at: Timestamp, transaction: &mut Transaction) -> Result<(), PortError> {
        let export = Export { seq, created_at, ..self.export };
        let pointer = ExportPointer { org: export.org.clone(), id: export.id, seq };
        transaction.insert(&export)?.insert(&ExportSpec { seq, ..self.spec })?.insert(&pointer)?;
        Ok(())
    }
}

/// Decides about an export that is due, and adds to `transaction` what changes of its request. One that is of no series enters.
///
/// # Errors
/// As the store's; `Corrupt` for a rule that was understood and is not any more.
pub(crate) async fn continue_series(
    context: &Context,
    stored: &Stored<Export>,
    transaction: &mut Transaction,
) -> Result<Turn, PortError> {
    let (export, now) = (&stored.value, context.now());
    let enters = Turn::Enters { export: Box::new(export.clone()), next: None };
    let spec = match context.rows().spec(&export.org, export.seq).await {
        Ok(Some(spec)) => spec,
        Ok(None) => return Ok(enters),
        // Who runs it says what is wrong.
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => return Ok(enters),
        Err(error) => return Err(error),
    };
    let (Some(series), Some(due)) = (spec.value.series.clone(), export.admission_at()) else { return Ok(enters) };
    let clock = kept_clock(&spec.value, &series)?;
    let decision = clock.decide(due, now);
    let mut series = series.decided(decision.through);
    for (range, reason) in [(decision.late, SkippedReason::Late), (decision.superseded, SkippedReason::Superseded)] {
        // Where nothing comes after it, the export that waits enters for the instant that it waits for.
        let alone = decision.fires.or(decision.next).is_none();
        let range = range.and_then(|(from, through)| {
            let from = if alone { clock.next(from).filter(|next| *next <= through)? } else { from };
            Some((from, through))
        });
        if let Some(range) = range {
            tracing::info!(org = %export.org, export = %export.id, from = %range.0, through = %range.1, ?reason, "instants of a series skipped");
            series = series.skip(range, reason);
        }
    }
    let at = match (decision.fires, decision.next) {
        (Some(at), _) => at,
        (None, Some(next)) => return wait(export, spec, series, next, transaction),
        (None, None) => due,
    };
    let Some(principal) = principal_of(context, &export.org, export.creator).await? else {
        let series = series.skip((at, at), SkippedReason::Locked);
        return match decision.next {
            Some(next) => wait(export, spec, series, next, transaction),
            None => end(export, now),
        };
    };
    let again = frozen_again(context, &principal, export, &spec.value).await?;
    let entering =
        ExportSpec { seq: export.seq, scheduled_at: Some(at), series: Some(series.clone()), ..again.clone() };
    transaction.update(spec.version, &entering)?;
    let next = decision.next.map(|next| {
        let id = context.entropy.export_id(now);
        let spec = ExportSpec { scheduled_at: Some(next), series: Some(series), ..again };
        Box::new(Next { export: following(export, id, next), spec })
    });
    Ok(Turn::Enters { export: Box::new(Export { scheduled_at: Some(at), ..export.clone() }), next })
}

/// Waits for the instant `next` in place of what it waited for.
fn wait(
    export: &Export,
    spec: Stored<ExportSpec>,
    series: Series,
    next: Timestamp,
    transaction: &mut Transaction,
) -> Result<Turn, PortError> {
    let waiting = ExportSpec { scheduled_at: Some(next), series: Some(series), ..spec.value };
    transaction.update(spec.version, &waiting)?;
    let (state, expires_at) = (State::Scheduled { at: next }, Export::expiry(next));
    Ok(Turn::Stays(Box::new(Export { state, expires_at, scheduled_at: Some(next), ..export.clone() })))
}

/// Ends with its series: nobody is left whose rights it could read with.
fn end(export: &Export, now: Timestamp) -> Result<Turn, PortError> {
    let ended = export.clone().request_stop(Stop::Cancel, now);
    let (ended, _) = ended.map_err(|_| PortError::new(PortErrorKind::Conflict, "ending a series"))?;
    Ok(Turn::Stays(Box::new(ended)))
}

/// The export after `export`, which has not begun.
fn following(export: &Export, id: ExportId, at: Timestamp) -> Export {
    Export {
        id,
        // What a client named is that export, not the series.
        alias: None,
        changed_at: None,
        scheduled_at: Some(at),
        state: State::Scheduled { at },
        expires_at: Export::expiry(at),
        ..export.clone()
    }
}

/// The request with the collection's definition and the account's rights as they are now. Where it cannot be met any more it stays as it
/// was, so that the export ends in words that say why.
async fn frozen_again(
    context: &Context,
    principal: &Principal,
    export: &Export,
    spec: &ExportSpec,
) -> Result<ExportSpec, PortError> {
    let frozen = Box::pin(freeze_request(context, principal, &asked_again(export, spec))).await;
    match frozen {
        Ok(again) => Ok(again),
        Err(Error::Internal(error) | Error::Unavailable(error)) => Err(error),
        Err(Error::Throttled { retry_after }) => {
            Err(PortError::new(PortErrorKind::Throttled { retry_after }, "freezing the request of a series"))
        }
        Err(error) => {
            tracing::info!(org = %export.org, export = %export.id, %error, "the request of a series cannot be met any more");
            Ok(ExportSpec { viewer: Viewer::from(principal), ..spec.clone() })
        }
    }
}

/// What was asked of an export of a series. A member that is added to the frozen request has to be asked again here: so all are named.
fn asked_again(export: &Export, spec: &ExportSpec) -> CreateExport {
    let ExportSpec {
        org: _,
        seq: _,
        collection,
        format,
        packaging,
        limits,
        level,
        raw_cells,
        files,
        data,
        search,
        date_range,
        after_script,
        delivery,
        // Said by `data`.
        selection: _,
        filter: _,
        filter_text: _,
        sort: _,
        // Of surfaces that make no series.
        within: _,
        expand: _,
        pipeline: _,
        pipeline_text: _,
        // Found out again.
        followed: _,
        viewer: _,
        access: _,
        scope: _,
        members: _,
        per_collection: _,
        scheduled_at: _,
        series: _,
    } = spec;
    CreateExport {
        label: export.label.clone(),
        description: export.description.clone(),
        packaging: *packaging,
        limits: *limits,
        level: *level,
        raw_cells: *raw_cells,
        files: *files,
        date_range: date_range.as_ref().map(|range| DateRangeRequest {
            start: range.start.clone(),
            end: range.end.clone(),
            field: None,
        }),
        data: data.clone(),
        search: search.clone(),
        after_script: after_script.clone(),
        delivery: delivery.clone(),
        ..CreateExport::new(export.surface, collection.name.clone(), *format)
    }
}
