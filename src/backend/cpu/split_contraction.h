// Contractions over very many elements, cut into pieces. A sum of float32 in one chain is off by up
// to 3e-8 of it for every element (1e7 equal ones: 4 %), and libraries use few chains. A piece is
// short enough to be exact to 1e-4; pieces are added in float64. What is cut, and where, depends on
// the shapes alone, so that bits do not depend on threads.
#pragma once

#include <memory>

#include "backend/cpu/contraction.h"

namespace ingot::cpu {

using LowerMatmul = std::unique_ptr<Kernel> (*)(const MatmulDesc&);
using LowerConvolution = std::unique_ptr<Kernel> (*)(const ConvDesc&);

/// A kernel that cuts the inner dimension; its pieces are `whole`'s. nullptr where the product is
/// short enough to be done at once.
std::unique_ptr<Kernel> lower_split_matmul(const MatmulDesc& desc, LowerMatmul whole);

/// The same for the gradient of a convolution's weights, whose sums run over all images: they are
/// cut into groups of images.
std::unique_ptr<Kernel> lower_split_convolution(const ConvDesc& desc, LowerConvolution whole);

}  // namespace ingot::cpu
