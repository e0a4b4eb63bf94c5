// What is proved of weir_rmw for the proofs of its clients: whatever they do, it is weir_rmw_spec.
//
//   equal     what is there for the client, and whether requests are taken, in every cycle
//   memory    what the memories hold
//
// Assumed: no sweep while anything is on its way, which weir_rmw_spec asserts of every client.
module weir_rmw_spec_formal #(
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

  // What either shows; by 0 the RTL's, by 1 the other's.
  logic [1:0] ready, modify_valid, modify_extract;
  logic [1:0][$clog2(ENTRIES)-1:0] modify_address;
  value_t [1:0] modify_operand, modify_value;

  weir_rmw #(
      .value_t(value_t),
      .operand_t(value_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) dut (
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

  weir_rmw_spec #(
      .value_t(value_t),
      .operand_t(value_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(READ_LATENCY)
  ) spec (
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

  logic differs;

  always_comb begin
    differs = 1'b0;
    for (int unsigned i = 0; i < ENTRIES; i++) differs |= dut.u_ram.memory[i] != spec.memory[i];
  end

  always_comb begin
    assume (rst_ni == !first_q);
    assume (!sweep_i || (!valid_i && spec.valid_q == '0));

    if (rst_ni) begin
      equal_ready : assert (ready[0] == ready[1]);
      equal_valid : assert (modify_valid[0] == modify_valid[1]);
      equal_place : assert (dut.sweep_q == spec.sweep_q);
      equal_value : assert (modify_value[0] == modify_value[1]);
      if (modify_valid[0]) begin
        equal_request : assert (modify_extract[0] == modify_extract[1] && modify_address[0] == modify_address[1]);
        equal_operand : assert (modify_operand[0] == modify_operand[1]);
      end
      equal_memory : assert (!differs);
      equal_stages : assert (dut.valid_q == spec.valid_q);
    end
  end

endmodule
