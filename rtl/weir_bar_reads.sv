// What the registers of BAR0 read: the inputs of the generated block, each in its place.
//
// Only wires; no state, no clock.
// Model: register_read in hw-model/src/regs.rs.
module weir_bar_reads
  import weir_abi_pkg::*;
  import weir_pkg::*;
  import weir_regs_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 17,
    parameter int unsigned ENIS_LOG2 = 12
) (
    input logic enable_i,
    input logic draining_i,
    input logic ready_i,
    // As they are, and which are set in this cycle.
    input error_events_t errors_i,
    input error_events_t error_set_i,
    input logic [31:0] pending_i,
    // By ring_id_e.
    input ring_state_t [RINGS-1:0] ring_state_i,
    input logic [15:0] window_i,
    input logic [31:0] overruns_i,

    // What SNAPSHOT has latched; counters in the order of the registers, the first one last.
    input logic [31:0] snapshot_id_i,
    input logic [63:0] time_ns_i,
    input logic [63:0] window_start_ns_i,
    input logic [1:0][13:0][63:0] engines_i,
    input logic [10:0][63:0] device_i,

    // What the selects have latched: of the images the dword that is asked for.
    input logic slot_valid_i,
    input logic slot_bank_i,
    input logic image_valid_i,
    input logic [31:0] image_i,

    output weir__in_t regs_o
);

  localparam int unsigned WAYS_LOG2 = 3;
  localparam int unsigned VECTORS = 32;
  // Counters of an engine that lie in one register file; one more is a limit's, behind it.
  localparam int unsigned ENGINE_COUNTERS = 13;

  // The low half lies first in the map, so first in the block's structure.
  function automatic logic [63:0] halves(input logic [63:0] counter);
    return {counter[31:0], counter[63:32]};
  endfunction

  // The registers of a ring that the NIC writes.
  logic [RINGS-1:0][95:0] rings;

  always_comb begin
    for (int unsigned i = 0; i < RINGS; i++) begin
      rings[i] = {ring_state_i[i].nic_index, ring_state_i[i].drops, ring_state_i[i].high_water};
    end
  end

  // Of the images one dword is asked for at a time, and all see it.
  always_comb begin
    regs_o = '0;
    regs_o.BUILD.body.next = 8'(body__rtl);
    regs_o.FEATURES = '1;
    regs_o.SIZES.slots_log2.next = 6'(SLOTS_LOG2);
    regs_o.SIZES.ways_log2.next = 4'(WAYS_LOG2);
    regs_o.SIZES.enis_log2.next = 4'(ENIS_LOG2);
    regs_o.SIZES.vectors.next = 8'(VECTORS);

    regs_o.STATUS.ready.next = ready_i;
    regs_o.STATUS.running.next = enable_i;
    regs_o.STATUS.draining.next = draining_i;
    regs_o.STATUS.record_ring_full.next = draining_i && ring_state_i[RING_RECORD].room == '0;
    regs_o.STATUS.dma_fault.next = errors_i.dma;
    for (int unsigned i = 0; i < RINGS; i++) if (ring_state_i[i].faulted) regs_o.STATUS.ring_fault.next = 1'b1;
    regs_o.RING_FAULTS.command.next = ring_state_i[RING_COMMAND].faulted;
    regs_o.RING_FAULTS.completion.next = ring_state_i[RING_COMPLETION].faulted;
    regs_o.RING_FAULTS.record.next = ring_state_i[RING_RECORD].faulted;
    regs_o.RING_FAULTS.punt.next = ring_state_i[RING_PUNT].faulted;
    regs_o.RING_FAULTS.inject.next = ring_state_i[RING_INJECT].faulted;

    regs_o.ERRORS.register_write.hwset = error_set_i.register_write;
    regs_o.ERRORS.ring_setup.hwset = error_set_i.ring_setup;
    regs_o.ERRORS.dma.hwset = error_set_i.dma;
    regs_o.ERRORS.command.hwset = error_set_i.command;
    regs_o.ERRORS.phase.hwset = error_set_i.phase;
    regs_o.ERRORS.inject.hwset = error_set_i.inject;
    regs_o.ERRORS.index.hwset = error_set_i.index;
    regs_o.VECTOR_PENDING.value.next = pending_i;

    regs_o.TIME_LO.value.next = time_ns_i[31:0];
    regs_o.TIME_HI.value.next = time_ns_i[63:32];
    regs_o.WINDOW_NUMBER.number.next = window_i;
    regs_o.WINDOW_OVERRUNS.value.next = overruns_i;
    regs_o.WINDOW_START_LO.value.next = window_start_ns_i[31:0];
    regs_o.WINDOW_START_HI.value.next = window_start_ns_i[63:32];
    regs_o.SNAPSHOT_ID.value.next = snapshot_id_i;

    regs_o.COMMAND = rings[RING_COMMAND];
    regs_o.COMPLETION = rings[RING_COMPLETION];
    regs_o.RECORD = rings[RING_RECORD];
    regs_o.PUNT = rings[RING_PUNT];
    regs_o.INJECT = rings[RING_INJECT];

    for (int unsigned i = 0; i < ENGINE_COUNTERS; i++) begin
      regs_o.INGRESS[64*i+:64] = halves(engines_i[0][i+1]);
      regs_o.EGRESS[64*i+:64] = halves(engines_i[1][i+1]);
    end
    regs_o.INGRESS_POLICED = halves(engines_i[0][0]);
    regs_o.EGRESS_SHAPED = halves(engines_i[1][0]);
    regs_o.COMMANDS = halves(device_i[10]);
    regs_o.COMMANDS_REFUSED = halves(device_i[9]);
    regs_o.INJECTS = halves(device_i[8]);
    regs_o.INJECTS_REFUSED = halves(device_i[7]);
    regs_o.LATE_RETRIES = halves(device_i[6]);
    regs_o.RECORDS = halves(device_i[5]);
    regs_o.DMA_READ_BYTES = halves(device_i[4]);
    regs_o.DMA_WRITE_BYTES = halves(device_i[3]);
    regs_o.DMA_REFUSED = halves(device_i[2]);
    regs_o.WRITES_REFUSED = halves(device_i[1]);
    regs_o.PHASE_REFUSED = halves(device_i[0]);

    regs_o.SLOT_STATUS.valid.next = slot_valid_i;
    regs_o.SLOT_STATUS.bank.next = slot_bank_i;
    regs_o.SLOT_DATA[0].rd_ack = image_valid_i;
    for (int unsigned i = 0; i < 16; i++) begin
      regs_o.SLOT_DATA[i].rd_data.value = image_i;
      regs_o.LEDGER_PACKETS[i].rd_data.value = image_i;
      regs_o.LEDGER_BYTES[i].rd_data.value = image_i;
      regs_o.LEDGER_LIMITS[i].rd_data.value = image_i;
    end
  end

  logic unused;

  always_comb begin
    unused = &{1'b0, errors_i};
    for (int unsigned i = 0; i < RINGS; i++) unused &= ^ring_state_i[i];
  end

endmodule
