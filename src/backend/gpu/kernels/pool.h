// Pooling: one thread makes one element. Windows are of a fixed size, or adaptive: window o of n
// over `size` elements is [o * size / n, ceil((o + 1) * size / n)). Of operands of any strides; the
// result is row-major.
//   G::T            the element type
//   G::adaptive()   which of the two windows are
// Parameters, for axis 0 and 1: in_size, out_size, kernel, stride, padding, dilation; channels;
// strides, NAME_0 to NAME_3, of the operands.

struct Pool {
  Index in_size, out_size, extent, stride, padding, dilation;
};
template <class P>
FN Pool pool_axis_0(CONSTANT const P& p) {
  return Pool{(Index)p.in_size_0, (Index)p.out_size_0, (Index)p.kernel_0,
              (Index)p.stride_0,  (Index)p.padding_0,  (Index)p.dilation_0};
}
template <class P>
FN Pool pool_axis_1(CONSTANT const P& p) {
  return Pool{(Index)p.in_size_1, (Index)p.out_size_1, (Index)p.kernel_1,
              (Index)p.stride_1,  (Index)p.padding_1,  (Index)p.dilation_1};
}

// Elements first, first + step, … before end; an average divides by `count`.
struct Window {
  Index first, end, step, count;
};
FN Window pool_window(Pool a, Index o, bool adaptive, bool counts_padding) {
  if (adaptive) {
    const i64 size = a.in_size, n = a.out_size;
    const Index first = (Index)(o * size / n), end = (Index)(((o + 1) * size + n - 1) / n);
    return Window{first, end, 1, end - first};
  }
  const Index start = o * a.stride - a.padding;
  Index first = start;
  if (first < 0) first += (-first + a.dilation - 1) / a.dilation * a.dilation;
  const Index reach = start + (a.extent - 1) * a.dilation + 1;
  const Index end = reach < a.in_size ? reach : a.in_size;
  const Index padded = reach < a.in_size + a.padding ? reach : a.in_size + a.padding;
  return Window{first, end, a.dilation,
                counts_padding ? padded - start : (end > first ? end - first : 0)};
}
// The windows that may hold input position i: first to end.
FN Window pool_windows_of(Pool a, Index i, bool adaptive) {
  if (adaptive) {
    const i64 size = a.in_size, n = a.out_size;
    return Window{(Index)(i * n / size), (Index)(((i + 1) * n - 1) / size + 1), 1, 0};
  }
  const Index low = i + a.padding - (a.extent - 1) * a.dilation;
  const Index last = (i + a.padding) / a.stride;
  return Window{low > 0 ? (low + a.stride - 1) / a.stride : 0,
                last + 1 < a.out_size ? last + 1 : a.out_size, 1, 0};
}

struct PoolElement {
  Index image, channel, h, w;
};
FN PoolElement pool_element(Index i, Index channels, Index height, Index width) {
  PoolElement e;
  e.w = i % width;
  i = i / width;
  e.h = i % height;
  i = i / height;
  e.channel = i % channels;
  e.image = i / channels;
  return e;
}

template <class G>
FN void max_pool2d(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    const PoolElement e =
        pool_element(i, (Index)p.channels, (Index)p.out_size_0, (Index)p.out_size_1);
    const Window rows = pool_window(pool_axis_0(p), e.h, G::adaptive(), false);
    const Window columns = pool_window(pool_axis_1(p), e.w, G::adaptive(), false);
    const Index plane = e.image * (Index)p.x_0 + e.channel * (Index)p.x_1;
    bool found = false;
    typename G::T best = To<typename G::T>::of((i64)0);
    i64 place = 0;
    for (Index h = rows.first; h < rows.end; h += rows.step)
      for (Index w = columns.first; w < columns.end; w += columns.step) {
        const typename G::T x = b.x[plane + h * (Index)p.x_2 + w * (Index)p.x_3];
        if (found && !(widen(x) > widen(best)) && !is_nan(widen(x))) continue;
        best = x;
        place = (i64)h * p.in_size_1 + w;
        found = true;
      }
    b.out[i] = best;
    b.places[i] = place;
  }
}

template <class G>
FN void max_pool2d_backward(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename Work<typename G::T>::type W;
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    const PoolElement e =
        pool_element(i, (Index)p.channels, (Index)p.in_size_0, (Index)p.in_size_1);
    const Window rows = pool_windows_of(pool_axis_0(p), e.h, G::adaptive());
    const Window columns = pool_windows_of(pool_axis_1(p), e.w, G::adaptive());
    const i64 own = (i64)e.h * p.in_size_1 + e.w;
    W sum = 0;
    for (Index h = rows.first; h < rows.end; ++h)
      for (Index w = columns.first; w < columns.end; ++w) {
        const i64 place = b.places[e.image * (Index)p.places_0 + e.channel * (Index)p.places_1 +
                                   h * (Index)p.places_2 + w * (Index)p.places_3];
        if (place == own)
          sum = op_add(sum, (W)widen(b.g[e.image * (Index)p.g_0 + e.channel * (Index)p.g_1 +
                                         h * (Index)p.g_2 + w * (Index)p.g_3]));
      }
    b.out[i] = To<typename G::T>::of(sum);
  }
}

template <class W, class P>
FN W pool_divisor(CONSTANT const P& p, Window rows, Window columns) {
  return p.divisor != 0 ? (W)p.divisor : (W)((i64)rows.count * columns.count);
}

template <class G>
FN void avg_pool2d(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename Work<typename G::T>::type W;
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    const PoolElement e =
        pool_element(i, (Index)p.channels, (Index)p.out_size_0, (Index)p.out_size_1);
    const Window rows = pool_window(pool_axis_0(p), e.h, G::adaptive(), p.counts_padding != 0);
    const Window columns = pool_window(pool_axis_1(p), e.w, G::adaptive(), p.counts_padding != 0);
    const Index plane = e.image * (Index)p.x_0 + e.channel * (Index)p.x_1;
    W sum = 0;
    bool empty = true;
    for (Index h = rows.first; h < rows.end; ++h)
      for (Index w = columns.first; w < columns.end; ++w) {
        sum += widen(b.x[plane + h * (Index)p.x_2 + w * (Index)p.x_3]);
        empty = false;
      }
    b.out[i] = To<typename G::T>::of(empty ? (W)0 : sum / pool_divisor<W>(p, rows, columns));
  }
}

template <class G>
FN void avg_pool2d_backward(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename Work<typename G::T>::type W;
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    const PoolElement e =
        pool_element(i, (Index)p.channels, (Index)p.in_size_0, (Index)p.in_size_1);
    const Window over_rows = pool_windows_of(pool_axis_0(p), e.h, G::adaptive());
    const Window over_columns = pool_windows_of(pool_axis_1(p), e.w, G::adaptive());
    W sum = 0;
    for (Index h = over_rows.first; h < over_rows.end; ++h)
      for (Index w = over_columns.first; w < over_columns.end; ++w) {
        const Window rows = pool_window(pool_axis_0(p), h, G::adaptive(), p.counts_padding != 0);
        const Window columns = pool_window(pool_axis_1(p), w, G::adaptive(), p.counts_padding != 0);
        sum += widen(b.g[e.image * (Index)p.g_0 + e.channel * (Index)p.g_1 + h * (Index)p.g_2 +
                         w * (Index)p.g_3]) /
               pool_divisor<W>(p, rows, columns);
      }
    b.out[i] = To<typename G::T>::of(sum);
  }
}
