// Heads of queries and keys are normalized, where the model does so, and turned by their position (Su et al. 2021). For kernels
// whose parameters have `norms`, `is_layer_norm`, `epsilon`, `pairs` and `is_interleaved`.

/// What `norms` says: each head is normalized before it is turned, or after; by factors of its own; or all heads are as one
/// vector.
const turned_heads = 1u;
const separate_heads = 2u;
const whole_vectors = 3u;

struct Head {
  /// Floats of `work`.
  at: u32,
  /// Floats of `vectors`: the norm's factors; 0: none.
  norm: u32,
  /// What is normalized together: floats of `work`, and how many.
  norm_at: u32,
  norm_count: u32,
  /// What the norm makes of it.
  mean: f32,
  scale: f32,
  /// Where the rotations of its position stand in `step`.
  rotations: u32,
}

/// One of the heads of a row, which begin at `row_at` and of which there are `count`; what its norm makes of it is not known yet.
fn plain_head(row_at: u32, index: u32, length: u32, count: u32, norm: u32, rotations: u32) -> Head {
  let offset = index * length;
  var head = Head(row_at + offset, norm, row_at + offset, length, 0.0, 1.0, rotations);
  if (norm > 0u && params.norms >= separate_heads) {
    head.norm += offset;
  }
  if (params.norms == whole_vectors) {
    head.norm_at = row_at;
    head.norm_count = count * length;
  }
  return head;
}

/// Of the elements that a thread has of what is normalized, the sum.
fn sum_of(head: Head, thread: u32) -> f32 {
  var sum = 0.0;
  for (var i = thread; i < head.norm_count; i += threads) {
    sum += work[head.norm_at + i];
  }
  return sum;
}

/// The sum of the squares of their distances from the mean.
fn square_of(head: Head, thread: u32) -> f32 {
  var sum = 0.0;
  for (var i = thread; i < head.norm_count; i += threads) {
    let x = work[head.norm_at + i] - head.mean;
    sum += x * x;
  }
  return sum;
}

fn normalized(head: Head, element: u32) -> f32 {
  let x = work[head.at + element];
  if (head.norm == 0u || params.norms == turned_heads) {
    return x;
  }
  return (x - head.mean) * head.scale * vectors[head.norm + element];
}

/// An element after norm and rotation, in the model's order: a rotation leaves a head's length as it is.
fn turned(head: Head, element: u32) -> f32 {
  let x = rotated(head, element);
  if (head.norm > 0u && params.norms == turned_heads) {
    return x * head.scale * vectors[head.norm + element];
  }
  return x;
}

/// An element after the rotation, for which its partner is needed too.
fn rotated(head: Head, element: u32) -> f32 {
  let x = normalized(head, element);
  if (element >= 2u * params.pairs) {
    return x;
  }
  let isInterleaved = params.is_interleaved == 1u;
  let isSecond = select(element >= params.pairs, element % 2u == 1u, isInterleaved);
  let pair = select(select(element, element - params.pairs, isSecond), element / 2u, isInterleaved);
  let distance = select(params.pairs, 1u, isInterleaved);
  let partner = normalized(head, select(element + distance, element - distance, isSecond));
  let cosine = bitcast<f32>(step[head.rotations + 2u * pair]);
  let sine = bitcast<f32>(step[head.rotations + 2u * pair + 1u]);
  return x * cosine + select(-partner, partner, isSecond) * sine;
}

/// Two elements of a head as the cache has them; behind the last one is a zero.
fn turned_pair(head: Head, pair: u32, length: u32) -> u32 {
  var two = vec2f(turned(head, 2u * pair), 0.0);
  if (2u * pair + 1u < length) {
    two.y = turned(head, 2u * pair + 1u);
  }
  return pack2x16float(two);
}

/// The same of values, which stay as they are.
fn plain_pair(at: u32, pair: u32, length: u32) -> u32 {
  var two = vec2f(work[at + 2u * pair], 0.0);
  if (2u * pair + 1u < length) {
    two.y = work[at + 2u * pair + 1u];
  }
  return pack2x16float(two);
}
