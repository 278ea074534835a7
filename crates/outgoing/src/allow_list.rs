//! The hosts that the operator has opened although their addresses are not public.

use crate::target::Host;
use std::collections::BTreeSet;

/// Named hosts, each on one port or on all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: BTreeSet<(String, Option<u16>)>,
}

/// An entry that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry} is neither a host nor a host and a port")]
pub struct AllowListError {
    /// The entry.
    pub entry: String,
}

impl AllowList {
    /// Opens nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads entries separated by commas: `minio.internal`, `sftp.internal:2222`, `127.0.0.1`, `[::1]:8080`. A name opens
    /// itself, whatever it resolves to, and neither its addresses nor names below it; an address opens itself.
    ///
    /// # Errors
    /// Names the first entry that cannot be read.
    pub fn parse(text: &str) -> Result<Self, AllowListError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entries = entries.map(|entry| parse_entry(entry).ok_or_else(|| AllowListError { entry: entry.to_owned() }));
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    pub(crate) fn opens(&self, host: &Host, port: u16) -> bool {
        let name = host.as_text();
        self.entries.contains(&(name.clone(), None)) || self.entries.contains(&(name, Some(port)))
    }
}

impl std::str::FromStr for AllowList {
    type Err = AllowListError;

    fn from_str(text: &str) -> Result<Self, AllowListError> {
        Self::parse(text)
    }
}

fn parse_entry(entry: &str) -> Option<(String, Option<u16>)> {
    if let Ok(host) = Host::parse(entry) {
        return Some((host.as_text(), None));
    }
    if let Some(inside) = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Some((Host::parse(inside).ok()?.as_text(), None));
    }
    let (host, port) = entry.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    Some((Host::parse(host).ok()?.as_text(), Some(port.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(list: &str, host: &str, port: u16) -> bool {
        AllowList::parse(list).unwrap().opens(&Host::parse(host).unwrap(), port)
    }

    #[test]
    fn an_entry_opens_what_it_names_and_nothing_else() {
        assert!(opens("a.internal, b.internal:22", "A.internal.", 443));
        assert!(opens("a.internal, b.internal:22", "b.internal", 22));
        assert!(!opens("a.internal, b.internal:22", "b.internal", 23));
        assert!(!opens("internal", "a.internal", 443));
        assert!(opens("127.0.0.1,[::1]:8080", "127.0.0.1", 1));
        assert!(opens("127.0.0.1,[::1]:8080", "0:0:0:0:0:0:0:1", 8080));
        assert!(opens("::1", "::1", 1) && !opens("127.0.0.1", "::ffff:127.0.0.1", 1) && !opens("", "a", 1));
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named() {
        for entry in ["10.0.0.0/8", "*.internal", "http://a", "a:b", "a:70000", "127.1"] {
            assert_eq!(AllowList::parse(&format!("x,{entry}")).unwrap_err().entry, entry);
        }
    }
}
