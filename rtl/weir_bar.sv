// The registers of BAR0: what an access does.
//
//   AXI4-Lite ─▶ refuse? ─▶ weir_regs (what is written where) ─▶ effect: rings, window, vectors, counters,
//                   │                                            slot and ledger windows
//                   └─▶ SLVERR, WRITES_REFUSED, ERRORS.register_write
//
// One access at a time, a write first. The generated block holds what the host has written and knows which
// registers can be; this module knows what follows. A write is answered when its effect has been handed on,
// that of SLOT_SELECT or ENI_SELECT when the image is there. Reads have no effect and never fail.
// After a restart, of the device or by CONTROL.reset, everything but the time is as after power-on.
//
// Timing: a read takes 5 cycles (of an image 6), a write 7, one that is refused here 3; the selects wait for engine
// or ledger.
// Model: hw-model/src/regs.rs; error in hw-model/src/nic.rs.
module weir_bar
  import weir_abi_pkg::*;
  import weir_pkg::*;
  import weir_regs_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 17,
    parameter int unsigned ENIS_LOG2 = 12,
    // Who counts into an engine's and into the device's counters.
    parameter int unsigned ENGINE_SOURCES = 1,
    parameter int unsigned DEVICE_SOURCES = 1
) (
    input logic clk_i,
    // The counters'.
    input logic clk_counters_i,
    input logic rst_ni,

    input logic axil_awvalid_i,
    output logic axil_awready_o,
    input logic [11:0] axil_awaddr_i,
    input logic axil_wvalid_i,
    output logic axil_wready_o,
    input logic [31:0] axil_wdata_i,
    input logic [3:0] axil_wstrb_i,
    output logic axil_bvalid_o,
    input logic axil_bready_i,
    output logic [1:0] axil_bresp_o,
    input logic axil_arvalid_i,
    output logic axil_arready_o,
    input logic [11:0] axil_araddr_i,
    output logic axil_rvalid_o,
    input logic axil_rready_i,
    output logic [31:0] axil_rdata_o,
    output logic [1:0] axil_rresp_o,

    // By ring_id_e.
    output ring_config_t [RINGS-1:0] ring_config_o,
    output ring_write_t [RINGS-1:0] ring_write_o,
    input ring_state_t [RINGS-1:0] ring_state_i,
    input logic [RINGS-1:0] setup_error_i,
    input logic [RINGS-1:0] index_error_i,

    // CONTROL; `reset_o` is everybody's `clear_i`.
    output logic enable_o,
    output logic reset_o,

    output logic set_time_valid_o,
    output logic [63:0] set_time_ns_o,
    output logic seconds_valid_o,
    output logic [9:0] seconds_o,
    output logic close_o,
    input logic [63:0] now_ns_i,
    input stamp_t stamp_i,
    input logic [63:0] start_ns_i,
    input logic [31:0] overruns_i,

    input engine_events_t [1:0][ENGINE_SOURCES-1:0] engine_events_i,
    input device_events_t [DEVICE_SOURCES-1:0] device_events_i,
    input error_events_t error_events_i,

    // The slot that SLOT_SELECT shows: OP_PROBE and its answer.
    output logic [1:0] probe_valid_o,
    input logic [1:0] probe_ready_i,
    output item_t [1:0] probe_o,
    input logic [1:0] probe_valid_i,
    input answer_t [1:0] probe_i,

    // The ledger that ENI_SELECT shows; it is not emptied.
    output logic ledger_valid_o,
    input logic ledger_ready_i,
    output logic ledger_egress_o,
    output logic ledger_bank_o,
    output logic [11:0] ledger_vport_o,
    input logic ledger_valid_i,
    input ledger_t ledger_i,

    output logic mask_valid_o,
    output logic [31:0] mask_o,
    input logic [31:0] mask_i,
    input logic [31:0] pending_i,
    output post_t post_o,

    // A window is being drained; its drain waits for room; every memory is clean.
    input logic draining_i,
    input logic stalled_i,
    input logic ready_i,

    // There is, or is about to be, an access.
    output logic accessed_o,
    output logic busy_o
);

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_bar: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end
  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_bar: ENIS_LOG2 is %0d, expected at most 12", ENIS_LOG2);
  end

  localparam logic [1:0] RESP_OKAY = 2'b00;
  localparam logic [1:0] RESP_SLVERR = 2'b10;

  // What of a ring's registers is more than a value; by ring_id_e.
  typedef logic [RINGS-1:0][11:0] ring_offsets_t;
  localparam ring_offsets_t RING_BASE_LO = {
    OFFSET_INJECT_BASE_LO, OFFSET_PUNT_BASE_LO, OFFSET_RECORD_BASE_LO, OFFSET_COMPLETION_BASE_LO, OFFSET_COMMAND_BASE_LO
  };
  localparam ring_offsets_t RING_BASE_HI = {
    OFFSET_INJECT_BASE_HI, OFFSET_PUNT_BASE_HI, OFFSET_RECORD_BASE_HI, OFFSET_COMPLETION_BASE_HI, OFFSET_COMMAND_BASE_HI
  };
  localparam ring_offsets_t RING_SIZE = {
    OFFSET_INJECT_SIZE_LOG2,
    OFFSET_PUNT_SIZE_LOG2,
    OFFSET_RECORD_SIZE_LOG2,
    OFFSET_COMPLETION_SIZE_LOG2,
    OFFSET_COMMAND_SIZE_LOG2
  };
  localparam ring_offsets_t RING_HOST_INDEX = {
    OFFSET_INJECT_PRODUCER,
    OFFSET_PUNT_CONSUMER,
    OFFSET_RECORD_CONSUMER,
    OFFSET_COMPLETION_CONSUMER,
    OFFSET_COMMAND_PRODUCER
  };
  localparam ring_offsets_t RING_CONTROL = {
    OFFSET_INJECT_CONTROL, OFFSET_PUNT_CONTROL, OFFSET_RECORD_CONTROL, OFFSET_COMPLETION_CONTROL, OFFSET_COMMAND_CONTROL
  };

  weir__in_t regs_in;
  weir__out_t regs_out;

  // ---- What the registers read of others ----

  // As it was a cycle ago, so that the block looks at nothing that moves while it rests.
  logic draining_q, ready_q;
  logic [31:0] pending_q, overruns_q;
  logic [15:0] window_q;
  ring_state_t [RINGS-1:0] ring_state_q;

  always_ff @(posedge clk_i) begin
    draining_q <= draining_i;
    ready_q <= ready_i;
    pending_q <= pending_i;
    overruns_q <= overruns_i;
    window_q <= stamp_i.window;
    ring_state_q <= ring_state_i;
  end

  // ---- The access ----

  typedef enum logic [3:0] {
    STATE_IDLE,
    STATE_CHECK,   // a write: what can be refused without asking the block
    STATE_WRITE,   // the block takes it
    STATE_WRITTEN, // and says whether there is such a register
    STATE_EFFECT,
    STATE_RESET,
    STATE_SELECT,  // the question to an engine or a ledger
    STATE_IMAGE,   // and its answer
    STATE_ANSWER_WRITE,
    STATE_READ,
    STATE_READ_DONE,
    STATE_ANSWER_READ
  } state_e;

  state_e state_q, state_d;
  logic [11:0] address_q;
  logic [31:0] data_q, read_q;
  logic [3:0] strobes_q;
  logic refused_q, refuse;

  logic regs_awready, regs_wready, regs_bvalid, regs_arready, regs_rvalid;
  logic [1:0] regs_bresp, unused_regs_rresp;
  logic [31:0] regs_rdata;

  // The ring whose base or size this is runs: they hold until it is disabled.
  logic held;

  always_comb begin
    held = 1'b0;
    for (int unsigned i = 0; i < RINGS; i++) begin
      if (ring_state_i[i].enabled
          && (address_q == RING_BASE_LO[i] || address_q == RING_BASE_HI[i] || address_q == RING_SIZE[i])) held = 1'b1;
    end
  end

  logic selects_slot, selects_eni, select_ready, select_answered, is_past;

  always_comb begin
    state_d = state_q;
    refuse = 1'b0;
    unique case (state_q)
      STATE_IDLE: begin
        if (axil_awvalid_i && axil_wvalid_i) state_d = STATE_CHECK;
        else if (axil_arvalid_i) state_d = STATE_READ;
      end
      STATE_CHECK: begin
        refuse = held || address_q[1:0] != '0 || strobes_q != '1;
        if (refuse) state_d = STATE_ANSWER_WRITE;
        else if (address_q == OFFSET_CONTROL && data_q[31]) state_d = STATE_RESET;
        else state_d = STATE_WRITE;
      end
      STATE_WRITE: if (regs_awready && regs_wready) state_d = STATE_WRITTEN;
      STATE_WRITTEN: begin
        refuse = regs_bvalid && regs_bresp != RESP_OKAY;
        if (refuse) state_d = STATE_ANSWER_WRITE;
        else if (regs_bvalid) state_d = STATE_EFFECT;
      end
      STATE_EFFECT: state_d = (selects_slot || selects_eni) && !is_past ? STATE_SELECT : STATE_ANSWER_WRITE;
      STATE_RESET: state_d = STATE_ANSWER_WRITE;
      STATE_SELECT: if (select_ready) state_d = STATE_IMAGE;
      STATE_IMAGE: if (select_answered) state_d = STATE_ANSWER_WRITE;
      STATE_ANSWER_WRITE: if (axil_bready_i) state_d = STATE_IDLE;
      STATE_READ: if (regs_arready) state_d = STATE_READ_DONE;
      STATE_READ_DONE: if (regs_rvalid) state_d = STATE_ANSWER_READ;
      STATE_ANSWER_READ: if (axil_rready_i) state_d = STATE_IDLE;
      default: state_d = STATE_IDLE;
    endcase
  end

  assign axil_awready_o = state_q == STATE_IDLE && axil_awvalid_i && axil_wvalid_i;
  assign axil_wready_o = axil_awready_o;
  assign axil_arready_o = state_q == STATE_IDLE && !axil_awready_o;
  assign axil_bvalid_o = state_q == STATE_ANSWER_WRITE;
  assign axil_bresp_o = refused_q ? RESP_SLVERR : RESP_OKAY;
  assign axil_rvalid_o = state_q == STATE_ANSWER_READ;
  assign axil_rdata_o = read_q;
  assign axil_rresp_o = RESP_OKAY;

  // A ring's own state says what its index and CONTROL.enable are: they may not be what was written.
  logic [31:0] read_d;

  always_comb begin
    read_d = address_q[1:0] == '0 ? regs_rdata : '0;
    for (int unsigned i = 0; i < RINGS; i++) begin
      if (address_q == RING_HOST_INDEX[i]) read_d = ring_state_q[i].host_index;
      if (address_q == RING_CONTROL[i]) read_d[0] = ring_state_q[i].enabled;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= STATE_IDLE;
    else state_q <= state_d;
    if (state_q == STATE_IDLE) begin
      address_q <= axil_awready_o ? axil_awaddr_i : axil_araddr_i;
      data_q <= axil_wdata_i;
      strobes_q <= axil_wstrb_i;
      refused_q <= 1'b0;
    end else if (refuse) begin
      refused_q <= 1'b1;
    end
    if (state_q == STATE_READ_DONE) read_q <= read_d;
  end

  weir_regs u_regs (
      .clk(clk_i),
      .rst_n(rst_ni && !reset_o),
      .s_axil_awready(regs_awready),
      .s_axil_awvalid(state_q == STATE_WRITE),
      .s_axil_awaddr(address_q),
      .s_axil_awprot('0),
      .s_axil_wready(regs_wready),
      .s_axil_wvalid(state_q == STATE_WRITE),
      .s_axil_wdata(data_q),
      .s_axil_wstrb('1),
      .s_axil_bready(state_q == STATE_WRITTEN),
      .s_axil_bvalid(regs_bvalid),
      .s_axil_bresp(regs_bresp),
      .s_axil_arready(regs_arready),
      .s_axil_arvalid(state_q == STATE_READ),
      .s_axil_araddr(address_q),
      .s_axil_arprot('0),
      .s_axil_rready(state_q == STATE_READ_DONE),
      .s_axil_rvalid(regs_rvalid),
      .s_axil_rdata(regs_rdata),
      .s_axil_rresp(unused_regs_rresp),
      .hwif_in(regs_in),
      .hwif_out(regs_out)
  );

  // ---- Effects ----

  logic effect, snapshot;

  assign effect = state_q == STATE_EFFECT;
  assign snapshot = effect && address_q == OFFSET_SNAPSHOT;
  assign selects_slot = address_q == OFFSET_SLOT_SELECT;
  assign selects_eni = address_q == OFFSET_ENI_SELECT;

  assign reset_o = state_q == STATE_RESET;
  assign enable_o = regs_out.CONTROL.enable.value;
  assign set_time_valid_o = effect && address_q == OFFSET_TIME_SET_HI;
  assign set_time_ns_o = {data_q, regs_out.TIME_SET_LO.value.value};
  assign seconds_valid_o = effect && address_q == OFFSET_WINDOW_SECONDS;
  assign seconds_o = data_q[9:0];
  assign close_o = effect && address_q == OFFSET_WINDOW_CLOSE && data_q[0];
  assign mask_valid_o = effect && address_q == OFFSET_VECTOR_MASK;
  assign mask_o = data_q;

  always_comb begin
    for (int unsigned i = 0; i < RINGS; i++) begin
      ring_write_o[i].control_valid = effect && address_q == RING_CONTROL[i];
      ring_write_o[i].enable = data_q[0];
      ring_write_o[i].index_valid = effect && address_q == RING_HOST_INDEX[i];
      ring_write_o[i].index = data_q;
    end
  end

  assign ring_config_o[RING_COMMAND] = {
    regs_out.COMMAND.BASE_HI, regs_out.COMMAND.BASE_LO, regs_out.COMMAND.SIZE_LOG2, regs_out.COMMAND.CONTROL.vector
  };
  assign ring_config_o[RING_COMPLETION] = {
    regs_out.COMPLETION.BASE_HI,
    regs_out.COMPLETION.BASE_LO,
    regs_out.COMPLETION.SIZE_LOG2,
    regs_out.COMPLETION.CONTROL.vector
  };
  assign ring_config_o[RING_RECORD] = {
    regs_out.RECORD.BASE_HI, regs_out.RECORD.BASE_LO, regs_out.RECORD.SIZE_LOG2, regs_out.RECORD.CONTROL.vector
  };
  assign ring_config_o[RING_PUNT] = {
    regs_out.PUNT.BASE_HI, regs_out.PUNT.BASE_LO, regs_out.PUNT.SIZE_LOG2, regs_out.PUNT.CONTROL.vector
  };
  assign ring_config_o[RING_INJECT] = {
    regs_out.INJECT.BASE_HI, regs_out.INJECT.BASE_LO, regs_out.INJECT.SIZE_LOG2, regs_out.INJECT.CONTROL.vector
  };

  // ---- Errors ----

  error_events_t error_set, error_set_q, error_clear, errors;

  always_comb begin
    error_set = error_events_i;
    error_set.register_write |= refuse;
    error_set.ring_setup |= setup_error_i != '0;
    error_set.index |= index_error_i != '0;

    errors.register_write = regs_out.ERRORS.register_write.value;
    errors.ring_setup = regs_out.ERRORS.ring_setup.value;
    errors.dma = regs_out.ERRORS.dma.value;
    errors.command = regs_out.ERRORS.command.value;
    errors.phase = regs_out.ERRORS.phase.value;
    errors.inject = regs_out.ERRORS.inject.value;
    errors.index = regs_out.ERRORS.index.value;

    error_clear.register_write = regs_out.ERRORS_CLEAR.register_write.value;
    error_clear.ring_setup = regs_out.ERRORS_CLEAR.ring_setup.value;
    error_clear.dma = regs_out.ERRORS_CLEAR.dma.value;
    error_clear.command = regs_out.ERRORS_CLEAR.command.value;
    error_clear.phase = regs_out.ERRORS_CLEAR.phase.value;
    error_clear.inject = regs_out.ERRORS_CLEAR.inject.value;
    error_clear.index = regs_out.ERRORS_CLEAR.index.value;
  end

  // A cycle later in the register.
  always_ff @(posedge clk_i) begin
    if (!rst_ni || reset_o) error_set_q <= '0;
    else error_set_q <= error_set;
  end

  assign post_o.valid = regs_out.ERROR_VECTOR.enable.value
      && (error_set & ~error_set_q & (~errors | error_clear)) != '0;
  assign post_o.now = 1'b1;
  assign post_o.vector_number = regs_out.ERROR_VECTOR.vector.value;
  assign post_o.time_ns = now_ns_i;

  // ---- Counters ----

  logic [1:0][13:0][63:0] engines;
  logic [10:0][63:0] device;
  logic [31:0] snapshot_id;
  logic [63:0] time_ns, window_start_ns;
  logic counters_busy;

  weir_counters #(
      .ENGINE_SOURCES(ENGINE_SOURCES),
      .DEVICE_SOURCES(DEVICE_SOURCES)
  ) u_counters (
      .clk_i(clk_counters_i),
      .clk_shown_i(clk_i),
      .rst_ni,
      .engine_events_i,
      .device_events_i,
      .write_refused_i(refuse),
      .snapshot_i(snapshot),
      .now_ns_i,
      .start_ns_i,
      .id_o(snapshot_id),
      .time_ns_o(time_ns),
      .window_start_ns_o(window_start_ns),
      .engines_o(engines),
      .device_o(device),
      .clear_i(reset_o),
      .busy_o(counters_busy)
  );

  // ---- Slot and ledger windows ----

  logic slot_valid, slot_bank, image_asked, image_valid_q;
  logic [31:0] image;

  always_comb begin
    image_asked = 1'b0;
    for (int unsigned i = 0; i < 16; i++) begin
      image_asked |= regs_out.SLOT_DATA[i].req || regs_out.LEDGER_PACKETS[i].req || regs_out.LEDGER_BYTES[i].req
          || regs_out.LEDGER_LIMITS[i].req;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) image_valid_q <= 1'b0;
    else image_valid_q <= image_asked;
  end

  weir_bar_window #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) u_window (
      .clk_i,
      .rst_ni,
      .latch_i(effect),
      .ask_i(state_q == STATE_SELECT),
      .wait_i(state_q == STATE_IMAGE),
      .selects_slot_i(selects_slot),
      .selects_eni_i(selects_eni),
      .select_i(data_q),
      .is_past_o(is_past),
      .ready_o(select_ready),
      .answered_o(select_answered),
      .stamp_i,
      .probe_valid_o,
      .probe_ready_i,
      .probe_o,
      .probe_valid_i,
      .probe_i,
      .ledger_valid_o,
      .ledger_ready_i,
      .ledger_egress_o,
      .ledger_bank_o,
      .ledger_vport_o,
      .ledger_valid_i,
      .ledger_i,
      .slot_valid_o(slot_valid),
      .slot_bank_o(slot_bank),
      .address_i(address_q),
      .image_o(image),
      .clear_i(reset_o)
  );

  // ---- What the registers read ----

  weir_bar_reads #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) u_reads (
      .enable_i(enable_o),
      .draining_i(draining_q),
      .ready_i(ready_q),
      .errors_i(errors),
      .error_set_i(error_set_q),
      .pending_i(pending_q),
      .ring_state_i(ring_state_q),
      .window_i(window_q),
      .overruns_i(overruns_q),
      .snapshot_id_i(snapshot_id),
      .time_ns_i(time_ns),
      .window_start_ns_i(window_start_ns),
      .engines_i(engines),
      .device_i(device),
      .slot_valid_i(slot_valid),
      .slot_bank_i(slot_bank),
      .image_valid_i(image_valid_q),
      .image_i(image),
      .regs_o(regs_in)
  );

  assign accessed_o = state_q != STATE_IDLE || axil_awvalid_i || axil_wvalid_i || axil_arvalid_i;
  assign busy_o = accessed_o || counters_busy;

  // The mask reads as it was written. What makes a drain wait reads from the ring. Of the block much is only
  // there to be read again.
  logic unused;
  assign unused = &{1'b0, mask_i, stalled_i, regs_out};

endmodule
