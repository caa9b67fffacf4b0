// Numbers rounded to sixteen bits, of which cards with `shader-f16` compute more at a time. `bytes.wgsl` has the same with
// eight bits.

/// What the largest element of a part becomes: sums of its products with bytes stay far below the largest such number.
const largest_rounded = 1.0;
/// Vectors of four words that a part takes: its elements, and one for its factor and sums.
const rounded_vectors = 5u;

/// Four elements, and a sum of products for each of four rows.
alias Four = vec4h;
alias Totals = vec4h;

fn rounded(x: vec4f) -> vec4f {
  return quantizeToF16(x);
}

fn half_words(x: vec4f) -> vec2u {
  return vec2u(pack2x16float(x.xy), pack2x16float(x.zw));
}

/// The elements of a part.
fn store(at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f) {
  work[at] = vec4u(half_words(a), half_words(b));
  work[at + 1u] = vec4u(half_words(c), half_words(d));
  work[at + 2u] = vec4u(half_words(e), half_words(f));
  work[at + 3u] = vec4u(half_words(g), half_words(h));
}

/// Elements 4 k to 4 k + 3 of a part.
fn load(at: u32, k: u32) -> Four {
  let words = work[at + k / 2u];
  let pair = select(words.xy, words.zw, k % 2u == 1u);
  return vec4h(vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y)));
}

/// Four integers of a matrix.
fn of_integers(integers: u32) -> Four {
  return vec4h(signed_numbers(integers));
}

fn products(a: Four, b: Four, c: Four, d: Four, x: Four) -> Totals {
  return vec4h(dot(a, x), dot(b, x), dot(c, x), dot(d, x));
}
