//! `weir top`: the ENIs of a daemon, live.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::run::HomeArgs;
use super::{Failure, print};
use crate::api::client;
use crate::top::{Controls, Figures, History, Order, draw};

/// How often figures are asked for.
const ASK: Duration = Duration::from_millis(500);

/// Watch the ENIs of a running daemon: rates of the last window, what was refused, limited and skipped, rings.
#[derive(Args, Debug)]
#[command(after_help = "\
Keys: q ends it, s sorts by another column, space holds it still, ↑ and ↓ scroll.

Examples:
  weir top
  weir top --state demo
  weir top --once | jq '.enis[] | {eni, \"egress-bps\"}'

NO_COLOR leaves colours out. Exit codes: 0 it was ended, 5 no daemon answers.")]
pub(super) struct TopArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// Waits for the end of a window, prints the view as JSON, and ends
    #[arg(long)]
    once: bool,
}

/// Watches.
pub(super) fn run(args: &TopArgs) -> Result<(), Failure> {
    let socket = args.home.home().api();
    if args.once {
        return once(&socket);
    }
    if !io::stdout().is_terminal() {
        let wanted = "found no terminal on standard output, expected one, or --once, which prints the view as JSON";
        return Err(Failure::Usage(wanted.to_owned()));
    }
    let mut history = History::default();
    history.add(ask(&socket)?);
    let mut terminal = ratatui::try_init().map_err(Failure::device)?;
    let watched = watch(&mut terminal, &socket, &mut history);
    ratatui::restore();
    watched
}

fn ask(socket: &Path) -> Result<Figures, Failure> {
    let text = client::get(socket, "/metrics").map_err(Failure::device)?;
    Figures::parse(&text).map_err(|error| Failure::device(format!("{}: /metrics: {error}", socket.display())))
}

/// Prints the first view that has rates.
fn once(socket: &Path) -> Result<(), Failure> {
    let mut history = History::default();
    let first = ask(socket)?;
    let sealed = |figures: &Figures| figures.one("weir_windows_sealed_total");
    let before = sealed(&first);
    history.add(first);
    loop {
        std::thread::sleep(ASK);
        let figures = ask(socket)?;
        let is_new = sealed(&figures) > before;
        history.add(figures);
        if is_new {
            let mut text = serde_json::to_string(&history.view(Order::Packets)).map_err(Failure::device)?;
            text.push('\n');
            return print(text.as_bytes());
        }
    }
}

fn watch(terminal: &mut ratatui::DefaultTerminal, socket: &Path, history: &mut History) -> Result<(), Failure> {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let mut controls = Controls { plain, ..Controls::default() };
    let mut asked = Instant::now();
    loop {
        terminal.draw(|frame| draw(frame, history, &controls)).map_err(Failure::device)?;
        let left = ASK.saturating_sub(asked.elapsed());
        if event::poll(left).map_err(Failure::device)? {
            let key = event::read().map_err(Failure::device)?;
            if !obey(&key, &mut controls, history) {
                return Ok(());
            }
        }
        if asked.elapsed() >= ASK {
            asked = Instant::now();
            if !controls.paused {
                history.add(ask(socket)?);
            }
        }
    }
}

/// Does what a key says; whether to go on.
fn obey(event: &Event, controls: &mut Controls, history: &History) -> bool {
    let Event::Key(key) = event else { return true };
    if key.kind == KeyEventKind::Release {
        return true;
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Char('s') => controls.order = controls.order.next(),
        KeyCode::Char(' ') => controls.paused = !controls.paused,
        KeyCode::Down => {
            let last = history.view(controls.order).enis.len().saturating_sub(1);
            controls.first = (controls.first + 1).min(last);
        }
        KeyCode::Up => controls.first = controls.first.saturating_sub(1),
        _ => {}
    }
    true
}
