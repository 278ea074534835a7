//! Reading exports: one, or a page of them, as their org may see them now.

use crate::{Context, Error, ExportView};
use std::collections::BTreeMap;
use waybill_domain::{Export, ExportId, OrgCode, Principal, ScriptRun, Seq, Surface};
use waybill_ports::{PortError, Rows, Stored};

/// A page of exports.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportPage {
    /// The exports, in the order asked for.
    pub items: Vec<ExportView>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Seq>,
}

/// The export with that id, if it is of the caller's org, made through `surface` (`None` = any), and visible now.
///
/// # Errors
/// `NotFound` otherwise, whatever the reason.
pub async fn read_export(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: ExportId,
) -> Result<ExportView, Error> {
    let export = visible(context, &principal.org, surface, id).await?.value;
    match context.rows().spec(&principal.org, export.seq).await? {
        Some(spec) => {
            let script = if follows(&export) {
                context.rows().script_run(&principal.org, id).await?.map(|run| run.value)
            } else {
                None
            };
            Ok(ExportView { export, spec: spec.value, script })
        }
        // Its rows are being removed.
        None => Err(not_found(id)),
    }
}

/// The visible export with that id.
pub(crate) async fn visible(
    context: &Context,
    org: &OrgCode,
    surface: Option<Surface>,
    id: ExportId,
) -> Result<Stored<Export>, Error> {
    let stored = stored_export(context, org, id).await?.ok_or_else(|| not_found(id))?;
    let asked = surface.is_none_or(|surface| surface == stored.value.surface);
    if asked && stored.value.is_visible(context.now()) { Ok(stored) } else { Err(not_found(id)) }
}

/// The export with that id, visible or not.
pub(crate) async fn stored_export(
    context: &Context,
    org: &OrgCode,
    id: ExportId,
) -> Result<Option<Stored<Export>>, PortError> {
    match context.rows().export_pointer(org, id).await? {
        Some(pointer) => context.rows().export(org, pointer.value.seq).await,
        None => Ok(None),
    }
}

fn not_found(id: ExportId) -> Error {
    Error::NotFound { kind: "export", id: id.to_string() }
}

/// Visible exports made through `surface` (`None` = any) beyond `after`, oldest or newest first, at most `limit` (1 to 1000).
///
/// # Errors
/// `Unavailable`, `Throttled`, `Internal`.
pub async fn list_exports(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    after: Option<Seq>,
    descending: bool,
    limit: usize,
) -> Result<ExportPage, Error> {
    let (rows, org, now) = (context.rows(), &principal.org, context.now());
    let mut exports: Vec<Export> = Vec::new();
    let mut from = after;
    let mut more = true;
    while more && exports.len() <= limit {
        let (page, rest) = rows.exports(org, from, descending, limit + 1 - exports.len()).await?;
        from = page.last().map_or(from, |last| Some(last.value.seq));
        more = rest;
        let seen = page.into_iter().map(|stored| stored.value);
        exports.extend(
            seen.filter(|export| surface.is_none_or(|surface| surface == export.surface) && export.is_visible(now)),
        );
    }
    let further = exports.len() > limit;
    exports.truncate(limit);
    let next = exports.last().filter(|_| further).map(|last| last.seq);
    Ok(ExportPage { items: views(rows, org, exports).await?, next })
}

/// Exports of an org with their frozen requests and scripts; those whose rows are being removed are left out.
pub(crate) async fn views(rows: Rows<'_>, org: &OrgCode, exports: Vec<Export>) -> Result<Vec<ExportView>, PortError> {
    let seqs: Vec<Seq> = exports.iter().map(|export| export.seq).collect();
    let specs = rows.specs(org, &seqs).await?;
    let followed: Vec<ExportId> = exports.iter().filter(|export| follows(export)).map(|export| export.id).collect();
    let scripts = if followed.is_empty() { Vec::new() } else { rows.script_runs(org, &followed).await? };
    let mut scripts: BTreeMap<ExportId, ScriptRun> =
        scripts.into_iter().flatten().map(|run| (run.value.export, run.value)).collect();
    let views = exports.into_iter().zip(specs);
    let views = views.filter_map(|(export, spec)| {
        let script = scripts.remove(&export.id);
        spec.map(|spec| ExportView { export, spec: spec.value, script })
    });
    Ok(views.collect())
}

/// Whether a script follows it, or has.
fn follows(export: &Export) -> bool {
    export.after_script && export.is_terminal()
}
