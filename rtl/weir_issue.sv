// Whose turn it is in the pipeline: a frame, a retry, or a command's operation.
//
//   frames ──▶ ┐
//   retries ─▶ ├─▶ one a cycle ─▶ item_o, and the tick base of its bank
//   ops ─────▶ ┘
//
// Frames go first, then retries, then operations; but what has waited for long goes before everything, so
// that a full wire cannot keep the host out. A cycle that `bubble_i` asks for stays empty. While the
// tables are swept only frames go: they are not known then, and change nothing.
//
// Timing: one cycle from handshake to `item_o`.
// Model: none. There everything waits for everything.
module weir_issue
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,

    input logic [1:0][63:0] tick_base_ns_i,
    // No item in the next cycle.
    input logic bubble_i,
    // The tables are clean.
    input logic tables_ready_i,

    input logic frame_valid_i,
    output logic frame_ready_o,
    input admitted_t frame_i,
    // A frame was there and its cycle went to another, or to nobody.
    output logic frame_waits_o,

    input logic retry_valid_i,
    output logic retry_ready_o,
    input item_t retry_i,

    input logic op_valid_i,
    output logic op_ready_o,
    input item_t op_i,

    output logic valid_o,
    output item_t item_o,
    // The answer is inject's.
    output logic is_retry_o,
    output logic [63:0] base_ns_o
);

  // Cycles that a retry or an operation waits at most for frames.
  localparam int unsigned PATIENCE_CYCLES = 16;
  typedef logic [$clog2(PATIENCE_CYCLES):0] patience_t;

  patience_t retry_waited_q, op_waited_q;
  logic retry_due, op_due;

  assign retry_due = retry_valid_i && retry_waited_q == patience_t'(PATIENCE_CYCLES);
  assign op_due = op_valid_i && op_waited_q == patience_t'(PATIENCE_CYCLES);

  always_comb begin
    frame_ready_o = 1'b0;
    retry_ready_o = 1'b0;
    op_ready_o = 1'b0;
    if (!bubble_i) begin
      if (tables_ready_i && retry_due) retry_ready_o = 1'b1;
      else if (tables_ready_i && op_due) op_ready_o = 1'b1;
      else if (frame_valid_i || !tables_ready_i) frame_ready_o = 1'b1;
      else if (retry_valid_i) retry_ready_o = 1'b1;
      else op_ready_o = 1'b1;
    end
  end

  logic take_frame, take_retry, take_op, valid_q, is_retry_q, bank;
  item_t item_q;
  logic [63:0] base_ns_q;

  assign frame_waits_o = frame_valid_i && !frame_ready_o;
  assign take_frame = frame_valid_i && frame_ready_o;
  assign take_retry = retry_valid_i && retry_ready_o;
  assign take_op = op_valid_i && op_ready_o;

  always_comb begin
    bank = op_i.packet.meta.stamp.window[0];
    if (take_retry) bank = retry_i.packet.meta.stamp.window[0];
    if (take_frame) bank = frame_i.meta.stamp.window[0];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      retry_waited_q <= '0;
      op_waited_q <= '0;
    end else begin
      valid_q <= take_frame || take_retry || take_op;
      if (!retry_valid_i || retry_ready_o) retry_waited_q <= '0;
      else if (!retry_due) retry_waited_q <= retry_waited_q + 1'b1;
      if (!op_valid_i || op_ready_o) op_waited_q <= '0;
      else if (!op_due) op_waited_q <= op_waited_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_frame || take_retry || take_op) begin
      if (take_frame) item_q <= '{op: OP_PACKET, slot: '0, cookie: '0, packet: frame_i};
      else if (take_retry) item_q <= retry_i;
      else item_q <= op_i;
      is_retry_q <= take_retry;
      base_ns_q <= tick_base_ns_i[bank];
    end
  end

  assign valid_o = valid_q;
  assign item_o = item_q;
  assign is_retry_o = is_retry_q;
  assign base_ns_o = base_ns_q;

endmodule
