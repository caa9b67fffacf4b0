// What the threads of a workgroup have together: those of a subgroup see each other's numbers, and only what is left of each
// subgroup goes by way of the workgroup's memory. Same functions as `threads.wgsl`.
//
// The threads of a subgroup follow each other, as they do on every card for workgroups of one dimension.

/// How many of the threads that share a row hold a part of its sum in the end.
const lanes_that_keep = 1u;

var<workgroup> parts: array<Number, threads>;

fn total_of(value: Number, thread: u32) -> Number {
  let own = subgroupAdd(value);
  let size = subgroupAdd(1u);
  share(own, thread, size);
  var sum = Number();
  for (var i = 0u; i < threads / size; i++) {
    sum += parts[i];
  }
  return sum;
}

fn largest_of(value: Number, thread: u32) -> Number {
  let own = subgroupMax(value);
  let size = subgroupAdd(1u);
  share(own, thread, size);
  var largest = own;
  for (var i = 0u; i < threads / size; i++) {
    largest = max(largest, parts[i]);
  }
  return largest;
}

/// What each subgroup has.
fn share(value: Number, thread: u32, size: u32) {
  // Somebody may still read what was there before.
  workgroupBarrier();
  if (thread % size == 0u) {
    parts[thread / size] = value;
  }
  workgroupBarrier();
}

/// The sum over so many neighbours, a power of two that a subgroup has or more. All of them have it then.
fn lane_total(value: Number, lanes: u32) -> Number {
  var sum = value;
  for (var distance = lanes / 2u; distance > 0u; distance /= 2u) {
    sum += subgroupShuffleXor(sum, distance);
  }
  return sum;
}
