// x = E[token] times a factor, or x += P[position]. A thread has 32 elements of a row; a dispatch has the tokens, or the
// positions, of one part of the matrix.

struct Params {
  /// Bytes of the binding: where the part of the matrix begins, and of one row.
  at: u32,
  row_bytes: u32,
  /// The part's tokens.
  first: u32,
  count: u32,
  parts: u32,
  /// Vectors of four floats of `work`: where x begins, and of one row.
  out: u32,
  out_stride: u32,
  columns: u32,
  factor: f32,
  /// 1: rows are chosen by the positions, and added to what is there.
  is_of_positions: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let part = id.x;
  let adds = params.is_of_positions == 1u;
  let row = row_of(id.y);
  let token = select(row.token, row.position, adds);
  if (part >= params.parts || token < params.first || token >= params.first + params.count) {
    return;
  }
  let at = params.at + (token - params.first) * params.row_bytes;
  let elements = first_elements(at + part / first_parts * first_bytes, part % first_parts);
  for (var k = 0u; k < 8u; k++) {
    // Behind the last column stay zeros.
    let column = part * 32u + k * 4u;
    let isThere = vec4u(column, column + 1u, column + 2u, column + 3u) < vec4u(params.columns);
    let place = params.out + id.y * params.out_stride + part * 8u + k;
    let before = select(vec4f(0.0), work[place], adds);
    work[place] = before + select(vec4f(0.0), params.factor * elements[k], isThere);
  }
}
