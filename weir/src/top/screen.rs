//! A view, on a terminal.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::view::{EniRow, History, Order, View};

/// Heights of a bar of a rate, from none to all.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Windows that an ENI's bars show.
const BARS_SHOWN: usize = 24;

/// What the user chose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Controls {
    /// The order of the ENIs.
    pub order: Order,
    /// The first ENI that is shown.
    pub first: usize,
    /// Whether the view stands still.
    pub paused: bool,
    /// No colours.
    pub plain: bool,
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, history: &History, controls: &Controls) {
    let view = history.view(controls.order);
    let rings = view.rings.len() as u16 + 1;
    let heights = [Constraint::Length(3), Constraint::Min(3), Constraint::Length(rings), Constraint::Length(1)];
    let [head, enis, below, foot] = Layout::vertical(heights).areas(frame.area());
    draw_head(frame, head, &view, controls);
    draw_enis(frame, enis, &view, history, controls);
    draw_rings(frame, below, &view);
    let paused = if controls.paused { "  PAUSED" } else { "" };
    let keys = format!("q quit  s sort: {}  space pause  ↑↓ scroll{paused}", controls.order.name());
    frame.render_widget(Paragraph::new(keys).dim(), foot);
}

/// A colour that means something, where there are any.
fn mark(controls: &Controls, color: Color) -> Style {
    let style = Style::new().add_modifier(Modifier::BOLD);
    if controls.plain { style } else { style.fg(color) }
}

/// Green if it is 0, else red.
fn must_be_zero(text: String, value: f64, controls: &Controls) -> Span<'static> {
    Span::styled(text, mark(controls, if value == 0.0 { Color::Green } else { Color::Red }))
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, view: &View, controls: &Controls) {
    let time = jiff::Timestamp::from_second(view.time as i64).map(|time| time.to_string()).unwrap_or_default();
    let residual = view.enis.iter().fold(0.0, |most: f64, row| most.max(row.residual));
    let first = Line::from(vec![
        "weir ".bold(),
        format!("{time}  {} windows, {} records on disk  ", view.windows, short(view.records)).into(),
        must_be_zero(format!("residual {residual}"), residual + view.broken, controls),
    ]);
    let waiting = if view.waiting == 0.0 { String::new() } else { format!(", {} windows wait", view.waiting) };
    let left_out = must_be_zero(format!("{} left out", view.left_out), view.left_out, controls);
    let second = Line::from(vec![
        format!(
            "window open for {:.1} s  the last one on disk {:.3} s after its end{waiting}  {} flows, {} punts/s  ",
            view.window_open,
            view.published_after,
            short(view.flows),
            short(view.punts_pps)
        )
        .into(),
        left_out,
    ]);
    frame.render_widget(Paragraph::new(vec![first, second]), area);
}

fn draw_enis(frame: &mut Frame<'_>, area: Rect, view: &View, history: &History, controls: &Controls) {
    let header = [
        "ENI",
        "IN pkt/s",
        "IN bit/s",
        "OUT pkt/s",
        "OUT bit/s",
        "REFUSED/s",
        "LIMITED/s",
        "SKIPPED",
        "PACKETS/s, BY WINDOW",
    ];
    let header = Row::new(header.into_iter().enumerate().map(|(place, name)| cell(place, name.to_owned())));
    let rows = view.enis.iter().skip(controls.first).map(|row| eni_row(row, &history.rates(&row.eni), controls));
    let mut widths = vec![Constraint::Length(14)];
    widths.extend([Constraint::Length(9); 7]);
    widths.push(Constraint::Min(BARS_SHOWN as u16));
    frame.render_widget(Table::new(rows, widths).header(header.style(Style::new().bold())), area);
}

/// Names to the left, numbers to the right.
fn cell(place: usize, text: String) -> Cell<'static> {
    let line = Line::from(text);
    Cell::from(if (1..8).contains(&place) { line.right_aligned() } else { line })
}

fn eni_row(row: &EniRow, rates: &[u64], controls: &Controls) -> Row<'static> {
    let texts = [
        row.eni.clone(),
        short(row.ingress_pps),
        short(row.ingress_bps),
        short(row.egress_pps),
        short(row.egress_bps),
        short(row.rejected_pps),
        short(row.limited_pps),
        short(row.skipped),
        bars(rates),
    ];
    let is_odd =
        [(5, row.rejected_pps, Color::Yellow), (6, row.limited_pps, Color::Yellow), (7, row.skipped, Color::Red)];
    Row::new(texts.into_iter().enumerate().map(|(place, text)| {
        let odd = is_odd.iter().find(|(column, value, _)| *column == place && *value > 0.0);
        let cell = cell(place, text);
        odd.map_or(cell.clone(), |(_, _, color)| cell.style(mark(controls, *color)))
    }))
}

fn draw_rings(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let header = Line::from("RING        AT MOST IN USE      OF      DROPS".bold());
    let lines = view.rings.iter().map(|ring| {
        let text = format!(
            "{:<11}{:>15}{:>8}{:>11}",
            ring.ring,
            short(ring.high_water),
            short(ring.entries),
            short(ring.drops)
        );
        Line::from(text)
    });
    frame.render_widget(Paragraph::new(std::iter::once(header).chain(lines).collect::<Vec<_>>()), area);
}

/// The last rates as bars; the highest is the most of them.
fn bars(rates: &[u64]) -> String {
    let shown = &rates[rates.len().saturating_sub(BARS_SHOWN)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bar = |rate: &u64| BARS[(rate * (BARS.len() as u64 - 1) / most) as usize];
    shown.iter().map(bar).collect()
}

/// A number in at most five characters, with a suffix of the SI.
fn short(value: f64) -> String {
    let suffixes = ["", "k", "M", "G", "T"];
    let mut value = value;
    for suffix in suffixes {
        if value.abs() < 999.5 || suffix == "T" {
            let digits = usize::from(!suffix.is_empty() && value.abs() < 99.95);
            return format!("{value:.digits$}{suffix}");
        }
        value /= 1000.0;
    }
    String::new()
}
