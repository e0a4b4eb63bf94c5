//! `weir top`: what is on the screen, from the figures of a daemon at two instants.
//!
//! `WEIR_BLESS=1` writes the golden screen and the picture in `docs/` anew.
#![cfg(feature = "pci")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use weir::top::{Controls, Figures, History, Order, draw};

const BEFORE: &str = include_str!("top/before.prom");
const AFTER: &str = include_str!("top/after.prom");
const SIZE: (u16, u16) = (118, 17);

fn history() -> History {
    let mut history = History::default();
    for text in [BEFORE, AFTER] {
        history.add(Figures::parse(text).expect("figures"));
    }
    history
}

fn screen(history: &History, controls: &Controls) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a terminal");
    terminal.draw(|frame| draw(frame, history, controls)).expect("a screen");
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(SIZE.0)) {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The screen as a picture: a cell is 8 by 17.
fn picture(buffer: &Buffer) -> String {
    let (width, height) = (u32::from(SIZE.0) * 8 + 16, u32::from(SIZE.1) * 17 + 16);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#1c1c1c\"/>\n"
    );
    for (row, cells) in buffer.content().chunks(usize::from(SIZE.0)).enumerate() {
        let mut column = 0;
        for run in cells.chunk_by(|one, other| one.style() == other.style()) {
            let text: String = run.iter().map(ratatui::buffer::Cell::symbol).collect();
            let begin = text.len() - text.trim_start().len();
            let shown = text.trim();
            if !shown.is_empty() {
                let style = run[0].style();
                let fill = match style.fg {
                    Some(Color::Green) => "#87d787",
                    Some(Color::Yellow) => "#ffd75f",
                    Some(Color::Red) => "#ff5f5f",
                    _ if style.add_modifier.contains(Modifier::DIM) => "#8a8a8a",
                    _ => "#dadada",
                };
                let weight = if style.add_modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
                let (x, y) = ((column + begin) * 8 + 8, row * 17 + 21);
                let length = shown.chars().count() * 8;
                let _ = writeln!(
                    svg,
                    "<text x=\"{x}\" y=\"{y}\" fill=\"{fill}\"{weight} textLength=\"{length}\" xml:space=\"preserve\">{shown}</text>"
                );
            }
            column += run.len();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn same_as_file(name: &str, found: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&path, found).expect("the golden file");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is not what the screen shows; WEIR_BLESS=1 writes it anew:\n{found}");
}

#[test]
fn the_screen_shows_rates_limits_rings_and_the_residual() {
    let buffer = screen(&history(), &Controls::default());
    same_as_file("weir/tests/top/screen.txt", &text(&buffer));
    same_as_file("docs/top.svg", &picture(&buffer));
}

#[test]
fn rates_are_those_of_the_windows_between_two_looks() {
    let history = history();
    let view = history.view(Order::Name);
    let backup = view.enis.iter().find(|row| row.eni == "eni-backupvm").expect("an ENI");
    let figures = [BEFORE, AFTER].map(|text| Figures::parse(text).expect("figures"));
    let offered = |figures: &Figures, name| {
        figures.sum(name, &[("eni", "eni-backupvm"), ("direction", "egress"), ("term", "offered")])
    };
    let seconds = figures[1].one("weir_published_until_seconds") - figures[0].one("weir_published_until_seconds");
    let rate = |name| (offered(&figures[1], name) - offered(&figures[0], name)) / seconds;
    assert!(seconds >= 1.0 && rate("weir_eni_packets_total") > 0.0);
    assert_eq!(
        (backup.egress_pps, backup.egress_bps),
        (rate("weir_eni_packets_total"), 8.0 * rate("weir_eni_bytes_total"))
    );
}

#[test]
fn rates_stay_until_the_next_window_and_a_daemon_that_was_started_anew_has_none() {
    let mut history = history();
    let before = history.view(Order::Name);
    history.add(Figures::parse(AFTER).expect("figures"));
    assert_eq!(history.view(Order::Name).enis, before.enis);
    history.add(Figures::parse(BEFORE).expect("figures"));
    assert!(history.view(Order::Name).enis.iter().all(|row| row.egress_pps == 0.0));
}

#[test]
fn orders_sort_by_what_they_are_named_after() {
    let history = history();
    let first = |order: Order| history.view(order).enis.first().map(|row| row.eni.clone()).unwrap_or_default();
    assert_eq!(first(Order::Packets), "eni-backupvm");
    assert_eq!(first(Order::Name), "eni-appserve");
    let mut order = Order::default();
    for _ in 0..4 {
        let enis = history.view(order).enis;
        let is_sorted = enis.is_sorted_by(|one, other| match order {
            Order::Packets => one.ingress_pps + one.egress_pps >= other.ingress_pps + other.egress_pps,
            Order::Bits => one.ingress_bps + one.egress_bps >= other.ingress_bps + other.egress_bps,
            Order::Rejected => one.rejected_pps >= other.rejected_pps,
            Order::Name => one.eni < other.eni,
        });
        assert!(is_sorted, "{}", order.name());
        order = order.next();
    }
    assert_eq!(order, Order::default());
}

#[test]
fn a_screen_that_is_too_small_is_no_crash() {
    for (width, height) in [(1, 1), (20, 3), (60, 5), (300, 100)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        let controls = Controls { first: 1000, ..Controls::default() };
        terminal.draw(|frame| draw(frame, &history(), &controls)).expect("a screen");
    }
}

#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    let buffer = screen(&history(), &Controls { plain: true, ..Controls::default() });
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn figures_that_are_none_are_refused_with_their_line() {
    let error = Figures::parse("# HELP a b\na 1\nb{c=\"d\" 2\n").expect_err("a broken line");
    assert_eq!((error.line, error.found.as_str()), (3, "b{c=\"d\" 2"));
    assert!(Figures::parse("weir_flows many\n").is_err());
}
