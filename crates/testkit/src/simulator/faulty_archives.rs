//! Objects as a process reaches them.

use super::history::Actor;
use super::mutant::Mutant;
use super::network::{Effect, Fate, Service, World};
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use waybill_ports::{
    ArchiveStore, ByteRange, Download, ObjectHead, ObjectMetadata, PartTag, PortError, UploadId, UploadLink,
};

/// The archive store of one process.
pub(super) struct FaultyArchives {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
}

/// The key that a mutant makes of one.
fn keyed(world: &World, key: &str) -> String {
    if world.is(Mutant::SharedKeys)
        && key.starts_with("work/")
        && let Some((folder, (_, name))) = key.rsplit_once('/').and_then(|(f, n)| Some((f, n.split_once('-')?)))
    {
        return format!("{folder}/{name}");
    }
    key.to_owned()
}

/// A write on its way to the store.
enum Writing {
    Put { key: String, body: Bytes, metadata: ObjectMetadata },
    Part { key: String, upload: UploadId, number: u32, body: Bytes },
    Copy { key: String, upload: UploadId, number: u32, source: String, range: ByteRange },
    Complete { key: String, upload: UploadId, parts: Vec<PartTag> },
    Delete { keys: Vec<String> },
}

impl Writing {
    /// Carries it out; the tag is a part's.
    fn apply(&self, world: &World, actor: Actor) -> Result<Option<PartTag>, PortError> {
        let store = &world.archives;
        match self {
            Self::Put { key, body, metadata } => {
                let kept = !(world.is(Mutant::CheckpointNotDurable) && key.contains("-c") && world.fault(1500));
                let there = store.body(key).is_some();
                if world.is(Mutant::SharedKeys) && there {
                    store.overwrite(key, body.clone(), metadata.clone());
                } else if world.is(Mutant::NoIfNoneMatch) && there {
                    store.overwrite(key, body.clone(), metadata.clone());
                    world.oracle.with(|oracle| oracle.object_replaced(key));
                } else if kept {
                    at_once(store.put_new(key, cut(world, key, body), metadata))?;
                }
                appeared(world, actor, key);
                Ok(None)
            }
            Self::Part { key, upload, number, body } => {
                at_once(store.upload_part(key, upload, *number, body.clone())).map(Some)
            }
            Self::Copy { key, upload, number, source, range } => {
                at_once(store.copy_part(key, upload, *number, source, *range)).map(Some)
            }
            Self::Complete { key, upload, parts } => {
                if world.is(Mutant::SharedKeys) {
                    store.erase(key);
                } else if world.is(Mutant::NoIfNoneMatch) && store.body(key).is_some() {
                    store.erase(key);
                    world.oracle.with(|oracle| oracle.object_replaced(key));
                }
                at_once(store.complete_upload(key, upload, parts))?;
                if let Some((body, head)) = store.body(key).zip(at_once(store.head(key))?) {
                    store.overwrite(key, cut(world, key, &body), head.metadata);
                }
                appeared(world, actor, key);
                Ok(None)
            }
            Self::Delete { keys } => {
                let mut keys = keys.clone();
                if world.is(Mutant::CleanupTakesAll) {
                    let exports = keys.iter().filter_map(|key| key.strip_prefix("work/")?.rsplit_once('/'));
                    let also: Vec<String> = exports.map(|(export, _)| format!("archives/{export}-")).collect();
                    keys.extend(store.keys().into_iter().filter(|key| also.iter().any(|also| key.starts_with(also))));
                }
                for key in &keys {
                    world.oracle.with(|oracle| oracle.object_removed(key));
                }
                world.note(|| format!("#{} removes {}", actor.number, keys.join(", ")));
                at_once(store.delete(&keys)).map(|()| None)
            }
        }
    }
}

/// The body, or a part of it where a mutant says so.
fn cut(world: &World, key: &str, body: &Bytes) -> Bytes {
    if world.is(Mutant::ArchiveCutShort) && key.starts_with("archives/") && world.fault(1000) {
        return body.slice(..body.len().saturating_sub(1));
    }
    body.clone()
}

fn appeared(world: &World, actor: Actor, key: &str) {
    world.note(|| format!("#{} makes {key} appear", actor.number));
    world.oracle.with(|oracle| oracle.object_appeared(key));
}

fn at_once<T>(call: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    call.now_or_never().unwrap_or_else(|| Err(crate::memory::conflict("a store in memory waited")))
}

impl FaultyArchives {
    async fn write(&self, writing: Writing) -> Result<Option<PartTag>, PortError> {
        let (world, actor) = (&self.world, self.actor);
        let fate = world.travel(actor, Service::Archives, Effect::NowOrLater).await?;
        if let Fate::Late(late) = fate {
            let later = Arc::clone(world);
            world.spawn(Box::pin(async move {
                later.sleep(late).await;
                // Nobody waits for the answer any more.
                drop(writing.apply(&later, actor));
            }));
            return Err(world.no_answer().await);
        }
        let result = writing.apply(world, actor);
        world.reply(fate, result).await
    }

    async fn look<T>(&self, read: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
        self.call(Effect::None, read).await
    }

    async fn call<T>(&self, effect: Effect, call: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
        let fate = self.world.travel(self.actor, Service::Archives, effect).await?;
        let result = call.await;
        self.world.reply(fate, result).await
    }
}

fn tag(tag: Option<PartTag>) -> Result<PartTag, PortError> {
    tag.ok_or_else(|| crate::memory::conflict("a part without a tag"))
}

#[async_trait]
impl ArchiveStore for FaultyArchives {
    async fn put_new(&self, key: &str, body: Bytes, metadata: &ObjectMetadata) -> Result<(), PortError> {
        let writing = Writing::Put { key: keyed(&self.world, key), body, metadata: metadata.clone() };
        self.write(writing).await.map(drop)
    }

    async fn begin_upload(&self, key: &str, metadata: &ObjectMetadata) -> Result<UploadId, PortError> {
        self.call(Effect::Now, self.world.archives.begin_upload(&keyed(&self.world, key), metadata)).await
    }

    async fn upload_part(&self, key: &str, upload: &UploadId, number: u32, body: Bytes) -> Result<PartTag, PortError> {
        let writing = Writing::Part { key: keyed(&self.world, key), upload: upload.clone(), number, body };
        tag(self.write(writing).await?)
    }

    async fn copy_part(
        &self,
        key: &str,
        upload: &UploadId,
        number: u32,
        source: &str,
        range: ByteRange,
    ) -> Result<PartTag, PortError> {
        let (key, upload, source) = (keyed(&self.world, key), upload.clone(), keyed(&self.world, source));
        tag(self.write(Writing::Copy { key, upload, number, source, range }).await?)
    }

    async fn complete_upload(&self, key: &str, upload: &UploadId, parts: &[PartTag]) -> Result<(), PortError> {
        let writing = Writing::Complete { key: keyed(&self.world, key), upload: upload.clone(), parts: parts.to_vec() };
        self.write(writing).await.map(drop)
    }

    async fn abort_upload(&self, key: &str, upload: &UploadId) -> Result<(), PortError> {
        self.call(Effect::Now, self.world.archives.abort_upload(&keyed(&self.world, key), upload)).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, PortError> {
        self.look(self.world.archives.head(&keyed(&self.world, key))).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        self.look(self.world.archives.get(&keyed(&self.world, key))).await
    }

    async fn read(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>, PortError> {
        self.look(self.world.archives.read(&keyed(&self.world, key), range)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        self.look(self.world.archives.list(prefix)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        self.write(Writing::Delete { keys: keys.to_vec() }).await.map(drop)
    }

    async fn presign(
        &self,
        key: &str,
        lifetime: Duration,
        filename: &str,
        content_type: &str,
    ) -> Result<Download, PortError> {
        self.look(self.world.archives.presign(key, lifetime, filename, content_type)).await
    }

    async fn presign_upload(
        &self,
        key: &str,
        lifetime: Duration,
        content_type: &str,
        size_bytes: u64,
    ) -> Result<UploadLink, PortError> {
        self.look(self.world.archives.presign_upload(key, lifetime, content_type, size_bytes)).await
    }
}
