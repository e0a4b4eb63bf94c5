//! Days of virtual time in one process: memory stays where it is.
//!
//! The traffic goes in through a pipe, so what was written is what was read, but for 64 KiB. `WEIR_SOAK_DAYS` says how many
//! days, one without; `WEIR_SOAK_PLOT` names the picture that is drawn of them, as `make soak` does.

mod cli_support;

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Stdio};

use cli_support::*;
use sim::capture::PcapWriter;
use sim::frames::FrameBatch;
use sim::generate::{Generator, Spec};

/// Frames a second: a day is 864,000.
const RATE: u64 = 10;
const HOUR_NS: u64 = 3_600_000_000_000;
/// What memory may grow by after the first hours, in which all tables are reached.
const GROWTH_PERCENT: u64 = 3;

/// Memory of a process that is its own, bytes.
fn memory(child: &Child) -> u64 {
    let path = format!("/proc/{}/status", child.id());
    let status = fs::read_to_string(path).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its memory");
    let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number");
    kib * 1024
}

/// Feeds days of traffic to a replay; its memory at each hour.
fn soak(days: u64) -> Vec<u64> {
    let mut child = command(["replay", "--quiet", "--window", "60s", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("weir runs");
    let spec = Spec {
        packets: days * 86_400 * RATE,
        flows: (days * 86_400) as u32,
        packets_per_second: RATE,
        ..Spec::default()
    };
    let mut generator = Generator::new(&spec).expect("a sound spec");
    let mut writer = PcapWriter::new(child.stdin.take().expect("a pipe"), 96);
    let mut frames = FrameBatch::new();
    let (mut hours, mut next_ns) = (Vec::new(), spec.start_ns + HOUR_NS);
    while generator.read_into(&mut frames, 1024) > 0 {
        writer.write_batch(&frames).expect("it reads");
        if frames.iter().next_back().is_some_and(|frame| frame.time_ns >= next_ns) {
            hours.push(memory(&child));
            next_ns += HOUR_NS;
        }
        frames.clear();
    }
    drop(writer.finish().expect("it reads"));
    assert!(child.wait().expect("it ends").success());
    hours
}

/// The hours as a picture.
fn plot(hours: &[u64]) -> String {
    let (width, height, left) = (720, 240, 70);
    let most = hours.iter().copied().max().unwrap_or(1) * 5 / 4;
    let x = |hour: usize| left + hour * (width - left - 10) / hours.len().max(1);
    let y = |bytes: u64| height - 30 - (bytes * (height as u64 - 50) / most) as usize;
    let mut points = String::new();
    for (hour, bytes) in hours.iter().enumerate() {
        let _ = write!(points, "{},{} ", x(hour), y(*bytes));
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for step in 0..=4 {
        let bytes = most * step / 4;
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#dddddd\"/><text x=\"8\" y=\"{}\">{} MB</text>",
            width - 10,
            y(bytes) + 4,
            bytes / 1_000_000,
            y = y(bytes)
        );
    }
    for day in 0..=hours.len() / 24 {
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">day {day}</text>", x(day * 24), height - 10);
    }
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"1.5\"/>\n</svg>",
        points.trim_end()
    );
    svg
}

#[test]
fn memory_is_flat_over_days_of_virtual_time() {
    let days = std::env::var("WEIR_SOAK_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(1);
    let hours = soak(days);
    assert_eq!(hours.len() as u64, days * 24 - 1, "{hours:?}");
    let settled = hours[hours.len() / 4..].to_vec();
    let (first, most) = (settled[0], settled.iter().copied().max().unwrap_or(0));
    println!("{days} days: {} hours, {first} bytes after a quarter, {most} at most", hours.len());
    assert!(most <= first + first * GROWTH_PERCENT / 100, "memory grows: {hours:?}");
    if let Some(path) = std::env::var_os("WEIR_SOAK_PLOT") {
        fs::write(path, plot(&hours)).expect("the picture");
    }
}
