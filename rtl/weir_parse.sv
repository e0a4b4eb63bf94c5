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
  localparam int unsigned NEAR_WORDS = 11;
  // Frames that are in the pipeline at once, and some.
  localparam int unsigned KEPT = 16;
  localparam int unsigned KEPT_BITS = $clog2(KEPT);

  typedef logic [WORDS-1:0][31:0] words_t;
  typedef logic [KEPT_BITS-1:0] kept_t;

  // What is known of a frame from its last beat on.
  typedef struct packed {
    stamp_t stamp;
    logic [15:0] vport;
    logic [16:0] wire_bytes;
    logic [13:0] held_bytes;
  } arrived_t;

  // What walks from header to header. `at` is where the next one starts, behind layer 3; `there` how many of the
  // bytes behind layer 2 can be looked at; `ends` where the packet ends; `room` all that follows layer 2.
  typedef struct packed {
    logic ip4;
    logic ip6;
    logic walking;
    logic bad;
    fragment_e fragment;
    logic [31:0] identification;
    logic [7:0] next;
    logic [7:0] there;
    logic [13:0] at;
    logic [16:0] ends;
    logic [16:0] room;
  } walk_t;

  function automatic logic is_tag(input logic [15:0] ethertype);
    return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
  endfunction

  function automatic logic is_extension(input logic [7:0] header);
    return header == 8'd0 || header == 8'd43 || header == 8'd44 || header == 8'd51 || header == 8'd60;
  endfunction

  function automatic logic is_dhcp(input logic [15:0] src_port, input logic [15:0] dst_port);
    logic four, six;
    four = (src_port == 16'd67 || src_port == 16'd68) && (dst_port == 16'd67 || dst_port == 16'd68);
    six = (src_port == 16'd546 || src_port == 16'd547) && (dst_port == 16'd546 || dst_port == 16'd547);
    return four || six;
  endfunction

  // Gather: the first three beats, and the length.
  logic [HEADER_BEATS-1:0][511:0] head_q;
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
      unique case (index_q)
        2'd0: head_q[0] <= beat_i.data;
        2'd1: head_q[1] <= beat_i.data;
        2'd2: head_q[2] <= beat_i.data;
        default: ;
      endcase
      if (bytes_q == '0) user_q <= user_i;
      if (beat_i.last) begin
        length_q <= bytes_d;
        stamp_q <= stamp_i;
      end
    end
  end

  // Layer 2: the EtherType behind at most two tags. What follows is kept beside the pipeline, and each
  // stage takes the words that it needs from there.
  function automatic logic [1:0] tags_of(input logic [15:0] first, input logic [15:0] second);
    if (!is_tag(first)) return 2'd0;
    return is_tag(second) ? 2'd2 : 2'd1;
  endfunction

  function automatic walk_t layer2(input logic [1:0] tags, input logic [15:0] ethertype, input logic [16:0] length,
                                   input logic [16:0] wire_bytes);
    walk_t walk;
    logic [7:0] there;
    logic [4:0] l3;
    logic cut;

    walk = '0;
    there = length >= 17'(HEADER_BYTES_MAX) ? 8'(HEADER_BYTES_MAX) : length[7:0];
    // A tag whose EtherType is cut off is as good as none.
    cut = there < 8'd14 || tags != 2'd0 && there < 8'd18 || tags == 2'd2 && there < 8'd22;
    l3 = cut ? 5'd14 : 5'd14 + {1'b0, tags, 2'b00};
    walk.ip4 = !cut && ethertype == ETHERTYPE_IPV4;
    walk.ip6 = !cut && ethertype == ETHERTYPE_IPV6;
    walk.there = cut ? 8'd0 : there - 8'(l3);
    walk.room = wire_bytes < 17'(l3) ? 17'd0 : wire_bytes - 17'(l3);
    return walk;
  endfunction

  kept_t kept_q;
  logic l2_valid_q;
  walk_t l2_q;
  kept_t l2_kept_q;
  logic [1:0] tags;
  logic [16:0] wire_bytes;
  words_t words[KEPT];
  arrived_t arrived[KEPT];

  assign wire_bytes = user_q.wire_bytes == '0 ? length_q : user_q.wire_bytes;
  assign tags = tags_of(swap16(head_q[0][12*8+:16]), swap16(head_q[0][16*8+:16]));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) kept_q <= '0;
    else if (gathered_q) kept_q <= kept_q + 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (gathered_q) begin
      l2_kept_q <= kept_q;
      unique case (tags)
        2'd0: begin
          l2_q <= layer2(tags, swap16(head_q[0][12*8+:16]), length_q, wire_bytes);
          words[kept_q] <= {16'd0, head_q[2], head_q[1], head_q[0][511:14*8]};
        end
        2'd1: begin
          l2_q <= layer2(tags, swap16(head_q[0][16*8+:16]), length_q, wire_bytes);
          words[kept_q] <= {48'd0, head_q[2], head_q[1], head_q[0][511:18*8]};
        end
        default: begin
          l2_q <= layer2(tags, swap16(head_q[0][20*8+:16]), length_q, wire_bytes);
          words[kept_q] <= {80'd0, head_q[2], head_q[1], head_q[0][511:22*8]};
        end
      endcase
      arrived[kept_q].stamp <= stamp_q;
      arrived[kept_q].vport <= user_q.vport;
      arrived[kept_q].wire_bytes <= wire_bytes;
      arrived[kept_q].held_bytes <= length_q > 17'(FRAME_BYTES_MAX) ? 14'(FRAME_BYTES_MAX) : length_q[13:0];
    end
  end

  // IP: lengths, and where the next header starts. `first` is its first byte, `total` and `high` are IPv4's
  // total length and IP's second word.
  function automatic walk_t opened(input walk_t l2, input logic [7:0] first, input logic [15:0] total,
                                   input logic [31:0] high, input logic [7:0] ip4_protocol);
    walk_t walk;
    logic [16:0] header;
    logic [12:0] offset;

    walk = l2;
    header = {11'd0, first[3:0], 2'b00};
    offset = {high[20:16], high[31:24]};
    if (l2.ip4) begin
      walk.ends = {1'b0, swap16(total)};
      walk.bad = l2.there < 8'd20 || first[7:4] != 4'd4 || first[3:0] < 4'd5 || walk.ends < header
          || walk.ends > l2.room;
      walk.next = ip4_protocol;
      walk.at = header[13:0];
      if (offset != '0) walk.fragment = FRAGMENT_LATER;
      else if (high[21]) walk.fragment = FRAGMENT_FIRST;
      if (walk.fragment != FRAGMENT_WHOLE) walk.identification = {16'd0, swap16(high[15:0])};
    end else if (l2.ip6) begin
      walk.ends = {1'b0, swap16(high[15:0])} + 17'd40;
      walk.bad = l2.there < 8'd40 || first[7:4] != 4'd6 || walk.ends > l2.room;
      walk.walking = !walk.bad;
      walk.next = high[23:16];
      walk.at = 14'd40;
    end
    return walk;
  endfunction

  // The extension headers, one a stage: the first eight bytes of what may be one.
  typedef struct packed {
    logic [31:0] identification;
    logic more;
    logic [12:0] offset;
    logic [7:0] size;
    logic [7:0] next;
  } extension_t;

  function automatic walk_t walked(input walk_t given, input extension_t extension);
    walk_t walk;
    logic [13:0] length, needed;
    fragment_e fragment;

    walk = given;
    if (!given.walking) return walk;
    if (!is_extension(given.next)) begin
      walk.walking = 1'b0;
      return walk;
    end
    unique case (given.next)
      8'd44: length = 14'd8;
      8'd51: length = (14'(extension.size) + 14'd2) << 2;
      default: length = (14'(extension.size) + 14'd1) << 3;
    endcase
    needed = given.at + (given.next == 8'd44 ? 14'd8 : 14'd2);
    walk.at = given.at + length;
    walk.next = extension.next;
    if (needed > 14'(given.there) || {3'd0, walk.at} > given.ends) begin
      walk.bad = 1'b1;
      walk.walking = 1'b0;
    end else if (given.next == 8'd44) begin
      fragment = FRAGMENT_WHOLE;
      if (extension.offset != '0) fragment = FRAGMENT_LATER;
      else if (extension.more) fragment = FRAGMENT_FIRST;
      if (fragment != FRAGMENT_WHOLE) begin
        walk.fragment = fragment;
        walk.identification = extension.identification;
      end
      // No header of a later fragment's payload is there.
      if (fragment == FRAGMENT_LATER) walk.walking = 1'b0;
    end
    return walk;
  endfunction

  logic [EXTENSIONS:0] walk_valid_q;
  walk_t walk_q[EXTENSIONS+1];
  // Where each stage's frame lies in `words` and `arrived`.
  kept_t walk_kept_q[EXTENSIONS+1];

  always_ff @(posedge clk_i) begin
    if (l2_valid_q) begin
      walk_q[0] <= opened(l2_q, words[l2_kept_q][0][7:0], words[l2_kept_q][0][31:16], words[l2_kept_q][1],
          words[l2_kept_q][2][15:8]);
      walk_kept_q[0] <= l2_kept_q;
    end
  end

  for (genvar i = 0; i < EXTENSIONS; i++) begin : gen_walk
    logic [5:0] word, next_word;
    kept_t kept;

    // The first is always in its place; where no word is, nothing is looked at.
    assign word = i == 0 ? 6'd10 : walk_q[i].at[7:2];
    assign next_word = word + 6'd1;
    assign kept = walk_kept_q[i];

    always_ff @(posedge clk_i) begin
      if (walk_valid_q[i]) begin
        walk_kept_q[i+1] <= kept;
        walk_q[i+1] <= walked(walk_q[i], '{
            identification: swap32(words[kept][next_word]),
            more: words[kept][word][24],
            offset: {words[kept][word][23:16], words[kept][word][31:27]},
            size: words[kept][word][15:8],
            next: words[kept][word][7:0]
        });
      end
    end
  end

  // Layer 4: the words around it, then its first six bytes and its fourteenth, then its fields.
  typedef struct packed {
    logic ip4;
    logic ip6;
    logic bad;
    fragment_e fragment;
    logic [31:0] identification;
    logic [7:0] protocol;
    // How many of layer 4's bytes can be looked at, and how many IP leaves for it.
    logic [7:0] there;
    logic [16:0] payload;
    logic [16:0] ends;
    logic [16:0] room;
  } l4_t;

  function automatic l4_t reached(input walk_t walk);
    l4_t l4;
    l4.ip4 = walk.ip4;
    l4.ip6 = walk.ip6;
    l4.bad = walk.bad || walk.walking && is_extension(walk.next);
    l4.fragment = walk.fragment;
    l4.identification = walk.identification;
    l4.protocol = walk.next;
    l4.there = walk.at > 14'(walk.there) ? 8'd0 : walk.there - walk.at[7:0];
    l4.payload = walk.ends - {3'd0, walk.at};
    l4.ends = walk.ends;
    l4.room = walk.room;
    return l4;
  endfunction

  logic near_valid_q, exact_valid_q, out_valid_q;
  l4_t near_q, exact_q;
  logic [2:0] near_word_q;
  kept_t near_kept_q, exact_kept_q;
  logic [NEAR_WORDS-1:0][31:0] near_words_q;
  logic [47:0] exact_bytes_q;
  logic [7:0] exact_flags_q;
  meta_t out_q;

  always_ff @(posedge clk_i) begin
    if (walk_valid_q[EXTENSIONS]) begin
      near_q <= reached(walk_q[EXTENSIONS]);
      near_word_q <= walk_q[EXTENSIONS].at[4:2];
      near_kept_q <= walk_kept_q[EXTENSIONS];
      unique case (walk_q[EXTENSIONS].at[7:5])
        3'd0: near_words_q <= words[walk_kept_q[EXTENSIONS]][0+:NEAR_WORDS];
        3'd1: near_words_q <= words[walk_kept_q[EXTENSIONS]][8+:NEAR_WORDS];
        3'd2: near_words_q <= words[walk_kept_q[EXTENSIONS]][16+:NEAR_WORDS];
        3'd3: near_words_q <= words[walk_kept_q[EXTENSIONS]][24+:NEAR_WORDS];
        3'd4: near_words_q <= words[walk_kept_q[EXTENSIONS]][32+:NEAR_WORDS];
        3'd5: near_words_q <= (NEAR_WORDS * 32)'(words[walk_kept_q[EXTENSIONS]][WORDS-1:40]);
        default: near_words_q <= '0;
      endcase
    end
  end

  logic [3:0] exact_word, exact_next_word, exact_fourth_word;
  logic unused_addresses;

  assign exact_word = {1'b0, near_word_q};
  assign exact_next_word = exact_word + 4'd1;
  assign exact_fourth_word = exact_word + 4'd3;
  assign unused_addresses = &{1'b0, head_q[0][12*8-1:0]};

  always_ff @(posedge clk_i) begin
    if (near_valid_q) begin
      exact_q <= near_q;
      exact_kept_q <= near_kept_q;
      exact_bytes_q <= {near_words_q[exact_next_word][15:0], near_words_q[exact_word]};
      exact_flags_q <= near_words_q[exact_fourth_word][15:8];
    end
  end

  // The frame as a whole. `bytes` are layer 4's first six, `flags` its fourteenth; `addresses` IP's words
  // from the third on.
  function automatic meta_t judged(input l4_t l4, input logic [47:0] bytes, input logic [7:0] flags,
                                   input arrived_t arrived_as, input logic [7:0][31:0] addresses);
    meta_t meta;
    logic is_whole, bad;

    bad = l4.bad;
    is_whole = l4.fragment == FRAGMENT_WHOLE;
    meta = '0;
    meta.stamp = arrived_as.stamp;
    meta.vport = arrived_as.vport;
    meta.wire_bytes = arrived_as.wire_bytes;
    meta.held_bytes = arrived_as.held_bytes;
    meta.fragment = l4.fragment;
    meta.identification = l4.identification;
    meta.l3_bytes = l4.ends;
    meta.key.port.vport = arrived_as.vport[11:0];
    meta.key.port.egress = EGRESS;
    meta.key.port.ip6 = l4.ip6;
    meta.key.protocol = l4.protocol;
    meta.key.src = l4.ip6 ? addresses[3:0] : {96'd0, addresses[1]};
    meta.key.dst = l4.ip6 ? addresses[7:4] : {96'd0, addresses[2]};
    meta.kind = is_whole ? FRAME_FLOW : FRAME_HOST_ONLY;
    if (l4.fragment != FRAGMENT_LATER) begin
      unique case (l4.protocol)
        PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP: begin
          bad |= l4.payload < 17'd4 || l4.there < 8'd4;
          meta.key.src_port = swap16(bytes[15:0]);
          meta.key.dst_port = swap16(bytes[31:16]);
          if (l4.protocol == PROTOCOL_TCP && l4.payload >= 17'd14 && l4.there >= 8'd14) meta.key.tcp_flags = flags;
          if (l4.protocol == PROTOCOL_UDP && is_whole && is_dhcp(meta.key.src_port, meta.key.dst_port)) begin
            meta.kind = FRAME_EXCLUDED;
          end
        end
        PROTOCOL_ICMP, PROTOCOL_ICMPV6: begin
          meta.kind = FRAME_HOST_ONLY;
          if (l4.payload >= 17'd2) begin
            bad |= l4.there < 8'd2;
            meta.icmp = {bytes[7:0], bytes[15:8], 16'd0};
            if (l4.payload >= 17'd6 && l4.there >= 8'd6) meta.icmp[15:0] = swap16(bytes[47:32]);
          end
        end
        default: ;
      endcase
    end
    if (!l4.ip4 && !l4.ip6) meta.kind = FRAME_NON_IP;
    else if (bad) meta.kind = FRAME_MALFORMED;
    // What is no packet, or a broken one, has as many bytes as follow layer 2.
    if (meta.kind == FRAME_NON_IP || meta.kind == FRAME_MALFORMED) meta.l3_bytes = l4.room;
    return meta;
  endfunction

  always_ff @(posedge clk_i) begin
    if (exact_valid_q) begin
      out_q <= judged(exact_q, exact_bytes_q, exact_flags_q, arrived[exact_kept_q],
          words[exact_kept_q][9:2]);
    end
  end

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

  assign meta_valid_o = out_valid_q;
  assign meta_o = out_q;
  assign busy_o = bytes_q != '0 || gathered_q || l2_valid_q || walk_valid_q != '0 || near_valid_q || exact_valid_q
      || out_valid_q;

endmodule
