//! Changing an export's words for people; everything else is frozen.

use crate::end_export::assert_may_change;
use crate::read_export::visible;
use crate::retry::Attempts;
use crate::{Context, Error, ExportView};
use waybill_domain::{ExportId, Principal, Surface};

/// What changes: `None` leaves a field as it is, `Some(None)` takes it away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateExport {
    /// The short name.
    pub label: Option<Option<String>>,
    /// The longer one.
    pub description: Option<Option<String>>,
}

/// Changes the export with that id, if it is of the caller's org, made through `surface` (`None` = any) and visible now. For
/// administrators and the owner.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Throttled`, `Unavailable`, `Internal`.
pub async fn update_export(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: ExportId,
    change: &UpdateExport,
) -> Result<ExportView, Error> {
    let mut attempts = Attempts::new(context);
    loop {
        let stored = visible(context, &principal.org, surface, id).await?;
        assert_may_change(principal, &stored.value)?;
        let mut export = stored.value.clone();
        export.label = change.label.clone().unwrap_or(export.label);
        export.description = change.description.clone().unwrap_or(export.description);
        if export == stored.value {
            break;
        }
        let mut transaction = context.transaction();
        transaction.update(stored.version, &export)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => break,
            Err(error) => attempts.after(error).await?,
        }
    }
    crate::read_export(context, principal, surface, id).await
}
