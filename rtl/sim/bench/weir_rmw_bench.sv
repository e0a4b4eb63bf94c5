// Three weir_rmw, with read latencies 1, 2 and 3, under the same requests, each with a client that
// counts: packets and bytes by address. For rtl/sim/tests/rmw.rs.
module weir_rmw_bench #(
    parameter int unsigned ENTRIES = 16
) (
    input logic clk_i,
    input logic rst_ni,
    input logic sweep_i,
    output logic [2:0] ready_o,
    input logic valid_i,
    input logic extract_i,
    input logic [$clog2(ENTRIES)-1:0] address_i,
    input logic [15:0] bytes_i,
    output logic [2:0] valid_o,
    output logic [2:0] extract_o,
    output logic [2:0][$clog2(ENTRIES)-1:0] address_o,
    output logic [2:0][31:0] packets_o,
    output logic [2:0][47:0] bytes_o
);

  typedef struct packed {
    logic [31:0] packets;
    logic [47:0] bytes;
  } counter_t;

  for (genvar i = 0; i < 3; i++) begin : gen_latency
    counter_t value, changed;
    logic [15:0] bytes;

    weir_rmw #(
        .value_t(counter_t),
        .operand_t(logic [15:0]),
        .ENTRIES(ENTRIES),
        .READ_LATENCY(i + 1)
    ) u_rmw (
        .clk_i,
        .rst_ni,
        .sweep_i,
        .ready_o(ready_o[i]),
        .valid_i,
        .extract_i,
        .address_i,
        .operand_i(bytes_i),
        .modify_valid_o(valid_o[i]),
        .modify_extract_o(extract_o[i]),
        .modify_address_o(address_o[i]),
        .modify_operand_o(bytes),
        .modify_value_o(value),
        .modify_value_i(changed)
    );

    assign changed.packets = value.packets + 32'd1;
    assign changed.bytes = value.bytes + 48'(bytes);
    assign packets_o[i] = value.packets;
    assign bytes_o[i] = value.bytes;
  end

endmodule
