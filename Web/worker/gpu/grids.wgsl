// Formats whose blocks hold numbers of points of a grid, or digits of base 3, on top of `formats.wgsl`. The weights begin
// with the grids, at words that `GPUGrid` tells, two points in each: of eight elements with two bits each, or of four with four.

/// Two bits of each of four elements as bytes.
fn spread_pairs(digits: u32) -> u32 {
  return (digits | (digits << 6u) | (digits << 12u) | (digits << 18u)) & bits_of_two;
}

/// Four bits of each of four elements as bytes.
fn spread_nibbles(digits: u32) -> u32 {
  return ((digits & 15u) | ((digits & 0xf0u) << 4u) | ((digits & 0xf00u) << 8u) | ((digits & 0xf000u) << 12u));
}

/// Positive bytes, negated where one of four bits says so.
fn with_signs(bytes: u32, signs: u32) -> u32 {
  let negative = (signs & 1u) | ((signs & 2u) << 7u) | ((signs & 4u) << 14u) | ((signs & 8u) << 21u);
  return (bytes ^ (negative * 255u)) + negative;
}

/// Seven signs and an eighth that makes the number of negative elements even; of four times eight elements.
fn even_signs(signs: vec4u) -> vec4u {
  let seven = signs & vec4u(127u);
  return seven | ((countOneBits(seven) & vec4u(1u)) << vec4u(7u));
}

fn four_even_signs(signs: u32) -> vec4u {
  return even_signs(vec4u(signs, signs >> 7u, signs >> 14u, signs >> 21u));
}

/// 1, 3, 5…
fn odd(scale: vec2u) -> vec2f {
  return vec2f(2u * scale + 1u);
}

fn bytes_of(word: u32) -> vec4u {
  return vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(255u);
}

// ---- IQ2: eight elements of 8, 25 or 43 ----

fn iq2_bytes(digits: u32) -> u32 {
  let bytes = spread_pairs(digits);
  return 0x08080808u + 17u * bytes + ((bytes >> 1u) & single_bits);
}

fn iq2_integers(p: vec4u, signs: vec4u) -> array<u32, 8> {
  return array<u32, 8>(
    with_signs(iq2_bytes(p.x & 255u), signs.x), with_signs(iq2_bytes(p.x >> 8u), signs.x >> 4u),
    with_signs(iq2_bytes(p.y & 255u), signs.y), with_signs(iq2_bytes(p.y >> 8u), signs.y >> 4u),
    with_signs(iq2_bytes(p.z & 255u), signs.z), with_signs(iq2_bytes(p.z >> 8u), signs.z >> 4u),
    with_signs(iq2_bytes(p.w & 255u), signs.w), with_signs(iq2_bytes(p.w >> 8u), signs.w >> 4u),
  );
}

fn iq2_xxs_point(i: u32) -> u32 {
  return (weights[grid_iq2_xxs + (i >> 1u)] >> ((i & 1u) * 16u)) & 0xffffu;
}

fn iq2_xxs_block(at: u32, part: u32) -> Block {
  let q = bytes_of(word(at + 2u + part * 8u));
  let signs = word(at + 6u + part * 8u);
  let points = vec4u(iq2_xxs_point(q.x), iq2_xxs_point(q.y), iq2_xxs_point(q.z), iq2_xxs_point(q.w));
  let factor = 0.125 * half_float(at) * odd(vec2u(signs >> 28u));
  return Block(iq2_integers(points, four_even_signs(signs)), factor, vec2f(0.0));
}

fn iq2_xs_point(i: u32) -> u32 {
  return (weights[grid_iq2_xs + ((i >> 1u) & 255u)] >> ((i & 1u) * 16u)) & 0xffffu;
}

fn iq2_xs_block(at: u32, part: u32) -> Block {
  let low = word(at + 2u + part * 8u);
  let high = word(at + 6u + part * 8u);
  let q = vec4u(low & 0xffffu, low >> 16u, high & 0xffffu, high >> 16u);
  let points = vec4u(iq2_xs_point(q.x), iq2_xs_point(q.y), iq2_xs_point(q.z), iq2_xs_point(q.w));
  let scales = byte(at + 66u + part);
  let factor = 0.125 * half_float(at) * odd(vec2u(scales & 15u, scales >> 4u));
  return Block(iq2_integers(points, even_signs(q >> vec4u(9u))), factor, vec2f(0.0));
}

fn iq2_s_point(low: u32, high: u32) -> u32 {
  let i = low | ((high & 3u) << 8u);
  return (weights[grid_iq2_s + (i >> 1u)] >> ((i & 1u) * 16u)) & 0xffffu;
}

fn iq2_s_block(at: u32, part: u32) -> Block {
  let q = bytes_of(word(at + 2u + part * 4u));
  let signs = bytes_of(word(at + 34u + part * 4u));
  let high = byte(at + 66u + part);
  let points = vec4u(
    iq2_s_point(q.x, high), iq2_s_point(q.y, high >> 2u), iq2_s_point(q.z, high >> 4u), iq2_s_point(q.w, high >> 6u),
  );
  let scales = byte(at + 74u + part);
  let factor = 0.125 * half_float(at) * odd(vec2u(scales & 15u, scales >> 4u));
  return Block(iq2_integers(points, signs), factor, vec2f(0.0));
}

// ---- IQ3: four elements of eight levels ----

/// 4, 12, 20, 28, 36, 44, 52 or 62, by the number of a point.
fn iq3_xxs_bytes(i: u32) -> u32 {
  let bytes = spread_nibbles((weights[grid_iq3_xxs + (i >> 1u)] >> ((i & 1u) * 16u)) & 0xffffu);
  return 0x04040404u + 8u * bytes + ((bytes & (bytes >> 1u) & (bytes >> 2u) & single_bits) << 1u);
}

fn iq3_xxs_block(at: u32, part: u32) -> Block {
  let a = bytes_of(word(at + 2u + part * 8u));
  let b = bytes_of(word(at + 6u + part * 8u));
  let last = word(at + 66u + part * 4u);
  let signs = four_even_signs(last);
  let integers = array<u32, 8>(
    with_signs(iq3_xxs_bytes(a.x), signs.x), with_signs(iq3_xxs_bytes(a.y), signs.x >> 4u),
    with_signs(iq3_xxs_bytes(a.z), signs.y), with_signs(iq3_xxs_bytes(a.w), signs.y >> 4u),
    with_signs(iq3_xxs_bytes(b.x), signs.z), with_signs(iq3_xxs_bytes(b.y), signs.z >> 4u),
    with_signs(iq3_xxs_bytes(b.z), signs.w), with_signs(iq3_xxs_bytes(b.w), signs.w >> 4u),
  );
  return Block(integers, 0.25 * half_float(at) * odd(vec2u(last >> 28u)), vec2f(0.0));
}

/// 1, 3, 5, 7, 9, 11, 13 or 15, by the low and the high bits of the number of a point.
fn iq3_s_bytes(low: u32, high: u32) -> u32 {
  let i = low | ((high & 1u) << 8u);
  return single_bits + 2u * spread_nibbles((weights[grid_iq3_s + (i >> 1u)] >> ((i & 1u) * 16u)) & 0xffffu);
}

fn iq3_s_block(at: u32, part: u32) -> Block {
  let a = bytes_of(word(at + 2u + part * 8u));
  let b = bytes_of(word(at + 6u + part * 8u));
  let high = byte(at + 66u + part);
  let signs = word(at + 74u + part * 4u);
  let scale = (byte(at + 106u + part / 2u) >> (part % 2u * 4u)) & 15u;
  let integers = array<u32, 8>(
    with_signs(iq3_s_bytes(a.x, high), signs), with_signs(iq3_s_bytes(a.y, high >> 1u), signs >> 4u),
    with_signs(iq3_s_bytes(a.z, high >> 2u), signs >> 8u), with_signs(iq3_s_bytes(a.w, high >> 3u), signs >> 12u),
    with_signs(iq3_s_bytes(b.x, high >> 4u), signs >> 16u), with_signs(iq3_s_bytes(b.y, high >> 5u), signs >> 20u),
    with_signs(iq3_s_bytes(b.z, high >> 6u), signs >> 24u), with_signs(iq3_s_bytes(b.w, high >> 7u), signs >> 28u),
  );
  return Block(integers, half_float(at) * odd(vec2u(scale)), vec2f(0.0));
}

// ---- IQ1: eight elements of -1, 0 or 1 with an eighth added or taken away, in eighths ----

fn iq1_point(low: u32, high: u32) -> u32 {
  let i = low | ((high & 7u) << 8u);
  return (weights[grid_iq1 + (i >> 1u)] >> ((i & 1u) * 16u)) & 0xffffu;
}

/// Less an eighth where the lowest bit is set, else with one more.
fn iq1_bytes(digits: u32, is_less: u32) -> u32 {
  let eighths = select(0x79797979u, 0x77777777u, (is_less & 1u) == 1u);
  return (8u * spread_pairs(digits) + eighths) ^ 0x80808080u;
}

fn iq1_integers(p: vec4u, is_less: vec4u) -> array<u32, 8> {
  return array<u32, 8>(
    iq1_bytes(p.x & 255u, is_less.x), iq1_bytes(p.x >> 8u, is_less.x),
    iq1_bytes(p.y & 255u, is_less.y), iq1_bytes(p.y >> 8u, is_less.y),
    iq1_bytes(p.z & 255u, is_less.z), iq1_bytes(p.z >> 8u, is_less.z),
    iq1_bytes(p.w & 255u, is_less.w), iq1_bytes(p.w >> 8u, is_less.w),
  );
}

fn iq1_s_block(at: u32, part: u32) -> Block {
  let q = bytes_of(word(at + 2u + part * 4u));
  let high = word(at + 34u + part * 2u) & 0xffffu;
  let points = vec4u(iq1_point(q.x, high), iq1_point(q.y, high >> 3u), iq1_point(q.z, high >> 6u), iq1_point(q.w, high >> 9u));
  let factor = 0.125 * half_float(at) * odd(vec2u((high >> 12u) & 7u));
  return Block(iq1_integers(points, vec4u(high >> 15u)), factor, vec2f(0.0));
}

fn iq1_m_block(at: u32, part: u32) -> Block {
  let q = bytes_of(word(at + part * 4u));
  let high = vec4u(word(at + 32u + part * 2u)) >> vec4u(0u, 4u, 8u, 12u);
  let points = vec4u(iq1_point(q.x, high.x), iq1_point(q.y, high.y), iq1_point(q.z, high.z), iq1_point(q.w, high.w));
  // The scale's four nibbles stand above the integer scales.
  let first = word(at + 48u);
  let last = word(at + 52u);
  let bits = ((first >> 12u) & 15u) | ((first >> 24u) & 0xf0u) | ((last >> 4u) & 0xf00u) | ((last >> 16u) & 0xf000u);
  let scales = (word(at + 48u + part / 2u * 2u) & 0xffffu) >> (part % 2u * 6u);
  let factor = 0.125 * unpack2x16float(bits).x * odd(vec2u(scales & 7u, (scales >> 3u) & 7u));
  return Block(iq1_integers(points, high >> vec4u(3u)), factor, vec2f(0.0));
}

// ---- TQ: -1, 0 or 1 ----

/// The leading digits of base 3 of four bytes, after some have been shifted out by a power of three; 1 more than the elements.
fn ternary(bytes: u32, power: u32) -> u32 {
  let digits = (((bytes_of(bytes) * power) & vec4u(255u)) * 3u) >> vec4u(8u);
  return digits.x | (digits.y << 8u) | (digits.z << 16u) | (digits.w << 24u);
}

fn tq1_0_block(at: u32, part: u32) -> Block {
  let scale = half_float(at + 52u);
  // Five parts are digits of 32 bytes, then come five halves of 16 bytes and four quarters of four.
  let power = array<u32, 5>(1u, 3u, 9u, 27u, 81u);
  var integers: array<u32, 8>;
  if (part < 5u) {
    let p = power[part];
    integers = array<u32, 8>(
      ternary(word(at), p), ternary(word(at + 4u), p), ternary(word(at + 8u), p), ternary(word(at + 12u), p),
      ternary(word(at + 16u), p), ternary(word(at + 20u), p), ternary(word(at + 24u), p), ternary(word(at + 28u), p),
    );
  } else {
    let a = word(at + 32u);
    let b = word(at + 36u);
    let c = word(at + 40u);
    let d = word(at + 44u);
    let e = word(at + 48u);
    let p = select(select(81u, 9u, part == 6u), 1u, part == 5u);
    let is_last = part == 7u;
    integers = array<u32, 8>(
      ternary(a, p), ternary(b, p), ternary(c, p), ternary(d, p),
      select(ternary(a, 3u * p), ternary(e, 1u), is_last), select(ternary(b, 3u * p), ternary(e, 3u), is_last),
      select(ternary(c, 3u * p), ternary(e, 9u), is_last), select(ternary(d, 3u * p), ternary(e, 27u), is_last),
    );
  }
  return Block(integers, vec2f(scale), vec2f(-scale));
}

fn unaligned_two_bits(at: u32, shift: u32) -> u32 {
  return (word(at) >> shift) & bits_of_two;
}

fn tq2_0_block(at: u32, part: u32) -> Block {
  let scale = half_float(at + 64u);
  let q = at + part / 4u * 32u;
  let s = part % 4u * 2u;
  let integers = array<u32, 8>(
    unaligned_two_bits(q, s), unaligned_two_bits(q + 4u, s), unaligned_two_bits(q + 8u, s), unaligned_two_bits(q + 12u, s),
    unaligned_two_bits(q + 16u, s), unaligned_two_bits(q + 20u, s), unaligned_two_bits(q + 24u, s), unaligned_two_bits(q + 28u, s),
  );
  return Block(integers, vec2f(scale), vec2f(-scale));
}
