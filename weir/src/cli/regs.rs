//! `weir regs`: registers by name, with their fields.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use driver::dump::Extent;

use super::source::{RegisterWord, ShowArgs, SourceArgs, say_answer};
use super::{Failure, print, say};
use crate::config::Nanoseconds;
use crate::diag::regs::{self, DiffOptions, Expectations, Watched};
use crate::diag::{Answer, DiagError, File, Source};
use crate::stats::rfc3339;

const AFTER_HELP: &str = "\
Examples:
  weir regs ls 'PUNT_*'                             the map; no NIC is needed
  weir regs explain STATUS                          every field and what it means
  weir regs dump --device 0000:03:00.0
  weir regs read STATUS ERRORS INGRESS_FRAMES --device vfio-user:/run/weir-nic.sock
  weir regs watch STATUS '*_DROPS' INGRESS_FRAMES --device 0000:03:00.0 --interval 500ms
  weir regs diff before.json after.json
  weir regs expect bring-up.expect --device 0000:03:00.0

Reading has no side effect: counters are latched by SNAPSHOT, which moves nothing else; --untouched leaves
even that.

Exit codes: 0 all went well, 1 a difference or an expectation that does not hold, 2 wrong usage or another
register map, 3 a file cannot be read, 5 no NIC, or the device is gone.";

/// Look at registers, by name and field.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RegsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Ls(LsArgs),
    Dump(DumpArgs),
    Read(ReadArgs),
    Write(WriteArgs),
    At(AtArgs),
    Explain(ExplainArgs),
    Watch(WatchArgs),
    Decode(DecodeArgs),
    Diff(DiffArgs),
    Expect(ExpectArgs),
}

/// List registers: address, access, value after reset.
///
/// Examples:
///   weir regs ls
///   weir regs ls 'INGRESS_*' --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct LsArgs {
    /// Names, addresses, or patterns with * and ?; all without
    #[arg(value_name = "REGISTER", value_parser = RegisterWord, hide_possible_values = true)]
    registers: Vec<String>,
    #[command(flatten)]
    show: ShowArgs,
}

/// Show all registers with their fields.
///
/// Examples:
///   weir regs dump --device 0000:03:00.0
///   weir regs dump --changed --dump snapshot.json
///   weir regs dump --sim capture.pcap --at +10s --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct DumpArgs {
    /// Only registers that do not read as after a reset
    #[arg(long)]
    changed: bool,
    /// Writes nothing, not even SNAPSHOT: counters are those of the last reader
    #[arg(long)]
    untouched: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Show some registers with their fields.
///
/// Examples:
///   weir regs read STATUS --device 0000:03:00.0
///   weir regs read 'RECORD_*' 0x28 --dump snapshot.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct ReadArgs {
    /// Names, addresses, or patterns with * and ?
    #[arg(value_name = "REGISTER", required = true, value_parser = RegisterWord, hide_possible_values = true)]
    registers: Vec<String>,
    /// Writes nothing, not even SNAPSHOT: counters are those of the last reader
    #[arg(long)]
    untouched: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Write a register or one of its fields, after a look at what that changes.
///
/// Each write leaves a line, on standard error and in the file of --audit: when, who, where, old, new.
///
/// Examples:
///   weir regs write VECTOR_MASK 0x1 --device 0000:03:00.0
///   weir regs write CONTROL.enable 0 --yes --audit /var/log/weir-audit.log --device 0000:03:00.0
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct WriteArgs {
    /// The register, or REGISTER.field
    #[arg(value_name = "REGISTER", value_parser = RegisterWord, hide_possible_values = true)]
    register: String,
    /// A number, or a name that the field knows
    value: String,
    /// Asks nothing
    #[arg(long)]
    yes: bool,
    /// Appends the line to this file as well; WEIR_AUDIT in the environment says the same
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
}

/// Say what is at an address of BAR0.
///
/// Examples:
///   weir regs at 0x24
///   weir regs at 0x26 --dump snapshot.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct AtArgs {
    /// Byte addresses from the start of BAR0
    #[arg(value_name = "ADDRESS", required = true)]
    addresses: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Say all that is known of a register: description, fields, values.
///
/// Examples:
///   weir regs explain STATUS
///   weir regs explain BUILD.body --dump snapshot.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct ExplainArgs {
    /// Registers, or REGISTER.field
    #[arg(value_name = "REGISTER", required = true, value_parser = RegisterWord, hide_possible_values = true)]
    registers: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Look at registers again and again: changed digits stand out, counters have rates.
///
/// Of a simulated NIC the time is the capture's, and the looks begin at --at.
///
/// Examples:
///   weir regs watch STATUS ERRORS INGRESS_FRAMES --device 0000:03:00.0
///   weir regs watch INGRESS_FRAMES --sim capture.pcap --at +0s --interval 10s --count 3
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct WatchArgs {
    /// Names, addresses, or patterns with * and ?
    #[arg(value_name = "REGISTER", required = true, value_parser = RegisterWord, hide_possible_values = true)]
    registers: Vec<String>,
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Looks; without end, or to the capture's end, without
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Decode a dump, or registers that were pasted as text, with no NIC at hand.
///
/// Text is an address or name and words in each line, or what xxd and hexdump -C print of BAR0.
///
/// Examples:
///   weir regs decode snapshot.json
///   weir regs decode '0x024: 00000003 00000000'
///   weir regs decode --register STATUS 0x3
///   ssh host sudo xxd -l 256 /sys/bus/pci/devices/0000:03:00.0/resource0 | weir regs decode -
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct DecodeArgs {
    /// A file, - for standard input, or the text itself
    #[arg(value_name = "FILE|TEXT", required = true)]
    what: Vec<String>,
    /// The text is words of this register alone
    #[arg(long, value_name = "REGISTER", value_parser = RegisterWord, hide_possible_values = true)]
    register: Option<String>,
    /// Shows a dump of another register map, with a warning
    #[arg(long)]
    any_map: bool,
    #[command(flatten)]
    show: ShowArgs,
}

/// Compare two dumps field by field. Counters that moved are told with their deltas and are no difference.
///
/// Exit code 1 if a field differs.
///
/// Examples:
///   weir regs diff before.json after.json
///   weir regs diff before.json --device 0000:03:00.0
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct DiffArgs {
    /// The dump to compare with
    before: PathBuf,
    /// Another dump; else what --device or --sim shows now
    after: Option<PathBuf>,
    /// Also fields that move in normal use: what the NIC changes by itself, and the rings' indices
    #[arg(long)]
    volatile: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Check that registers read what a file expects: for scripts and CI.
///
/// A line is REGISTER, REGISTER.field or a 64-bit number's name; one of == != < <= > >= or & (all these bits are
/// set); a number or name. Exit code 1 if a line does not hold.
///
/// Examples:
///   weir regs expect bring-up.expect --device 0000:03:00.0
///   echo 'STATUS.ready == 1' | weir regs expect - --dump snapshot.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
struct ExpectArgs {
    /// The file; - is standard input
    file: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// A time above 0.
fn interval(text: &str) -> Result<Duration, String> {
    let time = text.parse().map(|Nanoseconds(ns)| Duration::from_nanos(ns)).map_err(|error| format!("{error}"))?;
    if time.is_zero() { Err(format!("found `{text}`, expected a time above 0")) } else { Ok(time) }
}

/// Looks at registers.
pub(super) fn run(args: &RegsArgs) -> Result<(), Failure> {
    let answer = match &args.action {
        Action::Ls(args) => regs::list(&args.registers, args.show.show())?,
        Action::Dump(args) => regs::dump(&take(&args.source, args.untouched)?, args.changed, args.show.show()),
        Action::Read(args) => regs::read(&take(&args.source, args.untouched)?, &args.registers, args.show.show())?,
        Action::At(args) => regs::at(&args.addresses, taken(&args.source)?.as_ref(), args.show.show())?,
        Action::Explain(args) => regs::explain(&args.registers, taken(&args.source)?.as_ref(), args.show.show())?,
        Action::Write(args) => return write(args),
        Action::Watch(args) => return watch(args),
        Action::Decode(args) => decode(args)?,
        Action::Diff(args) => diff(args)?,
        Action::Expect(args) => {
            let text = read_text(&args.file)?;
            let expectations = Expectations::parse(&args.file.display().to_string(), &text)?;
            regs::expect(&take(&args.source, false)?, &expectations, args.show.show())
        }
    };
    say_answer(&answer)
}

fn take(source: &SourceArgs, untouched: bool) -> Result<File, Failure> {
    let extent = if untouched { Extent::Untouched } else { Extent::Registers };
    Ok(source.open()?.take(extent)?)
}

/// As [`take`], where something to look at is optional.
fn taken(source: &SourceArgs) -> Result<Option<File>, Failure> {
    source.select()?.map(|_| take(source, false)).transpose()
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| DiagError::Read { path: path.to_owned(), problem: error.to_string() };
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    Ok(std::fs::read_to_string(path).map_err(failed)?)
}

fn decode(args: &DecodeArgs) -> Result<Answer, Failure> {
    let show = args.show.show();
    let text = match args.what.as_slice() {
        [file] if file == "-" => read_text(Path::new("-"))?,
        [file] if args.register.is_none() && Path::new(file).is_file() => {
            match std::fs::read_to_string(file) {
                Ok(text) if !text.trim_start().starts_with('{') => text,
                // A dump, plain or packed.
                _ => return Ok(regs::dump(&File::load(Path::new(file), args.any_map)?, false, show)),
            }
        }
        words => words.join("\n"),
    };
    Ok(regs::decode(&text, args.register.as_deref(), show)?)
}

fn diff(args: &DiffArgs) -> Result<Answer, Failure> {
    let before = File::load(&args.before, false)?;
    let after = match (&args.after, args.source.select()?) {
        (Some(path), None) => File::load(path, false)?,
        (None, Some(_)) => take(&args.source, false)?,
        _ => {
            let expected = "another dump, or one of --device, --sim and --dump";
            return Err(Failure::Usage(format!(
                "found {} alone or with two to compare it with, expected {expected}",
                args.before.display()
            )));
        }
    };
    Ok(regs::diff(&before, &after, DiffOptions { volatile: args.volatile }, args.show.show()))
}

fn watch(args: &WatchArgs) -> Result<(), Failure> {
    let rows = regs::matching(&args.registers)?;
    let mut source = args.source.open()?;
    if matches!(source, Source::Dump(_)) {
        return Err(Failure::Usage("found --dump, expected a NIC that changes: --device or --sim".to_owned()));
    }
    let mut watched = Watched::default();
    let mut looks = 0;
    loop {
        let file = source.take(Extent::Registers)?;
        let is_gone = file.nic.presence == driver::dump::Presence::Gone;
        print(regs::watch(&mut watched, file, &rows, args.show.show()).as_bytes())?;
        looks += 1;
        if is_gone {
            return Err(Failure::Found { code: 5 });
        }
        if args.count.is_some_and(|count| looks >= count) || !source.pass(args.interval)? {
            return Ok(());
        }
    }
}

fn write(args: &WriteArgs) -> Result<(), Failure> {
    let source = args.source.open()?;
    let Some(io) = source.io() else {
        return Err(Failure::Usage(
            "found --dump, expected a NIC that can be written to: --device or --sim".to_owned(),
        ));
    };
    let plan = regs::plan(io, &args.register, &args.value)?;
    say(&plan.text());
    if !args.yes && !confirmed()? {
        return Err(Failure::Usage("nothing was written".to_owned()));
    }
    let read_back = plan.apply(io);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = rfc3339(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    // The owner of a process's own folder there is its user.
    let user = std::fs::metadata("/proc/self").map_or(u32::MAX, |data| data.uid());
    let line = plan.audit(&time, user, &args.source.name(), read_back);
    say(&format!("audit: {line}\n"));
    let audit = args.audit.clone().or_else(|| std::env::var_os("WEIR_AUDIT").map(PathBuf::from));
    if let Some(path) = &audit {
        let mut options = std::fs::OpenOptions::new();
        let opened = options.create(true).append(true).open(path);
        let written = opened.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|source| DiagError::Write { path: path.clone(), source })?;
    }
    Ok(())
}

/// Asks for a yes.
fn confirmed() -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage("found nobody to confirm it, expected a terminal or --yes".to_owned()));
    }
    say("Write it? [y/N] ");
    let mut line = String::new();
    let _ = stdin.lock().read_line(&mut line);
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
