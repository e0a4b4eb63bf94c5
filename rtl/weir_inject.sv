// Injects: frames that the host has judged, or hands back to be looked up again.
//
//   header ─▶ check ─▶ frame's bytes ─┬─ RETRY ─▶ pipeline: hit? ─┬─▶ gate
//                                     │                           └─▶ punt once more: MISS, LATE
//                                     ├─ FORWARD ─▶ gate
//                                     └─ DROP
//
// One at a time, in the order of the ring. A retry goes through the pipeline that the packets take, stamped with
// the open window; it is counted where it hits. One whose window is over is punted once more as late. A retry that must
// go back and finds no room stays at the front, and waits for a pump. The bytes are read before
// anything is decided, but for DROP; if host memory fails, the ring stops.
// A frame without bytes goes as one beat of none.
// At a reset nothing new is asked for, but what others have begun goes to its end: a gate waits for the rest of its
// frame, the DMA for its beats to be taken, the window for the frame to leave. None of it counts.
//
// Timing: a read's round trip, a cycle a beat in and out, and 25 cycles for a retry.
// Model: hw-model/src/inject.rs.
module weir_inject
  import weir_abi_pkg::*;
  import weir_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,

    // The ring's front.
    input logic entry_valid_i,
    output logic entry_ready_o,
    input logic [511:0] entry_i,
    input logic entry_ok_i,
    input logic entry_phase_i,
    input logic [63:0] entry_iova_i,
    input logic [31:0] pending_i,
    output logic release_valid_o,
    output logic [2:0] release_o,
    // The frame's bytes could not be read: the ring stops.
    output logic fault_o,
    // Where the ring ends.
    input ring_config_t config_i,

    output logic read_valid_o,
    input logic read_ready_i,
    output dma_request_t read_o,
    input logic read_valid_i,
    output logic read_ready_o,
    input dma_read_t read_i,

    output logic [1:0] retry_valid_o,
    input logic [1:0] retry_ready_i,
    output item_t [1:0] retry_o,
    input logic [1:0] retry_valid_i,
    input answer_t [1:0] retry_i,

    output logic [1:0] inject_valid_o,
    input logic [1:0] inject_ready_i,
    output verdict_t [1:0] inject_o,
    output logic [1:0] inject_beat_valid_o,
    input logic [1:0] inject_beat_ready_i,
    output beat_t [1:0] inject_beat_o,
    input logic [1:0] inject_done_i,

    output logic back_valid_o,
    input logic back_ready_i,
    output verdict_t back_o,
    output logic back_beat_valid_o,
    input logic back_beat_ready_i,
    output beat_t back_beat_o,
    input logic back_done_i,
    input logic back_ok_i,

    output logic [11:0] eni_vport_o,
    input eni_t eni_i,

    input stamp_t stamp_i,
    // A frame belongs to the window of `stamp_i`, and is done with it.
    output logic enter_o,
    output logic leave_o,
    output logic leave_bank_o,

    // No drain and no command runs, and no window is about to turn.
    input logic go_i,
    input logic pump_i,

    output device_events_t events_o,
    output error_events_t errors_o,
    output logic [1:0] rejected_o,

    input logic clear_i,
    output logic busy_o
);

  localparam int unsigned SLOT_BEATS = FRAME_SLOT_DATA_BYTES / BEAT_BYTES;
  localparam int unsigned BUFFER_BEATS = 256;
  // From `eni_vport_o` to `eni_i`, and one to be sure of a port that was just changed.
  localparam logic [1:0] ENI_WAIT = 2'd3;
  // Cycles without drain and command before they are believed to be over.
  localparam logic [2:0] CALM_CYCLES = 3'd4;

  if (BUFFER_BEATS <= FRAME_BEATS_MAX) begin : gen_bad_buffer
    $error("weir_inject: BUFFER_BEATS is %0d, expected more than %0d", BUFFER_BEATS, FRAME_BEATS_MAX);
  end

  typedef enum logic [3:0] {
    IDLE,
    CHECK,
    FAULT,
    REFUSE,
    READ,
    STAMP,
    ASK,
    ANSWER,
    OFFER,
    SEND,
    SENT,
    FINISH,
    SETTLE
  } state_e;

  state_e state_q, state_d;
  frame_header_t header_q;
  logic ok_q, phase_q, unread_q;
  // What is left of the time before a reset.
  logic void_q, is_void;
  logic waiting_q, pumped_q, wait_for_pump;
  logic [2:0] calm_q;
  logic [1:0] waited_q;
  logic [15:0] window_q;
  logic late, back_q, back_d;
  limits_t limits_q;
  logic [1:0][19:0] buckets_q;

  // The header.
  logic egress, sound;
  logic [13:0] held;
  logic [2:0] slots, code;
  logic [7:0] beats, last_beat;

  assign egress = header_q.key.port.egress;
  assign held = header_q.length.held_bytes;
  assign code = header_q.tail.code;
  assign slots = frame_slots(held);
  assign beats = beats_of(held);
  assign last_beat = beats == '0 ? '0 : beats - 8'd1;
  assign eni_vport_o = header_q.key.port.vport;
  assign sound = code <= DISPOSITION_DROP && held <= 14'(FRAME_BYTES_MAX)
      && {3'd0, held} <= header_q.length.wire_bytes && eni_i.enabled && 32'(slots) <= pending_i;
  assign late = header_q.tail.window != window_q[7:0];

  // The bytes: a burst a slot, and back again to the ring's start where it ends.
  logic [2:0] asked_q;
  logic [7:0] requested_q, came_q, burst;
  logic [63:0] iova_q, base_q;
  logic [4:0] size_log2_q;
  logic [64:0] address, ring_end;
  logic offered_q, read_over;

  assign burst = beats - requested_q > 8'(SLOT_BEATS) ? 8'(SLOT_BEATS) : beats - requested_q;
  assign ring_end = {1'b0, base_q} + (65'(FRAME_SLOT_BYTES) << size_log2_q);

  always_comb begin
    address = {1'b0, iova_q} + {51'd0, asked_q, 11'd0};
    if (address >= ring_end) address -= 65'(FRAME_SLOT_BYTES) << size_log2_q;
  end

  // One that was offered stays.
  assign read_valid_o = state_q == READ && requested_q != beats && (!void_q || offered_q);
  assign read_over = !read_valid_o && came_q == requested_q;
  assign read_o.address = address[63:0] + 64'(FRAME_HEADER_BYTES);
  assign read_o.beats = burst[6:0];
  assign read_ready_o = 1'b1;

  // They wait here; one beat is read ahead.
  logic [7:0] beat_q, read_beat;
  logic [511:0] stored;
  logic send_valid, send_ready, send_fire;
  beat_t beat;

  weir_ram #(
      .value_t(logic [511:0]),
      .ENTRIES(BUFFER_BEATS)
  ) u_buffer (
      .clk_i,
      .write_i(state_q == READ && read_valid_i),
      .write_address_i(came_q),
      .write_data_i(read_i.data),
      .read_i(1'b1),
      .read_address_i(read_beat),
      .read_data_o(stored)
  );

  assign read_beat = beat_q + 8'(send_fire);
  assign send_valid = state_q == SEND;
  assign send_ready = back_q ? back_beat_ready_i : inject_beat_ready_i[egress];
  assign send_fire = send_valid && send_ready;

  always_comb begin
    logic [6:0] in_last;
    in_last = held[5:0] == '0 && held != '0 ? 7'd64 : {1'b0, held[5:0]};
    beat = '{last: 1'b0, bytes: 7'(BEAT_BYTES), data: stored};
    if (beat_q == last_beat) begin
      beat.last = 1'b1;
      beat.bytes = in_last;
      for (int unsigned i = 0; i < BEAT_BYTES; i++) if (7'(i) >= in_last) beat.data[8*i+:8] = '0;
    end
  end

  // The pipeline.
  item_t item;

  always_comb begin
    item = '0;
    item.op = late ? OP_PROBE : OP_RETRY;
    item.packet.known = 1'b1;
    item.packet.limits = limits_q;
    item.packet.meta.stamp = '{window: window_q, time_ns: header_q.time_ns};
    item.packet.meta.vport = {4'd0, header_q.key.port.vport};
    item.packet.meta.wire_bytes = header_q.length.wire_bytes;
    item.packet.meta.held_bytes = held;
    item.packet.meta.kind = FRAME_FLOW;
    item.packet.meta.l3_bytes = header_q.tail.l3_bytes;
    item.packet.meta.key = header_q.key;
    item.packet.meta.key.port.action = '0;
  end

  assign retry_o = {2{item}};
  assign retry_valid_o = {state_q == ASK && egress, state_q == ASK && !egress};

  // To the gate, or back to punt.
  verdict_t verdict;

  always_comb begin
    verdict = '0;
    verdict.forward = !back_q;
    verdict.punt = back_q;
    verdict.bank = window_q[0];
    verdict.limits = limits_q;
    verdict.header = header_q;
    if (back_q) begin
      verdict.header.aux = {{12'd0, buckets_q[1]}, {12'd0, buckets_q[0]}};
      verdict.header.tail.code = late ? PUNT_LATE : PUNT_MISS;
    end
  end

  logic offer, send;

  assign offer = state_q == OFFER;
  assign send = state_q == SEND;
  assign inject_o = {2{verdict}};
  assign inject_valid_o = {offer && !back_q && egress, offer && !back_q && !egress};
  assign inject_beat_o = {2{beat}};
  assign inject_beat_valid_o = {send && !back_q && egress, send && !back_q && !egress};
  assign back_o = verdict;
  assign back_valid_o = offer && back_q;
  assign back_beat_o = beat;
  assign back_beat_valid_o = send && back_q;

  // What happens next.
  logic hit, rejected, over;

  assign hit = retry_i[egress].found.hit;
  assign rejected = retry_i[egress].found.action == ACTION_REJECT;
  assign is_void = void_q || clear_i;

  always_comb begin
    state_d = state_q;
    back_d = back_q;
    wait_for_pump = 1'b0;
    over = 1'b0;
    unique case (state_q)
      IDLE: if (entry_valid_i && !waiting_q && go_i && calm_q == CALM_CYCLES) state_d = CHECK;
      CHECK: begin
        if (!ok_q) state_d = FAULT;
        else if (!phase_q) state_d = REFUSE;
        else if (waited_q == ENI_WAIT) begin
          if (!sound) state_d = REFUSE;
          else state_d = code == DISPOSITION_DROP ? FINISH : READ;
        end
      end
      READ: if (read_over) state_d = unread_q ? FAULT : STAMP;
      STAMP: begin
        back_d = 1'b0;
        state_d = code == DISPOSITION_FORWARD ? OFFER : ASK;
      end
      ASK: if (retry_ready_i[egress]) state_d = ANSWER;
      ANSWER:
      if (retry_valid_i[egress]) begin
        back_d = late || !hit;
        over = !back_d && rejected;
        state_d = over ? FINISH : OFFER;
      end
      OFFER: if (back_q ? back_ready_i : inject_ready_i[egress]) state_d = SEND;
      SEND: begin
        if (send_fire && beat_q == last_beat) state_d = SENT;
        over = !back_q && inject_done_i[egress];
        if (over) state_d = FINISH;
      end
      SENT: begin
        over = back_q ? back_done_i : inject_done_i[egress];
        if (over) state_d = FINISH;
        if (over && back_q && !back_ok_i) wait_for_pump = 1'b1;
      end
      FAULT, REFUSE, FINISH: state_d = SETTLE;
      // Rings have moved.
      default: state_d = IDLE;
    endcase
    if (wait_for_pump) state_d = SETTLE;
    if (is_void) begin
      wait_for_pump = 1'b0;
      unique case (state_q)
        READ: state_d = read_over ? IDLE : READ;
        ANSWER: begin
          over = retry_valid_i[egress];
          state_d = over ? IDLE : ANSWER;
        end
        ASK, OFFER: ;
        SEND, SENT: if (over) state_d = IDLE;
        default: state_d = IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    state_q <= state_d;
    back_q <= back_d;
    pumped_q <= pumped_q || pump_i;
    if (pump_i) waiting_q <= 1'b0;
    // A pump that came while it was tried has perhaps made room since.
    else if (wait_for_pump) waiting_q <= !pumped_q;
    if (!go_i || pump_i) calm_q <= '0;
    else if (calm_q != CALM_CYCLES) calm_q <= calm_q + 3'd1;

    unique case (state_q)
      IDLE: begin
        pumped_q <= pump_i;
        if (entry_valid_i) begin
          header_q <= entry_i;
          ok_q <= entry_ok_i;
          phase_q <= entry_phase_i;
          iova_q <= entry_iova_i;
          base_q <= config_i.base;
          size_log2_q <= config_i.size_log2;
        end
        waited_q <= '0;
        asked_q <= '0;
        requested_q <= '0;
        came_q <= '0;
        unread_q <= 1'b0;
        beat_q <= '0;
      end
      CHECK: waited_q <= waited_q + 2'd1;
      READ: begin
        if (read_valid_o && read_ready_i) begin
          asked_q <= asked_q + 3'd1;
          requested_q <= requested_q + burst;
        end
        if (read_valid_i) begin
          came_q <= came_q + 8'd1;
          unread_q <= unread_q || !read_i.ok;
        end
      end
      STAMP: begin
        window_q <= stamp_i.window;
        limits_q <= eni_i.limits;
      end
      ANSWER: if (retry_valid_i[egress]) buckets_q <= retry_i[egress].found.buckets;
      SEND: if (send_fire) beat_q <= beat_q + 8'd1;
      default: ;
    endcase

    offered_q <= read_valid_o && !read_ready_i;
    void_q <= is_void && state_d != IDLE;
    if (!rst_ni || clear_i) begin
      waiting_q <= 1'b0;
      calm_q <= '0;
    end
    if (!rst_ni) begin
      state_q <= IDLE;
      void_q <= 1'b0;
    end
  end

  assign entry_ready_o = state_q == FAULT || state_q == REFUSE || state_q == FINISH;
  assign release_valid_o = entry_valid_i && (state_q == REFUSE || state_q == FINISH);
  assign release_o = state_q == FINISH ? slots : 3'd1;
  assign fault_o = state_q == FAULT && unread_q;
  assign enter_o = state_q == STAMP && !is_void;
  assign leave_o = over;
  assign leave_bank_o = window_q[0];

  // Events.
  logic finished, dropped;

  assign finished = state_q == FINISH;
  assign dropped = finished && code == DISPOSITION_DROP;
  assign rejected_o = {dropped && egress, dropped && !egress};

  always_comb begin
    events_o = '0;
    errors_o = '0;
    events_o.injects = finished;
    if (finished) events_o.dma_read_bytes = 18'({slots, 6'd0}) + 18'(held);
    // Asked for once, so back is what it came to.
    events_o.late_retries = finished && back_q && late && code == DISPOSITION_RETRY;
    events_o.phase_refused = state_q == REFUSE && !phase_q;
    events_o.injects_refused = state_q == REFUSE && phase_q;
    events_o.dma_refused = state_q == FAULT;
    errors_o.inject = events_o.injects_refused;
    errors_o.phase = events_o.phase_refused;
    errors_o.dma = state_q == FAULT;
  end

  assign busy_o = state_q != IDLE || (entry_valid_i && !waiting_q);

  logic unused;
  assign unused = &{1'b0, eni_i, stamp_i.time_ns, config_i.vector_number, read_i.last, retry_i, address[64]};

endmodule
