// Scans: what a fold has made of the elements of a line so far, for each of them.
//   G::Fold                       a fold of kernels/fold.h
//   G::value(b, p, line, i)       element i of a line
//   G::store(b, p, line, i, acc)  writes what elements 0 to i have come to
// The order of the additions depends on how long the lines are, on nothing else.

// The largest (smallest) element so far: the last of equals; the last NaN wins.
template <class W, bool largest>
struct Reached {
  struct Acc {
    W value;
    i64 position;
  };
  static FN Acc start() { return Acc{0, -1}; }
  static FN Acc add(Acc a, W x, i64 position) { return join(a, Acc{x, position}); }
  static FN Acc join(Acc a, Acc b) {
    if (b.position < 0) return a;
    if (a.position < 0 || is_nan(b.value)) return b;
    if (is_nan(a.value)) return a;
    return (largest ? b.value >= a.value : b.value <= a.value) ? b : a;
  }
};

// One thread goes through a line: for short ones.
template <class G>
FN void scan_thread(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename G::Fold Fold;
  const Index lines = (Index)p.lines, length = (Index)p.length;
  for (Index line = (Index)(k.gx * k.nthreads + k.tid); line < lines;
       line += (Index)(k.ngx * k.nthreads)) {
    typename Fold::Acc acc = Fold::start();
    for (Index i = 0; i < length; ++i) {
      acc = Fold::add(acc, G::value(b, p, line, i), (i64)i);
      G::store(b, p, line, i, acc);
    }
  }
}

// A group goes through a line: each thread adds up a part of it, the parts' sums are scanned, and
// each thread goes through its part again.
template <class G>
FN void scan_group(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                   SHARED typename G::Shared& s) {
  typedef typename G::Fold Fold;
  const Index length = (Index)p.length;
  const Index part = (length + (Index)k.nthreads - 1) / (Index)k.nthreads;
  const Index first = (Index)k.tid * part;
  const Index end = length - first < part ? length : first + part;
  for (Index line = (Index)k.gx; line < (Index)p.lines; line += (Index)k.ngx) {
    typename Fold::Acc acc = Fold::start();
    for (Index i = first; i < end; ++i) acc = Fold::add(acc, G::value(b, p, line, i), (i64)i);
    s.acc[k.tid] = acc;
    BARRIER(k);
    for (u32 far = 1; far < k.nthreads; far *= 2) {
      typename Fold::Acc joined = s.acc[k.tid];
      if (k.tid >= far) joined = Fold::join(s.acc[k.tid - far], joined);
      BARRIER(k);
      s.acc[k.tid] = joined;
      BARRIER(k);
    }
    acc = Fold::start();
    if (k.tid > 0) acc = s.acc[k.tid - 1];
    for (Index i = first; i < end; ++i) {
      acc = Fold::add(acc, G::value(b, p, line, i), (i64)i);
      G::store(b, p, line, i, acc);
    }
    BARRIER(k);  // the next line's sums take these ones' place
  }
}
