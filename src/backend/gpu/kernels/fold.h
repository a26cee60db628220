// What reductions do with elements. A fold has an accumulator, Acc; start(), the accumulator of
// nothing; add(acc, x, position), with an element in its work type; join(a, b), where the elements
// of b come after those of a or between them.

// A sum and what its additions lost, so that it does not matter how many there are; and the same in
// units of 2^-64 for the case that it left the numbers of F.
// Source: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen" (ZAMM
// 54, 1974).
template <class F>
struct FloatSum {
  struct Acc {
    F sum, rest, scaled;
  };
  static FN Acc start() { return Acc{0, 0, 0}; }
  static FN F lost(F a, F b, F sum) {
    const F other = sum - a;
    return (a - (sum - other)) + (b - other);
  }
  static FN Acc add(Acc a, F x, i64) {
    const F sum = a.sum + x;
    return Acc{sum, a.rest + lost(a.sum, x, sum), a.scaled + x * as_f32(0x1f800000u)};
  }
  static FN Acc join(Acc a, Acc b) {
    const F sum = a.sum + b.sum;
    return Acc{sum, (a.rest + b.rest) + lost(a.sum, b.sum, sum), a.scaled + b.scaled};
  }
  static FN F over(Acc a, F count) {
    return is_finite(a.sum) ? (a.sum + a.rest) / count : (a.scaled / count) * as_f32(0x5f800000u);
  }
  static FN F total(Acc a) { return over(a, 1); }
  static FN F mean(Acc a, i64 count) { return over(a, (F)count); }
};

struct IntegerSum {
  struct Acc {
    i64 sum;
  };
  static FN Acc start() { return Acc{0}; }
  static FN Acc add(Acc a, i64 x, i64) { return Acc{op_add(a.sum, x)}; }
  static FN Acc join(Acc a, Acc b) { return Acc{op_add(a.sum, b.sum)}; }
  static FN i64 total(Acc a) { return a.sum; }
};

// mantissa * 2^exponent: only the result has to be a number of F.
template <class F>
struct FloatProduct {
  struct Acc {
    F mantissa;
    i64 exponent;
  };
  static FN Acc start() { return Acc{1, 0}; }
  static FN Acc add(Acc a, F x, i64) { return join(a, Acc{x, 0}); }
  static FN Acc join(Acc a, Acc b) {
    i32 own = 0, others = 0;
    const F product = m_frexp(a.mantissa, own) * m_frexp(b.mantissa, others);
    if (!is_finite(product)) return Acc{product, 0};
    return Acc{product, a.exponent + b.exponent + own + others};
  }
  static FN F total(Acc a) {
    const i64 limit = 10000;  // beyond all numbers
    const i64 e = a.exponent > limit ? limit : a.exponent < -limit ? -limit : a.exponent;
    return m_ldexp(a.mantissa, (i32)e);
  }
};

struct IntegerProduct {
  struct Acc {
    i64 product;
  };
  static FN Acc start() { return Acc{1}; }
  static FN Acc add(Acc a, i64 x, i64) { return Acc{op_mul(a.product, x)}; }
  static FN Acc join(Acc a, Acc b) { return Acc{op_mul(a.product, b.product)}; }
  static FN i64 total(Acc a) { return a.product; }
};

// The largest (smallest) element, and where it is: the first of equals, the first NaN of all.
template <class W, bool largest>
struct Best {
  struct Acc {
    W value;
    i64 position;
  };
  static FN Acc start() { return Acc{0, -1}; }
  static FN Acc add(Acc a, W x, i64 position) { return join(a, Acc{x, position}); }
  static FN Acc join(Acc a, Acc b) {
    if (a.position < 0) return b;
    if (b.position < 0) return a;
    const bool first = a.position < b.position;
    if (is_nan(a.value) || is_nan(b.value)) {
      if (is_nan(a.value) && is_nan(b.value)) return first ? a : b;
      return is_nan(a.value) ? a : b;
    }
    if (a.value == b.value) return first ? a : b;
    return (a.value > b.value) == largest ? a : b;
  }
};

// Whether an element is `looked_for`.
template <bool looked_for>
struct Truth {
  struct Acc {
    bool found;
  };
  static FN Acc start() { return Acc{false}; }
  template <class W>
  static FN Acc add(Acc a, W x, i64) {
    return Acc{a.found || (x != 0) == looked_for};
  }
  static FN Acc join(Acc a, Acc b) { return Acc{a.found || b.found}; }
  static FN bool total(Acc a) { return a.found == looked_for; }
};

// The largest element; a NaN stays.
template <class W>
struct Largest {
  struct Acc {
    W value;
  };
  static FN Acc start() { return Acc{(W)-as_f32(0x7f800000u)}; }
  static FN Acc add(Acc a, W x, i64) { return Acc{op_maximum(a.value, x)}; }
  static FN Acc join(Acc a, Acc b) { return Acc{op_maximum(a.value, b.value)}; }
};

// acc[0] takes in what the group's threads have in acc[0], acc[1], …; all threads call this.
template <class Fold>
FN void join_group(Ctx k, SHARED typename Fold::Acc* acc) {
  BARRIER(k);
  for (u32 apart = k.nthreads / 2; apart > 0; apart /= 2) {
    if (k.tid < apart) acc[k.tid] = Fold::join(acc[k.tid], acc[k.tid + apart]);
    BARRIER(k);
  }
}
