// What is proved of weir_lookup, for any one slot and every mix of packets, retries, INSERT, UPDATE, DELETE,
// probes and scans, one a cycle:
//
//   hit        if a search finds the slot in use, in one of its two buckets, and with an equal key, it hits: that
//              slot, or one that goes before it
//   no other   if it hits the slot, then the slot was in use with an equal key, and the action is the slot's
//   its slot   what is hit lies in one of the two buckets
//   in order   all of it as every earlier item has left the slot, and no later one: an op is shown the entry
//              as it was; so is a scan
//   in step    one answer LOOKUP_CYCLES after each item, with its payload and buckets
//
// Assumed: no clear. At small widths all but a few bits of keys and cookies are 0.
module weir_lookup_formal
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    parameter int unsigned SLOTS_LOG2 = 7,
    parameter bit WHOLE_KEYS = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input op_e op_i,
    input logic [23:0] slot_i,
    input flow_key_t key_i,
    input logic [31:0] cookie_i,
    input logic [1:0][19:0] buckets_i,
    input logic payload_i,
    input logic scan_valid_i,
    input logic [23:0] scan_slot_i,
    // One slot, whichever: it stays.
    input logic [SLOTS_LOG2-1:0] watched_i
);

  localparam int unsigned SCAN_CYCLES = 3;
  localparam int unsigned BUCKET_BITS = SLOTS_LOG2 - 4;
  typedef logic [BUCKET_BITS-1:0] bucket_t;

  // A bit of each word that is compared, the action, and TCP flags, which are not.
  localparam flow_key_t LIVE = WHOLE_KEYS ? '1 : '{
      port: '{ip6: 1'b0, action: 2'b11, egress: 1'b0, vport: '0},
      tcp_flags: 8'h03,
      protocol: 8'h80,
      dst_port: '0,
      src_port: '0,
      dst: {1'b1, 126'd0, 1'b1},
      src: {1'b1, 126'd0, 1'b1}
  };
  localparam logic [31:0] LIVE_COOKIE = WHOLE_KEYS ? '1 : 32'h8000_0000;

  flow_key_t key;
  logic [31:0] cookie;
  assign key = key_i & LIVE;
  assign cookie = cookie_i & LIVE_COOKIE;

  logic ready, valid, payload, scan_ready, scan_valid, busy;
  found_t found;
  slot_t scan;

  weir_lookup #(
      .SLOTS_LOG2(SLOTS_LOG2),
      .payload_t(logic)
  ) dut (
      .clk_i,
      .rst_ni,
      .clear_i(1'b0),
      .ready_o(ready),
      .valid_i,
      .op_i,
      .slot_i,
      .key_i(key),
      .cookie_i(cookie),
      .buckets_i,
      .payload_i,
      .valid_o(valid),
      .found_o(found),
      .payload_o(payload),
      .scan_valid_i,
      .scan_ready_o(scan_ready),
      .scan_slot_i,
      .scan_valid_o(scan_valid),
      .scan_o(scan),
      .busy_o(busy)
  );

  logic first_q = 1'b1;
  always_ff @(posedge clk_i) first_q <= 1'b0;

  logic [SLOTS_LOG2-1:0] watched_q;
  always_ff @(posedge clk_i) watched_q <= watched_i;

  // Where the slot lies.
  logic half;
  bucket_t bucket;
  logic [2:0] way;
  assign {half, bucket, way} = watched_i;

  // The slot as the last item has left it.
  slot_t now_q = '0;
  logic is_search, here;
  assign is_search = op_i == OP_PACKET || op_i == OP_RETRY;
  assign here = slot_i == 24'(watched_i);

  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i && here) begin
      if (op_i == OP_INSERT || op_i == OP_UPDATE) begin
        now_q.valid <= 1'b1;
        now_q.cookie <= cookie;
        now_q.key <= key;
        now_q.key.tcp_flags <= '0;
      end else if (op_i == OP_DELETE) now_q <= '0;
    end
  end

  // What has to come of each item and scan.
  typedef struct packed {
    logic valid;
    logic payload;
    logic search;
    logic equal;
    logic here;
    logic [23:0] slot;
    logic [1:0][19:0] buckets;
    slot_t was;
  } expected_t;
  typedef struct packed {
    logic valid;
    logic here;
    logic past;
    slot_t was;
  } scanned_t;

  expected_t [LOOKUP_CYCLES-1:0] expected_q = '0;
  scanned_t [SCAN_CYCLES-1:0] scanned_q = '0;
  expected_t expected;
  scanned_t scanned;

  always_ff @(posedge clk_i) begin
    expected_q <= {expected_q[LOOKUP_CYCLES-2:0], expected_t'('{
        valid: rst_ni && valid_i,
        payload: payload_i,
        search: is_search,
        equal: now_q.valid && key_identity(key) == key_identity(now_q.key) && bucket_t'(buckets_i[half]) == bucket,
        here: here,
        slot: slot_i,
        buckets: buckets_i,
        was: now_q
    })};
    scanned_q <= {scanned_q[SCAN_CYCLES-2:0], scanned_t'('{
        valid: rst_ni && scan_valid_i && scan_ready,
        here: scan_slot_i == 24'(watched_i),
        past: (scan_slot_i >> SLOTS_LOG2) != '0,
        was: now_q
    })};
  end

  assign expected = expected_q[LOOKUP_CYCLES-1];
  assign scanned = scanned_q[SCAN_CYCLES-1];

  // What lies in the memories for the slot.
  flow_key_t held;
  assign held = half ? dut.gen_half[1].memory[bucket][way] : dut.gen_half[0].memory[bucket][way];

  logic [23:0] hit_slot;
  logic hit_half;
  assign hit_half = found.slot[SLOTS_LOG2-1];
  assign hit_slot = 24'({hit_half, bucket_t'(expected.buckets[hit_half]), found.slot[2:0]});

  always_comb begin
    assume (rst_ni == !first_q);
    assume (first_q || watched_i == watched_q);

    if (rst_ni) begin
      no_sweep : assert (ready);
      in_step : assert (valid == expected.valid && scan_valid == scanned.valid);
      kept : assert (held.tcp_flags == 8'(now_q.valid));
      kept_key : assert (!now_q.valid || (held ^ now_q.key) == 320'(held.tcp_flags) << 296);
      kept_cookie : assert (!now_q.valid || dut.cookies[watched_i] == now_q.cookie);
      if (expected.valid) begin
        carried : assert (payload == expected.payload && found.buckets == expected.buckets);
        if (expected.search) begin
          hit : assert (!expected.equal || (found.hit && {hit_half, found.slot[2:0]} <= {half, way}));
          its_slot : assert (!found.hit || found.slot == hit_slot);
          if (found.hit && found.slot == 24'(watched_i)) begin
            no_other : assert (expected.equal);
            its_action : assert (found.action == slot_action_e'(expected.was.key.port.action));
          end
        end else begin
          same_slot : assert (found.slot == expected.slot);
          if (expected.here) begin
            in_use : assert (found.hit == expected.was.valid && found.entry.valid == expected.was.valid);
            as_it_was : assert (!expected.was.valid || found.entry == expected.was);
          end
          past : assert ((expected.slot >> SLOTS_LOG2) == '0 || !found.hit);
        end
      end
      if (scanned.valid) begin
        if (scanned.here) scan_in_use : assert (scan.valid == scanned.was.valid);
        if (scanned.here && scanned.was.valid) scan_as_it_was : assert (scan == scanned.was);
        scan_past : assert (!scanned.past || !scan.valid);
      end
    end
  end

endmodule
