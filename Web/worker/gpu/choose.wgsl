// The experts that a row goes through, and their weights: a workgroup for each row. It also leaves the row normalized, where
// the experts read it.

struct Params {
  /// Floats of `work`: the router's logits, and of one row.
  logits: u32,
  logits_stride: u32,
  experts: u32,
  /// How many a row goes through.
  used: u32,
  /// 1: the weights of those add up to one.
  is_normalized: u32,
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
/// The largest `used`.
const most_used = 64u;

var<workgroup> likelihoods: array<f32, most_used>;

/// What is no number counts as unlikely.
fn logit_of(row: u32, expert: u32) -> f32 {
  return max(work[params.logits + row * params.logits_stride + expert], -1e30);
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

  // An expert is chosen when fewer are before it than a row goes through: the likelier ones, and of equals the first.
  for (var expert = thread; expert < params.experts; expert += threads) {
    let own = logit_of(row, expert);
    var before = 0u;
    var largest = own;
    for (var other = 0u; other < params.experts; other++) {
      let its = logit_of(row, other);
      before += select(0u, 1u, its > own || (its == own && other < expert));
      largest = max(largest, its);
    }
    if (before < params.used) {
      var sum = 0.0;
      for (var other = 0u; other < params.experts; other++) {
        sum += exp(logit_of(row, other) - largest);
      }
      likelihoods[before] = exp(own - largest) / sum;
      work[params.chosen + row * params.used + before] = f32(expert);
    }
  }
  workgroupBarrier();
  for (var choice = thread; choice < params.used; choice += threads) {
    var whole = 1.0;
    if (params.is_normalized == 1u) {
      whole = 0.0;
      for (var i = 0u; i < params.used; i++) {
        whole += likelihoods[i];
      }
    }
    work[params.weights + row * params.used + choice] = likelihoods[choice] / max(whole, 1e-30);
  }
}
