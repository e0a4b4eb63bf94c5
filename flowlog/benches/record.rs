//! How many records a core writes and reads in a second, in each form.
//!
//! The flows are those of a busy server, seeded: half in, half out, an ephemeral and a well-known
//! port, counts spread over four decades, an eighth of them refused.
#![allow(missing_docs, reason = "criterion's macros write items without documentation")]

#[path = "../tests/record_samples/mod.rs"]
mod samples;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowlog::record::{
    Entry, Field, FieldList, FlowFacts, JsonWriter, ListWriter, RecordSettings, TextWriter, parse_line,
};
use samples::{Family, seeded, stream, window};
use std::hint::black_box;

const RECORDS: usize = 4096;
const SEED: u64 = 20_141_214;

fn sets() -> [(&'static str, Vec<FlowFacts>); 3] {
    let window = window(1_418_530_000, 1_418_530_300);
    [("ipv4", Family::V4), ("ipv6", Family::V6), ("mixed", Family::Mixed)]
        .map(|(name, family)| (name, seeded(SEED, RECORDS, family, &window)))
}

fn write(criterion: &mut Criterion) {
    let window = window(1_418_530_000, 1_418_530_300);
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(RECORDS as u64));
    let mut out = Vec::with_capacity(RECORDS * 1024);
    for (name, set) in sets() {
        let mut writer = TextWriter::new(&stream(), RecordSettings::default());
        group.bench_function(format!("text/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                writer.flows(&mut out, &window, &set);
                black_box(out.len())
            });
        });
    }
    let (_, mixed) = &sets()[2];
    let no_hash = FieldList::new(Field::ALL.iter().copied().filter(|field| *field != Field::CommunityId));
    let lists = [
        ("default", FieldList::default_format()),
        ("all-but-community-id", no_hash.expect("a list")),
        ("all", FieldList::all()),
    ];
    for (name, list) in &lists {
        let mut text = ListWriter::new(&stream(), RecordSettings::default(), list);
        group.bench_function(format!("list/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for facts in mixed {
                    text.entry(&mut out, &window, &Entry::Flow(facts));
                }
                black_box(out.len())
            });
        });
        let mut json = JsonWriter::new(&stream(), RecordSettings::default(), list);
        group.bench_function(format!("ndjson/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for facts in mixed {
                    json.entry(&mut out, &window, &Entry::Flow(facts));
                }
                black_box(out.len())
            });
        });
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let window = window(1_418_530_000, 1_418_530_300);
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, set) in sets() {
        let mut text = Vec::new();
        let mut writer = TextWriter::new(&stream(), RecordSettings::default());
        for facts in &set {
            writer.flow(&mut text, &window, facts);
        }
        group.bench_function(format!("text/{name}"), |bencher| {
            bencher.iter(|| {
                for line in text.split_inclusive(|byte| *byte == b'\n') {
                    black_box(parse_line(line).expect("a record"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, write, read);
criterion_main!(benches);
