// Records: the drain of a window that has ended, and the only way to the record ring.
//
//   WINDOW_START ─▶ ingress slots ─▶ egress slots ─▶ each enabled port: ledgers of both directions ─▶ WINDOW_END
//                       (weir_drain_walk)                packets, bytes, limits if any
//
// When the record ring has no room, or failed, the drain stands where it is and nothing is lost: what was
// not written is still in its slot or ledger. It goes on as soon as there is room. A command's record goes out
// while the drain stands; `hold_i` keeps it standing meanwhile. WINDOW_START for an enabled NIC that has no
// window behind it (`announce_i`) is written if there is room, and not tried again.
//
// Timing: START and END one record each and its answer; a port that is not enabled four cycles, one that is about
// 30 and two answers. `drain_ready_o` is high for one cycle, when WINDOW_END is written.
// Model: hw-model/src/record.rs.
module weir_record
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

    // `overruns` is looked at when WINDOW_END is written.
    input logic drain_valid_i,
    output logic drain_ready_o,
    input drain_t drain_i,

    input logic announce_i,
    input logic [63:0] start_ns_i,
    input logic [15:0] window_i,

    output drain_state_t drain_o,

    output logic [1:0] scan_valid_o,
    input logic [1:0] scan_ready_i,
    output logic [1:0][23:0] scan_slot_o,
    input logic [1:0] scan_valid_i,
    input slot_t [1:0] scan_i,

    output logic [1:0] side_valid_o,
    input logic [1:0] side_ready_i,
    output tally_op_t [1:0] side_o,
    input logic [1:0] side_valid_i,
    input counter_t [1:0] side_counter_i,

    output logic [1:0] row_valid_o,
    input logic [1:0] row_ready_i,
    output logic [1:0] row_bank_o,
    output logic [1:0][17:0] row_o,
    input logic [1:0] row_valid_i,
    input logic [1:0][63:0] row_bits_i,

    output logic [11:0] eni_vport_o,
    input eni_t eni_i,
    output logic ledger_valid_o,
    input logic ledger_ready_i,
    output logic ledger_egress_o,
    output logic ledger_bank_o,
    output logic [11:0] ledger_vport_o,
    output logic ledger_clear_o,
    input logic ledger_valid_i,
    input ledger_t ledger_i,

    // A command's.
    input logic record_valid_i,
    output logic record_ready_o,
    input flow_record_t record_i,
    output logic record_done_o,
    output logic record_ok_o,

    output logic push_valid_o,
    input logic push_ready_i,
    output logic [511:0] push_o,
    output logic post_now_o,
    input logic push_done_i,
    input logic push_ok_i,
    input logic [31:0] room_i,

    // A command is at work.
    input logic hold_i,
    output logic stalled_o,

    input logic clear_i,
    output logic busy_o
);

  // A cycle of the engine's clock.
  localparam int unsigned CYCLE_NS_LOG2 = 2;
  localparam logic [11:0] PORT_LAST = 12'((1 << ENIS_LOG2) - 1);
  // From `eni_vport_o` to `eni_i`, and one to be sure of a port that was just changed.
  localparam logic [1:0] ENI_WAIT = 2'd3;

  if (ENIS_LOG2 > 12) begin : gen_bad_enis
    $error("weir_record: ENIS_LOG2 is %0d, expected 0 to 12", ENIS_LOG2);
  end

  // How far the drain has come.
  typedef enum logic [2:0] {
    STAGE_START,
    STAGE_SLOTS,
    STAGE_LEDGERS,
    STAGE_END
  } stage_e;

  typedef enum logic [3:0] {
    REST,
    ANNOUNCE,
    ANNOUNCED,
    COMMAND,
    COMMANDED,
    WALK,
    PORT,
    LEDGER,
    LEDGER_ANSWER,
    WRITE,
    EMPTY,
    EMPTY_ANSWER
  } state_e;

  state_e state_q;
  stage_e stage_q;
  logic egress_q, walking_q;
  logic [11:0] port_q;
  // Of a batch: the first that is not written, the next to push, those under way.
  logic [1:0] which_q, next_q, last, flying_q;
  logic failed_q, announce_q;
  logic [1:0] waited_q;
  ledger_t ledger_q;
  logic [63:0] records_q;
  logic [39:0] cycles_q;
  logic [31:0] overruns_q;
  logic push_fire, room, goes;

  assign room = room_i != '0;
  assign goes = drain_valid_i && room && !hold_i;

  // The walk.
  logic walk_start, walk_still, walk_over, walk_written;
  logic [23:0] walk_slot;
  logic scan_valid, side_valid, row_valid, walk_push;
  logic [23:0] scan_slot;
  tally_op_t side;
  logic [17:0] row;
  flow_record_t walk_record;

  assign walk_start = state_q == REST && stage_q == STAGE_SLOTS && goes && !announce_q && !record_valid_i && !walking_q;

  weir_drain_walk #(
      .SLOTS_LOG2(SLOTS_LOG2)
  ) u_walk (
      .clk_i,
      .rst_ni,
      .start_i(walk_start),
      .window_i(drain_i.number),
      .run_i(state_q == WALK && !hold_i),
      .still_o(walk_still),
      .over_o(walk_over),
      .slot_o(walk_slot),
      .written_o(walk_written),
      .scan_valid_o(scan_valid),
      .scan_ready_i(scan_ready_i[egress_q]),
      .scan_slot_o(scan_slot),
      .scan_valid_i(scan_valid_i[egress_q]),
      .scan_i(scan_i[egress_q]),
      .side_valid_o(side_valid),
      .side_ready_i(side_ready_i[egress_q]),
      .side_o(side),
      .side_valid_i(side_valid_i[egress_q]),
      .side_counter_i(side_counter_i[egress_q]),
      .row_valid_o(row_valid),
      .row_ready_i(row_ready_i[egress_q]),
      .row_o(row),
      .row_valid_i(row_valid_i[egress_q]),
      .row_bits_i(row_bits_i[egress_q]),
      .push_valid_o(walk_push),
      .push_ready_i,
      .push_o(walk_record),
      .push_done_i(push_done_i && state_q == WALK),
      .push_ok_i,
      .room_i,
      .clear_i
  );

  assign scan_valid_o = {scan_valid && egress_q, scan_valid && !egress_q};
  assign scan_slot_o = {2{scan_slot}};
  assign side_valid_o = {side_valid && egress_q, side_valid && !egress_q};
  assign side_o = {2{side}};
  assign row_valid_o = {row_valid && egress_q, row_valid && !egress_q};
  assign row_bank_o = {2{drain_i.number[0]}};
  assign row_o = {2{row}};

  always_comb begin
    drain_o = '0;
    drain_o.active = drain_valid_i;
    drain_o.bank = drain_i.number[0];
    drain_o.number = drain_i.number;
    drain_o.ledgers = stage_q == STAGE_LEDGERS || stage_q == STAGE_END;
    drain_o.egress = stage_q == STAGE_SLOTS && egress_q;
    drain_o.slot = stage_q == STAGE_SLOTS && walking_q ? walk_slot : '0;
  end

  // Ledgers.
  assign eni_vport_o = port_q;
  assign ledger_valid_o = state_q == LEDGER || state_q == EMPTY;
  assign ledger_egress_o = egress_q;
  assign ledger_bank_o = drain_i.number[0];
  assign ledger_vport_o = port_q;
  assign ledger_clear_o = state_q == EMPTY;

  // What is pushed.
  window_end_t start_record, end_record;
  ledger_record_t ledger_record;

  always_comb begin
    start_record = '0;
    start_record.start_ns = start_ns_i;
    start_record.window.window = window_i;
    start_record.tail.kind = KIND_WINDOW_START;

    end_record = '0;
    end_record.start_ns = drain_i.start_ns;
    end_record.end_ns = drain_i.end_ns;
    end_record.records = records_q;
    end_record.punt_producer = drain_i.punt_producer;
    end_record.overruns = overruns_q;
    end_record.drain_ns = 64'(cycles_q) << CYCLE_NS_LOG2;
    end_record.window.window = drain_i.number;
    end_record.tail.kind = KIND_WINDOW_END;

    ledger_record = '0;
    ledger_record.port_window.bytes = 48'({egress_q, port_q});
    ledger_record.port_window.window = drain_i.number;
    unique case (next_q)
      2'd0: begin
        ledger_record.counters = ledger_q.packets;
        ledger_record.tail.kind = KIND_LEDGER_PACKETS;
      end
      2'd1: begin
        ledger_record.counters = ledger_q.bytes;
        ledger_record.tail.kind = KIND_LEDGER_BYTES;
      end
      default: begin
        ledger_record.counters = ledger_q.limits;
        ledger_record.tail.kind = KIND_LEDGER_LIMITS;
      end
    endcase
  end

  // Of a batch: one for START and END, two or three of a ledger. There must be room for all that are under way.
  logic write_valid;

  always_comb begin
    last = 2'd0;
    if (stage_q == STAGE_LEDGERS) last = ledger_q.limits != '0 ? 2'd2 : 2'd1;
  end

  assign write_valid = state_q == WRITE && !failed_q && next_q <= last && room_i > 32'(flying_q);

  always_comb begin
    push_valid_o = 1'b0;
    push_o = record_i;
    unique case (state_q)
      ANNOUNCE: begin
        push_valid_o = room;
        push_o = start_record;
      end
      COMMAND: push_valid_o = record_valid_i;
      WALK: begin
        push_valid_o = walk_push;
        push_o = walk_record;
      end
      WRITE: begin
        push_valid_o = write_valid;
        push_o = ledger_record;
        if (stage_q == STAGE_START) push_o = start_record;
        if (stage_q == STAGE_END) push_o = end_record;
      end
      default: ;
    endcase
  end

  assign push_fire = push_valid_o && push_ready_i;
  assign post_now_o = state_q == WRITE && stage_q == STAGE_END;
  assign record_ready_o = state_q == COMMAND && push_ready_i;
  assign record_done_o = state_q == COMMANDED && push_done_i;
  assign record_ok_o = push_ok_i;

  // A batch is over when nothing is under way and either all is written or it goes no further.
  logic batch_over, batch_written, written;

  assign written = state_q == WRITE && flying_q != '0 && push_done_i && push_ok_i && !failed_q;
  assign batch_over = state_q == WRITE && flying_q == '0 && (which_q > last || failed_q || !write_valid || !room);
  assign batch_written = batch_over && which_q > last;
  assign drain_ready_o = batch_written && stage_q == STAGE_END;

  logic port_over;
  assign port_over = port_q == PORT_LAST;

  always_ff @(posedge clk_i) begin
    if (announce_i) announce_q <= 1'b1;
    else if (state_q == ANNOUNCE || state_q == REST && announce_q && !room) announce_q <= 1'b0;

    if (walk_start) walking_q <= 1'b1;
    if (walk_written) records_q <= records_q + 64'd1;
    if (drain_valid_i && (state_q != REST || goes) && !(state_q == WRITE && stage_q == STAGE_END)) begin
      cycles_q <= cycles_q + 40'd1;
    end

    unique case (state_q)
      REST: begin
        waited_q <= '0;
        next_q <= which_q;
        flying_q <= '0;
        failed_q <= 1'b0;
        overruns_q <= drain_i.overruns;
        if (announce_q) begin
          if (room) state_q <= ANNOUNCE;
        end else if (record_valid_i) state_q <= COMMAND;
        else if (goes) begin
          unique case (stage_q)
            STAGE_SLOTS: state_q <= WALK;
            STAGE_LEDGERS: state_q <= PORT;
            default: state_q <= WRITE;
          endcase
        end
      end
      ANNOUNCE: begin
        if (push_fire) state_q <= ANNOUNCED;
        else if (!room) state_q <= REST;
      end
      ANNOUNCED: if (push_done_i) state_q <= REST;
      COMMAND: begin
        if (push_fire) state_q <= COMMANDED;
        else if (!record_valid_i) state_q <= REST;
      end
      COMMANDED: if (push_done_i) state_q <= REST;
      WALK: begin
        if (walk_over) begin
          walking_q <= 1'b0;
          egress_q <= !egress_q;
          if (egress_q) stage_q <= STAGE_LEDGERS;
          state_q <= REST;
        end else if (walk_still && (!room || hold_i)) state_q <= REST;
      end
      PORT: begin
        waited_q <= waited_q + 2'd1;
        if (waited_q == ENI_WAIT) begin
          if (eni_i.enabled) state_q <= LEDGER;
          else begin
            // Also if it was disabled in the middle: the rest is left as it is.
            which_q <= '0;
            next_q <= '0;
            egress_q <= 1'b0;
            port_q <= port_q + 12'd1;
            if (port_over) begin
              stage_q <= STAGE_END;
              state_q <= REST;
            end
          end
        end
      end
      LEDGER: if (ledger_ready_i) state_q <= LEDGER_ANSWER;
      LEDGER_ANSWER:
      if (ledger_valid_i) begin
        ledger_q <= ledger_i;
        state_q <= WRITE;
      end
      WRITE: begin
        if (push_fire) next_q <= next_q + 2'd1;
        flying_q <= flying_q + 2'(push_fire) - 2'(push_done_i && flying_q != '0);
        if (written) which_q <= which_q + 2'd1;
        else if (push_done_i && flying_q != '0) failed_q <= 1'b1;
        if (batch_written) begin
          which_q <= '0;
          state_q <= REST;
          unique case (stage_q)
            STAGE_START: stage_q <= STAGE_SLOTS;
            STAGE_LEDGERS: state_q <= EMPTY;
            default: stage_q <= STAGE_START;
          endcase
        end else if (batch_over) state_q <= REST;
      end
      EMPTY: if (ledger_ready_i) state_q <= EMPTY_ANSWER;
      EMPTY_ANSWER:
      if (ledger_valid_i) begin
        egress_q <= !egress_q;
        if (egress_q) begin
          port_q <= port_q + 12'd1;
          if (port_over) stage_q <= STAGE_END;
        end
        state_q <= REST;
      end
      default: state_q <= REST;
    endcase

    if (!rst_ni || clear_i || drain_ready_o) begin
      stage_q <= STAGE_START;
      egress_q <= 1'b0;
      walking_q <= 1'b0;
      port_q <= '0;
      records_q <= '0;
      cycles_q <= '0;
      which_q <= '0;
    end
    if (!rst_ni || clear_i) begin
      state_q <= REST;
      announce_q <= 1'b0;
    end
  end

  assign stalled_o = drain_valid_i && state_q == REST && !room;
  assign busy_o = state_q != REST || announce_q || record_valid_i || drain_valid_i && room;

  logic unused;
  assign unused = &{1'b0, eni_i};

endmodule
