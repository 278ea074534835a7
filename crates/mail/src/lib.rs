//! Mail by SMTP, through the one server that the operator named.

mod smtp;

pub use smtp::{SmtpError, SmtpMailer};
