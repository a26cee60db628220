// GuardedBackend: a backend whose memory is filled with NaN when it is handed out and watched for
// writes before and after every block. A kernel that reads what nobody wrote gives NaN; one that
// writes outside its buffer is counted.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace ingot::optest {

class GuardedBackend final : public Backend {
 public:
  explicit GuardedBackend(Backend& inner);
  ~GuardedBackend() override;

  std::string_view name() const override { return inner_.name(); }
  Allocator& allocator() override;
  bool fuses() const override { return inner_.fuses(); }
  bool supports(const StepDesc& step) const override { return inner_.supports(step); }
  void choose_layouts(StepDesc& step) const override { inner_.choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override { return inner_.lower(step); }

  /// Blocks given back so far with a damaged guard, and how many there were at all.
  static std::size_t damaged_blocks();
  static std::size_t checked_blocks();

 private:
  Backend& inner_;
};

}  // namespace ingot::optest
