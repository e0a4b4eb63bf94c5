//! The suite that every body of the NIC passes, on those of this process. Over a socket it is run by `weir`'s tests, on the
//! kernel's VFIO by `make guest`.

use driver::selftest;
use sim::card::{Card, Parameters};
use std::rc::Rc;
use weir_tests::ticking::Ticking;

fn run(card: Rc<Card>) {
    let mut said = String::new();
    let mut checks = 0;
    let failures = selftest::run(&Rc::new(Ticking::new(card)), |name, result| {
        checks += 1;
        said.push_str(&format!("{name}: {result:?}\n"));
    });
    assert_eq!((failures, checks), (0, 10), "{said}");
}

#[test]
fn the_model_passes_the_suite() {
    run(Card::new(Parameters { slots_log2: 10, enis_log2: 1 }).expect("such a NIC can be"));
}

#[cfg(feature = "rtl")]
#[test]
fn the_rtl_passes_the_suite() {
    use sim::hostmem::HostBus;
    use sim::rtl::RtlNic;
    run(Card::with_nic(Box::new(RtlNic::new(HostBus::default(), 1))));
}
