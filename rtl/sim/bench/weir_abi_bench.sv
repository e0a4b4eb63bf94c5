// What weir_abi_pkg makes of 64 bytes: hashes, buckets and the fields of every structure. For
// rtl/sim/tests/abi.rs, which compares it with the crate firmware-abi.
module weir_abi_bench
  import weir_abi_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 17
) (
    input logic clk_i,
    input logic [511:0] bytes_i,
    input logic [31:0] index_i,
    input logic [4:0] size_log2_i,
    input logic [13:0] frame_bytes_i,

    output logic [63:0] h3_o,
    output logic [63:0] h3_parity_o,
    output logic [31:0] bucket_low_o,
    output logic [31:0] bucket_high_o,
    output logic [31:0] slot_high_o,
    output logic ring_phase_o,
    output logic [2:0] frame_slots_o,
    output logic [31:0] retry_reserve_o,

    output flow_key_t key_o,
    output logic [127:0] src_o,
    output logic [127:0] dst_o,
    output logic [15:0] src_port_o,
    output logic [15:0] dst_port_o,
    output logic [7:0] protocol_o,
    output logic [7:0] tcp_flags_o,
    output port_t port_o,
    output logic [11:0] vport_o,
    output logic egress_o,
    output logic [1:0] action_o,
    output logic ip6_o,

    output logic [31:0] slot_o,
    output logic [31:0] cookie_o,
    output logic [63:0] arg_o,
    output logic [31:0] sequence_o,
    output logic [7:0] opcode_o,
    output logic complete_o,
    output logic command_phase_o,

    output logic [39:0] packets_o,
    output logic [23:0] first_tick_o,
    output logic [47:0] record_bytes_o,
    output logic [15:0] record_window_o,
    output logic [31:0] record_cookie_o,
    output logic [23:0] last_tick_o,
    output logic [6:0] kind_o,

    output logic [63:0] time_ns_o,
    output logic [31:0] aux_high_o,
    output logic [16:0] wire_bytes_o,
    output logic [13:0] held_bytes_o,
    output logic [16:0] l3_bytes_o,
    output logic [7:0] frame_window_o,
    output logic [2:0] code_o,
    output logic first_fragment_o,

    output logic [31:0] slot_quota_o,
    output logic [31:0] punt_credit_o,
    output logic [47:0] counter_o,
    output logic [31:0] punt_producer_o,
    output logic [63:0] drain_ns_o
);

  command_t command;
  flow_record_t flow_record;
  frame_header_t frame;
  eni_limits_t limits;
  ledger_record_t ledger;
  window_end_t window_end;
  logic [319:0] identity;
  logic unused;

  assign command = bytes_i;
  assign flow_record = bytes_i;
  assign frame = bytes_i;
  assign limits = bytes_i[287:0];
  assign ledger = bytes_i;
  assign window_end = bytes_i;
  assign identity = key_identity(command.key);

  assign h3_o = h3(identity);
  assign h3_parity_o = h3_parity(identity);
  assign bucket_low_o = h3_bucket(h3_o, 1'b0, SLOTS_LOG2);
  assign bucket_high_o = h3_bucket(h3_o, 1'b1, SLOTS_LOG2);
  assign slot_high_o = first_slot(1'b1, bucket_high_o, SLOTS_LOG2);
  assign ring_phase_o = ring_phase(index_i, size_log2_i);
  assign frame_slots_o = frame_slots(frame_bytes_i);
  assign retry_reserve_o = retry_reserve(size_log2_i);

  assign key_o = command.key;
  assign src_o = command.key.src;
  assign dst_o = command.key.dst;
  assign src_port_o = command.key.src_port;
  assign dst_port_o = command.key.dst_port;
  assign protocol_o = command.key.protocol;
  assign tcp_flags_o = command.key.tcp_flags;
  assign port_o = command.key.port;
  assign vport_o = command.key.port.vport;
  assign egress_o = command.key.port.egress;
  assign action_o = command.key.port.action;
  assign ip6_o = command.key.port.ip6;

  assign slot_o = command.slot;
  assign cookie_o = command.cookie;
  assign arg_o = command.arg;
  assign sequence_o = command.sequence_number;
  assign opcode_o = command.tail.opcode;
  assign complete_o = command.tail.complete;
  assign command_phase_o = command.tail.phase;

  assign packets_o = flow_record.packets_first.packets;
  assign first_tick_o = flow_record.packets_first.first_tick;
  assign record_bytes_o = flow_record.bytes_window.bytes;
  assign record_window_o = flow_record.bytes_window.window;
  assign record_cookie_o = flow_record.cookie;
  assign last_tick_o = flow_record.tail.last_tick;
  assign kind_o = flow_record.tail.kind;

  assign time_ns_o = frame.time_ns;
  assign aux_high_o = frame.aux[1];
  assign wire_bytes_o = frame.length.wire_bytes;
  assign held_bytes_o = frame.length.held_bytes;
  assign l3_bytes_o = frame.tail.l3_bytes;
  assign frame_window_o = frame.tail.window;
  assign code_o = frame.tail.code;
  assign first_fragment_o = frame.tail.first_fragment;

  assign slot_quota_o = limits.slot_quota;
  assign punt_credit_o = limits.punt_credit;
  assign counter_o = ledger.counters[LEDGER_MALFORMED];
  assign punt_producer_o = window_end.punt_producer;
  assign drain_ns_o = window_end.drain_ns;

  assign unused = &{1'b0, clk_i, flow_record, frame, limits, ledger, window_end, command};

endmodule
