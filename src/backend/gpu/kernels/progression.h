// Elements of arithmetic progressions, as core/progression.h has them. In f64, rounded once, where
// the device has it.
#if HAS_F64
FN f64 progression_at(f64 start, f64 i, f64 step) {
  const f64 way = i * step;
  if (is_finite(way)) return start + way;
  const f64 half = i * (step / 2);
  return (start + half) + half;
}
FN f64 spaced_at(f64 start, f64 end, i64 i, i64 count) {
  if (count == 1) return start;
  const f64 gaps = (f64)(count - 1);
  const bool from_start = i < count / 2;
  const f64 steps = (f64)(from_start ? i : i - (count - 1));
  const f64 by = (end - start) / gaps, near = from_start ? start : end;
  if (is_finite(by)) return near + by * steps;
  const f64 half = (end / 2 - start / 2) / gaps * steps;
  return (near + half) + half;
}
#endif
