// The pass `donate`: an output may be written over an input that nobody reads later — a temporary
// of this plan, or, if it turns out to have no other owner when bound, a leaf. A leaf that is a
// result itself (an op whose expansion hands an input through) is kept: its owner comes to be only
// when the plan ends. Memory of one device goes to no other one, also where the memory is one.
#include <algorithm>

#include "plan/passes.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

class Donation {
 public:
  explicit Donation(Draft& draft)
      : draft_(draft),
        is_result_(draft.holds_result()),
        taken_(draft.buffers.size(), 0),
        given_(draft.buffers.size(), 0),
        safe_from_(draft.steps.size()) {
    draft_.takes_over.assign(draft_.buffers.size(), -1);
    draft_.commit_step = draft_.steps.size();
    // Leaves are written over only where nothing that follows can fail (rule 8).
    while (safe_from_ > 0 && cannot_fail(draft_.steps[safe_from_ - 1])) --safe_from_;
  }

  void run() {
    for (std::size_t number = 0; number < draft_.steps.size(); ++number) {
      const DraftStep& step = draft_.steps[number];
      if (is_transfer(step) || !draft_.backend_of(step.on).limits().may_alias) continue;
      for (const bool first_choice : {true, false})
        for (std::size_t i = 0; i < step.from.size(); ++i) {
          const std::size_t successor = successor_of(step.desc, i);
          for (std::size_t o = 0; o < step.to.size(); ++o)
            if ((o == successor) == first_choice &&
                step.kernel->can_overwrite(static_cast<int>(i), static_cast<int>(o)) &&
                !read_otherwise(step.from, i))
              try_to_give(number, step.from[i], step.to[o].buffer);
        }
    }
  }

 private:
  static bool cannot_fail(const DraftStep& step) {
    return step.kernel->cannot_fail() && !step.desc.op->traits.checks;
  }

  // The output that should rather have input i's memory than another one: the first to be ready
  // when i has been read for the last time. So an optimizer's parameters and states stay where
  // they are.
  static std::size_t successor_of(const StepDesc& step, std::size_t i) {
    if (!step.program) return 0;
    const auto& code = step.program->code;
    const auto& stores = step.program->stores;
    std::size_t last_read = 0;
    for (std::size_t k = 0; k < code.size(); ++k) {
      if (code[k].kind != Program::Kind::Compute) continue;
      const std::uint16_t operands[3] = {code[k].a, code[k].b, code[k].c};
      for (int n = 0; n < arity(code[k].op); ++n) {
        const Program::Instruction& read = code[operands[n]];
        if (read.kind == Program::Kind::Load && read.index == i) last_read = k;
      }
    }
    std::size_t best = stores.size();
    for (std::size_t o = 0; o < stores.size(); ++o)
      if (stores[o] >= last_read && (best == stores.size() || stores[o] < stores[best])) best = o;
    return best;
  }

  // The step reads the same memory a second time in another order, so writing over it is not safe.
  static bool read_otherwise(const std::vector<Place>& from, std::size_t i) {
    for (std::size_t k = 0; k < from.size(); ++k)
      if (k != i && from[k].buffer == from[i].buffer &&
          (from[k].offset != from[i].offset || !(from[k].strides == from[i].strides)))
        return true;
    return false;
  }

  void try_to_give(std::size_t step, const Place& place, std::int32_t to_number) {
    const auto f = static_cast<std::size_t>(place.buffer), t = static_cast<std::size_t>(to_number);
    PlanBuffer& from = draft_.buffers[f];
    PlanBuffer& to = draft_.buffers[t];
    if (taken_[f] || given_[t] || is_result_[f]) return;
    if (draft_.lives[f].last != step || place.offset != 0) return;
    if (draft_.lives[t].first != step) return;
    if (from.nbytes != to.nbytes || from.on != to.on) return;
    if (from.kind == PlanBuffer::Kind::Arena && to.kind == PlanBuffer::Kind::Arena) {
      // The temporary's memory lives on as the output's.
      const std::int32_t root =
          draft_.takes_over[f] >= 0 ? draft_.takes_over[f] : static_cast<std::int32_t>(f);
      draft_.takes_over[t] = root;
      std::size_t& last = draft_.lives[static_cast<std::size_t>(root)].last;
      last = std::max(last, draft_.lives[t].last);
    } else if (from.kind == PlanBuffer::Kind::Leaf && to.kind == PlanBuffer::Kind::Output &&
               step >= safe_from_) {
      to.donor_leaf = static_cast<std::int32_t>(from.index);
      draft_.commit_step = std::min(draft_.commit_step, step);
    } else {
      return;
    }
    taken_[f] = 1;
    given_[t] = 1;
  }

  Draft& draft_;
  std::vector<std::uint8_t> is_result_;
  std::vector<std::uint8_t> taken_, given_;  // per buffer
  std::size_t safe_from_;
};

}  // namespace

void donate(Draft& draft) {
  Donation(draft).run();
  draft.filled = Draft::Part::Donors;
}

}  // namespace ingot::plan
