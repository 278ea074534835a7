//! Logins on the wire.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::{PASSWORD_MAX_BYTES, TokenSession};
use waybill_domain::{Account, OrgCode, Role};
use waybill_http::{Members, Problem};

/// Longest address of mail, in characters.
const EMAIL_CHARS: usize = 254;

/// Who logs in.
#[derive(Debug, ToSchema)]
#[schema(as = Login)]
pub(crate) struct LoginBody {
    /// The address of mail.
    pub(crate) email: String,
    /// The password.
    pub(crate) password: String,
    /// The workspace, when the address has the same password in several.
    #[schema(value_type = Option<String>)]
    pub(crate) workspace: Option<OrgCode>,
}

impl LoginBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let email = members.text("email", EMAIL_CHARS).map(str::to_owned);
        let email = members.require("email", email);
        let password = members.text("password", PASSWORD_MAX_BYTES).map(str::to_owned);
        let password = members.require("password", password);
        let workspace = members.parsed("workspace", "a workspace's code");
        let problems = members.finish();
        match (email, password) {
            (Some(email), Some(password)) if problems.is_empty() => Ok(Self { email, password, workspace }),
            _ => Err(problems),
        }
    }
}

/// A token, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub(crate) struct LoginWire {
    /// Good for 24 hours: `Authorization: Bearer <token>`.
    token: String,
    /// Whose it is.
    user: UserWire,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(crate) struct UserWire {
    /// Its id.
    id: String,
    /// Its address of mail.
    email: String,
    /// Its name.
    name: String,
    /// `admin` or `member`.
    role_id: &'static str,
}

impl From<TokenSession> for LoginWire {
    fn from(session: TokenSession) -> Self {
        Self { token: session.token.expose().to_owned(), user: session.account.into() }
    }
}

impl From<Account> for UserWire {
    fn from(account: Account) -> Self {
        let name = format!("{} {}", account.name.first, account.name.last).trim().to_owned();
        Self {
            id: account.id.to_string(),
            email: account.email.map(|email| email.as_str().to_owned()).unwrap_or_default(),
            name,
            role_id: match account.role {
                Role::Member => "member",
                Role::Admin => "admin",
            },
        }
    }
}
