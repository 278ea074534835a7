//! Access keys on the wire.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use waybill_app::{CreateKey, CreatedKey, IdempotentRequest};
use waybill_domain::{AccessKey, AccountId, Role, Scope, Timestamp};
use waybill_http::{Members, Problem};

/// Longest name of a key, in characters.
const NAME_CHARS: usize = 200;
/// Longest public key, in characters; 8192 bits take fewer.
const PUBLIC_KEY_CHARS: usize = 4096;
/// Every role by its name.
const ROLES: [(&str, Role); 2] = [("member", Role::Member), ("admin", Role::Admin)];
/// Every scope by its name.
const SCOPES: [(&str, Scope); 2] = [("records:read", Scope::RecordsRead), ("records:write", Scope::RecordsWrite)];

/// Every permission of the Sigma surface by its name there.
const PERMISSIONS: [(&str, Scope); 5] = [
    ("read", Scope::SigmaRead),
    ("update-data", Scope::SigmaUpdateData),
    ("delete-data", Scope::SigmaDeleteData),
    ("update-model", Scope::SigmaUpdateModel),
    ("delete-model", Scope::SigmaDeleteModel),
];

/// What is kept of an access key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(crate) struct KeyWire {
    /// Its id, 24 hex digits.
    id: String,
    /// A name for people.
    name: String,
    /// The account that it acts as.
    account: String,
    /// `member` or `admin`.
    role: &'static str,
    /// What it may do beside its role: `records:read`, `records:write`. Administrators may both.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<&'static str>,
    /// What it may do on the Sigma surface, if it is a key for that one: `read`, `update-data`, `delete-data`, `update-model`,
    /// `delete-model`.
    #[schema(value_type = Vec<String>)]
    permissions: Vec<&'static str>,
    /// Public name of its signature pair; `null` without one.
    #[schema(required)]
    signature_key: Option<String>,
    /// What its JSON Web Tokens name as `iss`; `null` without a public key.
    #[schema(required)]
    token_issuer: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// From when on it is no longer good; `null` = never.
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
    /// When it was revoked; `null` = it was not.
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
    /// When it was last used, to within five minutes; `null` = never.
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
}

impl From<AccessKey> for KeyWire {
    fn from(key: AccessKey) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            id: key.id.to_string(),
            name: key.name,
            account: key.account.to_string(),
            role: match key.role {
                Role::Member => "member",
                Role::Admin => "admin",
            },
            scopes: names(&key.scopes, &SCOPES),
            permissions: names(&key.scopes, &PERMISSIONS),
            signature_key: key.signature.map(|pair| pair.api_key),
            token_issuer: key.token.map(|token| token.issuer),
            created_at: key.created_at.to_string(),
            expires_at: time(key.expires_at),
            revoked_at: time(key.revoked_at),
            last_used_at: time(key.last_used_at),
        }
    }
}

fn names(scopes: &BTreeSet<Scope>, words: &[(&'static str, Scope)]) -> Vec<&'static str> {
    words.iter().filter(|(_, scope)| scopes.contains(scope)).map(|(name, _)| *name).collect()
}

/// A new access key with its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreatedKey)]
pub(crate) struct CreatedKeyWire {
    #[serde(flatten)]
    kept: KeyWire,
    /// The key, shown this once: `Authorization: Bearer <key>`; with permissions `X-Sigma-ApiKey: <key>`.
    key: String,
    /// The signature pair, where one was asked for; its secret is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<PairWire>,
}

/// A signature pair, as the clients of the Cortex surface are given it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignaturePair)]
pub(crate) struct PairWire {
    /// Its public name, 22 characters.
    api_key: String,
    /// Its secret, 64 characters.
    api_secret: String,
}

impl From<CreatedKey> for CreatedKeyWire {
    fn from(created: CreatedKey) -> Self {
        let key = created.secret.expose().to_owned();
        let pair = created.key.signature.as_ref().zip(created.pair_secret);
        let signature = pair.map(|(pair, secret)| PairWire {
            api_key: pair.api_key.clone(),
            api_secret: secret.expose_secret().to_owned(),
        });
        Self { kept: created.key.into(), key, signature }
    }
}

/// A key to be made.
#[derive(Debug, ToSchema)]
#[schema(as = CreateKey, rename_all = "camelCase")]
pub(crate) struct CreateKeyBody {
    /// A name for people.
    name: Option<String>,
    /// `member` or `admin`; where it is absent `member`, but `admin` for a key with permissions and an account of its own.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// `records:read`, `records:write`.
    #[schema(value_type = Option<Vec<String>>)]
    scopes: BTreeSet<Scope>,
    /// Makes a key for the Sigma surface, good there only: `read`, `update-data`, `delete-data`, `update-model`, `delete-model`.
    #[schema(value_type = Option<Vec<String>>)]
    permissions: BTreeSet<Scope>,
    /// From when on it is no longer good; absent = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Id of the account that it acts as; absent = a new one.
    #[schema(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Whether it gets a signature pair.
    #[schema(value_type = Option<bool>)]
    signature: bool,
    /// Public key in PEM, RSA of 2048 to 8192 bits or P-256: JSON Web Tokens under its private half (RS256, RS512, ES256;
    /// `iss` is `tokenIssuer`, `cortex/eml` an account's e-mail address) are credentials of this key.
    public_key: Option<String>,
}

impl CreateKeyBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let read = Self {
            name: members.text("name", NAME_CHARS).map(str::to_owned),
            role: members.word("role", &ROLES),
            scopes: read_scopes(&mut members, "scopes", &SCOPES),
            permissions: read_scopes(&mut members, "permissions", &PERMISSIONS),
            expires_at: members.parsed("expiresAt", "an RFC 3339 date and time"),
            account: members.parsed("account", "an account's id: 24 hex digits"),
            signature: members.boolean("signature").unwrap_or(false),
            public_key: members.text("publicKey", PUBLIC_KEY_CHARS).map(str::to_owned),
        };
        let problems = members.finish();
        if problems.is_empty() { Ok(read) } else { Err(problems) }
    }

    /// The command.
    pub(crate) fn command(self, idempotency: Option<IdempotentRequest>) -> CreateKey {
        // That surface's keys are administrators', held back by their permissions.
        let of_sigma = !self.permissions.is_empty() && self.account.is_none();
        CreateKey {
            name: self.name.unwrap_or_default(),
            role: self.role.unwrap_or(if of_sigma { Role::Admin } else { Role::Member }),
            scopes: self.scopes.into_iter().chain(self.permissions).collect(),
            expires_at: self.expires_at,
            account: self.account,
            signature: self.signature,
            public_key: self.public_key,
            idempotency,
        }
    }
}

fn read_scopes(members: &mut Members<'_>, member: &'static str, words: &[(&str, Scope)]) -> BTreeSet<Scope> {
    let names: Vec<String> = members.list(member);
    let mut scopes = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        if let Some((_, scope)) = words.iter().find(|(known, _)| known == name) {
            scopes.insert(*scope);
        } else {
            let pointer = format!("{}/{index}", members.at(member));
            let known: Vec<String> = words.iter().map(|(known, _)| format!("`{known}`")).collect();
            members.add([Problem::new(pointer, format!("must be {}", known.join(" or ")))]);
        }
    }
    scopes
}
