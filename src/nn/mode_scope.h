// ModeScope: training or evaluation mode for a while, and then each module's own mode again.
#pragma once

#include <utility>
#include <vector>

#include <ingot/nn/module.h>

namespace ingot::nn {

/// Puts `root` and the modules below it into a mode; at its end each is put back into the one it
/// was in, whatever happens. So layers that were frozen one by one stay frozen.
class ModeScope {
 public:
  ModeScope(Module& root, bool training) {
    for (Module* m : root.modules()) flags_.emplace_back(m, m->is_training());
    root.train(training);
  }
  ~ModeScope() {
    // Parents come first in the list, so that each child's own flag is set after theirs.
    for (auto& [module, on] : flags_) module->train(on);
  }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> flags_;
};

}  // namespace ingot::nn
