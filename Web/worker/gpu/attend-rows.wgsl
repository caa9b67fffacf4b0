// Softmax(q kᵀ scale) v for many rows: the attention of prefill, after `turn.wgsl` has put keys and values into the cache. A
// workgroup for four rows of a head, whose queries share the keys and values that are read; page after page with a running
// maximum, as in `attend.wgsl`.
//
// The text in front says how many elements a key has (`key_length`).

struct Params {
  /// Floats of `work`, and of one row there.
  queries: u32,
  query_stride: u32,
  out: u32,
  out_stride: u32,
  /// Heads of queries that share a head of keys.
  sharing: u32,
  key_heads: u32,
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

/// A number for each of four rows.
alias Number = vec4f;
const rows_together = 4u;
const threads = page_positions;
const least = -1e30;
const key_pairs = (key_length + 1u) / 2u;

struct Pair {
  x: Number,
  y: Number,
}

var<workgroup> query: array<Number, 2u * key_pairs>;
var<workgroup> weights: array<Number, page_positions>;
var<workgroup> attended: array<Pair, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  // Rows of one sequence follow each other: those of another one are the next round.
  let last = min((workgroup.y + 1u) * rows_together, row_count());
  var next = workgroup.y * rows_together;
  while (next < last) {
    let first = next;
    let row = row_of(first);
    next = min(row.first + row.count, last);
    attend(workgroup.x, row, first, next - first, thread);
  }
}

/// Some rows of a sequence; beyond them the last one is computed again, and not written.
fn attend(index: u32, row: Row, first: u32, count: u32, thread: u32) {
  let rows = min(vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u));
  let ends = row.position + 1u + rows;
  let begins = select(vec4u(0u), ends - min(ends, vec4u(params.window)), vec4<bool>(params.window > 0u));
  // The pages that any of them sees: what another one does not see has no weight for it.
  let end = ends.w;
  let begin = begins.x;

  var heads = array<Head, rows_together>(
    head_of(index, first + rows.x), head_of(index, first + rows.y), head_of(index, first + rows.z),
    head_of(index, first + rows.w),
  );
  if (params.norm > 0u) {
    let elements = f32(heads[0].norm_count);
    if (params.is_layer_norm == 1u) {
      let sums = Number(
        sum_of(heads[0], thread), sum_of(heads[1], thread), sum_of(heads[2], thread), sum_of(heads[3], thread),
      );
      let means = total_of(sums, thread) / elements;
      heads[0].mean = means.x;
      heads[1].mean = means.y;
      heads[2].mean = means.z;
      heads[3].mean = means.w;
    }
    let squares = Number(
      square_of(heads[0], thread), square_of(heads[1], thread), square_of(heads[2], thread),
      square_of(heads[3], thread),
    );
    let scales = inverseSqrt(total_of(squares, thread) / elements + params.epsilon);
    heads[0].scale = scales.x;
    heads[1].scale = scales.y;
    heads[2].scale = scales.z;
    heads[3].scale = scales.w;
  }
  // Somebody may still compute with the rows of another sequence.
  workgroupBarrier();
  for (var i = thread; i < key_length; i += threads) {
    query[i] = Number(turned(heads[0], i), turned(heads[1], i), turned(heads[2], i), turned(heads[3], i));
  }
  workgroupBarrier();

  let length = params.temperature_length;
  let scale = params.scale * Number(
    grown(ends.x - 1u, params.temperature, length), grown(ends.y - 1u, params.temperature, length),
    grown(ends.z - 1u, params.temperature, length), grown(ends.w - 1u, params.temperature, length),
  );
  let value_pairs = (params.value_length + 1u) / 2u;
  let key_head = index / params.sharing;
  let keys_at = key_head * page_positions * key_pairs + thread;
  let values_at = page_positions * (params.key_heads * key_pairs + key_head * value_pairs);
  // Threads beyond the pairs of a value take other positions.
  let groups = max(threads / value_pairs, 1u);
  let pair = thread % value_pairs;
  let group = thread / value_pairs;
  var largest = Number(least);
  /// Of the positions whose weights this thread has computed.
  var sum = Number();
  var gathered: array<Pair, 4>;
  for (var page = begin / page_positions; page * page_positions < end; page++) {
    let place = step[row.pages + page] * params.page;
    let start = page * page_positions;
    let position = start + thread;
    var score = Number(least);
    if (position >= begin && position < end) {
      var product = Number();
      for (var i = 0u; i < key_pairs; i++) {
        let key = unpack2x16float(cache[place + keys_at + i * page_positions]);
        product += query[2u * i] * key.x + query[2u * i + 1u] * key.y;
      }
      product *= scale;
      product = Number(
        capped(product.x, params.soft_cap), capped(product.y, params.soft_cap), capped(product.z, params.soft_cap),
        capped(product.w, params.soft_cap),
      );
      score = select(score, product, (vec4u(position) < ends) & (vec4u(position) >= begins));
    }
    let before = largest;
    largest = max(largest, largest_of(score, thread));
    let weight = select(Number(), exp(score - largest), score > Number(least));
    let shrinks = exp(before - largest);
    sum = sum * shrinks + weight;
    weights[thread] = weight;
    workgroupBarrier();
    let visible = min(end - start, page_positions);
    for (var k = 0u; k < 4u; k++) {
      let at = pair + k * threads;
      if (at >= value_pairs || group >= groups) {
        break;
      }
      var value = Pair(gathered[k].x * shrinks, gathered[k].y * shrinks);
      for (var other = group; other < visible; other += groups) {
        let two = unpack2x16float(cache[place + values_at + other * value_pairs + at]);
        value.x += weights[other] * two.x;
        value.y += weights[other] * two.y;
      }
      gathered[k] = value;
    }
  }

  // What several threads have gathered of one pair.
  attended[thread] = gathered[0];
  workgroupBarrier();
  sum = total_of(sum, thread);
  if (thread < value_pairs) {
    for (var other = 1u; other < groups; other++) {
      let part = attended[thread + other * value_pairs];
      gathered[0] = Pair(gathered[0].x + part.x, gathered[0].y + part.y);
    }
    for (var k = 0u; k < 4u; k++) {
      let at = pair + k * threads;
      if (at >= value_pairs) {
        break;
      }
      let x = gathered[k].x / sum;
      let y = gathered[k].y / sum;
      for (var q = 0u; q < count; q++) {
        let out = params.out + (first + q) * params.out_stride + index * params.value_length + 2u * at;
        work[out] = x[q];
        if (2u * at + 1u < params.value_length) {
          work[out + 1u] = y[q];
        }
      }
    }
  }
}

fn head_of(index: u32, row: u32) -> Head {
  return plain_head(
    params.queries + row * params.query_stride, index, key_length, params.sharing * params.key_heads, params.norm,
    rotations_at(params.table, row, params.pairs),
  );
}
