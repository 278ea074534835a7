//! Lists what scripts wrote into the org's log, the newest first. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, next};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::log::LogWire;
use waybill_app::LogFilter;
use waybill_domain::{LogLevel, Principal};

/// Lists what scripts wrote into the org's log, the newest first. For administrators. A page may hold fewer lines than `limit` although
/// there is a next one.
#[utoipa::path(
    get,
    path = "/v1/logs",
    tag = "logs",
    params(
        ("limit" = Option<u64>, Query, description = "Items on a page, 1 to 1000; 50 where it is absent"),
        ("cursor" = Option<String>, Query, description = "`next` of an earlier page"),
        ("level" = Option<String>, Query, description = "The least important level: `error`, `warn`, `info`, `debug` or `trace`"),
        ("export" = Option<String>, Query, description = "Only what the script of this export wrote"),
    ),
    responses(
        (status = 200, description = "A page", body = List<LogWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_logs(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    let org = Some(&principal.org);
    let paging = call.paging_beside(&["level", "export"], org, "logs")?;
    let level = call.query.one("level")?.map(level).transpose()?;
    let export = call.query.one("export")?;
    let export = export.map(|id| id.parse().map_err(|_| ApiError::invalid_at("export", "must be 24 hex digits")));
    let filter = LogFilter { level, export: export.transpose()?, ascending: false };
    let page = waybill_app::list_logs(call.context, principal, filter, paging.after, paging.limit).await?;
    let cursor = next(org, "logs", page.next.as_ref());
    Reply::ok(&List::new(page.items.into_iter().map(LogWire::from), cursor))
}

fn level(name: &str) -> Result<LogLevel, ApiError> {
    let level = LogLevel::ALL.into_iter().find(|level| level.as_str() == name);
    level.ok_or_else(|| ApiError::invalid_at("level", "must be one of error, warn, info, debug, trace"))
}
