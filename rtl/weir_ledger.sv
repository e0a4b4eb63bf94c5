// The ledgers of one direction: for each ENI and bank, where every packet ended.
//
//   judged_i ─▶ offered      counted where a packet enters; all others where it ends
//            ─▶ ended        tallied, excluded, non-IP, malformed, policed
//            ─▶ handed ◀─ end_i      punted, skipped; a retry that hits is taken back from there
//   shaped_i ─▶ limits ◀─ end_i      packets that a limit stopped
//
// Four memories, so that what can happen in one cycle falls on different ones. The pipeline's operations
// go first and never wait; punt's outcomes and the readers use what they leave, and `bubble_o` asks for a
// cycle without any when they have waited for long. Nothing here is computed from anything else.
//
// Timing: an operation is in its memory four cycles later. A read takes about thirteen cycles; with `read_clear_i`
// it empties what it read.
// Model: Counts in hw-model/src/eni.rs.
module weir_ledger
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Virtual ports, as a power of two: 0 to 12.
    parameter int unsigned ENIS_LOG2 = 12
) (
    input logic clk_i,
    input logic rst_ni,

    // Empties everything; nothing may be under way.
    input logic sweep_i,
    output logic ready_o,

    input logic judged_valid_i,
    input ledger_op_t judged_i,
    // Only its limit counts.
    input logic shaped_valid_i,
    input ledger_op_t shaped_i,

    input logic end_valid_i,
    output logic end_ready_o,
    input punt_end_t end_i,

    input logic read_valid_i,
    output logic read_ready_o,
    input logic read_bank_i,
    input logic [11:0] read_vport_i,
    input logic read_clear_i,
    output logic read_valid_o,
    output ledger_t read_o,

    output logic bubble_o,
    output logic busy_o
);

  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_ledger: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  localparam int unsigned READ_LATENCY = 2;
  // A memory has two ports at least.
  localparam int unsigned VPORT_BITS = ENIS_LOG2 == 0 ? 1 : ENIS_LOG2;
  localparam int unsigned PORTS = 2 ** VPORT_BITS;
  typedef logic [VPORT_BITS-1:0] vport_t;

  typedef struct packed {
    logic [47:0] bytes;
    logic [47:0] packets;
  } count_t;

  // A packet more or less, or nothing but a look.
  typedef struct packed {
    logic is_read;
    logic is_less;
    logic [16:0] bytes;
  } change_t;

  function automatic count_t changed(input count_t count, input change_t change);
    count_t result;
    result = count;
    if (change.is_read) return result;
    result.packets = change.is_less ? count.packets - 48'd1 : count.packets + 48'd1;
    result.bytes = change.is_less ? count.bytes - 48'(change.bytes) : count.bytes + 48'(change.bytes);
    return result;
  endfunction

  // A read goes to each memory until it has all of it.
  logic reading_q, read_bank_q, read_clear_q;
  vport_t read_vport_q;
  logic [3:0] offered_at_q, ended_at_q, handed_at_q, limits_at_q;
  logic offered_read, ended_read, handed_read, limits_read;
  logic pipe_limited, end_take;

  assign pipe_limited = judged_valid_i && judged_i.limited || shaped_valid_i && shaped_i.limited;
  assign end_ready_o = ready_o && !(judged_valid_i && judged_i.returned) && !pipe_limited;
  assign end_take = end_valid_i && end_ready_o;
  assign offered_read = reading_q && offered_at_q < 4'd1 && !(judged_valid_i && judged_i.offered);
  assign ended_read = reading_q && ended_at_q < 4'd8 && !(judged_valid_i && judged_i.ended);
  assign handed_read = reading_q && handed_at_q < 4'd2 && !(judged_valid_i && judged_i.returned) && !end_take;
  assign limits_read = reading_q && limits_at_q < 4'd8 && !pipe_limited && !end_take;

  // What each memory is asked for, a cycle later.
  logic offered_valid_q, ended_valid_q, handed_valid_q, limits_valid_q;
  logic offered_clear_q, ended_clear_q, handed_clear_q, limits_clear_q;
  change_t offered_change_q, ended_change_q, handed_change_q, limits_change_q;
  logic [VPORT_BITS:0] offered_address_q;
  logic [VPORT_BITS+3:0] ended_address_q, limits_address_q;
  logic [VPORT_BITS+1:0] handed_address_q;

  localparam change_t READ = '{is_read: 1'b1, is_less: 1'b0, bytes: '0};

  function automatic change_t packet(input logic [16:0] bytes, input logic is_less);
    return '{is_read: 1'b0, is_less: is_less, bytes: bytes};
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      offered_valid_q <= 1'b0;
      ended_valid_q <= 1'b0;
      handed_valid_q <= 1'b0;
      limits_valid_q <= 1'b0;
    end else begin
      offered_valid_q <= judged_valid_i && judged_i.offered || offered_read;
      ended_valid_q <= judged_valid_i && judged_i.ended || ended_read;
      handed_valid_q <= judged_valid_i && judged_i.returned || end_take && end_i.ended || handed_read;
      limits_valid_q <= pipe_limited || end_take && end_i.limited || limits_read;
    end
  end

  always_ff @(posedge clk_i) begin
    if (judged_valid_i) begin
      offered_clear_q <= 1'b0;
      offered_address_q <= {judged_i.bank, vport_t'(judged_i.vport)};
      offered_change_q <= packet(judged_i.bytes, 1'b0);
      ended_clear_q <= 1'b0;
      ended_address_q <= {judged_i.bank, vport_t'(judged_i.vport), judged_i.kind};
      ended_change_q <= packet(judged_i.bytes, 1'b0);
      if (judged_i.returned) begin
        handed_clear_q <= 1'b0;
        handed_address_q <= {judged_i.bank, vport_t'(judged_i.vport), 1'b0};
        handed_change_q <= packet(judged_i.bytes, 1'b1);
      end
      if (judged_i.limited) begin
        limits_clear_q <= 1'b0;
        limits_address_q <= {judged_i.bank, vport_t'(judged_i.vport), judged_i.limit};
        limits_change_q <= packet('0, 1'b0);
      end
    end
    if (shaped_valid_i && shaped_i.limited) begin
      limits_clear_q <= 1'b0;
      limits_address_q <= {shaped_i.bank, vport_t'(shaped_i.vport), shaped_i.limit};
      limits_change_q <= packet('0, 1'b0);
    end
    if (end_take) begin
      handed_clear_q <= 1'b0;
      handed_address_q <= {end_i.bank, vport_t'(end_i.vport), end_i.skipped};
      handed_change_q <= packet(end_i.bytes, 1'b0);
      limits_clear_q <= 1'b0;
      limits_address_q <= {end_i.bank, vport_t'(end_i.vport), end_i.limit};
      limits_change_q <= packet('0, 1'b0);
    end
    if (reading_q) begin
      if (offered_read) begin
        offered_clear_q <= read_clear_q;
        offered_address_q <= {read_bank_q, read_vport_q};
        offered_change_q <= READ;
      end
      if (ended_read) begin
        ended_clear_q <= read_clear_q;
        ended_address_q <= {read_bank_q, read_vport_q, ended_at_q[2:0]};
        ended_change_q <= READ;
      end
      if (handed_read) begin
        handed_clear_q <= read_clear_q;
        handed_address_q <= {read_bank_q, read_vport_q, handed_at_q[0]};
        handed_change_q <= READ;
      end
      if (limits_read) begin
        limits_clear_q <= read_clear_q;
        limits_address_q <= {read_bank_q, read_vport_q, limits_at_q[2:0]};
        limits_change_q <= READ;
      end
    end
  end

  // The memories.
  logic offered_ready, ended_ready, handed_ready, limits_ready;
  logic offered_done, ended_done, handed_done, limits_done;
  change_t offered_change, ended_change, handed_change, limits_change;
  count_t offered, ended, handed, offered_after, ended_after, handed_after;
  logic [47:0] limits, limits_after;
  logic [VPORT_BITS:0] unused_offered_address;
  logic [VPORT_BITS+3:0] ended_address, limits_address;
  logic [VPORT_BITS+1:0] handed_address;
  logic [3:0] unused_extract;

  assign ready_o = offered_ready && ended_ready && handed_ready && limits_ready;

  always_comb begin
    offered_after = '0;
    ended_after = '0;
    handed_after = '0;
    limits_after = '0;
    if (offered_done) offered_after = changed(offered, offered_change);
    if (ended_done) ended_after = changed(ended, ended_change);
    if (handed_done) handed_after = changed(handed, handed_change);
    if (limits_done) limits_after = limits_change.is_read ? limits : limits + 48'd1;
  end

  weir_rmw #(
      .value_t(count_t),
      .operand_t(change_t),
      .ENTRIES(2 * PORTS),
      .READ_LATENCY(READ_LATENCY)
  ) u_offered (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(offered_ready),
      .valid_i(offered_valid_q),
      .extract_i(offered_clear_q),
      .address_i(offered_address_q),
      .operand_i(offered_change_q),
      .modify_valid_o(offered_done),
      .modify_extract_o(unused_extract[0]),
      .modify_address_o(unused_offered_address),
      .modify_operand_o(offered_change),
      .modify_value_o(offered),
      .modify_value_i(offered_after)
  );

  weir_rmw #(
      .value_t(count_t),
      .operand_t(change_t),
      .ENTRIES(16 * PORTS),
      .READ_LATENCY(READ_LATENCY)
  ) u_ended (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(ended_ready),
      .valid_i(ended_valid_q),
      .extract_i(ended_clear_q),
      .address_i(ended_address_q),
      .operand_i(ended_change_q),
      .modify_valid_o(ended_done),
      .modify_extract_o(unused_extract[1]),
      .modify_address_o(ended_address),
      .modify_operand_o(ended_change),
      .modify_value_o(ended),
      .modify_value_i(ended_after)
  );

  weir_rmw #(
      .value_t(count_t),
      .operand_t(change_t),
      .ENTRIES(4 * PORTS),
      .READ_LATENCY(READ_LATENCY)
  ) u_handed (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(handed_ready),
      .valid_i(handed_valid_q),
      .extract_i(handed_clear_q),
      .address_i(handed_address_q),
      .operand_i(handed_change_q),
      .modify_valid_o(handed_done),
      .modify_extract_o(unused_extract[2]),
      .modify_address_o(handed_address),
      .modify_operand_o(handed_change),
      .modify_value_o(handed),
      .modify_value_i(handed_after)
  );

  weir_rmw #(
      .value_t(logic [47:0]),
      .operand_t(change_t),
      .ENTRIES(16 * PORTS),
      .READ_LATENCY(READ_LATENCY)
  ) u_limits (
      .clk_i,
      .rst_ni,
      .sweep_i,
      .ready_o(limits_ready),
      .valid_i(limits_valid_q),
      .extract_i(limits_clear_q),
      .address_i(limits_address_q),
      .operand_i(limits_change_q),
      .modify_valid_o(limits_done),
      .modify_extract_o(unused_extract[3]),
      .modify_address_o(limits_address),
      .modify_operand_o(limits_change),
      .modify_value_o(limits),
      .modify_value_i(limits_after)
  );

  // What a read has found so far, and whether that is all: the last to come are the eighth of both long ones.
  ledger_t read_q;
  logic [4:0] found_q, found_d;
  logic read_valid_q;
  logic offered_found, ended_found, handed_found, limits_found;

  ledger_e handed_kind;

  assign handed_kind = handed_address[0] ? LEDGER_SKIPPED : LEDGER_PUNTED;
  assign offered_found = offered_done && offered_change.is_read;
  assign ended_found = ended_done && ended_change.is_read;
  assign handed_found = handed_done && handed_change.is_read;
  assign limits_found = limits_done && limits_change.is_read;
  assign found_d = found_q + 5'(offered_found) + 5'(ended_found) + 5'(handed_found) + 5'(limits_found);
  assign read_ready_o = ready_o && !reading_q;

  localparam logic [4:0] FOUND_ALL = 5'd19;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reading_q <= 1'b0;
      read_valid_q <= 1'b0;
      found_q <= '0;
    end else begin
      read_valid_q <= 1'b0;
      if (read_valid_i && read_ready_o) begin
        reading_q <= 1'b1;
        found_q <= '0;
      end else if (reading_q) begin
        found_q <= found_d;
        reading_q <= found_d != FOUND_ALL;
        read_valid_q <= found_d == FOUND_ALL;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (read_valid_i && read_ready_o) begin
      read_bank_q <= read_bank_i;
      read_vport_q <= vport_t'(read_vport_i);
      read_clear_q <= read_clear_i;
      offered_at_q <= '0;
      ended_at_q <= '0;
      handed_at_q <= '0;
      limits_at_q <= '0;
      read_q <= '0;
    end else if (reading_q) begin
      offered_at_q <= offered_at_q + 4'(offered_read);
      ended_at_q <= ended_at_q + 4'(ended_read);
      handed_at_q <= handed_at_q + 4'(handed_read);
      limits_at_q <= limits_at_q + 4'(limits_read);
      if (offered_found) begin
        read_q.packets[LEDGER_OFFERED] <= offered.packets;
        read_q.bytes[LEDGER_OFFERED] <= offered.bytes;
      end
      // The places of what the other memories count are empty here.
      if (ended_found && is_end(ledger_e'(ended_address[2:0]))) begin
        read_q.packets[ended_address[2:0]] <= ended.packets;
        read_q.bytes[ended_address[2:0]] <= ended.bytes;
      end
      if (handed_found) begin
        read_q.packets[handed_kind] <= handed.packets;
        read_q.bytes[handed_kind] <= handed.bytes;
      end
      if (limits_found) read_q.limits[limits_address[2:0]] <= limits;
    end
  end

  function automatic logic is_end(input ledger_e kind);
    return kind != LEDGER_OFFERED && kind != LEDGER_PUNTED && kind != LEDGER_SKIPPED;
  endfunction

  assign read_valid_o = read_valid_q;
  assign read_o = read_q;

  // Who waits for the pipeline, and for how long.
  logic [3:0] waited_q;
  logic waits;

  assign waits = end_valid_i && !end_ready_o
      || reading_q && (offered_at_q == '0 && !offered_read || !ended_at_q[3] && !ended_read);
  assign bubble_o = waited_q == '1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !waits) waited_q <= '0;
    else waited_q <= waited_q + 1'b1;
  end

  logic [READ_LATENCY+1:0] recent_q;
  logic unused_bits;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) recent_q <= '0;
    else recent_q <= {recent_q[READ_LATENCY:0], judged_valid_i || shaped_valid_i || end_take};
  end

  assign busy_o = reading_q || read_valid_q || recent_q != '0 || !ready_o;
  assign unused_bits = &{1'b0, judged_i.vport, shaped_i, end_i, read_vport_i, ended_address, handed_address,
      limits_address, limits_change};

endmodule
