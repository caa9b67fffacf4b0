// out = W h for a few vectors: the product of decode, which reads every weight once.
//
// A workgroup computes four rows of one matrix. Up to three matrices that read the same vectors and lie in one binding are
// one dispatch. The text in front of this file says how many vectors there are (`batch`: 1, or up to 8), how many threads a
// row has (`lanes`), the formats of the matrices (`first_…`, `second_…`), and whether the vectors are normalized on the way
// (`normalizes`) and pairs of rows become gated elements (`gated`).

struct Segment {
  /// Rows, and the workgroup that begins with the first.
  rows: u32,
  first_group: u32,
  /// Bytes of the binding: where the matrix begins, and of one row.
  at: u32,
  row_bytes: u32,
  /// Whether it is in the second format.
  is_second: u32,
  /// Floats of `vectors`; 0: no bias.
  bias: u32,
  /// Vectors of four floats of `work`: where the products go, and of one row there.
  out: u32,
  out_stride: u32,
}

struct Params {
  /// Vectors of four floats of `work`: where the input begins, and of one row there.
  input: u32,
  input_stride: u32,
  /// Parts of 32 elements of a row.
  parts: u32,
  /// Vectors of four floats of `vectors`: the factors of the norm.
  norm: u32,
  epsilon: f32,
  /// Elements of a row, which the mean is taken of.
  columns: f32,
  segments: u32,
  /// 1: added to what is there.
  adds: u32,
  /// What logits are bounded to; 0: not bounded.
  soft_cap: f32,
  /// As `curves.wgsl` has it; of gated elements, or of a plain matrix's products; 0: none.
  activation: u32,
  /// 1: the input is the rows whose logits are wanted.
  is_wanted: u32,
  /// Floats of `work`: what gated elements of each vector are multiplied by; 0: nothing.
  factors: u32,
  segment: array<Segment, 3>,
}

@group(0) @binding(1) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> work: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

const rows_together = 4u;
const threads = lanes * rows_together;

/// A number for each of four vectors, of which one alone has the first.
alias Number = vec4f;
/// A number for each of up to eight vectors.
struct Sums {
  low: Number,
  high: Number,
}

/// Threads of a row that keep what they have put together.
const kept = min(lanes, lanes_that_keep);
var<workgroup> sums: array<Sums, kept * rows_together>;
var<workgroup> seconds: array<Sums, select(1u, kept * rows_together, gated)>;
var<workgroup> squares: array<Sums, select(1u, kept, normalizes)>;

fn sum_of(a: Sums, b: Sums) -> Sums {
  return Sums(a.low + b.low, a.high + b.high);
}

/// The products of 32 elements with each vector.
fn products(elements: Elements, at: u32) -> Sums {
  if (batch == 1u) {
    return Sums(vec4f(product(elements, at), 0.0, 0.0, 0.0), vec4f(0.0));
  }
  let stride = params.input_stride;
  return Sums(
    vec4f(
      product(elements, at), product(elements, at + stride), product(elements, at + 2u * stride),
      product(elements, at + 3u * stride),
    ),
    vec4f(
      product(elements, at + 4u * stride), product(elements, at + 5u * stride), product(elements, at + 6u * stride),
      product(elements, at + 7u * stride),
    ),
  );
}

fn product(e: Elements, at: u32) -> f32 {
  return dot(e[0], work[at]) + dot(e[1], work[at + 1u]) + dot(e[2], work[at + 2u]) + dot(e[3], work[at + 3u])
    + dot(e[4], work[at + 4u]) + dot(e[5], work[at + 5u]) + dot(e[6], work[at + 6u]) + dot(e[7], work[at + 7u]);
}

/// Of each vector the sum of the squares of 32 elements.
fn squares_of(at: u32) -> Sums {
  if (batch == 1u) {
    return Sums(vec4f(square_of(at), 0.0, 0.0, 0.0), vec4f(0.0));
  }
  let stride = params.input_stride;
  return Sums(
    vec4f(square_of(at), square_of(at + stride), square_of(at + 2u * stride), square_of(at + 3u * stride)),
    vec4f(
      square_of(at + 4u * stride), square_of(at + 5u * stride), square_of(at + 6u * stride), square_of(at + 7u * stride),
    ),
  );
}

fn square_of(at: u32) -> f32 {
  return product(
    Elements(
      work[at], work[at + 1u], work[at + 2u], work[at + 3u], work[at + 4u], work[at + 5u], work[at + 6u], work[at + 7u],
    ), at,
  );
}

/// The elements of a row from a part on, times the norm's factors.
fn elements_of(at: u32, part: u32, is_second: u32) -> Elements {
  var e: Elements;
  if (is_second == 1u) {
    e = second_elements(at + part / second_parts * second_bytes, part % second_parts);
  } else {
    e = first_elements(at + part / first_parts * first_bytes, part % first_parts);
  }
  if (!normalizes) {
    return e;
  }
  let n = params.norm + part * 8u;
  return Elements(
    e[0] * vectors[n], e[1] * vectors[n + 1u], e[2] * vectors[n + 2u], e[3] * vectors[n + 3u], e[4] * vectors[n + 4u],
    e[5] * vectors[n + 5u], e[6] * vectors[n + 6u], e[7] * vectors[n + 7u],
  );
}

fn at_vector(all: Sums, index: u32) -> f32 {
  if (batch == 1u) {
    return all.low.x;
  }
  return select(all.low[index & 3u], all.high[index & 3u], index >= 4u);
}

fn bias_of(segment: u32, row: u32) -> f32 {
  let at = params.segment[segment].bias;
  if (at == 0u) {
    return 0.0;
  }
  return vectors[(at + row) >> 2u][(at + row) & 3u];
}

/// What the threads of a row have, as far as they see each other's.
fn of_lanes(all: Sums) -> Sums {
  if (batch == 1u) {
    return Sums(lane_total(all.low, lanes), Number());
  }
  return Sums(lane_total(all.low, lanes), lane_total(all.high, lanes));
}

/// What the threads of a row have kept for a vector. One thread adds them up: a barrier for each halving costs more.
fn total(row: u32, vector: u32) -> f32 {
  var sum = 0.0;
  for (var i = row * kept; i < (row + 1u) * kept; i++) {
    sum += at_vector(sums[i], vector);
  }
  return sum;
}

fn second_total(row: u32, vector: u32) -> f32 {
  var sum = 0.0;
  for (var i = row * kept; i < (row + 1u) * kept; i++) {
    sum += at_vector(seconds[i], vector);
  }
  return sum;
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  var chosen = 0u;
  if (!gated) {
    if (params.segments > 1u && group >= params.segment[1].first_group) {
      chosen = 1u;
    }
    if (params.segments > 2u && group >= params.segment[2].first_group) {
      chosen = 2u;
    }
  }
  let segment = params.segment[chosen];
  let first_row = (group - segment.first_group) * rows_together;
  if (first_row >= segment.rows) {
    return;
  }
  let lane = thread % lanes;
  // The last rows of a workgroup may not be there: their lanes read the last one's weights, and write nothing.
  let row = min(first_row + thread / lanes, segment.rows - 1u);
  let at = segment.at + row * segment.row_bytes;
  let second_at = params.segment[1].at + row * params.segment[1].row_bytes;

  var sum: Sums;
  var second: Sums;
  var square: Sums;
  for (var part = lane; part < params.parts; part += lanes) {
    let input = params.input + part * 8u;
    sum = sum_of(sum, products(elements_of(at, part, segment.is_second), input));
    if (gated) {
      second = sum_of(second, products(elements_of(second_at, part, params.segment[1].is_second), input));
    }
    if (normalizes && thread < lanes) {
      square = sum_of(square, squares_of(input));
    }
  }

  sum = of_lanes(sum);
  if (gated) {
    second = of_lanes(second);
  }
  if (normalizes) {
    square = of_lanes(square);
  }
  if (lane < kept) {
    let place = thread / lanes * kept + lane;
    sums[place] = sum;
    if (gated) {
      seconds[place] = second;
    }
    if (normalizes && thread < lanes) {
      squares[lane] = square;
    }
  }
  workgroupBarrier();

  // A thread has the four rows of one vector, or of several.
  let count = select(row_count(), logit_rows(), params.is_wanted == 1u);
  for (var vector = thread; vector < min(count, batch); vector += threads) {
    finish(vector, chosen, first_row);
  }
}

/// Writes four rows of one vector's products.
fn finish(vector: u32, chosen: u32, first_row: u32) {
  let segment = params.segment[chosen];
  var scale = 1.0;
  if (normalizes) {
    var all = 0.0;
    for (var i = 0u; i < kept; i++) {
      all += at_vector(squares[i], vector);
    }
    scale = inverseSqrt(all / params.columns + params.epsilon);
  }
  var factor = 1.0;
  if (params.factors > 0u) {
    let at = params.factors + vector;
    factor = work[at >> 2u][at & 3u];
  }
  var result: vec4f;
  for (var k = 0u; k < rows_together; k++) {
    if (first_row + k >= segment.rows) {
      break;
    }
    var y = scale * total(k, vector) + bias_of(chosen, first_row + k);
    y = activated(capped(y, params.soft_cap), params.activation);
    if (gated) {
      y *= factor * (scale * second_total(k, vector) + bias_of(1u, first_row + k));
    }
    result[k] = y;
  }
  let place = segment.out + vector * segment.out_stride + first_row / 4u;
  if (params.adds == 1u) {
    result += work[place];
  }
  work[place] = result;
}
