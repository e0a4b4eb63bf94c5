// Commands: the host's hand in the flow table.
//
//   entry ─▶ check ─▶ PROBE ─▶ judge ─▶ INSERT, EXTRACT, UPDATE, DELETE ─▶ records ─▶ answer ─▶ release
//                                            │ no room, or a record failed: as it was before, until a pump
//
// One at a time, in the order of the ring. A command takes effect with an item in the pipeline that the
// packets take, so each of them sees all of it or nothing. One whose answer or records find no room waits, and
// all behind it; the next pump starts it anew.
// UPDATE and DELETE take the open bank's counts in the item that changes the entry. Should the window turn
// before that item is taken, the packets of the new one have gone by already: the command starts anew,
// and `op_valid_o` falls, the one exception from the rule that `valid` stays.
// While `hold_o` is set, the drain does not go on.
//
// Timing: about 30 cycles for a command with one item, 20 more for each further one, and host memory's answers.
// `clear_i` sweeps the slots used: a cycle a port, `ready_o` low meanwhile.
// Model: hw-model/src/command.rs.
module weir_command
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

    // The ring's front.
    input logic entry_valid_i,
    output logic entry_ready_o,
    input logic [511:0] entry_i,
    input logic entry_ok_i,
    input logic entry_phase_i,
    output logic release_valid_o,
    output logic [2:0] release_o,

    output logic completion_valid_o,
    input logic completion_ready_i,
    output completion_t completion_o,
    input logic completion_done_i,
    input logic [31:0] completion_room_i,

    input logic [31:0] record_room_i,
    output logic record_valid_o,
    input logic record_ready_i,
    output flow_record_t record_o,
    input logic record_done_i,
    input logic record_ok_i,

    output logic [1:0] op_valid_o,
    input logic [1:0] op_ready_i,
    output item_t [1:0] op_o,
    input logic [1:0] op_valid_i,
    input answer_t [1:0] op_i,

    // RESTORE only. Its answer is awaited.
    output logic [1:0] side_valid_o,
    input logic [1:0] side_ready_i,
    output tally_op_t [1:0] side_o,
    input logic [1:0] side_valid_i,

    output logic [1:0] activity_valid_o,
    input logic [1:0] activity_ready_i,
    output logic [1:0] activity_restore_o,
    output logic [1:0][17:0] activity_row_o,
    output logic [1:0][63:0] activity_bits_o,
    input logic [1:0] activity_valid_i,
    input logic [1:0][63:0] activity_bits_i,

    output logic dma_valid_o,
    input logic dma_ready_i,
    output dma_request_t dma_o,
    output logic dma_data_valid_o,
    input logic dma_data_ready_i,
    output dma_data_t dma_data_o,
    input logic dma_done_i,
    input logic dma_ok_i,

    output logic set_valid_o,
    input logic set_ready_i,
    output eni_set_t set_o,
    input logic set_done_i,
    input logic set_ok_i,

    output logic [11:0] eni_vport_o,
    input eni_t eni_i,

    input drain_state_t drain_i,
    input logic [15:0] window_i,
    // No drain runs, and no window is about to turn.
    input logic go_i,
    input logic pump_i,
    output logic hold_o,

    output device_events_t events_o,
    output error_events_t errors_o,

    input logic clear_i,
    output logic ready_o,
    output logic busy_o
);

  // Records that an EXTRACT may emit: one of the open bank, one of a bank that is still draining.
  localparam logic [31:0] EXTRACT_RECORDS_MAX = 32'd2;
  // Cycles without a drain before one is believed to be over: a window that turned late starts the next.
  localparam logic [2:0] CALM_CYCLES = 3'd4;

  typedef enum logic [4:0] {
    IDLE,
    START,
    FAULT,
    BAD_PHASE,
    CALM,
    CLAIM,
    ASK,
    ANSWER,
    JUDGE,
    RECORD,
    RECORDED,
    COMMIT,
    RESTORE,
    RESTORED,
    SET,
    SET_ANSWER,
    ACTIVITY,
    FINISH,
    COMPLETE,
    COMPLETED,
    SETTLE
  } state_e;

  // What the item is for.
  typedef enum logic [2:0] {
    STEP_PROBE,
    STEP_INSERT,
    STEP_DRAINED,  // the counts of the bank that still drains
    STEP_CHANGE,
    STEP_BACK  // the entry as it was
  } step_e;

  state_e state_q, state_d;
  step_e step_q, step_d;
  status_e status_q, status_d;
  command_t command_q;
  logic ok_q, phase_q;
  // Of the last answer.
  logic hit_q;
  logic [1:0][19:0] buckets_q;
  counter_t counter_q;
  // The slot's entry.
  flow_key_t key_q;
  logic [31:0] cookie_q;
  logic [15:0] window_q, taken_window_q;
  logic waiting_q, pumped_q, wait_for_pump;
  logic [2:0] calm_q;

  // The command.
  logic [7:0] opcode;
  logic egress, is_read, is_delete;
  logic [23:0] slot;

  assign opcode = command_q.tail.opcode;
  assign egress = command_q.key.port.egress;
  assign is_read = opcode == OPCODE_READ_SLOT;
  assign is_delete = opcode == OPCODE_DELETE;
  assign slot = command_q.slot[23:0];
  assign eni_vport_o = command_q.key.port.vport;

  // What is wrong with it.
  status_e first_status, insert_status;
  logic differs, undrained;

  weir_command_check #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) u_check (
      .clk_i,
      .rst_ni,
      .command_i(command_q),
      .status_o(first_status),
      .hit_i(hit_q),
      .key_i(key_q),
      .buckets_i(buckets_q),
      .eni_i,
      .insert_status_o(insert_status),
      .differs_o(differs),
      .drain_i,
      .undrained_o(undrained),
      .more_i(state_q == JUDGE && state_d == ASK && step_d == STEP_INSERT),
      .less_i(state_q == COMMIT && is_delete),
      .clear_i,
      .ready_o
  );

  // The item.
  item_t item;
  logic ask_fire, answered, turned;

  assign turned = state_q == ASK && step_q == STEP_CHANGE && window_i != window_q;

  always_comb begin
    item = '0;
    item.slot = slot;
    item.cookie = command_q.cookie;
    item.packet.meta.vport = {4'd0, command_q.key.port.vport};
    item.packet.meta.key = command_q.key;
    item.packet.meta.stamp.window = window_q;
    unique case (step_q)
      STEP_INSERT: item.op = OP_INSERT;
      STEP_DRAINED: begin
        item.op = OP_EXTRACT;
        item.packet.meta.stamp.window = drain_i.number;
      end
      STEP_CHANGE: item.op = is_delete ? OP_DELETE : OP_UPDATE;
      STEP_BACK: begin
        item.op = OP_INSERT;
        item.cookie = cookie_q;
        item.packet.meta.key = key_q;
      end
      default: item.op = OP_PROBE;
    endcase
  end

  assign op_o = {2{item}};
  assign op_valid_o[0] = state_q == ASK && !turned && !egress;
  assign op_valid_o[1] = state_q == ASK && !turned && egress;
  assign ask_fire = (op_valid_o & op_ready_i) != '0;
  assign answered = state_q == ANSWER && op_valid_i[egress];

  // Its record, and what goes back if that fails.
  always_comb begin
    record_o = record_of(is_read ? KIND_SLOT : KIND_EVICTED, key_q, cookie_q, counter_q,
                         taken_window_q);
    if (is_read) begin
      record_o.packets_first = packets_first_t'(64'(command_q.slot));
      record_o.bytes_window.bytes = '0;
      record_o.tail.last_tick = '0;
    end
  end

  // It fails as well if its ring is stopped in front of it.
  logic record_written, record_failed;

  assign record_valid_o = state_q == RECORD;
  assign record_written = state_q == RECORDED && record_done_i && record_ok_i;
  assign record_failed = state_q == RECORDED && record_done_i && !record_ok_i
      || state_q == RECORD && !record_ready_i && record_room_i == '0;
  assign side_valid_o[0] = state_q == RESTORE && !egress;
  assign side_valid_o[1] = state_q == RESTORE && egress;
  assign side_o = {2{tally_op_t'{op: TALLY_RESTORE, bank: taken_window_q[0], slot: slot, counter: counter_q}}};

  // SET_ENI.
  assign set_valid_o = state_q == SET;
  assign set_o.vport = command_q.key.port.vport;
  assign set_o.flags = eni_flags_t'(command_q.cookie);
  assign set_o.limits = eni_limits_t'(command_q.key[$bits(eni_limits_t)-1:0]);

  // READ_ACTIVITY.
  logic activity_done, activity_ok;

  weir_activity #(
      .SLOTS_LOG2(SLOTS_LOG2)
  ) u_activity (
      .clk_i,
      .rst_ni,
      .start_i(state_q == ACTIVITY && !activity_done),
      .egress_i(egress),
      .unit_i(command_q.slot[23:9]),
      .units_i(command_q.cookie[24:9]),
      .address_i(command_q.arg[63:3]),
      .done_o(activity_done),
      .ok_o(activity_ok),
      .activity_valid_o,
      .activity_ready_i,
      .activity_restore_o,
      .activity_row_o,
      .activity_bits_o,
      .activity_valid_i,
      .activity_bits_i,
      .dma_valid_o,
      .dma_ready_i,
      .dma_o,
      .dma_data_valid_o,
      .dma_data_ready_i,
      .dma_data_o,
      .dma_done_i,
      .dma_ok_i,
      .clear_i
  );

  // The answer.
  assign completion_valid_o = state_q == COMPLETE && completion_room_i != '0;
  assign completion_o = '{
      tail: '{phase: 1'b0, reserved_16: '0, opcode: opcode, status: status_q},
      cookie: command_q.cookie,
      slot: command_q.slot,
      sequence_number: command_q.sequence_number
  };

  assign entry_ready_o = state_q == FAULT || state_q == BAD_PHASE || state_q == FINISH;
  assign release_valid_o = entry_valid_i && (state_q == BAD_PHASE || state_q == FINISH);
  assign release_o = 3'd1;

  // What happens next.
  always_comb begin
    state_d = state_q;
    step_d = step_q;
    status_d = status_q;
    wait_for_pump = 1'b0;
    unique case (state_q)
      IDLE: if (entry_valid_i && !waiting_q && ready_o) state_d = START;
      START: begin
        step_d = STEP_PROBE;
        status_d = STATUS_OK;
        state_d = FINISH;
        if (completion_room_i == '0) wait_for_pump = 1'b1;
        else if (!ok_q) state_d = FAULT;
        else if (!phase_q) begin
          status_d = STATUS_BAD_PHASE;
          state_d = BAD_PHASE;
        end else if (first_status != STATUS_OK) begin
          status_d = first_status;
        end else begin
          unique case (opcode)
            OPCODE_INSERT: state_d = ASK;
            OPCODE_UPDATE, OPCODE_DELETE, OPCODE_READ_SLOT, OPCODE_SET_ENI: state_d = CALM;
            OPCODE_READ_ACTIVITY: state_d = ACTIVITY;
            default: state_d = FINISH;
          endcase
        end
      end
      CALM: if (calm_q == CALM_CYCLES && go_i) state_d = CLAIM;
      // A drain that went on in the cycle before goes first.
      CLAIM: begin
        step_d = STEP_PROBE;
        state_d = opcode == OPCODE_SET_ENI ? SET : ASK;
        if (!go_i) state_d = CALM;
      end
      ASK: begin
        if (turned) state_d = CALM;
        else if (ask_fire) state_d = ANSWER;
      end
      ANSWER:
      if (answered) begin
        unique case (step_q)
          STEP_PROBE: state_d = JUDGE;
          STEP_INSERT: state_d = FINISH;
          STEP_DRAINED: begin
            state_d = op_i[egress].counter.packets == '0 ? ASK : RECORD;
            if (op_i[egress].counter.packets == '0) step_d = STEP_CHANGE;
          end
          STEP_CHANGE: state_d = op_i[egress].counter.packets == '0 ? COMMIT : RECORD;
          default: state_d = RESTORE;
        endcase
      end
      JUDGE: begin
        state_d = FINISH;
        if (opcode == OPCODE_INSERT) begin
          status_d = insert_status;
          if (insert_status == STATUS_OK) begin
            step_d = STEP_INSERT;
            state_d = ASK;
          end
        end else if (!hit_q) status_d = STATUS_SLOT_EMPTY;
        else if (record_room_i < EXTRACT_RECORDS_MAX) wait_for_pump = 1'b1;
        else if (is_read) state_d = RECORD;
        else if (differs) status_d = STATUS_KEY_MISMATCH;
        else begin
          step_d = undrained ? STEP_DRAINED : STEP_CHANGE;
          state_d = ASK;
        end
      end
      RECORD, RECORDED: begin
        if (state_q == RECORD && record_ready_i) state_d = RECORDED;
        if (record_written) begin
          if (is_read) state_d = FINISH;
          else if (step_q == STEP_CHANGE) state_d = COMMIT;
          else begin
            step_d = STEP_CHANGE;
            state_d = ASK;
          end
        end else if (record_failed) begin
          if (is_read) wait_for_pump = 1'b1;
          else if (step_q == STEP_CHANGE) begin
            step_d = STEP_BACK;
            state_d = ASK;
          end else state_d = RESTORE;
        end
      end
      COMMIT: state_d = FINISH;
      RESTORE: if (side_ready_i[egress]) state_d = RESTORED;
      RESTORED: if (side_valid_i[egress]) wait_for_pump = 1'b1;
      SET: if (set_ready_i) state_d = SET_ANSWER;
      SET_ANSWER:
      if (set_done_i) begin
        if (!set_ok_i) status_d = STATUS_BAD_ENI;
        state_d = FINISH;
      end
      ACTIVITY:
      if (activity_done) begin
        state_d = FINISH;
        if (!activity_ok) status_d = STATUS_DMA_FAULT;
      end
      FAULT: state_d = SETTLE;
      BAD_PHASE: state_d = COMPLETE;
      FINISH: state_d = status_q != STATUS_OK || command_q.tail.complete ? COMPLETE : SETTLE;
      // The answer to a ring that was stopped meanwhile is lost.
      COMPLETE: begin
        if (completion_room_i == '0) state_d = SETTLE;
        else if (completion_ready_i) state_d = COMPLETED;
      end
      COMPLETED: if (completion_done_i) state_d = SETTLE;
      // Rings have moved.
      default: state_d = IDLE;
    endcase
    if (wait_for_pump) state_d = SETTLE;
  end

  always_ff @(posedge clk_i) begin
    state_q <= state_d;
    step_q <= step_d;
    status_q <= status_d;
    pumped_q <= pumped_q || pump_i;
    if (pump_i) waiting_q <= 1'b0;
    // A pump that came while it was tried has perhaps made room since.
    else if (wait_for_pump) waiting_q <= !pumped_q;
    if (!go_i || pump_i) calm_q <= '0;
    else if (calm_q != CALM_CYCLES) calm_q <= calm_q + 3'd1;

    if (state_q == IDLE) pumped_q <= pump_i;
    if (state_q == IDLE && entry_valid_i) begin
      command_q <= entry_i;
      ok_q <= entry_ok_i;
      phase_q <= entry_phase_i;
    end
    if (state_q == BAD_PHASE) command_q <= '0;
    if (state_q == START || state_q == CLAIM) window_q <= window_i;
    if (state_q == ASK) taken_window_q <= item.packet.meta.stamp.window;
    if (answered && step_q != STEP_BACK) begin
      hit_q <= op_i[egress].found.hit;
      buckets_q <= op_i[egress].found.buckets;
      counter_q <= op_i[egress].counter;
      key_q <= op_i[egress].found.entry.key;
      cookie_q <= op_i[egress].found.entry.cookie;
    end
    if (!rst_ni || clear_i) begin
      state_q <= IDLE;
      waiting_q <= 1'b0;
      calm_q <= '0;
    end
  end

  // From the claim on, until what it did is done or undone.
  always_comb begin
    unique case (state_q)
      CLAIM, ASK, ANSWER, JUDGE, RECORD, RECORDED, COMMIT, RESTORE, RESTORED, SET, SET_ANSWER: hold_o = 1'b1;
      default: hold_o = 1'b0;
    endcase
  end

  // Events.
  logic finished, refused;
  // READ_ACTIVITY may write more than one event can say.
  logic [21:0] written_q;
  logic more;

  assign finished = state_q == FINISH;
  assign refused = finished && status_q != STATUS_OK;
  assign more = written_q[21:18] != '0;

  always_ff @(posedge clk_i) begin
    if (state_q == ACTIVITY && activity_done && activity_ok) written_q <= command_q.cookie[24:3];
    else written_q <= more ? written_q - 22'h4_0000 : '0;
    if (!rst_ni || clear_i) written_q <= '0;
  end

  always_comb begin
    events_o = '0;
    events_o.commands = finished;
    events_o.commands_refused = refused;
    if (finished) events_o.dma_read_bytes = 18'(DESCRIPTOR_BYTES);
    events_o.dma_write_bytes = more ? 19'h4_0000 : {1'b0, written_q[17:0]};
    events_o.phase_refused = state_q == BAD_PHASE;
    errors_o = '0;
    errors_o.command = refused;
    errors_o.phase = state_q == BAD_PHASE;
    errors_o.dma = state_q == FAULT || finished && status_q == STATUS_DMA_FAULT;
    events_o.dma_refused = errors_o.dma;
  end

  assign busy_o = state_q != IDLE || (entry_valid_i && !waiting_q) || written_q != '0 || !ready_o;

  logic unused;
  assign unused = &{1'b0, op_i};

endmodule
