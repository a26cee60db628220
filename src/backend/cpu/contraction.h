// Contractions (matrix products and convolutions) go through a provider: oneDNN, CBLAS with im2col,
// or our own GEMM. INGOT_CPU_PROVIDER=onednn|cblas|own chooses one; whatever it does not take falls
// to the next, down to `own`, which takes every dtype and stride.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "backend/step.h"
#include "core/op_attrs.h"

namespace ingot::cpu {

/// out[B…, M, N] = a[B…, M, K] · b[B…, K, N] + bias[N]; all of one dtype, equal ranks ≥ 2. Strides
/// are any (0 where a batch repeats); out's columns are contiguous.
struct MatmulDesc {
  TensorDesc a, b, out;
  std::optional<TensorDesc> bias;

  std::int64_t m() const { return out.shape[out.shape.rank() - 2]; }
  std::int64_t n() const { return out.shape.back(); }
  std::int64_t k() const { return a.shape.back(); }
  std::int64_t batches() const { return m() * n() == 0 ? 0 : out.shape.numel() / (m() * n()); }
};

/// Which of the three tensors of a convolution is computed from the other two.
enum class ConvKind { Forward, BackwardInput, BackwardWeight };

/// x[N, C, H, W], weight[O, C/groups, KH, KW], y[N, O, OH, OW], bias[O] (Forward only), of one
/// floating dtype. Any dense strides.
struct ConvDesc {
  ConvKind kind = ConvKind::Forward;
  TensorDesc x, weight, y;
  std::optional<TensorDesc> bias;
  ConvAttrs attrs;
};

/// Kernels read their operands in this order: matmul a, b[, bias] -> out; Forward x, weight[, bias]
/// -> y; BackwardInput y, weight -> x; BackwardWeight y, x -> weight.
class ContractionProvider {
 public:
  virtual ~ContractionProvider() = default;
  virtual std::string_view name() const = 0;
  /// nullptr: not for this provider.
  virtual std::unique_ptr<Kernel> matmul(const MatmulDesc& desc) const = 0;
  virtual std::unique_ptr<Kernel> convolution(const ConvDesc& desc) const = 0;
};

const ContractionProvider& onednn_provider();
const ContractionProvider& own_provider();
#if defined(INGOT_HAVE_CBLAS)
const ContractionProvider& cblas_provider();
#endif

/// The chosen provider first, then those that take what it does not.
std::span<const ContractionProvider* const> contraction_providers();

std::unique_ptr<Kernel> lower_matmul(const MatmulDesc& desc);
std::unique_ptr<Kernel> lower_convolution(const ConvDesc& desc);

}  // namespace ingot::cpu
