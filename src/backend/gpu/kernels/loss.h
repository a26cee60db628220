// cross_entropy of rows of logits and its gradient. A group of threads takes a row: the largest
// logit, the sum of exponentials, and what comes of them.
//   G::T, G::W                 element type, what it is computed in
//   G::x_row(p, row)           where a row of logits begins, p.class_stride from one to the next
//   G::target(b, p, row)       its label
//   G::grad(b, p, row)         the loss's gradient, of the row's or of all rows' loss
//   G::smooths()               part of the weight goes to all classes alike
//   G::per_row(), averages()   what becomes of the rows' losses
// Parameters: rows, classes, ignored (the label that does not count), and in type W: keep, the
// weight of the label, and each, that of a class.

template <class G>
struct LogitSums {
  typename G::W top, total;
};

// Of one row; all threads of a group get it.
template <class G>
FN LogitSums<G> logit_sums(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                           SHARED typename G::Shared& s, Index from) {
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  typename Largest<W>::Acc top = Largest<W>::start();
  for (Index c = (Index)k.tid; c < (Index)p.classes; c += (Index)k.nthreads)
    top = Largest<W>::add(top, widen(b.x[from + c * (Index)p.class_stride]), 0);
  s.top[k.tid] = top;
  join_group<Largest<W>>(k, s.top);
  const W largest = s.top[0].value;
  typename Fold::Acc sum = Fold::start();
  for (Index c = (Index)k.tid; c < (Index)p.classes; c += (Index)k.nthreads)
    sum = Fold::add(sum, m_exp(widen(b.x[from + c * (Index)p.class_stride]) - largest), 0);
  s.sum[k.tid] = sum;
  join_group<Fold>(k, s.sum);
  return LogitSums<G>{largest, Fold::total(s.sum[0])};
}

template <class G>
FN void cross_entropy(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                      SHARED typename G::Shared& s) {
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  for (Index row = (Index)k.gx; row < (Index)p.rows; row += (Index)k.ngx) {
    const Index from = G::x_row(p, row);
    const LogitSums<G> sums = logit_sums<G>(k, b, p, s, from);
    W all = 0;
    if (G::smooths()) {
      typename Fold::Acc sum = Fold::start();
      for (Index c = (Index)k.tid; c < (Index)p.classes; c += (Index)k.nthreads)
        sum = Fold::add(
            sum, widen(b.x[from + c * (Index)p.class_stride]) - sums.top - m_log(sums.total), 0);
      s.all[k.tid] = sum;
      join_group<Fold>(k, s.all);
      all = Fold::total(s.all[0]);
    }
    if (k.tid == 0) {
      const i64 label = G::target(b, p, row);
      W loss = 0;
      if (label != p.ignored && label >= 0 && label < p.classes) {
        loss = -(widen(b.x[from + (Index)label * (Index)p.class_stride]) - sums.top -
                 m_log(sums.total));
        if (G::smooths()) loss = loss * (W)p.keep - all * (W)p.each;
      }
      G::store(b, row, loss);
    }
    BARRIER(k);  // the next row's sums take the places of these
  }
}

// How many labels count, and for the loss the sum of the rows' losses: one group.
template <class G>
FN void cross_entropy_total(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                            SHARED typename G::Shared& s) {
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  typename Fold::Acc sum = Fold::start();
  typename IntegerSum::Acc count = IntegerSum::start();
  for (Index row = (Index)k.tid; row < (Index)p.rows; row += (Index)k.nthreads) {
    sum = Fold::add(sum, G::loss(b, row), 0);
    count = IntegerSum::add(count, G::target(b, p, row) != p.ignored ? 1 : 0, 0);
  }
  s.sum[k.tid] = sum;
  s.count[k.tid] = count;
  join_group<Fold>(k, s.sum);
  join_group<IntegerSum>(k, s.count);
  if (k.tid == 0) G::finish(b, Fold::total(s.sum[0]), (W)s.count[0].sum);
}

template <class G>
FN void cross_entropy_backward(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                               SHARED typename G::Shared& s) {
  typedef typename G::W W;
  for (Index row = (Index)k.gx; row < (Index)p.rows; row += (Index)k.ngx) {
    const Index from = G::x_row(p, row), to = G::out_row(p, row);
    const LogitSums<G> sums = logit_sums<G>(k, b, p, s, from);
    const i64 label = G::target(b, p, row);
    const W g = G::grad(b, p, row);
    for (Index c = (Index)k.tid; c < (Index)p.classes; c += (Index)k.nthreads) {
      W d = m_exp(widen(b.x[from + c * (Index)p.class_stride]) - sums.top) / sums.total;
      if ((i64)c == label) d = d - (W)p.keep;
      if (G::smooths()) d = d - (W)p.each;
      b.out[to + c * (Index)p.out_stride] =
          To<typename G::T>::of(label != p.ignored ? d * g : (W)0);
    }
    BARRIER(k);  // the next row's sums take the places of these
  }
}
