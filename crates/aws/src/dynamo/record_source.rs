//! What exports read of `DynamoDB`: records of our own table, and items of the platform's.

use super::{DynamoRecordStore, platform_table};
use async_trait::async_trait;
use waybill_domain::{RecordId, Source};
use waybill_ports::{Extent, PageCursor, PortError, Reading, RecordPage, RecordSource, RecordStore, not_read};

#[async_trait]
impl RecordSource for DynamoRecordStore {
    fn sections(&self, reading: &Reading) -> u16 {
        match &reading.source {
            Source::Records => self.partitions(),
            Source::Accounts | Source::Elements => 1,
            Source::Dynamodb(table) => platform_table::sections(table),
        }
    }

    async fn read_section(
        &self,
        reading: &Reading,
        section: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        let place = (&reading.org, &reading.collection);
        match &reading.source {
            Source::Records if reading.among.is_some() => self.read_among(reading, section, from).await,
            Source::Records => self.read_within(place, section, reading.ids, from, limit).await,
            Source::Dynamodb(table) => {
                platform_table::read_page(&self.client, table, &reading.org, section, from, limit).await
            }
            Source::Accounts => Err(not_read("accounts")),
            Source::Elements => Err(not_read("elements of arrays")),
        }
    }

    async fn extent(&self, reading: &Reading, section: u16) -> Result<Extent, PortError> {
        match &reading.source {
            Source::Records => self.extent_within((&reading.org, &reading.collection), section, reading.ids).await,
            Source::Dynamodb(_) | Source::Accounts | Source::Elements => Ok(Extent::Unknown),
        }
    }

    fn reached(&self, reading: &Reading, cursor: &PageCursor) -> Option<RecordId> {
        match &reading.source {
            Source::Records => cursor.0.parse().ok(),
            Source::Dynamodb(_) | Source::Accounts | Source::Elements => None,
        }
    }
}
