#include <ingot/train/check.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <map>
#include <thread>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>

#include "backend/backend.h"
#include "plan/dry_run.h"

namespace ingot::train {
namespace {

constexpr int kSteps = 3;  // the state is made, used, and used as ever after

std::size_t nbytes_on(Device device, const std::vector<Tensor>& tensors) {
  std::size_t total = 0;
  for (const Tensor& t : tensors)
    if (t.defined() && t.device() == device)
      total += static_cast<std::size_t>(t.numel()) * nbytes_of(t.dtype());
  return total;
}

void add_sizes(const TrainingStep& step, TrainingCheck& check) {
  if (step.net) {
    check.parameter_nbytes = nbytes_on(check.device, step.net->parameters());
    check.buffer_nbytes = nbytes_on(check.device, step.net->buffers());
    std::vector<Tensor> grads;
    for (const Tensor& p : step.net->parameters()) grads.push_back(p.grad());
    check.gradient_nbytes = nbytes_on(check.device, grads);
  }
  if (step.optimizer) {
    std::vector<Tensor> state;
    for (const auto& [key, t] : step.optimizer->state_dict())
      if (key.starts_with("state.") && !key.ends_with(".step")) state.push_back(t);
    check.optimizer_nbytes = nbytes_on(check.device, state);
  }
}

/// What evaluations of one step, or of all that comes before, say; once per operation.
class Findings {
 public:
  void add(const std::vector<plan::DryEvaluation>& evaluations) {
    for (const plan::DryEvaluation& e : evaluations)
      for (const plan::LackingOp& found : e.lacking) {
        LackingOperation& o = of(found);
        o.operation = found.recorded;
        o.ops = found.ops;
        if (o.operand.empty()) o.operand = found.operand;
        if (o.place.empty()) o.place = found.place;
        ++o.count;
        o.nbytes += found.nbytes;
        o.refused |= found.refused;
      }
  }

  /// Those that this one lacks.
  void add_new(const Findings& other) {
    for (const auto& [key, operation] : other.by_op_) by_op_.try_emplace(key, operation);
  }

  std::vector<LackingOperation> list() const {
    std::vector<LackingOperation> all;
    for (const auto& [key, operation] : by_op_) all.push_back(operation);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.nbytes > b.nbytes; });
    return all;
  }

 private:
  LackingOperation& of(const plan::LackingOp& op) {
    return by_op_[fmt::format("{} {}", op.recorded, fmt::join(op.ops, " "))];
  }

  std::map<std::string, LackingOperation> by_op_;
};

void add_temporaries(const std::vector<plan::DryEvaluation>& evaluations, TrainingCheck& check) {
  for (const plan::DryEvaluation& e : evaluations)
    if (const auto found = e.arena_nbytes.find(check.device.str()); found != e.arena_nbytes.end())
      check.temporary_nbytes = std::max(check.temporary_nbytes, found->second);
}

// Everything that the step is made of dies before the dry run ends.
void plan_steps(plan::DryRun& dry, const std::function<TrainingStep(Device)>& make,
                TrainingCheck& check) {
  Findings steady, before;
  try {
    const TrainingStep step = make(check.device);
    if (!step.run) throw ValueError("check_training: the step has no `run`");
    for (int i = 0; i < kSteps; ++i) {
      step.run();
      eval();
      const auto evaluations = dry.take_evaluations();
      add_temporaries(evaluations, check);
      (i + 1 < kSteps ? before : steady).add(evaluations);
      if (i + 1 < kSteps) continue;
      for (const plan::DryEvaluation& e : evaluations)
        check.transferred_nbytes += e.transferred_nbytes;
    }
    add_sizes(step, check);
    dry.take_evaluations();
    if (step.measure) {
      step.measure();
      eval();
      const auto evaluations = dry.take_evaluations();
      add_temporaries(evaluations, check);
      before.add(evaluations);
    }
  } catch (const Error& e) {
    check.error = e.what();
    before.add(dry.take_evaluations());
  }
  steady.add_new(before);
  check.lacking = steady.list();
  check.peak_nbytes = dry.peak_nbytes(check.device);
}

std::string bytes(std::uint64_t n) {
  if (n >= std::uint64_t{1} << 30)
    return fmt::format("{:.2f} GiB", static_cast<double>(n) / static_cast<double>(1 << 30));
  if (n >= std::uint64_t{1} << 20)
    return fmt::format("{:.1f} MiB", static_cast<double>(n) / static_cast<double>(1 << 20));
  if (n >= std::uint64_t{1} << 10) return fmt::format("{:.1f} KiB", static_cast<double>(n) / 1024);
  return fmt::format("{} B", n);
}

}  // namespace

bool TrainingCheck::can_run() const {
  return error.empty() && std::none_of(lacking.begin(), lacking.end(),
                                       [](const LackingOperation& o) { return o.refused; });
}

std::string TrainingCheck::str() const {
  std::string text;
  if (!error.empty()) text += fmt::format("the step cannot be planned: {}\n", error);
  for (const LackingOperation& o : lacking) {
    const bool itself = o.ops == std::vector<std::string>{o.operation};
    text +=
        fmt::format("{}{} on {}: {}, {} times a step, {} copied{}\n", o.operation,
                    itself ? "" : fmt::format(" (its {})", fmt::join(o.ops, ", ")), o.operand,
                    o.refused ? "refused (INGOT_FALLBACK=error)" : "falls back to the cpu", o.count,
                    bytes(o.nbytes), o.place.empty() ? "" : fmt::format("; first at {}", o.place));
  }
  if (error.empty() && lacking.empty()) text += fmt::format("all of it runs on {}\n", device.str());
  text += fmt::format(
      "copied between devices in a step: {}\n"
      "peak memory of {}: {}\n"
      "  parameters {}, buffers {}, gradients {}, optimizer {}, temporaries {}\n",
      bytes(transferred_nbytes), device.str(), bytes(peak_nbytes), bytes(parameter_nbytes),
      bytes(buffer_nbytes), bytes(gradient_nbytes), bytes(optimizer_nbytes),
      bytes(temporary_nbytes));
  return text;
}

TrainingCheck check_training(Device device, const std::function<TrainingStep(Device)>& make) {
  backend_for(device);  // throws when it is not there
  TrainingCheck check;
  check.device = device;
  // On a thread of its own: what this one has recorded and not evaluated is not to be planned.
  const Generator::State random = default_generator().state();
  std::exception_ptr failure;
  std::thread([&] {
    try {
      plan::DryRun dry;
      plan_steps(dry, make, check);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  default_generator().set_state(random);
  if (failure) std::rethrow_exception(failure);
  return check;
}

}  // namespace ingot::train
