// What is proved of weir_skid, whatever its neighbours do:
//
//   once, in order, unchanged   any one item, chosen freely, leaves after exactly those that came before it
//   room                        two items at most; it takes one as long as it has not two
//   kept                        what is shown stays until it is taken
module weir_skid_formal #(
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

  logic ready, valid;
  logic [WIDTH-1:0] data;

  weir_skid #(
      .item_t(logic [WIDTH-1:0])
  ) dut (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o(ready),
      .data_i,
      .valid_o(valid),
      .ready_i,
      .data_o(data)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  logic [1:0] inside_q = '0;
  logic [1:0] ahead_q = '0;
  logic chosen_q = 1'b0;
  logic waiting_q = 1'b0;
  logic [WIDTH-1:0] item_q = '0;
  logic put, take;

  assign put = rst_ni && valid_i && ready;
  assign take = rst_ni && valid && ready_i;

  always_ff @(posedge clk_i) begin
    inside_q <= inside_q + 2'(put) - 2'(take);
    if (put && choose_i && !chosen_q) begin
      chosen_q <= 1'b1;
      waiting_q <= 1'b1;
      item_q <= data_i;
      ahead_q <= inside_q - 2'(take);
    end else if (take && waiting_q) begin
      waiting_q <= ahead_q != '0;
      if (ahead_q != '0) ahead_q <= ahead_q - 1'b1;
    end
  end

  logic kept_q = 1'b0;
  logic [WIDTH-1:0] kept_data_q;
  always_ff @(posedge clk_i) begin
    kept_q <= rst_ni && valid && !ready_i;
    kept_data_q <= data;
  end

  always_ff @(posedge clk_i) begin
    assume (rst_ni == !first_q);

    if (rst_ni) begin
      unchanged : assert (!(waiting_q && ahead_q == '0) || (valid && data == item_q));
      in_spare : assert (!(waiting_q && ahead_q == 2'd1) || dut.spare_q == item_q);
      in_line : assert (!waiting_q || ahead_q < inside_q);
      counted : assert (2'(dut.valid_q) + 2'(dut.spare_valid_q) == inside_q);
      bounded : assert (inside_q <= 2'd2);
      shown : assert (valid == (inside_q != '0));
      room : assert (ready == (inside_q != 2'd2));
      kept : assert (!kept_q || (valid && data == kept_data_q));
    end
  end

endmodule
