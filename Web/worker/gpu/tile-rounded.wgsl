// out = W h for many vectors that were rounded: the product of prefill for matrices of integers. As in `tile.wgsl` a workgroup
// computes 64 rows of the matrix for 32 vectors, 32 elements at a time; integers are multiplied as they are, and what makes
// elements of them comes once for a part. `bytes.wgsl` or `halves.wgsl` say with what numbers.

struct Params {
  /// Vectors of four words of `work`: where the parts of the input begin, and of one row there.
  input: u32,
  input_stride: u32,
  parts: u32,
  rows: u32,
  /// Bytes of the binding: where the matrix begins, and of one row.
  at: u32,
  row_bytes: u32,
  /// Floats of `vectors`; 0: no bias.
  bias: u32,
  /// Vectors of four floats of `work`: where the products go, and of one row there.
  out: u32,
  out_stride: u32,
  /// 1: added to what is there.
  adds: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<vec4u>;
@group(0) @binding(5) var<uniform> params: Params;

const tile_rows = 64u;
const tile_vectors = 32u;
const threads = 128u;
/// Of the matrix: [element / 4][row], and for each row the factors and offsets of both halves.
var<workgroup> panel: array<array<Four, tile_rows>, 8>;
var<workgroup> scales: array<array<f32, tile_rows>, 4>;
/// Of the vectors: [element / 4][vector], and for each its factor and the sums of both halves.
var<workgroup> inputs: array<array<Four, tile_vectors>, 8>;
var<workgroup> sums: array<vec4f, tile_vectors>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row = workgroup.x * tile_rows;
  let first_vector = workgroup.y * tile_vectors;
  let count = row_count();
  // A thread has four rows of four vectors.
  let row = thread % 16u * 4u;
  let vector = thread / 16u * 4u;
  var y0 = vec4f(0.0);
  var y1 = vec4f(0.0);
  var y2 = vec4f(0.0);
  var y3 = vec4f(0.0);
  for (var part = 0u; part < params.parts; part++) {
    workgroupBarrier();
    if (thread < tile_rows) {
      let at = params.at + min(first_row + thread, params.rows - 1u) * params.row_bytes;
      take(first_block(at + part / first_parts * first_bytes, part % first_parts), thread);
    } else {
      let index = (thread - tile_rows) % tile_vectors;
      let source = min(first_vector + index, count - 1u);
      let at = params.input + source * params.input_stride + part * rounded_vectors;
      let begin = (thread - tile_rows) / tile_vectors * 4u;
      for (var k = begin; k < begin + 4u; k++) {
        inputs[k][index] = load(at, k);
      }
      if (begin == 0u) {
        sums[index] = bitcast<vec4f>(work[at + rounded_vectors - 1u]);
      }
    }
    workgroupBarrier();
    for (var half = 0u; half < 2u; half++) {
      var totals = array<Totals, 4>();
      for (var k = half * 4u; k < half * 4u + 4u; k++) {
        let a = panel[k][row];
        let b = panel[k][row + 1u];
        let c = panel[k][row + 2u];
        let d = panel[k][row + 3u];
        totals[0] += products(a, b, c, d, inputs[k][vector]);
        totals[1] += products(a, b, c, d, inputs[k][vector + 1u]);
        totals[2] += products(a, b, c, d, inputs[k][vector + 2u]);
        totals[3] += products(a, b, c, d, inputs[k][vector + 3u]);
      }
      let factors = of_rows(half, row);
      let offsets = of_rows(2u + half, row);
      y0 += of_half(factors, offsets, totals[0], vector, half);
      y1 += of_half(factors, offsets, totals[1], vector + 1u, half);
      y2 += of_half(factors, offsets, totals[2], vector + 2u, half);
      y3 += of_half(factors, offsets, totals[3], vector + 3u, half);
    }
  }
  let begin = first_row + row;
  if (begin < params.rows) {
    finish(y0, begin, first_vector + vector, count);
    finish(y1, begin, first_vector + vector + 1u, count);
    finish(y2, begin, first_vector + vector + 2u, count);
    finish(y3, begin, first_vector + vector + 3u, count);
  }
}

/// A part of a row, for all threads.
fn take(block: Block, row: u32) {
  panel[0][row] = of_integers(block.integers[0]);
  panel[1][row] = of_integers(block.integers[1]);
  panel[2][row] = of_integers(block.integers[2]);
  panel[3][row] = of_integers(block.integers[3]);
  panel[4][row] = of_integers(block.integers[4]);
  panel[5][row] = of_integers(block.integers[5]);
  panel[6][row] = of_integers(block.integers[6]);
  panel[7][row] = of_integers(block.integers[7]);
  scales[0][row] = block.factor.x;
  scales[1][row] = block.factor.y;
  scales[2][row] = block.offset.x;
  scales[3][row] = block.offset.y;
}

fn of_rows(which: u32, row: u32) -> vec4f {
  return vec4f(scales[which][row], scales[which][row + 1u], scales[which][row + 2u], scales[which][row + 3u]);
}

/// What half a part gives four rows for one vector.
fn of_half(factors: vec4f, offsets: vec4f, totals: Totals, vector: u32, half: u32) -> vec4f {
  let input = sums[vector];
  return input.x * factors * vec4f(totals) + offsets * select(input.y, input.z, half == 1u);
}

/// Writes four rows of one vector's products.
fn finish(products: vec4f, first_row: u32, vector: u32, count: u32) {
  if (vector >= count) {
    return;
  }
  var y = products;
  for (var k = 0u; k < 4u; k++) {
    if (first_row + k >= params.rows) {
      y[k] = 0.0;
    } else if (params.bias > 0u) {
      y[k] += vectors[params.bias + first_row + k];
    }
  }
  let place = params.out + vector * params.out_stride + first_row / 4u;
  if (params.adds == 1u) {
    y += bitcast<vec4f>(work[place]);
  }
  work[place] = bitcast<vec4u>(y);
}
