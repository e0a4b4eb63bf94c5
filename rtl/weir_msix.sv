// MSI-X: masking, and the moderation timer that lets the host sleep through a burst.
//
//   post_i ─▶ waiting, due ── now >= due ─▶ fire ─┬─ masked ─▶ pending ── unmasked ─┐
//                                                 └─ not masked ────────────────────┴─▶ requests ─▶ msix
//
// The first post starts the timer; one that is `now` brings it forward. When it is due, everything that waits
// is raised at once. What the host's work makes in one go shall be raised in one go, as it is in the model:
// so a fire waits until that work has settled, but HOLD_CYCLES at most, and fires are GAP_CYCLES
// apart, or a ring that is crowded would fire for each entry.
//
// Timing: `due_ns_o` shows a post in the next cycle. A fire comes SETTLED_CYCLES after the time has come and
// the work has settled. Requests go out one a cycle, lowest vector first.
// Model: hw-model/src/msix.rs.
module weir_msix
  import weir_pkg::*;
#(
    parameter int unsigned SOURCES = 4
) (
    input logic clk_i,
    input logic rst_ni,

    input post_t [SOURCES-1:0] post_i,
    input logic [63:0] now_ns_i,
    // Nothing of the host's is being worked on: no drain, command or inject moves.
    input logic settled_i,

    input logic mask_valid_i,
    input logic [31:0] mask_i,
    output logic [31:0] mask_o,
    output logic [31:0] pending_o,

    // All ones if nothing waits.
    output logic [63:0] due_ns_o,
    // What waits is raised, masked or not.
    output logic fire_o,

    output logic msix_valid_o,
    input logic msix_ready_i,
    output logic [4:0] msix_vector_o,

    input logic clear_i,
    output logic busy_o
);

  if (SOURCES < 1) begin : gen_bad_sources
    $error("weir_msix: SOURCES is %0d, expected at least 1", SOURCES);
  end

  localparam int unsigned SETTLED_CYCLES = 8;
  localparam int unsigned GAP_CYCLES = 256;
  localparam int unsigned HOLD_CYCLES = 16384;

  // What is posted in this cycle: the first that starts the timer, and the earliest that is `now`.
  logic starts, hurries, posts;
  logic [31:0] posted;
  logic [63:0] start_ns, hurry_ns;

  always_comb begin
    starts = 1'b0;
    hurries = 1'b0;
    posted = '0;
    start_ns = '0;
    hurry_ns = '1;
    for (int unsigned i = 0; i < SOURCES; i++) begin
      if (post_i[i].valid) begin
        posted[post_i[i].vector_number[4:0]] = 1'b1;
        if (post_i[i].now) begin
          hurries = 1'b1;
          if (post_i[i].time_ns < hurry_ns) hurry_ns = post_i[i].time_ns;
        end else begin
          if (!starts) start_ns = post_i[i].time_ns + 64'(INTERRUPT_MODERATION_NS);
          starts = 1'b1;
        end
      end
    end
    posts = starts || hurries;
  end

  // The timer.
  logic running_q, fire;
  logic [31:0] waiting_q;
  logic [63:0] due_q, due_before;

  // A fire takes what waited before this cycle; what is posted in it starts anew.
  assign due_before = running_q && !fire ? due_q : starts ? start_ns : '1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      running_q <= 1'b0;
      waiting_q <= '0;
      due_q <= '1;
    end else begin
      running_q <= (running_q && !fire) || posts;
      waiting_q <= (fire ? '0 : waiting_q) | posted;
      if (posts || fire) due_q <= hurries && hurry_ns < due_before ? hurry_ns : due_before;
    end
  end

  assign due_ns_o = due_q;

  // When to fire.
  logic due;
  logic [$clog2(SETTLED_CYCLES):0] settled_q;
  logic [$clog2(GAP_CYCLES):0] gap_q;
  logic [$clog2(HOLD_CYCLES):0] hold_q;
  logic has_settled, has_held, has_gap;

  assign due = running_q && now_ns_i >= due_q;
  assign has_settled = settled_q[$clog2(SETTLED_CYCLES)];
  assign has_gap = gap_q[$clog2(GAP_CYCLES)];
  assign has_held = hold_q[$clog2(HOLD_CYCLES)];
  assign fire = due && has_gap && (has_settled || has_held);
  assign fire_o = fire && !clear_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      settled_q <= '0;
      hold_q <= '0;
      gap_q <= ($clog2(GAP_CYCLES) + 1)'(GAP_CYCLES);
    end else begin
      if (!due || fire || !settled_i) settled_q <= '0;
      else if (!has_settled) settled_q <= settled_q + 1'b1;
      if (!due || fire) hold_q <= '0;
      else if (!has_held) hold_q <= hold_q + 1'b1;
      if (fire) gap_q <= '0;
      else if (!has_gap) gap_q <= gap_q + 1'b1;
    end
  end

  // Masking.
  logic [31:0] mask_q, mask_d, pending_q, requests_q, raised, fired;

  assign mask_d = mask_valid_i ? mask_i : mask_q;
  assign fired = fire ? waiting_q : '0;
  assign raised = (pending_q | fired) & ~mask_d;

  // Requests: one is out, and keeps its vector until it is taken.
  logic out_valid_q, out_free;
  logic [4:0] out_q, lowest;
  logic [31:0] out_bit;

  assign out_free = !out_valid_q || msix_ready_i;

  always_comb begin
    lowest = '0;
    for (int i = 31; i >= 0; i--) if (requests_q[i]) lowest = 5'(i);
    out_bit = '0;
    out_bit[lowest] = out_free;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      mask_q <= '0;
      pending_q <= '0;
      requests_q <= '0;
      out_valid_q <= 1'b0;
    end else begin
      mask_q <= mask_d;
      pending_q <= (pending_q | fired) & mask_d;
      requests_q <= (requests_q & ~out_bit) | raised;
      if (out_free) out_valid_q <= requests_q != '0;
    end
    if (out_free) out_q <= lowest;
  end

  assign mask_o = mask_q;
  assign pending_o = pending_q;
  assign msix_valid_o = out_valid_q;
  assign msix_vector_o = out_q;
  assign busy_o = due || requests_q != '0 || out_valid_q;

  logic unused;

  always_comb begin
    unused = 1'b0;
    for (int unsigned i = 0; i < SOURCES; i++) unused &= |post_i[i].vector_number[7:5];
  end

endmodule
