// Reductions: many elements become one. G says which elements and what is done with them:
//   G::Fold                        a fold of kernels/fold.h
//   G::kept_at(p, o)               where the first element of output o is
//   G::reduced_at(p, j)            how far from there its element j is
//   G::value(b, at)                the element there
//   G::store(b, p, o, acc)         writes output o
// The order of the additions depends on how many elements there are, on nothing else.

// One thread makes an output: for few elements each.
template <class G>
FN void reduce_thread(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename G::Fold Fold;
  const Index n = (Index)p.n, count = (Index)p.count, step = (Index)(k.ngx * k.nthreads);
  for (Index o = (Index)(k.gx * k.nthreads + k.tid); o < n; o += step) {
    const Index first = G::kept_at(p, o);
    typename Fold::Acc acc = Fold::start();
    for (Index j = 0; j < count; ++j)
      acc = Fold::add(acc, G::value(b, first + G::reduced_at(p, j)), (i64)j);
    G::store(b, p, o, acc);
  }
}

// The threads of a group make an output together: each takes every nthreads-th element, then half
// of them joins the other half's, until one is left.
template <class G>
FN void reduce_group(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                     SHARED typename G::Shared& s) {
  typedef typename G::Fold Fold;
  const Index n = (Index)p.n, count = (Index)p.count;
  for (Index o = (Index)k.gx; o < n; o += (Index)k.ngx) {
    const Index first = G::kept_at(p, o);
    typename Fold::Acc acc = Fold::start();
    for (Index j = (Index)k.tid; j < count; j += (Index)k.nthreads)
      acc = Fold::add(acc, G::value(b, first + G::reduced_at(p, j)), (i64)j);
    s.acc[k.tid] = acc;
    BARRIER(k);
    for (u32 apart = k.nthreads / 2; apart > 0; apart /= 2) {
      if (k.tid < apart) s.acc[k.tid] = Fold::join(s.acc[k.tid], s.acc[k.tid + apart]);
      BARRIER(k);
    }
    // The next output may begin: acc[0] is this thread's, and the others have been read.
    if (k.tid == 0) G::store(b, p, o, s.acc[0]);
  }
}
