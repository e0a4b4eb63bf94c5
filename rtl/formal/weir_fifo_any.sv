// Any queue, and more: it shows whatever it likes, whenever it likes, but shows it until it is taken.
//
// Jobs that name weir_fifo in `specs` are given this in its place where what was put in does not matter.
module weir_fifo_any #(
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

  logic shows, held_q;
  item_t item, item_q;

  weir_any #(.WIDTH(1)) u_ready (.Y(ready_o));
  weir_any #(.WIDTH(1)) u_shows (.Y(shows));
  weir_any #(.WIDTH($bits(item_t))) u_item (.Y(item));
  weir_any #(.WIDTH($clog2(DEPTH) + 1)) u_level (.Y(level_o));

  assign valid_o = held_q || shows;
  assign data_o = held_q ? item_q : item;

  always_ff @(posedge clk_i) begin
    held_q <= rst_ni && valid_o && !ready_i;
    item_q <= data_o;
  end

  logic unused;
  assign unused = &{1'b0, valid_i, data_i};

endmodule
