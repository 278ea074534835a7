//! JSON Web Tokens: public keys as they are registered, and telling who calls by a token (`spec`: Cortex §8.3).

use crate::authenticate::{good_key, note_use, principal_of};
use crate::{Context, Error};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use serde_json::{Map, Value};
use std::time::Duration;
use waybill_domain::{Email, KeyPointer, Principal, Timestamp, TokenKeyKind};

/// How far a token's times may be from ours.
const LEEWAY: Duration = Duration::from_mins(1);
/// Longest token that is looked at, in characters.
const MAX_TOKEN_CHARS: usize = 8192;
/// Fewest and most bits of a modulus.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The claim that names who acts.
const EMAIL: &str = "cortex/eml";

/// The same words for whatever of a token is not right and could tell what exists.
const BAD_TOKEN: Error = Error::Unauthenticated { reason: "the token is not valid" };

fn bad(reason: &'static str) -> Error {
    Error::Unauthenticated { reason }
}

/// Reads a public key in PEM: RSA of 2048 to 8192 bits (`PUBLIC KEY` or `RSA PUBLIC KEY`) or ECDSA on P-256 (`PUBLIC KEY`).
///
/// # Errors
/// What is wrong with it.
pub fn parse_public_key(pem: &str) -> Result<(TokenKeyKind, Vec<u8>), &'static str> {
    const EXPECTED: &str = "must be a public key in PEM, RSA or P-256: `-----BEGIN PUBLIC KEY-----` and so on";
    let mut lines = pem.lines().map(str::trim).filter(|line| !line.is_empty());
    let label =
        lines.next().and_then(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")).ok_or(EXPECTED)?;
    let mut body = String::new();
    let end = format!("-----END {label}-----");
    loop {
        match lines.next() {
            Some(line) if line == end => break,
            Some(line) => body.push_str(line),
            None => return Err(EXPECTED),
        }
    }
    if lines.next().is_some() {
        return Err("must be one key and nothing after it");
    }
    if label.contains("PRIVATE") {
        return Err("is a private key; keep it, make another, and send the public half");
    }
    let der = BASE64.decode(body).map_err(|_| EXPECTED)?;
    let (kind, key) = match label {
        "RSA PUBLIC KEY" => (TokenKeyKind::Rsa, der.as_slice()),
        "PUBLIC KEY" => of_spki(&der).ok_or(EXPECTED)?,
        _ => return Err(EXPECTED),
    };
    match kind {
        TokenKeyKind::Rsa => check_modulus(key, EXPECTED)?,
        // An uncompressed point; whether it is one of the curve shows when a token is verified.
        TokenKeyKind::P256 if key.len() == 65 && key.first() == Some(&4) => {}
        TokenKeyKind::P256 => return Err(EXPECTED),
    }
    Ok((kind, key.to_vec()))
}

fn check_modulus(rsa: &[u8], otherwise: &'static str) -> Result<(), &'static str> {
    let modulus = modulus(rsa).ok_or(otherwise)?;
    let zeros = modulus.first().map_or(0, |first| first.leading_zeros());
    let bits = (modulus.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0));
    if MODULUS_BITS.contains(&bits) { Ok(()) } else { Err("must have 2048 to 8192 bits") }
}

/// One DER element of `tag`: its contents, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let (bytes, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*bytes)), rest)
        }
        _ => return None,
    };
    (found == tag && rest.len() >= length).then(|| rest.split_at(length))
}

/// The key of a `SubjectPublicKeyInfo` whose algorithm is `rsaEncryption`, or `ecPublicKey` on `prime256v1`.
fn of_spki(der: &[u8]) -> Option<(TokenKeyKind, &[u8])> {
    const RSA_ENCRYPTION: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    const P256: [u8; 19] = [
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
        0x07,
    ];
    let (spki, []) = element(der, 0x30)? else { return None };
    let (algorithm, key) = element(spki, 0x30)?;
    let kind = if algorithm == P256 {
        TokenKeyKind::P256
    } else {
        algorithm.strip_prefix(&RSA_ENCRYPTION)?;
        TokenKeyKind::Rsa
    };
    let (bits, []) = element(key, 0x03)? else { return None };
    Some((kind, bits.strip_prefix(&[0])?))
}

/// The modulus of an `RSAPublicKey`, without leading zeros.
fn modulus(rsa: &[u8]) -> Option<&[u8]> {
    let (sequence, []) = element(rsa, 0x30)? else { return None };
    let (modulus, exponent) = element(sequence, 0x02)?;
    let (_, []) = element(exponent, 0x02)? else { return None };
    Some(modulus.strip_prefix(&[0]).unwrap_or(modulus))
}

/// The algorithms that a token may be signed with.
#[derive(Clone, Copy)]
enum Algorithm {
    Rs256,
    Rs512,
    Es256,
}

impl Algorithm {
    fn of_header(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "RS512" => Some(Self::Rs512),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    /// How it is verified with a key of that kind; no other kind of key has anything to do with it.
    fn with(self, kind: TokenKeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        match (self, kind) {
            (Self::Rs256, TokenKeyKind::Rsa) => Some(&RSA_PKCS1_2048_8192_SHA256),
            (Self::Rs512, TokenKeyKind::Rsa) => Some(&RSA_PKCS1_2048_8192_SHA512),
            (Self::Es256, TokenKeyKind::P256) => Some(&ECDSA_P256_SHA256_FIXED),
            (Self::Rs256 | Self::Rs512, TokenKeyKind::P256) | (Self::Es256, TokenKeyKind::Rsa) => None,
        }
    }
}

struct Token<'a> {
    signed: &'a str,
    algorithm: Algorithm,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

fn object(part: &str) -> Result<Map<String, Value>, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| BAD_TOKEN)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(BAD_TOKEN),
    }
}

fn parse(text: &str) -> Result<Token<'_>, Error> {
    if text.len() > MAX_TOKEN_CHARS {
        return Err(BAD_TOKEN);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(BAD_TOKEN)?;
    let (header, claims) = signed.split_once('.').ok_or(BAD_TOKEN)?;
    let header = object(header)?;
    // The key comes from its registration alone: `jku`, `x5u`, `jwk` and the like are never looked at.
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::of_header);
    let algorithm = algorithm.ok_or(bad("the token's `alg` must be RS256, RS512 or ES256"))?;
    if header.contains_key("crit") {
        return Err(bad("the token's header demands (`crit`) what is not supported"));
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| BAD_TOKEN)?;
    Ok(Token { signed, algorithm, signature, claims: object(claims)? })
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// A `NumericDate` of RFC 7519: seconds, possibly with a fraction.
fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Error> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_number().map(ToString::to_string);
    let secs = whole.as_deref().and_then(|text| text.split('.').next()).and_then(|text| text.parse::<i64>().ok());
    let millis = secs.and_then(|secs| secs.checked_mul(1000)).ok_or(bad("the token's times must be seconds"))?;
    Ok(Some(Timestamp::from_millis(millis)))
}

fn check_claims(claims: &Map<String, Value>, now: Timestamp) -> Result<(), Error> {
    let expires_at = instant(claims, "exp")?.ok_or(bad("the token must say when it expires (`exp`)"))?;
    if now >= expires_at.after(LEEWAY) {
        return Err(bad("the token has expired"));
    }
    if instant(claims, "nbf")?.is_some_and(|from| now.after(LEEWAY) < from) {
        return Err(bad("the token is not valid yet"));
    }
    // Others of the product narrow what a token may do; to pass over one would give more than was meant.
    if claims.keys().any(|name| name.starts_with("cortex/") && name != EMAIL) {
        return Err(bad("of the claims `cortex/…` only `cortex/eml` is supported"));
    }
    Ok(())
}

/// Who calls with this token: the account of the org that `cortex/eml` names. A member's key speaks for its own account
/// only.
///
/// # Errors
/// `Unauthenticated`; `Throttled`, `Unavailable`, `Internal`.
pub async fn authenticate_token(context: &Context, token: &str) -> Result<Principal, Error> {
    let token = parse(token)?;
    let issuer = text(&token.claims, "iss").ok_or(BAD_TOKEN)?;
    let found = good_key(context, &KeyPointer::of_pair(issuer)).await?.ok_or(BAD_TOKEN)?;
    let key = found.value.token.as_ref().filter(|key| key.issuer == issuer).ok_or(BAD_TOKEN)?;
    let algorithm = token.algorithm.with(key.kind).ok_or(BAD_TOKEN)?;
    let public = hex::decode(&key.public).map_err(|_| BAD_TOKEN)?;
    let verified = UnparsedPublicKey::new(algorithm, public).verify(token.signed.as_bytes(), &token.signature);
    verified.map_err(|_| BAD_TOKEN)?;
    check_claims(&token.claims, context.now())?;
    let holder = principal_of(context, &found.value).await?.ok_or(BAD_TOKEN)?;
    let email = text(&token.claims, EMAIL).ok_or(bad("the token must name an account by `cortex/eml`"))?;
    let email = Email::parse(email).map_err(|_| BAD_TOKEN)?;
    let claim = context.rows().email(&holder.org, &email.folded()).await?.ok_or(BAD_TOKEN)?;
    let account = context.rows().account(&holder.org, claim.value.account).await?.ok_or(BAD_TOKEN)?.value;
    if account.locked || !(holder.is_admin() || account.id == holder.account) {
        return Err(BAD_TOKEN);
    }
    let principal = Principal::of(&account, holder.role, found.value.scopes.clone(), found.value.id);
    note_use(context, found).await;
    Ok(principal)
}
