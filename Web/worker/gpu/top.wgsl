// The likeliest tokens of a row, likeliest first and of equal logits the lower id, with the sum of exp(logit - largest).
// A workgroup makes one list of 1,024 logits, or of sixteen such lists, by merging ever longer lists of which it keeps no more
// than a list holds.

struct Params {
  /// u32s of `work`: what is read and of one row of it, and how many logits or lists that are.
  input: u32,
  input_stride: u32,
  count: u32,
  /// Where the lists go, and of one row of them.
  out: u32,
  out_stride: u32,
  /// 1: what is read are lists.
  has_lists: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

const threads = 64u;
const chunk = 1024u;
/// Of a list: its tokens, and in u32s their logits, their ids, and behind these the sum.
const kept = 64u;
const list_words = 2u * kept + 1u;

/// Logits in an order that integers have.
var<workgroup> keys: array<u32, chunk>;
/// Where the lists' elements stand in `keys`, now and after the next merge: two halves that take turns.
var<workgroup> places: array<u32, 2u * chunk>;
var<workgroup> sums: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first = workgroup.x * chunk;
  let input = params.input + workgroup.y * params.input_stride;
  let has_lists = params.has_lists == 1u;
  for (var i = thread; i < chunk; i += threads) {
    keys[i] = 0u;
    let element = first + i;
    if (has_lists && element / kept < params.count) {
      keys[i] = key(work[input + element / kept * list_words + element % kept]);
    } else if (!has_lists && element < params.count) {
      keys[i] = key(work[input + element]);
    }
    places[i] = i;
  }
  workgroupBarrier();

  var length = select(1u, kept, has_lists);
  var half = 0u;
  for (var left = chunk; left > length;) {
    let both = min(2u * length, kept);
    for (var i = thread; i < left; i += threads) {
      let list = i / length;
      let place = places[half + i];
      let rank = i % length + preceding(keys[place], half + (list ^ 1u) * length, length, list % 2u);
      if (rank < both) {
        places[(chunk - half) + list / 2u * both + rank] = place;
      }
    }
    left = left / (2u * length) * both;
    length = both;
    half = chunk - half;
    workgroupBarrier();
  }

  // Only integers are compared until here: a shader may take for granted that there is no NaN and no infinity.
  let largest = logit(keys[places[half]]);
  var sum = 0.0;
  for (var i = thread; i < chunk; i += threads) {
    let key = keys[i];
    if (key > 0u && (!has_lists || i % kept == 0u)) {
      let weight = exp(logit(key) - largest);
      if (has_lists) {
        sum += weight * bitcast<f32>(work[input + (first + i) / kept * list_words + 2u * kept]);
      } else {
        sum += weight;
      }
    }
  }
  sums[thread] = sum;
  workgroupBarrier();

  let out = params.out + workgroup.y * params.out_stride + workgroup.x * list_words;
  if (thread < kept) {
    let place = places[half + thread];
    let element = first + place;
    work[out + thread] = select(0xff800000u, bits(keys[place]), keys[place] > 0u);
    var id = element;
    if (has_lists) {
      id = work[input + min(element / kept, params.count - 1u) * list_words + kept + element % kept];
    }
    work[out + kept + thread] = id;
  }
  if (thread == 0u) {
    var whole = 0.0;
    for (var i = 0u; i < threads; i += 8u) {
      var part = 0.0;
      for (var j = 0u; j < 8u; j++) {
        part += sums[i + j];
      }
      whole += part;
    }
    work[out + 2u * kept] = bitcast<u32>(whole);
  }
}

/// How many elements of a sorted list come before an element of its neighbour. Of equal ones those of the first list do, which
/// have the lower ids.
fn preceding(key: u32, list: u32, length: u32, is_second: u32) -> u32 {
  var low = 0u;
  var high = length;
  while (low < high) {
    let middle = (low + high) / 2u;
    let other = keys[places[list + middle]];
    if (other > key || (other == key && is_second == 1u)) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  return low;
}

/// A larger number for a larger logit; 0 for one that is impossible, NaN or negative infinity.
fn key(pattern: u32) -> u32 {
  let magnitude = pattern & 0x7fffffffu;
  if (magnitude > 0x7f800000u || pattern == 0xff800000u) {
    return 0u;
  }
  // Both zeros are equal.
  if (magnitude == 0u) {
    return 0x80000000u;
  }
  return select(pattern | 0x80000000u, ~pattern, pattern >= 0x80000000u);
}

fn bits(key: u32) -> u32 {
  return select(~key, key & 0x7fffffffu, key >= 0x80000000u);
}

fn logit(key: u32) -> f32 {
  return bitcast<f32>(bits(key));
}
