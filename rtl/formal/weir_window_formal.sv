// What is proved of weir_window, whatever the host does with time, windows and resets:
//
//   stamp     a frame belongs to the window whose number its stamp has; any one frame, chosen freely, and what of
//             it went to punt, is counted in that window's bank until it has left
//   drain     a window is shown to be drained only when every frame that was stamped with it has left, and until that
//             drain is over none is stamped with its bank: every hit is in the one bank or the other, never
//             in one that is being emptied
//   one each  windows are numbered one by one, each that ends is drained once; the next does not end before
//   gapless   a window ends where the next begins, and not before it began
//
// Assumed: what leaves was inside, with the bank that it was stamped with; what goes to punt is inside; no more
// is inside than the counters hold (the buffers hold some thousand).
module weir_window_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic clear_i,
    input logic [63:0] time_ns_i,
    input logic set_valid_i,
    input logic [63:0] set_ns_i,
    input logic seconds_valid_i,
    input logic [9:0] seconds_i,
    input logic enable_i,
    input logic close_i,
    input logic [2:0] enter_i,
    input logic [1:0] punt_enter_i,
    input logic [1:0] punt_enter_bank_i,
    input logic [3:0] leave_i,
    input logic [3:0] leave_bank_i,
    input logic drain_ready_i,
    // Choose the frame that enters first in this cycle, if none was chosen yet; it, and its copy, leave.
    input logic choose_i,
    input logic copies_i,
    input logic leaves_i,
    input logic copy_leaves_i
);

  logic busy, announce, drain_valid;
  logic [63:0] now, start, boundary;
  logic [1:0][63:0] base;
  logic [31:0] overruns;
  stamp_t stamp;
  drain_t drain;

  weir_window dut (
      .clk_i,
      .rst_ni,
      .clear_i,
      .busy_o(busy),
      .time_ns_i,
      .set_valid_i,
      .set_ns_i,
      .seconds_valid_i,
      .seconds_i,
      .enable_i,
      .close_i,
      .now_ns_o(now),
      .stamp_o(stamp),
      .start_ns_o(start),
      .tick_base_ns_o(base),
      .boundary_ns_o(boundary),
      .overruns_o(overruns),
      .enter_i,
      .punt_enter_i,
      .punt_enter_bank_i,
      .leave_i,
      .leave_bank_i,
      .punt_producer_i('0),
      .announce_o(announce),
      .drain_valid_o(drain_valid),
      .drain_ready_i,
      .drain_o(drain)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  // Frames and copies inside, of each bank.
  localparam int unsigned COUNT_BITS = 16;
  typedef logic [COUNT_BITS-1:0] count_t;
  count_t [1:0] inside_q = '0;
  count_t [1:0] copied, leaving, inside_then;

  always_comb begin
    copied = '0;
    leaving = '0;
    inside_then = inside_q;
    for (int unsigned i = 0; i < 3; i++) inside_then[stamp.window[0]] += count_t'(enter_i[i]);
    for (int unsigned i = 0; i < 2; i++) inside_then[punt_enter_bank_i[i]] += count_t'(punt_enter_i[i]);
    for (int unsigned i = 0; i < 4; i++) inside_then[leave_bank_i[i]] -= count_t'(leave_i[i]);
    for (int unsigned i = 0; i < 2; i++) copied[punt_enter_bank_i[i]] += count_t'(punt_enter_i[i]);
    for (int unsigned i = 0; i < 4; i++) leaving[leave_bank_i[i]] += count_t'(leave_i[i]);
  end

  // The chosen frame, and what of it is at punt.
  logic chosen_q = 1'b0;
  logic frame_q = 1'b0;
  logic copy_q = 1'b0;
  logic [15:0] window_q = '0;
  logic bank, enters, copies, leaves, copy_leaves;
  count_t present, goes;

  assign bank = window_q[0];
  assign enters = rst_ni && choose_i && !chosen_q && enter_i != '0;
  assign copies = rst_ni && frame_q && !copy_q && copies_i && copied[bank] != '0;
  assign leaves = rst_ni && frame_q && leaves_i && leaving[bank] != '0;
  assign copy_leaves = rst_ni && copy_q && copy_leaves_i && leaving[bank] > count_t'(leaves);
  assign present = count_t'(frame_q) + count_t'(copy_q);
  assign goes = count_t'(leaves) + count_t'(copy_leaves);

  // Whether the window that it was stamped with may still be told from later ones with its number.
  logic cleared_q = 1'b0;

  always_ff @(posedge clk_i) begin
    if (rst_ni) inside_q <= inside_then;
    if (enters) begin
      chosen_q <= 1'b1;
      frame_q <= 1'b1;
      window_q <= stamp.window;
    end else if (leaves) frame_q <= 1'b0;
    if (copies) copy_q <= 1'b1;
    else if (copy_leaves) copy_q <= 1'b0;
  end

  // Windows that have ended and wait to be drained, in numbers: one at most.
  logic waits_q = 1'b0;
  logic [15:0] ended_q = '0;
  logic [15:0] number_q = '0;
  logic [63:0] start_q = '0;
  logic cleared, turned, aligned_q;

  assign cleared = !rst_ni || clear_i;
  assign turned = dut.rotates;

  always_ff @(posedge clk_i) begin
    number_q <= stamp.window;
    start_q <= start;
    cleared_q <= cleared;
    aligned_q <= dut.answered && dut.ask_q.align;
    if (cleared) waits_q <= 1'b0;
    else if (turned) begin
      waits_q <= 1'b1;
      ended_q <= stamp.window;
    end else if (drain_valid && drain_ready_i) waits_q <= 1'b0;
  end

  logic turned_q = 1'b0;
  always_ff @(posedge clk_i) turned_q <= rst_ni && turned;

  always_comb begin
    assume (rst_ni == !first_q);
    for (int unsigned i = 0; i < 2; i++) begin
      assume (leaving[i] <= inside_q[i]);
      assume (copied[i] == '0 || inside_q[i] != '0);
      assume (!inside_q[i][COUNT_BITS-1]);
    end
    // Others leave besides the chosen one.
    assume (leaving[bank] - goes <= inside_q[bank] - present);

    if (rst_ni) begin
      counted : assert (dut.inside_q == inside_q);
      present_counts : assert (present <= inside_q[bank]);
      chosen : assert (chosen_q || present == '0);
      if (drain_valid) begin
        all_have_left : assert (inside_q[drain.number[0]] == '0);
        it_has_left : assert (!(frame_q || copy_q) || bank != drain.number[0]);
      end
      drained_once : assert (dut.draining_q == waits_q && (!drain_valid || waits_q));
      the_one_that_ended : assert (!waits_q || dut.ended_number_q == ended_q);
      bank_is_free : assert (!waits_q || stamp.window == ended_q + 16'd1);
      not_while_it_drains : assert (!(turned && waits_q));
      if (!cleared_q) begin
        one_by_one : assert (stamp.window == (turned_q ? number_q + 16'd1 : number_q));
        if (turned_q) gapless : assert (start == dut.ended_end_q && dut.ended_start_q == start_q && start >= start_q);
        if (!turned_q && !aligned_q) holds : assert (start == start_q);
      end
    end
  end

endmodule
