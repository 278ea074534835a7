//! The keys of the demo org: made once through the HTTP API, kept in the data folder, replaced when they stop working.

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{Api, Refused};
use crate::data_folder::OpenFolder;
use crate::info::SignaturePair;

/// File of the data folder that holds [`OrgKeys`].
const KEYS_FILE: &str = "keys.json";

/// Codes that are tried in turn: a stack that was killed between making an org and keeping its keys left an org that
/// nobody can enter.
const ORGS: [&str; 5] = ["demo", "demo-2", "demo-3", "demo-4", "demo-5"];

/// An org and keys of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgKeys {
    pub(crate) org: String,
    pub(crate) admin_key: String,
    pub(crate) member_key: String,
    pub(crate) signature: SignaturePair,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MadeOrg {
    admin_key: String,
}

#[derive(Deserialize)]
struct MadeKey {
    key: String,
    #[serde(default)]
    signature: Option<SignaturePair>,
}

/// Keys that work: the ones that are kept, or new ones.
///
/// # Errors
/// When the API refuses to make what is missing.
pub(crate) async fn working_keys(api: &Api, folder: &OpenFolder, operator_key: &str) -> Result<OrgKeys> {
    let kept = folder.read::<OrgKeys>(KEYS_FILE)?;
    let keys = match kept {
        Some(kept) if api.accepts(&kept.admin_key).await? => {
            let member_works = api.accepts(&kept.member_key).await?;
            let pair_works = api.accepts_pair(&kept.org, &kept.signature).await?;
            if member_works && pair_works {
                return Ok(kept);
            }
            let mut keys = kept;
            if !member_works {
                keys.member_key = make_key(api, &keys.admin_key, "member", false).await?.key;
            }
            if !pair_works {
                keys.signature = make_pair(api, &keys.admin_key).await?;
            }
            keys
        }
        Some(_) | None => {
            let (org, admin_key) = make_org(api, operator_key).await?;
            let member_key = make_key(api, &admin_key, "member", false).await?.key;
            let signature = make_pair(api, &admin_key).await?;
            OrgKeys { org: org.to_owned(), admin_key, member_key, signature }
        }
    };
    folder.write(KEYS_FILE, &keys)?;
    Ok(keys)
}

async fn make_org(api: &Api, operator_key: &str) -> Result<(&'static str, String)> {
    for org in ORGS {
        let body = json!({"code": org, "name": "Waybill demo"});
        match api.send::<MadeOrg>(Method::POST, "/v1/orgs", operator_key, &body).await {
            Ok(made) => return Ok((org, made.admin_key)),
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|no| no.status == StatusCode::CONFLICT) => {}
            Err(error) => return Err(error).context("the demo org cannot be made"),
        }
    }
    anyhow::bail!("the orgs {ORGS:?} exist and their keys are lost; choose a new data folder")
}

async fn make_key(api: &Api, admin_key: &str, role: &str, signature: bool) -> Result<MadeKey> {
    let body = json!({"name": format!("embedded stack, {role}"), "role": role, "signature": signature});
    api.send(Method::POST, "/v1/keys", admin_key, &body).await.with_context(|| format!("no {role} key can be made"))
}

async fn make_pair(api: &Api, admin_key: &str) -> Result<SignaturePair> {
    let made = make_key(api, admin_key, "admin", true).await?;
    made.signature.context("a key with a signature pair was made without one")
}
