// Any account of credit: what each answer says, and when there is room, is free.
//
// Jobs that name weir_credit in `specs` are given this in its place.
module weir_credit_any #(
    parameter int unsigned ENIS_LOG2 = 12,
    parameter int unsigned CREDIT_FRAMES = 16384,
    localparam int unsigned USED_BITS = $clog2(5 * CREDIT_FRAMES + 1)
) (
    input logic clk_i,
    input logic rst_ni,
    input logic clear_i,
    output logic ready_o,

    input logic ask_valid_i,
    input logic [11:0] ask_vport_i,
    output logic [USED_BITS-1:0] used_o,

    output logic room_o,
    input logic take_valid_i,
    input logic [11:0] take_vport_i,
    input logic [2:0] take_slots_i,

    input logic given_valid_i,
    input logic [31:0] given_i,

    output logic busy_o
);

  weir_any #(.WIDTH(1)) u_ready (.Y(ready_o));
  weir_any #(.WIDTH(USED_BITS)) u_used (.Y(used_o));
  weir_any #(.WIDTH(1)) u_room (.Y(room_o));
  weir_any #(.WIDTH(1)) u_busy (.Y(busy_o));

  logic unused;
  assign unused = &{1'b0, clk_i, rst_ni, clear_i, ask_valid_i, ask_vport_i, take_valid_i, take_vport_i,
      take_slots_i, given_valid_i, given_i, ENIS_LOG2[0]};

endmodule
