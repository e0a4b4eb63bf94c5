//! `weir-fuzz [--seconds N] [--seed N] [TARGET …]`: runs targets, all of them without a name.

use std::process::ExitCode;
use std::time::Duration;
use weir_fuzz::{Budget, Target, run, targets};

const USAGE: &str = "weir-fuzz [--seconds N] [--seed N] [TARGET …]";

/// Bytes of a failing input that are printed; the file has all.
const SHOWN_MAX: usize = 400;

/// What the command line says.
struct Arguments {
    seconds: u64,
    seed: u64,
    targets: Vec<Target>,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments { seconds: 2, seed: 1, targets: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let text = words.next().unwrap_or_default();
            text.parse().map_err(|_| format!("found {word} `{text}`, expected a number"))
        };
        match word.as_str() {
            "--seconds" => arguments.seconds = number()?,
            "--seed" => arguments.seed = number()?,
            name => {
                let known: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
                let target = targets::ALL.iter().find(|target| target.name == name);
                arguments.targets.push(*target.ok_or(format!("found `{name}`, expected one of {known:?}\n{USAGE}"))?);
            }
        }
    }
    if arguments.targets.is_empty() {
        arguments.targets = targets::ALL.to_vec();
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    let Arguments { seconds, seed, targets } = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    println!("seed {seed}, {seconds} s for each of {} targets", targets.len());
    let mut crashes = 0;
    for target in &targets {
        let budget = Budget { seed, time: Duration::from_secs(seconds), inputs: u64::MAX };
        match run(target, budget) {
            Ok(report) => println!(
                "{:<16} {:>9} inputs, {:>9} accepted, {:>5} kinds of outcome",
                target.name, report.inputs, report.accepted, report.kinds
            ),
            Err(crash) => {
                crashes += 1;
                let kept = crash.save(target).map_or_else(|error| error.to_string(), |path| path.display().to_string());
                println!("{:<16} input {} of seed {seed}: {}", target.name, crash.number, crash.message);
                println!("{:<16} kept as {kept}", "");
                println!("{:<16} {}", "", crash.input.get(..SHOWN_MAX).unwrap_or(&crash.input).escape_ascii());
            }
        }
    }
    if crashes > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
