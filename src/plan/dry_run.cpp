#include "plan/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>

#include "core/block_cache.h"
#include "core/record.h"
#include "plan/bind.h"
#include "plan/passes.h"
#include "plan/transfer.h"

namespace ingot::plan {

namespace {
thread_local DryRun* running = nullptr;
}  // namespace

// -- Memory that is only counted ------------------------------------------------------------------

// Lives as long as one of its buffers does: a node that is forgotten late may hold one.
class DryRun::CountingAllocator final : public Allocator {
 public:
  explicit CountingAllocator(Device device) : device_(device) {}

  Ref<Buffer> allocate(std::size_t nbytes) override {
    if (nbytes > BlockCache::kLargest)
      throw OutOfMemoryError(fmt::format("{}: cannot allocate {} bytes", device_.str(), nbytes));
    const std::size_t capacity = BlockCache::capacity_for(nbytes);
    auto* buffer = new Buffer(this, nullptr, nbytes, capacity, device_, MemorySpace::Device);
    users_.fetch_add(1, std::memory_order_relaxed);
    const std::size_t now = allocated_.fetch_add(capacity, std::memory_order_relaxed) + capacity;
    if (now > peak_.load(std::memory_order_relaxed)) peak_.store(now, std::memory_order_relaxed);
    return Ref<Buffer>(buffer);
  }

  // As stream_arena() where a stream keeps its own.
  Ref<Buffer> allocate_arena(std::size_t nbytes) override {
    if (!keeps_arena) return allocate(nbytes);
    if (arena_ && arena_->nbytes() >= nbytes) return arena_;
    arena_ = nullptr;
    arena_ = allocate(nbytes);
    return arena_;
  }

  void recycle(Buffer* buffer) noexcept override {
    allocated_.fetch_sub(buffer->capacity(), std::memory_order_relaxed);
    delete buffer;
    let_go();
  }

  /// The dry run is over.
  void end() noexcept {
    arena_ = nullptr;
    let_go();
  }

  std::size_t allocated_nbytes() const { return allocated_.load(std::memory_order_relaxed); }
  std::size_t peak_nbytes() const { return peak_.load(std::memory_order_relaxed); }

  bool keeps_arena = false;

 private:
  ~CountingAllocator() override = default;
  void let_go() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  Device device_;
  Ref<Buffer> arena_;
  std::atomic<std::size_t> users_{1}, allocated_{0}, peak_{0};
};

// The device as the plan knows it, but with such memory.
class DryRun::CountingBackend final : public Backend {
 public:
  explicit CountingBackend(Backend& real)
      : real_(real), memory_(new CountingAllocator(real.device())) {}
  ~CountingBackend() override { memory_->end(); }

  std::string_view name() const override { return real_.name(); }
  Device device() const override { return real_.device(); }
  const Limits& limits() const override { return real_.limits(); }
  Allocator& allocator() override { return *memory_; }
  bool fuses() const override { return real_.fuses(); }
  bool supports(const StepDesc& step) const override { return real_.supports(step); }
  void choose_layouts(StepDesc& step) const override { real_.choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override { return real_.lower(step); }

  CountingAllocator& counted() const { return *memory_; }

 private:
  Backend& real_;
  CountingAllocator* memory_;
};

// -- What a plan says -----------------------------------------------------------------------------

namespace {

std::string place_of(const Node& n) {
  const Site& site = users_site(n);
  if (site.line() == 0) return {};
  const std::string_view file(site.file_name());
  return fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), site.line());
}

DryEvaluation describe(const Plan& plan, const Batch& batch, const std::vector<Gap>& gaps) {
  DryEvaluation e;
  e.steps = plan.steps.size();
  for (const PlanDevice& d : plan.devices) e.arena_nbytes[d.device.str()] = d.arena_nbytes;
  std::map<std::int32_t, std::size_t> number_of;  // by batch node
  for (const Gap& gap : gaps) {
    const Node& n = *batch.nodes[static_cast<std::size_t>(gap.batch_node)];
    const auto [entry, added] = number_of.emplace(gap.batch_node, e.lacking.size());
    if (added)
      e.lacking.push_back({.recorded = std::string(n.op().name),
                           .ops = {},
                           .operand = gap.operand,
                           .place = place_of(n),
                           .device = gap.device,
                           .refused = gap.refused});
    std::vector<std::string>& ops = e.lacking[entry->second].ops;
    const std::string name(gap.op->name);
    if (const auto at = std::lower_bound(ops.begin(), ops.end(), name);
        at == ops.end() || *at != name)
      ops.insert(at, name);
  }
  // A copy to the host is made for the one that reads it there, a copy from it for the one that has
  // computed there what is copied.
  std::vector<std::int32_t> maker(plan.buffers.size(), -1);
  for (const Segment& segment : plan.segments)
    for (std::size_t s = segment.first_step; s < segment.end_step; ++s) {
      const Step& step = plan.steps[s];
      const auto buffer = [&](std::size_t i) {
        return static_cast<std::size_t>(step.operands[i].buffer);
      };
      if (step.op == &kTransfer) {
        const bool from_host = plan.buffers[buffer(0)].on == kHost;
        const std::int32_t cause =
            from_host && maker[buffer(0)] >= 0 ? maker[buffer(0)] : step.batch_node;
        e.transferred_nbytes += step.figures.nbytes_read;
        if (const auto found = number_of.find(cause); found != number_of.end()) {
          e.lacking[found->second].nbytes += step.figures.nbytes_read;
          ++e.lacking[found->second].transfers;
        }
      } else if (segment.on == kHost) {
        for (std::size_t o = step.num_inputs; o < step.operands.size(); ++o)
          maker[buffer(o)] = step.batch_node;
      }
    }
  return e;
}

}  // namespace

// -- The run --------------------------------------------------------------------------------------

DryRun::DryRun() {
  if (running) throw InternalError("a dry run inside a dry run");
  running = this;
}
DryRun::~DryRun() { running = nullptr; }
DryRun* DryRun::current() noexcept { return running; }

void DryRun::refuse_to_look() {
  if (running)
    throw ValueError(
        "this step is only planned, nothing is computed: there is no value to look at");
}

DryRun::CountingBackend& DryRun::counting(Backend& real) {
  std::unique_ptr<CountingBackend>& made = backends_[&real];
  if (!made) made = std::make_unique<CountingBackend>(real);
  return *made;
}

void DryRun::run(Batch& batch, Backend& host) {
  std::vector<Gap> gaps;
  const std::shared_ptr<Plan> plan = make_plan(batch, host, num_threads(), false, &gaps);
  for (std::size_t d = 0; d < plan->devices.size(); ++d) {
    PlanDevice& device = plan->devices[d];
    Backend& real = d == kHost ? host : *device.backend;
    CountingBackend& backend = counting(real);
    backend.counted().keeps_arena = may_share_arena(*plan, d, real);
    if (d != kHost) device.backend = &backend;
  }
  evaluations_.push_back(describe(*plan, batch, gaps));
  PlanInstance instance;
  bind(*plan, batch, counting(host), instance, nullptr);
  std::size_t flat = 0;
  for (Node* n : batch.nodes)
    for (NodeOutput& o : n->outputs()) o.value = std::move(instance.binding.values[flat++]);
}

std::vector<DryEvaluation> DryRun::take_evaluations() { return std::exchange(evaluations_, {}); }

std::size_t DryRun::allocated_nbytes(Device device) const {
  std::size_t total = 0;
  for (const auto& [real, counted] : backends_)
    if (counted->device() == device) total += counted->counted().allocated_nbytes();
  return total;
}

std::size_t DryRun::peak_nbytes(Device device) const {
  std::size_t peak = 0;
  for (const auto& [real, counted] : backends_)
    if (counted->device() == device) peak += counted->counted().peak_nbytes();
  return peak;
}

}  // namespace ingot::plan
