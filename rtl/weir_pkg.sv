// What the modules of the NIC hand to each other: the structures that travel, and the cycles of each stage.
//
//   parse ─ meta_t ▶ eni (admission) ─ admitted_t ▶ engine ─ item_t ▶ hash, lookup ─ found_t ▶ judge
//   judge ─ tally_op_t ▶ tally     judge ─ verdict_t ▶ gate ─ verdict_t, beats ▶ punt
//
// Layouts that cross the bus are weir_abi_pkg's. Numbers here are as wide as the contract allows, so
// that one package serves every size; a module keeps the bits that its parameters need.

package weir_pkg;
  import weir_abi_pkg::*;

  // The 512-bit stream.
  localparam int unsigned BEAT_BYTES = 64;
  // The parser sees this much of a frame: three beats.
  localparam int unsigned HEADER_BYTES_MAX = 192;
  localparam int unsigned HEADER_BEATS = HEADER_BYTES_MAX / BEAT_BYTES;
  // Beats of the longest frame.
  localparam int unsigned FRAME_BEATS_MAX = FRAME_BYTES_MAX / BEAT_BYTES;
  // Nanoseconds from a ring's first unanswered entry until its interrupt.
  localparam int unsigned INTERRUPT_MODERATION_NS = 32000;
  // Slots in one unit of READ_ACTIVITY: a beat of bits.
  localparam int unsigned ACTIVITY_UNIT = 512;

  // Cycles of each stage, from its input's to its output's handshake. docs/rtl.md has the whole table.
  localparam int unsigned PARSE_CYCLES = 10;
  localparam int unsigned ADMIT_CYCLES = 11;
  localparam int unsigned HASH_CYCLES = 2;
  localparam int unsigned LOOKUP_CYCLES = 5;
  localparam int unsigned TALLY_CYCLES = 4;
  localparam int unsigned BUCKET_CYCLES = 9;
  localparam int unsigned TICK_CYCLES = 4;

  // ---- Frames ----

  // One beat. `bytes` is 1 to 64, 64 in all beats but the last; bytes past it are 0.
  typedef struct packed {
    logic last;
    logic [6:0] bytes;
    logic [511:0] data;
  } beat_t;

  // What comes with a frame, valid in its first beat. `wire_bytes` 0 means that the stream carries all
  // of it; else it is the length on the wire of a frame that a capture has cut short.
  typedef struct packed {
    logic [16:0] wire_bytes;
    logic [15:0] vport;
  } frame_user_t;

  // What leaves with a frame, valid in each of its beats.
  typedef struct packed {
    logic [63:0] time_ns;
    logic [16:0] wire_bytes;
    logic [15:0] vport;
  } sent_user_t;

  // ---- Parser ----

  typedef enum logic [2:0] {
    FRAME_FLOW = 3'd0,
    FRAME_HOST_ONLY = 3'd1,
    FRAME_EXCLUDED = 3'd2,
    FRAME_NON_IP = 3'd3,
    FRAME_MALFORMED = 3'd4
  } frame_class_e;

  typedef enum logic [1:0] {
    FRAGMENT_WHOLE = 2'd0,
    FRAGMENT_FIRST = 2'd1,
    FRAGMENT_LATER = 2'd2
  } fragment_e;

  // The instant that a frame belongs to. The window's low bit is its bank.
  typedef struct packed {
    logic [15:0] window;
    logic [63:0] time_ns;
  } stamp_t;

  // What the parser says of a frame. `vport` is the stream's; the key has its low 12 bits.
  typedef struct packed {
    stamp_t stamp;
    logic [15:0] vport;
    logic [16:0] wire_bytes;
    logic [13:0] held_bytes;
    frame_class_e kind;
    fragment_e fragment;
    logic [31:0] identification;
    logic [31:0] icmp;
    logic [16:0] l3_bytes;
    flow_key_t key;
  } meta_t;

  // ---- ENIs ----

  // The limits that an ENI's packets are held to: none, or those of an instance.
  typedef struct packed {
    logic limited;
    logic [11:0] instance_number;
  } limits_t;

  // A row of the ENI table.
  typedef struct packed {
    logic enabled;
    limits_t limits;
    logic [31:0] slot_quota;
    logic [31:0] punt_credit;
  } eni_t;

  // A frame whose ENI is known. `known` is 0 if the port is not enabled or packets are not taken;
  // `policed` if the ingress policer stopped it, and by which limit.
  typedef struct packed {
    logic known;
    logic policed;
    limit_drop_e limit;
    limits_t limits;
    meta_t meta;
  } admitted_t;

  // What SET_ENI configures.
  typedef struct packed {
    logic [11:0] vport;
    eni_flags_t flags;
    eni_limits_t limits;
  } eni_set_t;

  // One question to the packet and byte buckets of an instance.
  typedef struct packed {
    logic egress;
    limits_t limits;
    logic [16:0] bytes;
    logic [63:0] time_ns;
  } bucket_ask_t;

  // Its answer: what stopped the packet, if anything.
  typedef struct packed {
    logic admitted;
    logic by_packets;
  } bucket_answer_t;

  // One packet into a ledger, from the judge: `offered` counts it in, `ended` where it ended,
  // `returned` takes it back from Punted, `limited` counts the reason of a drop.
  typedef struct packed {
    logic offered;
    logic ended;
    logic returned;
    logic limited;
    ledger_e kind;
    limit_drop_e limit;
    logic bank;
    logic [11:0] vport;
    logic [16:0] bytes;
  } ledger_op_t;

  // What became of a frame at the gate: of the wire, or `injected`; `limited` is by `limit`.
  typedef struct packed {
    logic injected;
    logic forwarded;
    logic limited;
    limit_drop_e limit;
    logic bank;
    logic [11:0] vport;
  } gate_done_t;

  // Where a punted frame ended: in Punted or Skipped, with a limit that is counted as well.
  typedef struct packed {
    logic egress;
    logic bank;
    logic [11:0] vport;
    logic [16:0] bytes;
    logic ended;
    logic skipped;
    logic limited;
    limit_drop_e limit;
  } punt_end_t;

  // A whole ledger, for the drain and the slot window.
  typedef struct packed {
    logic [7:0][47:0] limits;
    logic [7:0][47:0] bytes;
    logic [7:0][47:0] packets;
  } ledger_t;

  // ---- Flow table ----

  // What goes through hash, lookup, judge and tally, one a cycle.
  typedef enum logic [2:0] {
    OP_PACKET = 3'd0,   // a frame: look up, tally, judge
    OP_RETRY = 3'd1,    // an injected frame: look up, tally; the answer goes to inject
    OP_PROBE = 3'd2,    // read `slot` and the open bank's counts; buckets of the key
    OP_INSERT = 3'd3,   // write key, action, cookie to `slot`
    OP_EXTRACT = 3'd4,  // take the counts of `slot` from the stamped bank
    OP_UPDATE = 3'd5,   // EXTRACT, and write action and cookie in the same cycle
    OP_DELETE = 3'd6    // EXTRACT, and empty the slot in the same cycle
  } op_e;

  typedef struct packed {
    op_e op;
    logic [23:0] slot;
    logic [31:0] cookie;
    admitted_t packet;
  } item_t;

  // A slot's contents.
  typedef struct packed {
    logic valid;
    logic [31:0] cookie;
    flow_key_t key;  // tcp_flags 0
  } slot_t;

  // What the lookup found. `hit`: of a packet or retry, its key is in `slot`; of any other, `slot`
  // is in use. `entry` is of any other only, as it was before this item.
  typedef struct packed {
    logic hit;
    logic [23:0] slot;
    slot_action_e action;
    slot_t entry;
    logic [1:0][19:0] buckets;
  } found_t;

  // What a slot counted in a window.
  typedef struct packed {
    logic [23:0] last_tick;
    logic [23:0] first_tick;
    logic [7:0] tcp_flags;
    logic [47:0] bytes;
    logic [39:0] packets;
  } counter_t;

  typedef enum logic [2:0] {
    TALLY_NONE = 3'd0,
    TALLY_ADD = 3'd1,      // one packet; its slot becomes active
    TALLY_TOUCH = 3'd2,    // the slot becomes active, nothing is counted
    TALLY_PEEK = 3'd3,     // read
    TALLY_TAKE = 3'd4,     // read and clear
    TALLY_RESTORE = 3'd5   // add a whole counter back
  } tally_op_e;

  typedef struct packed {
    tally_op_e op;
    logic bank;
    logic [23:0] slot;
    counter_t counter;  // of ADD: 1, bytes, flags, tick twice; of RESTORE: what was taken
  } tally_op_t;

  // What an op that is no packet answers, to command and inject.
  typedef struct packed {
    found_t found;
    counter_t counter;
  } answer_t;

  // ---- Judgement ----

  // A frame's verdict, in the order of the frames. `header` is that of its punt: it names the
  // frame's ENI, length and time for the gate as well.
  typedef struct packed {
    logic forward;
    logic punt;
    logic bank;
    limits_t limits;
    frame_header_t header;
  } verdict_t;

  // ---- Windows ----

  // A window that has ended and is to be drained.
  typedef struct packed {
    logic [15:0] number;
    logic [63:0] start_ns;
    logic [63:0] end_ns;
    logic [31:0] punt_producer;
    logic [31:0] overruns;
  } drain_t;

  // How far the drain has come: what lies before `slot` of `egress`, and everything once `ledgers`
  // is set, has been emitted.
  typedef struct packed {
    logic active;
    logic bank;
    logic [15:0] number;
    logic ledgers;
    logic egress;
    logic [23:0] slot;
  } drain_state_t;

  // ---- Rings ----

  // What the host has set.
  typedef struct packed {
    logic [63:0] base;
    logic [4:0] size_log2;
    logic [7:0] vector_number;
  } ring_config_t;

  // A write to a ring's registers, for one cycle.
  typedef struct packed {
    logic control_valid;
    logic enable;
    logic index_valid;
    logic [31:0] index;
  } ring_write_t;

  // What its registers read.
  typedef struct packed {
    logic enabled;
    logic faulted;
    logic [31:0] host_index;
    logic [31:0] nic_index;
    logic [31:0] used;
    logic [31:0] room;
    logic [31:0] drops;
    logic [31:0] high_water;
  } ring_state_t;

  // ---- Host memory ----

  // A burst of whole or partial beats: 1 to 64, within 4 KiB.
  typedef struct packed {
    logic [63:0] address;  // a multiple of 64
    logic [6:0] beats;
  } dma_request_t;

  typedef struct packed {
    logic last;
    logic [63:0] strobes;
    logic [511:0] data;
  } dma_data_t;

  typedef struct packed {
    logic last;
    logic ok;
    logic [511:0] data;
  } dma_read_t;

  // ---- Interrupts ----

  // Something was put into a ring, or went wrong: `now` does not wait for the moderation timer.
  typedef struct packed {
    logic valid;
    logic now;
    logic [7:0] vector_number;
    logic [63:0] time_ns;
  } post_t;

  // ---- Counters: what moved in a cycle ----

  typedef struct packed {
    logic frames;
    logic [16:0] bytes;
    logic hits;
    logic misses;
    logic punts;
    logic skipped;
    logic excluded;
    logic non_ip;
    logic malformed;
    logic forwarded;
    logic rejected;
    logic mirrored;
    logic no_eni;
    logic limited;
  } engine_events_t;

  typedef struct packed {
    logic commands;
    logic commands_refused;
    logic injects;
    logic injects_refused;
    logic late_retries;
    logic [1:0] records;
    logic [17:0] dma_read_bytes;
    logic [18:0] dma_write_bytes;
    logic dma_refused;
    logic writes_refused;
    logic phase_refused;
  } device_events_t;

  // What sets a bit of ERRORS.
  typedef struct packed {
    logic index;
    logic inject;
    logic phase;
    logic command;
    logic dma;
    logic ring_setup;
    logic register_write;
  } error_events_t;

  // ---- Small functions ----

  // Bytes 0 to 1 of a network-order field that lies at bit `0` of `bits`.
  function automatic logic [15:0] swap16(input logic [15:0] bits);
    return {bits[7:0], bits[15:8]};
  endfunction

  function automatic logic [31:0] swap32(input logic [31:0] bits);
    return {bits[7:0], bits[15:8], bits[23:16], bits[31:24]};
  endfunction

  // Beats of a frame of `bytes` bytes.
  function automatic logic [7:0] beats_of(input logic [13:0] bytes);
    return 8'((bytes + 14'd63) >> 6);
  endfunction

  // The record of what a slot counted in a window.
  function automatic flow_record_t record_of(input record_kind_e kind, input flow_key_t key,
                                             input logic [31:0] cookie, input counter_t counter,
                                             input logic [15:0] window);
    flow_record_t flow;
    flow.key = key;
    flow.key.tcp_flags = counter.tcp_flags;
    flow.packets_first = '{first_tick: counter.first_tick, packets: counter.packets};
    flow.bytes_window = '{window: window, bytes: counter.bytes};
    flow.cookie = cookie;
    flow.tail = '{phase: 1'b0, kind: kind, last_tick: counter.last_tick};
    return flow;
  endfunction

  // A byte count's strobes.
  function automatic logic [63:0] strobes_of(input logic [6:0] bytes);
    return ~(64'hffff_ffff_ffff_ffff << bytes);
  endfunction

endpackage
