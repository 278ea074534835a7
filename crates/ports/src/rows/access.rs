//! Rows of orgs, accounts, keys, nonces and the audit trail.

use super::{Entity, org_key, org_partition};
use crate::{RowKey, Table};
use std::time::Duration;
use waybill_domain::{
    AccessKey, Account, AccountId, AuditEntry, EmailClaim, EmailHome, KeyId, KeyPointer, NonceUse, Org, OrgCode,
    Password, RequestBucket, Session, SignInCount, SignatureUse, Timestamp,
};

/// The partition that lists every org.
pub(crate) const ORGS: &str = "ORGS";
/// Prefix of account rows.
pub(crate) const ACCOUNT: &str = "ACCOUNT#";
/// Prefix of access-key rows.
pub(crate) const KEY: &str = "KEY#";

/// After which a bucket is full again whatever was taken.
const BUCKET_KEPT: Duration = Duration::from_mins(5);

fn main(pk: String, sk: String) -> RowKey {
    RowKey { table: Table::Main, pk, sk }
}

pub(crate) fn org_row_key(org: &OrgCode) -> RowKey {
    main(ORGS.to_owned(), org.to_string())
}

pub(crate) fn account_key(org: &OrgCode, id: AccountId) -> RowKey {
    org_key(org, format!("{ACCOUNT}{id}"))
}

pub(crate) fn access_key_key(org: &OrgCode, id: KeyId) -> RowKey {
    org_key(org, format!("{KEY}{id}"))
}

pub(crate) fn credential_key(credential: &str) -> RowKey {
    main(format!("CREDENTIAL#{credential}"), "POINTER".to_owned())
}

pub(crate) fn nonce_key(api_key: &str, nonce: &str) -> RowKey {
    main(format!("PAIR#{api_key}"), format!("NONCE#{nonce}"))
}

pub(crate) fn signature_key(api_key: &str, signature: &str) -> RowKey {
    main(format!("PAIR#{api_key}"), format!("SIGNATURE#{signature}"))
}

pub(crate) fn password_key(org: &OrgCode, account: AccountId) -> RowKey {
    org_key(org, format!("PASSWORD#{account}"))
}

pub(crate) fn email_key(org: &OrgCode, email: &str) -> RowKey {
    org_key(org, format!("EMAIL#{email}"))
}

/// The partition of the orgs that an address has accounts in.
pub(crate) fn email_homes(email: &str) -> String {
    format!("EMAIL#{email}")
}

pub(crate) fn email_home_key(email: &str, org: &OrgCode) -> RowKey {
    main(email_homes(email), format!("ORG#{org}"))
}

pub(crate) fn session_key(digest: &str) -> RowKey {
    main(format!("SESSION#{digest}"), "SESSION".to_owned())
}

pub(crate) fn sign_in_key(org: &OrgCode, subject: &str) -> RowKey {
    main(format!("SIGNIN#{org}#{subject}"), "COUNT".to_owned())
}

/// A partition of its own: a busy key's bucket is not to slow down the rows of its org.
pub(crate) fn bucket_key(org: &OrgCode, key: KeyId) -> RowKey {
    main(format!("REQUESTS#{org}#{key}"), "BUCKET".to_owned())
}

impl Entity for RequestBucket {
    fn key(&self) -> RowKey {
        bucket_key(&self.org, self.key)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.at.after(BUCKET_KEPT))
    }
}

impl Entity for Password {
    fn key(&self) -> RowKey {
        password_key(&self.org, self.account)
    }
}

impl Entity for EmailClaim {
    fn key(&self) -> RowKey {
        email_key(&self.org, &self.email)
    }
}

impl Entity for EmailHome {
    fn key(&self) -> RowKey {
        email_home_key(&self.email, &self.org)
    }
}

impl Entity for Session {
    fn key(&self) -> RowKey {
        session_key(&self.digest)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Entity for SignInCount {
    fn key(&self) -> RowKey {
        sign_in_key(&self.org, &self.subject)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.since.after(Self::WINDOW))
    }
}

impl Entity for Org {
    fn key(&self) -> RowKey {
        org_row_key(&self.code)
    }
}

impl Entity for Account {
    fn key(&self) -> RowKey {
        account_key(&self.org, self.id)
    }
}

impl Entity for AccessKey {
    fn key(&self) -> RowKey {
        access_key_key(&self.org, self.id)
    }
}

impl Entity for KeyPointer {
    fn key(&self) -> RowKey {
        credential_key(&self.credential)
    }
}

impl Entity for NonceUse {
    fn key(&self) -> RowKey {
        nonce_key(&self.api_key, &self.nonce)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Entity for SignatureUse {
    fn key(&self) -> RowKey {
        signature_key(&self.api_key, &self.signature)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Entity for AuditEntry {
    fn key(&self) -> RowKey {
        let sk = format!("{:015}#{}", self.at.as_millis(), self.nonce);
        RowKey { table: Table::Audit, pk: org_partition(&self.org), sk }
    }
}
