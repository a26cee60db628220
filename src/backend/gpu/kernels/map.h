// One element after another: G::at(buffers, parameters, i) makes element i. Threads take elements
// in turns, so that neighbours touch neighbours.
template <class G>
FN void map(Ctx k, typename G::Buffers b, CONSTANT const typename G::Params& p) {
  const Index n = (Index)p.n, step = (Index)(k.ngx * k.nthreads);
  for (Index i = (Index)(k.gx * k.nthreads + k.tid); i < n; i += step) G::at(b, p, i);
}
