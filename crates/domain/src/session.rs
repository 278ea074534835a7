//! Signing in: passwords as they are kept, sessions, and how often somebody tried.

use crate::{AccountId, OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::Duration;

/// An account's password, of which only a slow hash is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    /// The org.
    pub org: OrgCode,
    /// The account.
    pub account: AccountId,
    /// argon2id as PHC text, its parameters and salt included.
    pub hash: String,
    /// When it was set.
    pub set_at: Timestamp,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password({} {})", self.org, self.account)
    }
}

/// That an e-mail address is an account's: there is one row for each address of an org, so that no two accounts share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailClaim {
    /// The org.
    pub org: OrgCode,
    /// The address in lower case.
    pub email: String,
    /// Whose it is.
    pub account: AccountId,
}

/// What a browser holds of a session, or of itself: 32 random bytes as 64 hex digits. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// A token made of randomness.
    pub fn from_randomness(randomness: [u8; 32]) -> Self {
        Self(hex::encode(randomness))
    }

    /// Parses a token as a browser sends it.
    pub fn parse(text: &str) -> Option<Self> {
        let whole = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        whole.then(|| Self(text.to_owned()))
    }

    /// What is stored in its stead.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// The token itself, for the cookie that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// SHA-256 of its token, hex: where it is looked up.
    pub digest: String,
    /// The org.
    pub org: OrgCode,
    /// Who signed in.
    pub account: AccountId,
    /// SHA-256 of the browser's fingerprint, hex.
    pub fingerprint: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within [`Session::PRECISION`].
    pub used_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// Whether its token is sent as bearer by a program: no browser's cookie, no end for being idle.
    #[serde(default)]
    pub bearer: bool,
}

/// That an e-mail address is an account's of some org: by these rows an address alone leads to its orgs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailHome {
    /// The address in lower case.
    pub email: String,
    /// The org, one of whose accounts has it.
    pub org: OrgCode,
}

impl Session {
    /// How long it lasts however much it is used.
    pub const LIFETIME: Duration = Duration::from_hours(12);
    /// How long one whose token is a bearer's lasts.
    pub const BEARER_LIFETIME: Duration = Duration::from_hours(24);
    /// How long it lasts without being used.
    pub const IDLE: Duration = Duration::from_mins(30);
    /// How exact the time of its last use is.
    pub const PRECISION: Duration = Duration::from_mins(1);
    /// How long a token against forged requests stays good after a later one was given out: requests run side by side.
    pub const CSRF_GRACE: Duration = Duration::from_mins(10);

    /// Whether it is good at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        now < self.expires_at && (self.bearer || now < self.used_at.after(Self::IDLE))
    }

    /// Whether a token against forged requests that was given out at `issued` is good at `now`.
    pub fn takes_csrf_of(&self, issued: Timestamp, now: Timestamp) -> bool {
        issued >= self.created_at
            && issued.after(Self::CSRF_GRACE) >= self.used_at
            && issued <= now.after(Self::PRECISION)
    }
}

/// How often somebody has tried to sign in lately, as an account or from an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInCount {
    /// The org.
    pub org: OrgCode,
    /// `email:<digest>` or `address:<address>`.
    pub subject: String,
    /// Attempts since `since` that did not succeed.
    pub attempts: u32,
    /// When the first of them was.
    pub since: Timestamp,
}

impl SignInCount {
    /// After which attempts are forgotten.
    pub const WINDOW: Duration = Duration::from_mins(15);
    /// Most attempts at one account in a window.
    pub const PER_ACCOUNT: u32 = 10;
    /// Most attempts from one address in a window.
    pub const PER_ADDRESS: u32 = 100;

    /// One more attempt at `now`, of at most `most`.
    ///
    /// # Errors
    /// How long to wait when there were as many already.
    pub fn another(
        before: Option<&Self>,
        org: &OrgCode,
        subject: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<Self, Duration> {
        match before.filter(|before| now < before.since.after(Self::WINDOW)) {
            Some(before) if before.attempts >= most => Err(before.since.after(Self::WINDOW).since(now)),
            Some(before) => Ok(Self { attempts: before.attempts + 1, ..before.clone() }),
            None => Ok(Self { org: org.clone(), subject: subject.to_owned(), attempts: 1, since: now }),
        }
    }

    /// The subject of an account's address, whether there is such an account or not.
    pub fn of_email(email: &str) -> String {
        format!("email:{}", hex::encode(Sha256::digest(email.to_ascii_lowercase().as_bytes())))
    }

    /// The subject of a caller's address.
    pub fn of_address(address: &str) -> String {
        format!("address:{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn attempts_are_counted_in_a_window_and_then_forgotten() {
        let org: OrgCode = "demo".parse().unwrap();
        let mut count = None;
        for _ in 0..3 {
            count = Some(SignInCount::another(count.as_ref(), &org, "x", 3, at(10)).unwrap());
        }
        assert_eq!(SignInCount::another(count.as_ref(), &org, "x", 3, at(70)), Err(Duration::from_mins(14)));
        assert_eq!(SignInCount::another(count.as_ref(), &org, "x", 3, at(910)).unwrap().attempts, 1);
    }

    #[test]
    fn a_session_ends_when_idle_and_in_any_case() {
        let session = Session {
            digest: String::new(),
            org: "demo".parse().unwrap(),
            account: "00000000000000000000000a".parse().unwrap(),
            fingerprint: String::new(),
            created_at: at(0),
            used_at: at(1000),
            expires_at: at(43_200),
            bearer: false,
        };
        assert!(Session { bearer: true, ..session.clone() }.is_good(at(43_199)));
        assert!(session.is_good(at(1000 + 1799)));
        assert!(!session.is_good(at(1000 + 1800)));
        assert!(!Session { used_at: at(43_199), ..session.clone() }.is_good(at(43_200)));
        assert!(session.takes_csrf_of(at(400), at(1000)));
        assert!(!session.takes_csrf_of(at(399), at(1000)), "a later one has long been given out");
        assert!(!session.takes_csrf_of(at(1061), at(1000)), "not given out yet");
    }

    #[test]
    fn tokens_parse_and_do_not_print() {
        let token = SessionToken::from_randomness([7; 32]);
        assert_eq!(SessionToken::parse(token.expose()), Some(token.clone()));
        assert_eq!(SessionToken::parse("xyz"), None);
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
    }
}
