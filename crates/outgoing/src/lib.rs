//! The outgoing guard: the one way to a host that a tenant or a script named.
//!
//! [`Outgoing`] fills the roles `OutgoingHttp` and `OutgoingTcp`. For each request and each connection it
//! - reads the host in one strict spelling ([`Target`]): what other parsers would take for an address in disguise is refused;
//! - resolves the name once ([`Resolver`]) and refuses it if **any** of its addresses is not a public one
//!   ([`is_public`]), unless the operator's [`AllowList`] opens that very name;
//! - connects to an address that was checked, never to the name, so that a second answer of the resolver changes nothing;
//! - speaks TLS with the certificate of the original name, follows no redirect, and knows no proxy.
//!
//! Nothing is kept between two requests: the next one is checked anew.

mod address;
mod allow_list;
mod exchange;
mod guard;
mod progress;
mod target;
mod tls;

pub use address::is_public;
pub use allow_list::{AllowList, AllowListError};
pub use guard::{Dialer, Outgoing, Resolver};
pub use target::Target;
