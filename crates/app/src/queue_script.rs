//! Putting together what the script of an ended export runs with.

use crate::Context;
use waybill_domain::{Export, ScriptInput, ScriptPrincipal, ScriptRun, State};
use waybill_ports::{PortError, PortErrorKind};

/// The script that follows `settled`, with everything that it runs with. None follows an export that somebody canceled or deleted: who
/// ends an export ends what would have come after it.
///
/// # Errors
/// [`PortError`]; what cannot be read has no script.
pub(crate) async fn script_of(context: &Context, settled: &Export) -> Result<Option<ScriptRun>, PortError> {
    let ended_by_itself = matches!(settled.state, State::Ready { .. } | State::Failed { .. });
    if !settled.after_script || !ended_by_itself || settled.deleted {
        return Ok(None);
    }
    let rows = context.rows();
    let spec = match rows.spec(&settled.org, settled.seq).await {
        Ok(spec) => spec,
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(spec) = spec.map(|spec| spec.value).filter(|spec| spec.after_script.is_some()) else {
        tracing::error!(org = %settled.org, export = %settled.id, "the request of an export cannot be read; its script does not run");
        return Ok(None);
    };
    let account = match rows.account(&settled.org, spec.viewer.account).await {
        Ok(account) => account.map(|account| account.value),
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    let principal = ScriptPrincipal {
        id: spec.viewer.account,
        name: account.as_ref().map(|account| account.name.clone()).unwrap_or_default(),
        roles: account.as_ref().map(waybill_domain::Account::role_names).unwrap_or_default(),
        email: account.and_then(|account| account.email),
    };
    let input = ScriptInput { export: settled.clone(), spec, principal };
    Ok(Some(ScriptRun::new(input, context.now())))
}
