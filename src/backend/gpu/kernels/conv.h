// conv2d and its gradients, straight from the definition: one thread adds up one element of the
// result, of a filter's gradient one group. Of images and filters of any strides; the result is
// row-major.
//   G::T             the element type; sums are held in f32 or f64
//   G::bias(b, p, o) what the sum of output channel o begins with
// Parameters: sizes of images (channels, height, width), of gradients (out_height, out_width),
// filters (per_group input channels, kernel_height, kernel_width), group_outputs, and strides,
// NAME_0 to NAME_3, of the operands.

FN Index conv_place(Index at, Index stride, Index padding, Index k, Index dilation) {
  return at * stride - padding + k * dilation;
}
// The output position for which filter element k touches input position i, or -1.
FN Index conv_source(Index i, Index stride, Index padding, Index k, Index dilation, Index size) {
  const Index shifted = i + padding - k * dilation;
  if (shifted < 0 || shifted % stride != 0) return -1;
  const Index o = shifted / stride;
  return o < size ? o : -1;
}

template <class G>
FN void conv2d(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename Work<typename G::T>::type W;
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    Index rest = i;
    const Index ow = rest % (Index)p.out_width;
    rest = rest / (Index)p.out_width;
    const Index oh = rest % (Index)p.out_height;
    rest = rest / (Index)p.out_height;
    const Index o = rest % (Index)p.outputs, image = rest / (Index)p.outputs;
    const Index first = o / (Index)p.group_outputs * (Index)p.per_group;
    W sum = G::bias(b, p, o);
    for (Index c = 0; c < (Index)p.per_group; ++c)
      for (Index y = 0; y < (Index)p.kernel_height; ++y) {
        const Index h =
            conv_place(oh, (Index)p.stride_0, (Index)p.padding_0, y, (Index)p.dilation_0);
        if (h < 0 || h >= (Index)p.height) continue;
        for (Index x = 0; x < (Index)p.kernel_width; ++x) {
          const Index v =
              conv_place(ow, (Index)p.stride_1, (Index)p.padding_1, x, (Index)p.dilation_1);
          if (v < 0 || v >= (Index)p.width) continue;
          sum +=
              widen(b.x[image * (Index)p.x_0 + (first + c) * (Index)p.x_1 + h * (Index)p.x_2 +
                        v * (Index)p.x_3]) *
              widen(b.w[o * (Index)p.w_0 + c * (Index)p.w_1 + y * (Index)p.w_2 + x * (Index)p.w_3]);
        }
      }
    b.out[i] = To<typename G::T>::of(sum);
  }
}

template <class G>
FN void conv2d_backward_input(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename Work<typename G::T>::type W;
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    Index rest = i;
    const Index v = rest % (Index)p.width;
    rest = rest / (Index)p.width;
    const Index h = rest % (Index)p.height;
    rest = rest / (Index)p.height;
    const Index channel = rest % (Index)p.channels, image = rest / (Index)p.channels;
    const Index c = channel % (Index)p.per_group;
    const Index first = channel / (Index)p.per_group * (Index)p.group_outputs;
    W sum = 0;
    for (Index o = first; o < first + (Index)p.group_outputs; ++o)
      for (Index y = 0; y < (Index)p.kernel_height; ++y) {
        const Index oh = conv_source(h, (Index)p.stride_0, (Index)p.padding_0, y,
                                     (Index)p.dilation_0, (Index)p.out_height);
        if (oh < 0) continue;
        for (Index x = 0; x < (Index)p.kernel_width; ++x) {
          const Index ow = conv_source(v, (Index)p.stride_1, (Index)p.padding_1, x,
                                       (Index)p.dilation_1, (Index)p.out_width);
          if (ow < 0) continue;
          sum +=
              widen(b.g[image * (Index)p.g_0 + o * (Index)p.g_1 + oh * (Index)p.g_2 +
                        ow * (Index)p.g_3]) *
              widen(b.w[o * (Index)p.w_0 + c * (Index)p.w_1 + y * (Index)p.w_2 + x * (Index)p.w_3]);
        }
      }
    b.out[i] = To<typename G::T>::of(sum);
  }
}

// One group of threads adds up one element of the filters' gradient: the sum is over all images.
template <class G>
FN void conv2d_backward_weight(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                               SHARED typename G::Shared& s) {
  typedef FloatSum<typename Work<typename G::T>::type> Fold;
  const Index n = (Index)p.n;
  for (Index i = (Index)k.gx; i < n; i += (Index)k.ngx) {
    Index rest = i;
    const Index x = rest % (Index)p.kernel_width;
    rest = rest / (Index)p.kernel_width;
    const Index y = rest % (Index)p.kernel_height;
    rest = rest / (Index)p.kernel_height;
    const Index c = rest % (Index)p.per_group, o = rest / (Index)p.per_group;
    const Index channel = o / (Index)p.group_outputs * (Index)p.per_group + c;
    typename Fold::Acc acc = Fold::start();
    for (Index j = (Index)k.tid; j < (Index)p.count; j += (Index)k.nthreads) {
      const Index ow = j % (Index)p.out_width, row = j / (Index)p.out_width;
      const Index oh = row % (Index)p.out_height, image = row / (Index)p.out_height;
      const Index h = conv_place(oh, (Index)p.stride_0, (Index)p.padding_0, y, (Index)p.dilation_0);
      const Index v = conv_place(ow, (Index)p.stride_1, (Index)p.padding_1, x, (Index)p.dilation_1);
      if (h < 0 || h >= (Index)p.height || v < 0 || v >= (Index)p.width) continue;
      acc = Fold::add(acc,
                      widen(b.g[image * (Index)p.g_0 + o * (Index)p.g_1 + oh * (Index)p.g_2 +
                                ow * (Index)p.g_3]) *
                          widen(b.x[image * (Index)p.x_0 + channel * (Index)p.x_1 +
                                    h * (Index)p.x_2 + v * (Index)p.x_3]),
                      0);
    }
    s.acc[k.tid] = acc;
    BARRIER(k);
    for (u32 apart = k.nthreads / 2; apart > 0; apart /= 2) {
      if (k.tid < apart) s.acc[k.tid] = Fold::join(s.acc[k.tid], s.acc[k.tid + apart]);
      BARRIER(k);
    }
    if (k.tid == 0) b.out[i] = To<typename G::T>::of(Fold::total(s.acc[0]));
  }
}

// -- By tiles -------------------------------------------------------------------------------------
//
// The same as products of matrices, by kernels/tiles.h.

// Where row (o, c, y, x) of the filters is, c counting within the group.
template <class G>
FN Index filter_place(CONSTANT const typename G::Params& p, Index o, Index c, Index y, Index x) {
  return o * (Index)p.w_0 + c * (Index)p.w_1 + y * (Index)p.w_2 + x * (Index)p.w_3;
}
// Position `at` of kernel element (y, x) for result n = (image, oh, ow); -1 in the padding.
template <class G>
FN Index image_place(CONSTANT const typename G::Params& p, Index channel, Index y, Index x,
                     Index n) {
  const Index ow = n % (Index)p.out_width, row = n / (Index)p.out_width;
  const Index oh = row % (Index)p.out_height, image = row / (Index)p.out_height;
  const Index h = conv_place(oh, (Index)p.stride_0, (Index)p.padding_0, y, (Index)p.dilation_0);
  const Index v = conv_place(ow, (Index)p.stride_1, (Index)p.padding_1, x, (Index)p.dilation_1);
  if (h < 0 || h >= (Index)p.height || v < 0 || v >= (Index)p.width) return -1;
  return image * (Index)p.x_0 + channel * (Index)p.x_1 + h * (Index)p.x_2 + v * (Index)p.x_3;
}

// Rows are a group's output channels, columns the results' positions, k goes through a filter.
struct ConvForward {
  template <class G, class W>
  static FN W left(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z, Index m,
                   Index k) {
    const Index x = k % (Index)p.kernel_width, row = k / (Index)p.kernel_width;
    return widen(
        b.w[filter_place<G>(p, z * (Index)p.group_outputs + m, row / (Index)p.kernel_height,
                            row % (Index)p.kernel_height, x)]);
  }
  template <class G, class W>
  static FN W right(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z, Index k,
                    Index n) {
    const Index x = k % (Index)p.kernel_width, row = k / (Index)p.kernel_width;
    const Index channel = z * (Index)p.per_group + row / (Index)p.kernel_height;
    const Index at = image_place<G>(p, channel, row % (Index)p.kernel_height, x, n);
    return at < 0 ? (W)0 : (W)widen(b.x[at]);
  }
  template <class G, class W>
  static FN void store(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z,
                       Index m, Index n, W sum) {
    const Index positions = (Index)p.out_height * (Index)p.out_width;
    const Index o = z * (Index)p.group_outputs + m;
    const Index to = (n / positions * (Index)p.outputs + o) * positions + n % positions;
    b.out[to] = To<typename G::T>::of(sum + G::bias(b, p, o));
  }
};

// Rows are a group's input channels, columns the image's positions, k goes through output channels
// and kernel elements.
struct ConvBackwardInput {
  template <class G, class W>
  static FN W left(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z, Index m,
                   Index k) {
    const Index x = k % (Index)p.kernel_width, row = k / (Index)p.kernel_width;
    return widen(b.w[filter_place<G>(p, z * (Index)p.group_outputs + row / (Index)p.kernel_height,
                                     m, row % (Index)p.kernel_height, x)]);
  }
  template <class G, class W>
  static FN W right(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z, Index k,
                    Index n) {
    const Index x = k % (Index)p.kernel_width, row = k / (Index)p.kernel_width;
    const Index o = z * (Index)p.group_outputs + row / (Index)p.kernel_height;
    const Index v = n % (Index)p.width, line = n / (Index)p.width;
    const Index h = line % (Index)p.height, image = line / (Index)p.height;
    const Index oh =
        conv_source(h, (Index)p.stride_0, (Index)p.padding_0, row % (Index)p.kernel_height,
                    (Index)p.dilation_0, (Index)p.out_height);
    const Index ow = conv_source(v, (Index)p.stride_1, (Index)p.padding_1, x, (Index)p.dilation_1,
                                 (Index)p.out_width);
    if (oh < 0 || ow < 0) return 0;
    return widen(
        b.g[image * (Index)p.g_0 + o * (Index)p.g_1 + oh * (Index)p.g_2 + ow * (Index)p.g_3]);
  }
  template <class G, class W>
  static FN void store(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z,
                       Index m, Index n, W sum) {
    const Index positions = (Index)p.height * (Index)p.width;
    const Index channel = z * (Index)p.per_group + m;
    b.out[(n / positions * (Index)p.channels + channel) * positions + n % positions] =
        To<typename G::T>::of(sum);
  }
};

// Rows are a group's output channels, columns a filter's elements, k goes through the results.
struct ConvBackwardWeight {
  template <class G, class W>
  static FN W left(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z, Index m,
                   Index k) {
    const Index ow = k % (Index)p.out_width, row = k / (Index)p.out_width;
    const Index oh = row % (Index)p.out_height, image = row / (Index)p.out_height;
    return widen(b.g[image * (Index)p.g_0 + (z * (Index)p.group_outputs + m) * (Index)p.g_1 +
                     oh * (Index)p.g_2 + ow * (Index)p.g_3]);
  }
  template <class G, class W>
  static FN W right(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z, Index k,
                    Index n) {
    const Index x = n % (Index)p.kernel_width, row = n / (Index)p.kernel_width;
    const Index channel = z * (Index)p.per_group + row / (Index)p.kernel_height;
    const Index at = image_place<G>(p, channel, row % (Index)p.kernel_height, x, k);
    return at < 0 ? (W)0 : (W)widen(b.x[at]);
  }
  template <class G, class W>
  static FN void store(typename G::Buffers b, CONSTANT const typename G::Params& p, Index z,
                       Index m, Index n, W sum) {
    const Index columns = (Index)p.per_group * (Index)p.kernel_height * (Index)p.kernel_width;
    b.out[(z * (Index)p.group_outputs + m) * columns + n] = To<typename G::T>::of(sum);
  }
};

// One of these: Op is G::Op; parameters groups, rows, columns, depth.
template <class G>
FN void conv2d_tiles(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                     SHARED typename G::Shared& s) {
  tile_products<G, typename G::Op>(k, b, p, s, (Index)p.groups, (Index)p.rows, (Index)p.columns,
                                   (Index)p.depth);
}
