//! Tells when a schedule would be due.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::schedule::{PreviewScheduleBody, SchedulePreviewWire};
use waybill_domain::Principal;

/// Tells when a schedule would be due: the next five instants of a cron expression or a recurrence rule. Nothing is kept,
/// and the org's minimum interval is not asked for.
#[utoipa::path(
    post,
    path = "/v1/schedules/preview",
    tag = "schedules",
    request_body = PreviewScheduleBody,
    responses(
        (status = 200, description = "The next instants", body = SchedulePreviewWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn preview_schedule(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let command = PreviewScheduleBody::read(&call.json()?)?;
    let next = waybill_app::preview_schedule(call.context, principal, &command).await?;
    Reply::ok(&SchedulePreviewWire::from(next))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use waybill_testkit::samples;

    const PATH: &str = "/v1/schedules/preview";

    #[tokio::test]
    async fn a_member_sees_the_next_five_instants() {
        let stage = Stage::new().await;
        stage.ports.clock.set("2026-10-23T12:00:00Z".parse().unwrap());
        let mut answers = Vec::new();
        for body in [
            r#"{"cron":"30 2 * * *","zone":"Europe/Copenhagen"}"#,
            r#"{"cron":"30 2 * * *"}"#,
            r#"{"rrule":"FREQ=MONTHLY;BYDAY=-1FR","start":"2026-01-30T09:00:00Z"}"#,
            r#"{"rrule":"RRULE:FREQ=WEEKLY;COUNT=3","start":null,"zone":"UTC"}"#,
            r#"{"rrule":"FREQ=DAILY;COUNT=2","start":"2025-01-01T00:00:00Z"}"#,
        ] {
            let answer = stage.send("POST", PATH, &stage.member, body).await;
            answers.push(format!("{body}\n{} {}", answer.status, answer.text));
        }
        insta::assert_snapshot!(answers.join("\n\n"));
    }

    #[tokio::test]
    async fn where_no_zone_is_named_it_is_the_orgs() {
        let stage = Stage::new().await;
        stage.ports.clock.set("2026-10-23T12:00:00Z".parse().unwrap());
        let mut org = samples::org("north").unwrap();
        org.zone = "America/St_Johns".to_owned();
        let admin = stage.add(&org).await;
        let answer = stage.send("POST", PATH, &admin, r#"{"cron":"@daily"}"#).await;
        assert_eq!(answer.text_at("/next/0"), "2026-10-24T02:30:00.000Z");
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_where_it_stands() {
        let stage = Stage::new().await;
        let mut answers = Vec::new();
        for body in [
            "{}",
            r#"{"cron":"@daily","rrule":"FREQ=DAILY"}"#,
            r#"{"cron":"0 25 * * *","zone":"Mars/Phobos"}"#,
            r#"{"cron":"0 0 30 2 *"}"#,
            r#"{"cron":5,"start":"soon","zone":1,"tz":"UTC"}"#,
            r#"{"cron":"@daily","start":"2026-01-01T00:00:00Z"}"#,
            r#"{"rrule":"FREQ=YEARLY;BYEASTER=0"}"#,
            r#"{"rrule":"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}"#,
            r#"{"rrule":"FREQ=SECONDLY;INTERVAL=59;BYSECOND=0;COUNT=100000","start":"2000-01-01T00:00:00Z"}"#,
        ] {
            let answer = stage.send("POST", PATH, &stage.member, body).await;
            assert_eq!(answer.status, 400, "{body}");
            answers.push(format!("{body}\n{}", crate::stage::pretty(&answer.json()["errors"])));
        }
        insta::assert_snapshot!(answers.join("\n\n"));
        assert_eq!(stage.send("POST", PATH, "", r#"{"cron":"@daily"}"#).await.status, 401);
        let answer = stage.send("GET", PATH, &stage.member, "").await;
        assert_eq!((answer.status, &answer.headers["allow"]), (405, &"POST".parse().unwrap()));
    }
}
