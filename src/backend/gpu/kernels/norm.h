// Normalisation of rows: elements less their row's mean, over the root of its variance. A row is
// what shares a mean: a channel of batch_norm, the last dimensions of layer_norm. One group makes
// one.
//   G::T, G::W                      element type, what it is computed in
//   G::x_row(p, row), x_in(p, j)    where a row of x begins, how far from there element j is; the
//   g_row, g_in, out_row, out_in    same of the gradient and of the result
//   G::inner(b, p, row, j)          the weight of element j, if each has its own, else 1
//   G::outer(b, p, row)             the weight of the row, if it has one, else 1
//   G::bias(b, p, row, j)           what is added in the end
//   G::mean(b, p, row), var(…)      the statistics, for gradients
//   G::store_sums(b, row, gx, g)    takes the row's sums of gradient * normalized, and of gradients
// Parameters: rows, count (of a row), eps.

template <class G>
FN void norm(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
             SHARED typename G::Shared& s) {
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  const Index count = (Index)p.count, first = (Index)k.tid, step = (Index)k.nthreads;
  for (Index row = (Index)k.gx; row < (Index)p.rows; row += (Index)k.ngx) {
    const Index from = G::x_row(p, row), to = G::out_row(p, row);
    typename Fold::Acc acc = Fold::start();
    for (Index j = first; j < count; j += step)
      acc = Fold::add(acc, widen(b.x[from + G::x_in(p, j)]), 0);
    s.one[k.tid] = acc;
    join_group<Fold>(k, s.one);
    const W mean = Fold::mean(s.one[0], (i64)count);
    acc = Fold::start();
    for (Index j = first; j < count; j += step) {
      const W centered = widen(b.x[from + G::x_in(p, j)]) - mean;
      acc = Fold::add(acc, centered * centered, 0);
    }
    s.two[k.tid] = acc;
    join_group<Fold>(k, s.two);
    const W var = Fold::mean(s.two[0], (i64)count);
    const W rstd = (W)1 / m_sqrt(var + (W)p.eps);
    for (Index j = first; j < count; j += step) {
      const W scaled = (widen(b.x[from + G::x_in(p, j)]) - mean) * rstd;
      b.out[to + G::out_in(p, j)] = To<typename G::T>::of(
          scaled * (G::inner(b, p, row, j) * G::outer(b, p, row)) + G::bias(b, p, row, j));
    }
    if (k.tid == 0) {
      b.mean_out[row] = mean;
      b.var_out[row] = var;
    }
  }
}

template <class G>
FN void norm_backward(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                      SHARED typename G::Shared& s) {
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  const Index count = (Index)p.count, first = (Index)k.tid, step = (Index)k.nthreads;
  for (Index row = (Index)k.gx; row < (Index)p.rows; row += (Index)k.ngx) {
    const Index from = G::x_row(p, row), grad = G::g_row(p, row), to = G::out_row(p, row);
    const W mean = G::mean(b, p, row), rstd = (W)1 / m_sqrt(G::var(b, p, row) + (W)p.eps);
    typename Fold::Acc sum = Fold::start(), with_x = Fold::start();
    for (Index j = first; j < count; j += step) {
      const W g = widen(b.g[grad + G::g_in(p, j)]) * G::inner(b, p, row, j);
      sum = Fold::add(sum, g, 0);
      with_x = Fold::add(with_x, g * ((widen(b.x[from + G::x_in(p, j)]) - mean) * rstd), 0);
    }
    s.one[k.tid] = sum;
    join_group<Fold>(k, s.one);
    s.two[k.tid] = with_x;
    join_group<Fold>(k, s.two);
    const W mean_g = Fold::mean(s.one[0], (i64)count);
    const W mean_gx = Fold::mean(s.two[0], (i64)count);
    for (Index j = first; j < count; j += step) {
      const W normalized = (widen(b.x[from + G::x_in(p, j)]) - mean) * rstd;
      const W g = widen(b.g[grad + G::g_in(p, j)]) * G::inner(b, p, row, j);
      b.out[to + G::out_in(p, j)] =
          To<typename G::T>::of((g - mean_g - normalized * mean_gx) * (rstd * G::outer(b, p, row)));
    }
    if (k.tid == 0) G::store_sums(b, row, Fold::total(s.two[0]), Fold::total(s.one[0]));
    BARRIER(k);  // the next row's sums take the places of these
  }
}

// The gradients of a weight and a bias that each element of a row has: sums over all rows, of 32
// elements by one group. A warp's threads go through the same rows.
template <class G>
FN void norm_columns(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                     SHARED typename G::Shared& s) {
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  const Index count = (Index)p.count, rows = (Index)p.rows, warps = (Index)(k.nthreads / 32);
  const Index lane = (Index)(k.tid % 32), warp = (Index)(k.tid / 32);
  for (Index block = (Index)k.gx * 32; block < count; block += (Index)k.ngx * 32) {
    const Index j = block + lane;
    typename Fold::Acc sum = Fold::start(), with_x = Fold::start();
    for (Index row = warp; row < rows && j < count; row += warps) {
      const W rstd = (W)1 / m_sqrt(G::var(b, p, row) + (W)p.eps);
      const W x = widen(b.x[G::x_row(p, row) + G::x_in(p, j)]) - G::mean(b, p, row);
      const W g = widen(b.g[G::g_row(p, row) + G::g_in(p, j)]);
      sum = Fold::add(sum, g, 0);
      with_x = Fold::add(with_x, g * (x * rstd), 0);
    }
    s.one[k.tid] = sum;
    s.two[k.tid] = with_x;
    BARRIER(k);
    if (warp == 0 && j < count) {
      for (Index w = 1; w < warps; ++w) {
        sum = Fold::join(sum, s.one[w * 32 + lane]);
        with_x = Fold::join(with_x, s.two[w * 32 + lane]);
      }
      b.dweight[j] = To<typename G::V>::of(Fold::total(with_x));
      b.dbias[j] = To<typename G::V>::of(Fold::total(sum));
    }
    BARRIER(k);
  }
}
