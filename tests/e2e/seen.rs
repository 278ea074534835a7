//! Access over HTTP: an export holds what its principal may read, and only administrators choose who that is.

use crate::harness::{Tenant, World, reply, story, text};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

#[test]
fn an_export_holds_what_its_principal_may_read() {
    story(async |world| {
        let tenant = world.tenant("seen").await?;
        let theirs = world.tenant("seen-theirs").await?;
        let nurse = account(world, &tenant, "nurse").await?;
        let stranger = account(world, &theirs, "nurse").await?;
        let definition = json!({
            "access": {"default": [{"type": "role", "target": "nurse", "allow": 4}]},
            "properties": {"n": {"type": "number"}, "secret": {"type": "string", "readAccess": 6}}});
        let put = world.call(Method::PUT, "/v1/collections/visits", &tenant.admin).json(&definition);
        let (status, made) = reply(put).await?;
        assert_eq!((status.as_u16(), &made["access"]), (201, &definition["access"]), "{made}");
        assert_eq!(made["properties"]["secret"]["readAccess"], 6);
        let lines = [
            format!(r#"{{"n":1,"secret":"a","owner":"{nurse}"}}"#),
            r#"{"n":2,"secret":"b"}"#.to_owned(),
            r#"{"n":3,"secret":"c","_access":[{"type":"role","target":"member","allow":6}]}"#.to_owned(),
            r#"{"n":4,"_access":[{"type":"everybody","allow":6}]}"#.to_owned(),
        ];
        let (_, loaded) = world.load(&tenant, "visits", lines.join("\n")).await?;
        let reason = "`_access.0.type` must be `account`, `self`, `role`, `owner` or `access`";
        assert_eq!((&loaded["accepted"], &loaded["rejected"][0]["reason"]), (&json!(3), &json!(reason)));

        let folder = tempfile::tempdir()?;
        let admin = Tenant { member: tenant.admin.clone(), org: tenant.org.clone(), admin: tenant.admin.clone() };
        let mut body = json!({"collection": "visits", "format": "csv", "packaging": "bare", "sort": "n", "paths": ["n", "secret"]});
        let rows = async |by: &Tenant, body: &Value| -> Result<String> {
            let (_, path) = world.exported(by, body, folder.path()).await?;
            Ok(std::fs::read_to_string(path)?.replace("\r\n", " "))
        };
        assert_eq!(rows(&admin, &body).await?, "n,secret 1,a 2,b 3,c ");
        assert_eq!(rows(&tenant, &body).await?, "n,secret 3,c ");
        body["principal"] = json!(nurse);
        assert_eq!(rows(&admin, &body).await?, "n,secret 1,a 2, 3,c ");
        let (status, _) = world.post("/v1/exports", &tenant.member, &body).await?;
        assert_eq!(status.as_u16(), 403);
        for wrong in [stranger.as_str(), "65aa00000000000000000001"] {
            body["principal"] = json!(wrong);
            let (status, problem) = world.post("/v1/exports", &tenant.admin, &body).await?;
            let told = (&problem["errors"][0]["pointer"], &problem["errors"][0]["message"]);
            assert_eq!(status.as_u16(), 400, "{problem}");
            assert_eq!(told, (&json!("/principal"), &json!(format!("account `{wrong}` does not exist"))));
        }
        Ok(())
    });
}

async fn account(world: &World, tenant: &Tenant, role: &str) -> Result<String> {
    let body = json!({"name": {"first": "Ann"}, "roles": [role]});
    let (status, account) = world.post("/v1/accounts", &tenant.admin, &body).await?;
    anyhow::ensure!(status.as_u16() == 201, "{status} {account}");
    text(&account, "id")
}
