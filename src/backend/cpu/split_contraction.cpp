#include "backend/cpu/split_contraction.h"
#include "core/ceil_div.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ingot/core/parallel.h>

#include "backend/cpu/batch_offsets.h"
#include "backend/cpu/dot.h"
#include "backend/cpu/scratch.h"

namespace ingot::cpu {
namespace {

// -- Few results: dot products
// ----------------------------------------------------------------------

constexpr std::int64_t kFewResults = 64;
constexpr std::int64_t kLongDot = 2048;

// A task is one block of the inner dimension in one product of the batch: its rows and columns are
// brought together once where they are strided, and serve all of the block's results.
class DotMatmul final : public Kernel {
 public:
  explicit DotMatmul(const MatmulDesc& desc)
      : d_(desc),
        a_offsets_(batch_offsets(desc.a)),
        b_offsets_(batch_offsets(desc.b)),
        out_offsets_(batch_offsets(desc.out)),
        blocks_(ceil_div(desc.k(), kDotBlock)) {
    const int r = d_.a.shape.rank();
    rows_ = {d_.m(), d_.a.strides[r - 2], d_.a.strides[r - 1]};
    columns_ = {d_.n(), d_.b.strides[r - 1], d_.b.strides[r - 2]};
  }

  std::size_t workspace_nbytes() const override {
    return static_cast<std::size_t>(d_.out.numel() * blocks_) * sizeof(double);
  }

  void run(const KernelArgs& args) const override {
    auto* partial = static_cast<double*>(args.workspace);
    const std::int64_t results = d_.out.numel(), products = std::ssize(out_offsets_);
    parallel_for(0, products * blocks_, grain_for(kDotBlock * d_.m() * d_.n()),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t t = first; t < last; ++t)
                     dots(args, static_cast<std::size_t>(t / blocks_), t % blocks_, partial);
                 });
    for (std::int64_t r = 0; r < results; ++r) {
      double sum = 0;
      for (std::int64_t b = 0; b < blocks_; ++b) sum += partial[r * blocks_ + b];
      store(args, r, static_cast<float>(sum));
    }
  }
  std::string describe() const override { return "dot products"; }

 private:
  // Blocks that were gathered start in different sets of the cache.
  static constexpr std::int64_t kApart = kDotBlock + 16;

  // The rows of a, or the columns of b.
  struct Vectors {
    std::int64_t count = 0, apart = 0, stride = 0;

    std::int64_t gathered() const { return stride == 1 ? 0 : count * kApart; }
    // One block of each, contiguous; in `room` where they do not lie so.
    Vectors block(const float*& from, std::int64_t length, float* room) const {
      if (stride == 1) return *this;
      if (apart < stride) {  // neighbours lie side by side
        for (std::int64_t i = 0; i < length; ++i)
          for (std::int64_t v = 0; v < count; ++v)
            room[v * kApart + i] = from[v * apart + i * stride];
      } else {
        for (std::int64_t v = 0; v < count; ++v)
          for (std::int64_t i = 0; i < length; ++i)
            room[v * kApart + i] = from[v * apart + i * stride];
      }
      from = room;
      return {count, kApart, 1};
    }
  };

  void dots(const KernelArgs& args, std::size_t product, std::int64_t b, double* partial) const {
    const std::int64_t first = b * kDotBlock, length = std::min(kDotBlock, d_.k() - first);
    const ThreadScratch scratch(
        ScratchUser::Gemm,
        static_cast<std::size_t>(rows_.gathered() + columns_.gathered()) * sizeof(float));
    const float* x = args.in<float>(0) + a_offsets_[product] + first * rows_.stride;
    const float* y = args.in<float>(1) + b_offsets_[product] + first * columns_.stride;
    const Vectors rows = rows_.block(x, length, scratch.as<float>());
    const Vectors columns = columns_.block(y, length, scratch.as<float>() + rows_.gathered());
    double* to =
        partial + static_cast<std::int64_t>(product) * rows.count * columns.count * blocks_;
    for (std::int64_t i = 0; i < rows.count; ++i)
      for (std::int64_t j = 0; j < columns.count; ++j, to += blocks_)
        to[b] = dot_block(x + i * rows.apart, y + j * columns.apart, length);
  }

  struct Place {
    std::size_t batch;
    std::int64_t row, column;
  };
  Place place_of(std::int64_t result) const {
    const std::int64_t n = d_.n(), m = d_.m();
    return {static_cast<std::size_t>(result / (m * n)), result / n % m, result % n};
  }

  void store(const KernelArgs& args, std::int64_t result, float value) const {
    const Place p = place_of(result);
    const int r = d_.out.shape.rank();
    if (d_.bias) value += args.in<float>(2)[p.column * d_.bias->strides[0]];
    args.out<float>(0)[out_offsets_[p.batch] + p.row * d_.out.strides[r - 2] +
                       p.column * d_.out.strides[r - 1]] = value;
  }

  MatmulDesc d_;
  std::vector<std::int64_t> a_offsets_, b_offsets_, out_offsets_;
  std::int64_t blocks_;
  Vectors rows_, columns_;
};

// -- Pieces by another kernel
// -----------------------------------------------------------------------

// Adds up `pieces` results of kernels of one shape: all alike but the last one.
class PieceSum final : public Kernel {
 public:
  /// `steps`: of each operand, the elements from one piece to the next.
  /// `first` computes piece 0 where it has something to it that the others have not (a bias);
  /// `rest` a shorter last piece.
  PieceSum(std::unique_ptr<Kernel> first, std::unique_ptr<Kernel> piece,
           std::unique_ptr<Kernel> rest, std::int64_t pieces, std::vector<std::int64_t> steps,
           std::int64_t numel)
      : first_(std::move(first)),
        piece_(std::move(piece)),
        rest_(std::move(rest)),
        pieces_(pieces),
        steps_(std::move(steps)),
        numel_(numel) {}

  std::size_t workspace_nbytes() const override {
    return inner_nbytes() + align64(static_cast<std::size_t>(numel_) * sizeof(float)) +
           static_cast<std::size_t>(numel_) * sizeof(double);
  }

  void run(const KernelArgs& args) const override {
    auto* next = static_cast<std::byte*>(args.workspace) + inner_nbytes();
    auto* part = reinterpret_cast<float*>(next);
    auto* sum =
        reinterpret_cast<double*>(next + align64(static_cast<std::size_t>(numel_) * sizeof(float)));
    std::vector<void*> inputs(steps_.size());
    void* outputs[] = {part};
    for (std::int64_t p = 0; p < pieces_; ++p) {
      for (std::size_t i = 0; i < steps_.size(); ++i)
        inputs[i] = static_cast<float*>(args.inputs[i]) + p * steps_[i];
      const bool is_last = p + 1 == pieces_;
      (p == 0 && first_   ? *first_
       : is_last && rest_ ? *rest_
                          : *piece_)
          .run({inputs.data(), outputs, args.slots, args.workspace});
      add(part, sum, p == 0, is_last ? args.out<float>(0) : nullptr);
    }
  }
  std::string describe() const override { return piece_->describe() + ", in pieces"; }

 private:
  std::size_t inner_nbytes() const {
    std::size_t most = piece_->workspace_nbytes();
    for (const Kernel* k : {first_.get(), rest_.get()})
      if (k) most = std::max(most, k->workspace_nbytes());
    return align64(most);
  }

  void add(const float* part, double* sum, bool is_first, float* out) const {
    parallel_for(0, numel_, kParallelNumel, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const double s = (is_first ? 0.0 : sum[i]) + static_cast<double>(part[i]);
        if (out)
          out[i] = static_cast<float>(s);
        else
          sum[i] = s;
      }
    });
  }

  std::unique_ptr<Kernel> first_, piece_, rest_;
  std::int64_t pieces_;
  std::vector<std::int64_t> steps_;
  std::int64_t numel_;
};

// How many elements of the inner dimension one product adds up. Large products keep tiles of the
// result in registers for hundreds of elements, and only these tiles' sums make a chain.
std::int64_t longest_product(const MatmulDesc& d) {
  return d.m() * d.n() >= 4096 ? std::int64_t{1} << 15 : std::int64_t{1} << 11;
}

// Below this a product is not cut: the sums are right to 1e-4 in any case.
constexpr std::int64_t kLongProduct = std::int64_t{1} << 16;

MatmulDesc with_depth(MatmulDesc d, std::int64_t k) {
  const int r = d.a.shape.rank();
  d.a.shape[r - 1] = k;
  d.b.shape[r - 2] = k;
  d.out = TensorDesc::contiguous(d.out.shape, d.out.dtype);
  d.bias = std::nullopt;
  return d;
}

// Images of one piece of a weight gradient; 0 when all are done at once. oneDNN's chains are rows
// of outputs, ours blocks of places.
constexpr std::int64_t kManyPlaces = std::int64_t{1} << 21;
constexpr std::int64_t kManyRows = 4096;

}  // namespace

std::unique_ptr<Kernel> lower_split_matmul(const MatmulDesc& desc, LowerMatmul whole) {
  if (desc.out.dtype != DType::Float32 || desc.out.numel() == 0) return nullptr;
  const std::int64_t k = desc.k();
  if (k > kLongDot && desc.out.numel() <= kFewResults) return std::make_unique<DotMatmul>(desc);
  if (k <= kLongProduct || !desc.out.is_contiguous()) return nullptr;
  const std::int64_t depth = longest_product(desc);
  const std::int64_t pieces = ceil_div(k, depth), rest = k % depth;
  const int r = desc.a.shape.rank();
  auto piece = whole(with_depth(desc, depth));
  auto last = rest == 0 ? nullptr : whole(with_depth(desc, rest));
  std::unique_ptr<Kernel> first;
  std::vector<std::int64_t> steps{depth * desc.a.strides[r - 1], depth * desc.b.strides[r - 2]};
  if (desc.bias) {
    MatmulDesc d = with_depth(desc, depth);
    d.bias = desc.bias;
    first = whole(d);
    steps.push_back(0);
  }
  if (!piece || (rest != 0 && !last) || (desc.bias && !first)) return nullptr;
  return std::make_unique<PieceSum>(std::move(first), std::move(piece), std::move(last), pieces,
                                    std::move(steps), desc.out.numel());
}

std::unique_ptr<Kernel> lower_split_convolution(const ConvDesc& desc, LowerConvolution whole) {
  if (desc.kind != ConvKind::BackwardWeight || desc.x.dtype != DType::Float32) return nullptr;
  const Shape& y = desc.y.shape;
  const std::int64_t images = y[0], rows = images * y[2];
  if (rows * y[3] < kManyPlaces || rows <= kManyRows || images < 2 || !desc.weight.is_contiguous())
    return nullptr;
  const std::int64_t count = std::max<std::int64_t>(1, kManyRows / 2 / y[2]);
  const std::int64_t pieces = ceil_div(images, count), rest = images % count;
  if (pieces < 2) return nullptr;
  const auto with_images = [&](std::int64_t n) {
    ConvDesc d = desc;
    d.x.shape[0] = d.y.shape[0] = n;
    return whole(d);
  };
  auto piece = with_images(count);
  auto last = rest == 0 ? nullptr : with_images(rest);
  if (!piece || (rest != 0 && !last)) return nullptr;
  return std::make_unique<PieceSum>(
      nullptr, std::move(piece), std::move(last), pieces,
      std::vector<std::int64_t>{count * desc.y.strides[0], count * desc.x.strides[0]},
      desc.weight.numel());
}

}  // namespace ingot::cpu
