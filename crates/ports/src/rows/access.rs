//! Rows of orgs, accounts, keys, nonces and the audit trail.

use super::{Entity, org_key, org_partition};
use crate::{RowKey, Table};
use waybill_domain::{
    AccessKey, Account, AccountId, AuditEntry, KeyId, KeyPointer, NonceUse, Org, OrgCode, SignatureUse, Timestamp,
};

/// The partition that lists every org.
pub(crate) const ORGS: &str = "ORGS";
/// Prefix of account rows.
pub(crate) const ACCOUNT: &str = "ACCOUNT#";
/// Prefix of access-key rows.
pub(crate) const KEY: &str = "KEY#";

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
