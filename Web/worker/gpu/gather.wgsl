// The choices of a prefill sorted by their experts, and cut into tiles whose rows one expert computes together: one workgroup.

struct Params {
  experts: u32,
  /// How many a row goes through.
  used: u32,
  /// Floats of `work`, one for each choice: its expert, and in the order of the experts which choice it is.
  chosen: u32,
  order: u32,
  /// Floats of `work`, three for each tile: the expert, its first place in the order, and how many.
  tiles: u32,
}

@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const threads = 256u;
const tile_choices = 32u;
const most_experts = 512u;
/// Of each expert its choices; then where its next one goes.
var<workgroup> places: array<atomic<u32>, most_experts>;

fn expert_of(choice: u32) -> u32 {
  return min(u32(work[params.chosen + choice]), most_experts - 1u);
}

fn write_tile(tile: u32, expert: u32, place: u32, count: u32) {
  let at = params.tiles + tile * 3u;
  work[at] = f32(expert);
  work[at + 1u] = f32(place);
  work[at + 2u] = f32(count);
}

@compute @workgroup_size(threads)
fn main(@builtin(local_invocation_index) thread: u32) {
  let choices = row_count() * params.used;
  for (var choice = thread; choice < choices; choice += threads) {
    atomicAdd(&places[expert_of(choice)], 1u);
  }
  workgroupBarrier();
  if (thread == 0u) {
    var place = 0u;
    var tile = 0u;
    for (var expert = 0u; expert < params.experts; expert++) {
      let end = place + atomicLoad(&places[expert]);
      atomicStore(&places[expert], place);
      for (; place < end; place += tile_choices) {
        write_tile(tile, expert, place, min(tile_choices, end - place));
        tile++;
      }
      place = end;
    }
    // There are at most so many.
    for (; tile < min(params.experts, choices) + choices / tile_choices; tile++) {
      write_tile(tile, 0u, 0u, 0u);
    }
  }
  workgroupBarrier();
  for (var choice = thread; choice < choices; choice += threads) {
    work[params.order + atomicAdd(&places[expert_of(choice)], 1u)] = f32(choice);
  }
}
