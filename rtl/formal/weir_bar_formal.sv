// What is proved of weir_bar, with the generated register block and the slot and ledger windows in it, whatever the
// host, the engines and the ledgers do:
//
//   once          every write and every read that is taken is answered once, nothing else is answered, and
//                 nothing is taken before the answer to the one before it was
//   stable        an answer that is shown stays as it is until it is taken
//   in time       a request is answered in at most ANSWER_CYCLES, but for those in which an engine or a ledger is
//                 asked, or the host does not take the answer
//   one effect    a write has at most one effect on rings, window, vectors or reset; one that is answered SLVERR
//                 has none; a read has none
//   as written    a register that holds what the host writes reads as the last write that was not refused
//
// Assumed: AXI4-Lite of the host: a request that is shown stays as it is until it is taken.
module weir_bar_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
  import weir_regs_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 7,
    parameter int unsigned ENIS_LOG2 = 2
) (
    input logic clk_i,
    input logic rst_ni,
    input logic awvalid_i,
    input logic [11:0] awaddr_i,
    input logic wvalid_i,
    input logic [31:0] wdata_i,
    input logic [3:0] wstrb_i,
    input logic bready_i,
    input logic arvalid_i,
    input logic [11:0] araddr_i,
    input logic rready_i,
    input ring_state_t [RINGS-1:0] ring_state_i,
    input logic [1:0] probe_ready_i,
    input logic [1:0] probe_valid_i,
    input logic ledger_ready_i,
    input logic ledger_valid_i
);

  localparam int unsigned ANSWER_CYCLES = 7;
  localparam logic [1:0] RESP_OKAY = 2'b00;
  // The register that is looked at: all of its bits are the host's.
  localparam logic [11:0] HELD = OFFSET_TIME_SET_LO;

  logic awready, wready, bvalid, arready, rvalid;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata;
  ring_write_t [RINGS-1:0] ring_write;
  logic reset, set_time_valid, seconds_valid, close, mask_valid, busy;
  logic [1:0] probe_valid;
  logic ledger_valid;

  weir_bar #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .ENIS_LOG2(ENIS_LOG2)
  ) dut (
      .clk_i,
      .rst_ni,
      .axil_awvalid_i(awvalid_i),
      .axil_awready_o(awready),
      .axil_awaddr_i(awaddr_i),
      .axil_wvalid_i(wvalid_i),
      .axil_wready_o(wready),
      .axil_wdata_i(wdata_i),
      .axil_wstrb_i(wstrb_i),
      .axil_bvalid_o(bvalid),
      .axil_bready_i(bready_i),
      .axil_bresp_o(bresp),
      .axil_arvalid_i(arvalid_i),
      .axil_arready_o(arready),
      .axil_araddr_i(araddr_i),
      .axil_rvalid_o(rvalid),
      .axil_rready_i(rready_i),
      .axil_rdata_o(rdata),
      .axil_rresp_o(rresp),
      .ring_config_o(),
      .ring_write_o(ring_write),
      .ring_state_i,
      .setup_error_i('0),
      .index_error_i('0),
      .enable_o(),
      .reset_o(reset),
      .set_time_valid_o(set_time_valid),
      .set_time_ns_o(),
      .seconds_valid_o(seconds_valid),
      .seconds_o(),
      .close_o(close),
      .now_ns_i('0),
      .stamp_i('0),
      .start_ns_i('0),
      .overruns_i('0),
      .engine_events_i('0),
      .device_events_i('0),
      .error_events_i('0),
      .probe_valid_o(probe_valid),
      .probe_ready_i,
      .probe_o(),
      .probe_valid_i,
      .probe_i('0),
      .ledger_valid_o(ledger_valid),
      .ledger_ready_i,
      .ledger_egress_o(),
      .ledger_bank_o(),
      .ledger_vport_o(),
      .ledger_valid_i,
      .ledger_i('0),
      .mask_valid_o(mask_valid),
      .mask_o(),
      .mask_i('0),
      .pending_i('0),
      .post_o(),
      .draining_i(1'b0),
      .stalled_i(1'b0),
      .ready_i(1'b1),
      .busy_o(busy)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  // Requests and answers.
  logic write_taken, read_taken, write_answered, read_answered;
  assign write_taken = rst_ni && awvalid_i && awready;
  assign read_taken = rst_ni && arvalid_i && arready;
  assign write_answered = rst_ni && bvalid && bready_i;
  assign read_answered = rst_ni && rvalid && rready_i;

  logic writing_q = 1'b0;
  logic reading_q = 1'b0;
  always_ff @(posedge clk_i) begin
    if (write_taken) writing_q <= 1'b1;
    else if (write_answered) writing_q <= 1'b0;
    if (read_taken) reading_q <= 1'b1;
    else if (read_answered) reading_q <= 1'b0;
  end

  // What was shown and not taken.
  logic aw_kept_q, w_kept_q, ar_kept_q, b_kept_q, r_kept_q;
  logic [11:0] awaddr_q, araddr_q;
  logic [35:0] w_q;
  logic [1:0] bresp_q;
  logic [31:0] rdata_q;
  always_ff @(posedge clk_i) begin
    aw_kept_q <= rst_ni && awvalid_i && !awready;
    w_kept_q <= rst_ni && wvalid_i && !wready;
    ar_kept_q <= rst_ni && arvalid_i && !arready;
    b_kept_q <= rst_ni && bvalid && !bready_i;
    r_kept_q <= rst_ni && rvalid && !rready_i;
    awaddr_q <= awaddr_i;
    araddr_q <= araddr_i;
    w_q <= {wdata_i, wstrb_i};
    bresp_q <= bresp;
    rdata_q <= rdata;
  end

  // Cycles since a request was taken, but for those in which others make it wait.
  logic [3:0] cycles_q = '0;
  logic waits;
  assign waits = probe_valid != '0 || ledger_valid || dut.u_window.wait_i || bvalid || rvalid;
  always_ff @(posedge clk_i) begin
    if (write_taken || read_taken) cycles_q <= 4'd1;
    else if ((writing_q || reading_q) && !waits && cycles_q != '1) cycles_q <= cycles_q + 4'd1;
  end

  // Effects, all in one cycle or none.
  logic effect, had_effect_q;
  always_comb begin
    effect = reset || set_time_valid || seconds_valid || close || mask_valid;
    for (int unsigned i = 0; i < RINGS; i++) effect |= ring_write[i].control_valid || ring_write[i].index_valid;
  end
  always_ff @(posedge clk_i) begin
    if (write_taken || read_taken) had_effect_q <= 1'b0;
    else if (effect) had_effect_q <= 1'b1;
  end

  // The last good write to the register, and which request goes on.
  logic [11:0] address_q;
  logic [31:0] data_q, held_q;
  logic is_read_q;
  always_ff @(posedge clk_i) begin
    if (write_taken || read_taken) begin
      address_q <= write_taken ? awaddr_i : araddr_i;
      data_q <= wdata_i;
      is_read_q <= read_taken;
    end
    if (!rst_ni || reset) held_q <= '0;
    else if (write_answered && bresp == RESP_OKAY && address_q == HELD) held_q <= data_q;
  end

  // The register block does one thing at a time.
  logic block_idle;
  assign block_idle = dut.u_regs.axil_n_in_flight == '0 && !dut.u_regs.axil_arvalid && !dut.u_regs.axil_awvalid
      && !dut.u_regs.axil_wvalid && dut.u_regs.axil_resp_rptr == dut.u_regs.axil_resp_wptr
      && !dut.u_regs.external_pending;

  // What the register holds while a write to it is on its way.
  logic [31:0] storage;
  logic here, changed;
  assign storage = dut.regs_out.TIME_SET_LO.value.value;
  assign here = writing_q && address_q == HELD && !dut.refused_q;
  assign changed = here
      && (dut.state_q == 4'd3 && !dut.u_regs.axil_awvalid || dut.state_q == 4'd4 || dut.state_q == 4'd8);

  // How long a request has been in each state.
  logic on_time, block_answers;
  assign block_answers = dut.u_regs.axil_resp_rptr != dut.u_regs.axil_resp_wptr;

  always_comb begin
    on_time = 1'b1;
    unique case (dut.state_q)
      4'd1, 4'd9: on_time = cycles_q == 4'd1;
      4'd2, 4'd5: on_time = cycles_q == 4'd2;
      4'd3: on_time = dut.u_regs.axil_awvalid ? cycles_q == 4'd3 : cycles_q == 4'd4 && block_answers;
      4'd4: on_time = cycles_q == 4'd5;
      4'd6, 4'd7: on_time = cycles_q == 4'd6;
      4'd8: on_time = cycles_q <= 4'd7;
      4'd10: begin
        if (dut.u_regs.axil_arvalid) on_time = cycles_q == 4'd2;
        else if (dut.u_regs.external_pending) on_time = cycles_q == 4'd3 && dut.image_valid_q;
        else on_time = cycles_q <= 4'd4 && block_answers;
      end
      4'd11: on_time = cycles_q <= 4'd5;
      default: ;
    endcase
  end

  always_comb begin
    assume (rst_ni == !first_q);
    assume (!aw_kept_q || (awvalid_i && awaddr_i == awaddr_q));
    assume (!w_kept_q || (wvalid_i && {wdata_i, wstrb_i} == w_q));
    assume (!ar_kept_q || (arvalid_i && araddr_i == araddr_q));

    if (rst_ni) begin
      together : assert ((wvalid_i && wready) == write_taken);
      one_request : assert (!((write_taken || read_taken) && (writing_q || reading_q))
          && !(write_taken && read_taken));
      never_both : assert (!(writing_q && reading_q));
      b_once : assert (!bvalid || writing_q);
      r_once : assert (!rvalid || reading_q);
      b_stable : assert (!b_kept_q || (bvalid && bresp == bresp_q));
      r_stable : assert (!r_kept_q || (rvalid && rdata == rdata_q && rresp == RESP_OKAY));
      block_counts : assert (dut.u_regs.axil_n_in_flight
          == 2'(dut.u_regs.axil_resp_wptr - dut.u_regs.axil_resp_rptr) + 2'(dut.u_regs.external_pending));
      block_takes_one : assert (dut.u_regs.axil_n_in_flight + 2'(dut.u_regs.axil_awvalid)
          + 2'(dut.u_regs.axil_arvalid) <= 2'd1 && dut.u_regs.axil_n_in_flight <= 2'd1);
      block_answers_that : assert (!block_answers
          || dut.u_regs.axil_resp_buffer_is_wr[dut.u_regs.axil_resp_rptr[0]] == (dut.state_q == 4'd3));
      block_waits_for : assert (!dut.u_regs.external_pending || dut.state_q == 4'd10);
      block_pairs : assert (dut.u_regs.axil_wvalid == dut.u_regs.axil_awvalid);
      image_when_asked : assert (!dut.image_valid_q || dut.u_regs.external_pending);
      on_its_way : assert (on_time);
      in_time : assert (!(writing_q || reading_q) || 32'(cycles_q) <= ANSWER_CYCLES);
      goes_on : assert ((writing_q || reading_q) == (dut.state_q != 4'd0));
      state_known : assert (dut.state_q <= 4'd11);
      block_rests : assert (block_idle || dut.state_q == 4'd3 || dut.state_q == 4'd10);
      writes : assert (writing_q == (dut.state_q >= 4'd1 && dut.state_q <= 4'd8));
      refused : assert (!dut.refused_q || dut.state_q == 4'd8 || dut.state_q == 4'd0);
      effect_is_over : assert (!(writing_q && had_effect_q) || (dut.state_q >= 4'd6 && !dut.refused_q));
      no_effect_of_reads : assert (!(reading_q && had_effect_q));
      if (writing_q) same_data : assert (dut.data_q == data_q);
      asks_for_selects : assert (!(dut.state_q == 4'd6 || dut.state_q == 4'd7) || dut.selects_slot || dut.selects_eni);
      resets_by_control : assert (dut.state_q != 4'd5 || dut.address_q == OFFSET_CONTROL);
      stored : assert (storage == (changed ? data_q : held_q));
      block_has_it : assert (!dut.u_regs.axil_awvalid || (dut.u_regs.axil_wvalid && dut.state_q == 4'd3
          && dut.u_regs.axil_awaddr == address_q && dut.u_regs.axil_wdata == data_q && dut.u_regs.axil_wstrb == '1));
      block_reads : assert (!dut.u_regs.axil_arvalid || (dut.state_q == 4'd10 && dut.u_regs.axil_araddr == address_q));
      if (effect) begin
        of_a_write : assert (writing_q && !bvalid);
        one_effect : assert (!had_effect_q);
      end
      refused_has_none : assert (!bvalid || bresp == RESP_OKAY || !had_effect_q);
      if (writing_q || reading_q) same_request : assert (dut.address_q == address_q && reading_q == is_read_q);
      if (rvalid && address_q == HELD) as_written : assert (rdata == held_q);
    end
  end

endmodule
