//! What every vault does.

use super::{Broken, Fact, check, equal, that};
use waybill_ports::{PortError, PortErrorKind, SealContext, SecretVault};

/// Checks a vault.
///
/// # Errors
/// The first fact that does not hold.
pub async fn secret_vault(vault: &dyn SecretVault, prefix: &str) -> Result<(), Broken> {
    check!(vault, prefix;
        a_sealed_secret_opens_in_its_context,
        a_sealed_secret_does_not_open_in_another_context,
        a_tampered_secret_does_not_open,
        a_sealed_secret_does_not_show_the_secret,
    );
}

fn context(prefix: &str, purpose: &str) -> Result<SealContext, waybill_domain::IdError> {
    Ok(SealContext { org: prefix.parse()?, purpose: purpose.to_owned() })
}

fn is_corrupt(result: &Result<Vec<u8>, PortError>) -> Fact {
    let corrupt = result.as_ref().err().is_some_and(|error| matches!(error.kind, PortErrorKind::Corrupt { .. }));
    that(corrupt, "it opened, or failed otherwise than as Corrupt")
}

async fn a_sealed_secret_opens_in_its_context(vault: &dyn SecretVault, prefix: &str) -> Fact {
    let context = context(prefix, "signature:abc")?;
    for secret in [&b""[..], b"secret", &[0, 255, 128, 10]] {
        let sealed = vault.seal(&context, secret).await?;
        equal(&vault.open(&context, &sealed).await?, &secret.to_vec())?;
    }
    Ok(())
}

async fn a_sealed_secret_does_not_open_in_another_context(vault: &dyn SecretVault, prefix: &str) -> Fact {
    let sealed = vault.seal(&context(prefix, "signature:abc")?, b"secret").await?;
    is_corrupt(&vault.open(&context(prefix, "signature:abd")?, &sealed).await)?;
    is_corrupt(&vault.open(&context(&format!("{prefix}x"), "signature:abc")?, &sealed).await)
}

async fn a_tampered_secret_does_not_open(vault: &dyn SecretVault, prefix: &str) -> Fact {
    let context = context(prefix, "signature:abc")?;
    let sealed = vault.seal(&context, b"a secret of some length").await?;
    let (front, last) = sealed.trim_end_matches('=').split_at(sealed.trim_end_matches('=').len().saturating_sub(4));
    let flipped: String = last.chars().map(|c| if c == '0' || c == 'A' { '1' } else { '0' }).collect();
    for bad in [format!("{front}{flipped}"), front.to_owned(), "nonsense".to_owned(), String::new()] {
        is_corrupt(&vault.open(&context, &bad).await)?;
    }
    Ok(())
}

async fn a_sealed_secret_does_not_show_the_secret(vault: &dyn SecretVault, prefix: &str) -> Fact {
    let sealed = vault.seal(&context(prefix, "signature:abc")?, b"plain-to-see").await?;
    that(!sealed.contains("plain-to-see"), "the secret is in it")
}
