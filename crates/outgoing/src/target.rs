//! Hosts and URLs in the one spelling that is taken.

use http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use waybill_ports::OutgoingError;

/// The longest name that the domain name system has.
const NAME_BYTES: usize = 253;
/// The longest label of such a name.
const LABEL_BYTES: usize = 63;
/// The longest URL that is taken.
const URL_BYTES: usize = 8192;

/// What a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name, in lower case, without a dot at its end.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// Reads a name, an IPv4 address of four decimal numbers, or an IPv6 address without brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, OutgoingError> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let has_labels = name.split('.').all(|label| (1..=LABEL_BYTES).contains(&label.len()));
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if name.is_empty() || name.len() > NAME_BYTES || !has_labels || !is_plain {
            return Err(malformed("the host is neither a name of letters, digits and hyphens nor an address"));
        }
        // What ends in a number is an address to resolvers, in spellings (octal, hexadecimal, fewer numbers) in which what
        // looks public need not be: only the usual one is taken.
        if !ends_in_number(&name) {
            return Ok(Self::Name(name));
        }
        match name.parse::<Ipv4Addr>() {
            Ok(address) => Ok(Self::Address(address.into())),
            Err(_) => Err(malformed("the host is an address that is not written as four decimal numbers")),
        }
    }

    /// As it is written in messages and in the allow-list.
    pub(crate) fn as_text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit())
}

fn malformed(reason: &str) -> OutgoingError {
    OutgoingError::Malformed { reason: reason.to_owned() }
}

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) is_secure: bool,
    /// The value of `Host`.
    pub(crate) authority: String,
    /// Path and query, as they are sent.
    pub(crate) path: String,
}

impl Target {
    /// Reads an absolute `http://` or `https://` URL without user information. A fragment is left out.
    ///
    /// # Errors
    /// `Malformed`, with a reason for whoever wrote the URL; it does not say the URL again, which may hold secrets.
    pub fn parse(url: &str) -> Result<Self, OutgoingError> {
        if url.len() > URL_BYTES {
            return Err(malformed("the URL is longer than 8192 bytes"));
        }
        let uri: Uri = url.parse().map_err(|_| malformed("the URL is none, or has characters that must be encoded"))?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(malformed("the URL does not begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| malformed("the URL names no host"))?;
        if authority.as_str().contains('@') {
            return Err(malformed("the URL holds a user name or a password, which belong into a header"));
        }
        let (name, bracketed) = match authority.host().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inside) => (inside, true),
            None => (authority.host(), false),
        };
        let host = Host::parse(name)?;
        if bracketed != matches!(host, Host::Address(IpAddr::V6(_))) {
            return Err(malformed("only an IPv6 address stands in brackets"));
        }
        let rest = authority.as_str().get(authority.host().len()..).unwrap_or_default();
        let default_port = if is_secure { 443 } else { 80 };
        let port = match (rest.strip_prefix(':'), rest) {
            (Some(""), _) | (None, "") => default_port,
            (Some(digits), _) => digits.parse().map_err(|_| malformed("the port is not a number from 1 to 65535"))?,
            (None, _) => return Err(malformed("something stands between the host and the port")),
        };
        if port == 0 {
            return Err(malformed("the port is not a number from 1 to 65535"));
        }
        let shown = match &host {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            other => other.as_text(),
        };
        let authority = if port == default_port { shown } else { format!("{shown}:{port}") };
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, is_secure, authority, path })
    }

    /// Whether it begins with `https://`.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The host as it is written in messages and in the allow-list.
    pub fn host(&self) -> String {
        self.host.as_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target = Target::parse("https://Hooks.Example.com./a%20b?c=d#e").unwrap();
        assert_eq!(target.authority, "hooks.example.com");
        assert_eq!((target.port, target.path.as_str(), target.is_secure()), (443, "/a%20b?c=d", true));
        let target = Target::parse("http://[2606:4700::1]:8080?q").unwrap();
        assert_eq!(
            (target.authority.as_str(), target.port, target.path.as_str()),
            ("[2606:4700::1]:8080", 8080, "/?q")
        );
        assert_eq!(Target::parse("http://198.51.100.7:80/").unwrap().authority, "198.51.100.7");
    }

    #[test]
    fn a_reason_does_not_say_the_url_again() {
        for url in ["https://user:geheim@example.com/", "https://example.com:geheim/", "geheim", "ftp://geheim/"] {
            assert!(!Target::parse(url).unwrap_err().to_string().contains("geheim"), "{url}");
        }
    }
}
