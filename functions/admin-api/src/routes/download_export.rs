//! Sends a browser or client to the archive, by a link that is good for minutes. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::export::download_name;
use waybill_domain::Principal;

/// Sends a browser or client to the archive, by a link that is good for minutes. For administrators.
#[utoipa::path(
    get,
    path = "/v1/exports/{id}/download",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 302, description = "`Location` is the link"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn download_export(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let (id, archives) = (part("id", id)?, &*call.deps.archives);
    let (_, download) =
        waybill_app::download_export(call.context, archives, principal, None, id, download_name).await?;
    Ok(Reply::redirect(download.url))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use waybill_domain::{Archive, State};

    #[tokio::test]
    async fn an_administrator_is_sent_to_a_ready_archive() {
        let stage = Stage::new().await;
        stage.define().await;
        let made = stage.send("POST", "/v1/exports", &stage.member, r#"{"collection":"visits"}"#).await;
        let path = format!("/v1/exports/{}/download", made.text_at("/id"));
        assert_eq!(stage.send("GET", &path, &stage.member, "").await.status, 403);
        insta::assert_snapshot!(stage.send("GET", &path, &stage.admin, "").await.shown());
        let org = "demo".parse().unwrap();
        let id = made.text_at("/id").parse().unwrap();
        let seq = stage.ports.rows().export_pointer(&org, id).await.unwrap().unwrap().value.seq;
        let stored = stage.ports.rows().export(&org, seq).await.unwrap().unwrap();
        let archive = Archive {
            key: "archives/demo/1".into(),
            size_bytes: 4,
            sha256: "00".into(),
            entries: vec![],
            packaged: None,
        };
        let (context, now) = (stage.ports.context(), stage.deps.context.now());
        let mut transaction = context.transaction();
        let ready = waybill_domain::Export { state: State::Ready { at: now, archive }, ..stored.value };
        transaction.update(stored.version, &ready).unwrap();
        transaction.commit(&*context.state).await.unwrap();
        let answer = stage.send("GET", &path, &stage.admin, "").await;
        assert_eq!((answer.status, answer.text.as_str()), (302, ""));
        assert!(answer.headers.contains_key("location"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        let audit = stage.send("GET", "/v1/audit?limit=1", &stage.admin, "").await;
        assert_eq!(audit.text_at("/items/0/action"), "export-downloaded");
        stage.ports.clock.set(ready.expires_at);
        assert_eq!(stage.send("GET", &path, &stage.admin, "").await.status, 404);
    }
}
