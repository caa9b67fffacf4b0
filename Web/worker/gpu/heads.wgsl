// Heads of queries and keys are normalized, where the model does so, and turned by their position (Su et al. 2021). For kernels
// whose parameters have `pairs`, `is_interleaved` and `normalizes_turned`.

struct Head {
  /// Floats of `work`.
  at: u32,
  /// Floats of `vectors`: the norm's factors; 0: none.
  norm: u32,
  /// What the norm makes of the head's length.
  scale: f32,
  /// Where the rotations of its position stand in `step`.
  rotations: u32,
}

/// Of the elements that a thread has, the sum of squares.
fn square_of(at: u32, count: u32, thread: u32) -> f32 {
  var sum = 0.0;
  for (var i = thread; i < count; i += threads) {
    sum += work[at + i] * work[at + i];
  }
  return sum;
}

fn normalized(head: Head, element: u32) -> f32 {
  let x = work[head.at + element];
  if (head.norm == 0u || params.normalizes_turned == 1u) {
    return x;
  }
  return x * head.scale * vectors[head.norm + element];
}

/// An element after norm and rotation, in the model's order: a rotation leaves a head's length as it is.
fn turned(head: Head, element: u32) -> f32 {
  let x = rotated(head, element);
  if (head.norm > 0u && params.normalizes_turned == 1u) {
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
