// Stable sorting of the elements of lines by merging: elements stay where they are, their numbers
// within the line, `Place`, are put in order.
//   G::before(b, p, line, i, j)  element i of a line has to come before element j
// Parameters: lines, length, and for sort_blocks `blocks`, groups of threads a line; for sort_merge
// `width`, of the runs that are in order.

// NaN is larger than everything.
template <class W>
FN bool less_than(W x, W y) {
  if (is_nan(x) || is_nan(y)) return !is_nan(x) && is_nan(y);
  return x < y;
}

// Where the i-th of `count` places belongs when each two runs of `width` become one: as far behind
// its run's beginning as elements of both runs come before it.
template <class G, class Places>
FN Index merged(typename G::Buffers b, CONSTANT const typename G::Params& p, Index line,
                Places places, Index i, Index width, Index count) {
  const Index pair = i - i % (2 * width);
  const bool is_left = i - pair < width;
  const Index middle = pair + width < count ? pair + width : count;
  const Index begin = is_left ? middle : pair;
  const Index rest = count - middle < width ? count : middle + width;
  Index low = begin, high = is_left ? rest : middle;
  const Index own = (Index)places[i];
  while (low < high) {
    const Index mid = low + (high - low) / 2;
    const Index other = (Index)places[mid];
    // Of equals those of the left run are first.
    const bool precedes =
        is_left ? G::before(b, p, line, other, own) : !G::before(b, p, line, own, other);
    if (precedes)
      low = mid + 1;
    else
      high = mid;
  }
  return (is_left ? i : i - width) + (low - begin);
}

// Runs of as many elements as a group has threads.
template <class G>
FN void sort_blocks(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p,
                    SHARED typename G::Shared& s) {
  typedef typename G::Place Place;
  const Index length = (Index)p.length, blocks = (Index)p.blocks;
  const Index i = (Index)k.tid, size = (Index)k.nthreads;
  for (Index g = (Index)k.gx; g < (Index)p.lines * blocks; g += (Index)k.ngx) {
    const Index line = g / blocks, first = g % blocks * size;
    const Index count = length - first < size ? length - first : size;
    if (i < count) s.from[i] = (Place)(first + i);
    BARRIER(k);
    for (Index width = 1; width < count; width *= 2) {
      if (i < count)
        s.to[merged<G, SHARED const Place*>(b, p, line, s.from, i, width, count)] = s.from[i];
      BARRIER(k);
      if (i < count) s.from[i] = s.to[i];
      BARRIER(k);
    }
    if (i < count) b.to[line * length + first + i] = s.from[i];
  }
}

template <class G>
FN void sort_merge(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename G::Place Place;
  const Index length = (Index)p.length, n = (Index)p.lines * length;
  const Index step = (Index)(k.ngx * k.nthreads);
  for (Index e = (Index)(k.gx * k.nthreads + k.tid); e < n; e += step) {
    const Index line = e / length, begin = line * length;
    const Index to = merged<G, GLOBAL const Place*>(b, p, line, b.from + begin, e - begin,
                                                    (Index)p.width, length);
    b.to[begin + to] = b.from[e];
  }
}
