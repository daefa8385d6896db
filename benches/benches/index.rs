//! The index: rows in by the batch, and a search for all calls of a party by the end of its number.

use clock::{Span, Time};
use divan::Bencher;
use divan::counter::ItemsCount;
use store::{Index, Outcome, Pattern, Query, Record, State, Store};
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// As many as a replay enters together.
const BATCH: usize = 256;

#[divan::bench(sample_count = 20, sample_size = 1)]
fn insert_1000(bencher: Bencher<'_, '_>) {
    let records = records(1000);
    bencher.counter(ItemsCount::new(records.len())).with_inputs(empty_index).bench_local_refs(
        |(_, index)| {
            for batch in records.chunks(BATCH) {
                index.insert(batch).expect("the index takes rows");
            }
        },
    );
}

/// Four of the calls fit.
#[divan::bench(args = ["*12345", "*2345"])]
fn find_a_party_among_20000(bencher: Bencher<'_, '_>, suffix: &str) {
    let (_dir, index) = empty_index();
    let records = records(20_000);
    for batch in records.chunks(BATCH) {
        index.insert(batch).expect("the index takes rows");
    }
    let query = Query { party: Some(Pattern::new(suffix)), ..Query::default() };
    let found = index.query(&query).expect("the index answers");
    assert!(!found.is_empty() && found.len() < 10, "{}", found.len());
    bencher
        .counter(ItemsCount::new(records.len()))
        .bench_local(|| index.query(&query).expect("the index answers").len());
}

fn empty_index() -> (TempDir, Index) {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(dir.path()).expect("a store can be made in it");
    let (index, _) = Index::open(&store).expect("an index can be made in it");
    (dir, index)
}

fn records(count: usize) -> Vec<Record> {
    (0..count).map(record).collect()
}

fn record(n: usize) -> Record {
    let invited_at = Time::from_parts(1_769_854_500, 0) + Span::from_ms(n as i64 * 250);
    let call_id = format!("{n:016x}@192.0.2.10");
    let id = Store::id(invited_at, &call_id, "tag");
    let mut record = Record::new(id, call_id, State::Completed, Outcome::Recorded);
    for (party, user) in [(&mut record.caller, 1_000_000 + n), (&mut record.callee, 2_000_000 + n)] {
        party.user = Some(user.to_string());
        party.uri = Some(format!("sip:{user}@192.0.2.10:5060"));
    }
    record.invited_at = Some(invited_at);
    record
}
