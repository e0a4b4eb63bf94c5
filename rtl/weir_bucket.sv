// Token buckets, one an entry, exact to a billionth of a token.
//
//   ask ─▶ [time of the last ask] ─▶ elapsed × rate ─▶ [level] ─▶ refill, compare ─▶ has_o
//              weir_rmw               three stages     weir_rmw ◀── take_i, in the same cycle
//
// Only the times decide how much comes in, and they are known before the level is: so the product is made
// ahead, and what must see the ask before it is an addition and a comparison. One ask a cycle, also of
// the same bucket. Levels and costs are in 10^-9 tokens; a rate of tokens a second is then one of levels
// a nanosecond. A rate of 0 is no limit: nothing changes.
//
// Timing: `judge_o` comes JUDGE_CYCLES after the ask, with `has_o`; the client says in the same cycle
// whether the tokens are taken. A load makes a bucket full.
// Model: TokenBucket in hw-model/src/eni.rs.
module weir_bucket #(
    // At least 2.
    parameter int unsigned ENTRIES = 16,
    parameter int unsigned RATE_BITS = 39,
    // The client's note, given back with the judgement.
    parameter type note_t = logic [0:0]
) (
    input logic clk_i,
    input logic rst_ni,

    input logic sweep_i,
    output logic ready_o,

    input logic valid_i,
    input logic load_i,
    input logic [$clog2(ENTRIES)-1:0] entry_i,
    input logic [RATE_BITS-1:0] rate_i,
    input logic [61:0] depth_i,
    input logic [46:0] cost_i,
    input logic [63:0] time_ns_i,
    input note_t note_i,

    output logic judge_o,
    output logic has_o,
    output note_t note_o,
    input logic take_i
);

  localparam int unsigned READ_LATENCY = 2;
  typedef logic [$clog2(ENTRIES)-1:0] entry_t;
  typedef logic [61:0] level_t;

  typedef struct packed {
    note_t note;
    logic load;
    logic free;
    logic [RATE_BITS-1:0] rate;
    level_t depth;
    logic [46:0] cost;
    logic [63:0] time_ns;
  } ask_t;

  // The time of the last ask, which never goes back.
  logic time_ready, level_ready;
  ask_t ask, timed;
  logic timed_valid, timed_load;
  entry_t timed_entry;
  logic [63:0] last_ns;

  assign ready_o = time_ready && level_ready;

  always_comb begin
    ask = '0;
    if (valid_i) begin
      ask.note = note_i;
      ask.load = load_i;
      ask.free = rate_i == '0;
      ask.rate = rate_i;
      ask.depth = depth_i;
      ask.cost = cost_i;
      ask.time_ns = time_ns_i;
    end
  end

  logic is_later;
  assign is_later = timed_valid && timed.time_ns > last_ns;

  weir_rmw #(
      .value_t(logic [63:0]),
      .operand_t(ask_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) u_times (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(time_ready),
      .valid_i,
      .extract_i(load_i),
      .address_i(entry_i),
      .operand_i(ask),
      .modify_valid_o(timed_valid),
      .modify_extract_o(timed_load),
      .modify_address_o(timed_entry),
      .modify_operand_o(timed),
      .modify_value_o(last_ns),
      .modify_value_i(is_later && !timed.free ? timed.time_ns : last_ns)
  );

  // What comes in: elapsed time, its product with the rate in two parts, the sum up to the depth.
  typedef struct packed {
    note_t note;
    logic load;
    logic free;
    level_t depth;
    level_t need;
    logic [46:0] cost;
    level_t gain;
  } refill_t;

  localparam int unsigned PART_BITS = 32 + RATE_BITS;
  logic [2:0] valid_q;
  entry_t [2:0] entry_q;
  logic load_q;
  ask_t elapsed_ask_q, parts_ask_q;
  logic [63:0] elapsed_q;
  logic [PART_BITS-1:0] low_q, high_q;
  refill_t refill_q;

  function automatic level_t gain_of(input logic [PART_BITS-1:0] low, input logic [PART_BITS-1:0] high,
                                     input level_t depth);
    logic [PART_BITS+31:0] sum;
    sum = {32'd0, low} + {high, 32'd0};
    return sum >= (PART_BITS + 32)'(depth) ? depth : level_t'(sum);
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[1:0], timed_valid};
  end

  always_ff @(posedge clk_i) begin
    if (timed_valid) begin
      elapsed_q <= is_later ? timed.time_ns - last_ns : '0;
      elapsed_ask_q <= timed;
      load_q <= timed_load;
      entry_q[0] <= timed_entry;
    end
    if (valid_q[0]) begin
      low_q <= PART_BITS'(elapsed_q[31:0]) * PART_BITS'(elapsed_ask_q.rate);
      high_q <= PART_BITS'(elapsed_q[63:32]) * PART_BITS'(elapsed_ask_q.rate);
      parts_ask_q <= elapsed_ask_q;
      parts_ask_q.load <= load_q;
      entry_q[1] <= entry_q[0];
    end
    if (valid_q[1]) begin
      refill_q.note <= parts_ask_q.note;
      refill_q.load <= parts_ask_q.load;
      refill_q.free <= parts_ask_q.free;
      refill_q.depth <= parts_ask_q.depth;
      refill_q.cost <= parts_ask_q.cost;
      // What is larger than the bucket is let through by a full one, or it never could be.
      refill_q.need <= level_t'(parts_ask_q.cost) > parts_ask_q.depth ? parts_ask_q.depth : level_t'(parts_ask_q.cost);
      refill_q.gain <= gain_of(low_q, high_q, parts_ask_q.depth);
      entry_q[2] <= entry_q[1];
    end
  end

  // The level.
  refill_t refill;
  level_t level, refilled, after;
  logic unused_extract;
  entry_t unused_entry;
  logic unused_times;

  logic judged, has;
  logic [62:0] sum;

  always_comb begin
    sum = '0;
    refilled = '0;
    has = 1'b0;
    if (judged) begin
      sum = {1'b0, level} + {1'b0, refill.gain};
      refilled = sum > {1'b0, refill.depth} ? refill.depth : sum[61:0];
      has = refill.free || refilled >= refill.need;
    end
  end

  assign has_o = has;

  // What is left; `take_i` may depend on `has_o`.
  always_comb begin
    after = '0;
    if (judged) begin
      after = level;
      if (refill.load) after = refill.depth;
      else if (!refill.free && !take_i) after = refilled;
      else if (!refill.free) after = refilled > level_t'(refill.cost) ? refilled - level_t'(refill.cost) : '0;
    end
  end

  weir_rmw #(
      .value_t(level_t),
      .operand_t(refill_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) u_levels (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(level_ready),
      .valid_i(valid_q[2]),
      .extract_i(1'b0),
      .address_i(entry_q[2]),
      .operand_i(refill_q),
      .modify_valid_o(judged),
      .modify_extract_o(unused_extract),
      .modify_address_o(unused_entry),
      .modify_operand_o(refill),
      .modify_value_o(level),
      .modify_value_i(after)
  );

  assign judge_o = judged && !refill.load;
  assign note_o = refill.note;
  assign unused_times = &{1'b0, timed.load, elapsed_ask_q.load, parts_ask_q.rate, parts_ask_q.time_ns,
      elapsed_ask_q.time_ns};

endmodule
