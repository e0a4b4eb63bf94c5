// The parser: from a frame to a key.
//
//   beats ─▶ gather ─▶ L2 ─▶ IP ─▶ four extension headers ─▶ layer 4: near, exact, fields ─▶ meta
//            192 bytes  tags  addresses, lengths
//
// It watches the stream and never stalls: a frame that ends in each cycle is a key in each cycle. A byte
// counts only if it lies within the first 192 and within the frame; what else is in the registers is never
// looked at. Every header starts at a multiple of four bytes behind layer 3, so only words are chosen.
//
// Timing: `meta_valid_o` comes PARSE_CYCLES after the frame's last beat. Time and window are those of
// the last beat.
// Model: hw-model/src/parse.rs.
module weir_parse
  import weir_abi_pkg::*;
  import weir_pkg::*;
#(
    // The engine's direction, for the key.
    parameter bit EGRESS = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,

    // A beat that is taken in this cycle; `user_i` is looked at in the first one.
    input logic beat_valid_i,
    input beat_t beat_i,
    input frame_user_t user_i,

    input stamp_t stamp_i,
    // A frame belongs to the window of `stamp_i` from now on.
    output logic stamped_o,

    output logic meta_valid_o,
    output meta_t meta_o,

    output logic busy_o
);

  localparam logic [15:0] ETHERTYPE_IPV4 = 16'h0800;
  localparam logic [15:0] ETHERTYPE_IPV6 = 16'h86dd;
  localparam logic [15:0] ETHERTYPE_VLAN = 16'h8100;
  localparam logic [15:0] ETHERTYPE_QINQ = 16'h88a8;
  localparam int unsigned EXTENSIONS = 4;
  // Words behind the shortest layer 2; of the last one only half is there.
  localparam int unsigned WORDS = (HEADER_BYTES_MAX - 14 + 3) / 4;
  localparam int unsigned WINDOW_WORDS = 11;

  typedef logic [WORDS-1:0][31:0] words_t;

  // What walks from header to header. `at` is where the next one starts, behind layer 3; `there` how many
  // of the bytes behind layer 3 can be looked at.
  typedef struct packed {
    logic walking;
    logic bad;
    logic [7:0] there;
    logic [7:0] next;
    logic [13:0] at;
    logic [16:0] ends;
    words_t words;
    meta_t meta;
  } walk_t;

  function automatic logic is_tag(input logic [15:0] ethertype);
    return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
  endfunction

  // Gather: the first three beats, and the length.
  logic [HEADER_BEATS*512-1:0] head_q;
  logic [1:0] index_q;
  logic [16:0] bytes_q, bytes_d;
  frame_user_t user_q;
  logic gathered_q;
  logic [16:0] length_q;
  stamp_t stamp_q;

  assign stamped_o = beat_valid_i && beat_i.last;
  assign bytes_d = bytes_q > 17'h1ffff - 17'd64 ? 17'h1ffff : bytes_q + 17'(beat_i.bytes);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      index_q <= '0;
      bytes_q <= '0;
      gathered_q <= 1'b0;
    end else begin
      gathered_q <= stamped_o;
      if (beat_valid_i) begin
        bytes_q <= beat_i.last ? '0 : bytes_d;
        if (beat_i.last) index_q <= '0;
        else if (index_q != 2'd3) index_q <= index_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (beat_valid_i) begin
      if (index_q != 2'd3) head_q[index_q*512+:512] <= beat_i.data;
      if (bytes_q == '0) user_q <= user_i;
      if (beat_i.last) begin
        length_q <= bytes_d;
        stamp_q <= stamp_i;
      end
    end
  end

  // Layer 2: the EtherType behind at most two tags, and what follows it.
  typedef struct packed {
    logic ip4;
    logic ip6;
    logic [7:0] there;
    logic [16:0] room;
    words_t words;
    meta_t meta;
  } l2_t;

  logic l2_valid_q;
  l2_t l2_q, l2_d;
  logic [7:0] head_there;
  logic [16:0] wire_bytes;
  logic [1:0] tags;
  logic [15:0] ethertype;

  always_comb begin
    // From the EtherType's place on.
    logic [HEADER_BYTES_MAX*8-1:12*8] head;
    logic [15:0] first, second, third;
    logic cut;
    logic [4:0] l3;

    head = head_q[HEADER_BEATS*512-1:12*8];
    head_there = length_q >= 17'(HEADER_BYTES_MAX) ? 8'(HEADER_BYTES_MAX) : length_q[7:0];
    wire_bytes = user_q.wire_bytes == '0 ? length_q : user_q.wire_bytes;
    first = swap16(head[12*8+:16]);
    second = swap16(head[16*8+:16]);
    third = swap16(head[20*8+:16]);
    tags = 2'd0;
    if (is_tag(first)) tags = is_tag(second) ? 2'd2 : 2'd1;
    unique case (tags)
      2'd0: ethertype = first;
      2'd1: ethertype = second;
      default: ethertype = third;
    endcase
    // A tag whose EtherType is cut off is as good as none. The first one that is missing tells.
    cut = head_there < 8'd14 || tags != 2'd0 && head_there < 8'd18 || tags == 2'd2 && head_there < 8'd22;
    l3 = cut ? 5'd14 : 5'd14 + {1'b0, tags, 2'b00};

    l2_d = '0;
    l2_d.ip4 = !cut && ethertype == ETHERTYPE_IPV4;
    l2_d.ip6 = !cut && ethertype == ETHERTYPE_IPV6;
    l2_d.there = cut ? 8'd0 : head_there - 8'(l3);
    l2_d.room = wire_bytes < 17'(l3) ? 17'd0 : wire_bytes - 17'(l3);
    unique case (tags)
      2'd0: l2_d.words = {16'd0, head[HEADER_BYTES_MAX*8-1:14*8]};
      2'd1: l2_d.words = {48'd0, head[HEADER_BYTES_MAX*8-1:18*8]};
      default: l2_d.words = {80'd0, head[HEADER_BYTES_MAX*8-1:22*8]};
    endcase
    l2_d.meta.stamp = stamp_q;
    l2_d.meta.vport = user_q.vport;
    l2_d.meta.wire_bytes = wire_bytes;
    l2_d.meta.held_bytes = length_q > 17'(FRAME_BYTES_MAX) ? 14'(FRAME_BYTES_MAX) : length_q[13:0];
    l2_d.meta.l3_bytes = l2_d.room;
    l2_d.meta.kind = FRAME_NON_IP;
    l2_d.meta.key.port.vport = user_q.vport[11:0];
    l2_d.meta.key.port.egress = EGRESS;
  end

  // IP: addresses, lengths, where the next header starts.
  walk_t ip_d;

  always_comb begin
    logic [7:0] first;
    logic [31:0] word_1;
    logic [16:0] total, header;
    logic [12:0] offset;

    first = l2_q.words[0][7:0];
    word_1 = l2_q.words[1];
    header = {11'd0, first[3:0], 2'b00};
    offset = {word_1[20:16], word_1[31:24]};

    ip_d = '0;
    ip_d.there = l2_q.there;
    ip_d.words = l2_q.words;
    ip_d.meta = l2_q.meta;
    if (l2_q.ip4) begin
      total = {1'b0, swap16(l2_q.words[0][31:16])};
      ip_d.bad = l2_q.there < 8'd20 || first[7:4] != 4'd4 || first[3:0] < 4'd5 || total < header || total > l2_q.room;
      ip_d.next = l2_q.words[2][15:8];
      ip_d.at = header[13:0];
      ip_d.meta.key.src = {96'd0, l2_q.words[3]};
      ip_d.meta.key.dst = {96'd0, l2_q.words[4]};
      if (offset != '0) ip_d.meta.fragment = FRAGMENT_LATER;
      else if (word_1[21]) ip_d.meta.fragment = FRAGMENT_FIRST;
      if (ip_d.meta.fragment != FRAGMENT_WHOLE) ip_d.meta.identification = {16'd0, swap16(word_1[15:0])};
    end else begin
      total = {1'b0, swap16(word_1[15:0])} + 17'd40;
      ip_d.bad = l2_q.there < 8'd40 || first[7:4] != 4'd6 || total > l2_q.room;
      ip_d.walking = 1'b1;
      ip_d.next = word_1[23:16];
      ip_d.at = 14'd40;
      ip_d.meta.key.src = l2_q.words[5:2];
      ip_d.meta.key.dst = l2_q.words[9:6];
      ip_d.meta.key.port.ip6 = 1'b1;
    end
    ip_d.ends = total;
    if (l2_q.ip4 || l2_q.ip6) begin
      // Until layer 4 says otherwise.
      ip_d.meta.kind = FRAME_FLOW;
      ip_d.meta.l3_bytes = total;
    end else begin
      ip_d.walking = 1'b0;
      ip_d.bad = 1'b0;
    end
    if (ip_d.bad) ip_d.walking = 1'b0;
  end

  // The extension headers, one a stage. What follows layer 2 in all is kept for packets that are broken.
  logic [EXTENSIONS:0] walk_valid_q;
  walk_t [EXTENSIONS:0] walk_q;
  logic [EXTENSIONS:0][16:0] room_q;

  function automatic logic is_extension(input logic [7:0] header);
    return header == 8'd0 || header == 8'd43 || header == 8'd44 || header == 8'd51 || header == 8'd60;
  endfunction

  // An extension header's first eight bytes, by what they may mean.
  typedef struct packed {
    logic [31:0] identification;
    logic more;
    logic [12:0] offset;
    logic [7:0] size;
    logic [7:0] next;
  } extension_t;

  function automatic walk_t walked(input walk_t walk, input extension_t extension);
    walk_t after;
    logic [13:0] length, needed;
    fragment_e fragment;

    after = walk;
    unique case (walk.next)
      8'd44: length = 14'd8;
      8'd51: length = (14'(extension.size) + 14'd2) << 2;
      default: length = (14'(extension.size) + 14'd1) << 3;
    endcase
    needed = walk.next == 8'd44 ? 14'd8 : 14'd2;
    if (!walk.walking) return after;
    if (!is_extension(walk.next)) begin
      after.walking = 1'b0;
      return after;
    end
    after.at = walk.at + length;
    after.next = extension.next;
    if (walk.at + needed > 14'(walk.there) || {3'd0, after.at} > walk.ends) begin
      after.bad = 1'b1;
      after.walking = 1'b0;
    end else if (walk.next == 8'd44) begin
      fragment = FRAGMENT_WHOLE;
      if (extension.offset != '0) fragment = FRAGMENT_LATER;
      else if (extension.more) fragment = FRAGMENT_FIRST;
      if (fragment != FRAGMENT_WHOLE) begin
        after.meta.fragment = fragment;
        after.meta.identification = extension.identification;
      end
      // No header of a later fragment's payload is there.
      if (fragment == FRAGMENT_LATER) after.walking = 1'b0;
    end
    return after;
  endfunction

  walk_t [EXTENSIONS-1:0] walk_d;

  for (genvar i = 0; i < EXTENSIONS; i++) begin : gen_walk
    logic [64:0][31:0] words;
    logic [31:0] first, second;
    logic [6:0] word;
    logic unused_reserved;

    assign words = (65 * 32)'(walk_q[i].words);
    // The first is always in its place.
    assign word = i == 0 ? 7'd10 : {1'b0, walk_q[i].at[7:2]};
    assign first = words[word];
    assign second = words[word+7'd1];
    assign unused_reserved = &{1'b0, first[26:25]};
    assign walk_d[i] = walked(walk_q[i], {swap32(second), first[24], first[23:16], first[31:27], first[15:0]});
  end

  // Layer 4: the eleven words around it, then the four that it starts with, then its fields.
  typedef struct packed {
    logic bad;
    logic [7:0] there;
    logic [13:0] at;
    logic [16:0] payload;
    meta_t meta;
  } l4_t;

  logic near_valid_q, exact_valid_q, out_valid_q;
  l4_t near_q, near_d, exact_q;
  logic [16:0] near_room_q, exact_room_q;
  logic [WINDOW_WORDS-1:0][31:0] near_words_q, near_words_d;
  logic [47:0] exact_bytes_q;
  logic [7:0] exact_flags_q;
  logic [47:0] exact_bytes_d;
  logic [7:0] exact_flags_d;
  meta_t out_q, out_d;

  always_comb begin
    walk_t last;
    logic [50:0][31:0] padded;

    last = walk_q[EXTENSIONS];
    near_d.bad = last.bad || last.walking && is_extension(last.next);
    near_d.there = last.there;
    near_d.at = last.at;
    near_d.payload = last.ends - {3'd0, last.at};
    near_d.meta = last.meta;
    near_d.meta.key.protocol = last.next;
    padded = (51 * 32)'(last.words);
    unique case (last.at[7:5])
      3'd0: near_words_d = padded[0+:WINDOW_WORDS];
      3'd1: near_words_d = padded[8+:WINDOW_WORDS];
      3'd2: near_words_d = padded[16+:WINDOW_WORDS];
      3'd3: near_words_d = padded[24+:WINDOW_WORDS];
      3'd4: near_words_d = padded[32+:WINDOW_WORDS];
      3'd5: near_words_d = padded[40+:WINDOW_WORDS];
      default: near_words_d = '0;
    endcase
  end

  // Layer 4's fields; `bytes` are its first six, `flags` its fourteenth.
  function automatic meta_t judged(input l4_t l4, input logic [47:0] bytes, input logic [7:0] flags,
                                   input logic [16:0] room);
    meta_t meta;
    logic [13:0] there;
    logic is_whole, bad;

    meta = l4.meta;
    bad = l4.bad;
    // How many of layer 4's bytes can be looked at.
    there = l4.at > 14'(l4.there) ? 14'd0 : 14'(l4.there) - l4.at;
    is_whole = meta.fragment == FRAGMENT_WHOLE;
    meta.kind = is_whole ? FRAME_FLOW : FRAME_HOST_ONLY;
    if (meta.fragment != FRAGMENT_LATER) begin
      unique case (meta.key.protocol)
        PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP: begin
          bad |= l4.payload < 17'd4 || there < 14'd4;
          meta.key.src_port = swap16(bytes[15:0]);
          meta.key.dst_port = swap16(bytes[31:16]);
          if (meta.key.protocol == PROTOCOL_TCP && l4.payload >= 17'd14 && there >= 14'd14) begin
            meta.key.tcp_flags = flags;
          end
          if (meta.key.protocol == PROTOCOL_UDP && is_whole && is_dhcp(meta.key.src_port, meta.key.dst_port)) begin
            meta.kind = FRAME_EXCLUDED;
          end
        end
        PROTOCOL_ICMP, PROTOCOL_ICMPV6: begin
          meta.kind = FRAME_HOST_ONLY;
          if (l4.payload >= 17'd2) begin
            bad |= there < 14'd2;
            meta.icmp = {bytes[7:0], bytes[15:8], 16'd0};
            if (l4.payload >= 17'd6 && there >= 14'd6) meta.icmp[15:0] = swap16(bytes[47:32]);
          end
        end
        default: ;
      endcase
    end
    if (bad) begin
      meta.kind = FRAME_MALFORMED;
      meta.l3_bytes = room;
    end
    return meta;
  endfunction

  function automatic logic is_dhcp(input logic [15:0] src_port, input logic [15:0] dst_port);
    logic four, six;
    four = (src_port == 16'd67 || src_port == 16'd68) && (dst_port == 16'd67 || dst_port == 16'd68);
    six = (src_port == 16'd546 || src_port == 16'd547) && (dst_port == 16'd546 || dst_port == 16'd547);
    return four || six;
  endfunction

  always_comb begin
    logic [WINDOW_WORDS-1:0][15:0] low;
    logic [WINDOW_WORDS-1:0][7:0] flags;
    logic [3:0] word;

    word = {1'b0, near_q.at[4:2]};
    for (int unsigned i = 0; i < WINDOW_WORDS; i++) begin
      low[i] = near_words_q[i][15:0];
      flags[i] = near_words_q[i][15:8];
    end
    exact_bytes_d = {low[word+4'd1], near_words_q[word]};
    exact_flags_d = flags[word+4'd3];
  end

  // Whether there is a layer 3 at all is in `kind` until layer 4 has spoken.
  assign out_d = exact_q.meta.kind == FRAME_NON_IP ? exact_q.meta
      : judged(exact_q, exact_bytes_q, exact_flags_q, exact_room_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      l2_valid_q <= 1'b0;
      walk_valid_q <= '0;
      near_valid_q <= 1'b0;
      exact_valid_q <= 1'b0;
      out_valid_q <= 1'b0;
    end else begin
      l2_valid_q <= gathered_q;
      walk_valid_q <= {walk_valid_q[EXTENSIONS-1:0], l2_valid_q};
      near_valid_q <= walk_valid_q[EXTENSIONS];
      exact_valid_q <= near_valid_q;
      out_valid_q <= exact_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (gathered_q) l2_q <= l2_d;
    if (l2_valid_q) begin
      walk_q[0] <= ip_d;
      room_q[0] <= l2_q.room;
    end
    for (int unsigned i = 0; i < EXTENSIONS; i++) begin
      if (walk_valid_q[i]) begin
        walk_q[i+1] <= walk_d[i];
        room_q[i+1] <= room_q[i];
      end
    end
    if (walk_valid_q[EXTENSIONS]) begin
      near_q <= near_d;
      near_words_q <= near_words_d;
      near_room_q <= room_q[EXTENSIONS];
    end
    if (near_valid_q) begin
      exact_q <= near_q;
      exact_room_q <= near_room_q;
      exact_bytes_q <= exact_bytes_d;
      exact_flags_q <= exact_flags_d;
    end
    if (exact_valid_q) out_q <= out_d;
  end

  logic unused_addresses;
  assign unused_addresses = &{1'b0, head_q[12*8-1:0]};

  assign meta_valid_o = out_valid_q;
  assign meta_o = out_q;
  assign busy_o = bytes_q != '0 || gathered_q || l2_valid_q || walk_valid_q != '0 || near_valid_q || exact_valid_q
      || out_valid_q;

endmodule
