// Each pass by itself: what it makes of small programs. (Merging, grouping and the arena:
// passes_test.cpp.)
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "backend/layouts.h"
#include "support/drafts.h"

namespace ingot::plan {
namespace {

using testing_support::with_draft;

Tensor evaluated(const Shape& shape) {
  const Tensor x = ones(shape);
  eval();
  return x;
}

std::vector<std::string> step_names(const Draft& d) {
  std::vector<std::string> names;
  for (const DraftStep& s : d.steps) names.push_back(s.what);
  return names;
}

using Names = std::vector<std::string>;

TEST(Passes, StandInOneTable) {
  Names names;
  for (const Pass& p : passes()) names.emplace_back(p.name);
  EXPECT_EQ(names, (Names{"expand", "simplify", "place", "group", "program", "layout", "lower",
                          "donate", "memory"}));
  with_draft(
      "expand", [] { return evaluated({2}) + 1; },
      [](Draft& d) { EXPECT_THROW(run_passes(d, "no such pass"), InternalError); });
}

TEST(Expand, AliasesVanish) {
  with_draft(
      "expand", [] { return evaluated({3}).detach().exp().detach(); },
      [](const Draft& d) {
        ASSERT_EQ(d.nodes.size(), 1u);
        EXPECT_EQ(d.nodes[0].op->name, "exp");
        EXPECT_EQ(d.outputs.back(), d.nodes[0].outputs[0]) << "the alias is its input's value";
      });
}

TEST(Expand, AnOpWithoutKernelBecomesWhatItMeans) {
  with_draft(
      "expand", [] { return gelu(evaluated({3})); },
      [](const Draft& d) {
        EXPECT_GT(d.nodes.size(), 3u);
        for (const DraftNode& n : d.nodes) {
          EXPECT_TRUE(is_elementwise(*n.op)) << n.op->name;
          EXPECT_EQ(n.batch_node, d.nodes[0].batch_node) << "all come from the recorded node";
        }
        EXPECT_FALSE(d.constant_slots.empty())
            << "numbers of the expansion are no slots of the batch";
      });
}

TEST(Expand, ReadsNothingOfTheBatchLater) {
  with_draft(
      "expand",
      [] {
        return relu(evaluated({3, 4}).permute({1, 0}) * 2);
      },
      [](Draft& d) {
        d.batch = nullptr;
        bool later = false;
        for (const Pass& p : passes()) {
          if (later) p.run(d);
          later |= p.name == "expand";
        }
        EXPECT_EQ(step_names(d), (Names{"mul+relu"}));
        EXPECT_EQ(d.results.size(), 1u);
      });
}

TEST(Programs, LoadEachValueOnceAndStoreWhatIsRead) {
  with_draft(
      "program",
      [] {
        const Tensor x = evaluated({8});
        const Tensor h = x * x + 3;
        return std::vector<Tensor>{h, exp(h) - x};
      },
      [](const Draft& d) {
        const Group& g = d.groups[0];
        ASSERT_TRUE(g.program);
        EXPECT_EQ(g.inputs, (std::vector<std::int32_t>{0}));
        EXPECT_EQ(g.outputs.size(), 2u);
        EXPECT_EQ(g.slots.size(), 1u);
        const auto loads = std::count_if(
            g.program->code.begin(), g.program->code.end(),
            [](const Program::Instruction& i) { return i.kind == Program::Kind::Load; });
        EXPECT_EQ(loads, 1);
      });
}

TEST(Programs, ANumberIsStoredOnlyIfItIsAResult) {
  with_draft(
      "program",
      [] {
        const Tensor x = evaluated({8});
        return x + full({8}, 2.5);
      },
      [](const Draft& d) {
        for (const Group& g : d.groups) {
          const bool is_number = g.nodes.size() == 1 && d.node(g.nodes[0]).op->name == "full";
          EXPECT_EQ(g.outputs.empty(), is_number);
        }
      });
  with_draft(
      "layout", [] { return full({8}, 2.5); },
      [](const Draft& d) { EXPECT_EQ(step_names(d), (Names{"full"})); });
}

TEST(Layout, ViewsAreStridesAndNoSteps) {
  with_draft(
      "layout",
      [] {
        return evaluated({2, 1, 3}).permute({2, 0, 1}).expand({3, 2, 5});
      },
      [](const Draft& d) {
        EXPECT_TRUE(d.steps.empty());
        ASSERT_EQ(d.results.size(), 1u);
        EXPECT_EQ(d.results[0].strides, (Dims{1, 3, 0}));
        EXPECT_EQ(d.buffer(d.results[0].buffer).kind, PlanBuffer::Kind::Leaf);
      });
}

TEST(Layout, AReshapeAcrossTheOrderCopiesOnce) {
  with_draft(
      "layout",
      [] {
        const Tensor t = evaluated({4, 6}).permute({1, 0});
        return std::vector<Tensor>{t.reshape({24}) * 2, t.reshape({12, 2}) + 1,
                                   t.reshape({24, 1}).sum()};
      },
      [](const Draft& d) {
        const Names names = step_names(d);
        EXPECT_EQ(std::count(names.begin(), names.end(), "copy for reshape"), 1) << d.str();
      });
}

TEST(Layout, ImagesStayChannelsLastBetweenSteps) {
  with_draft(
      "layout",
      [] {
        const Tensor x = evaluated({2, 3, 9, 9}), w = evaluated({20, 3, 3, 3});
        return max_pool2d(relu(conv2d(x, w)), 2).sum();
      },
      [](const Draft& d) {
        ASSERT_EQ(step_names(d), (Names{"copy for conv2d", "conv2d", "relu", "max_pool2d", "sum"}))
            << d.str();
        for (std::size_t s = 0; s < 4; ++s)
          EXPECT_TRUE(is_channels_last(d.steps[s].desc.outputs[0])) << d.step_str(s);
      });
}

TEST(Layout, OneValueAskedForTwiceIsOneResult) {
  with_draft(
      "layout",
      [] {
        const Tensor x = evaluated({4});
        return std::vector<Tensor>{exp(x), exp(x)};
      },
      [](const Draft& d) {
        ASSERT_EQ(d.results.size(), 2u);
        EXPECT_EQ(d.results[1].same_as, 0);
      });
}

TEST(Lower, EveryStepHasAKernelAndItsWorkspace) {
  with_draft(
      "lower",
      [] {
        const Tensor x = evaluated({2, 3, 9, 9}), w = evaluated({20, 3, 3, 3});
        return conv2d(x, w).sum({1}).cumsum(1);
      },
      [](const Draft& d) {
        for (std::size_t s = 0; s < d.steps.size(); ++s) {
          ASSERT_TRUE(d.steps[s].kernel) << d.step_str(s);
          const std::size_t nbytes = d.steps[s].kernel->workspace_nbytes();
          ASSERT_EQ(nbytes > 0, d.steps[s].workspace >= 0);
          if (nbytes == 0) continue;
          const auto b = static_cast<std::size_t>(d.steps[s].workspace);
          EXPECT_EQ(d.buffers[b].nbytes, nbytes);
          EXPECT_EQ(d.lives[b].first, s);
          EXPECT_EQ(d.lives[b].last, s);
        }
      });
}

TEST(Donate, TheLastReaderWritesOverALeaf) {
  with_draft(
      "donate",
      [] {
        const Tensor p = evaluated({64});
        return std::vector<Tensor>{p * 2, p.reshape({8, 8}) * 3};
      },
      [](const Draft& d) {
        ASSERT_EQ(d.steps.size(), 2u);
        EXPECT_EQ(d.buffer(d.steps[0].to[0].buffer).donor_leaf, -1);
        EXPECT_EQ(d.buffer(d.steps[1].to[0].buffer).donor_leaf, 0);
        EXPECT_EQ(d.commit_step, 1u);
      });
}

TEST(Donate, NoLeafIsWrittenBeforeAStepThatMayFail) {
  with_draft(
      "donate",
      [] {
        const Tensor p = evaluated({64}), table = evaluated({5, 2});
        const Tensor index = tensor({0, 4});
        eval();
        return std::vector<Tensor>{p * 2, table.index_select(0, index)};
      },
      [](const Draft& d) {
        EXPECT_EQ(d.commit_step, d.steps.size());
        for (const PlanBuffer& b : d.buffers) EXPECT_EQ(b.donor_leaf, -1);
      });
}

TEST(Donate, ATemporaryLivesOnAsItsLastReadersOutput) {
  with_draft(
      "memory",
      [] {
        const Tensor x = evaluated({16, 8}), w = evaluated({8, 8});
        return exp(x.matmul(w)).sum({1});
      },
      [](const Draft& d) {
        ASSERT_EQ(step_names(d), (Names{"matmul", "exp", "sum"}));
        const std::int32_t product = d.steps[0].to[0].buffer, e = d.steps[1].to[0].buffer;
        EXPECT_EQ(d.takes_over[static_cast<std::size_t>(e)], product);
        EXPECT_EQ(d.buffer(e).offset, d.buffer(product).offset);
        EXPECT_EQ(d.lives[static_cast<std::size_t>(product)].last, 2u);
      });
}

}  // namespace
}  // namespace ingot::plan
