// Sums of products in Einstein's notation.
#pragma once

#include <string_view>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

/// torch.einsum: `einsum("bij,bjk->bik", {a, b})`. Letters name dimensions; one in several operands
/// (or twice in one: the diagonal) runs along all of them together; those that the output does not
/// name are summed. Without "->" the output has the letters that occur once, capitals first. "..."
/// stands for the dimensions without a letter, which broadcast; in an output given without it they
/// are summed. Spaces mean nothing. Dimensions of size 1 broadcast.
/// Operands are combined from left to right. Throws ValueError for an equation that makes no sense,
/// ShapeError for operands that do not fit it.
Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands,
              Site at = Site::current());

}  // namespace ingot
