// Softmax(q kᵀ scale) v for a few rows: the attention of decode. Page after page with a running maximum (Dao et al. 2022).
// A workgroup for each head of each row and each piece of the context, whose parts `combine.wgsl` puts together.
//
// Queries are turned here, and so are the keys of the pass, which the cache does not have yet: each workgroup turns those that it
// sees, and one of them stores those of its row. Nobody reads in the cache what this dispatch writes there.
//
// The text in front says how many rows a pass has at most (`batch`) and the elements of a key (`key_length`).

struct Params {
  /// Floats of `work`, and of one row there.
  queries: u32,
  query_stride: u32,
  keys: u32,
  key_stride: u32,
  values: u32,
  value_stride: u32,
  out: u32,
  out_stride: u32,
  /// Floats of `work`: parts of the softmax, [row][head][piece]: maximum, sum, and the weighted values.
  partials: u32,
  heads: u32,
  /// Heads of queries that share a head of keys.
  sharing: u32,
  key_heads: u32,
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
  /// As `heads.wgsl` has it, and whether it is by mean and deviation.
  norms: u32,
  is_layer_norm: u32,
  scale: f32,
  soft_cap: f32,
  /// Positions that a query sees, its own included; 0: all.
  window: u32,
  /// u32 of the layer's cache that a page takes.
  page: u32,
  /// How queries grow with their position: `curves.wgsl`.
  temperature: f32,
  temperature_length: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

alias Number = f32;
const threads = page_positions;
const least = -1e30;
const key_pairs = (key_length + 1u) / 2u;

var<workgroup> query: array<f32, 2u * key_pairs>;
/// The keys of the pass, as the cache is to have them.
var<workgroup> new_keys: array<u32, batch * key_pairs>;
var<workgroup> weights: array<f32, page_positions>;
var<workgroup> attended: array<vec2f, threads>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = workgroup.y;
  let row = row_of(workgroup.z);
  let end = row.position + 1u;
  var begin = 0u;
  if (params.window > 0u && end > params.window) {
    begin = end - params.window;
  }
  // The pages that this workgroup has of those that the query sees.
  let first_seen = begin / page_positions;
  let seen = (end - 1u) / page_positions + 1u - first_seen;
  let each = (seen + workgroups.x - 1u) / workgroups.x;
  let first = first_seen + min(workgroup.x * each, seen);
  let last = first_seen + min((workgroup.x + 1u) * each, seen);
  // Where the cache ends and the pass begins.
  let kept = end - 1u - (workgroup.z - row.first);

  let query_head = head_of(
    params.queries + workgroup.z * params.query_stride, index, params.heads, params.query_norm, workgroup.z, thread,
  );
  for (var i = thread; i < key_length; i += threads) {
    query[i] = turned(query_head, i);
  }
  let key_head = index / params.sharing;
  for (var position = max(kept, first * page_positions); position < min(end, last * page_positions); position++) {
    let other = row.first + position - kept;
    let head = head_of(
      params.keys + other * params.key_stride, key_head, params.key_heads, params.key_norm, other, thread,
    );
    for (var i = thread; i < key_pairs; i += threads) {
      new_keys[(position - kept) * key_pairs + i] = turned_pair(head, i, key_length);
    }
  }
  workgroupBarrier();

  let scale = params.scale * grown(row.position, params.temperature, params.temperature_length);
  let value_pairs = (params.value_length + 1u) / 2u;
  let keys_at = key_head * page_positions * key_pairs;
  let values_at = page_positions * (params.key_heads * key_pairs + key_head * value_pairs);
  let new_values_at = params.values + row.first * params.value_stride + key_head * params.value_length;
  if (index % params.sharing == 0u && first <= (end - 1u) / page_positions && (end - 1u) / page_positions < last) {
    let place = step[row.pages + (end - 1u) / page_positions] * params.page;
    let position = (end - 1u) % page_positions;
    for (var i = thread; i < key_pairs; i += threads) {
      cache[place + keys_at + i * page_positions + position] = new_keys[(end - 1u - kept) * key_pairs + i];
    }
    for (var i = thread; i < value_pairs; i += threads) {
      cache[place + values_at + position * value_pairs + i] =
        plain_pair(new_values_at + (end - 1u - kept) * params.value_stride, i, params.value_length);
    }
  }

  // Threads beyond the pairs of a value take other positions.
  let groups = max(threads / value_pairs, 1u);
  let pair = thread % value_pairs;
  let group = thread / value_pairs;
  var largest = least;
  /// Of the positions whose weights this thread has computed.
  var sum = 0.0;
  var gathered: array<vec2f, 4>;
  for (var page = first; page < last; page++) {
    let place = step[row.pages + page] * params.page;
    let start = page * page_positions;
    let position = start + thread;
    var score = least;
    if (position >= begin && position < end) {
      score = 0.0;
      if (position < kept) {
        for (var i = 0u; i < key_pairs; i++) {
          score += product(i, cache[place + keys_at + i * page_positions + thread]);
        }
      } else {
        for (var i = 0u; i < key_pairs; i++) {
          score += product(i, new_keys[(position - kept) * key_pairs + i]);
        }
      }
      score = capped(score * scale, params.soft_cap);
    }
    let before = largest;
    largest = max(largest, largest_of(score, thread));
    let weight = select(0.0, exp(score - largest), score > least);
    let shrinks = exp(before - largest);
    sum = sum * shrinks + weight;
    weights[thread] = weight;
    workgroupBarrier();
    let visible = min(end - start, page_positions);
    let in_cache = min(max(kept, start) - start, page_positions);
    for (var k = 0u; k < 4u; k++) {
      let at = pair + k * threads;
      if (at >= value_pairs || group >= groups) {
        break;
      }
      var value = gathered[k] * shrinks;
      // Those of the cache first, then those of the pass.
      var other = group;
      for (; other < in_cache; other += groups) {
        value += weights[other] * unpack2x16float(cache[place + values_at + other * value_pairs + at]);
      }
      for (; other < visible; other += groups) {
        let source = new_values_at + (start + other - kept) * params.value_stride;
        value += weights[other] * unpack2x16float(plain_pair(source, at, params.value_length));
      }
      gathered[k] = value;
    }
  }

  // What several threads have gathered of one pair.
  attended[thread] = gathered[0];
  workgroupBarrier();
  sum = total_of(sum, thread);
  if (thread >= value_pairs) {
    return;
  }
  for (var other = 1u; other < groups; other++) {
    gathered[0] += attended[thread + other * value_pairs];
  }
  let size = params.value_length + 2u;
  let partial = params.partials + ((workgroup.z * params.heads + index) * workgroups.x + workgroup.x) * size;
  let out = params.out + workgroup.z * params.out_stride + index * params.value_length;
  let isWhole = workgroups.x == 1u;
  if (!isWhole && thread == 0u) {
    work[partial] = largest;
    work[partial + 1u] = sum;
  }
  for (var k = 0u; k < 4u; k++) {
    let at = pair + k * threads;
    if (at >= value_pairs) {
      break;
    }
    let value = gathered[k] * select(1.0, 1.0 / sum, isWhole);
    let destination = select(partial + 2u, out, isWhole) + 2u * at;
    work[destination] = value.x;
    if (2u * at + 1u < params.value_length) {
      work[destination + 1u] = value.y;
    }
  }
}

/// A head of a row, with the factor of its norm.
fn head_of(row_at: u32, index: u32, heads: u32, norm: u32, row: u32, thread: u32) -> Head {
  var head = plain_head(row_at, index, key_length, heads, norm, rotations_at(params.table, row, params.pairs));
  if (norm > 0u) {
    let count = f32(head.norm_count);
    if (params.is_layer_norm == 1u) {
      head.mean = total_of(sum_of(head, thread), thread) / count;
    }
    head.scale = inverseSqrt(total_of(square_of(head, thread), thread) / count + params.epsilon);
  }
  return head;
}

/// Two elements of the query times those of a key. Behind an odd length both have a zero.
fn product(pair: u32, key: u32) -> f32 {
  return dot(vec2f(query[2u * pair], query[2u * pair + 1u]), unpack2x16float(key));
}
