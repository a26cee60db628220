// out[z, m, n] = sum over k of a[z, m, k] * b[z, k, n], by tiles of 16 x 16: a group of 256 threads
// brings 16 columns of a's rows and 16 rows of b's columns into shared memory, then each thread
// adds up its own element. 16-bit floats are summed in f32.
//   G::T                  the element type
//   G::a_batch(p, z)      where batch z of a (b) begins
template <class G>
FN void matmul(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
               SHARED typename G::Shared& s) {
  typedef typename G::T T;
  typedef typename Work<T>::type W;
  const Index rows = (Index)p.rows, columns = (Index)p.columns, depth = (Index)p.depth;
  const Index i = (Index)(k.tid / 16), j = (Index)(k.tid % 16);
  for (Index z = (Index)k.gz; z < (Index)p.batches; z += (Index)k.ngz) {
    const Index a_at = G::a_batch(p, z), b_at = G::b_batch(p, z);
    for (Index m0 = (Index)k.gy * 16; m0 < rows; m0 += (Index)k.ngy * 16) {
      for (Index n0 = (Index)k.gx * 16; n0 < columns; n0 += (Index)k.ngx * 16) {
        const Index m = m0 + i, n = n0 + j;
        W sum = 0;
        for (Index k0 = 0; k0 < depth; k0 += 16) {
          const Index ka = k0 + j, kb = k0 + i;
          s.a[i * 17 + j] = m < rows && ka < depth
                                ? widen(b.a[a_at + m * (Index)p.a_row + ka * (Index)p.a_column])
                                : 0;
          s.b[i * 17 + j] = kb < depth && n < columns
                                ? widen(b.b[b_at + kb * (Index)p.b_row + n * (Index)p.b_column])
                                : 0;
          BARRIER(k);
          for (Index q = 0; q < 16; ++q)
            sum = op_add(sum, op_mul(s.a[i * 17 + q], s.b[q * 17 + j]));
          BARRIER(k);
        }
        if (m < rows && n < columns) b.out[(z * rows + m) * columns + n] = To<T>::of(sum);
      }
    }
  }
}
