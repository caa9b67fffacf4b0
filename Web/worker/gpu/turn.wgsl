// Keys, normalized and turned, and values join the cache, as F16, before `attend-rows.wgsl` reads it. A workgroup for each head
// of each row: those of keys, then those of values.

struct Params {
  /// Floats of `work`, and of one row there.
  keys: u32,
  key_stride: u32,
  values: u32,
  value_stride: u32,
  heads: u32,
  key_length: u32,
  value_length: u32,
  /// Floats of `vectors`; 0: none.
  norm: u32,
  epsilon: f32,
  /// Pairs of a head that are turned, and whether a pair's elements are neighbours.
  pairs: u32,
  is_interleaved: u32,
  /// Which of the tables of rotations.
  table: u32,
  /// As `heads.wgsl` has it, and whether it is by mean and deviation.
  norms: u32,
  is_layer_norm: u32,
  /// u32 of the layer's cache that a page takes.
  page: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

alias Number = f32;
const threads = 32u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = row_of(workgroup.y);
  let page = step[row.pages + row.position / page_positions] * params.page;
  let position = row.position % page_positions;
  let key_pairs = (params.key_length + 1u) / 2u;

  if (workgroup.x >= params.heads) {
    let index = workgroup.x - params.heads;
    let source = params.values + workgroup.y * params.value_stride + index * params.value_length;
    // [position][value length / 2]
    let pairs = (params.value_length + 1u) / 2u;
    let place = page + page_positions * (params.heads * key_pairs + index * pairs) + position * pairs;
    for (var i = thread; i < pairs; i += threads) {
      cache[place + i] = plain_pair(source, i, params.value_length);
    }
    return;
  }

  var head = plain_head(
    params.keys + workgroup.y * params.key_stride, workgroup.x, params.key_length, params.heads, params.norm,
    rotations_at(params.table, workgroup.y, params.pairs),
  );
  if (params.norm > 0u) {
    let count = f32(head.norm_count);
    if (params.is_layer_norm == 1u) {
      head.mean = total_of(sum_of(head, thread), thread) / count;
    }
    head.scale = inverseSqrt(total_of(square_of(head, thread), thread) / count + params.epsilon);
  }
  // [key length / 2][position], so that neighbouring threads read neighbouring positions.
  let place = page + page_positions * workgroup.x * key_pairs + position;
  for (var i = thread; i < key_pairs; i += threads) {
    cache[place + i * page_positions] = turned_pair(head, i, params.key_length);
  }
}
