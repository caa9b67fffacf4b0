// Parts of a softmax over pieces of the context become one. A workgroup for each head of each row.

struct Params {
  partials: u32,
  heads: u32,
  value_length: u32,
  out: u32,
  out_stride: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pieces = context_pieces();
  let size = params.value_length + 2u;
  let first = params.partials + (workgroup.y * params.heads + workgroup.x) * pieces * size;
  var largest = -1e30;
  for (var piece = 0u; piece < pieces; piece++) {
    largest = max(largest, work[first + piece * size]);
  }
  var sum = 0.0;
  for (var piece = 0u; piece < pieces; piece++) {
    sum += work[first + piece * size + 1u] * exp(work[first + piece * size] - largest);
  }
  let out = params.out + workgroup.y * params.out_stride + workgroup.x * params.value_length;
  for (var i = thread; i < params.value_length; i += 64u) {
    var value = 0.0;
    for (var piece = 0u; piece < pieces; piece++) {
      value += work[first + piece * size + 2u + i] * exp(work[first + piece * size] - largest);
    }
    work[out + i] = value / sum;
  }
}
