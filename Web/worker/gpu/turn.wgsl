// Queries and keys are turned by their position (Su et al. 2021), normalized before it where the model does so; keys and
// values join the cache, as F16. A workgroup for each head of each row: those of queries, of keys, of values.

struct Params {
  queries: u32,
  query_stride: u32,
  keys: u32,
  key_stride: u32,
  values: u32,
  value_stride: u32,
  query_heads: u32,
  key_heads: u32,
  key_length: u32,
  value_length: u32,
  /// Floats of `vectors`; 0: none.
  query_norm: u32,
  key_norm: u32,
  epsilon: f32,
  /// Pairs of a head that are turned, and whether a pair's elements are neighbours.
  pairs: u32,
  is_interleaved: u32,
  /// Which of the tables of rotations.
  table: u32,
  /// u32 of the layer's cache that a page takes.
  page: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

const threads = 32u;
const longest = 512u;
var<workgroup> head: array<f32, longest>;
var<workgroup> squares: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let index = workgroup.x;
  let row = row_of(workgroup.y);
  let page = step[row.pages + row.position / page_positions] * params.page;
  let position = row.position % page_positions;
  let last_key = params.query_heads + params.key_heads;

  if (index >= last_key) {
    // Values: [position][value length / 2]
    let value_head = index - last_key;
    let source = params.values + workgroup.y * params.value_stride + value_head * params.value_length;
    let pairs = (params.value_length + 1u) / 2u;
    let to = page + params.key_heads * key_words() + value_head * page_positions * pairs + position * pairs;
    for (var i = thread; i < pairs; i += threads) {
      let hasSecond = 2u * i + 1u < params.value_length;
      cache[to + i] = pack2x16float(vec2f(work[source + 2u * i], select(0.0, work[source + 2u * i + 1u], hasSecond)));
    }
    return;
  }

  let isKey = index >= params.query_heads;
  let source = select(
    params.queries + workgroup.y * params.query_stride + index * params.key_length,
    params.keys + workgroup.y * params.key_stride + (index - params.query_heads) * params.key_length, isKey,
  );
  var square = 0.0;
  for (var i = thread; i < params.key_length; i += threads) {
    let x = work[source + i];
    head[i] = x;
    square += x * x;
  }
  squares[thread] = square;
  workgroupBarrier();
  let norm = select(params.query_norm, params.key_norm, isKey);
  if (norm > 0u) {
    var all = 0.0;
    for (var i = 0u; i < threads; i++) {
      all += squares[i];
    }
    let scale = inverseSqrt(all / f32(params.key_length) + params.epsilon);
    for (var i = thread; i < params.key_length; i += threads) {
      head[i] *= scale * vectors[norm + i];
    }
  }
  workgroupBarrier();
  let angles = rotations_at(params.table, workgroup.y, params.pairs);
  for (var i = thread; i < params.pairs; i += threads) {
    let first = select(i, 2u * i, params.is_interleaved == 1u);
    let second = select(i + params.pairs, 2u * i + 1u, params.is_interleaved == 1u);
    let cosine = bitcast<f32>(step[angles + 2u * i]);
    let sine = bitcast<f32>(step[angles + 2u * i + 1u]);
    let x = head[first];
    let y = head[second];
    head[first] = x * cosine - y * sine;
    head[second] = x * sine + y * cosine;
  }
  workgroupBarrier();
  if (!isKey) {
    for (var i = thread; i < params.key_length; i += threads) {
      work[source + i] = head[i];
    }
    return;
  }
  // Keys: [key length / 2][position], so that neighbouring threads read neighbouring positions.
  let to = page + (index - params.query_heads) * key_words() + position;
  for (var i = thread; i < (params.key_length + 1u) / 2u; i += threads) {
    let hasSecond = 2u * i + 1u < params.key_length;
    cache[to + i * page_positions] = pack2x16float(vec2f(head[2u * i], select(0.0, head[2u * i + 1u], hasSecond)));
  }
}

/// u32 of a page that a head's keys take.
fn key_words() -> u32 {
  return page_positions * ((params.key_length + 1u) / 2u);
}
