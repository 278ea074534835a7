//! How stormy a simulated world is: drawn from the seed, from calm to all at once.

use crate::QueueOptions;
use std::time::Duration;
use waybill_ports::Entropy;

/// Something that befalls a whole world, or an org in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calamity {
    /// A service is out for ten minutes.
    Outage,
    /// All clocks jump.
    Jump,
    /// Nobody runs for days.
    DarkDays,
    /// A record of the first org cannot be read.
    BadRecords,
    /// Whoever reads the first org's records dies of it.
    DeadlyRecords,
    /// The first org's collection is deleted.
    CollectionGone,
}

/// Rates are per ten thousand chances.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    /// A process is cut off at an await.
    pub(super) crash: u32,
    /// A process stands still at an await.
    pub(super) freeze: u32,
    /// A call takes seconds.
    pub(super) slow: u32,
    /// A service asks for patience.
    pub(super) throttle: u32,
    /// A call never arrives.
    pub(super) unavailable: u32,
    /// A write is carried out and its reply lost.
    pub(super) reply_lost: u32,
    /// A write is carried out after its caller has given up.
    pub(super) late: u32,
    /// A commit is refused for a contention that nobody sees.
    pub(super) conflict: u32,
    /// A wake-up is lost.
    pub(super) ring_lost: u32,
    /// A wake-up is doubled.
    pub(super) ring_doubled: u32,
    /// A wake-up goes to another group, so that order and exclusion of the queue are gone.
    pub(super) ring_astray: u32,
    /// A wake-up arrives late.
    pub(super) ring_late: u32,
    /// A worker stands still between its look at the head of a lane and the stamp.
    pub(super) stall_at_head: u32,
    /// An acknowledgement is lost.
    pub(super) ack_lost: u32,
    /// The index shows what it showed before.
    pub(super) stale_index: u32,
    /// A tick is missed, or comes twice.
    pub(super) tick: u32,
    /// Time between two ticks of scheduler and sweeper.
    pub(super) between_ticks: Duration,
    /// How far a process's clock may be off, in milliseconds.
    pub(super) skew_millis: u64,
    /// What else befalls it.
    pub(super) calamities: Vec<Calamity>,
    /// Time that the platform gives an invocation of the exporter.
    pub(super) worker_limit: Duration,
    /// Settings of the queue.
    pub(super) queue: QueueOptions,
    /// Size of an upload's part.
    pub(super) part_bytes: usize,
    /// Storage reserved at the first step.
    pub(super) reserve_bytes: u64,
    /// Pages transformed side by side.
    pub(super) parallelism: usize,
    /// Partitions of a collection.
    pub(super) partitions: u16,
    /// Polls after which the world is said to run in circles.
    pub(super) max_polls: u64,
}

impl Profile {
    /// Whether that befalls it.
    pub(super) fn has(&self, calamity: Calamity) -> bool {
        self.calamities.contains(&calamity)
    }

    /// A world in which nothing goes wrong by itself.
    pub(super) fn calm(part_bytes: usize) -> Self {
        let worker_limit = Duration::from_mins(15);
        Self {
            crash: 0,
            freeze: 0,
            slow: 0,
            throttle: 0,
            unavailable: 0,
            reply_lost: 0,
            late: 0,
            conflict: 0,
            ring_lost: 0,
            ring_doubled: 0,
            ring_astray: 0,
            ring_late: 0,
            stall_at_head: 0,
            ack_lost: 0,
            stale_index: 0,
            tick: 0,
            between_ticks: Duration::from_mins(1),
            skew_millis: 0,
            calamities: Vec::new(),
            worker_limit,
            queue: QueueOptions { visibility: worker_limit, max_receives: 1000 },
            part_bytes,
            reserve_bytes: 600,
            parallelism: 1,
            partitions: 2,
            max_polls: 400_000,
        }
    }

    /// The weather of a seed.
    pub(super) fn draw(entropy: &dyn Entropy) -> Self {
        // Each kind of fault is absent, rare or frequent by itself, so that calm and storm of each kind meet.
        let rate = |often: u64| match entropy.below(4) {
            0 | 1 => 0,
            2 => u32::try_from(often / 8).unwrap_or(0),
            _ => u32::try_from(often).unwrap_or(0),
        };
        let one_in = |n: u64| entropy.below(n) == 0;
        let worker_limit = Duration::from_secs(if one_in(3) { 150 } else { 900 });
        let max_receives = if one_in(4) { 4 } else { 1000 };
        let often = [
            (Calamity::Outage, 5),
            (Calamity::Jump, 5),
            (Calamity::DarkDays, 25),
            (Calamity::BadRecords, 12),
            (Calamity::DeadlyRecords, 12),
            (Calamity::CollectionGone, 20),
        ];
        let calamities = often.into_iter().filter(|(_, n)| one_in(*n)).map(|(calamity, _)| calamity).collect();
        // All bytes at once, or parts and segments of a few.
        let part_bytes = if one_in(3) { 160 } else { 100_000 };
        Self {
            crash: rate(120),
            freeze: rate(80),
            slow: rate(400),
            throttle: rate(200),
            unavailable: rate(200),
            reply_lost: rate(400),
            late: rate(300),
            conflict: rate(300),
            ring_lost: rate(4000),
            ring_doubled: rate(3000),
            ring_astray: rate(4000),
            ring_late: rate(3000),
            stall_at_head: rate(800),
            ack_lost: rate(2000),
            stale_index: rate(3000),
            tick: rate(2000),
            between_ticks: Duration::from_mins(if one_in(5) { 1 } else { 2 }),
            skew_millis: if one_in(3) { entropy.below(120_000) } else { 0 },
            calamities,
            worker_limit,
            queue: QueueOptions { visibility: worker_limit, max_receives },
            part_bytes,
            reserve_bytes: if one_in(2) { 600 } else { 3000 },
            parallelism: if one_in(3) { 3 } else { 1 },
            partitions: if one_in(3) { 4 } else { 2 },
            max_polls: 400_000,
        }
    }
}
