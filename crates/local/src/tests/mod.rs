//! The embedded services, spoken to as the functions speak to them: with the official SDK clients.

mod dynamodb;
mod kms;
mod running;
mod s3;
mod sqs;
mod stack;

use crate::data_folder::OpenFolder;
use crate::options::DataFolder;
use crate::services::Services;

/// Services over a temporary folder, which lives as long as they do.
async fn services() -> (Services, OpenFolder) {
    let folder = OpenFolder::open(&DataFolder::Ephemeral).unwrap();
    (Services::start(&folder).await.unwrap(), folder)
}
