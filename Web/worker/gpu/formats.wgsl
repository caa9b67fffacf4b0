// Weights as GGUF stores them. Each format has a function for 32 elements that follow each other: `at` is where the block
// begins, in bytes of the bound weights, and `part` which 32 of its elements. Floating-point formats give the elements, as eight
// vectors; the others integers of eight bits with what makes elements of them. There are no loops, since an array that is
// indexed by a variable does not stay in registers.

alias Elements = array<vec4f, 8>;

/// 32 integers, each word four of them, with a factor for each half: an element is factor * integer + offset.
struct Block {
  integers: array<u32, 8>,
  factor: vec2f,
  offset: vec2f,
}

/// The elements of a block whose integers are not negative.
fn unsigned_elements(b: Block) -> Elements {
  return Elements(
    b.factor.x * numbers(b.integers[0]) + b.offset.x, b.factor.x * numbers(b.integers[1]) + b.offset.x,
    b.factor.x * numbers(b.integers[2]) + b.offset.x, b.factor.x * numbers(b.integers[3]) + b.offset.x,
    b.factor.y * numbers(b.integers[4]) + b.offset.y, b.factor.y * numbers(b.integers[5]) + b.offset.y,
    b.factor.y * numbers(b.integers[6]) + b.offset.y, b.factor.y * numbers(b.integers[7]) + b.offset.y,
  );
}

/// The same where they may be, and nothing is added.
fn signed_elements(b: Block) -> Elements {
  return Elements(
    b.factor.x * signed_numbers(b.integers[0]), b.factor.x * signed_numbers(b.integers[1]),
    b.factor.x * signed_numbers(b.integers[2]), b.factor.x * signed_numbers(b.integers[3]),
    b.factor.y * signed_numbers(b.integers[4]), b.factor.y * signed_numbers(b.integers[5]),
    b.factor.y * signed_numbers(b.integers[6]), b.factor.y * signed_numbers(b.integers[7]),
  );
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;

const nibbles = 0x0f0f0f0fu;
const bits_of_two = 0x03030303u;
const single_bits = 0x01010101u;

/// Four bytes from any place on.
fn word(at: u32) -> u32 {
  let shift = (at & 3u) * 8u;
  let low = weights[at >> 2u] >> shift;
  // A shift by 32 is none, so the next word's part is shifted in two steps.
  return low | ((weights[(at >> 2u) + 1u] << (24u - shift)) << 8u);
}

/// Four bytes from a multiple of four on.
fn aligned_word(at: u32) -> u32 {
  return weights[at >> 2u];
}

fn byte(at: u32) -> u32 {
  return (weights[at >> 2u] >> ((at & 3u) * 8u)) & 255u;
}

fn half_float(at: u32) -> f32 {
  return unpack2x16float(word(at)).x;
}

/// Four bytes as numbers.
fn numbers(bytes: u32) -> vec4f {
  return vec4f(vec4u(bytes, bytes >> 8u, bytes >> 16u, bytes >> 24u) & vec4u(255u));
}

fn signed_numbers(bytes: u32) -> vec4f {
  return numbers(bytes ^ 0x80808080u) - 128.0;
}

/// Four bits as the fifth bits of four bytes.
fn fifth_bits(bits: u32) -> u32 {
  return ((bits & 1u) << 4u) | ((bits & 2u) << 11u) | ((bits & 4u) << 18u) | ((bits & 8u) << 25u);
}

/// The levels of IQ4_NL and IQ4_XS, four in a word: -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113.
const levels = array<u32, 4>(0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u);

fn level(index: u32) -> u32 {
  return (levels[(index >> 2u) & 3u] >> ((index & 3u) * 8u)) & 255u;
}

/// Of four indices in the lower halves of four bytes.
fn levels_of(indices: u32) -> u32 {
  return level(indices) | (level(indices >> 8u) << 8u) | (level(indices >> 16u) << 16u) | (level(indices >> 24u) << 24u);
}

// ---- Floating point: blocks of 32, of which the last one of a row may be cut off ----

fn f32_four(at: u32) -> vec4f {
  let i = at >> 2u;
  return bitcast<vec4f>(vec4u(weights[i], weights[i + 1u], weights[i + 2u], weights[i + 3u]));
}

fn f32_elements(at: u32, part: u32) -> Elements {
  return Elements(
    f32_four(at), f32_four(at + 16u), f32_four(at + 32u), f32_four(at + 48u),
    f32_four(at + 64u), f32_four(at + 80u), f32_four(at + 96u), f32_four(at + 112u),
  );
}

fn f16_four(at: u32) -> vec4f {
  return vec4f(unpack2x16float(word(at)), unpack2x16float(word(at + 4u)));
}

fn f16_elements(at: u32, part: u32) -> Elements {
  return Elements(
    f16_four(at), f16_four(at + 8u), f16_four(at + 16u), f16_four(at + 24u),
    f16_four(at + 32u), f16_four(at + 40u), f16_four(at + 48u), f16_four(at + 56u),
  );
}

fn bf16_four(at: u32) -> vec4f {
  let low = word(at);
  let high = word(at + 4u);
  return bitcast<vec4f>(vec4u(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u));
}

fn bf16_elements(at: u32, part: u32) -> Elements {
  return Elements(
    bf16_four(at), bf16_four(at + 8u), bf16_four(at + 16u), bf16_four(at + 24u),
    bf16_four(at + 32u), bf16_four(at + 40u), bf16_four(at + 48u), bf16_four(at + 56u),
  );
}

// ---- Blocks of 32: a factor, perhaps an offset, and the integers ----

/// Sixteen bytes of two integers each: the first sixteen in the lower halves.
fn nibbles_of(a: u32, b: u32, c: u32, d: u32) -> array<u32, 8> {
  return array<u32, 8>(
    a & nibbles, b & nibbles, c & nibbles, d & nibbles,
    (a >> 4u) & nibbles, (b >> 4u) & nibbles, (c >> 4u) & nibbles, (d >> 4u) & nibbles,
  );
}

/// The same with the fifth bits of all 32.
fn five_bits_of(a: u32, b: u32, c: u32, d: u32, fifths: u32) -> array<u32, 8> {
  return array<u32, 8>(
    (a & nibbles) | fifth_bits(fifths), (b & nibbles) | fifth_bits(fifths >> 4u),
    (c & nibbles) | fifth_bits(fifths >> 8u), (d & nibbles) | fifth_bits(fifths >> 12u),
    ((a >> 4u) & nibbles) | fifth_bits(fifths >> 16u), ((b >> 4u) & nibbles) | fifth_bits(fifths >> 20u),
    ((c >> 4u) & nibbles) | fifth_bits(fifths >> 24u), ((d >> 4u) & nibbles) | fifth_bits(fifths >> 28u),
  );
}

fn q4_0_block(at: u32, part: u32) -> Block {
  let scale = half_float(at);
  return Block(nibbles_of(word(at + 2u), word(at + 6u), word(at + 10u), word(at + 14u)), vec2f(scale), vec2f(-8.0 * scale));
}

fn q4_1_block(at: u32, part: u32) -> Block {
  let i = at >> 2u;
  let scales = unpack2x16float(weights[i]);
  return Block(nibbles_of(weights[i + 1u], weights[i + 2u], weights[i + 3u], weights[i + 4u]), scales.xx, scales.yy);
}

fn q5_0_block(at: u32, part: u32) -> Block {
  let scale = half_float(at);
  let bits = five_bits_of(word(at + 6u), word(at + 10u), word(at + 14u), word(at + 18u), word(at + 2u));
  return Block(bits, vec2f(scale), vec2f(-16.0 * scale));
}

fn q5_1_block(at: u32, part: u32) -> Block {
  let i = at >> 2u;
  let scales = unpack2x16float(weights[i]);
  let bits = five_bits_of(weights[i + 2u], weights[i + 3u], weights[i + 4u], weights[i + 5u], weights[i + 1u]);
  return Block(bits, scales.xx, scales.yy);
}

fn q8_0_block(at: u32, part: u32) -> Block {
  let integers = array<u32, 8>(
    word(at + 2u), word(at + 6u), word(at + 10u), word(at + 14u),
    word(at + 18u), word(at + 22u), word(at + 26u), word(at + 30u),
  );
  return Block(integers, vec2f(half_float(at)), vec2f(0.0));
}

fn levels_block(a: u32, b: u32, c: u32, d: u32, scale: f32) -> Block {
  let integers = array<u32, 8>(
    levels_of(a), levels_of(b), levels_of(c), levels_of(d),
    levels_of(a >> 4u), levels_of(b >> 4u), levels_of(c >> 4u), levels_of(d >> 4u),
  );
  return Block(integers, vec2f(scale), vec2f(0.0));
}

fn iq4_nl_block(at: u32, part: u32) -> Block {
  return levels_block(word(at + 2u), word(at + 6u), word(at + 10u), word(at + 14u), half_float(at));
}

/// Twice the numbers that four bits write with an exponent: 0, 1, 2, 3, 4, 6, 8, 12, and the same with a sign.
const doubled_e2m1 = array<u32, 4>(0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu);

fn e2m1(index: u32) -> u32 {
  return (doubled_e2m1[(index >> 2u) & 3u] >> ((index & 3u) * 8u)) & 255u;
}

/// Of four indices in the lower halves of four bytes.
fn e2m1_of(indices: u32) -> u32 {
  return e2m1(indices) | (e2m1(indices >> 8u) << 8u) | (e2m1(indices >> 16u) << 16u) | (e2m1(indices >> 24u) << 24u);
}

fn mxfp4_block(at: u32, part: u32) -> Block {
  let exponent = byte(at);
  let scale = bitcast<f32>(select((exponent - 1u) << 23u, 0x00200000u << (exponent & 1u), exponent < 2u));
  let a = word(at + 1u);
  let b = word(at + 5u);
  let c = word(at + 9u);
  let d = word(at + 13u);
  let integers = array<u32, 8>(
    e2m1_of(a), e2m1_of(b), e2m1_of(c), e2m1_of(d), e2m1_of(a >> 4u), e2m1_of(b >> 4u), e2m1_of(c >> 4u), e2m1_of(d >> 4u),
  );
  return Block(integers, vec2f(scale), vec2f(0.0));
}

// ---- Blocks of more than 32 ----

/// Half of what eight bits write with four of exponent and three of mantissa; the largest number is none.
fn halved_e4m3(bits: u32) -> f32 {
  let x = bits & 127u;
  let value = select(bitcast<f32>((x << 20u) + (119u << 23u)), f32(x) / 1024.0, x < 8u);
  return select(value, 0.0, bits == 127u);
}

fn nvfp4_block(at: u32, part: u32) -> Block {
  let q = at + 4u + part * 16u;
  let a = aligned_word(q);
  let b = aligned_word(q + 4u);
  let c = aligned_word(q + 8u);
  let d = aligned_word(q + 12u);
  let integers = array<u32, 8>(
    e2m1_of(a), e2m1_of(b), e2m1_of(a >> 4u), e2m1_of(b >> 4u), e2m1_of(c), e2m1_of(d), e2m1_of(c >> 4u), e2m1_of(d >> 4u),
  );
  let factor = vec2f(halved_e4m3(byte(at + part * 2u)), halved_e4m3(byte(at + part * 2u + 1u)));
  return Block(integers, factor, vec2f(0.0));
}

fn q1_0_block(at: u32, part: u32) -> Block {
  let scale = half_float(at);
  let bits = word(at + 2u + part * 4u);
  let integers = array<u32, 8>(
    fifth_bits(bits) >> 4u, fifth_bits(bits >> 4u) >> 4u, fifth_bits(bits >> 8u) >> 4u, fifth_bits(bits >> 12u) >> 4u,
    fifth_bits(bits >> 16u) >> 4u, fifth_bits(bits >> 20u) >> 4u, fifth_bits(bits >> 24u) >> 4u, fifth_bits(bits >> 28u) >> 4u,
  );
  return Block(integers, vec2f(2.0 * scale), vec2f(-scale));
}

// ---- Superblocks of 256: factors of 32 or 16 elements, themselves quantized ----

fn two_bits(at: u32, shift: u32) -> u32 {
  return (aligned_word(at) >> shift) & bits_of_two;
}

fn q2_k_block(at: u32, part: u32) -> Block {
  let scales = unpack2x16float(aligned_word(at + 80u));
  let groups = vec2u(byte(at + part * 2u), byte(at + part * 2u + 1u));
  let q = at + 16u + part / 4u * 32u;
  let s = part % 4u * 2u;
  let integers = array<u32, 8>(
    two_bits(q, s), two_bits(q + 4u, s), two_bits(q + 8u, s), two_bits(q + 12u, s),
    two_bits(q + 16u, s), two_bits(q + 20u, s), two_bits(q + 24u, s), two_bits(q + 28u, s),
  );
  return Block(integers, scales.x * vec2f(groups & vec2u(15u)), -scales.y * vec2f(groups >> vec2u(4u)));
}

/// Two low bits from one place, the third from another.
fn three_bits(low: u32, shift: u32, high: u32, part: u32) -> u32 {
  return ((word(low) >> shift) & bits_of_two) | (((word(high) >> part) & single_bits) << 2u);
}

fn q3_k_scale(at: u32, group: u32) -> f32 {
  let low = (byte(at + 96u + group % 8u) >> (group / 8u * 4u)) & 15u;
  let high = (byte(at + 104u + group % 4u) >> (group / 4u * 2u)) & 3u;
  return f32(low | (high << 4u)) - 32.0;
}

fn q3_k_block(at: u32, part: u32) -> Block {
  let factor = half_float(at + 108u) * vec2f(q3_k_scale(at, part * 2u), q3_k_scale(at, part * 2u + 1u));
  let q = at + 32u + part / 4u * 32u;
  let s = part % 4u * 2u;
  let integers = array<u32, 8>(
    three_bits(q, s, at, part), three_bits(q + 4u, s, at + 4u, part), three_bits(q + 8u, s, at + 8u, part),
    three_bits(q + 12u, s, at + 12u, part), three_bits(q + 16u, s, at + 16u, part),
    three_bits(q + 20u, s, at + 20u, part), three_bits(q + 24u, s, at + 24u, part),
    three_bits(q + 28u, s, at + 28u, part),
  );
  return Block(integers, factor, -4.0 * factor);
}

/// Factor and minimum of a part of Q4_K and Q5_K: 6-bit numbers in bytes 4 to 15, times the superblock's own.
fn six_bit_scales(at: u32, part: u32) -> vec2f {
  let scales = unpack2x16float(aligned_word(at));
  if (part < 4u) {
    return scales * vec2f(f32(byte(at + 4u + part) & 63u), f32(byte(at + 8u + part) & 63u));
  }
  let both = byte(at + 8u + part);
  return scales * vec2f(
    f32((both & 15u) | ((byte(at + part) & 0xc0u) >> 2u)),
    f32((both >> 4u) | ((byte(at + 4u + part) & 0xc0u) >> 2u)),
  );
}

fn half_bytes(at: u32, shift: u32) -> u32 {
  return (aligned_word(at) >> shift) & nibbles;
}

fn q4_k_block(at: u32, part: u32) -> Block {
  let scales = six_bit_scales(at, part);
  let q = at + 16u + part / 2u * 32u;
  let s = part % 2u * 4u;
  let integers = array<u32, 8>(
    half_bytes(q, s), half_bytes(q + 4u, s), half_bytes(q + 8u, s), half_bytes(q + 12u, s),
    half_bytes(q + 16u, s), half_bytes(q + 20u, s), half_bytes(q + 24u, s), half_bytes(q + 28u, s),
  );
  return Block(integers, scales.xx, -scales.yy);
}

/// Four low bits from one place, the fifth from another.
fn five_bits(low: u32, shift: u32, high: u32, part: u32) -> u32 {
  return ((aligned_word(low) >> shift) & nibbles) | (((aligned_word(high) >> part) & single_bits) << 4u);
}

fn q5_k_block(at: u32, part: u32) -> Block {
  let scales = six_bit_scales(at, part);
  let q = at + 48u + part / 2u * 32u;
  let h = at + 16u;
  let s = part % 2u * 4u;
  let integers = array<u32, 8>(
    five_bits(q, s, h, part), five_bits(q + 4u, s, h + 4u, part), five_bits(q + 8u, s, h + 8u, part),
    five_bits(q + 12u, s, h + 12u, part), five_bits(q + 16u, s, h + 16u, part),
    five_bits(q + 20u, s, h + 20u, part), five_bits(q + 24u, s, h + 24u, part), five_bits(q + 28u, s, h + 28u, part),
  );
  return Block(integers, scales.xx, -scales.yy);
}

/// Four low bits from one place, two high ones from another.
fn six_bits(low: u32, low_shift: u32, high: u32, high_shift: u32) -> u32 {
  return ((word(low) >> low_shift) & nibbles) | (((word(high) >> high_shift) & bits_of_two) << 4u);
}

fn q6_k_block(at: u32, part: u32) -> Block {
  let quarter = part % 4u;
  let groups = vec2u(byte(at + 192u + part * 2u), byte(at + 193u + part * 2u)) ^ vec2u(128u);
  let factor = half_float(at + 208u) * (vec2f(groups) - 128.0);
  let q = at + part / 4u * 64u + quarter % 2u * 32u;
  let h = at + 128u + part / 4u * 32u;
  let s = quarter / 2u * 4u;
  let t = quarter * 2u;
  let integers = array<u32, 8>(
    six_bits(q, s, h, t), six_bits(q + 4u, s, h + 4u, t), six_bits(q + 8u, s, h + 8u, t),
    six_bits(q + 12u, s, h + 12u, t), six_bits(q + 16u, s, h + 16u, t), six_bits(q + 20u, s, h + 20u, t),
    six_bits(q + 24u, s, h + 24u, t), six_bits(q + 28u, s, h + 28u, t),
  );
  return Block(integers, factor, -32.0 * factor);
}

fn iq4_xs_block(at: u32, part: u32) -> Block {
  let head = aligned_word(at);
  let low = (byte(at + 4u + part / 2u) >> (part % 2u * 4u)) & 15u;
  let high = (head >> (16u + part * 2u)) & 3u;
  let scale = unpack2x16float(head).x * (f32(low | (high << 4u)) - 32.0);
  let i = (at + 8u + part * 16u) >> 2u;
  return levels_block(weights[i], weights[i + 1u], weights[i + 2u], weights[i + 3u], scale);
}
