// Products of the experts that a row chose, in decode. A workgroup computes four rows of their matrices for one choice, as
// hidden = act(gate h) * up h where pairs of rows become `gated` elements; or else for one row of the pass, of all that it
// chose: out = Σ weight * down hidden.

struct Params {
  /// Vectors of four floats of `work`: where the input begins, and of one row or choice there.
  input: u32,
  input_stride: u32,
  /// Parts of 32 elements of a row.
  parts: u32,
  /// Rows of one expert's matrix.
  rows: u32,
  /// Bytes of the binding: where the first expert's matrix begins, and of one row; and of the second matrix.
  at: u32,
  row_bytes: u32,
  second_at: u32,
  second_row_bytes: u32,
  /// The experts that the binding has.
  first_expert: u32,
  experts: u32,
  /// How many a row goes through.
  used: u32,
  /// Floats of `work`, one for each choice: the expert and its weight.
  chosen: u32,
  weights: u32,
  /// Vectors of four floats of `work`: where the products go, and of one choice or row there.
  out: u32,
  out_stride: u32,
  /// 1: added to what is there.
  adds: u32,
  /// As `curves.wgsl` has it.
  activation: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

alias Number = f32;
const rows_together = 4u;
const threads = lanes * rows_together;
/// Threads of a row that keep what they have put together.
const kept = min(lanes, lanes_that_keep);
var<workgroup> sums: array<f32, kept * rows_together>;
var<workgroup> seconds: array<f32, kept * rows_together>;

fn number_at(place: u32) -> f32 {
  return work[place >> 2u][place & 3u];
}

fn product(e: Elements, at: u32) -> f32 {
  return dot(e[0], work[at]) + dot(e[1], work[at + 1u]) + dot(e[2], work[at + 2u]) + dot(e[3], work[at + 3u])
    + dot(e[4], work[at + 4u]) + dot(e[5], work[at + 5u]) + dot(e[6], work[at + 6u]) + dot(e[7], work[at + 7u]);
}

/// The sums of a row of the matrix, which its threads have kept.
fn totals(row: u32) -> vec2f {
  var total = vec2f(0.0);
  for (var i = row * kept; i < (row + 1u) * kept; i++) {
    total += vec2f(sums[i], seconds[i]);
  }
  return total;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % lanes;
  let first_row = workgroup.x * rows_together;
  // The last rows of a workgroup may not be there: their lanes read the last one's weights, and write nothing.
  let row = min(first_row + thread / lanes, params.rows - 1u);
  let first = select(workgroup.z * params.used, workgroup.z, gated);
  let count = select(params.used, 1u, gated);
  var sum = 0.0;
  var second = 0.0;
  var is_here = false;
  for (var choice = first; choice < first + count; choice++) {
    let expert = u32(number_at(params.chosen + choice)) - params.first_expert;
    if (expert < params.experts) {
      is_here = true;
      let weight = select(number_at(params.weights + choice), 1.0, gated);
      let input = params.input + select(choice, choice / params.used, gated) * params.input_stride;
      let at = params.at + (expert * params.rows + row) * params.row_bytes;
      let second_at = params.second_at + (expert * params.rows + row) * params.second_row_bytes;
      for (var part = lane; part < params.parts; part += lanes) {
        let e = first_elements(at + part / first_parts * first_bytes, part % first_parts);
        sum += weight * product(e, input + part * 8u);
        if (gated) {
          let e = second_elements(second_at + part / second_parts * second_bytes, part % second_parts);
          second += product(e, input + part * 8u);
        }
      }
    }
  }
  sum = lane_total(sum, lanes);
  second = lane_total(second, lanes);
  if (lane < kept) {
    sums[thread / lanes * kept + lane] = sum;
    seconds[thread / lanes * kept + lane] = second;
  }
  workgroupBarrier();
  // Another dispatch has the experts that are not here.
  if (thread > 0u || (gated && !is_here)) {
    return;
  }
  var result: vec4f;
  for (var k = 0u; k < min(rows_together, params.rows - first_row); k++) {
    let total = totals(k);
    result[k] = total.x;
    if (gated) {
      result[k] = activated(total.x, params.activation) * total.y;
    }
  }
  let place = params.out + workgroup.z * params.out_stride + first_row / 4u;
  if (params.adds == 1u) {
    result += work[place];
  }
  work[place] = result;
}
