// Punts: frames that the host must judge, written into the punt ring.
//
//   gate ingress ─▶ [staging] ─┐
//   gate egress ──▶ [staging] ─┼▶ new flow? room? credit? ─▶ data, then headers, the first one last ─▶ dma
//   inject, returning ─────────┘      └▶ skipped: end          └▶ B ─▶ ring, credit, interrupt ─▶ end
//
// One frame at a time: the directions in turn, a returning one when neither waits. A frame that finds no room,
// no credit or no host memory is dropped and counted as skipped, here, where it is lost. The last
// quarter of the ring is left to retries that come back, so that they are never lost.
// A header is written with its phase when host memory has taken the data of all slots behind the first: the first
// slot's data and header lie in one page, so either both are there or none.
//
// Timing: ten cycles, a beat a cycle, three for each slot, and host memory's answer; BUCKET_CYCLES more for
// what opens a flow under a limit. Staging takes a beat a cycle for each direction; `punt_room_o` is exact in the
// cycle after a beat. After `clear_i`, `ready_o` is low until the credit is swept.
// Model: hw-model/src/punt.rs.
module weir_punt
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter int unsigned ENIS_LOG2 = 12,
    // Beats that wait, a direction; a power of two.
    parameter int unsigned PUNT_BEATS = 1024,
    // Frames in the ring whose ENI is remembered; a power of two.
    parameter int unsigned CREDIT_FRAMES = 16384,
    // The gates have a clock of their own.
    parameter bit TWO_CLOCKS = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,
    // Of the gates; not looked at with one clock.
    input logic clk_front_i,
    input logic rst_front_ni,
    input logic clear_i,
    output logic ready_o,
    output logic busy_o,

    // The ring's registers.
    input ring_config_t config_i,
    input ring_write_t write_i,
    output ring_state_t state_o,
    output logic setup_error_o,
    output logic index_error_o,
    output logic pump_o,

    // From the gates, in their clock.
    input logic [1:0] punt_valid_i,
    output logic [1:0] punt_ready_o,
    input verdict_t [1:0] punt_i,
    // No beats follow.
    input logic [1:0] punt_lost_i,
    input logic [1:0] punt_beat_valid_i,
    output logic [1:0] punt_beat_ready_o,
    input beat_t [1:0] punt_beat_i,
    output logic [1:0][15:0] punt_room_o,
    // Something waits that has not been seen here.
    output logic [1:0] punt_busy_o,
    // A frame was judged that the gate will hand over.
    input logic [1:0] punt_enter_i,
    // The ledgers count; a frame that is judged while they are swept is in none.
    input logic ledgers_ready_i,

    // From inject: a retry that returns. Its beats are taken to the last before it is done.
    input logic back_valid_i,
    output logic back_ready_o,
    input verdict_t back_i,
    input logic back_beat_valid_i,
    output logic back_beat_ready_o,
    input beat_t back_beat_i,
    output logic back_done_o,
    output logic back_ok_o,

    // The new-flow bucket, and reader 1 of the ENI table.
    output logic flow_valid_o,
    output limits_t flow_limits_o,
    output logic [63:0] flow_time_o,
    input logic flow_valid_i,
    input logic flow_admitted_i,
    output logic [11:0] eni_vport_o,
    input eni_t eni_i,

    output logic end_valid_o,
    input logic end_ready_i,
    output punt_end_t end_o,

    output logic dma_valid_o,
    input logic dma_ready_i,
    output dma_request_t dma_o,
    output logic dma_data_valid_o,
    input logic dma_data_ready_i,
    output dma_data_t dma_data_o,
    input logic dma_done_i,
    input logic dma_ok_i,

    input logic [63:0] now_ns_i,
    output post_t post_o,
    // A punt of a gate is over.
    output logic leave_o,
    output logic leave_bank_o,

    output logic [1:0] punts_o,
    output logic [1:0] skipped_o,
    output logic [1:0] mirrored_o,
    output logic [18:0] dma_write_bytes_o,
    output logic dma_refused_o
);

  localparam int unsigned SLOT_BEATS = FRAME_SLOT_DATA_BYTES / BEAT_BYTES;
  localparam logic [7:0] TCP_SYN = 8'h02;
  localparam logic [7:0] TCP_SYN_ACK = 8'h12;

  if (PUNT_BEATS < FRAME_BEATS_MAX || PUNT_BEATS > 32768) begin : gen_bad_beats
    $error("weir_punt: PUNT_BEATS is %0d, expected %0d to 32768", PUNT_BEATS, FRAME_BEATS_MAX);
  end

  // Staging. Who waits: the directions, then what returns.
  verdict_t [1:0] staged;
  logic [1:0] staged_lost, staged_valid, staged_ready;
  beat_t [2:0] beats;
  logic [2:0] beats_valid, beats_ready;
  logic clk_gate, rst_gate_n;

  assign clk_gate = TWO_CLOCKS ? clk_front_i : clk_i;
  assign rst_gate_n = TWO_CLOCKS ? rst_front_ni : rst_ni;

  for (genvar i = 0; i < 2; i++) begin : gen_staging
    weir_staging #(
        .BEATS(PUNT_BEATS),
        .TWO_CLOCKS(TWO_CLOCKS)
    ) u_staging (
        .clk_front_i(clk_gate), .rst_front_ni(rst_gate_n), .punt_valid_i(punt_valid_i[i]),
        .punt_ready_o(punt_ready_o[i]), .punt_i(punt_i[i]), .punt_lost_i(punt_lost_i[i]),
        .punt_beat_valid_i(punt_beat_valid_i[i]), .punt_beat_ready_o(punt_beat_ready_o[i]),
        .punt_beat_i(punt_beat_i[i]), .room_o(punt_room_o[i]), .busy_front_o(punt_busy_o[i]), .clk_i, .rst_ni,
        .frame_valid_o(staged_valid[i]), .frame_ready_i(staged_ready[i]), .frame_o(staged[i]),
        .frame_lost_o(staged_lost[i]), .beat_valid_o(beats_valid[i]), .beat_ready_i(beats_ready[i]),
        .beat_o(beats[i])
    );
  end

  assign beats[2] = back_beat_i;
  assign beats_valid[2] = back_beat_valid_i;
  assign back_beat_ready_o = beats_ready[2];

  // The ring.
  logic [2:0] advance;
  logic [15:0] ahead;
  logic fault, given_valid;
  logic [31:0] given, drops_q;
  ring_state_t ring;

  weir_ring #(
      .HOST_PRODUCES(1'b0),
      .ENTRY_BYTES(FRAME_SLOT_BYTES)
  ) u_ring (
      .clk_i,
      .rst_ni,
      .clear_i,
      .config_i,
      .write_i,
      .state_o(ring),
      .advance_i(advance),
      .ahead_i(ahead),
      .fault_i(fault),
      .given_valid_o(given_valid),
      .given_o(given),
      .setup_error_o,
      .index_error_o,
      .pump_o
  );

  always_comb begin
    state_o = ring;
    state_o.drops = drops_q;
  end

  // The frame that is being dealt with.
  typedef enum logic [3:0] {
    PUNT_IDLE,
    PUNT_ASK,
    PUNT_WAIT,
    PUNT_JUDGE,
    PUNT_REQUEST,
    PUNT_DATA,
    PUNT_DISCARD,
    PUNT_SETTLE,
    PUNT_HEADER_REQUEST,
    PUNT_HEADER,
    PUNT_AWAIT,
    PUNT_FINISH,
    PUNT_POST,
    PUNT_END
  } punt_state_e;

  punt_state_e state_q, state_d;
  verdict_t frame_q;
  logic [1:0] source_q, source_d;  // 2: it returns
  logic lost_q, returning, mirror, turn_q, pick;
  frame_header_t header;
  logic [13:0] held;
  logic [2:0] slots;

  always_comb begin
    source_d = 2'd2;
    if (staged_valid == 2'b11) source_d = {1'b0, turn_q};
    else if (staged_valid != 2'b00) source_d = {1'b0, staged_valid[1]};
  end

  assign pick = state_q == PUNT_IDLE && ready_o && (staged_valid != 2'b00 || back_valid_i);
  assign staged_ready = {pick && source_d == 2'd1, pick && source_d == 2'd0};
  assign back_ready_o = pick && source_d == 2'd2;

  assign header = frame_q.header;
  assign held = header.length.held_bytes;
  assign slots = frame_slots(held);
  assign returning = source_q[1];
  assign mirror = header.tail.code == PUNT_MIRROR;

  // Of each direction: frames that are on their way here, or are dealt with; and how many of them, the first ones, the
  // ledgers no longer know, since a reset came behind them. Those are dropped, and nothing is said of them.
  logic [1:0][15:0] pending_q, pending_d, stale_q;
  logic [1:0] own;
  logic is_stale;

  assign is_stale = !returning && stale_q[source_q[0]] != '0;

  for (genvar i = 0; i < 2; i++) begin : gen_pending
    assign own[i] = leave_o && source_q[0] == 1'(i);
    assign pending_d[i] = pending_q[i] + 16'(punt_enter_i[i]) - 16'(own[i]);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        pending_q[i] <= '0;
        stale_q[i] <= '0;
      end else begin
        pending_q[i] <= pending_d[i];
        if (clear_i || !ledgers_ready_i) stale_q[i] <= pending_d[i];
        else if (stale_q[i] != '0) stale_q[i] <= stale_q[i] - 16'(own[i]);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= 1'b0;
    else if (pick && !source_d[1]) turn_q <= !source_d[0];
    if (pick) begin
      source_q <= source_d;
      frame_q <= source_d[1] ? back_i : staged[source_d[0]];
      lost_q <= !source_d[1] && staged_lost[source_d[0]];
    end
  end

  // A new flow is asked for whatever becomes of the punt.
  logic opens, asks_flow, over_q, answered_q;

  assign opens = header.key.protocol != PROTOCOL_TCP || (header.key.tcp_flags & TCP_SYN_ACK) == TCP_SYN;
  assign asks_flow = !returning && header.tail.code == PUNT_MISS && opens && frame_q.limits.limited;
  assign flow_valid_o = state_q == PUNT_ASK && asks_flow;
  assign flow_limits_o = frame_q.limits;
  assign flow_time_o = header.time_ns;
  assign eni_vport_o = header.key.port.vport;

  // Its ENI's credit.
  localparam int unsigned USED_BITS = $clog2(5 * CREDIT_FRAMES + 1);
  logic [USED_BITS-1:0] used, used_q;
  logic credit_room, credit_busy, take;
  logic [1:0] waited_q;

  weir_credit #(
      .ENIS_LOG2(ENIS_LOG2),
      .CREDIT_FRAMES(CREDIT_FRAMES)
  ) u_credit (
      .clk_i,
      .rst_ni,
      .clear_i,
      .ready_o,
      .ask_valid_i(state_q == PUNT_ASK),
      .ask_vport_i(header.key.port.vport),
      .used_o(used),
      .room_o(credit_room),
      .take_valid_i(take),
      .take_vport_i(header.key.port.vport),
      .take_slots_i(slots),
      .given_valid_i(given_valid),
      .given_i(given),
      .busy_o(credit_busy)
  );

  always_ff @(posedge clk_i) begin
    if (state_q == PUNT_ASK) begin
      waited_q <= 2'd0;
      over_q <= 1'b0;
      answered_q <= !asks_flow;
    end else if (state_q == PUNT_WAIT) begin
      if (waited_q != 2'd2) waited_q <= waited_q + 1'b1;
      if (waited_q == 2'd1) used_q <= used;
      if (flow_valid_i) begin
        over_q <= !flow_admitted_i;
        answered_q <= 1'b1;
      end
    end
  end

  // Judgement: room, then credit.
  logic no_room, no_credit, writes;
  logic [31:0] reserve;

  assign reserve = returning ? '0 : retry_reserve(config_i.size_log2);
  assign no_room = lost_q || !credit_room || ring.room < 32'(slots) + reserve;
  assign no_credit = !returning && eni_i.punt_credit != '0 && 32'(used_q) + 32'(slots) > eni_i.punt_credit;
  assign writes = !no_room && !no_credit && !is_stale;

  // What is written, and where. A ring that the host stops meanwhile has not got it.
  logic written_q, stopped_q, refused_q, skipped_q;
  limit_drop_e limit_q;
  logic [63:0] base_q, address;
  logic [31:0] index_q, mask;
  logic [4:0] size_log2_q;
  logic [2:0] slot_q;
  logic [7:0] left_q;
  logic [5:0] burst, burst_q;
  logic [3:0] outstanding_q;
  beat_t beat;
  logic beat_valid, move;

  assign mask = (32'd1 << size_log2_q) - 32'd1;
  assign address = base_q + {21'd0, (index_q + 32'(slot_q)) & mask, 11'd0};
  assign burst = left_q > 8'(SLOT_BEATS) ? 6'(SLOT_BEATS) : 6'(left_q);
  assign beat = beats[source_q];
  assign beat_valid = beats_valid[source_q];
  assign move = beat_valid && (state_q == PUNT_DATA && dma_data_ready_i || state_q == PUNT_DISCARD);
  always_comb begin
    beats_ready = '0;
    beats_ready[source_q] = move;
  end

  assign dma_valid_o = state_q == PUNT_REQUEST || state_q == PUNT_HEADER_REQUEST;
  assign dma_o = state_q == PUNT_REQUEST ? '{address: address + 64'(FRAME_HEADER_BYTES), beats: 7'(burst)}
      : '{address: address, beats: 7'd1};
  assign dma_data_valid_o = state_q == PUNT_DATA ? beat_valid : state_q == PUNT_HEADER;

  always_comb begin
    frame_header_t image;

    image = header;
    image.tail.phase = ring_phase(index_q + 32'(slot_q), size_log2_q);
    if (!returning) image.tail.over_new_flow_limit = over_q;
    dma_data_o = '{last: 1'b1, strobes: '1, data: image};
    if (state_q == PUNT_DATA) begin
      dma_data_o.last = burst_q == 6'd1;
      dma_data_o.data = beat.data;
      if (left_q == 8'd1 && held[5:0] != '0) dma_data_o.strobes = strobes_of({1'b0, held[5:0]});
    end
  end

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      PUNT_IDLE: if (pick) state_d = PUNT_ASK;
      PUNT_ASK: state_d = PUNT_WAIT;
      PUNT_WAIT: if (waited_q == 2'd2 && answered_q) state_d = PUNT_JUDGE;
      PUNT_JUDGE: begin
        if (lost_q) state_d = PUNT_END;
        else if (!writes || held == '0) state_d = PUNT_DISCARD;
        else state_d = PUNT_REQUEST;
      end
      PUNT_REQUEST: if (dma_ready_i) state_d = PUNT_DATA;
      PUNT_DATA: begin
        if (move && left_q == 8'd1) state_d = beat.last ? PUNT_SETTLE : PUNT_DISCARD;
        else if (move && burst_q == 6'd1) state_d = PUNT_REQUEST;
      end
      PUNT_DISCARD: if (move && beat.last) state_d = written_q ? PUNT_SETTLE : PUNT_END;
      PUNT_SETTLE: begin
        if (slots == 3'd1) state_d = PUNT_HEADER_REQUEST;
        else if (outstanding_q == '0) state_d = refused_q ? PUNT_FINISH : PUNT_HEADER_REQUEST;
      end
      PUNT_HEADER_REQUEST: if (dma_ready_i) state_d = PUNT_HEADER;
      PUNT_HEADER: if (dma_data_ready_i) state_d = slot_q == '0 ? PUNT_AWAIT : PUNT_HEADER_REQUEST;
      PUNT_AWAIT: if (outstanding_q == '0) state_d = PUNT_FINISH;
      PUNT_FINISH: state_d = PUNT_POST;
      PUNT_POST: state_d = PUNT_END;
      PUNT_END: if (!end_valid_o || end_ready_i) state_d = PUNT_IDLE;
      default: state_d = PUNT_IDLE;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= PUNT_IDLE;
      outstanding_q <= '0;
    end else begin
      state_q <= state_d;
      outstanding_q <= outstanding_q + 4'(dma_valid_o && dma_ready_i) - 4'(dma_done_i);
    end
    unique case (state_q)
      PUNT_JUDGE: begin
        written_q <= writes;
        skipped_q <= !writes;
        // A ring that host memory failed is not full, it is stopped.
        if (no_room) limit_q <= ring.faulted ? LIMIT_SKIPPED_DMA : LIMIT_SKIPPED_RING;
        else limit_q <= LIMIT_SKIPPED_CREDIT;
        base_q <= config_i.base;
        size_log2_q <= config_i.size_log2;
        index_q <= ring.nic_index;
        slot_q <= '0;
        left_q <= beats_of(held);
      end
      PUNT_REQUEST: burst_q <= burst;
      PUNT_DATA:
      if (move) begin
        burst_q <= burst_q - 1'b1;
        left_q <= left_q - 1'b1;
        if (burst_q == 6'd1) slot_q <= slot_q + 1'b1;
      end
      PUNT_SETTLE: slot_q <= slots - 3'd1;
      PUNT_HEADER: if (dma_data_ready_i) slot_q <= slot_q - 3'd1;
      PUNT_FINISH: begin
        skipped_q <= refused_q || stopped_q;
        limit_q <= refused_q ? LIMIT_SKIPPED_DMA : LIMIT_SKIPPED_RING;
      end
      default: ;
    endcase
    if (state_q == PUNT_JUDGE) begin
      stopped_q <= 1'b0;
      refused_q <= 1'b0;
    end else begin
      stopped_q <= stopped_q || !ring.enabled;
      refused_q <= refused_q || dma_done_i && !dma_ok_i;
    end
  end

  // What is said when it is over.
  logic done, drop;

  assign done = state_q == PUNT_FINISH && !refused_q && !stopped_q;
  assign fault = state_q == PUNT_FINISH && refused_q;
  assign dma_refused_o = fault;
  assign advance = done ? slots : '0;
  assign ahead = (state_q == PUNT_AWAIT || state_q == PUNT_FINISH) && !stopped_q ? 16'(slots) : '0;
  assign take = done;
  assign drop = (state_q == PUNT_JUDGE && no_room || state_q == PUNT_FINISH && stopped_q && !refused_q) && !returning
      && !is_stale;
  assign dma_write_bytes_o = done ? 19'({slots, 6'd0}) + 19'(held) : '0;
  assign punts_o = {done && header.key.port.egress, done && !header.key.port.egress};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) drops_q <= '0;
    else drops_q <= drops_q + 32'(drop);
  end

  assign post_o = '{
      valid: state_q == PUNT_POST && !skipped_q,
      now: ring.used >= (32'd1 << size_log2_q) >> 1,
      vector_number: config_i.vector_number,
      time_ns: returning ? now_ns_i : header.time_ns
  };

  // A lost copy is not a lost packet: the packet itself was tallied.
  logic over;

  assign over = state_q == PUNT_END && state_d == PUNT_IDLE;
  assign end_valid_o = state_q == PUNT_END && !returning && !mirror && !is_stale;
  assign end_o = '{
      egress: header.key.port.egress,
      bank: frame_q.bank,
      vport: header.key.port.vport,
      bytes: header.tail.l3_bytes,
      ended: 1'b1,
      skipped: skipped_q,
      limited: skipped_q || over_q,
      limit: skipped_q ? limit_q : LIMIT_NEW_FLOWS
  };
  assign back_done_o = over && returning;
  assign back_ok_o = !skipped_q;
  assign leave_o = over && !returning;
  assign leave_bank_o = frame_q.bank;

  assign skipped_o = mirror || !skipped_q || is_stale ? '0 : own;
  assign mirrored_o = !mirror || skipped_q || is_stale ? '0 : own;

  assign busy_o = state_q != PUNT_IDLE || staged_valid != '0 || credit_busy;

  logic unused;
  assign unused = &{1'b0, clk_front_i, rst_front_ni, eni_i, frame_q.forward, frame_q.punt, beat.bytes};

endmodule
