// Tensor: a value handle with PyTorch's names and semantics.
//
// Copies of a Tensor share one cell: an in-place operation on one is seen by all. Operations check
// shapes and dtypes at once and record a node; values are computed when somebody looks (item(),
// to_vector(), printing, optimizer.step(), eval()). One stated difference from PyTorch: views never
// alias. A view is a value of its own, and an in-place operation on a view throws ViewError.
//
//   handle.h        shares of a cell, hooks          operand.h       what operators take
//   methods.h       class Tensor                     construction.h  tensors of given numbers
//   tensor_ref.h    a tensor that is kept elsewhere  indexing.h      x[…] and x.index({…})
//   grad_mode.h     eval(), no gradients
#pragma once

#include <ingot/core/construction.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/core/handle.h>
#include <ingot/core/host_array.h>
#include <ingot/core/indexing.h>
#include <ingot/core/methods.h>
#include <ingot/core/operand.h>
#include <ingot/core/site.h>
#include <ingot/core/tensor_ref.h>
