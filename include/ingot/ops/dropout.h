// Dropout.
#pragma once

#include <ingot/core/generator.h>
#include <ingot/core/tensor.h>

namespace ingot {

/// In training each element becomes 0 with probability `p`, else x/(1 − p); the gradient uses the
/// same choice. Otherwise, and for p = 0, the result is x itself. Floating dtypes. Throws
/// ValueError unless 0 <= p <= 1.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true,
               Generator* generator = nullptr, Site at = Site::current());

/// The same for whole channels of x[N, C, …]: one choice for each of the N·C of them.
Tensor feature_dropout(const Tensor& x, double p = 0.5, bool training = true,
                       Generator* generator = nullptr, Site at = Site::current());

/// The same for whole samples of x[N, …]: one choice for each of the N ("row" mode of torchvision's
/// stochastic_depth). Huang et al., "Deep networks with stochastic depth" (2016).
Tensor stochastic_depth(const Tensor& x, double p, bool training = true,
                        Generator* generator = nullptr, Site at = Site::current());

}  // namespace ingot
