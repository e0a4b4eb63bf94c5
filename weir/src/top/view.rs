//! What there is to see: rates of the last window, limits, rings.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::figures::Figures;

/// Windows whose rates are remembered.
const REMEMBERED: usize = 64;

/// What an ENI did in the last window.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EniRow {
    /// The ENI.
    pub eni: String,
    /// Packets a second to the guest.
    pub ingress_pps: f64,
    /// Bits a second to the guest, layer 3.
    pub ingress_bps: f64,
    /// Packets a second from the guest.
    pub egress_pps: f64,
    /// Bits a second from the guest.
    pub egress_bps: f64,
    /// Packets a second that a group or an ACL refused.
    pub rejected_pps: f64,
    /// Packets a second that a limit stopped or kept out of the records.
    pub limited_pps: f64,
    /// Packets that were explicitly skipped, since the daemon started.
    pub skipped: f64,
    /// The greatest residual of its two equations, packets.
    pub residual: f64,
    /// The reason of its limits that stopped most, since the daemon started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// A ring between driver and NIC.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RingRow {
    /// Its name.
    pub ring: String,
    /// Entries.
    pub entries: f64,
    /// The most of them that were in use at once.
    pub high_water: f64,
    /// Entries that found no room.
    pub drops: f64,
}

/// Everything of an instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct View {
    /// The NIC's clock, Unix seconds.
    pub time: f64,
    /// How long the open window has been open, seconds.
    pub window_open: f64,
    /// Windows on disk.
    pub windows: f64,
    /// Records on disk.
    pub records: f64,
    /// From the last window's end to the disk, seconds.
    pub published_after: f64,
    /// Equations that did not hold: 0.
    pub broken: f64,
    /// Windows that wait for the disk.
    pub waiting: f64,
    /// Windows whose records were left out.
    pub left_out: f64,
    /// Flows that the host knows.
    pub flows: f64,
    /// Packets a second that the host judged.
    pub punts_pps: f64,
    /// The ENIs.
    pub enis: Vec<EniRow>,
    /// The rings.
    pub rings: Vec<RingRow>,
}

/// How ENIs are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By packets a second, both directions.
    #[default]
    Packets,
    /// By bits a second.
    Bits,
    /// By packets a second that were refused.
    Rejected,
    /// By name.
    Name,
}

impl Order {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Packets => Self::Bits,
            Self::Bits => Self::Rejected,
            Self::Rejected => Self::Name,
            Self::Name => Self::Packets,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bits => "bits",
            Self::Rejected => "refused",
            Self::Name => "name",
        }
    }
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    last: Option<Figures>,
    view: View,
    /// Packets a second of each ENI in the last windows, the newest last.
    rates: BTreeMap<String, VecDeque<u64>>,
}

impl History {
    /// Takes in the figures of another instant. Rates are those of the windows that were sealed since the last figures with
    /// other windows: without such, the rates of before stay.
    pub fn add(&mut self, figures: Figures) {
        let sealed = |figures: &Figures| figures.one("weir_windows_sealed_total");
        let mut view = now(&figures);
        match &self.last {
            // The first figures: since when the totals count is not known.
            None => self.last = Some(figures),
            Some(last) if sealed(last) < sealed(&figures) => {
                set_rates(&mut view, last, &figures);
                for row in &view.enis {
                    let rates = self.rates.entry(row.eni.clone()).or_default();
                    if rates.len() == REMEMBERED {
                        rates.pop_front();
                    }
                    rates.push_back((row.ingress_pps + row.egress_pps) as u64);
                }
                self.last = Some(figures);
            }
            // The daemon was started anew.
            Some(last) if sealed(last) > sealed(&figures) => self.last = Some(figures),
            Some(_) => keep_rates(&mut view, &self.view),
        }
        self.view = view;
    }

    /// The newest view, its ENIs in this order.
    #[must_use]
    pub fn view(&self, order: Order) -> View {
        let mut view = self.view.clone();
        let greater = |one: f64, other: f64| other.partial_cmp(&one).unwrap_or(Ordering::Equal);
        view.enis.sort_by(|one, other| {
            let by = match order {
                Order::Packets => greater(one.ingress_pps + one.egress_pps, other.ingress_pps + other.egress_pps),
                Order::Bits => greater(one.ingress_bps + one.egress_bps, other.ingress_bps + other.egress_bps),
                Order::Rejected => greater(one.rejected_pps, other.rejected_pps),
                Order::Name => Ordering::Equal,
            };
            by.then_with(|| one.eni.cmp(&other.eni))
        });
        view
    }

    /// Packets a second of an ENI in the last windows, the newest last.
    #[must_use]
    pub fn rates(&self, eni: &str) -> Vec<u64> {
        self.rates.get(eni).map(|rates| rates.iter().copied().collect()).unwrap_or_default()
    }
}

fn now(figures: &Figures) -> View {
    let limited = "weir_eni_limited_packets_total";
    let row = |eni: String| {
        let of_eni = [("eni", eni.as_str())];
        let residual = figures.samples("weir_eni_residual_packets").iter();
        let residual = residual.filter(|(labels, _)| labels.get("eni") == Some(&eni)).map(|(_, value)| *value);
        let reasons = figures.texts(limited, "reason").into_iter();
        let counts = reasons.map(|reason| {
            let count = figures.sum(limited, &[("eni", eni.as_str()), ("reason", reason.as_str())]);
            (reason, count)
        });
        let most = counts.filter(|(_, count)| *count > 0.0).max_by(|one, other| one.1.total_cmp(&other.1));
        EniRow {
            skipped: figures.sum("weir_eni_packets_total", &[of_eni[0], ("term", "skipped")]),
            residual: residual.fold(0.0, |most, value| if value.abs() > most { value.abs() } else { most }),
            limit: most.map(|(reason, _)| reason),
            eni,
            ..EniRow::default()
        }
    };
    let ring = |ring: String| {
        let of = |name| figures.sum(name, &[("ring", ring.as_str())]);
        let (entries, high_water) = (of("weir_ring_entries"), of("weir_ring_high_water"));
        RingRow { entries, high_water, drops: of("weir_ring_drops_total"), ring }
    };
    View {
        time: figures.one("weir_nic_time_seconds"),
        window_open: figures.one("weir_nic_time_seconds") - figures.one("weir_window_open_since_seconds"),
        windows: figures.one("weir_windows_published_total"),
        records: figures.one("weir_records_published_total"),
        published_after: figures.one("weir_window_published_after_seconds"),
        broken: figures.one("weir_equations_broken_total"),
        waiting: figures.one("weir_spool_windows"),
        left_out: figures.one("weir_windows_left_out_total"),
        flows: figures.one("weir_flows"),
        punts_pps: 0.0,
        enis: figures.texts("weir_eni_packets_total", "eni").into_iter().map(row).collect(),
        rings: figures.texts("weir_ring_entries", "ring").into_iter().map(ring).collect(),
    }
}

fn set_rates(view: &mut View, last: &Figures, figures: &Figures) {
    let until = |figures: &Figures| figures.one("weir_published_until_seconds");
    let seconds = until(figures) - until(last);
    if seconds <= 0.0 {
        return;
    }
    let rate = |name: &str, labels: &[(&str, &str)]| (figures.sum(name, labels) - last.sum(name, labels)) / seconds;
    for row in &mut view.enis {
        let eni = ("eni", row.eni.as_str());
        let side = |direction, term| [eni, ("direction", direction), ("term", term)];
        let (packets, bytes) = ("weir_eni_packets_total", "weir_eni_bytes_total");
        row.ingress_pps = rate(packets, &side("ingress", "offered"));
        row.egress_pps = rate(packets, &side("egress", "offered"));
        row.ingress_bps = rate(bytes, &side("ingress", "offered")) * 8.0;
        row.egress_bps = rate(bytes, &side("egress", "offered")) * 8.0;
        row.rejected_pps = rate(packets, &[eni, ("term", "rejected")]);
        row.limited_pps = rate("weir_eni_limited_packets_total", &[eni]);
    }
    let now = |figures: &Figures| figures.one("weir_nic_time_seconds");
    view.punts_pps = rate("weir_punts_total", &[]) * seconds / (now(figures) - now(last)).max(f64::MIN_POSITIVE);
}

fn keep_rates(view: &mut View, before: &View) {
    for row in &mut view.enis {
        let Some(known) = before.enis.iter().find(|known| known.eni == row.eni) else { continue };
        *row = EniRow { skipped: row.skipped, residual: row.residual, limit: row.limit.take(), ..known.clone() };
    }
    view.punts_pps = before.punts_pps;
}
