// What is proved of weir_fifo for the proofs of its neighbours: whatever they do, it is weir_fifo_spec.
module weir_fifo_spec_formal #(
    parameter int unsigned DEPTH = 4,
    parameter int unsigned WIDTH = 4
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input logic [WIDTH-1:0] data_i,
    input logic ready_i
);

  // What either shows; by 0 the RTL's, by 1 the other's.
  logic [1:0] ready, valid;
  logic [1:0][WIDTH-1:0] data;
  logic [1:0][$clog2(DEPTH):0] level;

  weir_fifo #(
      .item_t(logic [WIDTH-1:0]),
      .DEPTH(DEPTH)
  ) dut (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o(ready[0]),
      .data_i,
      .valid_o(valid[0]),
      .ready_i,
      .data_o(data[0]),
      .level_o(level[0])
  );

  weir_fifo_spec #(
      .item_t(logic [WIDTH-1:0]),
      .DEPTH(DEPTH)
  ) spec (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o(ready[1]),
      .data_i,
      .valid_o(valid[1]),
      .ready_i,
      .data_o(data[1]),
      .level_o(level[1])
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  localparam int unsigned ADDRESS_BITS = $clog2(DEPTH);
  logic differs;
  logic [ADDRESS_BITS-1:0] place;

  // Of the places that hold an item.
  always_comb begin
    differs = 1'b0;
    place = '0;
    for (int unsigned i = 0; i < DEPTH; i++) begin
      place = spec.tail_q[ADDRESS_BITS-1:0] + ADDRESS_BITS'(i);
      differs |= i < 32'(level[1]) && dut.memory[place] != spec.memory[place];
    end
  end

  always_comb begin
    assume (rst_ni == !first_q);

    if (rst_ni) begin
      equal_flow : assert (ready[0] == ready[1] && valid[0] == valid[1] && level[0] == level[1]);
      equal_data : assert (!valid[0] || data[0] == data[1]);
      equal_place : assert (dut.head_q == spec.head_q && dut.tail_q == spec.tail_q);
      equal_memory : assert (!differs);
    end
  end

endmodule
