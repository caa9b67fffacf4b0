// h = norm(x) of each row, or x += norm(branch): a workgroup for each row.

struct Params {
  /// Floats of `work`: what is normalized, where the result goes, and of one row of each.
  input: u32,
  input_stride: u32,
  out: u32,
  out_stride: u32,
  columns: u32,
  /// Floats of `vectors`.
  weight: u32,
  /// Floats of `vectors`; 0: no bias.
  bias: u32,
  /// 1: mean and deviation instead of the root mean square.
  is_layer: u32,
  epsilon: f32,
  /// 1: the result is added to what is there.
  adds: u32,
  /// 1: only the rows whose logits are wanted, side by side.
  is_wanted: u32,
  /// What the result is multiplied by.
  scale: f32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

alias Number = f32;
const threads = 64u;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = workgroup.x;
  let input = params.input + row * params.input_stride;
  var destination = row;
  if (params.is_wanted == 1u) {
    destination = row_of(row).logits;
    if (destination == no_logits) {
      return;
    }
  }
  // The sum first: deviations are from the mean.
  var mean = 0.0;
  if (params.is_layer == 1u) {
    var sum = 0.0;
    for (var i = thread; i < params.columns; i += threads) {
      sum += work[input + i];
    }
    mean = total_of(sum, thread) / f32(params.columns);
  }
  var square = 0.0;
  for (var i = thread; i < params.columns; i += threads) {
    let x = work[input + i] - mean;
    square += x * x;
  }
  let scale = inverseSqrt(total_of(square, thread) / f32(params.columns) + params.epsilon);
  let out = params.out + destination * params.out_stride;
  for (var i = thread; i < params.columns; i += threads) {
    var y = (work[input + i] - mean) * scale * vectors[params.weight + i];
    if (params.bias > 0u) {
      y += vectors[params.bias + i];
    }
    y *= params.scale;
    if (params.adds == 1u) {
      y += work[out + i];
    }
    work[out + i] = y;
  }
}
