// oneDNN: float32 matrix products and convolutions.
#include "backend/cpu/onednn_compat.h"

#include <ingot/core/parallel.h>

#include "backend/cpu/contraction.h"
#include "backend/cpu/scratch.h"

namespace ingot::cpu {
namespace {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

memory wrap(const memory::desc& desc, const void* data) {
  return memory(desc, engine(), const_cast<void*>(data));
}

// -- Matrix products ------------------------------------------------------------------------------

// Repeated batches (stride 0) become dimensions of size 1, which oneDNN broadcasts.
memory::desc matrix_desc(const TensorDesc& t) {
  memory::dims dims, strides;
  for (int d = 0; d < t.shape.rank(); ++d) {
    const bool repeated = t.strides[d] == 0 && d < t.shape.rank() - 2;
    dims.push_back(repeated ? 1 : t.shape[d]);
    strides.push_back(t.strides[d]);
  }
  // Strides of single rows and columns mean nothing to us but must look sane to oneDNN.
  for (std::size_t d = dims.size(); d-- > 0;)
    if (dims[d] == 1)
      strides[d] = d + 1 < dims.size() ? std::max(strides[d + 1] * dims[d + 1], memory::dim{1}) : 1;
  return {dims, memory::data_type::f32, strides};
}

bool is_matrix(const TensorDesc& t) {
  const int r = t.shape.rank();
  const std::int64_t rows = t.shape[r - 2], cols = t.shape[r - 1];
  const std::int64_t row_stride = t.strides[r - 2], col_stride = t.strides[r - 1];
  return (col_stride == 1 && row_stride >= cols) || (row_stride == 1 && col_stride >= rows);
}

class OnednnMatmul final : public Kernel {
 public:
  OnednnMatmul(const dnnl::matmul::primitive_desc& pd, memory::desc a, memory::desc b,
               memory::desc bias, memory::desc out)
      : primitive_(pd),
        a_(std::move(a)),
        b_(std::move(b)),
        bias_(std::move(bias)),
        out_(std::move(out)),
        scratchpad_(pd.scratchpad_desc()),
        name_(std::string("onednn matmul ") + pd.impl_info_str()) {}

  std::size_t workspace_nbytes() const override { return scratchpad_.get_size(); }

  void run(const KernelArgs& args) const override {
    detail::bind_library_threads();
    std::unordered_map<int, memory> operands{
        {DNNL_ARG_SRC, wrap(a_, args.inputs[0])},
        {DNNL_ARG_WEIGHTS, wrap(b_, args.inputs[1])},
        {DNNL_ARG_DST, wrap(out_, args.outputs[0])},
        {DNNL_ARG_SCRATCHPAD, wrap(scratchpad_, args.workspace)}};
    if (bias_ != memory::desc()) operands.emplace(DNNL_ARG_BIAS, wrap(bias_, args.inputs[2]));
    primitive_.execute(stream(), operands);
    stream().wait();
  }
  std::string describe() const override { return name_; }

 private:
  dnnl::matmul primitive_;
  memory::desc a_, b_, bias_, out_, scratchpad_;
  std::string name_;
};

// -- Convolutions ---------------------------------------------------------------------------------

memory::desc image_desc(const TensorDesc& t, bool channels_last) {
  return {t.shape.vector(), memory::data_type::f32,
          channels_last ? memory::format_tag::nhwc : memory::format_tag::nchw};
}

bool is_channels_last(const TensorDesc& t) {
  const Dims wanted = channels_last_strides(t.shape);
  for (int d = 0; d < 4; ++d)
    if (t.shape[d] != 1 && t.strides[d] != wanted[d]) return false;
  return true;
}

memory::dims weight_dims(const ConvDesc& d) {
  const Shape& w = d.weight.shape;
  if (d.attrs.groups == 1) return w.vector();
  return {d.attrs.groups, w[0] / d.attrs.groups, w[1], w[2], w[3]};
}

// Our own row-major weights as oneDNN sees them, and "any" for it to choose.
memory::desc weight_desc(const ConvDesc& d, bool any) {
  const auto tag = any                   ? memory::format_tag::any
                   : d.attrs.groups == 1 ? memory::format_tag::oihw
                                         : memory::format_tag::goihw;
  return {weight_dims(d), memory::data_type::f32, tag};
}

compat::ConvGeometry geometry(const ConvAttrs& a) {
  return {a.stride.vector(),
          {a.dilation[0] - 1, a.dilation[1] - 1},  // oneDNN counts the gaps
          a.padding.vector(),
          a.padding.vector()};
}

// One of the three convolution primitives, with weights reordered to and from what it chose.
class OnednnConvolution final : public Kernel {
 public:
  struct Parts {
    dnnl::primitive primitive;
    memory::desc x, weight, y, bias, scratchpad;
    std::string name;
  };

  OnednnConvolution(const ConvDesc& desc, Parts parts)
      : kind_(desc.kind), parts_(std::move(parts)), plain_weight_(weight_desc(desc, false)) {
    if (parts_.weight == plain_weight_) return;
    const bool out = kind_ == ConvKind::BackwardWeight;
    const auto& from = out ? parts_.weight : plain_weight_;
    const auto& to = out ? plain_weight_ : parts_.weight;
    reorder_ = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
  }

  std::size_t workspace_nbytes() const override {
    return align64(parts_.scratchpad.get_size()) + (reorder_ ? parts_.weight.get_size() : 0);
  }

  void run(const KernelArgs& args) const override {
    detail::bind_library_threads();
    const bool backward_weight = kind_ == ConvKind::BackwardWeight;
    void* plain = backward_weight ? args.outputs[0] : args.inputs[1];
    auto* blocked = static_cast<std::byte*>(args.workspace) + align64(parts_.scratchpad.get_size());
    memory user = wrap(plain_weight_, plain);
    memory weight = reorder_ ? wrap(parts_.weight, blocked) : user;
    if (reorder_ && !backward_weight) reorder_.execute(stream(), user, weight);
    execute(args, weight);
    if (reorder_ && backward_weight) reorder_.execute(stream(), weight, user);
    stream().wait();
  }

  std::string describe() const override { return parts_.name; }

 private:
  void execute(const KernelArgs& args, const memory& weight) const {
    const memory scratch = wrap(parts_.scratchpad, args.workspace);
    switch (kind_) {
      case ConvKind::Forward: {
        std::unordered_map<int, memory> operands{{DNNL_ARG_SRC, wrap(parts_.x, args.inputs[0])},
                                                 {DNNL_ARG_WEIGHTS, weight},
                                                 {DNNL_ARG_DST, wrap(parts_.y, args.outputs[0])},
                                                 {DNNL_ARG_SCRATCHPAD, scratch}};
        if (parts_.bias != memory::desc())
          operands.emplace(DNNL_ARG_BIAS, wrap(parts_.bias, args.inputs[2]));
        parts_.primitive.execute(stream(), operands);
        break;
      }
      case ConvKind::BackwardInput:
        parts_.primitive.execute(stream(), {{DNNL_ARG_DIFF_DST, wrap(parts_.y, args.inputs[0])},
                                            {DNNL_ARG_WEIGHTS, weight},
                                            {DNNL_ARG_DIFF_SRC, wrap(parts_.x, args.outputs[0])},
                                            {DNNL_ARG_SCRATCHPAD, scratch}});
        break;
      case ConvKind::BackwardWeight:
        parts_.primitive.execute(stream(), {{DNNL_ARG_DIFF_DST, wrap(parts_.y, args.inputs[0])},
                                            {DNNL_ARG_SRC, wrap(parts_.x, args.inputs[1])},
                                            {DNNL_ARG_DIFF_WEIGHTS, weight},
                                            {DNNL_ARG_SCRATCHPAD, scratch}});
        break;
    }
  }

  ConvKind kind_;
  Parts parts_;
  memory::desc plain_weight_;
  dnnl::reorder reorder_;
};

template <class Primitive, class Descriptor>
OnednnConvolution::Parts parts_of(const Descriptor& pd, memory::desc x, memory::desc weight,
                                  memory::desc y, memory::desc bias) {
  return {Primitive(pd),
          std::move(x),
          std::move(weight),
          std::move(y),
          std::move(bias),
          pd.scratchpad_desc(),
          std::string("onednn convolution ") + pd.impl_info_str()};
}

class OnednnProvider final : public ContractionProvider {
 public:
  std::string_view name() const override { return "onednn"; }

  std::unique_ptr<Kernel> matmul(const MatmulDesc& desc) const override {
    if (desc.out.dtype != DType::Float32 || desc.out.numel() == 0 || desc.k() == 0) return nullptr;
    if (!is_matrix(desc.a) || !is_matrix(desc.b)) return nullptr;
    if (desc.bias && desc.bias->strides[0] != 1) return nullptr;
    const memory::desc a = matrix_desc(desc.a), b = matrix_desc(desc.b),
                       out = matrix_desc(desc.out);
    memory::desc bias;
    if (desc.bias) {
      memory::dims dims(static_cast<std::size_t>(desc.out.shape.rank()), 1);
      dims.back() = desc.n();
      bias = memory::desc(dims, memory::data_type::f32, contiguous_strides(dims));
    }
    detail::bind_library_threads();
    const auto pd = compat::matmul(engine(), a, b, bias, out);
    if (!pd) return nullptr;
    return std::make_unique<OnednnMatmul>(*pd, a, b, bias, out);
  }

  std::unique_ptr<Kernel> convolution(const ConvDesc& desc) const override {
    if (desc.x.dtype != DType::Float32 || desc.x.numel() == 0 || desc.y.numel() == 0 ||
        desc.weight.numel() == 0 || !desc.weight.is_contiguous())
      return nullptr;
    const bool channels_last = !desc.x.is_contiguous() || !desc.y.is_contiguous();
    if (channels_last && (!is_channels_last(desc.x) || !is_channels_last(desc.y))) return nullptr;
    const memory::desc x = image_desc(desc.x, channels_last), y = image_desc(desc.y, channels_last);
    const memory::desc weight = weight_desc(desc, true);
    const auto g = geometry(desc.attrs);
    detail::bind_library_threads();
    switch (desc.kind) {
      case ConvKind::Forward: {
        memory::desc bias;
        if (desc.bias)
          bias = memory::desc({desc.y.shape[1]}, memory::data_type::f32, memory::format_tag::a);
        const auto pd = compat::convolution_forward(engine(), x, weight, bias, y, g);
        if (!pd) return nullptr;
        return make(desc, parts_of<dnnl::convolution_forward>(*pd, x, pd->weights_desc(), y, bias));
      }
      case ConvKind::BackwardInput: {
        const auto pd = compat::convolution_backward_data(engine(), x, weight, y, g);
        if (!pd) return nullptr;
        return make(desc,
                    parts_of<dnnl::convolution_backward_data>(*pd, x, pd->weights_desc(), y, {}));
      }
      case ConvKind::BackwardWeight: {
        const auto pd = compat::convolution_backward_weights(engine(), x, weight, y, g);
        if (!pd) return nullptr;
        return make(desc, parts_of<dnnl::convolution_backward_weights>(
                              *pd, x, pd->diff_weights_desc(), y, {}));
      }
    }
    return nullptr;
  }

 private:
  static std::unique_ptr<Kernel> make(const ConvDesc& desc, OnednnConvolution::Parts parts) {
    return std::make_unique<OnednnConvolution>(desc, std::move(parts));
  }
  static memory::dims contiguous_strides(const memory::dims& dims) {
    memory::dims strides(dims.size(), 1);
    for (std::size_t d = dims.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * dims[d + 1];
    return strides;
  }
};

}  // namespace

const ContractionProvider& onednn_provider() {
  static const OnednnProvider provider;
  return provider;
}

}  // namespace ingot::cpu
