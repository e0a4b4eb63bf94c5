//! The daemon as a process against the NIC as a process, driven as a user would.
#![cfg(feature = "pci")]

mod cli_support;

use cli_support::{Scratch, code, command, stdout, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use weir::api::client::{self, AskError};

/// Times that a daemon is killed in a run.
const KILLS: u64 = 24;
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon's folders, and the NIC's process.
struct Rig {
    scratch: Scratch,
    run: PathBuf,
    nic: Option<Child>,
}

impl Rig {
    /// Folders, without a NIC.
    fn new(name: &str) -> Self {
        let scratch = Scratch::new(name);
        let state = scratch.path("state");
        let api = stdout(["run", "--where", "--state", path(&state)]);
        let run = Path::new(api.trim_end()).parent().expect("a folder").to_owned();
        fs::create_dir_all(&run).expect("a folder in memory");
        Self { scratch, run, nic: None }
    }

    /// With the guests' NIC.
    fn with_nic(name: &str) -> Self {
        let mut rig = Self::new(name);
        let text = include_str!("../src/daemon/guests.toml").replace("\"10s\"", "\"1s\"");
        rig.scratch.file("weir.toml", text);
        rig.start_nic();
        rig
    }

    /// A NIC, in the place of the one that there is.
    fn start_nic(&mut self) {
        self.end_nic();
        let (socket, config) = (self.socket(), self.scratch.path("weir.toml"));
        let serve = ["nic", "serve", "-q", "--traffic", "guests", "--socket", path(&socket), "--config", path(&config)];
        self.nic = Some(command(serve).spawn().expect("weir runs"));
        wait_for("the NIC", || socket.exists());
    }

    fn end_nic(&mut self) {
        if let Some(mut nic) = self.nic.take() {
            let _ = nic.kill();
            let _ = nic.wait();
            let _ = fs::remove_file(self.socket());
        }
    }

    fn socket(&self) -> PathBuf {
        self.run.join("test-nic.sock")
    }

    fn state(&self) -> PathBuf {
        self.scratch.path("state")
    }

    fn records(&self) -> PathBuf {
        self.state().join("records")
    }

    /// Starts a daemon on the NIC.
    fn start(&self, more: &[&str]) -> Daemon {
        let device = format!("vfio-user:{}", self.socket().display());
        let (config, state) = (self.scratch.path("weir.toml"), self.state());
        let run = ["run", "--config", path(&config), "--device", &device, "--state", path(&state)];
        Daemon::start(run.iter().chain(more).copied())
    }

    /// What `weir` answers with these arguments and the folders of this rig.
    fn ask(&self, arguments: &[&str]) -> Option<Value> {
        let state = self.state();
        let output = command(arguments.iter().chain(&["--state", path(&state)])).output().expect("weir runs");
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Windows that the daemon says are on disk.
    fn windows(&self) -> Vec<Value> {
        let answer = self.ask(&["flowlog", "windows"]);
        answer.and_then(|answer| answer["windows"].as_array().cloned()).unwrap_or_default()
    }

    /// The lines of the manifest.
    fn manifest(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.records().join("manifest.ndjson")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the manifest")).collect()
    }

    /// The directory is whole, and says what it holds.
    fn check(&self) -> String {
        stdout(["check", path(&self.records())])
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.end_nic();
        let _ = fs::remove_dir_all(&self.run);
    }
}

/// A daemon's process.
struct Daemon(Child);

impl Daemon {
    fn start<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut command = command(arguments);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("weir runs"))
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("a process of ours");
    }

    /// Waits for its end: how it ended, and what it said.
    fn end(self) -> (ExitStatus, String) {
        let output = self.0.wait_with_output().expect("weir ends");
        (output.status, text(&output.stderr).to_owned())
    }

    /// Asks it to end, as systemd does.
    fn stop(self) -> String {
        self.send(Signal::TERM);
        let (status, said) = self.end();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of ours is UTF-8")
}

#[track_caller]
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sum(lines: &[Value], term: &str) -> u64 {
    let sides = lines.iter().flat_map(|line| line["conservation"].as_array().into_iter().flatten());
    sides.filter_map(|side| side[term]["packets"].as_u64()).sum()
}

#[test]
fn a_daemon_that_is_killed_two_dozen_times_leaves_no_gap_and_no_window_twice() {
    let seed = 1;
    let mut random = seed;
    let rig = Rig::with_nic("daemon-killed");
    let mut resumed = 0;
    for _ in 0..KILLS {
        // Knuth's MMIX.
        random = 6_364_136_223_846_793_005_u64.wrapping_mul(random).wrapping_add(1_442_695_040_888_963_407);
        let daemon = rig.start(&[]);
        std::thread::sleep(Duration::from_millis((random >> 33) % 2_000));
        daemon.send(Signal::KILL);
        let (_, said) = daemon.end();
        resumed += u32::from(said.contains("going on where the last daemon stopped"));
    }
    let daemon = rig.start(&[]);
    wait_for("windows of the last daemon", || rig.windows().len() > 3);
    daemon.stop();
    println!("seed {seed}: {resumed} of {KILLS} killed after they had gone on; {}", rig.check());
    let lines = rig.manifest();
    let gaps: Vec<_> = lines.windows(2).filter(|pair| pair[0]["end_ns"] != pair[1]["start_ns"]).collect();
    assert_eq!(gaps.len(), 0, "seed {seed}: {gaps:?}");
    assert!(lines.iter().all(|line| line["brought_up"] != true), "seed {seed}: the NIC was brought up again");
    assert!(resumed > 0, "seed {seed}: no daemon was killed while it counted");
    assert!(sum(&lines, "accepted") > 10_000, "seed {seed}: {}", sum(&lines, "accepted"));
    let left: Vec<_> = fs::read_dir(rig.run.join("spool")).expect("the spool").flatten().collect();
    assert_eq!(left.len(), 0, "seed {seed}: {left:?}");
}

#[test]
fn records_that_find_no_room_in_the_spool_are_skipdata_with_the_reason() {
    let rig = Rig::with_nic("daemon-full");
    let daemon = rig.start(&["--spool", "1k", "--format", "ndjson"]);
    wait_for("windows", || rig.windows().len() >= 2);
    let said = daemon.stop();
    assert!(said.contains("ITS RECORDS WERE LEFT OUT"), "{said}");
    rig.check();
    let lines = rig.manifest();
    assert_eq!((sum(&lines, "accepted"), sum(&lines, "rejected")), (0, 0));
    assert!(sum(&lines, "offered") > 1_000 && sum(&lines, "skipped") == sum(&lines, "offered"));
    let line =
        lines.iter().find(|line| sum(std::slice::from_ref(line), "skipped") > 100).expect("a window with packets");
    let name = line["streams"][0]["files"][0]["path"].as_str().expect("a file");
    let file = fs::read(rig.records().join(name)).expect("the file");
    let record: Value = serde_json::from_slice(&file).expect("one record");
    assert_eq!(record["log-status"], "SKIPDATA");
    assert_eq!(record["x-skip-reason"], "delivery-full");
    assert!(record["x-skipped-packets"].as_u64() > Some(0), "{record}");
}

#[test]
fn a_disk_that_takes_nothing_holds_up_no_window() {
    let rig = Rig::with_nic("daemon-stuck");
    // Where the folder of an ENI should be.
    let obstacle = rig.records().join("eni-webserve");
    fs::create_dir_all(rig.records()).expect("a folder");
    fs::write(&obstacle, "").expect("a file");
    let daemon = rig.start(&[]);
    let waiting = || fs::read_dir(rig.run.join("spool")).map_or(0, |entries| entries.flatten().count());
    wait_for("windows in the spool", || waiting() >= 4);
    assert_eq!(rig.windows().len(), 0);
    let refused = client::get(&rig.run.join("api.sock"), "/readyz");
    assert!(matches!(refused, Err(AskError::Refused { status: 503, .. })), "{refused:?}");
    fs::remove_file(&obstacle).expect("ours");
    wait_for("the windows on disk", || rig.windows().len() >= 4);
    wait_for("a ready daemon", || client::get(&rig.run.join("api.sock"), "/readyz").is_ok());
    let said = daemon.stop();
    assert!(said.contains("windows wait in the spool: cannot create the directory"), "{said}");
    rig.check();
}

#[test]
fn a_rule_that_is_mended_while_packets_flow_holds_from_then_on() {
    let rig = Rig::with_nic("daemon-reload");
    let daemon = rig.start(&[]);
    wait_for("a window", || !rig.windows().is_empty());
    let config = rig.scratch.path("weir.toml");
    let mended = fs::read_to_string(&config).expect("the configuration").replace("\"5433\"", "\"5432\"");
    fs::write(&config, &mended).expect("the configuration");
    daemon.send(Signal::HUP);
    let count = rig.windows().len();
    wait_for("windows under the new rule", || rig.windows().len() > count + 5);
    fs::write(&config, mended.replace("eni-sleepers", "eni-sleeping")).expect("the configuration");
    daemon.send(Signal::HUP);
    wait_for("one more window", || rig.windows().len() > count + 6);
    let said = daemon.stop();
    assert!(said.contains("+ security group sg-database ingress 1: {") && said.contains("holds now"), "{said}");
    assert!(said.contains("needs a restart") && said.contains("+ ENI eni-sleeping"), "{said}");
    rig.check();
    let tries = |action: &str| {
        let all = cli_support::tree(&rig.records().join("eni-database"));
        let lines: Vec<_> = all.iter().flat_map(|(_, bytes)| text(bytes).lines().map(str::to_owned)).collect();
        lines
            .iter()
            .filter(|line| line.contains("192.168.0.3 ") && line.contains(" 5432 6 ") && line.contains(action))
            .count()
    };
    assert!(tries("REJECT") > 0 && tries("ACCEPT") > 0, "{} and {}", tries("REJECT"), tries("ACCEPT"));
}

/// Every sample has a family, a number and labels of a kind that cannot grow with traffic; the figures add up.
fn check_metrics(text: &str) {
    let mut families = Vec::new();
    let mut rejected = 0.0;
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            families.push(family.split(' ').next().expect("a name"));
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            assert_eq!(families.last(), Some(&name), "{line}");
            let value: f64 = value.parse().expect("a number");
            let labels = labels.strip_suffix('}').expect("labels").split(',').filter(|label| !label.is_empty());
            for label in labels {
                let (label, _) = label.split_once('=').expect("a label");
                assert!(["eni", "direction", "term", "reason", "ring"].contains(&label), "{line}");
            }
            assert!(value == 0.0 || !name.contains("residual") && !name.contains("broken"), "{line}");
            rejected += if sample.contains("packets_total") && sample.contains("rejected") { value } else { 0.0 };
        }
    }
    assert!(families.len() > 40 && rejected > 0.0, "{} families, {rejected} rejected", families.len());
}

#[test]
fn a_nic_that_was_lost_is_brought_up_anew_and_the_books_say_where() {
    let mut rig = Rig::with_nic("daemon-lost");
    let daemon = rig.start(&[]);
    wait_for("windows", || rig.windows().len() >= 2);
    rig.start_nic();
    let (status, said) = daemon.end();
    assert_eq!(status.code(), Some(5), "{said}");
    assert!(said.contains("the NIC is gone"), "{said}");
    let daemon = rig.start(&[]);
    wait_for("windows of the new NIC", || rig.windows().len() >= 2);
    let said = daemon.stop();
    assert!(said.contains("the NIC had been reset: it was brought up anew"), "{said}");
    assert!(rig.check().starts_with("the NIC was brought up anew 1 time\n"), "{}", rig.check());
    assert_eq!(rig.manifest().iter().filter(|line| line["brought_up"] == true).count(), 1);
}

#[test]
fn without_a_configuration_guests_are_measured_and_everything_ends_with_the_daemon() {
    let rig = Rig::new("daemon-guests");
    let state = rig.state();
    let daemon = Daemon::start(["run", "--window", "1s", "--state", path(&state)]);
    wait_for("windows", || rig.windows().len() >= 3);
    let second = command(["run", "--state", path(&state)]).output().expect("weir runs");
    assert_eq!(code(&second), 2);
    assert!(text(&second.stderr).contains("another daemon works in"), "{}", text(&second.stderr));
    let enis = rig.ask(&["eni", "describe"]).expect("an answer");
    assert_eq!(enis["enis"].as_array().map(Vec::len), Some(5));
    assert_eq!(enis["enis"][0]["eni-id"], "eni-webserve");
    let logs = rig.ask(&["flowlog", "describe"]).expect("an answer");
    assert_eq!(logs["flow-logs"][0]["flow-log-id"], "fl-all");
    let metrics = client::get(&rig.run.join("api.sock"), "/metrics").expect("an answer");
    check_metrics(&metrics);
    daemon.send(Signal::INT);
    let (status, said) = daemon.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!rig.run.join("nic.sock").exists() && !rig.run.join("nic.pid").exists());
    rig.check();
    assert!(sum(&rig.manifest(), "rejected") > 0);
}
