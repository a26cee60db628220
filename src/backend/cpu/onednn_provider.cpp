// oneDNN: float32 matrix products and convolutions.
//
// Where the work divides evenly, each of our threads runs a primitive of its own on a part of the
// batch (or of a product's rows or columns): our threads wait better than OpenMP's
// (core/thread_pool.h). oneDNN's own threads do the rest: single images, sizes that do not divide,
// large weights.
#include "backend/cpu/onednn_compat.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <ingot/core/parallel.h>

#include "backend/cpu/contraction.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/tile_ops.h"
#include "backend/layouts.h"
#include "core/buffer.h"
#include "core/library_threads.h"

namespace ingot::cpu {
namespace {

using dnnl::memory;

// oneDNN keeps primitives, too. Plans hold on to theirs, so its cache need only be large enough
// that equal layers of one network share one. It is not counted; emptying our caches empties it.
constexpr int kKeptPrimitives = 128;

void drop_primitives() noexcept {
  dnnl_set_primitive_cache_capacity(0);
  dnnl_set_primitive_cache_capacity(kKeptPrimitives);
}

// Never destroyed: a device's thread may still run steps when the process ends.
const dnnl::engine& engine() {
  static const auto* const instance = [] {
    dnnl_set_primitive_cache_capacity(kKeptPrimitives);
    add_memory_reclaimer(drop_primitives);
    return new dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return *instance;
}

// About what a primitive takes: its generated code and descriptors.
constexpr std::size_t kPrimitiveNbytes = std::size_t{64} << 10;

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

// Tells oneDNN how many threads it has now: one, if `alone`.
class MaybeAlone {
 public:
  explicit MaybeAlone(bool alone) {
    if (alone) limit_.emplace(1);
    threads_.emplace();
  }

 private:
  std::optional<ThreadLimit> limit_;
  std::optional<detail::LibraryThreads> threads_;
};

// A kernel for one of several equal parts, run for all of them.
class InPieces final : public Kernel {
 public:
  /// Steps are the bytes from one part's operand to the next one's, in the kernel's order.
  InPieces(std::unique_ptr<Kernel> part, std::int64_t pieces, std::vector<std::int64_t> input_steps,
           std::int64_t output_step)
      : part_(std::move(part)),
        pieces_(pieces),
        input_steps_(std::move(input_steps)),
        output_step_(output_step),
        workspace_step_(align64(part_->workspace_nbytes())) {}

  std::size_t workspace_nbytes() const override {
    return static_cast<std::size_t>(pieces_) * workspace_step_;
  }

  void run(const KernelArgs& args) const override {
    parallel_for(0, pieces_, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t p = first; p < last; ++p) {
        void* inputs[kMaxInputs];
        for (std::size_t i = 0; i < input_steps_.size(); ++i)
          inputs[i] = static_cast<std::byte*>(args.inputs[i]) + p * input_steps_[i];
        void* output = static_cast<std::byte*>(args.outputs[0]) + p * output_step_;
        void* workspace =
            static_cast<std::byte*>(args.workspace) + static_cast<std::size_t>(p) * workspace_step_;
        part_->run({inputs, &output, args.slots, workspace});
      }
    });
  }
  std::string describe() const override { return part_->describe(); }

 private:
  static constexpr std::size_t kMaxInputs = 3;
  std::unique_ptr<Kernel> part_;
  std::int64_t pieces_;
  std::vector<std::int64_t> input_steps_;
  std::int64_t output_step_;
  std::size_t workspace_step_;
};

class OnednnMatmul final : public Kernel {
 public:
  /// `alone`: on the calling thread.
  OnednnMatmul(const dnnl::matmul::primitive_desc& pd, bool alone, memory::desc a, memory::desc b,
               memory::desc bias, memory::desc out)
      : primitive_(pd),
        alone_(alone),
        a_(std::move(a)),
        b_(std::move(b)),
        bias_(std::move(bias)),
        out_(std::move(out)),
        scratchpad_(pd.scratchpad_desc()),
        name_(std::string("onednn matmul ") + pd.impl_info_str()) {}

  std::size_t workspace_nbytes() const override { return scratchpad_.get_size(); }
  std::size_t nbytes() const override { return kPrimitiveNbytes; }

  void run(const KernelArgs& args) const override {
    const MaybeAlone limit(alone_);
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
  bool alone_;
  memory::desc a_, b_, bias_, out_, scratchpad_;
  std::string name_;
};

// -- Convolutions ---------------------------------------------------------------------------------

memory::desc image_desc(const TensorDesc& t, bool channels_last) {
  return {t.shape.vector(), memory::data_type::f32,
          channels_last ? memory::format_tag::nhwc : memory::format_tag::nchw};
}

memory::dims weight_dims(const ConvDesc& d) {
  const Shape& w = d.weight.shape;
  if (d.attrs.groups == 1) return w.vector();
  return {d.attrs.groups, w[0] / d.attrs.groups, w[1], w[2], w[3]};
}

// Fewer elements than a second thread pays for, or than a piece's own copy costs.
constexpr std::size_t kSmallWeight = 256 * 1024;
bool is_small(const memory::desc& weight) {
  return weight.get_size() <= kSmallWeight * sizeof(float);
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

// oneDNN counts in 32 bits, bytes included, and its compiled kernels do not look.
bool is_within_32_bits(const ConvDesc& d) {
  constexpr std::int64_t kLargestStep = 1 << 16, kLargestSize = 1 << 28;
  for (int i = 0; i < 2; ++i)
    if (d.attrs.stride[i] > kLargestStep || d.attrs.dilation[i] > kLargestStep ||
        d.attrs.padding[i] > kLargestStep)
      return false;
  for (const TensorDesc* t : {&d.x, &d.weight, &d.y})
    for (const std::int64_t n : t->shape)
      if (n > kLargestSize) return false;
  return true;
}

// One of the three convolution primitives, with weights reordered to and from what it chose.
// Several pieces are equal parts of the batch; each then has a scratchpad and a gradient of the
// weights of its own.
class OnednnConvolution final : public Kernel {
 public:
  struct Parts {
    dnnl::primitive primitive;
    memory::desc x, weight, y, bias, scratchpad;
    std::string name;
  };

  OnednnConvolution(const ConvDesc& desc, std::int64_t pieces, bool alone, Parts parts)
      : kind_(desc.kind),
        pieces_(pieces),
        alone_(alone),
        parts_(std::move(parts)),
        plain_weight_(weight_desc(desc, false)),
        scratch_step_(align64(parts_.scratchpad.get_size())),
        weight_step_(align64(parts_.weight.get_size())) {
    if (parts_.weight == plain_weight_) return;
    const bool out = kind_ == ConvKind::BackwardWeight;
    const auto& from = out ? parts_.weight : plain_weight_;
    const auto& to = out ? plain_weight_ : parts_.weight;
    reorder_ = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
    cut_reorder(from, to, desc.attrs.groups);
  }

  std::size_t nbytes() const override { return kPrimitiveNbytes; }
  std::size_t workspace_nbytes() const override {
    return scratch_nbytes() + static_cast<std::size_t>(num_blocked()) * weight_step_;
  }

  void run(const KernelArgs& args) const override {
    const bool backward_weight = kind_ == ConvKind::BackwardWeight;
    void* plain = backward_weight ? args.outputs[0] : args.inputs[1];
    auto* blocked = static_cast<std::byte*>(args.workspace) + scratch_nbytes();
    if (reorder_ && !backward_weight) reorder(plain_weight_, plain, parts_.weight, blocked);
    if (pieces_ == 1) {
      const MaybeAlone limit(alone_);
      execute(args, 0, reorder_ ? blocked : plain);
      stream().wait();
    } else {
      parallel_for(0, pieces_, 1, [&](std::int64_t first, std::int64_t last) {
        const detail::LibraryThreads threads;
        for (std::int64_t p = first; p < last; ++p)
          execute(args, p,
                  backward_weight ? blocked + static_cast<std::size_t>(p) * weight_step_
                  : reorder_      ? blocked
                                  : plain);
        stream().wait();
      });
    }
    if (!backward_weight) return;
    if (pieces_ > 1) add_up(blocked, reorder_ ? blocked : plain);
    if (reorder_) reorder(parts_.weight, blocked, plain_weight_, plain);
  }

  std::string describe() const override { return parts_.name; }

 private:
  std::size_t scratch_nbytes() const { return static_cast<std::size_t>(pieces_) * scratch_step_; }
  // Weights in oneDNN's order: one for all pieces, or a gradient of each.
  std::int64_t num_blocked() const {
    if (kind_ == ConvKind::BackwardWeight && pieces_ > 1) return pieces_;
    return reorder_ ? 1 : 0;
  }

  // Large weights are reordered in pieces, by output channel.
  void cut_reorder(const memory::desc& from, const memory::desc& to, std::int64_t groups) {
    memory::dims dims = from.dims(), offset(dims.size(), 0);
    const std::int64_t threads = pieces_;
    if (is_small(parts_.weight) || groups != 1 || threads < 2 || dims[0] % (16 * threads) != 0)
      return;
    dims[0] /= threads;
    for (std::int64_t p = 0; p < threads; ++p) {
      offset[0] = p * dims[0];
      reorder_parts_.push_back(
          {from.submemory_desc(dims, offset), to.submemory_desc(dims, offset), {}});
      auto& [part_from, part_to, primitive] = reorder_parts_.back();
      primitive =
          dnnl::reorder(dnnl::reorder::primitive_desc(engine(), part_from, engine(), part_to));
    }
  }

  void reorder(const memory::desc& from, void* source, const memory::desc& to, void* target) const {
    if (!reorder_parts_.empty()) {
      const auto count = static_cast<std::int64_t>(reorder_parts_.size());
      parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
        const detail::LibraryThreads threads;
        for (std::int64_t p = first; p < last; ++p) {
          const auto& part = reorder_parts_[static_cast<std::size_t>(p)];
          memory source_memory = wrap(part.from, source), target_memory = wrap(part.to, target);
          part.primitive.execute(stream(), source_memory, target_memory);
        }
        stream().wait();
      });
      return;
    }
    const MaybeAlone limit(is_small(parts_.weight));  // not worth a second thread
    memory source_memory = wrap(from, source), target_memory = wrap(to, target);
    reorder_.execute(stream(), source_memory, target_memory);
    stream().wait();
  }

  // total = the sum of the pieces' gradients, in their order; total may be the first of them.
  void add_up(const std::byte* gradients, void* total) const {
    const auto count = static_cast<std::int64_t>(parts_.weight.get_size() / sizeof(float));
    auto* sum = static_cast<float*>(total);
    static const TileFunction add = find_tile_function(ScalarOp::Add, DType::Float32);
    parallel_for(0, count, grain_for(pieces_), [&](std::int64_t first, std::int64_t last) {
      const auto* left = reinterpret_cast<const float*>(gradients);
      for (std::int64_t p = 1; p < pieces_; ++p) {
        const auto* part =
            reinterpret_cast<const float*>(gradients + static_cast<std::size_t>(p) * weight_step_);
        add(left + first, part + first, nullptr, sum + first,
            static_cast<std::size_t>(last - first));
        left = sum;
      }
    });
  }

  void execute(const KernelArgs& args, std::int64_t piece, void* weights) const {
    const auto part = [&](const memory::desc& desc, void* whole) {
      return wrap(
          desc, static_cast<std::byte*>(whole) + static_cast<std::size_t>(piece) * desc.get_size());
    };
    const memory weight = wrap(parts_.weight, weights);
    const memory scratch =
        wrap(parts_.scratchpad, static_cast<std::byte*>(args.workspace) +
                                    static_cast<std::size_t>(piece) * scratch_step_);
    switch (kind_) {
      case ConvKind::Forward: {
        std::unordered_map<int, memory> operands{{DNNL_ARG_SRC, part(parts_.x, args.inputs[0])},
                                                 {DNNL_ARG_WEIGHTS, weight},
                                                 {DNNL_ARG_DST, part(parts_.y, args.outputs[0])},
                                                 {DNNL_ARG_SCRATCHPAD, scratch}};
        if (parts_.bias != memory::desc())
          operands.emplace(DNNL_ARG_BIAS, wrap(parts_.bias, args.inputs[2]));
        parts_.primitive.execute(stream(), operands);
        break;
      }
      case ConvKind::BackwardInput:
        parts_.primitive.execute(stream(), {{DNNL_ARG_DIFF_DST, part(parts_.y, args.inputs[0])},
                                            {DNNL_ARG_WEIGHTS, weight},
                                            {DNNL_ARG_DIFF_SRC, part(parts_.x, args.outputs[0])},
                                            {DNNL_ARG_SCRATCHPAD, scratch}});
        break;
      case ConvKind::BackwardWeight:
        parts_.primitive.execute(stream(), {{DNNL_ARG_DIFF_DST, part(parts_.y, args.inputs[0])},
                                            {DNNL_ARG_SRC, part(parts_.x, args.inputs[1])},
                                            {DNNL_ARG_DIFF_WEIGHTS, weight},
                                            {DNNL_ARG_SCRATCHPAD, scratch}});
        break;
    }
  }

  ConvKind kind_;
  std::int64_t pieces_;
  bool alone_;
  Parts parts_;
  memory::desc plain_weight_;
  std::size_t scratch_step_, weight_step_;
  dnnl::reorder reorder_;
  struct ReorderPart {
    memory::desc from, to;
    dnnl::reorder primitive;
  };
  std::vector<ReorderPart> reorder_parts_;
};

// The gradient of large weights: each piece makes that of its own output channels, from a copy of
// their part of y's gradient. (Pieces of the batch would each make a whole one.)
class ByOutputChannel final : public Kernel {
 public:
  /// `part` computes 1/pieces of the channels of `desc`.
  ByOutputChannel(const ConvDesc& desc, std::int64_t pieces, std::unique_ptr<Kernel> part)
      : part_(std::move(part)),
        pieces_(pieces),
        channels_last_(!desc.y.is_contiguous()),
        batch_(desc.y.shape[0]),
        channels_(desc.y.shape[1]),
        area_(desc.y.shape[2] * desc.y.shape[3]),
        weight_step_(desc.weight.nbytes() / static_cast<std::size_t>(pieces)),
        copy_nbytes_(align64(desc.y.nbytes() / static_cast<std::size_t>(pieces))),
        workspace_step_(copy_nbytes_ + align64(part_->workspace_nbytes())) {}

  std::size_t workspace_nbytes() const override {
    return static_cast<std::size_t>(pieces_) * workspace_step_;
  }

  void run(const KernelArgs& args) const override {
    parallel_for(0, pieces_, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t p = first; p < last; ++p) {
        auto* workspace =
            static_cast<std::byte*>(args.workspace) + static_cast<std::size_t>(p) * workspace_step_;
        copy_channels(args.in<float>(0), p, reinterpret_cast<float*>(workspace));
        void* inputs[] = {workspace, args.inputs[1]};
        void* output =
            static_cast<std::byte*>(args.outputs[0]) + static_cast<std::size_t>(p) * weight_step_;
        part_->run({inputs, &output, args.slots, workspace + copy_nbytes_});
      }
    });
  }
  std::string describe() const override { return part_->describe(); }

 private:
  void copy_channels(const float* y, std::int64_t piece, float* to) const {
    // Rows of one run of channels each: pixels in channels-last order, else images.
    const std::int64_t rows = channels_last_ ? batch_ * area_ : batch_;
    const std::int64_t row = channels_last_ ? channels_ : channels_ * area_;
    const std::int64_t count = row / pieces_;
    const float* from = y + piece * count;
    for (std::int64_t r = 0; r < rows; ++r, from += row, to += count)
      std::copy(from, from + count, to);
  }

  std::unique_ptr<Kernel> part_;
  std::int64_t pieces_;
  bool channels_last_;
  std::int64_t batch_, channels_, area_;
  std::size_t weight_step_, copy_nbytes_, workspace_step_;
};

// Into how many equal parts something of `size` is cut: several for every thread, if
// `max_pieces` allows it, so that no thread waits long for another; 1 where it cannot be cut
// evenly.
std::int64_t equal_parts(std::int64_t size, std::int64_t max_pieces, std::int64_t unit = 1) {
  const std::int64_t threads = num_threads();
  if (threads < 2) return 1;
  for (std::int64_t each = kPiecesPerThread; each >= 1; each /= 2)
    if ((each == 1 || threads * each <= max_pieces) && size % (threads * each * unit) == 0)
      return threads * each;
  return 1;
}

// Products that make a piece worth handing out beside others, a few times what that costs; and
// those from which a convolution is worth one piece for every thread.
constexpr std::int64_t kMinProducts = 1 << 20;
constexpr std::int64_t kMinConvolution = 1 << 18;

std::int64_t products_of(const ConvDesc& desc) {
  const Shape& w = desc.weight.shape;
  return desc.y.numel() * w[1] * w[2] * w[3];
}

struct ConvSplit {
  std::int64_t pieces = 1;
  bool alone = false;  ///< too small for a second thread
};

// Into how many equal parts of the batch a convolution is cut. Every piece of a gradient of the
// weights makes one of its own: for large weights that costs more than it brings.
ConvSplit split_of(const ConvDesc& desc) {
  const std::int64_t products = products_of(desc);
  if (products < kMinConvolution) return {.alone = true};  // also where a size is 0
  std::int64_t most = products / kMinProducts;
  if (desc.kind == ConvKind::BackwardWeight) {
    if (!is_small(weight_desc(desc, false))) return {};
    most = std::min(most, desc.x.numel() / (4 * desc.weight.numel()));
  }
  return {.pieces = equal_parts(desc.x.shape[0], most)};
}

// The same by output channel, in oneDNN's blocks of them; 1 for another kind of convolution.
std::int64_t channel_pieces_of(const ConvDesc& desc) {
  if (desc.kind != ConvKind::BackwardWeight || desc.attrs.groups != 1 ||
      is_small(weight_desc(desc, false)))
    return 1;
  return equal_parts(desc.y.shape[1], products_of(desc) / (8 * kMinProducts), 16);
}

TensorDesc part_of_batch(TensorDesc t, std::int64_t pieces) {
  t.shape[0] /= pieces;
  return t;
}

// Into how many equal parts a product is cut, and along which dimension of `out`.
struct MatmulSplit {
  std::int64_t pieces = 1;
  int dim = 0;
  bool alone = false;  ///< too small for a second thread
};

MatmulSplit split_of(const MatmulDesc& desc) {
  const std::int64_t products = desc.out.numel() * desc.k();
  if (products < kMinProducts / 2) return {.alone = true};
  const std::int64_t most = products / kMinProducts;
  // Batches first, then the longer side.
  const int rank = desc.out.shape.rank();
  for (int d = 0; d < rank - 2; ++d)
    if (const auto pieces = equal_parts(desc.out.shape[d], most); pieces > 1)
      return {.pieces = pieces, .dim = d};
  const int longer = desc.m() >= desc.n() ? rank - 2 : rank - 1;
  for (const int d : {longer, longer == rank - 1 ? rank - 2 : rank - 1})
    if (const auto pieces = equal_parts(desc.out.shape[d], most, 16); pieces > 1)
      return {.pieces = pieces, .dim = d};
  return {};
}

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
    const MatmulSplit split = split_of(desc);
    if (split.pieces == 1) return whole_matmul(desc, split.alone);
    MatmulDesc part = desc;
    // Cuts one operand's dimension and says how far apart its parts lie.
    const auto cut = [&](TensorDesc& t, int dim) {
      t.shape[dim] /= split.pieces;
      return t.shape[dim] * t.strides[dim] * static_cast<std::int64_t>(sizeof(float));
    };
    const int rank = desc.out.shape.rank();
    const std::int64_t output_step = cut(part.out, split.dim);
    std::vector<std::int64_t> input_steps(desc.bias ? 3 : 2, 0);
    if (split.dim != rank - 1) input_steps[0] = cut(part.a, split.dim);
    if (split.dim != rank - 2) input_steps[1] = cut(part.b, split.dim);
    if (split.dim == rank - 1 && desc.bias) input_steps[2] = cut(*part.bias, 0);
    const ThreadLimit alone(1);
    auto kernel = whole_matmul(part, true);
    if (!kernel) return nullptr;
    return std::make_unique<InPieces>(std::move(kernel), split.pieces, std::move(input_steps),
                                      output_step);
  }

  std::unique_ptr<Kernel> convolution(const ConvDesc& desc) const override {
    if (const auto parts = channel_pieces_of(desc); parts > 1)
      return by_output_channel(desc, parts);
    const auto [pieces, small] = split_of(desc);
    if (pieces == 1) return convolution_for(desc, 1, small);
    ConvDesc part = desc;
    part.x = part_of_batch(desc.x, pieces);
    part.y = part_of_batch(desc.y, pieces);
    const ThreadLimit alone(1);
    return convolution_for(part, pieces, true);
  }

 private:
  static std::unique_ptr<Kernel> by_output_channel(const ConvDesc& desc, std::int64_t pieces) {
    ConvDesc part = desc;
    part.weight.shape[0] /= pieces;
    part.y.shape[1] /= pieces;
    part.y.strides = desc.y.is_contiguous() ? part.y.shape.contiguous_strides()
                                            : channels_last_strides(part.y.shape);
    const ThreadLimit alone(1);
    auto kernel = convolution_for(part, 1, true);
    if (!kernel) return nullptr;
    return std::make_unique<ByOutputChannel>(desc, pieces, std::move(kernel));
  }

  static std::unique_ptr<Kernel> whole_matmul(const MatmulDesc& desc, bool alone) {
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
    const MaybeAlone limit(alone);
    const auto pd = compat::matmul(engine(), a, b, bias, out);
    if (!pd) return nullptr;
    return std::make_unique<OnednnMatmul>(*pd, alone, a, b, bias, out);
  }

  // `desc` is what one of `pieces` computes; `alone`: each on one thread.
  static std::unique_ptr<Kernel> convolution_for(const ConvDesc& desc, std::int64_t pieces,
                                                 bool alone) {
    if (desc.x.dtype != DType::Float32 || desc.x.numel() == 0 || desc.y.numel() == 0 ||
        desc.weight.numel() == 0 || !desc.weight.is_contiguous() || !is_within_32_bits(desc))
      return nullptr;
    const bool channels_last = !desc.x.is_contiguous() || !desc.y.is_contiguous();
    if (channels_last && (!fits_channels_last(desc.x) || !fits_channels_last(desc.y)))
      return nullptr;
    const memory::desc x = image_desc(desc.x, channels_last), y = image_desc(desc.y, channels_last);
    const memory::desc weight = weight_desc(desc, true);
    const auto g = geometry(desc.attrs);
    const MaybeAlone limit(alone);
    switch (desc.kind) {
      case ConvKind::Forward: {
        memory::desc bias;
        if (desc.bias)
          bias = memory::desc({desc.y.shape[1]}, memory::data_type::f32, memory::format_tag::a);
        const auto pd = compat::convolution_forward(engine(), x, weight, bias, y, g);
        if (!pd) return nullptr;
        return make(desc, pieces, alone,
                    parts_of<dnnl::convolution_forward>(*pd, x, pd->weights_desc(), y, bias));
      }
      case ConvKind::BackwardInput: {
        const auto pd = compat::convolution_backward_data(engine(), x, weight, y, g);
        if (!pd) return nullptr;
        return make(desc, pieces, alone,
                    parts_of<dnnl::convolution_backward_data>(*pd, x, pd->weights_desc(), y, {}));
      }
      case ConvKind::BackwardWeight: {
        const auto pd = compat::convolution_backward_weights(engine(), x, weight, y, g);
        if (!pd) return nullptr;
        return make(
            desc, pieces, alone,
            parts_of<dnnl::convolution_backward_weights>(*pd, x, pd->diff_weights_desc(), y, {}));
      }
    }
    return nullptr;
  }

  static std::unique_ptr<Kernel> make(const ConvDesc& desc, std::int64_t pieces, bool alone,
                                      OnednnConvolution::Parts parts) {
    return std::make_unique<OnednnConvolution>(desc, pieces, alone, std::move(parts));
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
