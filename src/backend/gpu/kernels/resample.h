// Resizing of images: each element of the result is a weighted sum of those that both axes' taps
// name; the gradient adds the same products the other way. The rules are those of
// backend/sampling.h; R is f64 where there is one.
//   G::T, G::R           element type, and what positions and weights are computed in
//   G::Rows, G::Columns  a rule for each axis
//   G::axis_0(p), axis_1(p)

// An axis: elements before and after, taps of a result, distance of results in elements.
template <class R>
struct Axis {
  Index in, out, width;
  R step;
  f32 near_step, near_offset;
  bool align;
};
template <class R>
struct Taps {
  R place, total;
  Index first, end;
};
template <class R>
struct Tap {
  Index at;
  R weight;
};

template <class R>
FN R resample_centre(Axis<R> a, Index o) {
  return a.align ? a.step * (R)o : a.step * ((R)o + (R)0.5f) - (R)0.5f;
}
template <class R>
FN Index resample_clamp(Axis<R> a, Index i) {
  return i < 0 ? 0 : i >= a.in ? a.in - 1 : i;
}

struct CopyRule {
  template <class R>
  static FN Taps<R> start(Axis<R>, Index o) {
    return Taps<R>{0, 1, o, o};
  }
  template <class R>
  static FN Tap<R> tap(Axis<R>, Taps<R> t, Index) {
    return Tap<R>{t.first, 1};
  }
};

// In f32 for every dtype.
struct NearestRule {
  template <class R>
  static FN Taps<R> start(Axis<R> a, Index o) {
    const f32 place = m_floor(((f32)o + a.near_offset) * a.near_step);
    return Taps<R>{0, 1, resample_clamp(a, (Index)place), 0};
  }
  template <class R>
  static FN Tap<R> tap(Axis<R>, Taps<R> t, Index) {
    return Tap<R>{t.first, 1};
  }
};

struct LinearRule {
  template <class R>
  static FN Taps<R> start(Axis<R> a, Index o) {
    const R centre = resample_centre(a, o), place = centre > 0 ? centre : 0;
    const Index first = resample_clamp(a, (Index)place);
    const R part = place - (R)first;
    return Taps<R>{part < 0 ? 0 : part > 1 ? 1 : part, 1, first, 0};
  }
  template <class R>
  static FN Tap<R> tap(Axis<R> a, Taps<R> t, Index k) {
    return Tap<R>{resample_clamp(a, t.first + k), k == 0 ? 1 - t.place : t.place};
  }
};

// Keys' cubic convolution kernel.
template <class R>
FN R resample_cubic(R x, R a) {
  x = m_fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

struct CubicRule {
  template <class R>
  static FN Taps<R> start(Axis<R> a, Index o) {
    const R centre = resample_centre(a, o), first = m_floor(centre);
    return Taps<R>{centre - first, 1, (Index)first, 0};
  }
  template <class R>
  static FN Tap<R> tap(Axis<R> a, Taps<R> t, Index k) {
    return Tap<R>{resample_clamp(a, t.first + k - 1),
                  resample_cubic<R>(t.place - (R)(k - 1), (R)-0.75f)};
  }
};

// A kernel as wide as the distance of results, normalised over what lies inside.
template <bool cubic>
struct AntialiasedRule {
  template <class R>
  static FN R stretch(Axis<R> a) {
    return a.step > 1 ? a.step : (R)1;
  }
  template <class R>
  static FN R raw(Axis<R> a, Taps<R> t, Index k) {
    if (t.first + k >= t.end) return 0;
    const R x = ((R)(t.first + k) - t.place + (R)0.5f) / stretch(a);
    if (cubic) return resample_cubic<R>(x, (R)-0.5f);
    const R height = 1 - m_fabs(x);
    return height > 0 ? height : 0;
  }
  template <class R>
  static FN Taps<R> start(Axis<R> a, Index o) {
    const R centre = a.step * ((R)o + (R)0.5f), support = (cubic ? 2 : 1) * stretch(a);
    const Index first = (Index)(centre - support + (R)0.5f);
    const Index end = (Index)(centre + support + (R)0.5f);
    Taps<R> t = Taps<R>{centre, 0, first < 0 ? 0 : first, end < a.in ? end : a.in};
    for (Index k = 0; k < a.width; ++k) t.total = t.total + raw(a, t, k);
    if (t.total == 0) t.total = 1;
    return t;
  }
  template <class R>
  static FN Tap<R> tap(Axis<R> a, Taps<R> t, Index k) {
    return Tap<R>{resample_clamp(a, t.first + k), raw(a, t, k) / t.total};
  }
};

template <class G>
FN void interpolate(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename G::R R;
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  const Axis<R> rows = G::axis_0(p), columns = G::axis_1(p);
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    const Index ow = i % columns.out, oh = i / columns.out % rows.out;
    const Index plane = i / columns.out / rows.out;
    const Index from =
        plane / (Index)p.channels * (Index)p.x_0 + plane % (Index)p.channels * (Index)p.x_1;
    const Taps<R> down = G::Rows::start(rows, oh), across = G::Columns::start(columns, ow);
    typename Fold::Acc sum = Fold::start();
    for (Index y = 0; y < rows.width; ++y) {
      const Tap<R> h = G::Rows::tap(rows, down, y);
      for (Index x = 0; x < columns.width; ++x) {
        const Tap<R> w = G::Columns::tap(columns, across, x);
        sum = Fold::add(sum,
                        (W)(h.weight * w.weight) *
                            (W)widen(b.x[from + h.at * (Index)p.x_2 + w.at * (Index)p.x_3]),
                        0);
      }
    }
    b.out[i] = To<typename G::T>::of(Fold::total(sum));
  }
}

// The first result whose last tap is at `i` or behind it. Taps only go forward.
template <class Rule, class R>
FN Index resample_reader(Axis<R> a, Index i) {
  Index low = 0, high = a.out;
  while (low < high) {
    const Index mid = low + (high - low) / 2;
    if (Rule::tap(a, Rule::start(a, mid), a.width - 1).at < i)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}
// What the taps of a result take of element `i`; -1 if all are behind it, and all later ones'.
template <class Rule, class R>
FN bool resample_share(Axis<R> a, Index o, Index i, THREAD R& share) {
  const Taps<R> t = Rule::start(a, o);
  if (Rule::tap(a, t, 0).at > i) return false;
  share = 0;
  for (Index k = 0; k < a.width; ++k) {
    const Tap<R> tap = Rule::tap(a, t, k);
    if (tap.at == i) share = share + tap.weight;
  }
  return true;
}

template <class G>
FN void interpolate_backward(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  typedef typename G::R R;
  typedef typename G::W W;
  typedef FloatSum<W> Fold;
  const Axis<R> rows = G::axis_0(p), columns = G::axis_1(p);
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) {
    const Index w = i % columns.in, h = i / columns.in % rows.in;
    const Index plane = i / columns.in / rows.in;
    const Index from =
        plane / (Index)p.channels * (Index)p.x_0 + plane % (Index)p.channels * (Index)p.x_1;
    const Index left = resample_reader<typename G::Columns, R>(columns, w);
    typename Fold::Acc sum = Fold::start();
    R down = 0, across = 0;
    for (Index y = resample_reader<typename G::Rows, R>(rows, h);
         y < rows.out && resample_share<typename G::Rows, R>(rows, y, h, down); ++y)
      for (Index x = left;
           x < columns.out && resample_share<typename G::Columns, R>(columns, x, w, across); ++x)
        sum = Fold::add(
            sum, (W)(down * across) * (W)widen(b.x[from + y * (Index)p.x_2 + x * (Index)p.x_3]), 0);
    b.out[i] = To<typename G::T>::of(Fold::total(sum));
  }
}
