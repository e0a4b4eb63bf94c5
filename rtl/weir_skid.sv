// A stage of two places between a valid/ready pair and the next: breaks the path of `ready` without
// losing throughput.
//
//   valid_i, ready_o, data_i ─▶ [spare] ─▶ [data] ─▶ valid_o, ready_i, data_o
//
// Timing: an item leaves one cycle after it came, at the earliest; one item a cycle; `ready_o`, `valid_o`
// and `data_o` are registers. A valid item stays as it is until it is taken.
// Model: none. A stage costs it a constant of hw-model/src/timing.rs.
module weir_skid #(
    parameter type item_t = logic [7:0]
) (
    input logic clk_i,
    input logic rst_ni,

    input logic valid_i,
    output logic ready_o,
    input item_t data_i,

    output logic valid_o,
    input logic ready_i,
    output item_t data_o
);

  item_t data_q, spare_q;
  logic valid_q, spare_valid_q;

  assign ready_o = !spare_valid_q;
  assign valid_o = valid_q;
  assign data_o = data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (ready_i || !valid_q) begin
      valid_q <= spare_valid_q || valid_i;
      spare_valid_q <= 1'b0;
    end else if (valid_i) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready_i || !valid_q) data_q <= spare_valid_q ? spare_q : data_i;
    if (!spare_valid_q) spare_q <= data_i;
  end

endmodule
