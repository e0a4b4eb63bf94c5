// A way from one clock into another: a queue of its own if there are two, else a wire.
//
//   from_* ─▶ [weir_async_fifo] ─▶ to_*
//
// Timing: none with one clock; that of weir_async_fifo with two. `from_busy_o` is high from the cycle after an item
// was put in until its taking has been seen: for so long it need not be known on the other side.
// Model: CROSSING_CYCLES in hw-model/src/timing/constants.rs.
module weir_crossing #(
    parameter type item_t = logic [7:0],
    // Items; a power of two, at least 4.
    parameter int unsigned DEPTH = 16,
    parameter bit TWO_CLOCKS = 1'b0
) (
    input logic from_clk_i,
    input logic from_rst_ni,
    input logic from_valid_i,
    output logic from_ready_o,
    input item_t from_data_i,
    output logic from_busy_o,

    input logic to_clk_i,
    input logic to_rst_ni,
    output logic to_valid_o,
    input logic to_ready_i,
    output item_t to_data_o
);

  if (TWO_CLOCKS) begin : gen_two_clocks
    logic [$clog2(DEPTH):0] level, unused_level;

    weir_async_fifo #(
        .item_t(item_t),
        .DEPTH(DEPTH)
    ) u_items (
        .wr_clk_i(from_clk_i),
        .wr_rst_ni(from_rst_ni),
        .wr_valid_i(from_valid_i),
        .wr_ready_o(from_ready_o),
        .wr_data_i(from_data_i),
        .wr_level_o(level),
        .rd_clk_i(to_clk_i),
        .rd_rst_ni(to_rst_ni),
        .rd_valid_o(to_valid_o),
        .rd_ready_i(to_ready_i),
        .rd_data_o(to_data_o),
        .rd_level_o(unused_level)
    );

    assign from_busy_o = level != '0;
  end else begin : gen_one_clock
    logic unused;

    assign from_ready_o = to_ready_i;
    assign from_busy_o = 1'b0;
    assign to_valid_o = from_valid_i;
    assign to_data_o = from_data_i;
    assign unused = &{1'b0, from_clk_i, from_rst_ni, to_clk_i, to_rst_ni};
  end

endmodule
