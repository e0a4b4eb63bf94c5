//! Frames per second: generating, and reading what was generated.

use std::hint::black_box;
use std::io::{Cursor, Write};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sim::capture::{Capture, PcapWriter};
use sim::frames::FrameBatch;
use sim::generate::{Generator, Spec};

/// Frames handed over at a time, as a replay does.
const BATCH: usize = 256;
const PACKETS: u64 = 200_000;

fn spec() -> Spec {
    Spec { packets: PACKETS, flows: 43_000, ..Spec::default() }
}

fn written() -> Vec<u8> {
    let mut generator = Generator::new(&spec()).expect("the figures are in range");
    let mut writer = PcapWriter::new(Vec::new(), 96);
    let mut batch = FrameBatch::new();
    while generator.read_into(&mut batch, BATCH) > 0 {
        writer.write_batch(&batch).expect("memory can be written");
        batch.clear();
    }
    writer.finish().expect("memory can be written")
}

fn read(file: &[u8]) -> u64 {
    let source = Cursor::new(file.to_vec());
    let mut capture = Capture::from_reader("benchmark", source).expect("a capture");
    let mut batch = FrameBatch::new();
    let mut frames = 0;
    while capture.read_into(&mut batch, BATCH).expect("no damage") > 0 {
        frames += black_box(&batch).len() as u64;
        batch.clear();
    }
    frames
}

fn capture(criterion: &mut Criterion) {
    let plain = written();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).expect("memory can be written");
    let gzip = gzip.finish().expect("memory can be written");
    let zstd = zstd::encode_all(plain.as_slice(), 3).expect("memory can be read");

    let mut group = criterion.benchmark_group("capture");
    group.throughput(Throughput::Elements(PACKETS));
    group.sample_size(20);
    for (name, file) in [("pcap", plain), ("pcap.gz", gzip), ("pcap.zst", zstd)] {
        assert_eq!(read(&file), PACKETS);
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter(|| read(black_box(&file)));
        });
    }
    group.bench_function("generate", |bencher| {
        let mut batch = FrameBatch::new();
        bencher.iter(|| {
            let mut generator = Generator::new(&spec()).expect("the figures are in range");
            while generator.read_into(&mut batch, BATCH) > 0 {
                black_box(&batch);
                batch.clear();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, capture);
criterion_main!(benches);
