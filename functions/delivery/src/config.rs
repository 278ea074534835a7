//! What the function is told about its surroundings.

use crate::mail::MailService;
use std::time::Duration;
use waybill_app::DeliverySettings;
use waybill_aws::Connection;
use waybill_destinations::OwnCredentials;
use waybill_domain::Backoff;
use waybill_outgoing::AllowList;
use waybill_runtime::EnvReader;

/// Time kept back of an invocation for the call under way and for writing how far it came.
const RESERVE: Duration = Duration::from_mins(1);

/// The function's configuration.
#[derive(Clone)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// The table of state.
    pub main_table: String,
    /// The table of the trail, which tells of links that were sent.
    pub audit_table: String,
    /// The bucket of archives.
    pub archive_bucket: String,
    /// The queue of deliveries.
    pub delivery_queue_url: String,
    /// Key under which secrets are sealed.
    pub secrets_key_id: String,
    /// Hosts that are not public and may be delivered to all the same.
    pub allowed_hosts: AllowList,
    /// How mail is sent.
    pub mail: MailService,
    /// Where the HTTP surfaces answer, `https://host`: what messages link to.
    pub api_url: String,
    /// Who the deployment is to buckets that let it in, and to roles.
    pub own: OwnCredentials,
    /// Lengths and limits.
    pub settings: DeliverySettings,
    /// Time kept back of an invocation.
    pub reserve: Duration,
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        let backoff = Backoff {
            first: env.parsed::<Pauses>("WAYBILL_DELIVERY_PAUSES").0,
            then: Duration::from_secs(env.parsed("WAYBILL_DELIVERY_LATER_PAUSE")),
            give_up_after: Duration::from_secs(env.parsed("WAYBILL_DELIVERY_GIVE_UP_AFTER")),
        };
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            main_table: env.text("WAYBILL_MAIN_TABLE"),
            audit_table: env.text("WAYBILL_AUDIT_TABLE"),
            archive_bucket: env.text("WAYBILL_ARCHIVE_BUCKET"),
            delivery_queue_url: env.text("WAYBILL_DELIVERY_QUEUE_URL"),
            secrets_key_id: env.text("WAYBILL_SECRETS_KEY_ID"),
            allowed_hosts: env.optional("WAYBILL_ALLOWED_HOSTS").unwrap_or_default(),
            mail: MailService::of(env.optional("WAYBILL_MAIL_FROM"), env.optional("WAYBILL_SMTP_URL_SECRET_ARN")),
            api_url: env.text("WAYBILL_API_URL"),
            own: OwnCredentials::environment(),
            settings: DeliverySettings {
                backoff,
                longest_posted_bytes: env.parsed("WAYBILL_LONGEST_POSTED_BYTES"),
                ..DeliverySettings::default()
            },
            reserve: RESERVE,
        }
    }
}

/// Seconds with commas between: `10,60,300`.
#[derive(Default)]
struct Pauses(Vec<Duration>);

/// A text that names no pauses.
#[derive(Debug, thiserror::Error)]
#[error("must be whole seconds with commas between, such as 10,60,300")]
struct PausesError;

impl std::str::FromStr for Pauses {
    type Err = PausesError;

    fn from_str(text: &str) -> Result<Self, PausesError> {
        let secs = text.split(',').map(|part| part.trim().parse().map(Duration::from_secs).map_err(|_| PausesError));
        Ok(Self(secs.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_seconds_with_commas_between() {
        let pauses: Pauses = "10, 60,300".parse().unwrap();
        assert_eq!(pauses.0, [10, 60, 300].map(Duration::from_secs));
        assert!("".parse::<Pauses>().is_err());
        assert!("10s".parse::<Pauses>().is_err());
    }
}
