// Numbers rounded to eight bits, whose products the card takes four at a time. `halves.wgsl` has the same for cards with
// numbers of sixteen bits.

/// What the largest element of a part becomes.
const largest_rounded = 127.0;
/// Vectors of four words that a part takes: its elements, and one for its factor and sums.
const rounded_vectors = 3u;

/// Four elements, and a sum of products for each of four rows.
alias Four = u32;
alias Totals = vec4i;

fn rounded(x: vec4f) -> vec4f {
  return round(x);
}

fn byte_word(x: vec4f) -> u32 {
  let i = vec4u(vec4i(round(x))) & vec4u(255u);
  return i.x | (i.y << 8u) | (i.z << 16u) | (i.w << 24u);
}

/// The elements of a part.
fn store(at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f) {
  work[at] = vec4u(byte_word(a), byte_word(b), byte_word(c), byte_word(d));
  work[at + 1u] = vec4u(byte_word(e), byte_word(f), byte_word(g), byte_word(h));
}

/// Elements 4 k to 4 k + 3 of a part.
fn load(at: u32, k: u32) -> Four {
  return work[at + k / 4u][k % 4u];
}

/// Four integers of a matrix.
fn of_integers(integers: u32) -> Four {
  return integers;
}

fn products(a: Four, b: Four, c: Four, d: Four, x: Four) -> Totals {
  return vec4i(dot4I8Packed(a, x), dot4I8Packed(b, x), dot4I8Packed(c, x), dot4I8Packed(d, x));
}
