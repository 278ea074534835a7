//! What every state store does.

use super::{Broken, Fact, Found, check, equal, fails, hash, is_rejected, noise, that};
use std::fmt::Write as _;
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{
    DueKind, DueRow, Expect, PortError, PortErrorKind, Row, RowKey, RowRange, StateStore, Table, Write,
};

/// Checks a state store.
///
/// # Errors
/// The first fact that does not hold.
pub async fn state_store(store: &dyn StateStore, prefix: &str) -> Result<(), Broken> {
    check!(store, prefix;
        an_absent_row_reads_as_none,
        a_row_reads_back_as_it_was_put,
        an_insert_over_a_row_is_a_conflict,
        an_update_needs_the_version_that_was_read,
        a_delete_needs_the_version_that_was_read,
        a_check_guards_a_commit_and_changes_nothing,
        a_commit_is_all_or_nothing,
        a_repeated_commit_succeeds_without_effect,
        a_commit_whose_rows_have_moved_on_is_a_conflict_when_repeated,
        a_hundred_writes_are_one_commit_and_a_hundred_and_one_are_refused,
        a_large_row_is_kept_and_a_too_large_one_refused,
        many_rows_are_read_in_the_order_asked_for,
        a_range_has_the_order_of_bytes_in_both_directions,
        a_range_goes_on_beyond_a_key_and_says_whether_there_is_more,
        a_range_keeps_to_its_prefix_and_partition,
        tables_are_apart,
        due_rows_are_found_by_kind_shard_and_time,
        a_row_that_is_no_longer_due_leaves_the_index,
        any_text_is_kept_verbatim,
    );
}

/// Makes rows and commits of one fact.
struct Maker<'a> {
    prefix: &'a str,
}

impl Maker<'_> {
    fn commit(&self, number: u64) -> CommitId {
        CommitId((u128::from(hash(self.prefix)) << 64) | u128::from(number))
    }

    fn key(&self, sk: &str) -> RowKey {
        RowKey { table: Table::Main, pk: format!("CONTRACT#{}", self.prefix), sk: sk.to_owned() }
    }

    fn row(&self, sk: &str, number: u64, body: &str) -> Row {
        let body = body.to_owned();
        Row { key: self.key(sk), version: self.commit(number), body, due: None, drop_after: None }
    }

    fn range(&self, prefix: &str, limit: usize) -> RowRange {
        let pk = self.key("").pk;
        RowRange { table: Table::Main, pk, prefix: prefix.to_owned(), after: None, descending: false, limit }
    }
}

fn insert(row: Row) -> Write {
    Write::Put { row, expect: Expect::Absent }
}

fn update(row: Row, read: CommitId) -> Write {
    Write::Put { row, expect: Expect::Version(read) }
}

async fn an_absent_row_reads_as_none(store: &dyn StateStore, prefix: &str) -> Fact {
    equal(&store.get(&Maker { prefix }.key("A")).await?, &None)
}

async fn a_row_reads_back_as_it_was_put(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let mut row = make.row("A", 1, "{\"a\":1.50}");
    row.due = Some((DueKind::Expiry, 3, Timestamp::from_millis(4_000_000_000_123)));
    row.drop_after = Some(Timestamp::from_millis(4_100_000_000_000));
    store.commit(make.commit(1), &[insert(row.clone())]).await?;
    equal(&store.get(&row.key).await?, &Some(row.clone()))?;
    let plain = make.row("A", 2, "{}");
    store.commit(make.commit(2), &[update(plain.clone(), make.commit(1))]).await?;
    equal(&store.get(&row.key).await?, &Some(plain))
}

async fn an_insert_over_a_row_is_a_conflict(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    store.commit(make.commit(1), &[insert(make.row("A", 1, "1"))]).await?;
    let second = store.commit(make.commit(2), &[insert(make.row("A", 2, "2"))]).await;
    fails(&second, &[PortErrorKind::Conflict])?;
    equal(&store.get(&make.key("A")).await?, &Some(make.row("A", 1, "1")))
}

async fn an_update_needs_the_version_that_was_read(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let absent = store.commit(make.commit(1), &[update(make.row("A", 1, "1"), make.commit(9))]).await;
    fails(&absent, &[PortErrorKind::Conflict])?;
    store.commit(make.commit(2), &[insert(make.row("A", 2, "2"))]).await?;
    store.commit(make.commit(3), &[update(make.row("A", 3, "3"), make.commit(2))]).await?;
    let stale = store.commit(make.commit(4), &[update(make.row("A", 4, "4"), make.commit(2))]).await;
    fails(&stale, &[PortErrorKind::Conflict])?;
    equal(&store.get(&make.key("A")).await?, &Some(make.row("A", 3, "3")))
}

async fn a_delete_needs_the_version_that_was_read(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let key = make.key("A");
    store.commit(make.commit(1), &[insert(make.row("A", 1, "1"))]).await?;
    let stale = Write::Delete { key: key.clone(), version: make.commit(9) };
    fails(&store.commit(make.commit(2), &[stale]).await, &[PortErrorKind::Conflict])?;
    store.commit(make.commit(3), &[Write::Delete { key: key.clone(), version: make.commit(1) }]).await?;
    equal(&store.get(&key).await?, &None)?;
    let gone = Write::Delete { key, version: make.commit(1) };
    fails(&store.commit(make.commit(4), &[gone, insert(make.row("B", 4, "4"))]).await, &[PortErrorKind::Conflict])
}

async fn a_check_guards_a_commit_and_changes_nothing(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let guard = |sk: &str, expect| Write::Check { key: make.key(sk), expect };
    store.commit(make.commit(1), &[insert(make.row("A", 1, "1"))]).await?;
    let wrong = [guard("A", Expect::Version(make.commit(9))), insert(make.row("B", 2, "2"))];
    fails(&store.commit(make.commit(2), &wrong).await, &[PortErrorKind::Conflict])?;
    let there = [guard("A", Expect::Absent), insert(make.row("B", 3, "3"))];
    fails(&store.commit(make.commit(3), &there).await, &[PortErrorKind::Conflict])?;
    let right =
        [guard("A", Expect::Version(make.commit(1))), guard("C", Expect::Absent), insert(make.row("B", 4, "4"))];
    store.commit(make.commit(4), &right).await?;
    equal(&store.get(&make.key("A")).await?, &Some(make.row("A", 1, "1")))?;
    equal(&store.get(&make.key("B")).await?, &Some(make.row("B", 4, "4")))?;
    equal(&store.get(&make.key("C")).await?, &None)
}

async fn a_commit_is_all_or_nothing(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    store.commit(make.commit(1), &[insert(make.row("A", 1, "1")), insert(make.row("B", 1, "1"))]).await?;
    let half = [
        update(make.row("A", 2, "2"), make.commit(1)),
        Write::Delete { key: make.key("B"), version: make.commit(1) },
        insert(make.row("C", 2, "2")),
        insert(make.row("A2", 2, "2")),
        update(make.row("D", 2, "2"), make.commit(1)),
    ];
    fails(&store.commit(make.commit(2), &half).await, &[PortErrorKind::Conflict])?;
    let left = store.query(&make.range("", 10)).await?.rows;
    equal(&left, &vec![make.row("A", 1, "1"), make.row("B", 1, "1")])
}

async fn a_repeated_commit_succeeds_without_effect(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    store.commit(make.commit(1), &[insert(make.row("A", 1, "1")), insert(make.row("B", 1, "1"))]).await?;
    let several = [
        update(make.row("A", 2, "2"), make.commit(1)),
        Write::Delete { key: make.key("B"), version: make.commit(1) },
        insert(make.row("C", 2, "2")),
    ];
    store.commit(make.commit(2), &several).await?;
    store.commit(make.commit(2), &several).await?;
    let single = [update(make.row("A", 3, "3"), make.commit(2))];
    store.commit(make.commit(3), &single).await?;
    store.commit(make.commit(3), &single).await?;
    let left = store.query(&make.range("", 10)).await?.rows;
    equal(&left, &vec![make.row("A", 3, "3"), make.row("C", 2, "2")])
}

async fn a_commit_whose_rows_have_moved_on_is_a_conflict_when_repeated(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let first = [insert(make.row("A", 1, "1"))];
    store.commit(make.commit(1), &first).await?;
    store.commit(make.commit(2), &[update(make.row("A", 2, "2"), make.commit(1))]).await?;
    fails(&store.commit(make.commit(1), &first).await, &[PortErrorKind::Conflict])?;
    equal(&store.get(&make.key("A")).await?, &Some(make.row("A", 2, "2")))
}

async fn a_hundred_writes_are_one_commit_and_a_hundred_and_one_are_refused(
    store: &dyn StateStore,
    prefix: &str,
) -> Fact {
    let make = Maker { prefix };
    let writes = |number: u64, count: u32| -> Vec<Write> {
        (0..count).map(|index| insert(make.row(&format!("{number}#{index:03}"), number, "{}"))).collect()
    };
    store.commit(make.commit(1), &writes(1, 100)).await?;
    is_rejected(&store.commit(make.commit(2), &writes(2, 101)).await)?;
    equal(&store.query(&make.range("1#", 200)).await?.rows.len(), &100)?;
    equal(&store.query(&make.range("2#", 200)).await?.rows.len(), &0)
}

async fn a_large_row_is_kept_and_a_too_large_one_refused(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let text = |length: usize| {
        let mut text = String::from("\"");
        for byte in noise(prefix, length) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('"');
        text
    };
    // Hex digits deflate to little more than half.
    let fits = make.row("A", 1, &text(300_000));
    store.commit(make.commit(1), &[insert(fits.clone())]).await?;
    equal(&store.get(&fits.key).await?, &Some(fits))?;
    let too_large = store.commit(make.commit(2), &[insert(make.row("B", 2, &text(500_000)))]).await;
    let named = PortErrorKind::Rejected { reason: PortError::ROW_TOO_LARGE.to_owned() };
    fails(&too_large, &[named])?;
    equal(&store.get(&make.key("B")).await?, &None)
}

async fn many_rows_are_read_in_the_order_asked_for(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    for chunk in [0..60_u64, 60..120] {
        let writes: Vec<Write> =
            chunk.clone().map(|n| insert(make.row(&format!("{n:03}"), chunk.start, "{}"))).collect();
        store.commit(make.commit(chunk.start), &writes).await?;
    }
    let keys: Vec<RowKey> = (0..130_u64).rev().map(|n| make.key(&format!("{n:03}"))).collect();
    let rows = store.get_many(&keys).await?;
    let found: Vec<Option<RowKey>> = rows.into_iter().map(|row| row.map(|row| row.key)).collect();
    let expected: Vec<Option<RowKey>> = keys.iter().map(|key| (key.sk.as_str() < "120").then(|| key.clone())).collect();
    equal(&found, &expected)?;
    equal(&store.get_many(&[]).await?, &Vec::new())
}

async fn put_all(store: &dyn StateStore, make: &Maker<'_>, sks: &[&str]) -> Result<(), Found> {
    let writes: Vec<Write> = sks.iter().map(|sk| insert(make.row(sk, 1, "{}"))).collect();
    Ok(store.commit(make.commit(1), &writes).await?)
}

async fn sks(store: &dyn StateStore, range: &RowRange) -> Result<(Vec<String>, bool), Found> {
    let page = store.query(range).await?;
    Ok((page.rows.into_iter().map(|row| row.key.sk).collect(), page.more))
}

fn texts(sks: &[&str]) -> Vec<String> {
    sks.iter().map(|sk| (*sk).to_owned()).collect()
}

async fn a_range_has_the_order_of_bytes_in_both_directions(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    put_all(store, &make, &["Q#b", "Q#10", "Q#é", "Q#9", "Q#B", "Q#~"]).await?;
    let ordered = texts(&["Q#10", "Q#9", "Q#B", "Q#b", "Q#~", "Q#é"]);
    let range = make.range("Q#", 10);
    equal(&sks(store, &range).await?.0, &ordered)?;
    let backwards: Vec<String> = ordered.into_iter().rev().collect();
    equal(&sks(store, &RowRange { descending: true, ..range }).await?.0, &backwards)
}

async fn a_range_goes_on_beyond_a_key_and_says_whether_there_is_more(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    put_all(store, &make, &["P#9", "Q#1", "Q#2", "Q#3", "Q#4", "R#1"]).await?;
    for (descending, all) in [(false, ["Q#1", "Q#2", "Q#3", "Q#4"]), (true, ["Q#4", "Q#3", "Q#2", "Q#1"])] {
        let (mut found, mut after, mut more) = (Vec::new(), None, true);
        let mut pages = 0;
        while more && pages < 9 {
            let (page, rest) =
                sks(store, &RowRange { after: after.clone(), descending, ..make.range("Q#", 3) }).await?;
            that(page.len() <= 3, "a page over its limit")?;
            that(!page.is_empty() || !rest, "an empty page that says there is more")?;
            after = page.last().cloned().or(after);
            found.extend(page);
            more = rest;
            pages += 1;
        }
        equal(&found, &texts(&all))?;
        // A key that is not there is as good to go on from.
        let between = RowRange { after: Some("Q#2x".into()), descending, ..make.range("Q#", 9) };
        let rest = if descending { texts(&["Q#2", "Q#1"]) } else { texts(&["Q#3", "Q#4"]) };
        equal(&sks(store, &between).await?.0, &rest)?;
    }
    let one = sks(store, &make.range("Q#", 1)).await?;
    equal(&one, &(texts(&["Q#1"]), true))
}

async fn a_range_keeps_to_its_prefix_and_partition(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    put_all(store, &make, &["Q", "Q#1", "QUEUE#1", "R"]).await?;
    let other = format!("{prefix}x");
    let neighbour = Maker { prefix: &other };
    put_all(store, &neighbour, &["Q#2"]).await?;
    equal(&sks(store, &make.range("Q#", 9)).await?.0, &texts(&["Q#1"]))?;
    equal(&sks(store, &make.range("Q", 9)).await?.0, &texts(&["Q", "Q#1", "QUEUE#1"]))?;
    equal(&sks(store, &make.range("S", 9)).await?, &(Vec::new(), false))?;
    equal(&sks(store, &RowRange { descending: true, ..make.range("Q#", 9) }).await?.0, &texts(&["Q#1"]))
}

async fn tables_are_apart(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let mut entry = make.row("A", 1, "\"audit\"");
    entry.key.table = Table::Audit;
    store.commit(make.commit(1), &[insert(entry.clone()), insert(make.row("A", 1, "\"main\""))]).await?;
    equal(&store.get(&entry.key).await?, &Some(entry.clone()))?;
    equal(&store.get(&make.key("A")).await?, &Some(make.row("A", 1, "\"main\"")))?;
    let range = RowRange { table: Table::Audit, ..make.range("", 9) };
    equal(&store.query(&range).await?.rows, &vec![entry])
}

/// An instant before anything that a running system has made due.
fn long_ago(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + millis)
}

/// The rows of `make` that are due; asks again for a while, since the index may lag.
async fn due_rows(
    store: &dyn StateStore,
    make: &Maker<'_>,
    (kind, shard, until): (DueKind, u8, Timestamp),
    expected: &[(&str, Timestamp)],
) -> Fact {
    let pk = make.key("").pk;
    let expected: Vec<DueRow> = expected.iter().map(|(sk, at)| DueRow { key: make.key(sk), due_at: *at }).collect();
    let mut found = Vec::new();
    for _ in 0..100 {
        found = store.due(kind, shard, until, 1000).await?;
        found.retain(|due| due.key.pk == pk);
        if found == expected {
            return Ok(());
        }
    }
    equal(&found, &expected)
}

async fn due_rows_are_found_by_kind_shard_and_time(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let row = |sk: &str, kind, shard, millis| {
        let mut row = make.row(sk, 1, "{}");
        row.due = Some((kind, shard, long_ago(millis)));
        row
    };
    let rows = [
        row("late", DueKind::Lane, 7, 30),
        row("early", DueKind::Lane, 7, 10),
        row("middle", DueKind::Lane, 7, 20),
        row("later", DueKind::Lane, 7, 31),
        row("shard", DueKind::Lane, 8, 10),
        row("kind", DueKind::Cleanup, 7, 10),
    ];
    store.commit(make.commit(1), &rows.iter().cloned().map(insert).collect::<Vec<_>>()).await?;
    let expected = [("early", long_ago(10)), ("middle", long_ago(20)), ("late", long_ago(30))];
    due_rows(store, &make, (DueKind::Lane, 7, long_ago(30)), &expected).await?;
    due_rows(store, &make, (DueKind::Lane, 8, long_ago(30)), &[("shard", long_ago(10))]).await?;
    due_rows(store, &make, (DueKind::Cleanup, 7, long_ago(30)), &[("kind", long_ago(10))]).await?;
    that(store.due(DueKind::Lane, 7, long_ago(31), 1).await?.len() <= 1, "more due rows than asked for")?;
    let gone: Vec<Write> =
        rows.into_iter().map(|row| Write::Delete { key: row.key, version: make.commit(1) }).collect();
    store.commit(make.commit(2), &gone).await?;
    due_rows(store, &make, (DueKind::Lane, 7, long_ago(31)), &[]).await
}

async fn a_row_that_is_no_longer_due_leaves_the_index(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let mut row = make.row("A", 1, "{}");
    row.due = Some((DueKind::Expiry, 2, long_ago(5)));
    store.commit(make.commit(1), &[insert(row.clone())]).await?;
    let query = (DueKind::Expiry, 2, long_ago(10));
    due_rows(store, &make, query, &[("A", long_ago(5))]).await?;
    let moved = Row { due: Some((DueKind::Expiry, 2, long_ago(6))), version: make.commit(2), ..row };
    store.commit(make.commit(2), &[update(moved, make.commit(1))]).await?;
    due_rows(store, &make, query, &[("A", long_ago(6))]).await?;
    store.commit(make.commit(3), &[update(make.row("A", 3, "{}"), make.commit(2))]).await?;
    due_rows(store, &make, query, &[]).await
}

async fn any_text_is_kept_verbatim(store: &dyn StateStore, prefix: &str) -> Fact {
    let make = Maker { prefix };
    let body = "{\"n\":1.0000000000000000000001e400,\"s\":\"\\u0000 ä 𝄞 \u{202e}\",\"o\":{}}";
    let row = make.row("A#ä 𝄞/~?#%", 1, body);
    store.commit(make.commit(1), &[insert(row.clone())]).await?;
    equal(&store.get(&row.key).await?, &Some(row))
}
