//! The `weir` command.
use std::rc::Rc;
use flowlog::record::*;
struct S { w: TextWriter, out: Vec<u8>, bad: u64, total: flowlog::conservation::Equation }
impl weir::meter::Sink for S {
    type Error = std::io::Error;
    fn entry(&mut self, _stream: usize, window: &WindowBounds, entry: &Entry<'_>) -> Result<(), Self::Error> {
        self.w.entry(&mut self.out, window, entry);
        if self.out.len() > 1 << 16 { use std::io::Write; std::io::stdout().write_all(&self.out)?; self.out.clear(); }
        Ok(())
    }
    fn sealed(&mut self, sealed: &flowlog::window::Sealed) -> Result<(), Self::Error> {
        for p in &sealed.proofs { self.total.add(&p.equation); if !p.equation.holds() { self.bad += 1; eprintln!("{} {:?}", sealed.number, p); } }
        Ok(())
    }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut config = weir::config::Config::default_promiscuous();
    if let Some(s) = std::env::var("SLOTS").ok() { config.settings.nic.slots_log2 = s.parse().unwrap(); }
    let config = Rc::new(config);
    let mut cap = sim::capture::Capture::open(std::path::Path::new(&args[1])).unwrap();
    let mut batch = sim::frames::FrameBatch::new();
    let mut replay = None;
    loop {
        batch.clear();
        match cap.read_into(&mut batch, 1024) { Ok(0) => break, Ok(_) => {}, Err(e) => { eprintln!("{e}"); break } }
        if replay.is_none() {
            let r = weir::replay::Replay::start(config.clone(), batch.get(0).unwrap().time_ns, |a| S { w: TextWriter::new(&a.streams[0], RecordSettings::default()), out: vec![], bad: 0, total: Default::default() });
            replay = Some(r.unwrap());
        }
        replay.as_mut().unwrap().frames(&batch).unwrap();
    }
    let f = replay.unwrap().finish().unwrap();
    use std::io::Write; std::io::stdout().write_all(&f.sink.out).unwrap();
    eprintln!("bad {} {:?} {:?} {:?} {:?}", f.sink.bad, f.sink.total, f.counts, f.meter.statistics(), f.meter.faults());
    eprintln!("{:#?}", f.card.report());
}
