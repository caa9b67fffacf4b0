// The experts that a row goes through, and their weights: a workgroup for each row. It also leaves the row normalized, where
// the experts read it.

struct Params {
  /// Floats of `work`: the router's logits, and of one row.
  logits: u32,
  logits_stride: u32,
  experts: u32,
  /// How many a row goes through.
  used: u32,
  /// What scores are made of logits: 1 a softmax, 2 each one's sigmoid, 3 a softmax over the chosen ones alone.
  scores: u32,
  /// 1: the weights of those add up to one.
  is_normalized: u32,
  /// What weights are multiplied by.
  scale: f32,
  /// Floats of `vectors`: what is added to each score where the best are chosen; 0: nothing.
  bias: u32,
  /// Floats of `work`, one for each choice: the expert and its weight.
  chosen: u32,
  weights: u32,
  /// Floats of `work`: what is normalized, where the result goes, and of one row of each.
  input: u32,
  input_stride: u32,
  out: u32,
  out_stride: u32,
  columns: u32,
  /// Floats of `vectors`: the norm's factors; 0: the row is normalized already.
  norm: u32,
  epsilon: f32,
  /// Floats of `vectors`: what the row is multiplied with for the factor of the expert that all go through; 0: it has none.
  factor: u32,
  /// Floats of `work`, one for each row.
  factors: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

alias Number = f32;
const threads = 64u;
/// The largest `experts` and `used`.
const most_experts = 512u;
const most_used = 64u;
const softmax = 1u;
const sigmoid = 2u;

var<workgroup> scores: array<f32, most_experts>;
var<workgroup> chosen: array<f32, most_used>;

/// What is no number counts as unlikely.
fn logit_of(row: u32, expert: u32) -> f32 {
  return max(work[params.logits + row * params.logits_stride + expert], -1e30);
}

/// What experts are chosen by.
fn rank_of(expert: u32, whole: f32) -> f32 {
  var rank = scores[expert] / whole;
  if (params.bias > 0u) {
    rank += vectors[params.bias + expert];
  }
  return rank;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = workgroup.x;
  let input = params.input + row * params.input_stride;
  var scale = 1.0;
  if (params.norm > 0u) {
    var square = 0.0;
    for (var i = thread; i < params.columns; i += threads) {
      square += work[input + i] * work[input + i];
    }
    scale = inverseSqrt(total_of(square, thread) / f32(params.columns) + params.epsilon);
  }
  var product = 0.0;
  for (var i = thread; i < params.columns; i += threads) {
    var x = work[input + i];
    if (params.norm > 0u) {
      x *= scale * vectors[params.norm + i];
      work[params.out + row * params.out_stride + i] = x;
    }
    if (params.factor > 0u) {
      product += x * vectors[params.factor + i];
    }
  }
  if (params.factor > 0u) {
    let total = total_of(product, thread);
    if (thread == 0u) {
      work[params.factors + row] = 1.0 / (1.0 + exp(-total));
    }
  }

  var largest = -1e30;
  for (var expert = 0u; expert < params.experts; expert++) {
    largest = max(largest, logit_of(row, expert));
  }
  for (var expert = thread; expert < params.experts; expert += threads) {
    let logit = logit_of(row, expert);
    var score = logit;
    if (params.scores == softmax) {
      score = exp(logit - largest);
    } else if (params.scores == sigmoid) {
      score = 1.0 / (1.0 + exp(-logit));
    }
    scores[expert] = score;
  }
  workgroupBarrier();
  var whole = 1.0;
  if (params.scores == softmax) {
    whole = 0.0;
    for (var expert = 0u; expert < params.experts; expert++) {
      whole += scores[expert];
    }
  }
  // An expert is chosen when fewer are before it than a row goes through: the better ones, and of equals the first.
  for (var expert = thread; expert < params.experts; expert += threads) {
    let own = rank_of(expert, whole);
    var before = 0u;
    for (var other = 0u; other < params.experts; other++) {
      let its = rank_of(other, whole);
      before += select(0u, 1u, its > own || (its == own && other < expert));
    }
    if (before < params.used) {
      chosen[before] = scores[expert] / whole;
      work[params.chosen + row * params.used + before] = f32(expert);
    }
  }
  workgroupBarrier();
  weigh(row, thread);
}

/// The weights of the chosen ones.
fn weigh(row: u32, thread: u32) {
  let is_late = params.scores > sigmoid;
  var best = -1e30;
  for (var i = 0u; i < params.used; i++) {
    best = max(best, chosen[i]);
  }
  var sum = 0.0;
  for (var i = 0u; i < params.used; i++) {
    sum += select(chosen[i], exp(chosen[i] - best), is_late);
  }
  let whole = select(1.0, max(sum, 1e-30), is_late || params.is_normalized == 1u);
  for (var choice = thread; choice < params.used; choice += threads) {
    let score = select(chosen[choice], exp(chosen[choice] - best), is_late);
    work[params.weights + row * params.used + choice] = score / whole * params.scale;
  }
}
