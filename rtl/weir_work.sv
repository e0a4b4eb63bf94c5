// The host's work, in its order: drain, commands, injects.
//
//   drain ─▶ record ─┬─ rows, scan, counts ─▶ [share] ─▶ engines
//            command ─┼─ operations, counts ─▶ [share] ─▶ engines
//   registers ────────┴─ the slot and the ledger that they show
//            inject ──── retries, frames ─▶ engines; back to punt
//
// A command starts only while no drain can go on and no window is about to turn, an inject only while neither does.
// A drain stands while a command is at work.
//
// Timing: none of its own but that of the modules.
// Model: `pump` in hw-model/src/nic.rs.
module weir_work
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 17,
    parameter int unsigned ENIS_LOG2 = 12
) (
    input logic clk_i,
    input logic rst_ni,
    input logic clear_i,
    output logic ready_o,

    // To and from the engines.
    output logic [1:0] op_valid_o,
    input logic [1:0] op_ready_i,
    output item_t [1:0] op_o,
    input logic [1:0] op_valid_i,
    input answer_t [1:0] op_i,
    output logic [1:0] retry_valid_o,
    input logic [1:0] retry_ready_i,
    output item_t [1:0] retry_o,
    input logic [1:0] retry_valid_i,
    input answer_t [1:0] retry_i,
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
    output logic [1:0] activity_valid_o,
    input logic [1:0] activity_ready_i,
    output logic [1:0] activity_restore_o,
    output logic [1:0][17:0] activity_row_o,
    output logic [1:0][63:0] activity_bits_o,
    input logic [1:0] activity_valid_i,
    input logic [1:0][63:0] activity_bits_i,
    output logic [1:0] inject_valid_o,
    input logic [1:0] inject_ready_i,
    output verdict_t [1:0] inject_o,
    output logic [1:0] inject_beat_valid_o,
    input logic [1:0] inject_beat_ready_i,
    output beat_t [1:0] inject_beat_o,
    input logic [1:0] inject_done_i,

    // To punt.
    output logic back_valid_o,
    input logic back_ready_i,
    output verdict_t back_o,
    output logic back_beat_valid_o,
    input logic back_beat_ready_i,
    output beat_t back_beat_o,
    input logic back_done_i,
    input logic back_ok_i,

    // ENI table: command at index 0, inject at 1, record at 2.
    output logic [2:0][11:0] eni_vport_o,
    input eni_t [2:0] eni_i,
    output logic set_valid_o,
    input logic set_ready_i,
    output eni_set_t set_o,
    input logic set_done_i,
    input logic set_ok_i,
    output logic ledger_valid_o,
    input logic ledger_ready_i,
    output logic ledger_egress_o,
    output logic ledger_bank_o,
    output logic [11:0] ledger_vport_o,
    output logic ledger_clear_o,
    input logic ledger_valid_i,
    input ledger_t ledger_i,

    // Windows.
    input stamp_t stamp_i,
    input logic [63:0] start_ns_i,
    input logic announce_i,
    input logic drain_valid_i,
    output logic drain_ready_o,
    input drain_t drain_i,
    input logic window_busy_i,
    output logic enter_o,
    output logic leave_o,
    output logic leave_bank_o,

    // What the registers show.
    input logic [1:0] probe_valid_i,
    output logic [1:0] probe_ready_o,
    input item_t [1:0] probe_i,
    output logic [1:0] probe_valid_o,
    input logic shown_ledger_valid_i,
    output logic shown_ledger_ready_o,
    input logic shown_ledger_egress_i,
    input logic shown_ledger_bank_i,
    input logic [11:0] shown_ledger_vport_i,
    output logic shown_ledger_valid_o,

    // Rings and host memory, as weir_host's: commands at index 0, injects at 1.
    input logic [1:0] entry_valid_i,
    output logic [1:0] entry_ready_o,
    input logic [1:0][511:0] entry_i,
    input logic [1:0] entry_ok_i,
    input logic [1:0] entry_phase_i,
    input logic [63:0] entry_iova_i,
    input logic [31:0] pending_i,
    output logic [1:0] release_valid_o,
    output logic [1:0][2:0] release_o,
    output logic fault_o,
    input ring_config_t inject_config_i,
    output logic completion_valid_o,
    input logic completion_ready_i,
    output completion_t completion_o,
    input logic completion_done_i,
    input logic [31:0] completion_room_i,
    output logic record_valid_o,
    input logic record_ready_i,
    output logic [511:0] record_o,
    output logic record_now_o,
    input logic record_done_i,
    input logic record_ok_i,
    input logic [31:0] record_room_i,
    output logic dma_valid_o,
    input logic dma_ready_i,
    output dma_request_t dma_o,
    output logic dma_data_valid_o,
    input logic dma_data_ready_i,
    output dma_data_t dma_data_o,
    input logic dma_done_i,
    input logic dma_ok_i,
    output logic read_valid_o,
    input logic read_ready_i,
    output dma_request_t read_o,
    input logic read_valid_i,
    output logic read_ready_o,
    input dma_read_t read_i,
    input logic pump_i,
    // Commands are on their way.
    input logic commands_busy_i,

    // Of command at index 0, of inject at 1; REJECTED by direction.
    output device_events_t [1:0] events_o,
    output error_events_t errors_o,
    output logic [1:0] rejected_o,
    // The drain waits for room.
    output logic stalled_o,
    output logic busy_o
);

  logic command_busy, inject_busy, record_busy, hold, command_goes, inject_goes;
  error_events_t command_errors, inject_errors;
  drain_state_t drained;

  // A window that has ended, or will, goes first.
  assign command_goes = !window_busy_i && !(drain_valid_i && !stalled_o);
  assign inject_goes = command_goes && !command_busy && !commands_busy_i;
  assign busy_o = command_busy || inject_busy || record_busy || !ready_o;
  assign errors_o = command_errors | inject_errors;

  // What several want of one.
  logic [1:0] command_op_valid, command_op_ready, command_op_answered;
  item_t [1:0] command_op;
  logic [1:0] command_side_valid, command_side_ready, command_side_answered;
  logic [1:0] record_side_valid, record_side_ready, record_side_answered;
  tally_op_t [1:0] command_side, record_side;

  for (genvar i = 0; i < 2; i++) begin : gen_share
    weir_share #(
        .request_t(item_t)
    ) u_op (
        .clk_i,
        .rst_ni,
        .valid_i({probe_valid_i[i], command_op_valid[i]}),
        .ready_o({probe_ready_o[i], command_op_ready[i]}),
        .request_i({probe_i[i], command_op[i]}),
        .answer_valid_o({probe_valid_o[i], command_op_answered[i]}),
        .valid_o(op_valid_o[i]),
        .ready_i(op_ready_i[i]),
        .request_o(op_o[i]),
        .answer_valid_i(op_valid_i[i])
    );

    weir_share #(
        .request_t(tally_op_t)
    ) u_side (
        .clk_i,
        .rst_ni,
        .valid_i({command_side_valid[i], record_side_valid[i]}),
        .ready_o({command_side_ready[i], record_side_ready[i]}),
        .request_i({command_side[i], record_side[i]}),
        .answer_valid_o({command_side_answered[i], record_side_answered[i]}),
        .valid_o(side_valid_o[i]),
        .ready_i(side_ready_i[i]),
        .request_o(side_o[i]),
        .answer_valid_i(side_valid_i[i])
    );
  end

  typedef struct packed {
    logic egress;
    logic bank;
    logic [11:0] vport;
    logic clear;
  } ledger_read_t;

  logic ledger_valid, ledger_ready, ledger_answered;
  ledger_read_t ledger, shown_ledger, ledger_out;

  assign shown_ledger = '{
      egress: shown_ledger_egress_i,
      bank: shown_ledger_bank_i,
      vport: shown_ledger_vport_i,
      clear: 1'b0
  };
  assign ledger_egress_o = ledger_out.egress;
  assign ledger_bank_o = ledger_out.bank;
  assign ledger_vport_o = ledger_out.vport;
  assign ledger_clear_o = ledger_out.clear;

  weir_share #(
      .request_t(ledger_read_t)
  ) u_ledger (
      .clk_i,
      .rst_ni,
      .valid_i({shown_ledger_valid_i, ledger_valid}),
      .ready_o({shown_ledger_ready_o, ledger_ready}),
      .request_i({shown_ledger, ledger}),
      .answer_valid_o({shown_ledger_valid_o, ledger_answered}),
      .valid_o(ledger_valid_o),
      .ready_i(ledger_ready_i),
      .request_o(ledger_out),
      .answer_valid_i(ledger_valid_i)
  );

  // A command's records go through the drain's.
  logic command_record_valid, command_record_ready, command_record_done, command_record_ok;
  flow_record_t command_record;

  weir_record #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) u_record (
      .clk_i,
      .rst_ni,
      .drain_valid_i,
      .drain_ready_o,
      .drain_i,
      .announce_i,
      .start_ns_i,
      .window_i(stamp_i.window),
      .drain_o(drained),
      .scan_valid_o,
      .scan_ready_i,
      .scan_slot_o,
      .scan_valid_i,
      .scan_i,
      .side_valid_o(record_side_valid),
      .side_ready_i(record_side_ready),
      .side_o(record_side),
      .side_valid_i(record_side_answered),
      .side_counter_i,
      .row_valid_o,
      .row_ready_i,
      .row_bank_o,
      .row_o,
      .row_valid_i,
      .row_bits_i,
      .eni_vport_o(eni_vport_o[2]),
      .eni_i(eni_i[2]),
      .ledger_valid_o(ledger_valid),
      .ledger_ready_i(ledger_ready),
      .ledger_egress_o(ledger.egress),
      .ledger_bank_o(ledger.bank),
      .ledger_vport_o(ledger.vport),
      .ledger_clear_o(ledger.clear),
      .ledger_valid_i(ledger_answered),
      .ledger_i,
      .record_valid_i(command_record_valid),
      .record_ready_o(command_record_ready),
      .record_i(command_record),
      .record_done_o(command_record_done),
      .record_ok_o(command_record_ok),
      .push_valid_o(record_valid_o),
      .push_ready_i(record_ready_i),
      .push_o(record_o),
      .post_now_o(record_now_o),
      .push_done_i(record_done_i),
      .push_ok_i(record_ok_i),
      .room_i(record_room_i),
      .hold_i(hold),
      .stalled_o,
      .clear_i,
      .busy_o(record_busy)
  );

  weir_command #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) u_command (
      .clk_i,
      .rst_ni,
      .entry_valid_i(entry_valid_i[0]),
      .entry_ready_o(entry_ready_o[0]),
      .entry_i(entry_i[0]),
      .entry_ok_i(entry_ok_i[0]),
      .entry_phase_i(entry_phase_i[0]),
      .release_valid_o(release_valid_o[0]),
      .release_o(release_o[0]),
      .completion_valid_o,
      .completion_ready_i,
      .completion_o,
      .completion_done_i,
      .completion_room_i,
      .record_room_i,
      .record_valid_o(command_record_valid),
      .record_ready_i(command_record_ready),
      .record_o(command_record),
      .record_done_i(command_record_done),
      .record_ok_i(command_record_ok),
      .op_valid_o(command_op_valid),
      .op_ready_i(command_op_ready),
      .op_o(command_op),
      .op_valid_i(command_op_answered),
      .op_i,
      .side_valid_o(command_side_valid),
      .side_ready_i(command_side_ready),
      .side_o(command_side),
      .side_valid_i(command_side_answered),
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
      .set_valid_o,
      .set_ready_i,
      .set_o,
      .set_done_i,
      .set_ok_i,
      .eni_vport_o(eni_vport_o[0]),
      .eni_i(eni_i[0]),
      .drain_i(drained),
      .window_i(stamp_i.window),
      .go_i(command_goes),
      .pump_i,
      .hold_o(hold),
      .events_o(events_o[0]),
      .errors_o(command_errors),
      .clear_i,
      .ready_o,
      .busy_o(command_busy)
  );

  weir_inject u_inject (
      .clk_i,
      .rst_ni,
      .entry_valid_i(entry_valid_i[1]),
      .entry_ready_o(entry_ready_o[1]),
      .entry_i(entry_i[1]),
      .entry_ok_i(entry_ok_i[1]),
      .entry_phase_i(entry_phase_i[1]),
      .entry_iova_i,
      .pending_i,
      .release_valid_o(release_valid_o[1]),
      .release_o(release_o[1]),
      .fault_o,
      .config_i(inject_config_i),
      .read_valid_o,
      .read_ready_i,
      .read_o,
      .read_valid_i,
      .read_ready_o,
      .read_i,
      .retry_valid_o,
      .retry_ready_i,
      .retry_o,
      .retry_valid_i,
      .retry_i,
      .inject_valid_o,
      .inject_ready_i,
      .inject_o,
      .inject_beat_valid_o,
      .inject_beat_ready_i,
      .inject_beat_o,
      .inject_done_i,
      .back_valid_o,
      .back_ready_i,
      .back_o,
      .back_beat_valid_o,
      .back_beat_ready_i,
      .back_beat_o,
      .back_done_i,
      .back_ok_i,
      .eni_vport_o(eni_vport_o[1]),
      .eni_i(eni_i[1]),
      .stamp_i,
      .enter_o,
      .leave_o,
      .leave_bank_o,
      .go_i(inject_goes),
      .pump_i,
      .events_o(events_o[1]),
      .errors_o(inject_errors),
      .rejected_o,
      .clear_i,
      .busy_o(inject_busy)
  );

endmodule
