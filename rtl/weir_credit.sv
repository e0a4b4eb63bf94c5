// Punt credit: how many slots of the punt ring each ENI's waiting frames hold.
//
//   take ─▶ [queue: whose frames wait, oldest first] ─▶ give back as the host's index moves
//     └──▶ [used, for each ENI] ◀────────────────────────┘
//
// The host gives back slots; a frame's credit comes back when its last slot does. What is given back without
// making up a frame is kept. The queue goes on as it is when the ring is disabled.
//
// Timing: `used_o` is that of `ask_vport_i` two cycles before, with everything taken and given back until
// then. One frame is given back a cycle, except in a cycle with `ask_valid_i` or `take_valid_i`; these two do not
// come together. A frame is taken only while `room_o` is set.
// Model: `Credits` in hw-model/src/punt.rs.
module weir_credit #(
    parameter int unsigned ENIS_LOG2 = 12,
    // Frames that can wait; a power of two.
    parameter int unsigned CREDIT_FRAMES = 16384,
    // Bits of `used_o`: enough for frames of five slots.
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

    // The host has moved its index by this.
    input logic given_valid_i,
    input logic [31:0] given_i,

    output logic busy_o
);

  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_credit: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  // A memory has two entries at least.
  localparam int unsigned ENTRIES = ENIS_LOG2 == 0 ? 2 : 2 ** ENIS_LOG2;
  localparam int unsigned ADDRESS_BITS = $clog2(ENTRIES);
  typedef logic [ADDRESS_BITS-1:0] address_t;
  typedef logic [USED_BITS-1:0] used_t;

  typedef struct packed {
    logic [11:0] vport;
    logic [2:0] slots;
  } waiting_t;

  typedef struct packed {
    logic back;
    logic [2:0] slots;
  } change_t;

  logic clean_n;
  assign clean_n = rst_ni && !clear_i;

  // Whose frames wait.
  waiting_t oldest;
  logic oldest_valid, give;
  logic [$clog2(CREDIT_FRAMES):0] level;

  weir_fifo #(
      .item_t(waiting_t),
      .DEPTH(CREDIT_FRAMES)
  ) u_waiting (
      .clk_i,
      .rst_ni(clean_n),
      .valid_i(take_valid_i),
      .ready_o(room_o),
      .data_i({take_vport_i, take_slots_i}),
      .valid_o(oldest_valid),
      .ready_i(give),
      .data_o(oldest),
      .level_o(level)
  );

  // Slots given back that have not made up a frame yet.
  logic [31:0] partly_q;
  logic could_give;

  assign could_give = oldest_valid && 32'(oldest.slots) <= partly_q;
  assign give = could_give && ready_o && !ask_valid_i && !take_valid_i;

  always_ff @(posedge clk_i) begin
    if (!clean_n) partly_q <= '0;
    else partly_q <= partly_q + (given_valid_i ? given_i : '0) - (give ? 32'(oldest.slots) : '0);
  end

  // What each ENI holds.
  logic [11:0] vport;
  change_t request, change;
  logic modify_valid, modify_extract;
  address_t modify_address;
  used_t value, value_d;

  always_comb begin
    vport = oldest.vport;
    request = '{back: 1'b1, slots: oldest.slots};
    if (take_valid_i) begin
      vport = take_vport_i;
      request = '{back: 1'b0, slots: take_slots_i};
    end else if (ask_valid_i) begin
      vport = ask_vport_i;
      request = '0;
    end
    value_d = value + used_t'(change.slots);
    if (change.back) value_d = value > used_t'(change.slots) ? value - used_t'(change.slots) : '0;
  end

  weir_rmw #(
      .value_t(used_t),
      .operand_t(change_t),
      .ENTRIES(ENTRIES),
      .READ_LATENCY(2)
  ) u_used (
      .clk_i,
      .rst_ni,
      .sweep_i(clear_i),
      .ready_o,
      .valid_i(give || take_valid_i || ask_valid_i),
      .extract_i(1'b0),
      .address_i(ENIS_LOG2 == 0 ? '0 : address_t'(vport)),
      .operand_i(request),
      .modify_valid_o(modify_valid),
      .modify_extract_o(modify_extract),
      .modify_address_o(modify_address),
      .modify_operand_o(change),
      .modify_value_o(value),
      .modify_value_i(value_d)
  );

  assign used_o = value;
  assign busy_o = !ready_o || could_give || given_valid_i;

  logic unused;
  assign unused = &{1'b0, level, vport, modify_valid, modify_extract, modify_address};

endmodule
