// What is proved of weir_bucket, for any one bucket and whatever is asked of the others:
//
//   burst    the level is never more than the depth
//   rate     from any moment on, what was taken and what is left is at most the depth and what came in since,
//            which is rate × time: so between any two moments no more is admitted than burst + rate × time
//   due      what a bucket has is admitted, what it has not is not: the judgement is that of the exact level
//
// A packet that is larger than the bucket takes all there is. Time that goes back brings nothing. Rate 0 is no
// limit, and not judged here.
//
// Assumed, as weir_limits has it: no sweep; tokens are only taken where they are; rate and depth of a bucket change only
// with a load. weir_rmw is weir_rmw_watched. Times, rates and depths are small, or the products are too much
// for the solver; what is done with each bit of them is the same.
module weir_bucket_formal #(
    parameter int unsigned ENTRIES = 2,
    parameter int unsigned RATE_BITS = 2,
    parameter int unsigned TIME_BITS = 3,
    parameter int unsigned LEVEL_BITS = 4
) (
    input logic clk_i,
    input logic rst_ni,
    input logic sweep_i,
    input logic valid_i,
    input logic load_i,
    input logic [$clog2(ENTRIES)-1:0] entry_i,
    input logic [RATE_BITS-1:0] rate_i,
    input logic [LEVEL_BITS-1:0] depth_i,
    input logic [LEVEL_BITS-1:0] cost_i,
    input logic [TIME_BITS-1:0] time_ns_i,
    input logic take_i,
    // One bucket, whichever: it stays.
    input logic [$clog2(ENTRIES)-1:0] bucket_i,
    // Start to reckon anew.
    input logic anew_i
);

  // Ask to judgement.
  localparam int unsigned JUDGE_CYCLES = 7;
  // Wide enough for what comes in: no sum of the proof overflows before the run is over.
  localparam int unsigned SUM_BITS = 12;
  typedef logic [SUM_BITS-1:0] sum_t;

  logic ready, judge, has, note;

  weir_bucket #(
      .ENTRIES(ENTRIES),
      .RATE_BITS(RATE_BITS)
  ) dut (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(ready),
      .valid_i,
      .load_i,
      .entry_i,
      .rate_i,
      .depth_i(62'(depth_i)),
      .cost_i(47'(cost_i)),
      .time_ns_i(64'(time_ns_i)),
      .note_i(valid_i && entry_i == bucket_i),
      .judge_o(judge),
      .has_o(has),
      .note_o(note),
      .take_i
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  logic [$clog2(ENTRIES)-1:0] bucket_q;
  always_ff @(posedge clk_i) bucket_q <= bucket_i;

  // What the bucket was set to.
  logic [RATE_BITS-1:0] rate_q = '0;
  logic [LEVEL_BITS-1:0] depth_q = '0;
  // When it was asked last.
  logic [TIME_BITS-1:0] last_q = '0;
  logic here;

  assign here = valid_i && ready && rst_ni && entry_i == bucket_i;

  // The memory of times is two cycles behind.
  logic [1:0][TIME_BITS-1:0] last_before_q = '0;
  always_ff @(posedge clk_i) last_before_q <= {last_before_q[0], last_q};

  always_ff @(posedge clk_i) begin
    if (here) begin
      rate_q <= rate_i;
      depth_q <= depth_i;
      if (load_i) last_q <= '0;
      else if (rate_i != '0 && time_ns_i > last_q) last_q <= time_ns_i;
    end
  end

  // What is asked of the bucket, on its way to be judged.
  typedef logic [RATE_BITS+TIME_BITS-1:0] income_t;
  typedef struct packed {
    logic valid;
    logic load;
    logic free;
    logic [LEVEL_BITS-1:0] depth;
    logic [LEVEL_BITS-1:0] cost;
    income_t income;
  } ask_t;

  ask_t ask;
  ask_t [JUDGE_CYCLES-1:0] ask_q = '0;
  ask_t now;

  always_comb begin
    ask = '0;
    if (here) begin
      ask.valid = 1'b1;
      ask.load = load_i;
      ask.free = rate_i == '0;
      ask.depth = depth_i;
      ask.cost = cost_i;
      if (time_ns_i > last_q) ask.income = income_t'(rate_i) * income_t'(time_ns_i - last_q);
    end
  end

  always_ff @(posedge clk_i) ask_q <= {ask_q[JUDGE_CYCLES-2:0], ask};
  assign now = ask_q[JUDGE_CYCLES-1];

  // The exact level, and since `anew_i` what came in and what was taken.
  sum_t level_q = '0;
  sum_t income_q = '0;
  sum_t taken_q = '0;
  sum_t filled, need, takes;

  always_comb begin
    filled = level_q + sum_t'(now.income);
    if (filled > sum_t'(now.depth)) filled = sum_t'(now.depth);
    need = now.cost > now.depth ? sum_t'(now.depth) : sum_t'(now.cost);
    takes = '0;
    if (now.valid && !now.load && !now.free && take_i) takes = need;
  end

  always_ff @(posedge clk_i) begin
    if (now.valid && now.load) level_q <= sum_t'(now.depth);
    else if (now.valid && !now.free) level_q <= filled - takes;
    if (anew_i || now.valid && (now.load || now.free)) begin
      income_q <= '0;
      taken_q <= '0;
    end else if (now.valid) begin
      income_q <= income_q + sum_t'(now.income);
      taken_q <= taken_q + takes;
    end
  end

  // What the bucket is set to as far as the judgements have come, and that it changes with a load only.
  logic [LEVEL_BITS-1:0] judged_depth_q = '0;
  always_ff @(posedge clk_i) if (now.valid) judged_depth_q <= now.depth;

  logic same_depth;
  logic [LEVEL_BITS-1:0] depth_then;

  always_comb begin
    same_depth = 1'b1;
    depth_then = judged_depth_q;
    for (int i = JUDGE_CYCLES - 1; i >= 0; i--) begin
      if (ask_q[i].valid) begin
        if (!ask_q[i].load && ask_q[i].depth != depth_then) same_depth = 1'b0;
        depth_then = ask_q[i].depth;
      end
    end
  end

  always_comb begin
    assume (rst_ni == !first_q);
    assume (first_q || bucket_i == bucket_q);
    assume (dut.u_times.watched == bucket_i && dut.u_levels.watched == bucket_i);
    assume (!sweep_i);
    assume (!take_i || has);
    assume (!here || load_i || (rate_i == rate_q && depth_i == depth_q));
    // No reckoning is longer than the proof's sums are wide.
    assume (!income_q[SUM_BITS-1] && !taken_q[SUM_BITS-1]);

    if (rst_ni) begin
      in_turn : assert (!now.valid || now.load || (judge && note));
      exact : assert (dut.u_levels.entry_q == 62'(level_q));
      due : assert (!now.valid || now.load || has == (now.free || filled >= need));
      burst : assert (level_q <= sum_t'(judged_depth_q));
      rate : assert (level_q + taken_q <= sum_t'(judged_depth_q) + income_q);
      no_sweep : assert (ready);
      set : assert (same_depth && depth_then == depth_q);
      last : assert (dut.u_times.entry_q == 64'(last_before_q[1]));
    end
  end

endmodule
