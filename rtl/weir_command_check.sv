// What is wrong with a command, and the slots that each ENI uses.
//
//   command ─────────────────▶ status_o         before the table is looked at
//   entry, ENI, slots used ──▶ insert_status_o  of INSERT
//                            ▶ differs_o        of what touches a slot: it holds another key
//
// Timing: statuses are combinational; slots used are those of the command's port a cycle after that is
// there. `clear_i` sweeps them, a cycle a port, `ready_o` low meanwhile.
// Model: the checks in hw-model/src/command.rs, `slots_used` in hw-model/src/eni.rs.
module weir_command_check
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17,
    // Ports, as a power of two: 0 to 12.
    parameter int unsigned ENIS_LOG2 = 12
) (
    input logic clk_i,
    input logic rst_ni,

    input command_t command_i,
    output status_e status_o,

    // What its slot holds, if anything, and the buckets of its own key.
    input logic hit_i,
    input flow_key_t key_i,
    input logic [1:0][19:0] buckets_i,
    input eni_t eni_i,
    output status_e insert_status_o,
    output logic differs_o,

    // The drain has not come to its slot yet.
    input drain_state_t drain_i,
    output logic undrained_o,

    // Its ENI uses one slot more, or less.
    input logic more_i,
    input logic less_i,

    input logic clear_i,
    output logic ready_o
);

  localparam int unsigned TABLE_SLOTS = 2 ** SLOTS_LOG2;
  localparam int unsigned ACTIVITY_SLOTS = TABLE_SLOTS < ACTIVITY_UNIT ? ACTIVITY_UNIT : TABLE_SLOTS;
  localparam int unsigned BUCKET_BITS = SLOTS_LOG2 - 4;
  localparam int unsigned PORTS = ENIS_LOG2 == 0 ? 2 : 2 ** ENIS_LOG2;
  // Slots that an ENI can hold in both directions.
  localparam int unsigned USED_BITS = SLOTS_LOG2 + 2;

  if (SLOTS_LOG2 < 7 || SLOTS_LOG2 > 24) begin : gen_bad_slots
    $error("weir_command_check: SLOTS_LOG2 is %0d, expected 7 to 24", SLOTS_LOG2);
  end
  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_command_check: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  typedef logic [$clog2(PORTS)-1:0] port_number_t;
  typedef logic [USED_BITS-1:0] used_t;

  // Arguments.
  logic [31:0] slot, count;
  logic in_table, set_sound, activity_sound;
  logic [32:0] activity_end;
  eni_limits_t limits;

  assign slot = command_i.slot;
  assign count = command_i.cookie;
  assign in_table = slot < 32'(TABLE_SLOTS);
  assign limits = eni_limits_t'(command_i.key[$bits(eni_limits_t)-1:0]);
  assign set_sound = limits.reserved == '0
      && (limits.packets_per_second == '0 || limits.packet_burst != '0)
      && (limits.kilobits_per_second == '0 || limits.byte_burst != '0)
      && (limits.new_flows_per_second == '0 || limits.new_flow_burst != '0);
  // A table smaller than the unit is answered as if it had as many.
  assign activity_end = {1'b0, slot} + {1'b0, count};
  assign activity_sound = count != '0 && activity_end <= 33'(ACTIVITY_SLOTS)
      && slot[8:0] == '0 && count[8:0] == '0 && command_i.arg[2:0] == '0;

  always_comb begin
    status_o = STATUS_OK;
    unique case (command_i.tail.opcode)
      OPCODE_NOP, OPCODE_FENCE: ;
      OPCODE_INSERT, OPCODE_UPDATE, OPCODE_DELETE, OPCODE_READ_SLOT: if (!in_table) status_o = STATUS_BAD_SLOT;
      OPCODE_SET_ENI: if (!set_sound) status_o = STATUS_BAD_ARGUMENT;
      OPCODE_READ_ACTIVITY: if (!activity_sound) status_o = STATUS_BAD_ARGUMENT;
      default: status_o = STATUS_BAD_OPCODE;
    endcase
  end

  // Slots used.
  logic sweeping_q;
  port_number_t sweep_q, number;
  used_t used, used_d;

  assign number = port_number_t'(command_i.key.port.vport);
  assign ready_o = !sweeping_q;

  always_comb begin
    used_d = used + 1'b1;
    if (less_i) used_d = used == '0 ? '0 : used - 1'b1;
    if (sweeping_q) used_d = '0;
  end

  weir_ram #(
      .value_t(used_t),
      .ENTRIES(PORTS)
  ) u_used (
      .clk_i,
      .write_i(more_i || less_i || sweeping_q),
      .write_address_i(sweeping_q ? sweep_q : number),
      .write_data_i(used_d),
      .read_i(1'b1),
      .read_address_i(number),
      .read_data_o(used)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweeping_q <= 1'b0;
      sweep_q <= '0;
    end else if (clear_i) begin
      sweeping_q <= 1'b1;
      sweep_q <= '0;
    end else if (sweeping_q) begin
      sweeping_q <= sweep_q != '1;
      sweep_q <= sweep_q + 1'b1;
    end
  end

  // INSERT: the slot lies in one of the key's two buckets.
  logic belongs;

  assign belongs = slot[SLOTS_LOG2-2:3] == buckets_i[slot[SLOTS_LOG2-1]][BUCKET_BITS-1:0];

  always_comb begin
    insert_status_o = STATUS_OK;
    if (hit_i) insert_status_o = STATUS_SLOT_IN_USE;
    else if (!belongs) insert_status_o = STATUS_WRONG_BUCKET;
    else if (!eni_i.enabled) insert_status_o = STATUS_BAD_ENI;
    else if (eni_i.slot_quota != '0 && 32'(used) >= eni_i.slot_quota) insert_status_o = STATUS_QUOTA;
  end

  assign differs_o = key_identity(command_i.key) != key_identity(key_i);

  always_comb begin
    undrained_o = slot >= 32'(drain_i.slot);
    if (drain_i.egress != command_i.key.port.egress) undrained_o = !drain_i.egress;
    if (drain_i.ledgers || !drain_i.active) undrained_o = 1'b0;
  end

  logic unused;
  assign unused = &{1'b0, eni_i, drain_i, command_i, buckets_i, limits};

endmodule
