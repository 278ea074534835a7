//! The embedded AWS services of one stack, together: started, filled with tables, queues and a bucket, stopped.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws_sdk_sqs::types::QueueAttributeName;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use waybill_aws::{Connection, Endpoints, StaticCredentials};

use crate::clients::{self, ACCOUNT, AwsCredentials, REGION};
use crate::clock;
use crate::data_folder::OpenFolder;
use crate::emulators::dynamodb::DynamoDb;
use crate::emulators::file_buckets::FileBuckets;
use crate::emulators::{kms, s3, ses, sqs};
use crate::listener::Listener;
use crate::options::Tuning;

/// File of the data folder that holds [`Secrets`].
const SECRETS_FILE: &str = "secrets.json";

/// How long a service may take to answer what is under way when it stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long the database may take to let go; after that the process goes on without it.
const DATABASE_GRACE: Duration = Duration::from_secs(5);

/// The names of what the functions use.
pub(crate) mod names {
    /// Bucket of archives and of work in progress.
    pub(crate) const BUCKET: &str = "waybill";
    /// Queue of wake-ups.
    pub(crate) const QUEUE: &str = "wake-ups.fifo";
    /// Where a wake-up goes that was handed out too often.
    pub(crate) const DEAD_LETTERS: &str = "wake-ups-dead.fifo";

    /// Queue of deliveries.
    pub(crate) const DELIVERIES: &str = "deliveries";
    /// Where a message about a delivery goes that was handed out too often.
    pub(crate) const DELIVERIES_DEAD: &str = "deliveries-dead";
    /// Queue of after-scripts.
    pub(crate) const SCRIPTS: &str = "scripts.fifo";
    /// Where a message about a script goes that was handed out too often.
    pub(crate) const SCRIPTS_DEAD: &str = "scripts-dead.fifo";

    /// Tables of state.
    pub(crate) fn tables() -> waybill_aws::TableNames {
        waybill_aws::TableNames {
            main: "main".to_owned(),
            records: "records".to_owned(),
            audit: "audit".to_owned(),
            scripts: "scripts".to_owned(),
        }
    }
}

/// What is made once for a data folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Secrets {
    pub(crate) aws: AwsCredentials,
    /// 64 hex digits.
    kms_master_key: String,
}

impl Secrets {
    fn generate() -> Result<Self> {
        Ok(Self {
            aws: AwsCredentials {
                access_key_id: format!("AKIA{}", hex::encode_upper(clock::random::<8>()?)),
                secret_access_key: hex::encode(clock::random::<20>()?),
            },
            kms_master_key: hex::encode(clock::random::<32>()?),
        })
    }

    fn master_key(&self) -> Result<[u8; 32]> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.kms_master_key, &mut key).context("the master key is not 32 bytes in hex")?;
        Ok(key)
    }
}

/// The services at work. Dropping them ends them at once, as a crash would.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) credentials: AwsCredentials,
    pub(crate) endpoints: Endpoints,
    dynamodb: DynamoDb,
    s3: Listener,
    buckets: FileBuckets,
    sqs: Listener,
    kms: Listener,
    ses: Listener,
}

impl Services {
    /// Starts them over `folder`.
    pub(crate) async fn start(folder: &OpenFolder) -> Result<Self> {
        let secrets = if let Some(kept) = folder.read::<Secrets>(SECRETS_FILE)? {
            kept
        } else {
            let secrets = Secrets::generate()?;
            folder.write(SECRETS_FILE, &secrets)?;
            secrets
        };
        let dynamodb = DynamoDb::start(folder.database().as_deref()).await?;
        let (s3, buckets) = s3::start(&folder.buckets(), &secrets.aws).await?;
        let sqs = sqs::start().await?;
        let kms = kms::start(secrets.master_key()?).await?;
        let ses = ses::start(&folder.mail()).await?;
        let endpoints = Endpoints {
            dynamodb: dynamodb.url().to_owned(),
            s3: s3.url(),
            sqs: sqs.url(),
            kms: kms.url(),
            ses: ses.url(),
        };
        Ok(Self { credentials: secrets.aws, endpoints, dynamodb, s3, buckets, sqs, kms, ses })
    }

    /// How the functions reach these services.
    pub(crate) fn connection(&self) -> Connection {
        Connection {
            region: REGION.to_owned(),
            endpoints: Some(self.endpoints.clone()),
            credentials: Some(StaticCredentials {
                access_key_id: self.credentials.access_key_id.clone(),
                secret_access_key: SecretString::from(self.credentials.secret_access_key.clone()),
            }),
        }
    }

    /// Makes the tables that are not there yet.
    pub(crate) async fn make_tables(&self) -> Result<()> {
        let client = self.connection().dynamodb();
        waybill_aws::create_tables(&client, &names::tables()).await.context("the tables cannot be made")
    }

    /// Makes the bucket unless it is there.
    pub(crate) async fn make_bucket(&self) -> Result<()> {
        let client = self.connection().s3();
        match client.create_bucket().bucket(names::BUCKET).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.into_service_error() {
                error if error.is_bucket_already_exists() || error.is_bucket_already_owned_by_you() => Ok(()),
                error => Err(error).context("the bucket cannot be made"),
            },
        }
    }

    /// Makes the queues, each with its dead-letter queue.
    pub(crate) async fn make_queues(&self, tuning: &Tuning) -> Result<Queues> {
        let client = clients::sqs(&self.endpoints.sqs, &self.credentials);
        let dead_letters_url = make_queue(&client, names::DEAD_LETTERS, HashMap::new()).await?;
        let redrive = serde_json::json!({
            "deadLetterTargetArn": queue_arn(names::DEAD_LETTERS),
            "maxReceiveCount": tuning.max_receive_count,
        });
        let attributes = HashMap::from([
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
            (QueueAttributeName::VisibilityTimeout, tuning.function_timeout.as_secs().max(1).to_string()),
        ]);
        let url = make_queue(&client, names::QUEUE, attributes).await?;
        make_queue(&client, names::SCRIPTS_DEAD, HashMap::new()).await?;
        let redrive = serde_json::json!({
            "deadLetterTargetArn": queue_arn(names::SCRIPTS_DEAD),
            "maxReceiveCount": tuning.max_receive_count.min(5),
        });
        let attributes = HashMap::from([
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
            (QueueAttributeName::VisibilityTimeout, tuning.script_timeout.as_secs().max(1).to_string()),
        ]);
        let scripts_url = make_queue(&client, names::SCRIPTS, attributes).await?;
        make_queue(&client, names::DELIVERIES_DEAD, HashMap::new()).await?;
        let redrive = serde_json::json!({
            "deadLetterTargetArn": queue_arn(names::DELIVERIES_DEAD),
            "maxReceiveCount": tuning.max_receive_count.min(5),
        });
        let attributes = HashMap::from([
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
            (QueueAttributeName::VisibilityTimeout, tuning.function_timeout.as_secs().max(1).to_string()),
        ]);
        let deliveries_url = make_queue(&client, names::DELIVERIES, attributes).await?;
        let deliveries_arn = queue_arn(names::DELIVERIES);
        let (arn, scripts_arn) = (queue_arn(names::QUEUE), queue_arn(names::SCRIPTS));
        Ok(Queues { client, url, arn, dead_letters_url, scripts_url, scripts_arn, deliveries_url, deliveries_arn })
    }

    /// What the services do in their own time: rows past their time to live go, and what the bucket's lifecycle says.
    pub(crate) async fn tidy(&self) {
        self.dynamodb.expire_rows().await;
        if let Err(error) = self.buckets.apply_lifecycle(names::BUCKET, clock::now()).await {
            tracing::warn!(%error, "old objects were not removed");
        }
    }

    /// Ends them in order; every client must be idle.
    pub(crate) async fn stop(self) {
        self.ses.stop(GRACE).await;
        self.kms.stop(GRACE).await;
        self.sqs.stop(GRACE).await;
        self.s3.stop(GRACE).await;
        if tokio::time::timeout(DATABASE_GRACE, self.dynamodb.stop()).await.is_err() {
            tracing::warn!("the database still serves somebody; what was committed is safe");
        }
    }
}

/// The queues: of wake-ups with its dead letters, of scripts, of deliveries.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    pub(crate) client: aws_sdk_sqs::Client,
    pub(crate) url: String,
    pub(crate) arn: String,
    pub(crate) dead_letters_url: String,
    pub(crate) scripts_url: String,
    pub(crate) scripts_arn: String,
    pub(crate) deliveries_url: String,
    pub(crate) deliveries_arn: String,
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

async fn make_queue(
    client: &aws_sdk_sqs::Client,
    name: &str,
    mut attributes: HashMap<QueueAttributeName, String>,
) -> Result<String> {
    // The name says what a queue is.
    if std::path::Path::new(name).extension().is_some_and(|ending| ending == "fifo") {
        attributes.insert(QueueAttributeName::FifoQueue, "true".to_owned());
    }
    let made = client.create_queue().queue_name(name).set_attributes(Some(attributes)).send().await;
    match made.with_context(|| format!("the queue {name} cannot be made"))?.queue_url {
        Some(url) => Ok(url),
        None => bail!("the queue {name} was made without an address"),
    }
}
