// A queue of DEPTH items in one clock domain.
//
// Timing: an item can be taken one cycle after it was put in; one item in and one out each cycle, also
// when there is only one. `data_o` shows the oldest item as long as `valid_o` is set. `level_o` counts
// what is inside. The memory is read with a register, so it fits block RAM; an item that finds the
// queue empty goes past it.
// Model: none. What waits in a ring or a batch there waits here in hardware.
module weir_fifo #(
    parameter type item_t = logic [7:0],
    // Items; a power of two, at least 2.
    parameter int unsigned DEPTH = 16
) (
    input logic clk_i,
    input logic rst_ni,

    input logic valid_i,
    output logic ready_o,
    input item_t data_i,

    output logic valid_o,
    input logic ready_i,
    output item_t data_o,

    output logic [$clog2(DEPTH):0] level_o
);

  localparam int unsigned ADDRESS_BITS = $clog2(DEPTH);

  if (DEPTH < 2 || 2 ** ADDRESS_BITS != DEPTH) begin : gen_bad_depth
    $error("weir_fifo: DEPTH is %0d, expected a power of two from 2 on", DEPTH);
  end

  // Free-running: their difference is the level.
  logic [ADDRESS_BITS:0] head_q, tail_q, tail_d;
  logic put, take;

  assign level_o = head_q - tail_q;
  assign ready_o = !level_o[ADDRESS_BITS];
  assign valid_o = head_q != tail_q;
  assign put = valid_i && ready_o;
  assign take = valid_o && ready_i;
  assign tail_d = tail_q + (ADDRESS_BITS + 1)'(take);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_q <= '0;
      tail_q <= '0;
    end else begin
      head_q <= head_q + (ADDRESS_BITS + 1)'(put);
      tail_q <= tail_d;
    end
  end

  item_t memory[DEPTH];
  item_t read_q, past_q;
  logic past_valid_q;

  always_ff @(posedge clk_i) begin
    if (put) memory[head_q[ADDRESS_BITS-1:0]] <= data_i;
    // What is shown stays until it is taken; what went past the memory is in it a cycle later.
    if (take || past_valid_q) read_q <= memory[tail_d[ADDRESS_BITS-1:0]];
    // The memory does not have it yet when it is read.
    past_valid_q <= put && head_q == tail_d;
    if (put) past_q <= data_i;
  end

  assign data_o = past_valid_q ? past_q : read_q;

endmodule
