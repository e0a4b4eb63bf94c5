// The limits that the ENIs of an instance share: packets, bytes and new flows a second.
//
//   police_i, shape_i ─▶ [rates] ─▶ packet bucket and byte bucket, together ─▶ answer_o
//   flow_i ────────────▶ [rate] ──▶ new-flow bucket ─▶ flow_valid_o
//   set_i ─▶ the same as before? ─▶ new rates, full buckets
//
// Both buckets are asked at once and taken at once: what the one has not, the other keeps. The policer goes
// first and never waits; the shaper waits for it. An instance's buckets serve both directions, but for
// those of bytes, of which there is one a direction unless the limit holds for the sum.
//
// Timing: BUCKET_CYCLES from a question to its answer, in order; about six cycles for a set.
// Model: Instance in hw-model/src/eni.rs.
module weir_limits
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Instances, as a power of two: 0 to 12.
    parameter int unsigned ENIS_LOG2 = 12
) (
    input logic clk_i,
    input logic rst_ni,

    // Empties everything; nothing may be under way.
    input logic sweep_i,
    output logic ready_o,

    input logic police_valid_i,
    input bucket_ask_t police_i,
    input logic shape_valid_i,
    output logic shape_ready_o,
    input bucket_ask_t shape_i,
    output logic shape_valid_o,
    // The policer's, BUCKET_CYCLES after it has asked, or the shaper's.
    output bucket_answer_t answer_o,

    input logic flow_valid_i,
    input limits_t flow_limits_i,
    input logic [63:0] flow_time_i,
    output logic flow_valid_o,
    output logic flow_admitted_o,

    // The instance exists. `set_i` holds still until `set_done_o`.
    input logic set_valid_i,
    input eni_set_t set_i,
    output logic set_done_o,

    output logic busy_o
);

  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_limits: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  localparam int unsigned UNIT = 1000000000;
  localparam int unsigned RATE_BITS = 39;
  // A memory has two entries at least.
  localparam int unsigned INSTANCE_BITS = ENIS_LOG2 == 0 ? 1 : ENIS_LOG2;
  localparam int unsigned INSTANCES = 2 ** INSTANCE_BITS;
  typedef logic [INSTANCE_BITS-1:0] instance_t;

  // What an instance was set to.
  typedef struct packed {
    logic bits_summed;
    logic [31:0] new_flow_burst;
    logic [31:0] new_flows_per_second;
    logic [31:0] byte_burst;
    logic [31:0] kilobits_per_second;
    logic [31:0] packet_burst;
    logic [31:0] packets_per_second;
  } shared_t;

  // The same as the buckets want it.
  typedef struct packed {
    logic [61:0] depth;
    logic [RATE_BITS-1:0] rate;
  } rate_t;
  typedef struct packed {
    logic bits_summed;
    rate_t bytes;
    rate_t packets;
  } rates_t;

  // ---- Sweep ----

  logic sweeping_q, packets_ready, bytes_ready, flows_ready;
  instance_t sweep_q;

  assign ready_o = !sweeping_q && packets_ready && bytes_ready && flows_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else begin
      sweeping_q <= sweep_i || sweeping_q && sweep_q != '1;
      if (sweeping_q) sweep_q <= sweep_q + 1'b1;
    end
  end

  // ---- Set ----

  typedef enum logic [2:0] {
    SET_IDLE,
    SET_READ,
    SET_COMPARE,
    SET_WRITE,
    SET_LOAD,
    SET_DONE
  } set_state_e;

  set_state_e set_q;
  shared_t shared, before_q, memory_shared;
  rates_t set_rates_q;
  rate_t set_flow_rate_q;
  instance_t set_instance;
  logic differs_q, writes, load_take, load_egress_q;
  logic unused_set;

  function automatic logic [61:0] depth_of(input logic [31:0] burst);
    if (burst == '0) return 62'(UNIT);
    return 62'(burst) * 62'(UNIT);
  endfunction

  assign set_instance = instance_t'(set_i.flags.instance_number);

  always_comb begin
    shared = '0;
    if (set_q != SET_IDLE) begin
      shared.bits_summed = set_i.flags.bits_summed;
      shared.new_flow_burst = set_i.limits.new_flow_burst;
      shared.new_flows_per_second = set_i.limits.new_flows_per_second;
      shared.byte_burst = set_i.limits.byte_burst;
      shared.kilobits_per_second = set_i.limits.kilobits_per_second;
      shared.packet_burst = set_i.limits.packet_burst;
      shared.packets_per_second = set_i.limits.packets_per_second;
    end
  end

  assign writes = set_q == SET_WRITE && differs_q;
  assign load_take = set_q == SET_LOAD && !police_valid_i;
  assign set_done_o = set_q == SET_DONE;
  assign unused_set = &{1'b0, set_i};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) set_q <= SET_IDLE;
    else begin
      unique case (set_q)
        SET_IDLE: if (set_valid_i) set_q <= SET_READ;
        SET_READ: set_q <= SET_COMPARE;
        SET_COMPARE: set_q <= SET_WRITE;
        SET_WRITE: set_q <= differs_q ? SET_LOAD : SET_DONE;
        SET_LOAD: if (load_take && load_egress_q) set_q <= SET_DONE;
        default: set_q <= SET_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (set_q == SET_READ) begin
      before_q <= memory_shared;
      set_rates_q.bits_summed <= shared.bits_summed;
      set_rates_q.packets.rate <= RATE_BITS'(shared.packets_per_second);
      set_rates_q.packets.depth <= depth_of(shared.packet_burst);
      set_rates_q.bytes.rate <= RATE_BITS'(shared.kilobits_per_second) * RATE_BITS'(125);
      set_rates_q.bytes.depth <= depth_of(shared.byte_burst);
      set_flow_rate_q.rate <= RATE_BITS'(shared.new_flows_per_second);
      set_flow_rate_q.depth <= depth_of(shared.new_flow_burst);
    end
    if (set_q == SET_COMPARE) differs_q <= shared != before_q;
    if (set_q == SET_IDLE) load_egress_q <= 1'b0;
    else if (load_take) load_egress_q <= 1'b1;
  end

  weir_ram #(
      .value_t(shared_t),
      .ENTRIES(INSTANCES),
      .READ_LATENCY(1)
  ) u_shared (
      .clk_i,
      .write_i(writes || sweeping_q),
      .write_address_i(sweeping_q ? sweep_q : set_instance),
      .write_data_i(sweeping_q ? '0 : shared),
      .read_i(set_valid_i),
      .read_address_i(set_instance),
      .read_data_o(memory_shared)
  );

  // ---- Packets and bytes ----

  bucket_ask_t ask, ask_q;
  logic ask_take, asked_q, police_q, loading_q, load_of_egress_q;
  rates_t memory_rates, rates;
  instance_t ask_instance;
  logic bytes_egress, packets_judge, packets_has, bytes_has, take, judged_police;
  logic unused_bytes_judge, unused_bytes_note, unused_ask;

  always_comb begin
    ask = '0;
    if (police_valid_i) ask = police_i;
    else if (shape_valid_i) ask = shape_i;
  end

  assign shape_ready_o = ready_o && !police_valid_i && set_q != SET_LOAD;
  assign ask_take = police_valid_i || shape_valid_i && shape_ready_o;
  assign unused_ask = &{1'b0, ask, ask_q, flow_limits_i};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q <= 1'b0;
      loading_q <= 1'b0;
    end else begin
      asked_q <= ask_take;
      loading_q <= load_take;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ask_take) begin
      ask_q <= ask;
      police_q <= police_valid_i;
    end
    if (load_take) load_of_egress_q <= load_egress_q;
  end

  weir_ram #(
      .value_t(rates_t),
      .ENTRIES(INSTANCES),
      .READ_LATENCY(1)
  ) u_rates (
      .clk_i,
      .write_i(writes || sweeping_q),
      .write_address_i(sweeping_q ? sweep_q : set_instance),
      .write_data_i(sweeping_q ? '0 : set_rates_q),
      .read_i(ask_take),
      .read_address_i(instance_t'(ask.limits.instance_number)),
      .read_data_o(memory_rates)
  );

  always_comb begin
    rates = '0;
    if (loading_q) rates = set_rates_q;
    else if (asked_q) rates = memory_rates;
  end

  assign ask_instance = loading_q ? set_instance : instance_t'(ask_q.limits.instance_number);
  // Both byte buckets are loaded, one after the other.
  assign bytes_egress = loading_q ? load_of_egress_q : ask_q.egress && !rates.bits_summed;
  assign take = packets_has && bytes_has;

  weir_bucket #(
      .ENTRIES(INSTANCES),
      .RATE_BITS(RATE_BITS)
  ) u_packets (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(packets_ready),
      .valid_i(asked_q || loading_q && !load_of_egress_q),
      .load_i(loading_q),
      .entry_i(ask_instance),
      .rate_i(rates.packets.rate),
      .depth_i(rates.packets.depth),
      .cost_i(47'(UNIT)),
      .time_ns_i(ask_q.time_ns),
      .note_i(police_q),
      .judge_o(packets_judge),
      .has_o(packets_has),
      .note_o(judged_police),
      .take_i(take)
  );

  weir_bucket #(
      .ENTRIES(2 * INSTANCES),
      .RATE_BITS(RATE_BITS)
  ) u_bytes (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(bytes_ready),
      .valid_i(asked_q || loading_q),
      .load_i(loading_q),
      .entry_i({ask_instance, bytes_egress}),
      .rate_i(rates.bytes.rate),
      .depth_i(rates.bytes.depth),
      .cost_i(47'(ask_q.bytes) * 47'(UNIT)),
      .time_ns_i(ask_q.time_ns),
      .note_i(1'b0),
      .judge_o(unused_bytes_judge),
      .has_o(bytes_has),
      .note_o(unused_bytes_note),
      .take_i(take)
  );

  logic shape_valid_q;
  bucket_answer_t answer_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) shape_valid_q <= 1'b0;
    else shape_valid_q <= packets_judge && !judged_police;
  end

  always_ff @(posedge clk_i) begin
    if (packets_judge) answer_q <= '{admitted: take, by_packets: !packets_has};
  end

  assign shape_valid_o = shape_valid_q;
  assign answer_o = answer_q;

  // ---- New flows ----

  logic flow_q, flow_load, flow_judge, flow_has, unused_flow_note, flow_valid_q, flow_admitted_q;
  instance_t flow_instance_q;
  logic [63:0] flow_time_q;
  rate_t memory_flow_rate, flow_rate;

  assign flow_load = loading_q && load_of_egress_q && !flow_q;

  always_comb begin
    flow_rate = '0;
    if (flow_load) flow_rate = set_flow_rate_q;
    else if (flow_q) flow_rate = memory_flow_rate;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      flow_q <= 1'b0;
      flow_valid_q <= 1'b0;
    end else begin
      flow_q <= flow_valid_i;
      flow_valid_q <= flow_judge;
    end
  end

  always_ff @(posedge clk_i) begin
    if (flow_valid_i) begin
      flow_instance_q <= instance_t'(flow_limits_i.instance_number);
      flow_time_q <= flow_time_i;
    end
    if (flow_judge) flow_admitted_q <= flow_has;
  end

  weir_ram #(
      .value_t(rate_t),
      .ENTRIES(INSTANCES),
      .READ_LATENCY(1)
  ) u_flow_rates (
      .clk_i,
      .write_i(writes || sweeping_q),
      .write_address_i(sweeping_q ? sweep_q : set_instance),
      .write_data_i(sweeping_q ? '0 : set_flow_rate_q),
      .read_i(flow_valid_i),
      .read_address_i(instance_t'(flow_limits_i.instance_number)),
      .read_data_o(memory_flow_rate)
  );

  weir_bucket #(
      .ENTRIES(INSTANCES),
      .RATE_BITS(RATE_BITS)
  ) u_flows (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(flows_ready),
      .valid_i(flow_q || flow_load),
      .load_i(flow_load),
      .entry_i(flow_load ? set_instance : flow_instance_q),
      .rate_i(flow_rate.rate),
      .depth_i(flow_rate.depth),
      .cost_i(47'(UNIT)),
      .time_ns_i(flow_time_q),
      .note_i(1'b0),
      .judge_o(flow_judge),
      .has_o(flow_has),
      .note_o(unused_flow_note),
      .take_i(flow_has)
  );

  assign flow_valid_o = flow_valid_q;
  assign flow_admitted_o = flow_admitted_q;

  // What came in the last cycles is still on its way.
  logic [BUCKET_CYCLES:0] recent_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) recent_q <= '0;
    else recent_q <= {recent_q[BUCKET_CYCLES-1:0], ask_take || load_take || flow_valid_i};
  end

  assign busy_o = recent_q != '0 || set_q != SET_IDLE || !ready_o;

endmodule
