//! Any crossing of orgs looks like nothing is there.

use crate::harness::story;
use serde_json::json;

#[test]
fn another_orgs_exports_keys_and_paths_do_not_exist() {
    story(async |world| {
        let (ours, theirs) = (world.tenant("iso-ours").await?, world.tenant("iso-theirs").await?);
        world.things(&ours, 3).await?;
        let id = world.create(&ours, &json!({"objects": "things"})).await?;
        world.ended(&ours, &id).await?;
        for path in [
            format!("/iso-ours/v2/exports/{id}"),
            format!("/iso-theirs/v2/exports/{id}"),
            format!("/iso-theirs/v2/exports/{id}/dataFile"),
            format!("/iso-theirs/v2/exports/{id}/dataFile/content"),
            "/iso-ours/v2/exports".to_owned(),
            format!("/v1/exports/{id}"),
            format!("/v1/exports/{id}/download"),
            "/v1/collections/things".to_owned(),
            "/v1/collections/things/records".to_owned(),
        ] {
            let (status, body) = world.get(&path, &theirs.admin).await?;
            assert_eq!(status.as_u16(), 404, "{path} → {body}");
            assert!(!body.to_string().contains("iso-ours") || path.contains("iso-ours"), "{body}");
        }
        let (status, _) = world.delete(&format!("/iso-theirs/v2/exports/{id}"), &theirs.admin).await?;
        assert_eq!(status.as_u16(), 404);
        let (status, _) = world.get(&format!("/iso-ours/v2/exports/{id}"), &ours.member).await?;
        assert_eq!(status.as_u16(), 200, "still there");
        let (_, list) = world.get("/iso-theirs/v2/exports", &theirs.admin).await?;
        assert_eq!(list["data"], json!([]));
        Ok(())
    });
}

#[test]
fn a_wrong_revoked_or_missing_key_is_refused() {
    story(async |world| {
        let tenant = world.tenant("iso-keys").await?;
        let (status, key) = world.post("/v1/keys", &tenant.admin, &json!({"role": "admin"})).await?;
        assert_eq!(status.as_u16(), 201, "{key}");
        let (secret, id) = (key["key"].as_str().unwrap(), key["id"].as_str().unwrap());
        assert_eq!(world.get("/iso-keys/v2/exports", secret).await?.0.as_u16(), 200);
        let (status, _) = world.delete(&format!("/v1/keys/{id}"), &tenant.admin).await?;
        assert!(status.is_success(), "{status}");
        let mut mistyped = tenant.admin.clone();
        mistyped.pop();
        for bad in [secret, "nonsense", mistyped.as_str()] {
            let (status, fault) = world.get("/iso-keys/v2/exports", bad).await?;
            assert!(status.is_client_error() && fault["object"] == "fault", "{status} {fault}");
            let (status, problem) = world.get("/v1/exports", bad).await?;
            assert_eq!(status.as_u16(), 401, "{problem}");
        }
        let (status, problem) = world.get("/v1/audit", &tenant.member).await?;
        assert_eq!(status.as_u16(), 403, "{problem}");
        Ok(())
    });
}
