#include "support/kernel_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>

#include "core/convert.h"

namespace ingot::testing {
namespace {

constexpr std::size_t kGuardNbytes = 128;
constexpr std::byte kGuard{0xA5};

// Memory between two guards.
class GuardedBlock {
 public:
  explicit GuardedBlock(std::size_t nbytes)
      : nbytes_(nbytes), block_(nbytes + 2 * kGuardNbytes + 64, kGuard) {
    auto address = reinterpret_cast<std::uintptr_t>(block_.data()) + kGuardNbytes;
    address = (address + 63) / 64 * 64;
    data_ = reinterpret_cast<std::byte*>(address);
  }
  std::byte* data() const { return data_; }
  void expect_intact(const std::string& what) const {
    const auto is_guard = [](std::byte b) { return b == kGuard; };
    EXPECT_TRUE(std::all_of(block_.data(), static_cast<const std::byte*>(data_), is_guard))
        << what << ": written before its start";
    EXPECT_TRUE(std::all_of(static_cast<const std::byte*>(data_) + nbytes_,
                            block_.data() + block_.size(), is_guard))
        << what << ": written past its end";
  }

 private:
  std::size_t nbytes_;
  std::vector<std::byte> block_;
  std::byte* data_ = nullptr;
};

// Elements from the first to the last one reached, both included.
std::int64_t extent(const Shape& shape, const Dims& strides) {
  std::int64_t last = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == 0) return 0;
    last += (shape[d] - 1) * strides[d];
  }
  return last + 1;
}

template <class F>
void for_each_offset(const Shape& shape, const Dims& strides, F f) {
  const std::int64_t numel = shape.numel();
  for (std::int64_t i = 0; i < numel; ++i) {
    std::int64_t rest = i, offset = 0;
    for (int d = shape.rank() - 1; d >= 0; --d) {
      offset += rest % shape[d] * strides[d];
      rest /= shape[d];
    }
    f(i, offset);
  }
}

// Where strides repeat elements (0), the tensor must hold equal ones there: the caller's business.
void place(const HostTensor& t, const Dims& strides, std::byte* to) {
  const std::size_t size = nbytes_of(t.dtype);
  for_each_offset(t.shape, strides, [&](std::int64_t i, std::int64_t offset) {
    std::memcpy(to + static_cast<std::size_t>(offset) * size,
                t.bytes.data() + static_cast<std::size_t>(i) * size, size);
  });
}

HostTensor collect(const TensorDesc& desc, const std::byte* from) {
  HostTensor t = HostTensor::zeros(desc.shape, desc.dtype);
  const std::size_t size = nbytes_of(t.dtype);
  for_each_offset(t.shape, desc.strides, [&](std::int64_t i, std::int64_t offset) {
    std::memcpy(t.bytes.data() + static_cast<std::size_t>(i) * size,
                from + static_cast<std::size_t>(offset) * size, size);
  });
  return t;
}

}  // namespace

HostTensor HostTensor::zeros(const Shape& shape, DType dtype) {
  return {shape, dtype,
          std::vector<std::byte>(static_cast<std::size_t>(shape.numel()) * nbytes_of(dtype))};
}

HostTensor HostTensor::of(const Shape& shape, DType dtype, const std::vector<double>& values) {
  HostTensor t = zeros(shape, dtype);
  visit_dtype(dtype, [&]<class T>(T) {
    auto* data = reinterpret_cast<T*>(t.bytes.data());
    for (std::size_t i = 0; i < values.size(); ++i) data[i] = convert_element<T>(values[i]);
  });
  return t;
}

HostTensor HostTensor::random(const Shape& shape, DType dtype, std::mt19937& generator, double low,
                              double high) {
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (double& v : values) {
    v = uniform(generator);
    if (!is_floating(dtype)) v = std::floor(v);
    if (dtype == DType::Bool) v = std::fmod(std::fabs(v), 2.0);
    if (dtype == DType::UInt8) v = std::fabs(v);
  }
  return of(shape, dtype, values);
}

std::vector<double> HostTensor::values() const {
  std::vector<double> result;
  visit_dtype(dtype, [&]<class T>(T) {
    const auto* data = reinterpret_cast<const T*>(bytes.data());
    for (std::int64_t i = 0; i < shape.numel(); ++i) result.push_back(static_cast<double>(data[i]));
  });
  return result;
}

Dims random_strides(const Shape& shape, std::mt19937& generator) {
  std::vector<int> order(static_cast<std::size_t>(shape.rank()));
  std::iota(order.begin(), order.end(), 0);
  if (generator() % 2) std::shuffle(order.begin(), order.end(), generator);
  const bool gaps = generator() % 3 == 0;
  Dims strides = Dims::filled(shape.rank(), 1);
  std::int64_t next = 1;
  for (auto d = order.rbegin(); d != order.rend(); ++d) {
    strides[*d] = next;
    next *= std::max<std::int64_t>(1, shape[*d]) + (gaps && generator() % 2 ? 3 : 0);
  }
  return strides;
}

std::vector<HostTensor> run_step(Backend& backend, StepDesc step,
                                 const std::vector<HostTensor>& inputs, const RunOptions& options) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (step.inputs.size() <= i) step.inputs.push_back({inputs[i].shape, inputs[i].dtype, {}});
    step.inputs[i].strides = i < options.input_strides.size()
                                 ? options.input_strides[i]
                                 : step.inputs[i].shape.contiguous_strides();
  }
  for (TensorDesc& out : step.outputs) out.strides = out.shape.contiguous_strides();
  step.slots.clear();
  for (const Scalar& s : options.slots) step.slots.push_back(s.kind());
  backend.choose_layouts(step);
  const std::unique_ptr<Kernel> kernel = backend.lower(step);

  std::vector<GuardedBlock> blocks;
  std::vector<void*> in, out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorDesc& d = step.inputs[i];
    const auto nbytes = static_cast<std::size_t>(extent(d.shape, d.strides)) * nbytes_of(d.dtype);
    const GuardedBlock& block = blocks.emplace_back(nbytes);
    place(inputs[i], d.strides, block.data());
    in.push_back(block.data());
  }
  const int donor = options.overwrite_input;
  for (std::size_t o = 0; o < step.outputs.size(); ++o) {
    EXPECT_TRUE(step.outputs[o].is_dense()) << "output " << o;
    if (o == 0 && donor >= 0 && kernel->can_overwrite(donor, 0)) {
      EXPECT_EQ(step.inputs[static_cast<std::size_t>(donor)].nbytes(), step.outputs[0].nbytes());
      out.push_back(in[static_cast<std::size_t>(donor)]);
    } else {
      out.push_back(blocks.emplace_back(step.outputs[o].nbytes()).data());
    }
  }
  const GuardedBlock& workspace = blocks.emplace_back(kernel->workspace_nbytes());
  kernel->run({in.data(), out.data(), options.slots.data(), workspace.data()});
  for (std::size_t b = 0; b < blocks.size(); ++b)
    blocks[b].expect_intact(kernel->describe() + ", operand " + std::to_string(b));
  std::vector<HostTensor> results;
  for (std::size_t o = 0; o < step.outputs.size(); ++o)
    results.push_back(collect(step.outputs[o], static_cast<const std::byte*>(out[o])));
  return results;
}

void expect_close(const HostTensor& actual, const HostTensor& expected, double relative,
                  double absolute, const std::string& what) {
  ASSERT_EQ(actual.shape, expected.shape) << what;
  const auto a = actual.values(), e = expected.values();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(e[i])) continue;
    if (a[i] == e[i]) continue;
    const double allowed = relative * std::max(std::fabs(a[i]), std::fabs(e[i])) + absolute;
    ASSERT_LE(std::fabs(a[i] - e[i]), allowed)
        << what << ": element " << i << " of " << actual.shape.str() << " is " << a[i]
        << ", expected " << e[i];
  }
}

}  // namespace ingot::testing
