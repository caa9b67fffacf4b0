// What a prefill's products over rounded numbers read: of each part of 32 elements a factor, the elements divided by it, and
// the sums of both halves, which a matrix's offsets are multiplied with. A thread has a part of a row.

struct Params {
  /// Vectors of four words of `work`: where the rows begin, and of one row there; where the parts go, and of one row there.
  input: u32,
  input_stride: u32,
  out: u32,
  out_stride: u32,
  parts: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<vec4u>;
@group(0) @binding(5) var<uniform> params: Params;

fn largest_of(x: vec4f) -> f32 {
  let a = abs(x);
  return max(max(a.x, a.y), max(a.z, a.w));
}

fn sum_of(x: vec4f) -> f32 {
  return dot(x, vec4f(1.0));
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let part = id.x;
  if (part >= params.parts) {
    return;
  }
  let at = params.input + id.y * params.input_stride + part * 8u;
  let x = array<vec4f, 8>(
    bitcast<vec4f>(work[at]), bitcast<vec4f>(work[at + 1u]), bitcast<vec4f>(work[at + 2u]), bitcast<vec4f>(work[at + 3u]),
    bitcast<vec4f>(work[at + 4u]), bitcast<vec4f>(work[at + 5u]), bitcast<vec4f>(work[at + 6u]),
    bitcast<vec4f>(work[at + 7u]),
  );
  let largest = max(
    max(max(largest_of(x[0]), largest_of(x[1])), max(largest_of(x[2]), largest_of(x[3]))),
    max(max(largest_of(x[4]), largest_of(x[5])), max(largest_of(x[6]), largest_of(x[7]))),
  );
  let factor = largest / largest_rounded;
  // What is smaller than that is nothing, and its inverse may be no number.
  let inverse = select(0.0, largest_rounded / largest, largest > 1e-30);
  let out = params.out + id.y * params.out_stride + part * rounded_vectors;
  store(
    out, inverse * x[0], inverse * x[1], inverse * x[2], inverse * x[3], inverse * x[4], inverse * x[5], inverse * x[6],
    inverse * x[7],
  );
  let sums = vec2f(
    sum_of(rounded(inverse * x[0])) + sum_of(rounded(inverse * x[1])) + sum_of(rounded(inverse * x[2]))
      + sum_of(rounded(inverse * x[3])),
    sum_of(rounded(inverse * x[4])) + sum_of(rounded(inverse * x[5])) + sum_of(rounded(inverse * x[6]))
      + sum_of(rounded(inverse * x[7])),
  );
  work[out + rounded_vectors - 1u] = bitcast<vec4u>(vec4f(factor, factor * sums, 0.0));
}
