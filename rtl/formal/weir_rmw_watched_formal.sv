// What is proved of weir_rmw_watched: whatever weir_rmw_spec does with a whole memory, it could do too, if
// `other` is what that memory holds. So what holds of a client with the one holds with the other.
module weir_rmw_watched_formal #(
    parameter int unsigned ENTRIES = 4,
    parameter int unsigned WIDTH = 4,
    parameter int unsigned READ_LATENCY = 2
) (
    input logic clk_i,
    input logic rst_ni,
    input logic sweep_i,
    input logic valid_i,
    input logic extract_i,
    input logic [$clog2(ENTRIES)-1:0] address_i,
    input logic [WIDTH-1:0] operand_i,
    // Anything: whatever the client makes of what it is shown.
    input logic [WIDTH-1:0] modify_value_i
);

  typedef logic [WIDTH-1:0] value_t;

  // What either shows; by 0 that of the whole memory, by 1 that of one entry.
  logic [1:0] ready, modify_valid, modify_extract;
  logic [1:0][$clog2(ENTRIES)-1:0] modify_address;
  value_t [1:0] modify_operand, modify_value;

  weir_rmw_spec #(
      .value_t(value_t),
      .operand_t(value_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) spec (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(ready[0]),
      .valid_i,
      .extract_i,
      .address_i,
      .operand_i,
      .modify_valid_o(modify_valid[0]),
      .modify_extract_o(modify_extract[0]),
      .modify_address_o(modify_address[0]),
      .modify_operand_o(modify_operand[0]),
      .modify_value_o(modify_value[0]),
      .modify_value_i
  );

  weir_rmw_watched #(
      .value_t(value_t),
      .operand_t(value_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) watched (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(ready[1]),
      .valid_i,
      .extract_i,
      .address_i,
      .operand_i,
      .modify_valid_o(modify_valid[1]),
      .modify_extract_o(modify_extract[1]),
      .modify_address_o(modify_address[1]),
      .modify_operand_o(modify_operand[1]),
      .modify_value_o(modify_value[1]),
      .modify_value_i
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  logic [$clog2(ENTRIES)-1:0] watched_q;
  always_ff @(posedge clk_i) watched_q <= watched.watched;

  always_comb begin
    assume (rst_ni == !first_q);
    assume (!sweep_i || (!valid_i && spec.valid_q == '0));
    assume (first_q || watched.watched == watched_q);
    assume (watched.other == spec.memory[spec.modify_address_o]);

    if (rst_ni) begin
      equal_ready : assert (ready[0] == ready[1]);
      equal_valid : assert (modify_valid[0] == modify_valid[1]);
      equal_place : assert (spec.sweep_q == watched.sweep_q);
      equal_value : assert (modify_value[0] == modify_value[1]);
      equal_entry : assert (spec.memory[watched.watched] == watched.entry_q);
      equal_stages : assert (spec.valid_q == watched.valid_q && spec.request_q == watched.request_q);
    end
  end

endmodule
