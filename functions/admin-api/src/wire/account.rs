//! Accounts on the wire.

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use waybill_app::{ChangeAccount, CreateAccount, IdempotentRequest, PASSWORD_MAX_BYTES};
use waybill_domain::{Account, AccountName, Email, Role, RoleName};
use waybill_http::{Members, Problem};

/// Longest part of a name, in characters.
const NAME_CHARS: usize = 200;
/// Every role by its name.
const ROLES: [(&str, Role); 2] = [("member", Role::Member), ("admin", Role::Admin)];
/// Whether an account is kept out, by the name of its state.
const STATES: [(&str, bool); 2] = [("active", false), ("locked", true)];

/// An account. Its password is never shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Account)]
pub(crate) struct AccountWire {
    /// Its id, 24 hex digits.
    id: String,
    /// Its e-mail address, of one account of the org only, case aside; `null` without one.
    #[schema(required)]
    email: Option<String>,
    /// What it is called.
    name: NameWire,
    /// `member` or `admin`.
    role: &'static str,
    /// The org's own roles that it has, by which access lists may name it.
    roles: Vec<String>,
    /// `active`, or `locked`: none of its credentials is good.
    state: &'static str,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

/// What an account is called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountName)]
pub(crate) struct NameWire {
    /// The given name.
    first: String,
    /// The family name.
    last: String,
}

impl From<Account> for AccountWire {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.map(|email| email.as_str().to_owned()),
            name: NameWire { first: account.name.first, last: account.name.last },
            role: match account.role {
                Role::Member => "member",
                Role::Admin => "admin",
            },
            roles: account.roles.iter().map(ToString::to_string).collect(),
            state: if account.locked { "locked" } else { "active" },
            created_at: account.created_at.to_string(),
        }
    }
}

/// A name that is sent.
#[derive(Debug, Default, ToSchema)]
#[schema(as = GivenName)]
pub(crate) struct GivenName {
    /// The given name, at most 200 characters.
    first: Option<String>,
    /// The family name, at most 200 characters.
    last: Option<String>,
}

/// An account to be made, or what is changed of one; then what is absent stays, and `null` takes e-mail or password away.
#[derive(Debug, ToSchema)]
#[schema(as = AccountBody, rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "absent, taken away and given are three things")]
pub(crate) struct AccountBody {
    /// Its e-mail address, by which it signs in.
    #[schema(value_type = Option<String>)]
    email: Option<Option<Email>>,
    /// What it is called.
    #[schema(value_type = Option<GivenName>)]
    name: GivenName,
    /// `member` (where it is absent at creation) or `admin`.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// The org's own roles that it has, at most 64.
    #[schema(value_type = Option<Vec<String>>)]
    roles: Option<BTreeSet<RoleName>>,
    /// Its password, 10 characters to 256 bytes. A new one ends its sessions.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Option<SecretString>>,
    /// `active` or `locked`.
    #[schema(value_type = Option<String>)]
    state: Option<bool>,
}

impl AccountBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let (has_email, has_password, has_roles) =
            (members.has("email"), members.has("password"), members.has("roles"));
        let email = members.parsed("email", "an e-mail address, like `ann@example.com`, of at most 254 characters");
        let password = members.text("password", PASSWORD_MAX_BYTES).map(SecretString::from);
        let roles: Vec<RoleName> = members.list("roles");
        let read = Self {
            email: has_email.then_some(email),
            name: read_name(&mut members),
            role: members.word("role", &ROLES),
            roles: has_roles.then(|| roles.into_iter().collect()),
            password: has_password.then_some(password),
            state: members.word("state", &STATES),
        };
        let problems = members.finish();
        if problems.is_empty() { Ok(read) } else { Err(problems) }
    }

    /// The command that makes it.
    pub(crate) fn creation(self, idempotency: Option<IdempotentRequest>) -> CreateAccount {
        CreateAccount {
            name: AccountName { first: self.name.first.unwrap_or_default(), last: self.name.last.unwrap_or_default() },
            email: self.email.flatten(),
            role: self.role,
            roles: self.roles.unwrap_or_default(),
            password: self.password.flatten(),
            locked: self.state.unwrap_or(false),
            idempotency,
        }
    }
}

impl From<AccountBody> for ChangeAccount {
    fn from(body: AccountBody) -> Self {
        Self {
            name: (body.name.first, body.name.last),
            email: body.email,
            role: body.role,
            roles: body.roles,
            password: body.password,
            locked: body.state,
        }
    }
}

fn read_name(members: &mut Members<'_>) -> GivenName {
    let Some(value) = members.take("name") else { return GivenName::default() };
    let mut parts = match Members::of(value, members.at("name")) {
        Ok(parts) => parts,
        Err(problem) => {
            members.add([problem]);
            return GivenName::default();
        }
    };
    let first = parts.text("first", NAME_CHARS).map(str::to_owned);
    let last = parts.text("last", NAME_CHARS).map(str::to_owned);
    members.add(parts.finish());
    GivenName { first, last }
}
