// Starting from weights that were trained for something else: everything is taken over but the
// head, whose size depends on the number of classes.
//
//   auto net = models::create("resnet18", {.num_classes = 10});
//   nn::load_pretrained(*net, ingot::load("resnet18.pth"));    // skips fc.weight and fc.bias
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/nn/module.h>

namespace ingot::nn {

struct PretrainedReport {
  std::vector<std::string> loaded;   ///< keys, in the module's order
  std::vector<std::string> skipped;  ///< "fc.weight: [1000, 512] in the file, [10, 512] here"
};

/// The path of the module that holds the last parameters: where models of the zoo decide.
/// Throws ValueError when the module has no parameters.
std::string head_of(const Module& module);

/// Takes the values of `weights` (converted to each tensor's dtype and device). When a key of the
/// module at `head` (head_of() unless given) has another shape, or is missing in `weights`, the
/// whole head keeps its own values; missing counters of batch-norm ("num_batches_tracked", which
/// old files lack) keep theirs, too. Throws ValueError that lists every other key that is missing,
/// unexpected or misshapen, and then changes nothing.
PretrainedReport load_pretrained(Module& module, const StateDict& weights,
                                 std::string_view head = {});

}  // namespace ingot::nn
