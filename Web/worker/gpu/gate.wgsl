// hidden = act(gate) * up, or act(hidden): a thread for each element.

struct Params {
  /// Floats of `work`: the first product, which becomes the result, the second one, and of one row of each.
  gate: u32,
  up: u32,
  stride: u32,
  columns: u32,
  /// As `curves.wgsl` has it.
  activation: u32,
  /// 0: there is no second product.
  is_gated: u32,
  /// Floats of `work`: what each row is multiplied by; 0: nothing.
  factors: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.columns) {
    return;
  }
  let at = id.y * params.stride + id.x;
  var y = activated(work[params.gate + at], params.activation);
  if (params.is_gated == 1u) {
    y *= work[params.up + at];
  }
  if (params.factors > 0u) {
    y *= work[params.factors + id.y];
  }
  work[params.gate + at] = y;
}
