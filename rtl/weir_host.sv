// The host's side of the bus: registers, rings, host memory, interrupts.
//
//   AXI4-Lite ─▶ bar ─▶ rings' registers
//   host memory ◀─ dma ◀─┬─ [command ring, inject ring] ─▶ entries     (what the host produces)
//                        ├─ [completion ring, record ring] ◀─ pushes   (what the NIC produces)
//                        └─ punt, READ_ACTIVITY, frames of injects
//   interrupts ◀─ msix ◀─ posts of rings, punt and errors
//
// The punt ring's state is in weir_punt; here are its registers only.
//
// Timing: none of its own but that of the modules.
// Model: hw-model/src/regs.rs, ring_read.rs, ring_write.rs, dma.rs, msix.rs.
module weir_host
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 17,
    parameter int unsigned ENIS_LOG2 = 12,
    // As the top's.
    parameter bit RESTS = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,
    // Nobody rests; who of the others does not: work and punt at index 4 and 3.
    input logic awake_i,
    input logic [4:0] neighbours_awake_i,

    // As the top's.
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
    output logic [63:0] due_ns_o,
    output logic fire_o,

    // CONTROL, and what else the registers do.
    output logic clear_o,
    output logic enable_o,
    output logic set_time_valid_o,
    output logic [63:0] set_time_ns_o,
    output logic seconds_valid_o,
    output logic [9:0] seconds_o,
    output logic close_o,
    input stamp_t stamp_i,
    input logic [63:0] start_ns_i,
    input logic [31:0] overruns_i,
    input logic draining_i,
    input logic stalled_i,
    input logic ready_i,
    output logic [1:0] probe_valid_o,
    input logic [1:0] probe_ready_i,
    output item_t [1:0] probe_o,
    input logic [1:0] probe_valid_i,
    input answer_t [1:0] probe_i,
    output logic ledger_valid_o,
    input logic ledger_ready_i,
    output logic ledger_egress_o,
    output logic ledger_bank_o,
    output logic [11:0] ledger_vport_o,
    input logic ledger_valid_i,
    input ledger_t ledger_i,

    // What moved elsewhere: in an engine and in punt; of command, inject and punt.
    input engine_events_t [1:0][1:0] engine_events_i,
    input device_events_t [2:0] device_events_i,
    input error_events_t error_events_i,

    // Fronts of the rings that the host fills: commands at index 0, injects at 1.
    output logic [1:0] entry_valid_o,
    input logic [1:0] entry_ready_i,
    output logic [1:0][511:0] entry_o,
    output logic [1:0] entry_ok_o,
    output logic [1:0] entry_phase_o,
    output logic [1:0][63:0] entry_iova_o,
    output logic [1:0][31:0] pending_o,
    input logic [1:0] release_valid_i,
    input logic [1:0][2:0] release_i,
    input logic [1:0] fault_i,

    input logic completion_valid_i,
    output logic completion_ready_o,
    input completion_t completion_i,
    output logic completion_done_o,
    output logic [31:0] completion_room_o,
    input logic record_valid_i,
    output logic record_ready_o,
    input logic [511:0] record_i,
    input logic record_now_i,
    output logic record_done_o,
    output logic record_ok_o,
    output logic [31:0] record_room_o,

    // Write clients: punt at index 0, READ_ACTIVITY at 1. The read client is inject's.
    input logic [1:0] write_valid_i,
    output logic [1:0] write_ready_o,
    input dma_request_t [1:0] write_i,
    input logic [1:0] data_valid_i,
    output logic [1:0] data_ready_o,
    input dma_data_t [1:0] data_i,
    output logic [1:0] done_o,
    output logic [1:0] done_ok_o,
    input logic read_valid_i,
    output logic read_ready_o,
    input dma_request_t read_i,
    output logic read_valid_o,
    input logic read_ready_i,
    output dma_read_t read_o,

    output ring_config_t inject_config_o,
    output ring_config_t punt_config_o,
    output ring_write_t punt_write_o,
    input ring_state_t punt_state_i,
    input logic punt_setup_error_i,
    input logic punt_index_error_i,
    input logic punt_pump_i,
    input post_t punt_post_i,

    // The host has made room, or something to do.
    output logic pump_o,
    // Of the command ring; of anything that the host's work passes; of anything.
    output logic commands_busy_o,
    output logic rings_busy_o,
    // Nothing of the host's is being worked on.
    input logic settled_i,
    output logic busy_o
);

  localparam int unsigned COMMANDS_AHEAD = 16;
  localparam int unsigned INJECTS_AHEAD = 8;
  localparam int unsigned RECORDS_BURST = 16;

  ring_config_t [RINGS-1:0] ring_config;
  ring_write_t [RINGS-1:0] write;
  ring_state_t [RINGS-1:0] state;
  logic [RINGS-1:0] setup_error, index_error, ring_pump;
  logic [1:0] reads_busy, writes_busy;
  logic dma_busy, bar_busy, msix_busy;

  assign inject_config_o = ring_config[RING_INJECT];
  assign punt_config_o = ring_config[RING_PUNT];
  assign punt_write_o = write[RING_PUNT];
  assign state[RING_PUNT] = punt_state_i;
  assign setup_error[RING_PUNT] = punt_setup_error_i;
  assign index_error[RING_PUNT] = punt_index_error_i;
  assign ring_pump[RING_PUNT] = punt_pump_i;
  assign pump_o = ring_pump != '0;
  assign completion_room_o = state[RING_COMPLETION].room;
  assign record_room_o = state[RING_RECORD].room;
  assign commands_busy_o = reads_busy[0];
  assign rings_busy_o = reads_busy != '0 || writes_busy != '0;
  assign busy_o = rings_busy_o || dma_busy || bar_busy || msix_busy || pump_o;

  // Registers, rings and DMA rest while nobody asks them for anything; the counters while nothing moves.
  logic awake, accessed, clk, clk_counters;

  assign awake = awake_i || neighbours_awake_i[4:3] != '0 || rings_busy_o || dma_busy || accessed || pump_o
      || axi_bvalid_i || axi_rvalid_i;

  weir_rest #(
      .RESTS(RESTS)
  ) u_rest (
      .clk_i,
      .awake_i(awake),
      .clk_o(clk)
  );

  weir_rest #(
      .RESTS(RESTS)
  ) u_rest_counters (
      .clk_i,
      .awake_i(awake || neighbours_awake_i != '0),
      .clk_o(clk_counters)
  );

  // The rings that the host fills.
  logic [1:0] fetch_valid, fetch_ready, fetched_valid, fetched_ready;
  dma_request_t [1:0] fetch;
  dma_read_t [1:0] fetched;

  for (genvar i = 0; i < 2; i++) begin : gen_read
    localparam int unsigned RING = i == 0 ? int'(RING_COMMAND) : int'(RING_INJECT);

    weir_ring_read #(
        .ENTRY_BYTES(i == 0 ? DESCRIPTOR_BYTES : FRAME_SLOT_BYTES),
        .AHEAD(i == 0 ? COMMANDS_AHEAD : INJECTS_AHEAD)
    ) u_ring (
        .clk_i(clk),
        .rst_ni,
        .clear_i(clear_o),
        .busy_o(reads_busy[i]),
        .config_i(ring_config[RING]),
        .write_i(write[RING]),
        .state_o(state[RING]),
        .setup_error_o(setup_error[RING]),
        .index_error_o(index_error[RING]),
        .pump_o(ring_pump[RING]),
        .fault_i(fault_i[i]),
        .entry_valid_o(entry_valid_o[i]),
        .entry_ready_i(entry_ready_i[i]),
        .entry_o(entry_o[i]),
        .entry_ok_o(entry_ok_o[i]),
        .entry_phase_o(entry_phase_o[i]),
        .entry_iova_o(entry_iova_o[i]),
        .pending_o(pending_o[i]),
        .release_valid_i(release_valid_i[i]),
        .release_i(release_i[i]),
        .read_valid_o(fetch_valid[i]),
        .read_ready_i(fetch_ready[i]),
        .read_o(fetch[i]),
        .read_valid_i(fetched_valid[i]),
        .read_ready_o(fetched_ready[i]),
        .read_i(fetched[i])
    );
  end

  // The rings that the NIC fills: records at index 0, completions at 1.
  logic [1:0] put_valid, put_ready, put_data_valid, put_data_ready, put_done, put_ok;
  dma_request_t [1:0] put;
  dma_data_t [1:0] put_data;
  logic [1:0] written, refused;
  post_t [1:0] posts;
  logic unused_completion_ok;

  weir_ring_write #(
      .ENTRY_BYTES(DESCRIPTOR_BYTES),
      .BURST(RECORDS_BURST)
  ) u_records (
      .clk_i(clk),
      .rst_ni,
      .clear_i(clear_o),
      .busy_o(writes_busy[0]),
      .config_i(ring_config[RING_RECORD]),
      .write_i(write[RING_RECORD]),
      .state_o(state[RING_RECORD]),
      .setup_error_o(setup_error[RING_RECORD]),
      .index_error_o(index_error[RING_RECORD]),
      .pump_o(ring_pump[RING_RECORD]),
      .push_valid_i(record_valid_i),
      .push_ready_o(record_ready_o),
      .push_i(record_i),
      .post_now_i(record_now_i),
      .push_done_o(record_done_o),
      .push_ok_o(record_ok_o),
      .dma_valid_o(put_valid[0]),
      .dma_ready_i(put_ready[0]),
      .dma_o(put[0]),
      .dma_data_valid_o(put_data_valid[0]),
      .dma_data_ready_i(put_data_ready[0]),
      .dma_data_o(put_data[0]),
      .dma_done_i(put_done[0]),
      .dma_ok_i(put_ok[0]),
      .time_ns_i(stamp_i.time_ns),
      .post_o(posts[0]),
      .written_o(written[0]),
      .dma_refused_o(refused[0])
  );

  weir_ring_write #(
      .ENTRY_BYTES(COMPLETION_BYTES),
      .BURST(1),
      .CROWDED_POSTS_NOW(1'b0)
  ) u_completions (
      .clk_i(clk),
      .rst_ni,
      .clear_i(clear_o),
      .busy_o(writes_busy[1]),
      .config_i(ring_config[RING_COMPLETION]),
      .write_i(write[RING_COMPLETION]),
      .state_o(state[RING_COMPLETION]),
      .setup_error_o(setup_error[RING_COMPLETION]),
      .index_error_o(index_error[RING_COMPLETION]),
      .pump_o(ring_pump[RING_COMPLETION]),
      .push_valid_i(completion_valid_i),
      .push_ready_o(completion_ready_o),
      .push_i(completion_i),
      .post_now_i(1'b0),
      .push_done_o(completion_done_o),
      .push_ok_o(unused_completion_ok),
      .dma_valid_o(put_valid[1]),
      .dma_ready_i(put_ready[1]),
      .dma_o(put[1]),
      .dma_data_valid_o(put_data_valid[1]),
      .dma_data_ready_i(put_data_ready[1]),
      .dma_data_o(put_data[1]),
      .dma_done_i(put_done[1]),
      .dma_ok_i(put_ok[1]),
      .time_ns_i(stamp_i.time_ns),
      .post_o(posts[1]),
      .written_o(written[1]),
      .dma_refused_o(refused[1])
  );

  weir_dma #(
      .WRITERS(4),
      .READERS(3)
  ) u_dma (
      .clk_i(clk),
      .rst_ni,
      .write_valid_i({write_valid_i, put_valid}),
      .write_ready_o({write_ready_o, put_ready}),
      .write_i({write_i, put}),
      .data_valid_i({data_valid_i, put_data_valid}),
      .data_ready_o({data_ready_o, put_data_ready}),
      .data_i({data_i, put_data}),
      .done_o({done_o, put_done}),
      .done_ok_o({done_ok_o, put_ok}),
      .read_valid_i({read_valid_i, fetch_valid}),
      .read_ready_o({read_ready_o, fetch_ready}),
      .read_i({read_i, fetch}),
      .read_valid_o({read_valid_o, fetched_valid}),
      .read_ready_i({read_ready_i, fetched_ready}),
      .read_o({read_o, fetched}),
      .awvalid_o(axi_awvalid_o),
      .awready_i(axi_awready_i),
      .awaddr_o(axi_awaddr_o),
      .awlen_o(axi_awlen_o),
      .wvalid_o(axi_wvalid_o),
      .wready_i(axi_wready_i),
      .wdata_o(axi_wdata_o),
      .wstrb_o(axi_wstrb_o),
      .wlast_o(axi_wlast_o),
      .bvalid_i(axi_bvalid_i),
      .bready_o(axi_bready_o),
      .bresp_i(axi_bresp_i),
      .arvalid_o(axi_arvalid_o),
      .arready_i(axi_arready_i),
      .araddr_o(axi_araddr_o),
      .arlen_o(axi_arlen_o),
      .rvalid_i(axi_rvalid_i),
      .rready_o(axi_rready_o),
      .rdata_i(axi_rdata_i),
      .rresp_i(axi_rresp_i),
      .rlast_i(axi_rlast_i),
      .busy_o(dma_busy)
  );

  // What the rings add to the counters. A record is also one of RECORDS.
  device_events_t [4:0] device_events;
  error_events_t errors;

  always_comb begin
    device_events = {device_events_i, device_events_t'('0), device_events_t'('0)};
    device_events[0].records = 2'(written[0]);
    device_events[0].dma_write_bytes = written[0] ? 19'(DESCRIPTOR_BYTES) : '0;
    device_events[0].dma_refused = refused[0];
    device_events[1].dma_write_bytes = written[1] ? 19'(COMPLETION_BYTES) : '0;
    device_events[1].dma_refused = refused[1];
    errors = error_events_i;
    errors.dma |= refused != '0;
  end

  logic mask_valid;
  logic [31:0] mask, mask_now, pending;
  post_t error_post;

  weir_bar #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2),
      .ENGINE_SOURCES(2),
      .DEVICE_SOURCES(5)
  ) u_bar (
      .clk_i(clk),
      .clk_counters_i(clk_counters),
      .rst_ni,
      .axil_awvalid_i,
      .axil_awready_o,
      .axil_awaddr_i,
      .axil_wvalid_i,
      .axil_wready_o,
      .axil_wdata_i,
      .axil_wstrb_i,
      .axil_bvalid_o,
      .axil_bready_i,
      .axil_bresp_o,
      .axil_arvalid_i,
      .axil_arready_o,
      .axil_araddr_i,
      .axil_rvalid_o,
      .axil_rready_i,
      .axil_rdata_o,
      .axil_rresp_o,
      .ring_config_o(ring_config),
      .ring_write_o(write),
      .ring_state_i(state),
      .setup_error_i(setup_error),
      .index_error_i(index_error),
      .enable_o,
      .reset_o(clear_o),
      .set_time_valid_o,
      .set_time_ns_o,
      .seconds_valid_o,
      .seconds_o,
      .close_o,
      .now_ns_i(stamp_i.time_ns),
      .stamp_i,
      .start_ns_i,
      .overruns_i,
      .engine_events_i,
      .device_events_i(device_events),
      .error_events_i(errors),
      .probe_valid_o,
      .probe_ready_i,
      .probe_o,
      .probe_valid_i,
      .probe_i,
      .ledger_valid_o,
      .ledger_ready_i,
      .ledger_egress_o,
      .ledger_bank_o,
      .ledger_vport_o,
      .ledger_valid_i,
      .ledger_i,
      .mask_valid_o(mask_valid),
      .mask_o(mask),
      .mask_i(mask_now),
      .pending_i(pending),
      .post_o(error_post),
      .draining_i,
      .stalled_i,
      .ready_i,
      .accessed_o(accessed),
      .busy_o(bar_busy)
  );

  weir_msix #(
      .SOURCES(4)
  ) u_msix (
      .clk_i,
      .rst_ni,
      .clear_i(clear_o),
      .busy_o(msix_busy),
      .post_i({error_post, punt_post_i, posts}),
      .now_ns_i(stamp_i.time_ns),
      .settled_i(settled_i),
      .mask_valid_i(mask_valid),
      .mask_i(mask),
      .mask_o(mask_now),
      .pending_o(pending),
      .due_ns_o,
      .fire_o,
      .msix_valid_o,
      .msix_ready_i,
      .msix_vector_o
  );

endmodule
