// Looks for the first element, in row-major order, that does not fit. One group looks at all.
//   G::at(p, i)        where element i is
//   G::fits(b, p, at)  whether that one fits
//   G::bits(b, at)     itself, for a message
// Writes two numbers: which one it is (n when all fit), and its bits.
template <class G>
FN void check(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
              SHARED typename G::Shared& s) {
  const Index n = (Index)p.n;
  Index first = n;
  for (Index i = (Index)k.tid; i < n && first == n; i += (Index)k.nthreads)
    if (!G::fits(b, p, G::at(p, i))) first = i;
  s.first[k.tid] = first;
  BARRIER(k);
  for (u32 apart = k.nthreads / 2; apart > 0; apart /= 2) {
    if (k.tid < apart && s.first[k.tid + apart] < s.first[k.tid])
      s.first[k.tid] = s.first[k.tid + apart];
    BARRIER(k);
  }
  if (k.tid == 0) {
    first = s.first[0];
    b.report[0] = (i64)first;
    b.report[1] = first < n ? G::bits(b, G::at(p, first)) : 0;
  }
}
