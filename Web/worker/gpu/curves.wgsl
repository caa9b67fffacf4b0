// What elements go through on their way: activations, the bound of scores and logits, and how queries grow. The arguments of tanh are clamped:
// beyond that it is one, and some cards compute it by way of an exponential that overflows.

const silu = 1u;
const gelu = 2u;
const relu_squared = 3u;

/// SiLU, GELU in its tanh form, the square of what is above zero, or x itself.
fn activated(x: f32, activation: u32) -> f32 {
  if (activation == silu) {
    return x / (1.0 + exp(-x));
  }
  if (activation == gelu) {
    let inner = clamp(0.7978845608028654 * x * (1.0 + 0.044715 * x * x), -20.0, 20.0);
    return 0.5 * x * (1.0 + tanh(inner));
  }
  if (activation == relu_squared) {
    return max(x, 0.0) * max(x, 0.0);
  }
  return x;
}

/// x between the bounds, or as it is where there is none: 0.
fn capped(x: f32, cap: f32) -> f32 {
  if (cap > 0.0) {
    return cap * tanh(clamp(x / cap, -20.0, 20.0));
  }
  return x;
}

/// How much a query grows with its position.
fn grown(position: u32, scale: f32, length: u32) -> f32 {
  return 1.0 + scale * log(1.0 + f32(position / length));
}
