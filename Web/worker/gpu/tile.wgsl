// out = W h for many vectors: the product of prefill. A workgroup computes 64 rows of the matrix for 32 vectors, 32 elements
// at a time: the weights are unpacked once for all vectors of the tile. With `experts` a tile's vectors are those of rows that
// chose the same expert, as `gather.wgsl` has put them together.

struct Params {
  /// Vectors of four floats of `work`: where the input begins, and of one row there.
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
  /// 1: the input is the rows whose logits are wanted.
  is_wanted: u32,
  soft_cap: f32,
  /// Of experts. Floats of `work`: the tiles, and the choices in the order of their experts.
  tiles: u32,
  order: u32,
  /// Choices that read the same row of the input.
  sharing: u32,
  /// The experts that the binding has.
  first_expert: u32,
  expert_count: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

const tile_rows = 64u;
const tile_vectors = 32u;
const threads = 128u;
/// By element, so that a thread reads four rows at once: [element][row / 4]
var<workgroup> panel: array<array<f32, tile_rows>, 32>;
/// [element / 4][vector]
var<workgroup> inputs: array<array<vec4f, tile_vectors>, 8>;

/// What a workgroup computes: where its matrix begins, and the vectors from one to before another.
struct Tile {
  at: u32,
  first: u32,
  end: u32,
}
var<workgroup> tile: Tile;

fn number_at(place: u32) -> f32 {
  return work[place >> 2u][place & 3u];
}

/// The tile of some rows that chose the same expert, whose matrix may be in another binding.
fn expert_tile(index: u32) -> Tile {
  let place = params.tiles + index * 3u;
  let expert = u32(number_at(place)) - params.first_expert;
  let first = u32(number_at(place + 1u));
  let count = select(0u, u32(number_at(place + 2u)), expert < params.expert_count);
  return Tile(params.at + expert * params.rows * params.row_bytes, first, first + count);
}

/// Where a vector is in the output: with experts by its choice.
fn place_of(vector: u32) -> u32 {
  if (experts) {
    return u32(number_at(params.order + vector));
  }
  return vector;
}

/// And in the input.
fn source_of(vector: u32) -> u32 {
  if (experts) {
    return place_of(vector) / params.sharing;
  }
  return vector;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row = workgroup.x * tile_rows;
  var own = Tile(params.at, workgroup.y * tile_vectors, select(row_count(), logit_rows(), params.is_wanted == 1u));
  if (experts) {
    if (thread == 0u) {
      tile = expert_tile(workgroup.y);
    }
    // Known to be the same for all threads, so that all may leave.
    own = workgroupUniformLoad(&tile);
    if (own.first == own.end) {
      return;
    }
  }
  // A thread has four rows of four vectors.
  let row = thread % 16u * 4u;
  let vector = thread / 16u * 4u;
  var sums: array<vec4f, 4>;
  for (var part = 0u; part < params.parts; part++) {
    workgroupBarrier();
    if (thread < tile_rows) {
      let at = own.at + min(first_row + thread, params.rows - 1u) * params.row_bytes;
      let elements = first_elements(at + part / first_parts * first_bytes, part % first_parts);
      store(0u, thread, elements[0]);
      store(4u, thread, elements[1]);
      store(8u, thread, elements[2]);
      store(12u, thread, elements[3]);
      store(16u, thread, elements[4]);
      store(20u, thread, elements[5]);
      store(24u, thread, elements[6]);
      store(28u, thread, elements[7]);
    } else {
      let index = thread - tile_rows;
      for (var k = index / tile_vectors; k < 8u; k += 2u) {
        let source = source_of(min(own.first + index % tile_vectors, own.end - 1u));
        inputs[k][index % tile_vectors] = work[params.input + source * params.input_stride + part * 8u + k];
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let w = mat4x4f(weights_at(k * 4u, row), weights_at(k * 4u + 1u, row), weights_at(k * 4u + 2u, row), weights_at(k * 4u + 3u, row));
      sums[0] += w * inputs[k][vector];
      sums[1] += w * inputs[k][vector + 1u];
      sums[2] += w * inputs[k][vector + 2u];
      sums[3] += w * inputs[k][vector + 3u];
    }
  }
  let begin = first_row + row;
  if (begin >= params.rows) {
    return;
  }
  for (var v = 0u; v < 4u; v++) {
    if (own.first + vector + v >= own.end) {
      break;
    }
    var y = sums[v];
    for (var k = 0u; k < 4u; k++) {
      if (begin + k >= params.rows) {
        y[k] = 0.0;
      } else {
        if (params.bias > 0u) {
          y[k] += vectors[params.bias + begin + k];
        }
        y[k] = capped(y[k], params.soft_cap);
      }
    }
    let place = params.out + place_of(own.first + vector + v) * params.out_stride + begin / 4u;
    if (params.adds == 1u) {
      y += work[place];
    }
    work[place] = y;
  }
}

/// Four elements of a row of the panel.
fn store(element: u32, row: u32, four: vec4f) {
  panel[element][row] = four.x;
  panel[element + 1u][row] = four.y;
  panel[element + 2u][row] = four.z;
  panel[element + 3u][row] = four.w;
}

/// An element of four rows.
fn weights_at(element: u32, row: u32) -> vec4f {
  return vec4f(panel[element][row], panel[element][row + 1u], panel[element][row + 2u], panel[element][row + 3u]);
}
