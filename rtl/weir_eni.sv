// The ENIs: who they are, what they may, and the ledger that accounts for every packet of theirs.
//
//   meta ─▶ [ENI table] ─▶ policer (ingress) ─▶ admitted
//                             │
//   shape_i, flow_i ─▶ weir_limits ─▶ shape_o, flow_valid_o        set_i ─▶ limits, table
//
//   judged_i, shaped_i, end_i ─▶ weir_ledger, one a direction ─▶ ledger_o
//
// Every frame takes the policer's time, limited or not and whatever its direction, so that frames stay in
// order. The table is there once for each that reads it.
//
// Timing: ADMIT_CYCLES for a frame; BUCKET_CYCLES for the shaper's and the new flow's answer; two cycles for
// `read_o`; about ten for SET_ENI. `clear_i` sweeps all tables, at most 16 × ports cycles.
// Model: hw-model/src/eni.rs.
module weir_eni
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Virtual ports and instances, as a power of two: 0 to 12.
    parameter int unsigned ENIS_LOG2 = 12,
    // As the top's.
    parameter bit RESTS = 1'b0
) (
    input logic clk_i,
    // The same that never rests.
    input logic clk_root_i,
    // Nobody rests.
    input logic awake_i,
    input logic rst_ni,

    input logic clear_i,
    output logic ready_o,
    // Packets are taken.
    input logic enable_i,

    // By direction.
    input logic [1:0] meta_valid_i,
    input meta_t [1:0] meta_i,
    output logic [1:0] admitted_valid_o,
    output admitted_t [1:0] admitted_o,

    input logic shape_valid_i,
    output logic shape_ready_o,
    input bucket_ask_t shape_i,
    output logic shape_valid_o,
    output bucket_answer_t shape_o,

    input logic flow_valid_i,
    input limits_t flow_limits_i,
    input logic [63:0] flow_time_i,
    output logic flow_valid_o,
    output logic flow_admitted_o,

    input logic set_valid_i,
    output logic set_ready_o,
    input eni_set_t set_i,
    output logic set_done_o,
    output logic set_ok_o,

    // Of command, punt, inject, record.
    input logic [3:0][11:0] read_vport_i,
    output eni_t [3:0] read_o,

    // By direction.
    input logic [1:0] judged_valid_i,
    input ledger_op_t [1:0] judged_i,
    // Of egress.
    input logic shaped_valid_i,
    input ledger_op_t shaped_i,
    input logic end_valid_i,
    output logic end_ready_o,
    input punt_end_t end_i,

    input logic ledger_valid_i,
    output logic ledger_ready_o,
    input logic ledger_egress_i,
    input logic ledger_bank_i,
    input logic [11:0] ledger_vport_i,
    input logic ledger_clear_i,
    output logic ledger_valid_o,
    output ledger_t ledger_o,

    output logic [1:0] bubble_o,
    output logic busy_o
);

  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_eni: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  localparam int unsigned READERS = 4;
  // A memory has two entries at least.
  localparam int unsigned VPORT_BITS = ENIS_LOG2 == 0 ? 1 : ENIS_LOG2;
  localparam int unsigned PORTS = 2 ** VPORT_BITS;
  typedef logic [VPORT_BITS-1:0] vport_t;

  function automatic logic is_past(input logic [15:0] number);
    return (number >> ENIS_LOG2) != '0;
  endfunction

  // ---- Clear: wait until nothing is under way, then sweep every memory ----

  localparam int unsigned SETTLE_CYCLES = 16;
  logic clearing_q, sweep, sweeping_q, limits_ready;
  logic [4:0] settle_q;
  logic [1:0] ledger_memory_ready;
  vport_t sweep_q;

  assign sweep = clearing_q && settle_q == 5'd1;
  assign ready_o = !clearing_q && !sweeping_q && limits_ready && ledger_memory_ready == '1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clearing_q <= 1'b0;
      settle_q <= '0;
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else begin
      if (clear_i) begin
        clearing_q <= 1'b1;
        settle_q <= 5'(SETTLE_CYCLES);
      end else if (clearing_q) begin
        settle_q <= settle_q - 1'b1;
        clearing_q <= !sweep;
      end
      sweeping_q <= sweep || sweeping_q && sweep_q != '1;
      if (sweeping_q) sweep_q <= sweep_q + 1'b1;
    end
  end

  // ---- SET_ENI: the instance's limits, then the port's row ----

  typedef enum logic [2:0] {
    SET_IDLE,
    SET_CHECK,
    SET_LIMITS,
    SET_WRITE,
    SET_DONE
  } set_state_e;

  set_state_e set_state_q;
  eni_set_t set_q;
  eni_t set_eni;
  vport_t set_vport;
  logic set_ok_q, write_eni, limits_done, limits_busy, shape_ready;
  bucket_answer_t answer;

  assign set_vport = vport_t'(set_q.vport);

  always_comb begin
    set_eni = '0;
    if (write_eni) begin
      set_eni.enabled = set_q.flags.enabled;
      set_eni.limits.limited = set_q.limits.packets_per_second != '0 || set_q.limits.packet_burst != '0
          || set_q.limits.kilobits_per_second != '0 || set_q.limits.byte_burst != '0
          || set_q.limits.new_flows_per_second != '0 || set_q.limits.new_flow_burst != '0;
      set_eni.limits.instance_number = set_q.flags.instance_number;
      set_eni.slot_quota = set_q.limits.slot_quota;
      set_eni.punt_credit = set_q.limits.punt_credit;
    end
  end

  assign set_ready_o = set_state_q == SET_IDLE && ready_o;
  assign write_eni = set_state_q == SET_WRITE;
  assign set_done_o = set_state_q == SET_DONE;
  assign set_ok_o = set_ok_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) set_state_q <= SET_IDLE;
    else begin
      unique case (set_state_q)
        SET_IDLE: if (set_valid_i && set_ready_o) set_state_q <= SET_CHECK;
        SET_CHECK: set_state_q <= set_ok_q ? SET_LIMITS : SET_DONE;
        SET_LIMITS: if (limits_done) set_state_q <= SET_WRITE;
        SET_WRITE: set_state_q <= SET_DONE;
        default: set_state_q <= SET_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (set_state_q == SET_IDLE && set_valid_i) begin
      set_q <= set_i;
      set_ok_q <= !is_past(16'(set_i.flags.instance_number)) && !is_past(16'(set_i.vport));
    end
  end

  // ---- The ENI table: a copy for each reader ----

  for (genvar i = 0; i < READERS; i++) begin : gen_reader
    eni_t found, eni_q;
    logic past_q;

    weir_ram #(
        .value_t(eni_t),
        .ENTRIES(PORTS),
        .READ_LATENCY(1)
    ) u_enis (
        .clk_i,
        .write_i(write_eni || sweeping_q),
        .write_address_i(sweeping_q ? sweep_q : set_vport),
        .write_data_i(set_eni),
        .read_i(1'b1),
        .read_address_i(vport_t'(read_vport_i[i])),
        .read_data_o(found)
    );

    always_ff @(posedge clk_i) begin
      past_q <= is_past(16'(read_vport_i[i]));
      eni_q <= past_q ? '0 : found;
    end

    assign read_o[i] = eni_q;
  end

  // ---- Admission ----

  // What the frames need of the table.
  typedef struct packed {
    logic enabled;
    limits_t limits;
  } gate_t;

  typedef struct packed {
    logic known;
    logic asked;
    limits_t limits;
    meta_t meta;
  } waiting_t;

  localparam int unsigned INGRESS = 0;
  localparam int unsigned EGRESS = 1;
  logic police_valid;
  bucket_ask_t police;
  logic [1:0] meta_valid_q, waiting_busy, waited_valid, admitted_valid_q;
  admitted_t [1:0] admitted_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      meta_valid_q <= '0;
      admitted_valid_q <= '0;
    end else begin
      meta_valid_q <= meta_valid_i;
      admitted_valid_q <= waited_valid;
    end
  end

  for (genvar i = 0; i < 2; i++) begin : gen_direction
    waiting_t waiting, waited;
    meta_t meta_q;
    gate_t gate;
    logic known, asked;

    weir_ram #(
        .value_t(gate_t),
        .ENTRIES(PORTS),
        .READ_LATENCY(1)
    ) u_gates (
        .clk_i,
        .write_i(write_eni || sweeping_q),
        .write_address_i(sweeping_q ? sweep_q : set_vport),
        .write_data_i({set_eni.enabled, set_eni.limits}),
        .read_i(meta_valid_i[i]),
        .read_address_i(vport_t'(meta_i[i].vport)),
        .read_data_o(gate)
    );

    always_ff @(posedge clk_i) if (meta_valid_i[i]) meta_q <= meta_i[i];

    assign known = enable_i && ready_o && !is_past(meta_q.vport) && gate.enabled;
    assign asked = i == INGRESS && known && gate.limits.limited;

    always_comb begin
      waiting = '0;
      if (meta_valid_q[i]) waiting = '{known: known, asked: asked, limits: gate.limits, meta: meta_q};
    end

    weir_delay #(
        .item_t(waiting_t),
        .CYCLES(BUCKET_CYCLES)
    ) u_waiting (
        .clk_i,
        .rst_ni,
        .valid_i(meta_valid_q[i]),
        .data_i(waiting),
        .valid_o(waited_valid[i]),
        .data_o(waited),
        .busy_o(waiting_busy[i])
    );

    always_ff @(posedge clk_i) begin
      if (waited_valid[i]) begin
        admitted_q[i].known <= waited.known;
        admitted_q[i].policed <= waited.asked && !answer.admitted;
        admitted_q[i].limit <= answer.by_packets ? LIMIT_POLICED_PACKETS : LIMIT_POLICED_BITS;
        admitted_q[i].limits <= waited.limits;
        admitted_q[i].meta <= waited.meta;
      end
    end
  end

  assign admitted_valid_o = admitted_valid_q;
  assign admitted_o = admitted_q;

  // ---- Limits: they rest while nobody asks ----

  logic limits_clk;

  weir_rest #(
      .RESTS(RESTS)
  ) u_limits_rest (
      .clk_i(clk_root_i),
      .awake_i(awake_i || !ready_o || sweep || limits_busy || set_state_q != SET_IDLE || police_valid || shape_valid_i
          || flow_valid_i),
      .clk_o(limits_clk)
  );

  assign police_valid = meta_valid_q[INGRESS] && gen_direction[INGRESS].asked;

  always_comb begin
    police = '0;
    if (police_valid) begin
      police.limits = gen_direction[INGRESS].gate.limits;
      police.bytes = gen_direction[INGRESS].meta_q.l3_bytes;
      police.time_ns = gen_direction[INGRESS].meta_q.stamp.time_ns;
    end
  end

  weir_limits #(
      .ENIS_LOG2(ENIS_LOG2)
  ) u_limits (
      .clk_i(limits_clk),
      .rst_ni,
      .sweep_i(sweep),
      .ready_o(limits_ready),
      .police_valid_i(police_valid),
      .police_i(police),
      .shape_valid_i(shape_valid_i && ready_o),
      .shape_ready_o(shape_ready),
      .shape_i,
      .shape_valid_o,
      .answer_o(answer),
      .flow_valid_i(flow_valid_i && ready_o),
      .flow_limits_i,
      .flow_time_i,
      .flow_valid_o,
      .flow_admitted_o,
      .set_valid_i(set_state_q == SET_LIMITS),
      .set_i(set_q),
      .set_done_o(limits_done),
      .busy_o(limits_busy)
  );

  assign shape_ready_o = shape_ready && ready_o;
  assign shape_o = answer;

  // ---- Ledgers ----

  logic [1:0] end_ready, ledger_ready, ledger_valid, ledger_busy;

  for (genvar i = 0; i < 2; i++) begin : gen_ledger
    ledger_t ledger;
    logic clk;

    weir_rest #(
        .RESTS(RESTS)
    ) u_rest (
        .clk_i(clk_root_i),
        .awake_i(awake_i || !ready_o || sweep || ledger_busy[i] || judged_valid_i[i] || i == EGRESS && shaped_valid_i
            || end_valid_i && end_i.egress == 1'(i) || ledger_valid_i && ledger_egress_i == 1'(i)),
        .clk_o(clk)
    );

    weir_ledger #(
        .ENIS_LOG2(ENIS_LOG2)
    ) u_ledger (
        .clk_i(clk),
        .rst_ni,
        .sweep_i(sweep),
        .ready_o(ledger_memory_ready[i]),
        .judged_valid_i(judged_valid_i[i] && ready_o),
        .judged_i(judged_i[i]),
        .shaped_valid_i(i == EGRESS && shaped_valid_i && ready_o),
        .shaped_i,
        .end_valid_i(end_valid_i && end_i.egress == 1'(i) && ready_o),
        .end_ready_o(end_ready[i]),
        .end_i,
        .read_valid_i(ledger_valid_i && ledger_egress_i == 1'(i) && ready_o),
        .read_ready_o(ledger_ready[i]),
        .read_bank_i(ledger_bank_i),
        .read_vport_i(ledger_vport_i),
        .read_clear_i(ledger_clear_i),
        .read_valid_o(ledger_valid[i]),
        .read_o(ledger),
        .bubble_o(bubble_o[i]),
        .busy_o(ledger_busy[i])
    );
  end

  assign end_ready_o = ready_o && end_ready[end_i.egress];
  assign ledger_ready_o = ready_o && ledger_ready[ledger_egress_i];
  assign ledger_valid_o = ledger_valid != '0;

  // Nothing is shown but in the cycle of its answer.
  always_comb begin
    ledger_o = '0;
    if (ledger_valid[INGRESS]) ledger_o = gen_ledger[INGRESS].ledger;
    else if (ledger_valid[EGRESS]) ledger_o = gen_ledger[EGRESS].ledger;
  end


  assign busy_o = !ready_o || meta_valid_q != '0 || waiting_busy != '0 || admitted_valid_q != '0
      || set_state_q != SET_IDLE || limits_busy || ledger_busy != '0;

endmodule
