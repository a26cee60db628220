#include "plan/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <string_view>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>

#include "backend/registry.h"
#include "core/record.h"
#include "plan/in_flight.h"
#include "plan/passes.h"
#include "plan/plan.h"

namespace ingot::plan {

bool& verify_enabled() {
  static bool enabled = [] {
    const char* text = std::getenv("INGOT_VERIFY");
    return text && *text && std::string_view(text) != "0";
  }();
  return enabled;
}

namespace {

double element(const Value& v, DType dtype, std::int64_t offset) {
  return visit_dtype(dtype, [&](auto type) -> double {
    using T = decltype(type);
    return static_cast<double>(reinterpret_cast<const T*>(v.host(sizeof(T)))[offset]);
  });
}

// How far two results of one op may be apart, relative to the largest element: contractions sum in
// another order, so single precision loses a few of its 24 bits.
double tolerance(DType dtype) {
  switch (dtype) {
    case DType::Float64:
      return 1e-10;
    case DType::Float32:
      return 2e-4;
    case DType::Float16:
      return 5e-3;
    case DType::BFloat16:
      return 3e-2;
    default:
      return 0;
  }
}

struct Difference {
  double largest = 0;
  double scale = 0;
  std::int64_t at = 0;
};

Difference compare(const TensorSpec& spec, const Value& a, const Value& b) {
  Difference d;
  Dims index = Dims::filled(spec.shape.rank(), 0);
  const std::int64_t count = spec.shape.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t oa = 0, ob = 0;
    for (int k = 0; k < index.rank(); ++k) {
      oa += index[k] * a.strides[k];
      ob += index[k] * b.strides[k];
    }
    const double x = element(a, spec.dtype, oa), y = element(b, spec.dtype, ob);
    const bool same = x == y || (std::isnan(x) && std::isnan(y));
    const double gap = same ? 0 : std::isfinite(x - y) ? std::abs(x - y) : INFINITY;
    if (std::isfinite(y)) d.scale = std::max(d.scale, std::abs(y));
    if (gap > d.largest) {
      d.largest = gap;
      d.at = i;
    }
    for (int k = index.rank() - 1; k >= 0 && ++index[k] == spec.shape[k]; --k) index[k] = 0;
  }
  return d;
}

// The value in the host's memory: itself, or a copy of it. Waits for it.
Ref<Value> on_host(Value* value) {
  if (!wait_ready(value->ready)) throw RunFailedEarlier();
  if (value->buffer->space() != MemorySpace::Device) return Ref<Value>(value);
  Backend& backend = *find_backend(value->buffer->device());
  Stream& stream = *backend.stream();
  // All of the buffer: views of it keep their offset and strides.
  const Ref<Buffer> copy = host_allocator().allocate(value->buffer->nbytes());
  const std::unique_ptr<Kernel> transfer = backend.lower_transfer(value->buffer->nbytes());
  const Bound operands[2] = {{value->buffer.get(), 0}, {copy.get(), 0}}, none;
  Ticket done{&stream, 0};
  {
    const std::lock_guard lock(stream.submitting());
    done.seq = stream.submit({transfer.get(), operands, 1, 2, nullptr, &none});
    stream.flush();
  }
  if (!wait_ready(done)) throw RunFailedEarlier();
  return make_ref<Value>(copy, value->offset, value->strides);
}

// The node by itself, its inputs being values that exist.
Batch alone(Node& n, const Batch& batch, std::span<const InputRef> inputs,
            const std::vector<std::size_t>& first_output, const std::vector<Ref<Value>>& values) {
  Batch one;
  one.nodes.push_back(&n);
  one.live.assign(n.outputs().size(), 1);
  one.num_slots = n.slots().size();
  for (const InputRef& ref : inputs) {
    const auto number = static_cast<std::uint32_t>(one.leaves.size());
    if (ref.node < 0) {
      Leaf leaf = batch.leaves[static_cast<std::size_t>(~ref.node)];
      leaf.alias = number;
      one.leaves.push_back(leaf);
    } else {
      const auto producer = static_cast<std::size_t>(ref.node);
      Value* value = values[first_output[producer] + ref.output].get();
      one.leaves.push_back({batch.nodes[producer], ref.output, 1, 0, number, value});
    }
    one.inputs.push_back({~static_cast<std::int32_t>(number), 0});
  }
  return one;
}

}  // namespace

void execute_verified(Batch& batch, Backend& backend) {
  // Every node is compared, so every output is kept; the extra references keep donation away, since
  // the leaves are read twice.
  std::fill(batch.live.begin(), batch.live.end(), std::uint8_t{1});
  std::vector<Ref<Value>> hold, values;
  std::vector<std::size_t> first_output;
  for (const Leaf& leaf : batch.leaves) hold.emplace_back(leaf.value);
  std::vector<Ref<Value>> leaves_here;
  for (const Leaf& leaf : batch.leaves) leaves_here.push_back(on_host(leaf.value));
  execute(build_plan(batch, backend, num_threads()), batch, backend, true);
  for (Node* n : batch.nodes) {
    first_output.push_back(values.size());
    for (NodeOutput& o : n->outputs()) values.push_back(o.value);
  }
  // From here on the host reads them all.
  std::vector<Ref<Value>> made = values;
  for (Ref<Value>& v : values) v = on_host(v.get());
  for (std::size_t i = 0; i < batch.leaves.size(); ++i)
    batch.leaves[i].value = leaves_here[i].get();

  // The reference gets the inputs that the backend's kernel had, so that a difference is the op's
  // own and rounding does not add up along the graph.
  std::span<const InputRef> inputs = batch.inputs;
  for (std::size_t i = 0; i < batch.nodes.size(); ++i) {
    Node& n = *batch.nodes[i];
    Batch one = alone(n, batch, inputs.first(n.inputs().size()), first_output, values);
    inputs = inputs.subspan(n.inputs().size());
    execute(build_plan(one, reference_backend(), 1, true), one, reference_backend());
    for (std::size_t o = 0; o < n.outputs().size(); ++o) {
      const TensorSpec& spec = n.outputs()[o].spec;
      const Ref<Value> expected = std::move(n.outputs()[o].value);
      n.outputs()[o].value = made[first_output[i] + o];
      const Difference d = compare(spec, *values[first_output[i] + o], *expected);
      if (d.largest <= tolerance(spec.dtype) * std::max(d.scale, 1.0)) continue;
      const std::string step = step_that_makes(batch, backend, first_output[i] + o);
      throw InternalError(fmt::format(
          "verify: {} on {} differs from the reference: output {} of {} (strides {}), "
          "largest difference {} at element {} (values up to {}){}{}",
          n.op().name, spec.device == Device{} ? backend.name() : find_backend(spec.device)->name(),
          o, spec.str(), n.outputs()[o].value->strides.str(), d.largest, d.at, d.scale,
          recorded_at(n.site(), n.outer_site()),
          step.empty() ? "" : "\n  computed by step " + step));
    }
  }
}

}  // namespace ingot::plan
