// Softmax(q kᵀ scale) v over the cache, page after page with a running maximum (Dao et al. 2022). A workgroup for each head
// of each row; of few rows for each piece of the context too, whose parts `combine.wgsl` puts together.

struct Params {
  queries: u32,
  query_stride: u32,
  out: u32,
  out_stride: u32,
  /// Floats of `work`: parts of the softmax, [row][head][piece]: maximum, sum, and the weighted values.
  partials: u32,
  heads: u32,
  /// Heads of queries that share a head of keys.
  sharing: u32,
  key_heads: u32,
  key_length: u32,
  value_length: u32,
  scale: f32,
  soft_cap: f32,
  /// Positions that a query sees, its own included; 0: all.
  window: u32,
  /// u32 of the layer's cache that a page takes.
  page: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

const threads = page_positions;
const longest = 512u;
const least = -1e30;
var<workgroup> query: array<f32, longest>;
var<workgroup> scores: array<f32, page_positions>;
var<workgroup> weights: array<f32, page_positions>;
var<workgroup> attended: array<vec3f, threads>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = workgroup.y;
  let row = row_of(workgroup.z);
  let source = params.queries + workgroup.z * params.query_stride + index * params.key_length;
  for (var i = thread; i < params.key_length; i += threads) {
    query[i] = work[source + i];
  }
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

  let key_pairs = (params.key_length + 1u) / 2u;
  let value_pairs = (params.value_length + 1u) / 2u;
  let key_head = index / params.sharing;
  let key_words = page_positions * key_pairs;
  let keys_at = key_head * key_words;
  let values_at = params.key_heads * key_words + key_head * page_positions * value_pairs;
  // Threads beyond the pairs of a value take other positions.
  let groups = max(threads / value_pairs, 1u);
  let pair = thread % value_pairs;
  let group = thread / value_pairs;

  var largest = least;
  var sum = 0.0;
  var gathered: array<vec2f, 4>;
  for (var page = first; page < last; page++) {
    let place = step[row.pages + page] * params.page;
    let position = page * page_positions + thread;
    // The weights of the page before are not read any longer.
    workgroupBarrier();
    var score = least;
    if (position >= begin && position < end) {
      score = 0.0;
      for (var i = 0u; i < key_pairs; i++) {
        let key = unpack2x16float(cache[place + keys_at + i * page_positions + thread]);
        score += query[2u * i] * key.x + query[2u * i + 1u] * key.y;
      }
      score *= params.scale;
      if (params.soft_cap > 0.0) {
        score = params.soft_cap * tanh(clamp(score / params.soft_cap, -20.0, 20.0));
      }
    }
    scores[thread] = score;
    workgroupBarrier();
    let before = largest;
    for (var i = 0u; i < page_positions; i++) {
      largest = max(largest, scores[i]);
    }
    weights[thread] = select(0.0, exp(score - largest), score > least);
    workgroupBarrier();
    let shrinks = exp(before - largest);
    sum *= shrinks;
    let visible = min(end - page * page_positions, page_positions);
    for (var k = 0u; k < 4u; k++) {
      let at = pair + k * threads;
      if (k > 0u && at >= value_pairs) {
        break;
      }
      var value = gathered[k] * shrinks;
      if (group < groups) {
        for (var other = group; other < visible; other += groups) {
          value += weights[other] * unpack2x16float(cache[place + values_at + other * value_pairs + at]);
          sum += select(0.0, weights[other], k == 0u);
        }
      }
      gathered[k] = value;
    }
  }

  // What several threads have gathered of one pair.
  workgroupBarrier();
  attended[thread] = vec3f(gathered[0], sum);
  workgroupBarrier();
  if (thread >= value_pairs) {
    return;
  }
  for (var other = 1u; other < groups; other++) {
    let part = attended[thread + other * value_pairs];
    gathered[0] += part.xy;
    sum += part.z;
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
