//! Putting together whom the end of an export is told.

use crate::Context;
use waybill_domain::{Email, Export, MAX_WEBHOOKS, Signal, SignalEvent, SignalTo, State, Told};
use waybill_ports::{PortError, PortErrorKind};

/// The signals that follow `settled`, one for each webhook that listens and for each address of mail. Nobody is told of an export that somebody canceled or deleted.
///
/// # Errors
/// [`PortError`]; of webhooks that cannot be read none is told.
pub(crate) async fn new_signals(context: &Context, settled: &Export) -> Result<Vec<Signal>, PortError> {
    let (event, at) = match &settled.state {
        _ if settled.deleted => return Ok(Vec::new()),
        State::Ready { at, .. } => (SignalEvent::Completed, *at),
        State::Failed { at, .. } => (SignalEvent::Failed, *at),
        _ => return Ok(Vec::new()),
    };
    let webhooks = match context.rows().webhooks(&settled.org, None, MAX_WEBHOOKS).await {
        Ok((webhooks, _)) => webhooks,
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => {
            tracing::error!(org = %settled.org, export = %settled.id, error = ?error, "webhooks cannot be read; none is told");
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let listening = webhooks.into_iter().map(|webhook| webhook.value).filter(|webhook| webhook.listens_to(event));
    let mails = addresses(context, settled).await?.into_iter().map(|address| SignalTo::Mail { address });
    let signals =
        listening.map(|webhook| SignalTo::Webhook { id: webhook.id }).chain(mails).zip(0_u16..).map(|(to, number)| {
            let of = (settled.org.clone(), settled.id, settled.seq, number);
            Signal::new(of, Told { event, to }, (at, settled.expires_at))
        });
    Ok(signals.collect())
}

async fn addresses(context: &Context, settled: &Export) -> Result<Vec<Email>, PortError> {
    if settled.notified == 0 {
        return Ok(Vec::new());
    }
    match context.rows().spec(&settled.org, settled.seq).await {
        Ok(spec) => Ok(spec.map(|spec| spec.value.delivery.notify).unwrap_or_default()),
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => {
            tracing::error!(org = %settled.org, export = %settled.id, "the request of an export cannot be read; nobody gets mail");
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}
