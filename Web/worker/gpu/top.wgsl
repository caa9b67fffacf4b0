// The 64 likeliest tokens of each row of logits, and the logarithm of the sum of all exponentials. A workgroup sorts 1,024
// (Batcher 1968) and leaves 64; the next dispatch goes on with what they left, until one is left for each row.

struct Params {
  /// Floats of `work`: logits, or what the dispatch before has left, and of one row.
  input: u32,
  input_stride: u32,
  /// Elements of a row: logits, or candidates of the dispatch before.
  count: u32,
  /// 1: the input are logits; their number is the token.
  is_logits: u32,
  /// Floats of `work`: for each row and workgroup maximum, sum, and 64 tokens and logits.
  out: u32,
  out_stride: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const threads = 256u;
const span = 1024u;
const kept = 64u;
const result_size = 2u + 2u * kept;

/// Logits as integers of the same order, and their tokens; 0 for what is none.
var<workgroup> keys: array<u32, span>;
var<workgroup> tokens: array<u32, span>;
var<workgroup> largest: array<f32, threads>;
var<workgroup> sums: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (workgroup.y >= logit_rows()) {
    return;
  }
  let input = params.input + workgroup.y * params.input_stride;
  let first = workgroup.x * span;
  for (var i = thread; i < span; i += threads) {
    let index = first + i;
    keys[i] = 0u;
    tokens[i] = index;
    if (index < params.count) {
      var at = input + index;
      if (params.is_logits == 0u) {
        at = input + index / kept * result_size + 2u + index % kept * 2u;
        tokens[i] = u32(work[at]);
        at += 1u;
      }
      keys[i] = key_of(work[at]);
    }
  }
  gather(input, first, thread);

  for (var size = 2u; size <= span; size *= 2u) {
    for (var stride = size / 2u; stride > 0u; stride /= 2u) {
      workgroupBarrier();
      for (var i = thread; i < span / 2u; i += threads) {
        let low = i / stride * stride * 2u + i % stride;
        let high = low + stride;
        let descends = (low & size) == 0u;
        if (precedes(high, low) == descends) {
          let key = keys[low];
          let token = tokens[low];
          keys[low] = keys[high];
          tokens[low] = tokens[high];
          keys[high] = key;
          tokens[high] = token;
        }
      }
    }
  }
  workgroupBarrier();

  let out = params.out + workgroup.y * params.out_stride + workgroup.x * result_size;
  if (thread == 0u) {
    work[out] = largest[0];
    work[out + 1u] = sums[0];
  }
  if (thread < kept) {
    work[out + 2u + 2u * thread] = f32(tokens[thread]);
    work[out + 3u + 2u * thread] = logit_of(keys[thread]);
  }
}

/// The maximum and the sum of exponentials of what the workgroup has.
fn gather(input: u32, first: u32, thread: u32) {
  var maximum = -3e38;
  var sum = 0.0;
  workgroupBarrier();
  if (params.is_logits == 1u) {
    for (var i = thread; i < span; i += threads) {
      if (keys[i] > 0u) {
        maximum = max(maximum, logit_of(keys[i]));
      }
    }
    for (var i = thread; i < span; i += threads) {
      if (keys[i] > 0u) {
        sum += exp(logit_of(keys[i]) - maximum);
      }
    }
  } else if (thread < span / kept && first + thread * kept < params.count) {
    let at = input + (first / kept + thread) * result_size;
    maximum = work[at];
    sum = work[at + 1u];
  }
  largest[thread] = maximum;
  sums[thread] = sum;
  for (var left = threads / 2u; left > 0u; left /= 2u) {
    workgroupBarrier();
    if (thread < left) {
      let both = max(largest[thread], largest[thread + left]);
      sums[thread] = sums[thread] * exp(largest[thread] - both) + sums[thread + left] * exp(largest[thread + left] - both);
      largest[thread] = both;
    }
  }
}

/// Likelier tokens first; of equally likely ones the lower.
fn precedes(a: u32, b: u32) -> bool {
  return keys[a] > keys[b] || (keys[a] == keys[b] && tokens[a] < tokens[b]);
}

/// 0 for what is no number or not possible.
fn key_of(logit: f32) -> u32 {
  let bits = bitcast<u32>(logit);
  if ((bits & 0x7fffffffu) > 0x7f800000u || bits == 0xff800000u) {
    return 0u;
  }
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn logit_of(key: u32) -> f32 {
  if (key == 0u) {
    return -3e38;
  }
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}
