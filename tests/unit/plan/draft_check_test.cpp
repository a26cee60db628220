// The check of drafts: what the passes make is found sound, planted defects are found.
#include "plan/check.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/update.h>

#include "support/drafts.h"

namespace ingot::plan {
namespace {

using testing_support::with_draft;

// Nodes: matmul, numbers, a program, a sum, a broadcast, a transposed view whose reshape needs a
// copy, and a program over it.
std::vector<Tensor> sample() {
  const Tensor x = ones({16, 8}), w = ones({8, 12});
  eval();
  const Tensor r = relu(x.matmul(w) * 2 + 1);
  const Tensor t = r - r.sum({1}, true);
  return {t, exp(t.permute({1, 0}).reshape({8, 24})).sum({0})};
}

// One leaf, read by two programs of different shapes; the second result may take its memory.
std::vector<Tensor> read_twice() {
  const Tensor p = ones({64});
  eval();
  return {p * 2, p.reshape({8, 8}) * 3};
}

// A temporary that two programs read; the second one may be written over it.
std::vector<Tensor> temporary_read_twice() {
  const Tensor x = ones({64});
  eval();
  const Tensor t = x.reshape({4, 16}).sum({1}, true).expand({4, 16}).reshape({64});
  const Tensor a = exp(t), b = exp(t.reshape({8, 8}) * 3);
  return {a.sum(), b.sum()};
}

std::int32_t node_of(const Draft& d, std::string_view op) {
  for (std::size_t n = 0; n < d.nodes.size(); ++n)
    if (d.nodes[n].op->name == op && !d.nodes[n].dead) return static_cast<std::int32_t>(n);
  ADD_FAILURE() << "no " << op;
  return 0;
}

std::size_t step_of(const Draft& d, std::string_view what) {
  for (std::size_t s = 0; s < d.steps.size(); ++s)
    if (d.steps[s].what == what) return s;
  ADD_FAILURE() << "no step " << what << " in " << d.str();
  return 0;
}

std::size_t group_of(const Draft& d, std::int32_t n) {
  for (std::size_t g = 0; g < d.groups.size(); ++g)
    for (const std::int32_t member : d.groups[g].nodes)
      if (member == n) return g;
  ADD_FAILURE() << "n" << n << " is in no group";
  return 0;
}

PlanBuffer& written_by(Draft& d, std::size_t step) { return d.buffer(d.steps[step].to[0].buffer); }

// Two arena buffers that live at the same time.
std::pair<std::size_t, std::size_t> neighbours(const Draft& d) {
  for (std::size_t a = 0; a < d.buffers.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (d.buffers[a].kind == PlanBuffer::Kind::Arena &&
          d.buffers[b].kind == PlanBuffer::Kind::Arena && d.takes_over[a] < 0 &&
          d.takes_over[b] < 0 && d.lives[a].first <= d.lives[b].last &&
          d.lives[b].first <= d.lives[a].last)
        return {a, b};
  ADD_FAILURE() << "no two buffers live together in " << d.str();
  return {};
}

struct Defect {
  const char* name;
  const char* after;
  std::vector<Tensor> (*record)();
  void (*plant)(Draft&);
  const char* found;
};

void PrintTo(const Defect& defect, std::ostream* out) { *out << defect.name; }

class Planted : public ::testing::TestWithParam<Defect> {};

TEST_P(Planted, IsFound) {
  const Defect& defect = GetParam();
  with_draft(defect.after, defect.record, [&](Draft& d) {
    ASSERT_NO_THROW(check(d, defect.after));
    defect.plant(d);
    try {
      check(d, "planting");
      ADD_FAILURE() << "not found in " << d.str();
    } catch (const InternalError& e) {
      const std::string text = e.what();
      EXPECT_NE(text.find("draft after planting"), std::string::npos) << text;
      EXPECT_NE(text.find(defect.found), std::string::npos) << text;
    }
  });
}

const Defect kDefects[] = {
    // Nodes
    {"AnOperandBeforeItsProducer", "expand", sample,
     [](Draft& d) { d.node(node_of(d, "relu")).inputs[0] = d.nodes.back().outputs[0]; },
     "makes only later"},
    {"AValueThatThereIsNot", "expand", sample, [](Draft& d) { d.nodes[0].inputs[0] = 9999; },
     "reads v9999, which there is not"},
    {"TwoMakersOfOneValue", "expand", sample,
     [](Draft& d) { d.nodes.back().outputs = d.nodes[0].outputs; }, "makes v"},
    {"AValueFromNowhere", "expand", sample,
     [](Draft& d) { d.value(d.node(node_of(d, "relu")).outputs[0]).producer = -1; },
     "must be a leaf, a constant or made by a node"},
    {"AValueThatNamesAnotherMaker", "expand", sample,
     [](Draft& d) { d.value(d.node(node_of(d, "relu")).outputs[0]).producer = 0; },
     "which does not"},
    {"ANodeWithoutOp", "expand", sample, [](Draft& d) { d.nodes[0].op = nullptr; }, "has no op"},
    {"AnAlias", "expand", sample, [](Draft& d) { d.nodes[0].op = &kVariable; }, "is an alias"},
    {"ASlotThatThereIsNot", "expand", sample,
     [](Draft& d) { d.node(node_of(d, "full")).slots[0] = 77; }, "reads slot 77"},
    {"ANumberWithoutSlot", "expand", sample,
     [](Draft& d) {
       d.node(node_of(d, "full")).slots.clear();
       d.node(node_of(d, "full")).slot_kinds.clear();
     },
     "has 0 slots"},
    {"ShapesThatDoNotBroadcast", "expand", sample,
     [](Draft& d) {
       d.value(d.node(node_of(d, "relu")).outputs[0]).spec.shape = {16, 13};
     },
     "does not broadcast to"},
    {"AViewOfAnotherSize", "expand", sample,
     [](Draft& d) {
       d.value(d.node(node_of(d, "reshape")).outputs[0]).spec.shape = {8, 25};
     },
     "is no view of"},
    {"AViewOfAnotherDtype", "expand", sample,
     [](Draft& d) { d.value(d.node(node_of(d, "permute")).outputs[0]).spec.dtype = float64; },
     "is no view of"},
    {"AKeptOutputWithoutFlag", "expand", sample,
     [](Draft& d) { d.value(d.outputs.back()).live = false; }, "is kept, its value"},
    {"ADeadValueThatIsUsed", "simplify", sample,
     [](Draft& d) { d.node(node_of(d, "matmul")).dead = true; }, "which is dead"},
    {"ADeadValueThatIsKept", "simplify", sample, [](Draft& d) { d.nodes.back().dead = true; },
     "that makes it is dead"},
    // Groups
    {"ANodeInNoGroup", "group", sample, [](Draft& d) { d.groups.pop_back(); }, "is in no group"},
    {"ANodeInTwoGroups", "group", sample,
     [](Draft& d) { d.groups.back().nodes.push_back(d.groups.back().nodes[0]); },
     "is in the groups"},
    {"ADeadNodeInAGroup", "group", sample,
     [](Draft& d) {
       d.nodes.back().dead = true;
       d.live.back() = 0;
     },
     "which is dead"},
    {"AGroupBeforeWhatItReads", "group", sample,
     [](Draft& d) {
       std::swap(d.groups[group_of(d, node_of(d, "matmul"))],
                 d.groups[group_of(d, node_of(d, "relu"))]);
     },
     "makes only later"},
    {"WorkOfTwoShapesInOneGroup", "group", sample,
     [](Draft& d) {
       const std::int32_t n = node_of(d, "exp");
       d.groups.erase(d.groups.begin() + static_cast<std::ptrdiff_t>(group_of(d, n)));
       d.groups[group_of(d, node_of(d, "sub"))].nodes.push_back(n);
     },
     "joins"},
    {"AReductionInAGroup", "group", sample,
     [](Draft& d) {
       const std::size_t g = group_of(d, node_of(d, "matmul"));
       const std::size_t into = group_of(d, node_of(d, "relu"));
       auto& nodes = d.groups[g].nodes;
       nodes.insert(nodes.end(), d.groups[into].nodes.begin(), d.groups[into].nodes.end());
       d.groups.erase(d.groups.begin() + static_cast<std::ptrdiff_t>(into));
     },
     "joins"},
    {"AValueThatIsReadAndNotStored", "group", sample,
     [](Draft& d) {
       d.in_memory[static_cast<std::size_t>(d.node(node_of(d, "matmul")).outputs[0])] = 0;
     },
     "does not store"},
    {"AResultThatIsNotStored", "group", sample,
     [](Draft& d) { d.in_memory[static_cast<std::size_t>(d.outputs.back())] = 0; },
     "is kept and not stored"},
    // Programs
    {"AGroupWithoutProgram", "program", sample,
     [](Draft& d) { d.groups[group_of(d, node_of(d, "relu"))].program = nullptr; },
     "has no program"},
    {"ARegisterBeforeItsValue", "program", sample,
     [](Draft& d) {
       Group& g = d.groups[group_of(d, node_of(d, "relu"))];
       Program p = *g.program;
       p.code.back().a = static_cast<std::uint16_t>(p.code.size() - 1);
       g.program = std::make_shared<Program>(p);
     },
     "which is made only later"},
    {"ALoadOfAnotherDtype", "program", sample,
     [](Draft& d) {
       Group& g = d.groups[group_of(d, node_of(d, "exp"))];
       Program p = *g.program;
       p.code[0].dtype = float64;
       g.program = std::make_shared<Program>(p);
     },
     "loads input 0 as float64"},
    {"AStoreThatIsMissing", "program", sample,
     [](Draft& d) { d.groups[group_of(d, node_of(d, "relu"))].outputs.clear(); }, "stores"},
    {"ASlotOfNoNumber", "program", sample,
     [](Draft& d) {
       Group& g = d.groups[group_of(d, node_of(d, "relu"))];
       g.slots.pop_back();
       g.slot_kinds.pop_back();
     },
     "takes slot"},
    // Steps
    {"MemoryReadBeforeItIsWritten", "layout", sample,
     [](Draft& d) {
       const std::size_t s = step_of(d, "sum");
       std::swap(d.steps[s], d.steps[s - 1]);
     },
     "before anything is written there"},
    {"MemoryInAnotherOrder", "layout", sample,
     [](Draft& d) {
       d.steps[step_of(d, "matmul")].desc.inputs[0].strides = {1, 16};
     },
     "is in memory with strides"},
    {"AViewWithoutItsCopy", "layout", sample,
     [](Draft& d) {
       for (DraftStep& s : d.steps)
         if (s.what == "exp") s.from[0].strides = {1, 8};
     },
     "is in memory with strides"},
    {"ABufferThatIsTooSmall", "layout", sample,
     [](Draft& d) { written_by(d, step_of(d, "matmul")).nbytes -= 4; }, "ends beyond"},
    {"AStepThatWritesALeaf", "layout", sample,
     [](Draft& d) { d.steps[step_of(d, "sum")].to[0].buffer = 0; }, "which was given"},
    {"TwoStepsThatWriteOneBuffer", "layout", read_twice,
     [](Draft& d) { d.steps[1].to[0].buffer = d.steps[0].to[0].buffer; }, "which step 0 wrote"},
    {"ALifeThatEndsTooEarly", "layout", sample,
     [](Draft& d) {
       const auto b = static_cast<std::size_t>(d.steps[step_of(d, "matmul")].to[0].buffer);
       d.lives[b].last = d.lives[b].first;
     },
     "is used in the steps"},
    {"AResultInTheArena", "layout", sample,
     [](Draft& d) { d.buffer(d.results[0].buffer).kind = PlanBuffer::Kind::Arena; },
     "which is gone after the run"},
    {"AResultThatIsMissing", "layout", sample, [](Draft& d) { d.results.pop_back(); },
     "is kept and is no result"},
    // Kernels
    {"AStepWithoutKernel", "lower", sample, [](Draft& d) { d.steps[0].kernel = nullptr; },
     "no kernel"},
    {"AKernelWithoutItsWorkspace", "lower", read_twice,
     [](Draft& d) {
       d.steps[0].kernel = make_kernel([](const KernelArgs&) {}, 64);
       d.steps[0].workspace = -1;
     },
     "wants a workspace of 64 B"},
    {"AWorkspaceThatIsAValue", "lower", sample,
     [](Draft& d) {
       d.steps[0].kernel = make_kernel([](const KernelArgs&) {}, 64);
       d.steps[0].workspace = d.steps[0].to[0].buffer;
     },
     "cannot be its workspace"},
    // Donors
    {"ALeafReadAfterItWasOverwritten", "donate", read_twice,
     [](Draft& d) {
       written_by(d, 0).donor_leaf = std::exchange(written_by(d, 1).donor_leaf, -1);
       d.commit_step = 0;
     },
     "step 1 reads b0 after step 0 wrote"},
    {"ALeafGivenTwice", "donate", read_twice, [](Draft& d) { written_by(d, 0).donor_leaf = 0; },
     "wrote b1 over it"},
    {"ALeafWrittenTooEarly", "donate", read_twice, [](Draft& d) { d.commit_step = 2; },
     "before step 2"},
    {"AFaultAfterALeafWasWritten", "donate", read_twice,
     [](Draft& d) {
       const std::size_t nbytes = d.steps[1].kernel->workspace_nbytes();
       d.steps[1].kernel = make_kernel([](const KernelArgs&) {}, nbytes);
     },
     "may fail after step 1 wrote over a leaf"},
    {"ALeafThatIsAResult", "donate", read_twice,
     [](Draft& d) { d.results[0].buffer = d.steps[1].from[0].buffer; }, "which is a result itself"},
    {"ATemporaryReadAfterItWasOverwritten", "donate", temporary_read_twice,
     [](Draft& d) {
       // The first program takes over what the second one reads.
       for (std::size_t s = 0; s < d.steps.size(); ++s)
         for (const Place& p : d.steps[s].from) {
           const auto b = static_cast<std::size_t>(p.buffer);
           if (d.buffers[b].kind != PlanBuffer::Kind::Arena || d.lives[b].last == s) continue;
           PlanBuffer& to = written_by(d, s);
           d.takes_over[static_cast<std::size_t>(d.steps[s].to[0].buffer)] = p.buffer;
           to.nbytes = d.buffers[b].nbytes = std::max(to.nbytes, d.buffers[b].nbytes);
           d.lives[b].last = d.steps.size();
           return;
         }
     },
     "over it"},
    {"AnOutputOfAnotherSize", "donate", read_twice,
     [](Draft& d) { d.buffer(d.steps[1].from[0].buffer).nbytes *= 2; },
     "cannot be written over leaf"},
    // Arena
    {"TwoValuesInTheSameBytes", "memory", sample,
     [](Draft& d) {
       const auto [a, b] = neighbours(d);
       d.buffers[a].offset = d.buffers[b].offset;
     },
     "are in the same bytes"},
    {"ATemporaryBeyondTheArena", "memory", sample,
     [](Draft& d) { d.devices[0].arena_nbytes -= 64; }, " B at "},
    {"ATemporaryBetweenCacheLines", "memory", sample,
     [](Draft& d) { d.buffers[neighbours(d).first].offset += 8; }, " B at "},
};

INSTANTIATE_TEST_SUITE_P(Defects, Planted, ::testing::ValuesIn(kDefects),
                         [](const auto& p) { return p.param.name; });

// What a user would run: forward, backward, update.
std::vector<Tensor> training_step() {
  std::vector<Tensor> params{ones({4, 1, 3, 3}) * 0.1, ones({4}), zeros({4}), ones({3, 4}) * 0.2};
  const Tensor x = ones({2, 1, 8, 8}), mean = zeros({4}), variance = ones({4});
  const Tensor labels = tensor({2, 0});
  std::vector<Tensor> average, square;
  for (Tensor& p : params) {
    average.push_back(zeros_like(p));
    square.push_back(zeros_like(p));
  }
  eval();
  for (Tensor& p : params) p.requires_grad_();
  const Tensor h = conv2d(x, params[0]);
  const Tensor n = relu(batch_norm(h, mean, variance, params[1], params[2], true));
  const Tensor y = max_pool2d(n, 2).mean({2, 3}).matmul(params[3].permute({1, 0}));
  const std::vector<Tensor> grads = grad({cross_entropy(y, labels)}, params);
  AdamResult next = adam_update(params, grads, average, square, {}, {.step = 1});
  std::vector<Tensor> kept = next.params;
  kept.insert(kept.end(), next.exp_avg.begin(), next.exp_avg.end());
  kept.insert(kept.end(), next.exp_avg_sq.begin(), next.exp_avg_sq.end());
  return kept;
}

TEST(DraftCheck, WhatThePassesMakeIsSound) {
  for (Backend* backend : {&cpu_backend(), &reference_backend()})
    for (auto* record : {sample, read_twice, temporary_read_twice, training_step})
      for (const Pass& pass : passes())
        with_draft(
            pass.name, record,
            [&](Draft& d) {
              EXPECT_NO_THROW(check(d, pass.name)) << d.str();
              EXPECT_GT(d.nodes.size(), 2u);
            },
            *backend);
}

TEST(DraftCheck, TheMessageNamesTheUsersLine) {
  with_draft("simplify", sample, [](Draft& d) {
    const std::int32_t n = node_of(d, "relu");
    d.node(d.value(d.node(n).inputs[0]).producer).dead = true;
    try {
      check(d, "x");
      FAIL();
    } catch (const InternalError& e) {
      const std::string text = e.what();
      EXPECT_NE(text.find("relu, "), std::string::npos) << text;
      EXPECT_NE(text.find("draft_check_test.cpp:"), std::string::npos) << text;
    }
  });
}

}  // namespace
}  // namespace ingot::plan
