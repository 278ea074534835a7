//! Reading a window of exports in the order in which they were made.

use crate::read_export::views;
use crate::{Context, Error, ExportView};
use waybill_domain::{Export, ExportId, Principal, Surface};

/// Exports that are read at once while looking for those of a window.
const SCAN_PAGE: usize = 500;

/// Which exports of a list.
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

/// Visible exports made through `surface` (`None` = any) in order of creation (`descending`: the newest first); whether there are more
/// beyond the window, which is all that is read.
///
/// # Errors
/// `Unavailable`, `Throttled`, `Internal`.
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
/// As [`window_exports_as_created`].
pub async fn with_requests(
    context: &Context,
    principal: &Principal,
    exports: Vec<Export>,
) -> Result<Vec<ExportView>, Error> {
    Ok(views(context.rows(), &principal.org, exports).await?)
}
