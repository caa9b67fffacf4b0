// What the threads of a workgroup have together, by way of its memory. `subgroups.wgsl` has the same functions for cards whose
// threads see each other's numbers. A kernel says what a `Number` is, and how many `threads` there are. Where a total or a
// largest number is known, all threads have come that far.

/// How many of the threads that share a row hold a part of its sum in the end.
const lanes_that_keep = 0xffffffffu;

var<workgroup> parts: array<Number, threads>;

/// The sum over all threads. Each adds them up: a barrier for each halving costs more.
fn total_of(value: Number, thread: u32) -> Number {
  share(value, thread);
  var sum = Number();
  for (var i = 0u; i < threads; i++) {
    sum += parts[i];
  }
  return sum;
}

fn largest_of(value: Number, thread: u32) -> Number {
  share(value, thread);
  var largest = value;
  for (var i = 0u; i < threads; i++) {
    largest = max(largest, parts[i]);
  }
  return largest;
}

fn share(value: Number, thread: u32) {
  // Somebody may still read what was there before.
  workgroupBarrier();
  parts[thread] = value;
  workgroupBarrier();
}

/// The sum over so many neighbours, as far as they see each other's numbers: here they do not.
fn lane_total(value: Number, lanes: u32) -> Number {
  return value;
}
