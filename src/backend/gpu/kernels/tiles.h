// Products of matrices by tiles, of matrices that need not be written down: result (m, n) of group
// z is the sum over k of left(z, m, k) * right(z, k, n). A group of 256 threads makes 16 x 16
// results; it brings 16 columns of the left and 16 rows of the right matrix into shared memory at a
// time. Sums of 16 products are added up. 16-bit floats are summed in f32.
//   Op::left<G, W>(b, p, z, m, k), Op::right<G, W>(b, p, z, k, n)
//   Op::store<G, W>(b, p, z, m, n, sum)
template <class G, class Op>
FN void tile_products(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                      SHARED typename G::Shared& s, Index groups, Index rows, Index columns,
                      Index depth) {
  typedef typename Work<typename G::T>::type W;
  const Index i = (Index)(k.tid / 16), j = (Index)(k.tid % 16);
  for (Index z = (Index)k.gz; z < groups; z += (Index)k.ngz) {
    for (Index m0 = (Index)k.gy * 16; m0 < rows; m0 += (Index)k.ngy * 16) {
      for (Index n0 = (Index)k.gx * 16; n0 < columns; n0 += (Index)k.ngx * 16) {
        const Index m = m0 + i, n = n0 + j;
        W sum = 0;
        for (Index k0 = 0; k0 < depth; k0 += 16) {
          W left = 0, right = 0, part = 0;
          if (m < rows && k0 + j < depth) left = Op::template left<G, W>(b, p, z, m, k0 + j);
          if (k0 + i < depth && n < columns) right = Op::template right<G, W>(b, p, z, k0 + i, n);
          s.left[i * 17 + j] = left;
          s.right[i * 17 + j] = right;
          BARRIER(k);
          for (Index q = 0; q < 16; ++q)
            part = op_add(part, op_mul(s.left[i * 17 + q], s.right[q * 17 + j]));
          sum = op_add(sum, part);
          BARRIER(k);
        }
        if (m < rows && n < columns) Op::template store<G, W>(b, p, z, m, n, sum);
      }
    }
  }
}

// out[m, n] = sum over k of x[m, k] * w[n, k], and the bias.
//   G::x_row(p, m)       where row m of x begins
//   G::bias(b, p, n)
struct LinearRows {
  template <class G, class W>
  static FN W left(typename G::Buffers b, CONSTANT const typename G::Params& p, Index, Index m,
                   Index k) {
    return widen(b.x[G::x_row(p, m) + k * (Index)p.x_column]);
  }
  template <class G, class W>
  static FN W right(typename G::Buffers b, CONSTANT const typename G::Params& p, Index, Index k,
                    Index n) {
    return widen(b.w[n * (Index)p.w_row + k * (Index)p.w_column]);
  }
  template <class G, class W>
  static FN void store(typename G::Buffers b, CONSTANT const typename G::Params& p, Index, Index m,
                       Index n, W sum) {
    b.out[m * (Index)p.columns + n] = To<typename G::T>::of(op_add(sum, (W)G::bias(b, p, n)));
  }
};

template <class G>
FN void linear(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
               SHARED typename G::Shared& s) {
  tile_products<G, LinearRows>(k, b, p, s, 1, (Index)p.rows, (Index)p.columns, (Index)p.depth);
}
