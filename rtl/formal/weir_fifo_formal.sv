// What is proved of weir_fifo, whatever its neighbours do:
//
//   once, in order, unchanged   any one item, chosen freely, leaves after exactly those that came before it
//   level                       what came in less what went out, never more than DEPTH
//   shown                       an item is shown if there is one, and stays until it is taken
module weir_fifo_formal #(
    parameter int unsigned DEPTH = 4,
    parameter int unsigned WIDTH = 4
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input logic [WIDTH-1:0] data_i,
    input logic ready_i,
    // Choose the item of this cycle, if none was chosen yet.
    input logic choose_i
);

  localparam int unsigned ADDRESS_BITS = $clog2(DEPTH);
  typedef logic [ADDRESS_BITS:0] level_t;

  logic ready, valid;
  logic [WIDTH-1:0] data;
  level_t level;

  weir_fifo #(
      .item_t(logic [WIDTH-1:0]),
      .DEPTH(DEPTH)
  ) dut (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o(ready),
      .data_i,
      .valid_o(valid),
      .ready_i,
      .data_o(data),
      .level_o(level)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  // The items inside, and how many of them are in front of the chosen one while it is inside.
  level_t inside_q = '0;
  level_t ahead_q = '0;
  logic chosen_q = 1'b0;
  logic waiting_q = 1'b0;
  logic [WIDTH-1:0] item_q = '0;
  logic put, take;

  assign put = rst_ni && valid_i && ready;
  assign take = rst_ni && valid && ready_i;

  always_ff @(posedge clk_i) begin
    inside_q <= inside_q + level_t'(put) - level_t'(take);
    if (put && choose_i && !chosen_q) begin
      chosen_q <= 1'b1;
      waiting_q <= 1'b1;
      item_q <= data_i;
      ahead_q <= inside_q - level_t'(take);
    end else if (take && waiting_q) begin
      waiting_q <= ahead_q != '0;
      if (ahead_q != '0) ahead_q <= ahead_q - 1'b1;
    end
  end

  // Shown and not taken.
  logic kept_q = 1'b0;
  logic [WIDTH-1:0] kept_data_q;
  always_ff @(posedge clk_i) begin
    kept_q <= rst_ni && valid && !ready_i;
    kept_data_q <= data;
  end

  level_t place;
  assign place = dut.tail_q + ahead_q;

  always_ff @(posedge clk_i) begin
    assume (rst_ni == !first_q);

    if (rst_ni) begin
      unchanged : assert (!(waiting_q && ahead_q == '0) || (valid && data == item_q));
      in_place : assert (!waiting_q || dut.memory[place[ADDRESS_BITS-1:0]] == item_q);
      in_line : assert (!waiting_q || ahead_q < inside_q);
      counted : assert (level == inside_q);
      bounded : assert (inside_q <= level_t'(DEPTH));
      shown : assert (valid == (inside_q != '0));
      room : assert (ready == (inside_q != level_t'(DEPTH)));
      kept : assert (!kept_q || (valid && data == kept_data_q));
      from_memory : assert (!valid || data == dut.memory[dut.tail_q[ADDRESS_BITS-1:0]]);
    end
  end

endmodule
