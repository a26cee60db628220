// Elements put into the places that indices name, or joined with what is there: each element of the
// result looks for its own, in the order of their numbers, so that no two threads write one.
//   G::Fold                     add(acc, x, j) takes in an element
//   G::start(b, p, i)           the accumulator of element i before
//   G::line(p, i)               the line of indices that may name it, -1 if there is none
//   G::wanted(p, i)             the index that names it
//   G::key(b, p, line, j)       index j of a line
//   G::value(b, p, i, line, j)  the element that index j brings to element i
//   G::store(b, i, acc)         writes element i
// b.places: the numbers of each line's indices in ascending order of these, p.length a line.
template <class T>
struct Last {
  struct Acc {
    T value;
  };
  static FN Acc add(Acc, T x, i64) { return Acc{x}; }
};
// NaN wins.
template <class W, bool largest>
struct Extreme {
  struct Acc {
    W value;
  };
  static FN Acc add(Acc a, W x, i64) {
    return (largest ? x > a.value : x < a.value) || is_nan(x) ? Acc{x} : a;
  }
};

template <class G>
FN void put(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename G::Fold Fold;
  const Index n = (Index)p.n, length = (Index)p.length, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    typename Fold::Acc acc = G::start(b, p, i);
    const Index line = G::line(p, i);
    if (line >= 0) {
      const i64 wanted = G::wanted(p, i);
      const Index begin = line * length;
      Index low = 0, high = length;
      while (low < high) {
        const Index mid = low + (high - low) / 2;
        if (G::key(b, p, line, (Index)b.places[begin + mid]) < wanted)
          low = mid + 1;
        else
          high = mid;
      }
      for (; low < length; ++low) {
        const Index j = (Index)b.places[begin + low];
        if (G::key(b, p, line, j) != wanted) break;
        acc = Fold::add(acc, G::value(b, p, i, line, j), (i64)low);
      }
    }
    G::store(b, i, acc);
  }
}
