// A queue of DEPTH items from one clock domain into another.
//
//   wr_* ─▶ [memory] ─▶ rd_*      heads and tails cross as Gray codes through weir_sync
//
// Timing: an item can be taken SYNC_STAGES + 1 cycles of `rd_clk_i` after it was put in, at most; a
// place is free again as late on the other side. One item a cycle on both sides. `wr_level_o` is at
// least what is inside, `rd_level_o` at most. Both resets must be held together until each clock has
// risen once.
// Model: the crossing in hw-model/src/timing.rs (CROSSING_CYCLES).
module weir_async_fifo #(
    parameter type item_t = logic [7:0],
    // Items; a power of two, at least 4.
    parameter int unsigned DEPTH = 16,
    parameter int unsigned SYNC_STAGES = 2
) (
    input logic wr_clk_i,
    input logic wr_rst_ni,
    input logic wr_valid_i,
    output logic wr_ready_o,
    input item_t wr_data_i,
    output logic [$clog2(DEPTH):0] wr_level_o,

    input logic rd_clk_i,
    input logic rd_rst_ni,
    output logic rd_valid_o,
    input logic rd_ready_i,
    output item_t rd_data_o,
    output logic [$clog2(DEPTH):0] rd_level_o
);

  localparam int unsigned ADDRESS_BITS = $clog2(DEPTH);
  typedef logic [ADDRESS_BITS:0] index_t;

  if (DEPTH < 4 || 2 ** ADDRESS_BITS != DEPTH) begin : gen_bad_depth
    $error("weir_async_fifo: DEPTH is %0d, expected a power of two from 4 on", DEPTH);
  end

  function automatic index_t to_gray(input index_t binary);
    return binary ^ (binary >> 1);
  endfunction

  function automatic index_t from_gray(input index_t gray);
    index_t binary;
    for (int unsigned i = 0; i <= ADDRESS_BITS; i++) binary[i] = ^(gray >> i);
    return binary;
  endfunction

  item_t memory[DEPTH];

  // The writing side.
  index_t head_q, head_d, head_gray_q, tail_gray;
  logic put;

  assign wr_level_o = head_q - from_gray(tail_gray);
  assign wr_ready_o = !wr_level_o[ADDRESS_BITS];
  assign put = wr_valid_i && wr_ready_o;
  assign head_d = head_q + (ADDRESS_BITS + 1)'(put);

  always_ff @(posedge wr_clk_i) begin
    if (!wr_rst_ni) begin
      head_q <= '0;
      head_gray_q <= '0;
    end else begin
      head_q <= head_d;
      head_gray_q <= to_gray(head_d);
    end
  end

  always_ff @(posedge wr_clk_i) begin
    if (put) memory[head_q[ADDRESS_BITS-1:0]] <= wr_data_i;
  end

  // The reading side.
  index_t tail_q, tail_d, tail_gray_q, head_gray;

  assign rd_level_o = from_gray(head_gray) - tail_q;
  assign rd_valid_o = rd_level_o != '0;
  assign rd_data_o = memory[tail_q[ADDRESS_BITS-1:0]];
  assign tail_d = tail_q + (ADDRESS_BITS + 1)'(rd_valid_o && rd_ready_i);

  always_ff @(posedge rd_clk_i) begin
    if (!rd_rst_ni) begin
      tail_q <= '0;
      tail_gray_q <= '0;
    end else begin
      tail_q <= tail_d;
      tail_gray_q <= to_gray(tail_d);
    end
  end

  // The crossings.
  weir_sync #(
      .WIDTH(ADDRESS_BITS + 1),
      .STAGES(SYNC_STAGES)
  ) u_head (
      .clk_i(rd_clk_i),
      .rst_ni(rd_rst_ni),
      .data_i(head_gray_q),
      .data_o(head_gray)
  );

  weir_sync #(
      .WIDTH(ADDRESS_BITS + 1),
      .STAGES(SYNC_STAGES)
  ) u_tail (
      .clk_i(wr_clk_i),
      .rst_ni(wr_rst_ni),
      .data_i(tail_gray_q),
      .data_o(tail_gray)
  );

endmodule
