// Matrix products and convolutions of every provider against the reference.
#include <gtest/gtest.h>

#include <cmath>

#include <ingot/core/parallel.h>

#include "backend/cpu/contraction.h"
#include "backend/cpu/depthwise_weight.h"
#include "backend/cpu/direct_conv.h"
#include "backend/layouts.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

double tolerance(DType t) {
  switch (t) {
    case DType::Float16:
      return 2e-3;
    case DType::BFloat16:
      return 1.6e-2;
    case DType::Float32:
      return 2e-5;
    case DType::Float64:
      return 1e-13;
    default:
      return 0;
  }
}

StepDesc matmul_step(const Shape& a, const Shape& b, DType t) {
  StepDesc step;
  step.op = find_op("matmul");
  step.inputs = {TensorDesc::contiguous(a, t), TensorDesc::contiguous(b, t)};
  Shape out = a;
  out[out.rank() - 1] = b.back();
  step.outputs = {TensorDesc::contiguous(out, t)};
  return step;
}

TEST(CpuMatmul, MatchesTheReferenceOnAllDTypesAndStrides) {
  std::mt19937 generator(1);
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{1, 1}, {1, 1}},       {{3, 5}, {5, 7}},       {{1, 9}, {9, 4}},
      {{6, 1}, {1, 6}},       {{17, 300}, {300, 33}}, {{0, 3}, {3, 2}},
      {{2, 0}, {0, 3}},       {{4, 3, 5}, {4, 5, 2}}, {{2, 3, 9, 4}, {2, 3, 4, 11}},
      {{200, 40}, {40, 300}}, {{2, 0, 3}, {2, 3, 4}}};
  for (const auto& [a, b] : shapes)
    for (const DType t : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16,
                          DType::Int64, DType::UInt8})
      for (int round = 0; round < 4; ++round) {
        const StepDesc step = matmul_step(a, b, t);
        const std::vector<HostTensor> inputs{HostTensor::random(a, t, generator),
                                             HostTensor::random(b, t, generator)};
        RunOptions options;
        if (round > 0)
          options.input_strides = {random_strides(a, generator), random_strides(b, generator)};
        const double e = tolerance(t);
        expect_close(run_step(cpu_backend(), step, inputs, options)[0],
                     run_step(reference_backend(), step, inputs)[0], e, 4 * e,
                     a.str() + b.str() + " " + std::string(name(t)));
      }
}

TEST(CpuMatmul, RepeatedBatchesAreReadInPlace) {
  std::mt19937 generator(2);
  const Shape a{3, 4, 5}, b{3, 5, 6};
  const StepDesc step = matmul_step(a, b, DType::Float32);
  HostTensor same = HostTensor::random({5, 6}, DType::Float32, generator);
  std::vector<double> values;
  for (int k = 0; k < 3; ++k)
    for (const double v : same.values()) values.push_back(v);
  const std::vector<HostTensor> inputs{HostTensor::random(a, DType::Float32, generator),
                                       HostTensor::of(b, DType::Float32, values)};
  RunOptions options;
  options.input_strides = {a.contiguous_strides(), {0, 6, 1}};
  expect_close(run_step(cpu_backend(), step, inputs, options)[0],
               run_step(reference_backend(), step, inputs)[0], 1e-5, 1e-5, "repeated batch");
}

TEST(CpuLinear, MatchesMatmulAndBias) {
  std::mt19937 generator(3);
  for (const DType t : {DType::Float32, DType::Float64, DType::BFloat16, DType::Int32})
    for (const Shape& x : {Shape{4, 7}, Shape{2, 3, 7}, Shape{7}, Shape{0, 7}}) {
      const Shape w{5, 7};
      StepDesc step;
      step.op = find_op("linear");
      Shape out = x;
      out[out.rank() - 1] = 5;
      for (const Shape& s : {x, w, Shape{5}}) step.inputs.push_back(TensorDesc::contiguous(s, t));
      step.outputs = {TensorDesc::contiguous(out, t)};
      const std::vector<HostTensor> inputs{HostTensor::random(x, t, generator),
                                           HostTensor::random(w, t, generator),
                                           HostTensor::random({5}, t, generator)};
      std::vector<double> expected;
      const auto vx = inputs[0].values(), vw = inputs[1].values(), vb = inputs[2].values();
      for (std::size_t r = 0; r < vx.size() / 7; ++r)
        for (std::size_t o = 0; o < 5; ++o) {
          double sum = vb[o];
          for (std::size_t k = 0; k < 7; ++k) sum += vx[r * 7 + k] * vw[o * 7 + k];
          expected.push_back(sum);
        }
      RunOptions options;
      options.input_strides = {random_strides(x, generator), random_strides(w, generator)};
      expect_close(run_step(cpu_backend(), step, inputs, options)[0],
                   HostTensor::of(out, t, expected), tolerance(t), 4 * tolerance(t), x.str());
    }
}

// -- Each provider by itself
// ------------------------------------------------------------------------

struct ConvCase {
  Shape x, w;
  ConvAttrs attrs;
};

std::vector<ConvCase> conv_cases() {
  const auto attrs = [](std::int64_t stride, std::int64_t padding, std::int64_t dilation,
                        std::int64_t groups) {
    return ConvAttrs{{stride, stride}, {padding, padding}, {dilation, dilation}, groups, {}};
  };
  return {{{2, 3, 9, 8}, {4, 3, 3, 3}, attrs(1, 1, 1, 1)},
          {{1, 1, 5, 5}, {1, 1, 3, 3}, attrs(1, 0, 1, 1)},
          {{2, 16, 7, 7}, {32, 16, 3, 3}, attrs(2, 1, 1, 1)},
          {{3, 8, 6, 6}, {16, 8, 1, 1}, attrs(1, 0, 1, 1)},
          {{2, 6, 8, 8}, {6, 1, 3, 3}, attrs(1, 1, 1, 6)},
          {{2, 32, 8, 8}, {32, 1, 5, 5}, attrs(2, 2, 1, 32)},
          {{2, 8, 9, 9}, {4, 4, 3, 3}, attrs(1, 2, 2, 2)},
          {{1, 3, 23, 23}, {16, 3, 7, 7}, {{2, 3}, {3, 2}, {1, 1}, 1, {}}},
          {{4, 64, 1, 1}, {10, 64, 1, 1}, attrs(1, 0, 1, 1)},
          {{0, 3, 5, 5}, {4, 3, 3, 3}, attrs(1, 1, 1, 1)}};
}

Shape conv_output(const ConvCase& c) {
  Shape y{c.x[0], c.w[0]};
  for (int i = 0; i < 2; ++i)
    y.push_back((c.x[2 + i] + 2 * c.attrs.padding[i] - c.attrs.dilation[i] * (c.w[2 + i] - 1) - 1) /
                    c.attrs.stride[i] +
                1);
  return y;
}

// The step of one of the three ops and its inputs' shapes.
StepDesc conv_step(const ConvCase& c, cpu::ConvKind kind, bool bias, DType t) {
  StepDesc step;
  ConvAttrs attrs = c.attrs;
  const Shape y = conv_output(c);
  std::vector<Shape> inputs;
  Shape output;
  switch (kind) {
    case cpu::ConvKind::Forward:
      step.op = find_op("conv2d");
      inputs = {c.x, c.w};
      if (bias) inputs.push_back({c.w[0]});
      output = y;
      break;
    case cpu::ConvKind::BackwardInput:
      step.op = find_op("conv2d_backward_input");
      inputs = {y, c.w};
      output = attrs.shape = c.x;
      break;
    case cpu::ConvKind::BackwardWeight:
      step.op = find_op("conv2d_backward_weight");
      inputs = {y, c.x};
      output = attrs.shape = c.w;
      break;
  }
  step.attrs = attrs;
  for (const Shape& s : inputs) step.inputs.push_back(TensorDesc::contiguous(s, t));
  step.outputs = {TensorDesc::contiguous(output, t)};
  return step;
}

// Makes the kernels of one provider, as a backend; what it does not take counts as skipped.
class ProviderBackend final : public Backend {
 public:
  ProviderBackend(const cpu::ContractionProvider& provider, bool channels_last)
      : provider_(provider), channels_last_(channels_last) {}
  std::string_view name() const override { return provider_.name(); }
  Allocator& allocator() override { return host_allocator(); }
  bool fuses() const override { return false; }
  bool supports(const StepDesc&) const override { return true; }
  void choose_layouts(StepDesc& step) const override {
    const auto choose = [&](TensorDesc& t, bool image) {
      t.strides =
          image && channels_last_ ? channels_last_strides(t.shape) : t.shape.contiguous_strides();
    };
    const bool backward_weight = step.op->name == "conv2d_backward_weight";
    choose(step.inputs[0], true);
    choose(step.inputs[1], backward_weight);
    choose(step.outputs[0], !backward_weight);
  }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    cpu::ConvDesc d;
    d.attrs = step.as<ConvAttrs>();
    if (step.op->name == "conv2d") {
      d.x = step.inputs[0];
      d.weight = step.inputs[1];
      d.y = step.outputs[0];
      if (step.inputs.size() == 3) d.bias = step.inputs[2];
    } else if (step.op->name == "conv2d_backward_input") {
      d.kind = cpu::ConvKind::BackwardInput;
      d.y = step.inputs[0];
      d.weight = step.inputs[1];
      d.x = step.outputs[0];
    } else {
      d.kind = cpu::ConvKind::BackwardWeight;
      d.y = step.inputs[0];
      d.x = step.inputs[1];
      d.weight = step.outputs[0];
    }
    auto kernel = provider_.convolution(d);
    if (kernel) {
      ++taken_;
    } else {
      kernel = cpu::own_provider().convolution(d);
    }
    return kernel;
  }
  int taken() const { return taken_; }

 private:
  const cpu::ContractionProvider& provider_;
  bool channels_last_;
  mutable int taken_ = 0;
};

TEST(CpuConvolution, EveryProviderMatchesTheReferenceInBothLayouts) {
  std::mt19937 generator(4);
  std::vector<const cpu::ContractionProvider*> providers{&cpu::onednn_provider(),
                                                         &cpu::own_provider()};
#if defined(INGOT_HAVE_CBLAS)
  providers.push_back(&cpu::cblas_provider());
#endif
  for (const auto* provider : providers)
    for (const bool channels_last : {false, true}) {
      ProviderBackend backend(*provider, channels_last);
      for (const ConvCase& c : conv_cases())
        for (const auto kind :
             {cpu::ConvKind::Forward, cpu::ConvKind::BackwardInput, cpu::ConvKind::BackwardWeight})
          for (const DType t : {DType::Float32, DType::Float64}) {
            const StepDesc step = conv_step(c, kind, true, t);
            std::vector<HostTensor> inputs;
            for (const TensorDesc& in : step.inputs)
              inputs.push_back(HostTensor::random(in.shape, t, generator, -1, 1));
            expect_close(run_step(backend, step, inputs)[0],
                         run_step(reference_backend(), step, inputs)[0], tolerance(t),
                         10 * tolerance(t),
                         std::string(provider->name()) + " " + std::string(step.op->name) + " " +
                             c.x.str() + c.w.str() + (channels_last ? " channels-last" : ""));
          }
      EXPECT_GT(backend.taken(), 20) << provider->name() << channels_last;
    }
}

// Our direct convolution where it applies, else our GEMM.
class DirectProvider final : public cpu::ContractionProvider {
 public:
  std::string_view name() const override { return "direct"; }
  std::unique_ptr<Kernel> matmul(const cpu::MatmulDesc&) const override { return nullptr; }
  std::unique_ptr<Kernel> convolution(const cpu::ConvDesc& d) const override {
    return cpu::lower_direct_convolution(d);
  }
};

TEST(CpuConvolution, DirectMatchesTheReferenceAndLosesLittle) {
  std::mt19937 generator(6);
  const DirectProvider provider;
  ProviderBackend backend(provider, true);
  auto cases = conv_cases();
  const ConvAttrs same{{1, 1}, {1, 1}, {1, 1}, 1, {}};
  cases.push_back({{2, 130, 11, 10}, {70, 130, 3, 3}, same});
  cases.push_back({{1, 512, 7, 7}, {33, 512, 3, 3}, same});
  cases.push_back({{2, 17, 19, 21}, {300, 17, 3, 3}, same});  // several groups of panels
  cases.push_back({{3, 20, 6, 5}, {5, 20, 2, 3}, {{2, 1}, {0, 2}, {2, 1}, 1, {}}});
  for (const ConvCase& c : cases)
    for (const bool bias : {false, true}) {
      const StepDesc step = conv_step(c, cpu::ConvKind::Forward, bias, DType::Float32);
      std::vector<HostTensor> inputs;
      for (const TensorDesc& in : step.inputs)
        inputs.push_back(HostTensor::random(in.shape, DType::Float32, generator, -1, 1));
      const double terms = static_cast<double>(c.w.numel() / std::max<std::int64_t>(1, c.w[0]));
      expect_close(run_step(backend, step, inputs)[0],
                   run_step(reference_backend(), step, inputs)[0], 0,
                   1e-6 * std::sqrt(terms) + 1e-7, c.x.str() + c.w.str());
    }
  EXPECT_GE(backend.taken(), 10);
}

// Gradients of depthwise weights where ours applies.
class DepthwiseProvider final : public cpu::ContractionProvider {
 public:
  std::string_view name() const override { return "depthwise"; }
  std::unique_ptr<Kernel> matmul(const cpu::MatmulDesc&) const override { return nullptr; }
  std::unique_ptr<Kernel> convolution(const cpu::ConvDesc& d) const override {
    return cpu::lower_depthwise_weight(d);
  }
};

// Every kernel width is cut into runs of taps its own way; borders as wide as the image, strides
// that step over it, dilation, channels that are no whole vectors, few and many images.
TEST(CpuConvolution, DepthwiseGradientsMatchTheReferenceAndLoseLittle) {
  std::mt19937 generator(8);
  const DepthwiseProvider provider;
  ProviderBackend backend(provider, true);
  std::vector<ConvCase> cases;
  for (std::int64_t k = 4; k <= 8; ++k) {
    const std::int64_t c = 14 + 3 * k;
    cases.push_back({{2, c, 9, 10}, {c, 1, k, k}, {{1, 1}, {k / 2, k / 2}, {1, 1}, c, {}}});
    cases.push_back({{1, 16, 8, 8}, {16, 1, 1, k}, {{2, 3}, {0, k - 1}, {1, 1}, 16, {}}});
    cases.push_back({{3, 33, 5, 4}, {33, 1, k - 3, 2}, {{1, 2}, {k, 7}, {1, 4}, 33, {}}});
  }
  cases.push_back({{2, 40, 31, 29}, {40, 1, 5, 5}, {{2, 2}, {2, 2}, {3, 2}, 40, {}}});
  cases.push_back({{9, 16, 64, 64}, {16, 1, 4, 4}, {{1, 1}, {1, 1}, {1, 1}, 16, {}}});
  cases.push_back({{1, 16, 3, 3}, {16, 1, 3, 4}, {{1, 1}, {9, 9}, {1, 1}, 16, {}}});
  for (const int threads : {1, 2, 5}) {
    const ThreadLimit limit(threads);
    for (const ConvCase& c : cases) {
      const StepDesc step = conv_step(c, cpu::ConvKind::BackwardWeight, false, DType::Float32);
      std::vector<HostTensor> inputs;
      for (const TensorDesc& in : step.inputs)
        inputs.push_back(HostTensor::random(in.shape, DType::Float32, generator, -1, 1));
      const Shape y = conv_output(c);
      const double terms = static_cast<double>(y[0] * y[2] * y[3]);
      expect_close(run_step(backend, step, inputs)[0],
                   run_step(reference_backend(), step, inputs)[0], 0,
                   4e-7 * std::sqrt(terms) + 1e-7, c.x.str() + c.w.str());
    }
  }
  EXPECT_EQ(backend.taken(), 3 * static_cast<int>(cases.size()));
}

TEST(CpuConvolution, TheBackendMatchesTheReferenceOnAllDTypes) {
  std::mt19937 generator(5);
  for (const ConvCase& c : conv_cases())
    for (const auto kind :
         {cpu::ConvKind::Forward, cpu::ConvKind::BackwardInput, cpu::ConvKind::BackwardWeight})
      for (const bool bias : {false, true})
        for (const DType t : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16}) {
          const StepDesc step = conv_step(c, kind, bias, t);
          std::vector<HostTensor> inputs;
          RunOptions options;
          for (const TensorDesc& in : step.inputs) {
            inputs.push_back(HostTensor::random(in.shape, t, generator, -1, 1));
            options.input_strides.push_back(random_strides(in.shape, generator));
          }
          expect_close(run_step(cpu_backend(), step, inputs, options)[0],
                       run_step(reference_backend(), step, inputs)[0], tolerance(t),
                       10 * tolerance(t), std::string(step.op->name) + " " + c.x.str() + c.w.str());
        }
}

}  // namespace
}  // namespace ingot::testing
