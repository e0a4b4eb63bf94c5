// What weir_rmw is to its clients: a memory that the client sees and changes in one and the same cycle,
// READ_LATENCY cycles after it has asked. No forwarding, since nothing is ever read too early.
//
// weir_rmw_spec_formal proves that weir_rmw is this. Jobs that name weir_rmw in `specs` are given this in its
// place, and so need not prove its forwarding once more for each memory. What weir_rmw asks of its clients is
// asserted here: no sweep while anything is on its way, nothing on its way while it sweeps.
module weir_rmw_spec #(
    parameter type value_t = logic [7:0],
    parameter type operand_t = logic [7:0],
    parameter int unsigned ENTRIES = 16,
    parameter int unsigned READ_LATENCY = 2
) (
    input logic clk_i,
    input logic rst_ni,

    input logic sweep_i,
    output logic ready_o,

    input logic valid_i,
    input logic extract_i,
    input logic [$clog2(ENTRIES)-1:0] address_i,
    input operand_t operand_i,

    output logic modify_valid_o,
    output logic modify_extract_o,
    output logic [$clog2(ENTRIES)-1:0] modify_address_o,
    output operand_t modify_operand_o,
    output value_t modify_value_o,
    input value_t modify_value_i
);

  typedef logic [$clog2(ENTRIES)-1:0] address_t;
  typedef struct packed {
    logic extract;
    address_t address;
    operand_t operand;
  } request_t;

  value_t memory[ENTRIES];
  logic [READ_LATENCY-1:0] valid_q;
  request_t [READ_LATENCY-1:0] request_q;
  logic sweeping_q;
  address_t sweep_q;

  initial begin
    for (int unsigned i = 0; i < ENTRIES; i++) memory[i] = '0;
  end

  assign ready_o = !sweeping_q;
  assign modify_valid_o = valid_q[READ_LATENCY-1];
  assign modify_extract_o = request_q[READ_LATENCY-1].extract;
  assign modify_address_o = request_q[READ_LATENCY-1].address;
  assign modify_operand_o = request_q[READ_LATENCY-1].operand;
  assign modify_value_o = modify_valid_o ? memory[modify_address_o] : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else begin
      valid_q <= READ_LATENCY'({valid_q, valid_i && ready_o});
      sweeping_q <= sweeping_q ? sweep_q != address_t'(ENTRIES - 1) : sweep_i;
      if (sweeping_q) sweep_q <= sweep_q == address_t'(ENTRIES - 1) ? '0 : sweep_q + 1'b1;
    end
    request_q[0] <= '{extract: extract_i, address: address_i, operand: operand_i};
    for (int unsigned i = 1; i < READ_LATENCY; i++) request_q[i] <= request_q[i-1];
  end

  logic write;
  address_t write_address;
  value_t write_data;

  assign write = rst_ni && (modify_valid_o || sweeping_q);
  assign write_address = sweeping_q ? sweep_q : modify_address_o;
  assign write_data = sweeping_q || modify_extract_o ? '0 : modify_value_i;

  always_ff @(posedge clk_i) if (write) memory[write_address] <= write_data;

  always_comb begin
    if (rst_ni) begin
      sweep_alone : assert (!sweep_i || (valid_q == '0 && !valid_i));
      sweep_undisturbed : assert (!sweeping_q || valid_q == '0);
      sweep_from_first : assert (sweeping_q || sweep_q == '0);
    end
  end

endmodule
