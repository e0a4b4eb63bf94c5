// The NIC: every module wired to the others.
//
//   in ─▶ engine ingress ─▶ out      eni, window          host: registers ◀─ AXI4-Lite
//   in ─▶ engine egress ──▶ out        │                        interrupts ─▶ MSI-X
//            │ punts    ▲ ops, injects │ drain                  rings
//            ▼          │              ▼                        dma ─▶ AXI4
//          punt     work: command, inject, record ───────────▶
//
// `quiet_o` is low while anything will move by itself; then everything that can be read is a function of what
// went in, and equal to the model's.
//
// Timing: none of its own but that of the modules.
// Model: hw-model/src/nic.rs.
module weir_top
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // Slots of a direction, as a power of two: 7 to 24.
    parameter int unsigned SLOTS_LOG2 = 17,
    // Virtual ports, as a power of two: 0 to 12.
    parameter int unsigned ENIS_LOG2 = 12,
    // Beats of the frame buffer, of punt's staging, and frames in the punt ring whose ENI is remembered.
    parameter int unsigned FRAME_BEATS = 512,
    parameter int unsigned PUNT_BEATS = 1024,
    parameter int unsigned CREDIT_FRAMES = 16384,
    // The stream has a clock of its own.
    parameter bit TWO_CLOCKS = 1'b0,
    // Blocks rest while nothing moves in them: for a simulator.
    parameter bit RESTS = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,
    // Of the stream; not looked at with one clock.
    input logic clk_front_i,
    input logic rst_front_ni,

    // Nobody rests.
    input logic awake_i,

    // Counts ns.
    input logic [63:0] time_ns_i,

    // Frames, by direction.
    input logic [1:0] in_valid_i,
    output logic [1:0] in_ready_o,
    input logic [1:0][511:0] in_data_i,
    input logic [1:0][6:0] in_bytes_i,
    input logic [1:0] in_last_i,
    input frame_user_t [1:0] in_user_i,
    output logic [1:0] out_valid_o,
    input logic [1:0] out_ready_i,
    output logic [1:0][511:0] out_data_o,
    output logic [1:0][6:0] out_bytes_o,
    output logic [1:0] out_last_o,
    output sent_user_t [1:0] out_user_o,

    // Host memory: bursts of whole beats of 64 bytes, one ID.
    output logic axi_awvalid_o,
    input logic axi_awready_i,
    output logic [63:0] axi_awaddr_o,
    output logic [7:0] axi_awlen_o,
    output logic axi_wvalid_o,
    input logic axi_wready_i,
    output logic [511:0] axi_wdata_o,
    output logic [63:0] axi_wstrb_o,
    output logic axi_wlast_o,
    input logic axi_bvalid_i,
    output logic axi_bready_o,
    input logic [1:0] axi_bresp_i,
    output logic axi_arvalid_o,
    input logic axi_arready_i,
    output logic [63:0] axi_araddr_o,
    output logic [7:0] axi_arlen_o,
    input logic axi_rvalid_i,
    output logic axi_rready_o,
    input logic [511:0] axi_rdata_i,
    input logic [1:0] axi_rresp_i,
    input logic axi_rlast_i,

    // BAR0.
    input logic axil_awvalid_i,
    output logic axil_awready_o,
    input logic [11:0] axil_awaddr_i,
    input logic axil_wvalid_i,
    output logic axil_wready_o,
    input logic [31:0] axil_wdata_i,
    input logic [3:0] axil_wstrb_i,
    output logic axil_bvalid_o,
    input logic axil_bready_i,
    output logic [1:0] axil_bresp_o,
    input logic axil_arvalid_i,
    output logic axil_arready_o,
    input logic [11:0] axil_araddr_i,
    output logic axil_rvalid_o,
    input logic axil_rready_i,
    output logic [31:0] axil_rdata_o,
    output logic [1:0] axil_rresp_o,

    output logic msix_valid_o,
    input logic msix_ready_i,
    output logic [4:0] msix_vector_o,

    // Nothing will move by itself; the device's time; when the time will make something move.
    output logic quiet_o,
    // Who is not: host's side, work, punt, window, ENIs, egress, ingress. For who waits in vain.
    output logic [6:0] busy_o,
    output logic [63:0] now_ns_o,
    output logic [63:0] next_event_o,
    // What waits is raised.
    output logic fire_o,
    // A beat, or a frame for the table, had to wait: never at line rate.
    output logic [1:0] stall_o
);

  // ---- Who is awake ----

  localparam int unsigned INGRESS = 0;
  localparam int unsigned EGRESS = 1;
  localparam int unsigned ENIS = 2;
  localparam int unsigned PUNT = 3;
  localparam int unsigned WORK = 4;
  localparam int unsigned RESTING = 5;

  logic [RESTING-1:0] awake, clk;
  logic all_awake;

  for (genvar i = 0; i < RESTING; i++) begin : gen_rest
    weir_rest #(
        .RESTS(RESTS)
    ) u_rest (
        .clk_i,
        .awake_i(awake[i] || all_awake),
        .clk_o(clk[i])
    );
  end

  logic clear, enable, pump;
  logic [1:0] engines_busy, engines_ready;
  logic eni_busy, eni_ready, window_busy, punt_busy, punt_ready, work_busy, work_ready, host_busy, rings_busy;

  // Windows.
  stamp_t stamp;
  logic [63:0] start_ns, boundary_ns, due_ns, set_time_ns;
  logic [1:0][63:0] tick_base_ns;
  logic [31:0] overruns;
  logic set_time, set_seconds, close, announce, stalled;
  logic [9:0] seconds;
  logic drain_valid, drain_ready;
  drain_t drain;

  // Engines to ENIs and window.
  logic [1:0] stamped, meta_valid, admitted_valid, judged_valid, bubble, shape_valid, shaped_valid;
  logic [1:0] leave, leave_bank, punt_enter, punt_enter_bank;
  meta_t [1:0] meta;
  admitted_t [1:0] admitted;
  ledger_op_t [1:0] judged, shaped;
  bucket_ask_t [1:0] shape;
  logic shape_ready, shape_answered;
  bucket_answer_t shape_answer;

  // Work to engines.
  logic [1:0] op_valid, op_ready, op_answered, retry_valid, retry_ready, retry_answered;
  item_t [1:0] op, retry;
  answer_t [1:0] op_answer, retry_answer;
  logic [1:0] scan_valid, scan_ready, scan_answered, side_valid, side_ready, side_answered;
  logic [1:0][23:0] scan_slot;
  slot_t [1:0] scan_answer;
  tally_op_t [1:0] side;
  counter_t [1:0] side_answer;
  logic [1:0] row_valid, row_ready, row_bank, row_answered;
  logic [1:0][17:0] row, activity_row;
  logic [1:0][63:0] row_answer, activity_bits, activity_answer;
  logic [1:0] activity_valid, activity_ready, activity_restore, activity_answered;
  logic [1:0] inject_valid, inject_ready, inject_beat_valid, inject_beat_ready, inject_done, inject_done_bank;
  verdict_t [1:0] inject;
  beat_t [1:0] inject_beat;
  logic inject_enter, inject_leave, inject_leave_bank;

  // Engines and work to punt.
  logic [1:0] punt_valid, punt_taken, punt_lost, punt_beat_valid, punt_beat_ready, punt_waits;
  logic [1:0][15:0] punt_room;
  verdict_t [1:0] punt;
  beat_t [1:0] punt_beat;
  logic back_valid, back_ready, back_beat_valid, back_beat_ready, back_done, back_ok;
  verdict_t back;
  beat_t back_beat;
  logic punt_leave, punt_leave_bank;

  // ENIs.
  logic flow_valid, flow_answered, flow_admitted, set_valid, set_ready, set_done, set_ok, end_valid, end_ready;
  limits_t flow_limits;
  logic [63:0] flow_time;
  eni_set_t set;
  punt_end_t punt_end;
  logic [3:0][11:0] eni_vport;
  eni_t [3:0] eni;
  logic ledger_valid, ledger_ready, ledger_egress, ledger_bank, ledger_clear, ledger_answered;
  logic [11:0] ledger_vport;
  ledger_t ledger;

  // What the registers show.
  logic [1:0] probe_valid, probe_ready, probe_answered;
  item_t [1:0] probe;
  logic shown_valid, shown_ready, shown_egress, shown_bank, shown_answered;
  logic [11:0] shown_vport;

  // Rings: commands at index 0, injects at 1. DMA writes: punt at index 0, READ_ACTIVITY at 1.
  logic [1:0] entry_valid, entry_ready, entry_ok, entry_phase, release_valid;
  logic [1:0][511:0] entry;
  logic [1:0][63:0] entry_iova;
  logic [1:0][31:0] pending;
  logic [1:0][2:0] released;
  logic inject_fault, commands_busy;
  logic completion_valid, completion_ready, completion_done, record_valid, record_ready, record_now, record_done;
  logic record_ok;
  completion_t completion;
  logic [511:0] record;
  logic [31:0] completion_room, record_room;
  logic [1:0] write_valid, write_ready, write_data_valid, write_data_ready, write_done, write_ok;
  dma_request_t [1:0] write;
  dma_data_t [1:0] write_data;
  logic read_valid, read_ready, fetched_valid, fetched_ready;
  dma_request_t read;
  dma_read_t fetched;
  ring_config_t inject_config, punt_config;
  ring_write_t punt_write;
  ring_state_t punt_state;
  logic punt_setup_error, punt_index_error, punt_pump;
  post_t punt_post;

  // What moved.
  engine_events_t [1:0][1:0] engine_events;
  logic [1:0] punts, skipped, mirrored, rejected;
  device_events_t [2:0] device_events;
  logic [18:0] punt_bytes;
  logic punt_refused;
  error_events_t work_errors, errors;

  for (genvar i = 0; i < 2; i++) begin : gen_engine
    beat_t out;

    weir_engine #(
        .EGRESS(i == 1),
        .SLOTS_LOG2(SLOTS_LOG2),
        .ENIS_LOG2(ENIS_LOG2),
        .FRAME_BEATS(FRAME_BEATS),
        .TWO_CLOCKS(TWO_CLOCKS),
        .RESTS(RESTS)
    ) u_engine (
        .clk_i(clk[i]), .clk_root_i(clk_i), .rst_ni, .awake_i(all_awake), .clk_front_i, .rst_front_ni,
        .in_valid_i(in_valid_i[i]), .in_ready_o(in_ready_o[i]),
        .in_i({in_last_i[i], in_bytes_i[i], in_data_i[i]}), .in_user_i(in_user_i[i]), .stamp_i(stamp),
        .tick_base_ns_i(tick_base_ns), .stamped_o(stamped[i]), .meta_valid_o(meta_valid[i]), .meta_o(meta[i]),
        .admitted_valid_i(admitted_valid[i]), .admitted_i(admitted[i]), .judged_valid_o(judged_valid[i]),
        .judged_o(judged[i]), .bubble_i(bubble[i]), .op_valid_i(op_valid[i]), .op_ready_o(op_ready[i]),
        .op_i(op[i]), .op_valid_o(op_answered[i]), .op_o(op_answer[i]), .retry_valid_i(retry_valid[i]),
        .retry_ready_o(retry_ready[i]), .retry_i(retry[i]), .retry_valid_o(retry_answered[i]),
        .retry_o(retry_answer[i]), .scan_valid_i(scan_valid[i]), .scan_ready_o(scan_ready[i]),
        .scan_slot_i(scan_slot[i]), .scan_valid_o(scan_answered[i]), .scan_o(scan_answer[i]),
        .side_valid_i(side_valid[i]), .side_ready_o(side_ready[i]), .side_i(side[i]),
        .side_valid_o(side_answered[i]), .side_counter_o(side_answer[i]), .row_valid_i(row_valid[i]),
        .row_ready_o(row_ready[i]), .row_bank_i(row_bank[i]), .row_i(row[i]), .row_valid_o(row_answered[i]),
        .row_bits_o(row_answer[i]), .activity_valid_i(activity_valid[i]), .activity_ready_o(activity_ready[i]),
        .activity_restore_i(activity_restore[i]), .activity_row_i(activity_row[i]),
        .activity_bits_i(activity_bits[i]), .activity_valid_o(activity_answered[i]),
        .activity_bits_o(activity_answer[i]), .inject_valid_i(inject_valid[i]), .inject_ready_o(inject_ready[i]),
        .inject_i(inject[i]), .inject_beat_valid_i(inject_beat_valid[i]),
        .inject_beat_ready_o(inject_beat_ready[i]), .inject_beat_i(inject_beat[i]), .shape_valid_o(shape_valid[i]),
        .shape_ready_i(i == 1 && shape_ready), .shape_o(shape[i]), .shape_valid_i(i == 1 && shape_answered),
        .shape_i(shape_answer), .shaped_valid_o(shaped_valid[i]), .shaped_o(shaped[i]),
        .out_valid_o(out_valid_o[i]), .out_ready_i(out_ready_i[i]), .out_o(out), .out_user_o(out_user_o[i]),
        .punt_room_i(punt_room[i]), .punt_valid_o(punt_valid[i]), .punt_ready_i(punt_taken[i]), .punt_o(punt[i]),
        .punt_lost_o(punt_lost[i]), .punt_beat_valid_o(punt_beat_valid[i]), .punt_beat_ready_i(punt_beat_ready[i]),
        .punt_beat_o(punt_beat[i]), .punt_busy_i(punt_waits[i]), .punt_enter_o(punt_enter[i]),
        .punt_enter_bank_o(punt_enter_bank[i]),
        .leave_o(leave[i]), .leave_bank_o(leave_bank[i]), .inject_done_o(inject_done[i]),
        .inject_done_bank_o(inject_done_bank[i]), .events_o(engine_events[i][0]), .stall_o(stall_o[i]), .clear_i(clear),
        .ready_o(engines_ready[i]), .busy_o(engines_busy[i])
    );

    assign out_data_o[i] = out.data;
    assign out_bytes_o[i] = out.bytes;
    assign out_last_o[i] = out.last;

    always_comb begin
      engine_events[i][1] = '0;
      engine_events[i][1].punts = punts[i];
      engine_events[i][1].skipped = skipped[i];
      engine_events[i][1].mirrored = mirrored[i];
      engine_events[i][1].rejected = rejected[i];
    end
  end

  weir_eni #(
      .ENIS_LOG2(ENIS_LOG2),
      .RESTS(RESTS)
  ) u_eni (
      .clk_i(clk[ENIS]), .clk_root_i(clk_i), .awake_i(all_awake), .rst_ni, .clear_i(clear), .ready_o(eni_ready),
      .enable_i(enable), .meta_valid_i(meta_valid),
      .meta_i(meta), .admitted_valid_o(admitted_valid), .admitted_o(admitted), .shape_valid_i(shape_valid[1]),
      .shape_ready_o(shape_ready), .shape_i(shape[1]), .shape_valid_o(shape_answered), .shape_o(shape_answer),
      .flow_valid_i(flow_valid), .flow_limits_i(flow_limits), .flow_time_i(flow_time), .flow_valid_o(flow_answered),
      .flow_admitted_o(flow_admitted), .set_valid_i(set_valid), .set_ready_o(set_ready), .set_i(set),
      .set_done_o(set_done), .set_ok_o(set_ok), .read_vport_i(eni_vport), .read_o(eni),
      .judged_valid_i(judged_valid), .judged_i(judged), .shaped_valid_i(shaped_valid[1]), .shaped_i(shaped[1]),
      .end_valid_i(end_valid), .end_ready_o(end_ready), .end_i(punt_end), .ledger_valid_i(ledger_valid),
      .ledger_ready_o(ledger_ready), .ledger_egress_i(ledger_egress), .ledger_bank_i(ledger_bank),
      .ledger_vport_i(ledger_vport), .ledger_clear_i(ledger_clear), .ledger_valid_o(ledger_answered),
      .ledger_o(ledger), .bubble_o(bubble), .busy_o(eni_busy)
  );

  weir_window u_window (
      .clk_i, .rst_ni, .clear_i(clear), .busy_o(window_busy), .time_ns_i, .set_valid_i(set_time),
      .set_ns_i(set_time_ns), .seconds_valid_i(set_seconds), .seconds_i(seconds), .enable_i(enable),
      .close_i(close), .now_ns_o(now_ns_o), .stamp_o(stamp), .start_ns_o(start_ns), .tick_base_ns_o(tick_base_ns),
      .boundary_ns_o(boundary_ns), .overruns_o(overruns), .enter_i({inject_enter, stamped}),
      .punt_enter_i(punt_enter), .punt_enter_bank_i(punt_enter_bank), .leave_i({inject_leave, punt_leave, leave}),
      .leave_bank_i({inject_leave_bank, punt_leave_bank, leave_bank}), .punt_producer_i(punt_state.nic_index),
      .announce_o(announce), .drain_valid_o(drain_valid), .drain_ready_i(drain_ready), .drain_o(drain)
  );

  weir_punt #(
      .ENIS_LOG2(ENIS_LOG2),
      .PUNT_BEATS(PUNT_BEATS),
      .CREDIT_FRAMES(CREDIT_FRAMES),
      .TWO_CLOCKS(TWO_CLOCKS)
  ) u_punt (
      .clk_i(clk[PUNT]), .rst_ni, .clk_front_i, .rst_front_ni, .punt_busy_o(punt_waits),
      .punt_enter_i(punt_enter), .ledgers_ready_i(eni_ready), .clear_i(clear), .ready_o(punt_ready),
      .busy_o(punt_busy), .config_i(punt_config),
      .write_i(punt_write), .state_o(punt_state), .setup_error_o(punt_setup_error),
      .index_error_o(punt_index_error), .pump_o(punt_pump), .punt_valid_i(punt_valid), .punt_ready_o(punt_taken),
      .punt_i(punt), .punt_lost_i(punt_lost), .punt_beat_valid_i(punt_beat_valid),
      .punt_beat_ready_o(punt_beat_ready), .punt_beat_i(punt_beat), .punt_room_o(punt_room),
      .back_valid_i(back_valid), .back_ready_o(back_ready), .back_i(back), .back_beat_valid_i(back_beat_valid),
      .back_beat_ready_o(back_beat_ready), .back_beat_i(back_beat), .back_done_o(back_done), .back_ok_o(back_ok),
      .flow_valid_o(flow_valid), .flow_limits_o(flow_limits), .flow_time_o(flow_time), .flow_valid_i(flow_answered),
      .flow_admitted_i(flow_admitted), .eni_vport_o(eni_vport[1]), .eni_i(eni[1]), .end_valid_o(end_valid),
      .end_ready_i(end_ready), .end_o(punt_end), .dma_valid_o(write_valid[0]), .dma_ready_i(write_ready[0]),
      .dma_o(write[0]), .dma_data_valid_o(write_data_valid[0]), .dma_data_ready_i(write_data_ready[0]),
      .dma_data_o(write_data[0]), .dma_done_i(write_done[0]), .dma_ok_i(write_ok[0]), .now_ns_i(stamp.time_ns),
      .post_o(punt_post), .leave_o(punt_leave), .leave_bank_o(punt_leave_bank), .punts_o(punts),
      .skipped_o(skipped), .mirrored_o(mirrored), .dma_write_bytes_o(punt_bytes), .dma_refused_o(punt_refused)
  );

  weir_work #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) u_work (
      .clk_i(clk[WORK]), .rst_ni, .clear_i(clear), .ready_o(work_ready), .op_valid_o(op_valid), .op_ready_i(op_ready),
      .op_o(op), .op_valid_i(op_answered), .op_i(op_answer), .retry_valid_o(retry_valid),
      .retry_ready_i(retry_ready), .retry_o(retry), .retry_valid_i(retry_answered), .retry_i(retry_answer),
      .scan_valid_o(scan_valid), .scan_ready_i(scan_ready), .scan_slot_o(scan_slot), .scan_valid_i(scan_answered),
      .scan_i(scan_answer), .side_valid_o(side_valid), .side_ready_i(side_ready), .side_o(side),
      .side_valid_i(side_answered), .side_counter_i(side_answer), .row_valid_o(row_valid), .row_ready_i(row_ready),
      .row_bank_o(row_bank), .row_o(row), .row_valid_i(row_answered), .row_bits_i(row_answer),
      .activity_valid_o(activity_valid), .activity_ready_i(activity_ready), .activity_restore_o(activity_restore),
      .activity_row_o(activity_row), .activity_bits_o(activity_bits), .activity_valid_i(activity_answered),
      .activity_bits_i(activity_answer), .inject_valid_o(inject_valid), .inject_ready_i(inject_ready),
      .inject_o(inject), .inject_beat_valid_o(inject_beat_valid), .inject_beat_ready_i(inject_beat_ready),
      .inject_beat_o(inject_beat), .inject_done_i(inject_done), .back_valid_o(back_valid),
      .back_ready_i(back_ready), .back_o(back), .back_beat_valid_o(back_beat_valid),
      .back_beat_ready_i(back_beat_ready), .back_beat_o(back_beat), .back_done_i(back_done), .back_ok_i(back_ok),
      .eni_vport_o({eni_vport[3], eni_vport[2], eni_vport[0]}), .eni_i({eni[3], eni[2], eni[0]}),
      .set_valid_o(set_valid), .set_ready_i(set_ready), .set_o(set), .set_done_i(set_done), .set_ok_i(set_ok),
      .ledger_valid_o(ledger_valid), .ledger_ready_i(ledger_ready), .ledger_egress_o(ledger_egress),
      .ledger_bank_o(ledger_bank), .ledger_vport_o(ledger_vport), .ledger_clear_o(ledger_clear),
      .ledger_valid_i(ledger_answered), .ledger_i(ledger), .stamp_i(stamp), .start_ns_i(start_ns),
      .announce_i(announce), .drain_valid_i(drain_valid), .drain_ready_o(drain_ready), .drain_i(drain),
      .window_busy_i(window_busy), .enter_o(inject_enter), .leave_o(inject_leave), .leave_bank_o(inject_leave_bank),
      .probe_valid_i(probe_valid), .probe_ready_o(probe_ready), .probe_i(probe), .probe_valid_o(probe_answered),
      .shown_ledger_valid_i(shown_valid), .shown_ledger_ready_o(shown_ready), .shown_ledger_egress_i(shown_egress),
      .shown_ledger_bank_i(shown_bank), .shown_ledger_vport_i(shown_vport), .shown_ledger_valid_o(shown_answered),
      .entry_valid_i(entry_valid), .entry_ready_o(entry_ready), .entry_i(entry), .entry_ok_i(entry_ok),
      .entry_phase_i(entry_phase), .entry_iova_i(entry_iova[1]), .pending_i(pending[1]),
      .release_valid_o(release_valid), .release_o(released), .fault_o(inject_fault),
      .inject_config_i(inject_config), .completion_valid_o(completion_valid), .completion_ready_i(completion_ready),
      .completion_o(completion), .completion_done_i(completion_done), .completion_room_i(completion_room),
      .record_valid_o(record_valid), .record_ready_i(record_ready), .record_o(record), .record_now_o(record_now),
      .record_done_i(record_done), .record_ok_i(record_ok), .record_room_i(record_room),
      .dma_valid_o(write_valid[1]), .dma_ready_i(write_ready[1]), .dma_o(write[1]),
      .dma_data_valid_o(write_data_valid[1]), .dma_data_ready_i(write_data_ready[1]), .dma_data_o(write_data[1]),
      .dma_done_i(write_done[1]), .dma_ok_i(write_ok[1]), .read_valid_o(read_valid), .read_ready_i(read_ready),
      .read_o(read), .read_valid_i(fetched_valid), .read_ready_o(fetched_ready), .read_i(fetched), .pump_i(pump),
      .commands_busy_i(commands_busy), .events_o(device_events[1:0]), .errors_o(work_errors), .rejected_o(rejected),
      .stalled_o(stalled), .busy_o(work_busy)
  );

  weir_host #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2),
      .RESTS(RESTS)
  ) u_host (
      .clk_i, .rst_ni, .awake_i(all_awake), .neighbours_awake_i(awake), .axi_awvalid_o, .axi_awready_i,
      .axi_awaddr_o, .axi_awlen_o, .axi_wvalid_o, .axi_wready_i,
      .axi_wdata_o, .axi_wstrb_o, .axi_wlast_o, .axi_bvalid_i, .axi_bready_o, .axi_bresp_i, .axi_arvalid_o,
      .axi_arready_i, .axi_araddr_o, .axi_arlen_o, .axi_rvalid_i, .axi_rready_o, .axi_rdata_i, .axi_rresp_i,
      .axi_rlast_i, .axil_awvalid_i, .axil_awready_o, .axil_awaddr_i, .axil_wvalid_i, .axil_wready_o, .axil_wdata_i,
      .axil_wstrb_i, .axil_bvalid_o, .axil_bready_i, .axil_bresp_o, .axil_arvalid_i, .axil_arready_o,
      .axil_araddr_i, .axil_rvalid_o, .axil_rready_i, .axil_rdata_o, .axil_rresp_o, .msix_valid_o, .msix_ready_i,
      .msix_vector_o, .due_ns_o(due_ns), .fire_o, .clear_o(clear), .enable_o(enable), .set_time_valid_o(set_time),
      .set_time_ns_o(set_time_ns), .seconds_valid_o(set_seconds), .seconds_o(seconds), .close_o(close),
      .stamp_i(stamp), .start_ns_i(start_ns), .overruns_i(overruns), .draining_i(drain_valid), .stalled_i(stalled),
      .ready_i(engines_ready == '1 && eni_ready && punt_ready && work_ready), .probe_valid_o(probe_valid),
      .probe_ready_i(probe_ready), .probe_o(probe), .probe_valid_i(probe_answered), .probe_i(op_answer),
      .ledger_valid_o(shown_valid), .ledger_ready_i(shown_ready), .ledger_egress_o(shown_egress),
      .ledger_bank_o(shown_bank), .ledger_vport_o(shown_vport), .ledger_valid_i(shown_answered), .ledger_i(ledger),
      .engine_events_i(engine_events), .device_events_i(device_events), .error_events_i(errors),
      .entry_valid_o(entry_valid), .entry_ready_i(entry_ready), .entry_o(entry), .entry_ok_o(entry_ok),
      .entry_phase_o(entry_phase), .entry_iova_o(entry_iova), .pending_o(pending), .release_valid_i(release_valid),
      .release_i(released), .fault_i({inject_fault, 1'b0}), .completion_valid_i(completion_valid),
      .completion_ready_o(completion_ready), .completion_i(completion), .completion_done_o(completion_done),
      .completion_room_o(completion_room), .record_valid_i(record_valid), .record_ready_o(record_ready),
      .record_i(record), .record_now_i(record_now), .record_done_o(record_done), .record_ok_o(record_ok),
      .record_room_o(record_room), .write_valid_i(write_valid), .write_ready_o(write_ready), .write_i(write),
      .data_valid_i(write_data_valid), .data_ready_o(write_data_ready), .data_i(write_data), .done_o(write_done),
      .done_ok_o(write_ok), .read_valid_i(read_valid), .read_ready_o(read_ready), .read_i(read),
      .read_valid_o(fetched_valid), .read_ready_i(fetched_ready), .read_o(fetched), .inject_config_o(inject_config),
      .punt_config_o(punt_config), .punt_write_o(punt_write), .punt_state_i(punt_state),
      .punt_setup_error_i(punt_setup_error), .punt_index_error_i(punt_index_error), .punt_pump_i(punt_pump),
      .punt_post_i(punt_post), .pump_o(pump), .commands_busy_o(commands_busy), .rings_busy_o(rings_busy),
      .settled_i(!window_busy && !work_busy && !rings_busy), .busy_o(host_busy)
  );

  always_comb begin
    device_events[2] = '0;
    device_events[2].dma_write_bytes = punt_bytes;
    device_events[2].dma_refused = punt_refused;
    errors = work_errors;
    errors.dma |= punt_refused;
  end

  // Who has something to do, or is about to.
  assign all_awake = awake_i || !rst_ni || clear;

  always_comb begin
    for (int unsigned i = 0; i < 2; i++) begin
      awake[i] = engines_busy[i] || !engines_ready[i] || in_valid_i[i] || admitted_valid[i] || op_valid[i]
          || retry_valid[i] || scan_valid[i] || side_valid[i] || row_valid[i] || activity_valid[i]
          || inject_valid[i] || inject_beat_valid[i];
    end
    awake[PUNT] = punt_busy || punt_enter != '0 || !eni_ready || punt_valid != '0 || punt_beat_valid != '0 || back_valid
        || back_beat_valid || punt_write.control_valid || punt_write.index_valid || flow_answered || write_done[0];
    awake[WORK] = work_busy || window_busy || drain_valid || announce || pump || commands_busy || entry_valid != '0
        || probe_valid != '0 || shown_valid || fetched_valid || completion_done || record_done || write_done[1]
        || op_answered != '0 || retry_answered != '0 || scan_answered != '0 || side_answered != '0
        || row_answered != '0 || activity_answered != '0 || inject_done != '0 || back_done || ledger_answered
        || set_done;
    awake[ENIS] = eni_busy || awake[INGRESS] || awake[EGRESS] || awake[PUNT] || awake[WORK];
  end

  // From outside.
  logic [63:0] turns_ns;

  assign turns_ns = enable ? boundary_ns : '1;
  assign next_event_o = turns_ns < due_ns ? turns_ns : due_ns;
  assign busy_o = {host_busy, work_busy, punt_busy, window_busy, eni_busy, engines_busy};
  assign quiet_o = busy_o == '0;

  // Only egress has a shaper. A frame of inject has left when inject says so.
  logic unused;
  assign unused = &{1'b0, shape_valid[0], shape[0], shaped_valid[0], shaped[0],
      inject_done_bank, entry_iova[0], pending[0]};

endmodule
