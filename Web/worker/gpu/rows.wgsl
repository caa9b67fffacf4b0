// What a pass is over, for all kernels.

/// u32: tokens of the pass, rows of logits, pieces of the context, where each table of rotations begins; then eight for each
/// row.
@group(0) @binding(2) var<storage, read> step: array<u32>;

struct Row {
  token: u32,
  position: u32,
  /// Where its sequence's pages stand in `step`.
  pages: u32,
  /// Its row of logits, or none.
  logits: u32,
  /// Of the rows of the same sequence, which follow each other: the first, and how many.
  first: u32,
  count: u32,
  /// Floats of the recurrent states: where its sequence's are before the pass, and after it.
  state: u32,
  next_state: u32,
}

const no_logits = 0xffffffffu;
const rows_at = 16u;
/// Positions of a page of the cache.
const page_positions = 128u;

fn row_count() -> u32 {
  return step[0];
}

fn logit_rows() -> u32 {
  return step[1];
}

/// Into how many pieces the context is cut for attention.
fn context_pieces() -> u32 {
  return step[2];
}

/// Where the cosine and the sine of a pair begin, of a row in a table of rotations.
fn rotations_at(table: u32, row: u32, pairs: u32) -> u32 {
  return step[3u + table] + row * pairs * 2u;
}

fn row_of(index: u32) -> Row {
  let at = rows_at + index * 8u;
  return Row(
    step[at], step[at + 1u], step[at + 2u], step[at + 3u], step[at + 4u], step[at + 5u], step[at + 6u], step[at + 7u],
  );
}
