//! The NIC as a process of its own, and drivers that come and go.

#![cfg(feature = "pci")]

mod cli_support;

use cli_support::*;
use sim::generate::Spec;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A NIC process, which ends with the test.
struct Served {
    child: Child,
    socket: PathBuf,
    state: PathBuf,
}

impl Served {
    fn start(scratch: &Scratch, args: &[&str]) -> Self {
        Self::start_at(scratch, "nic.sock", args)
    }

    fn start_at(scratch: &Scratch, name: &str, args: &[&str]) -> Self {
        let socket = scratch.path(name);
        let mut serve = command(["nic", "serve", "--quiet", "--socket"]);
        let child = serve.arg(&socket).args(args).stderr(Stdio::piped()).spawn().expect("weir runs");
        let served = Self { child, state: scratch.path(&format!("{name}.state")), socket };
        served.wait_for_socket();
        served
    }

    fn wait_for_socket(&self) {
        let begin = Instant::now();
        while !self.socket.exists() {
            assert!(begin.elapsed() < Duration::from_secs(20), "no NIC is served");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Options that name this NIC.
    fn device(&self) -> [OsString; 4] {
        let at = OsString::from(format!("vfio-user:{}", self.socket.display()));
        ["--device".into(), at, "--state".into(), self.state.clone().into()]
    }

    fn replay(&self, args: &[&str]) -> std::process::Command {
        let mut replay = command(["replay"]);
        replay.args(self.device()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        replay
    }

    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_replay_through_another_process_gives_the_same_bytes() {
    let scratch = Scratch::new("nic-replay");
    let capture = scratch.capture("traffic.pcap", &Spec { hosts: 3, ..small() });
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/small.toml");
    for (name, config, least) in [("plain", &[][..], 300), ("rules", &["--config", utf8(&example)], 5)] {
        let common: Vec<&str> = config.iter().copied().chain(["--window", "5s"]).collect();
        let expected = stdout(["replay", "-q"].into_iter().chain(common.clone()).chain([utf8(&capture)]));
        let serve: Vec<&str> =
            ["--pcap", utf8(&capture), "--speed", "host"].into_iter().chain(common.clone()).collect();
        let served = Served::start_at(&scratch, name, &serve);
        let output = served.replay(&common).output().expect("weir runs");
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert!(expected.lines().count() > least, "{name}: {} records", expected.lines().count());
        assert_eq!(text(&output.stdout), expected, "{name}");
    }
}

#[test]
fn the_suite_passes_over_a_socket() {
    let scratch = Scratch::new("nic-suite");
    let served = Served::start(&scratch, &["--slots-log2", "10"]);
    let output = command(["nic", "selftest"]).args(served.device()).output().expect("weir runs");
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.lines().count() == 11 && said.lines().all(|line| line.starts_with("ok ")), "{said}");
}

#[test]
fn drivers_that_are_killed_leave_no_packet_uncounted() {
    let scratch = Scratch::new("nic-kill");
    let traffic = "packets=300k,pps=100k,flows=20k";
    let served = Served::start(&scratch, &["--traffic", traffic, "--slots-log2", "14"]);
    let common = ["--window", "600s", "--slots-log2", "14"];
    for life_ms in [400, 150, 350, 50, 250] {
        let mut driver = served.replay(&common).spawn().expect("weir runs");
        std::thread::sleep(Duration::from_millis(life_ms));
        driver.kill().expect("it runs");
        driver.wait().expect("it ends");
    }
    let output = served.replay(&common).args(["--stats", "json"]).output().expect("weir runs");
    let said = text(&output.stderr);
    assert_eq!(code(&output), 0, "{said}");
    assert!(said.starts_with("the NIC ran; going on where the last driver stopped\n"), "{said}");
    let stats: serde_json::Value = serde_json::from_str(&said[said.find('{').expect("JSON")..]).expect("one object");
    assert_eq!(stats["frames"], 300_000);
    let sides = stats["conservation"].as_array().expect("the sides");
    let received: u64 = sides.iter().filter_map(|side| side["offered"]["packets"].as_u64()).sum();
    assert_eq!(received, 300_000, "{said}");
    assert!(text(&output.stdout).lines().count() > 15_000, "{}", text(&output.stdout).lines().count());
}

#[test]
fn a_nic_that_is_gone_ends_its_driver_within_a_second() {
    let scratch = Scratch::new("nic-gone");
    let mut served = Served::start(&scratch, &["--traffic", "packets=100M,pps=1k,flows=1k"]);
    let mut driver = served.replay(&[]).spawn().expect("weir runs");
    std::thread::sleep(Duration::from_millis(700));
    assert!(driver.try_wait().expect("it can be asked").is_none(), "the driver runs");
    served.kill();
    let begin = Instant::now();
    let status = driver.wait().expect("it ends");
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let mut said = String::new();
    driver.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
    assert_eq!(status.code(), Some(5), "{said}");
    assert!(said.contains("weir: error: the NIC is gone: every read gives all ones"), "{said}");
}

#[test]
fn a_nic_that_does_not_answer_is_given_up_and_the_wait_is_named() {
    let scratch = Scratch::new("nic-stalled");
    let served = Served::start(&scratch, &["--traffic", "packets=100M,pps=1k,flows=1k"]);
    let mut driver = served.replay(&[]).spawn().expect("weir runs");
    std::thread::sleep(Duration::from_millis(700));
    let id = served.child.id().to_string();
    let stopped = std::process::Command::new("kill").args(["-STOP", &id]).status().expect("kill runs");
    assert!(stopped.success());
    let begin = Instant::now();
    let status = driver.wait().expect("it ends");
    assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
    let mut said = String::new();
    driver.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
    assert_eq!(status.code(), Some(5), "{said}");
    assert!(said.contains("REGION_READ: no answer within 5 s"), "{said}");
}

#[test]
fn what_cannot_be_reached_or_served_is_said() {
    let scratch = Scratch::new("nic-errors");
    let nobody = format!("vfio-user:{}", scratch.path("nobody").display());
    let address = "ffff:ff:1f.7";
    for (device, exit, message) in [
        (nobody.as_str(), 5, "weir nic serve --socket"),
        (address, 5, "no PCI device ffff:ff:1f.7"),
        ("03:00", 2, "expected a PCI address like 0000:03:00.0, or vfio-user: and the path"),
    ] {
        let output = weir(["replay", "--device", device]);
        assert_eq!(code(&output), exit, "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
    let output = weir(["nic", "bind", address]);
    assert!(code(&output) == 5 && text(&output.stderr).contains("no PCI device"), "{}", text(&output.stderr));
    let mut served = Served::start(&scratch, &[]);
    let socket = served.socket.clone();
    let second = command(["nic", "serve", "--socket"]).arg(&socket).output().expect("weir runs");
    assert!(code(&second) == 2 && text(&second.stderr).contains("another NIC"), "{}", text(&second.stderr));
    // A process that dies leaves its socket behind; the next one takes it over.
    served.kill();
    assert!(socket.exists());
    drop(served);
    let served = Served::start(&scratch, &["--slots-log2", "10"]);
    let begin = Instant::now();
    while code(&command(["nic", "selftest"]).args(served.device()).output().expect("weir runs")) != 0 {
        assert!(begin.elapsed() < Duration::from_secs(5), "the second NIC is served");
    }
}
