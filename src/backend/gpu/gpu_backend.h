// The GPU backend over any driver: which steps it has kernels for, and the kernels.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/gpu/driver.h"
#include "backend/gpu/families.h"

namespace ingot::gpu {

/// A device adds its memory and its stream.
class GpuBackend : public Backend {
 public:
  explicit GpuBackend(std::unique_ptr<Driver> driver);

  const Limits& limits() const override { return limits_; }
  bool fuses() const override { return true; }
  bool supports(const StepDesc& step) const override;
  void choose_layouts(StepDesc& step) const override;
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override;

 protected:
  std::unique_ptr<Driver> driver_;
  Limits limits_;

 private:
  const Entry* find(const StepDesc& step) const;
  bool has_dtypes(const StepDesc& step) const;

  Table table_;
};

}  // namespace ingot::gpu
