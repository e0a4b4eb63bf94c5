//! Runs a target until its time is up, and keeps what makes it fail.

use crate::Target;
use crate::mutate::mutated;
use crate::outcome::{Outcome, digest};
use crate::random::Random;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

/// Inputs that the corpus holds; then a new one takes the place of another.
const CORPUS_MAX: usize = 1_024;
/// An input that takes longer than this is a hang.
const HANG: Duration = Duration::from_secs(20);
/// Attempts to make a failing input shorter.
const SHORTER_TRIES: usize = 400;

/// How long a target is run, and how it is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Where all choices come from.
    pub seed: u64,
    /// At most this long.
    pub time: Duration,
    /// At most so many inputs.
    pub inputs: u64,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Inputs read.
    pub inputs: u64,
    /// Those that were taken as valid.
    pub accepted: u64,
    /// Kinds of outcome that were seen.
    pub kinds: usize,
    /// A number for all outcomes in their order.
    pub digest: u64,
}

/// An input that a target cannot bear.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The input, made as short as could be.
    pub input: Vec<u8>,
    /// What the panic said, and where.
    pub message: String,
    /// The number of the input in the run.
    pub number: u64,
}

impl Crash {
    /// Keeps the input where `tests/regressions.rs` finds it. Answers where.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, target: &Target) -> std::io::Result<PathBuf> {
        save(target.name, &self.input)
    }
}

/// Where inputs that once failed are kept, a folder for each target.
#[must_use]
pub fn regressions_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions")
}

fn save(target: &str, input: &[u8]) -> std::io::Result<PathBuf> {
    let folder = regressions_folder().join(target);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{:016x}", digest(input.iter().copied())));
    std::fs::write(&path, input)?;
    Ok(path)
}

/// Runs a target.
///
/// # Errors
/// The first input that it cannot bear.
pub fn run(target: &Target, budget: Budget) -> Result<Report, Box<Crash>> {
    let quiet = Quiet::new();
    let watch = Watch::start(target.name);
    let mut random = Random::new(budget.seed, target.name);
    let mut corpus = (target.seeds)();
    let seeds = corpus.clone();
    let mut kinds = BTreeSet::new();
    let mut report = Report { inputs: 0, accepted: 0, kinds: 0, digest: 0 };
    let start = Instant::now();
    while report.inputs < budget.inputs && (report.inputs < seeds.len() as u64 || start.elapsed() < budget.time) {
        let input = match seeds.get(report.inputs as usize) {
            Some(seed) => seed.clone(),
            None => mutated(&mut random, &corpus, target.words),
        };
        watch.next(&input);
        let Some(outcome) = quiet.read(target, &input) else {
            let message = quiet.message();
            let input = shorter(target, &quiet, input, &message);
            return Err(Box::new(Crash { input, message, number: report.inputs }));
        };
        report.inputs += 1;
        report.accepted += u64::from(outcome.accepted);
        report.digest = (report.digest ^ outcome.kind).wrapping_mul(0x0100_0000_01b3);
        if kinds.insert(outcome.kind) && report.inputs > seeds.len() as u64 {
            if corpus.len() < CORPUS_MAX {
                corpus.push(input);
            } else {
                let place = random.below(CORPUS_MAX);
                corpus[place] = input;
            }
        }
    }
    report.kinds = kinds.len();
    Ok(report)
}

/// The same failure from fewer bytes, if halves, quarters and so on can go.
fn shorter(target: &Target, quiet: &Quiet, mut input: Vec<u8>, message: &str) -> Vec<u8> {
    let mut tries = 0;
    let mut part = input.len() / 2;
    while part > 0 && tries < SHORTER_TRIES {
        let mut at = 0;
        while at < input.len() && tries < SHORTER_TRIES {
            let mut without = input.clone();
            without.drain(at..(at + part).min(input.len()));
            tries += 1;
            if quiet.read(target, &without).is_none() && place_of(&quiet.message()) == place_of(message) {
                input = without;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    input
}

/// Where a panic happened: the end of its message.
fn place_of(message: &str) -> &str {
    message.rsplit(" at ").next().unwrap_or(message)
}

thread_local! {
    /// What the last panic of this thread said, if its panics are to be kept.
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of this thread are kept while it lives, not printed.
struct Quiet;

impl Quiet {
    fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let print = take_hook();
            set_hook(Box::new(move |panic| {
                let place = panic.location().map_or_else(String::new, ToString::to_string);
                let text = panic.payload().downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
                let said = text.unwrap_or("a panic without words");
                let keep = |kept: &RefCell<Option<String>>| match &mut *kept.borrow_mut() {
                    Some(message) => *message = format!("{said} at {place}"),
                    None => print(panic),
                };
                KEPT.with(keep);
            }));
        });
        KEPT.set(Some(String::new()));
        Self
    }

    /// The outcome; none if the target panicked.
    fn read(&self, target: &Target, input: &[u8]) -> Option<Outcome> {
        catch_unwind(AssertUnwindSafe(|| (target.read)(input))).ok()
    }

    fn message(&self) -> String {
        KEPT.with_borrow(|message| message.clone().unwrap_or_default())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        KEPT.set(None);
    }
}

/// Ends the process if an input takes too long, and keeps that input.
struct Watch {
    number: Arc<AtomicU64>,
    input: Arc<Mutex<Vec<u8>>>,
    over: Arc<AtomicBool>,
}

impl Watch {
    fn start(target: &'static str) -> Self {
        let watch = Self { number: Arc::default(), input: Arc::default(), over: Arc::default() };
        let (number, input, over) = (Arc::clone(&watch.number), Arc::clone(&watch.input), Arc::clone(&watch.over));
        std::thread::spawn(move || {
            let mut last = (0, Instant::now());
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
                let now = number.load(Ordering::Relaxed);
                if now != last.0 {
                    last = (now, Instant::now());
                } else if last.1.elapsed() > HANG {
                    let input = input.lock().unwrap_or_else(PoisonError::into_inner);
                    let kept = save(target, &input);
                    eprintln!("{target}: input {now} takes more than {} s: kept as {kept:?}", HANG.as_secs());
                    std::process::exit(1);
                }
            }
        });
        watch
    }

    fn next(&self, input: &[u8]) {
        input.clone_into(&mut self.input.lock().unwrap_or_else(PoisonError::into_inner));
        self.number.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
