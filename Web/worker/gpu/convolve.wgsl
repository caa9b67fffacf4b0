// mixed = c * conv(b * x) over a row and those before it (LFM2, Liquid AI 2025): a thread for each channel of each row.

struct Params {
  /// Floats of `work`: b, c and x of a row, which follow each other, and what becomes of them.
  gates: u32,
  gate_stride: u32,
  out: u32,
  out_stride: u32,
  channels: u32,
  /// Tokens that one output sees, its own included.
  length: u32,
  /// Floats of `vectors`: [channel][length], the newest token last.
  kernel: u32,
  /// Where the layer's part of a state begins.
  place: u32,
}

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
/// The recurrent states: [length - 1][channels] of earlier b * x for each layer.
@group(0) @binding(4) var<storage, read_write> cache: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= params.channels) {
    return;
  }
  let row = row_of(id.y);
  let index = id.y - row.first;
  let earlier = params.length - 1u;
  var sum = 0.0;
  for (var tap = 0u; tap < params.length; tap++) {
    sum += vectors[params.kernel + channel * params.length + tap] * input(row, index + tap, channel);
  }
  work[params.out + id.y * params.out_stride + channel] =
    work[params.gates + id.y * params.gate_stride + params.channels + channel] * sum;
  // The last row leaves behind what the next one sees.
  if (index + 1u == row.count) {
    for (var slot = 0u; slot < earlier; slot++) {
      cache[row.next_state + params.place + slot * params.channels + channel] = input(row, row.count + slot, channel);
    }
  }
}

/// b * x of a sequence's rows, behind those that the state has.
fn input(row: Row, index: u32, channel: u32) -> f32 {
  let earlier = params.length - 1u;
  if (index < earlier) {
    return cache[row.state + params.place + index * params.channels + channel];
  }
  let at = params.gates + (row.first + index - earlier) * params.gate_stride + channel;
  return work[at] * work[at + 2u * params.channels];
}
