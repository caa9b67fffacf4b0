// out = Σ weight * product over the choices of a row: a thread for each element.

struct Params {
  /// Floats of `work`: the products, and of one choice.
  products: u32,
  stride: u32,
  columns: u32,
  /// How many choices a row has, and floats of `work`: their weights.
  used: u32,
  weights: u32,
  /// Floats of `work`: where the sums go, and of one row there.
  out: u32,
  out_stride: u32,
  /// 1: added to what is there.
  adds: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.columns) {
    return;
  }
  let place = params.out + id.y * params.out_stride + id.x;
  var sum = 0.0;
  if (params.adds == 1u) {
    sum = work[place];
  }
  for (var choice = id.y * params.used; choice < (id.y + 1u) * params.used; choice++) {
    sum += work[params.weights + choice] * work[params.products + choice * params.stride + id.x];
  }
  work[place] = sum;
}
