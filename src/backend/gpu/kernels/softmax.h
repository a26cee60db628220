// softmax, log_softmax and their kin along lines: the largest element, the sum of exponentials and
// the result in one launch. Sums are held in f32 or f64.
//   G::T                        the element type
//   G::is_log()                 the logarithm of it
//   G::from(p, line), to(p, line)  where a line of x, of the result begins
// Parameters: lines, length, and the steps within lines, from_stride and to_stride.

template <class G, class W>
FN typename G::T softmax_of(W centered, W total) {
  const W y = G::is_log() ? centered - m_log(total) : m_exp(centered) / total;
  return To<typename G::T>::of(y);
}

// One thread makes a line: for short ones.
template <class G>
FN void softmax_thread(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename Work<typename G::T>::type W;
  typedef FloatSum<W> Fold;
  const Index length = (Index)p.length, stride = (Index)p.from_stride;
  for (Index line = (Index)(k.gx * k.nthreads + k.tid); line < (Index)p.lines;
       line += (Index)(k.ngx * k.nthreads)) {
    const Index from = G::from(p, line), to = G::to(p, line);
    W top = widen(b.x[from]);
    for (Index i = 1; i < length; ++i) top = op_maximum(top, (W)widen(b.x[from + i * stride]));
    typename Fold::Acc sum = Fold::start();
    for (Index i = 0; i < length; ++i)
      sum = Fold::add(sum, m_exp(widen(b.x[from + i * stride]) - top), 0);
    const W total = Fold::total(sum);
    for (Index i = 0; i < length; ++i)
      b.out[to + i * (Index)p.to_stride] =
          softmax_of<G, W>(widen(b.x[from + i * stride]) - top, total);
  }
}

template <class G>
FN void softmax_group(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                      SHARED typename G::Shared& s) {
  typedef typename Work<typename G::T>::type W;
  typedef FloatSum<W> Fold;
  const Index length = (Index)p.length, stride = (Index)p.from_stride;
  const Index first = (Index)k.tid, step = (Index)k.nthreads;
  for (Index line = (Index)k.gx; line < (Index)p.lines; line += (Index)k.ngx) {
    const Index from = G::from(p, line), to = G::to(p, line);
    typename Largest<W>::Acc top = Largest<W>::start();
    for (Index i = first; i < length; i += step)
      top = Largest<W>::add(top, widen(b.x[from + i * stride]), 0);
    s.top[k.tid] = top;
    join_group<Largest<W>>(k, s.top);
    top = s.top[0];
    typename Fold::Acc sum = Fold::start();
    for (Index i = first; i < length; i += step)
      sum = Fold::add(sum, m_exp(widen(b.x[from + i * stride]) - top.value), 0);
    s.sum[k.tid] = sum;
    join_group<Fold>(k, s.sum);
    const W total = Fold::total(s.sum[0]);
    for (Index i = first; i < length; i += step)
      b.out[to + i * (Index)p.to_stride] =
          softmax_of<G, W>(widen(b.x[from + i * stride]) - top.value, total);
  }
}
