//! Reading a window of exports in an order of the caller's choice.

use crate::{Context, Error, ExportView};
use std::collections::BTreeMap;
use waybill_domain::{Export, ExportId, Principal, Seq, Surface};
use waybill_ports::PortError;

/// Exports that are read at once while looking for those of a window.
const SCAN_PAGE: usize = 500;

/// Which exports of a sorted list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportWindow {
    /// Only ids greater than this.
    pub after: Option<ExportId>,
    /// Only ids less than this.
    pub before: Option<ExportId>,
    /// How many to leave out at the beginning.
    pub skip: usize,
    /// Most to give.
    pub limit: usize,
}

/// Visible exports made through `surface` (`None` = any) in the order of `sort_key`, equal ones in order of creation; whether there
/// are more beyond the window. Reads all exports of the org, keeps `skip + limit` of them.
///
/// # Errors
/// `Unavailable`, `Throttled`, `Internal`.
pub async fn window_exports<K: Ord + Send>(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    window: ExportWindow,
    sort_key: impl Fn(&Export) -> K + Send + Sync,
) -> Result<(Vec<Export>, bool), Error> {
    let (keep, now) = (window.skip.saturating_add(window.limit).saturating_add(1), context.now());
    let mut kept: BTreeMap<(K, Seq), Export> = BTreeMap::new();
    let mut from = None;
    loop {
        let (page, more) = context.rows().exports(&principal.org, from, false, SCAN_PAGE).await?;
        from = page.last().map_or(from, |last| Some(last.value.seq));
        for export in page.into_iter().map(|stored| stored.value) {
            let of_surface = surface.is_none_or(|surface| surface == export.surface);
            let inside = window.after.is_none_or(|id| export.id > id) && window.before.is_none_or(|id| export.id < id);
            if of_surface && inside && export.is_visible(now) {
                kept.insert((sort_key(&export), export.seq), export);
                if kept.len() > keep {
                    kept.pop_last();
                }
            }
        }
        if !more {
            break;
        }
    }
    let mut exports: Vec<Export> = kept.into_values().skip(window.skip).collect();
    let further = exports.len() > window.limit;
    exports.truncate(window.limit);
    Ok((exports, further))
}

/// As [`window_exports`] in order of creation (`descending`: the newest first), without reading more than the window needs.
///
/// # Errors
/// As [`window_exports`].
pub async fn window_exports_as_created(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    window: ExportWindow,
    descending: bool,
) -> Result<(Vec<Export>, bool), Error> {
    let now = context.now();
    let anchor = if descending { window.before } else { window.after };
    // Once its rows are removed, where an id stood is known from the id alone.
    let mut from = match anchor {
        Some(id) => context.rows().export_pointer(&principal.org, id).await?.map(|pointer| pointer.value.seq),
        None => None,
    };
    let anchored = from.is_some();
    let mut exports = Vec::new();
    let mut skipped = 0;
    loop {
        let wanted = window.skip - skipped + window.limit + 1 - exports.len();
        let (page, more) = context.rows().exports(&principal.org, from, descending, wanted.min(SCAN_PAGE)).await?;
        from = page.last().map_or(from, |last| Some(last.value.seq));
        for export in page.into_iter().map(|stored| stored.value) {
            let of_surface = surface.is_none_or(|surface| surface == export.surface);
            let after = (anchored && !descending) || window.after.is_none_or(|id| export.id > id);
            let before = (anchored && descending) || window.before.is_none_or(|id| export.id < id);
            if !(of_surface && after && before && export.is_visible(now)) {
                continue;
            }
            if skipped < window.skip {
                skipped += 1;
            } else if exports.len() <= window.limit {
                exports.push(export);
            }
        }
        if !more || exports.len() > window.limit {
            break;
        }
    }
    let further = exports.len() > window.limit;
    exports.truncate(window.limit);
    Ok((exports, further))
}

/// Exports of the caller's org with their frozen requests; those whose rows are being removed are left out.
///
/// # Errors
/// As [`window_exports`].
pub async fn with_requests(
    context: &Context,
    principal: &Principal,
    exports: Vec<Export>,
) -> Result<Vec<ExportView>, Error> {
    let seqs: Vec<Seq> = exports.iter().map(|export| export.seq).collect();
    let specs = context.rows().specs(&principal.org, &seqs).await.map_err(|error: PortError| Error::from(error))?;
    let views = exports.into_iter().zip(specs);
    Ok(views.filter_map(|(export, spec)| spec.map(|spec| ExportView { export, spec: spec.value })).collect())
}
