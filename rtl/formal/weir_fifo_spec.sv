// What weir_fifo is to its neighbours: a memory whose oldest item is shown.
//
// weir_fifo_spec_formal proves that weir_fifo is this. Jobs that name weir_fifo in `specs` are given this in
// its place.
module weir_fifo_spec #(
    parameter type item_t = logic [7:0],
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

  item_t memory[DEPTH];
  logic [ADDRESS_BITS:0] head_q, tail_q;

  assign level_o = head_q - tail_q;
  assign ready_o = level_o != (ADDRESS_BITS + 1)'(DEPTH);
  assign valid_o = level_o != '0;
  assign data_o = memory[tail_q[ADDRESS_BITS-1:0]];

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) memory[head_q[ADDRESS_BITS-1:0]] <= data_i;
    if (!rst_ni) begin
      head_q <= '0;
      tail_q <= '0;
    end else begin
      head_q <= head_q + (ADDRESS_BITS + 1)'(valid_i && ready_o);
      tail_q <= tail_q + (ADDRESS_BITS + 1)'(valid_o && ready_i);
    end
  end

  always_comb if (rst_ni) bounded : assert (level_o <= (ADDRESS_BITS + 1)'(DEPTH));

endmodule
