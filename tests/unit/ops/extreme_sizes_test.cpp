// Every public function with every integer argument at the ends of its range: an error of Ingot's,
// or a result whose shape a tensor can have. Nothing overflows on the way (the sanitizer build
// would say so), and what is small enough is computed as well.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <set>

#include <ingot/autograd/autograd.h>
#include <ingot/ingot.h>

#include "support/source_dir.h"

namespace ingot {
namespace {

using Args = std::vector<std::int64_t>;

struct Entry {
  const char* name;
  Args usual;  ///< arguments with which the call works
  std::function<std::vector<Tensor>(const Args&)> call;
  std::vector<std::int64_t> skip = {};  ///< extremes that would only be absurd allocations
};

constexpr std::int64_t kExtremes[] = {INT64_MIN,
                                      INT64_MIN + 1,
                                      -(std::int64_t{1} << 62),
                                      -(std::int64_t{1} << 32),
                                      -1,
                                      0,
                                      std::int64_t{1} << 31,
                                      std::int64_t{1} << 32,
                                      std::int64_t{1} << 61,
                                      std::int64_t{1} << 62,
                                      INT64_MAX - 1,
                                      INT64_MAX};

std::vector<Tensor> list(const ValuesAndIndices& p) { return {p.values, p.indices}; }
std::vector<Tensor> list(const MaxPoolResult& p) { return {p.output, p.indices}; }

const std::vector<Entry>& entries() {
  static const Tensor image = ones({1, 2, 4, 4}), sequence = ones({1, 2, 4});
  static const Tensor kernel = ones({2, 2, 2, 2}), row = ones({2, 2, 2});
  static const Tensor x = ones({2, 3}), places = zeros({1, 1}, {.dtype = int64});
  static const Tensor one_place = zeros({1}, {.dtype = int64});
  static const Tensor nothing = zeros({0, 3});
  static const std::vector<std::int64_t> big{std::int64_t{1} << 31, std::int64_t{1} << 32};
  static const std::vector<Entry> all = {
      // creation
      {"full",
       {2, 3},
       [](const Args& a) {
         return std::vector{full({a[0], a[1]}, 1)};
       }},
      {"zeros",
       {2, 3},
       [](const Args& a) {
         return std::vector{zeros({a[0], a[1]})};
       }},
      {"ones",
       {2, 3},
       [](const Args& a) {
         return std::vector{ones({a[0], a[1]})};
       }},
      {"arange", {0, 4, 1}, [](const Args& a) { return std::vector{arange(a[0], a[1], a[2])}; }},
      {"linspace", {4}, [](const Args& a) { return std::vector{linspace(0, 1, a[0])}; }},
      {"eye", {2, 3}, [](const Args& a) { return std::vector{eye(a[0], a[1])}; }},
      // random
      {"rand",
       {2, 3},
       [](const Args& a) {
         return std::vector{rand({a[0], a[1]})};
       }},
      {"randn",
       {2, 3},
       [](const Args& a) {
         return std::vector{randn({a[0], a[1]})};
       }},
      {"bernoulli",
       {2, 3},
       [](const Args& a) {
         return std::vector{bernoulli({a[0], a[1]}, 0.5)};
       }},
      {"randint",
       {0, 5, 2},
       [](const Args& a) { return std::vector{randint(a[0], a[1], {a[2]})}; }},
      {"randint_like",
       {0, 5},
       [](const Args& a) {
         return std::vector{randint_like(zeros({2}, {.dtype = int64}), a[0], a[1])};
       }},
      // shape
      {"reshape",
       {2, 3},
       [](const Args& a) {
         return std::vector{reshape(x, {a[0], a[1]})};
       }},
      {"reshape",
       {0, 3, 1},
       [](const Args& a) {
         return std::vector{reshape(nothing, {a[0], a[1], a[2]})};
       }},
      {"flatten", {0, -1}, [](const Args& a) { return std::vector{flatten(x, a[0], a[1])}; }},
      {"permute",
       {1, 0},
       [](const Args& a) {
         return std::vector{permute(x, {a[0], a[1]})};
       }},
      {"transpose", {0, 1}, [](const Args& a) { return std::vector{transpose(x, a[0], a[1])}; }},
      {"broadcast_to",
       {4, 2, 3},
       [](const Args& a) {
         return std::vector{broadcast_to(x, {a[0], a[1], a[2]})};
       }},
      {"squeeze", {0}, [](const Args& a) { return std::vector{squeeze(x, a[0])}; }},
      {"unsqueeze", {0}, [](const Args& a) { return std::vector{unsqueeze(x, a[0])}; }},
      {"flip",
       {0, 1},
       [](const Args& a) {
         return std::vector{flip(x, {a[0], a[1]})};
       }},
      {"slice",
       {0, 0, 2, 1},
       [](const Args& a) { return std::vector{slice(x, a[0], a[1], a[2], a[3])}; }},
      {"narrow", {0, 0, 1}, [](const Args& a) { return std::vector{narrow(x, a[0], a[1], a[2])}; }},
      {"select", {0, 0}, [](const Args& a) { return std::vector{select(x, a[0], a[1])}; }},
      {"slice_scatter",
       {0, 0, 2, 1},
       [](const Args& a) { return std::vector{slice_scatter(x, x, a[0], a[1], a[2], a[3])}; }},
      {"cat",
       {0},
       [](const Args& a) {
         return std::vector{cat({x, x}, a[0])};
       }},
      {"stack",
       {0},
       [](const Args& a) {
         return std::vector{stack({x, x}, a[0])};
       }},
      {"split", {1, 0}, [](const Args& a) { return split(x, a[0], a[1]); }},
      {"split",
       {1, 1},
       [](const Args& a) {
         return split(x, std::vector<std::int64_t>{a[0], a[1]}, 0);
       }},
      {"unbind", {0}, [](const Args& a) { return unbind(x, a[0]); }},
      {"chunk", {2, 0}, [](const Args& a) { return chunk(x, a[0], a[1]); }},
      {"chunk", {2}, [](const Args& a) { return chunk(zeros({0}), a[0]); }},
      // arrange
      {"pad",
       {1, 1, 0, 0},
       [](const Args& a) {
         return std::vector{pad(x, {a[0], a[1], a[2], a[3]})};
       }},
      {"pad",
       {1, 1},
       [](const Args& a) {
         return std::vector{pad(sequence, {a[0], a[1]}, "reflect")};
       }},
      {"pad",
       {1, 1},
       [](const Args& a) {
         return std::vector{pad(sequence, {a[0], a[1]}, "circular")};
       }},
      {"pad",
       {1, 1},
       [](const Args& a) {
         return std::vector{pad(sequence, {a[0], a[1]}, "replicate")};
       }},
      {"roll", {1, 0}, [](const Args& a) { return std::vector{roll(x, {a[0]}, {a[1]})}; }},
      {"repeat",
       {2, 2},
       [](const Args& a) {
         return std::vector{repeat(x, {a[0], a[1]})};
       }},
      {"repeat",
       {2, 2},
       [](const Args& a) {
         return std::vector{repeat(ones({1, 1, 1, 1, 1, 1, 2, 3}), {1, 1, 1, 1, 1, 1, a[0], a[1]})};
       }},
      {"tile",
       {2, 2},
       [](const Args& a) {
         return std::vector{tile(x, {a[0], a[1]})};
       }},
      {"tril", {0}, [](const Args& a) { return std::vector{tril(x, a[0])}; }},
      {"triu", {0}, [](const Args& a) { return std::vector{triu(x, a[0])}; }},
      // reductions and order
      {"sum",
       {0, 1},
       [](const Args& a) {
         return std::vector{sum(x, {a[0], a[1]})};
       }},
      {"mean", {0}, [](const Args& a) { return std::vector{mean(x, {a[0]})}; }},
      {"var", {0}, [](const Args& a) { return std::vector{var(x, {a[0]})}; }},
      {"var",
       {1},
       [](const Args& a) { return std::vector{var(x, {}, VarOptions{.correction = a[0]})}; }},
      {"std",
       {1},
       [](const Args& a) {
         return std::vector{ingot::std(x, {}, VarOptions{.correction = a[0]})};
       }},
      {"prod", {0}, [](const Args& a) { return std::vector{prod(x, {a[0]})}; }},
      {"amax", {0}, [](const Args& a) { return std::vector{amax(x, {a[0]})}; }},
      {"amin", {0}, [](const Args& a) { return std::vector{amin(x, {a[0]})}; }},
      {"argmax", {0}, [](const Args& a) { return std::vector{argmax(x, a[0])}; }},
      {"argmin", {0}, [](const Args& a) { return std::vector{argmin(x, a[0])}; }},
      {"any", {0}, [](const Args& a) { return std::vector{any(x, {a[0]})}; }},
      {"all", {0}, [](const Args& a) { return std::vector{ingot::all(x, {a[0]})}; }},
      {"norm", {0}, [](const Args& a) { return std::vector{norm(x, {a[0]})}; }},
      {"vector_norm", {0}, [](const Args& a) { return std::vector{vector_norm(x, 3, {a[0]})}; }},
      {"logsumexp", {0}, [](const Args& a) { return std::vector{logsumexp(x, {a[0]})}; }},
      {"max", {0}, [](const Args& a) { return list(ingot::max(x, a[0])); }},
      {"min", {0}, [](const Args& a) { return list(ingot::min(x, a[0])); }},
      {"softmax", {0}, [](const Args& a) { return std::vector{softmax(x, a[0])}; }},
      {"log_softmax", {0}, [](const Args& a) { return std::vector{log_softmax(x, a[0])}; }},
      {"sort", {0}, [](const Args& a) { return list(sort(x, a[0])); }},
      {"argsort", {0}, [](const Args& a) { return std::vector{argsort(x, a[0])}; }},
      {"topk", {1, 0}, [](const Args& a) { return list(topk(x, a[0], a[1])); }},
      {"kthvalue", {1, 0}, [](const Args& a) { return list(kthvalue(x, a[0], a[1])); }},
      {"median", {0}, [](const Args& a) { return list(median(x, a[0])); }},
      {"cumsum", {0}, [](const Args& a) { return std::vector{cumsum(x, a[0])}; }},
      {"cumprod", {0}, [](const Args& a) { return std::vector{cumprod(x, a[0])}; }},
      {"cummax", {0}, [](const Args& a) { return list(cummax(x, a[0])); }},
      {"cummin", {0}, [](const Args& a) { return list(cummin(x, a[0])); }},
      {"unique", {0}, [](const Args& a) { return std::vector{unique(x, {.dim = a[0]}).values}; }},
      // index
      {"gather", {0}, [](const Args& a) { return std::vector{gather(x, a[0], places)}; }},
      {"scatter",
       {0},
       [](const Args& a) { return std::vector{scatter(x, a[0], places, Operand(1.0))}; }},
      {"scatter_add",
       {0},
       [](const Args& a) {
         return std::vector{scatter_add(x, a[0], places, ones({1, 1}))};
       }},
      {"scatter_reduce",
       {0},
       [](const Args& a) {
         return std::vector{scatter_reduce(x, a[0], places, ones({1, 1}), "amax")};
       }},
      {"index_select",
       {0},
       [](const Args& a) { return std::vector{index_select(x, a[0], one_place)}; }},
      {"index_add",
       {0},
       [](const Args& a) {
         return std::vector{index_add(x, a[0], one_place, ones({1, 3}))};
       }},
      {"embedding", {0}, [](const Args& a) { return std::vector{embedding(x, one_place, a[0])}; }},
      {"one_hot", {3}, [](const Args& a) { return std::vector{one_hot(one_place, a[0])}; }},
      {"one_hot",
       {2},
       [](const Args& a) { return std::vector{one_hot(full({1}, a[0]), -1)}; },
       big},
      {"index", {0}, [](const Args& a) { return std::vector{x.index({a[0]})}; }},
      {"index",
       {0, 2, 1},
       [](const Args& a) { return std::vector{x.index({Slice(a[0], a[1], a[2])})}; }},
      {"index_put",
       {0, 0},
       [](const Args& a) {
         return std::vector{index_put(x, {a[0], a[1]}, 1.0)};
       }},
      // convolution, pooling, resizing
      {"conv2d",
       {1, 1, 0, 0, 1, 1, 1},
       [](const Args& a) {
         return std::vector{conv2d(image, kernel, {},
                                   {.stride = {a[0], a[1]},
                                    .padding = {a[2], a[3]},
                                    .dilation = {a[4], a[5]},
                                    .groups = a[6]})};
       }},
      {"conv2d",
       {1, 1},
       [](const Args& a) {
         return std::vector{
             conv2d(image, kernel, {}, {.padding = "same", .dilation = {a[0], a[1]}})};
       }},
      {"conv1d",
       {1, 0, 1, 1},
       [](const Args& a) {
         return std::vector{
             conv1d(sequence, row, {},
                    {.stride = a[0], .padding = a[1], .dilation = a[2], .groups = a[3]})};
       }},
      {"conv_transpose2d",
       {1, 1, 0, 0, 0, 0, 1, 1, 1},
       [](const Args& a) {
         return std::vector{conv_transpose2d(image, kernel, {},
                                             {.stride = {a[0], a[1]},
                                              .padding = {a[2], a[3]},
                                              .output_padding = {a[4], a[5]},
                                              .groups = a[6],
                                              .dilation = {a[7], a[8]}})};
       }},
      {"conv_transpose1d",
       {1, 0, 0, 1, 1},
       [](const Args& a) {
         return std::vector{conv_transpose1d(sequence, row, {},
                                             {.stride = a[0],
                                              .padding = a[1],
                                              .output_padding = a[2],
                                              .groups = a[3],
                                              .dilation = a[4]})};
       }},
      {"max_pool2d",
       {2, 2, 2, 2, 0, 0, 1, 1},
       [](const Args& a) {
         return std::vector{max_pool2d(
             image, {a[0], a[1]},
             {.stride = Pair(a[2], a[3]), .padding = {a[4], a[5]}, .dilation = {a[6], a[7]}})};
       }},
      {"max_pool2d_with_indices",
       {2, 2, 2, 2, 0, 0, 1, 1},
       [](const Args& a) {
         return list(max_pool2d_with_indices(image, {a[0], a[1]},
                                             {.stride = Pair(a[2], a[3]),
                                              .padding = {a[4], a[5]},
                                              .dilation = {a[6], a[7]},
                                              .ceil_mode = true}));
       }},
      {"avg_pool2d",
       {2, 2, 2, 2, 0, 0, 1},
       [](const Args& a) {
         return std::vector{avg_pool2d(image, {a[0], a[1]},
                                       {.stride = Pair(a[2], a[3]),
                                        .padding = {a[4], a[5]},
                                        .ceil_mode = true,
                                        .divisor_override = a[6]})};
       }},
      {"adaptive_avg_pool2d",
       {2, 2},
       [](const Args& a) {
         return std::vector{adaptive_avg_pool2d(image, {a[0], a[1]})};
       }},
      {"adaptive_max_pool2d",
       {2, 2},
       [](const Args& a) {
         return std::vector{adaptive_max_pool2d(image, {a[0], a[1]})};
       }},
      {"adaptive_max_pool2d_with_indices",
       {2, 2},
       [](const Args& a) {
         return list(adaptive_max_pool2d_with_indices(image, {a[0], a[1]}));
       }},
      {"interpolate",
       {2, 2},
       [](const Args& a) { return std::vector{interpolate(image, {.size = Pair(a[0], a[1])})}; }},
      // norms and losses
      {"layer_norm", {3}, [](const Args& a) { return std::vector{layer_norm(x, {a[0]})}; }},
      {"group_norm", {1}, [](const Args& a) { return std::vector{group_norm(sequence, a[0])}; }},
      {"cross_entropy",
       {-100},
       [](const Args& a) {
         return std::vector{cross_entropy(x, zeros({2}, {.dtype = int64}), {.ignore_index = a[0]})};
       }},
      {"nll_loss",
       {-100},
       [](const Args& a) {
         return std::vector{nll_loss(x, zeros({2}, {.dtype = int64}), {.ignore_index = a[0]})};
       }},
  };
  return all;
}

// Calls, and looks at what came of it.
void expect_error_or_result(const Entry& e, const Args& args) {
  std::string text = e.name;
  for (const std::int64_t a : args) text += " " + std::to_string(a);
  SCOPED_TRACE(text);
  try {
    const std::vector<Tensor> results = e.call(args);
    bool is_small = results.size() < 1000;
    for (const Tensor& t : results) {
      for (const std::int64_t d : t.shape()) EXPECT_GE(d, 0) << t.shape().str();
      EXPECT_TRUE(t.shape().is_addressable(nbytes_of(t.dtype()))) << t.shape().str();
      is_small = is_small && t.numel() < 10000;
    }
    if (is_small) eval(results);
  } catch (const InternalError& error) {
    ADD_FAILURE() << "a defect: " << error.what();
  } catch (const Error&) {
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not an error of Ingot's: " << error.what();
  }
}

bool is_skipped(const Entry& e, std::int64_t v) {
  return std::find(e.skip.begin(), e.skip.end(), v) != e.skip.end();
}

TEST(ExtremeSizes, UsualArgumentsWork) {
  for (const Entry& e : entries()) EXPECT_NO_THROW(eval(e.call(e.usual))) << e.name;
}

TEST(ExtremeSizes, OneArgumentAtATime) {
  for (const Entry& e : entries())
    for (std::size_t i = 0; i < e.usual.size(); ++i)
      for (const std::int64_t v : kExtremes) {
        if (is_skipped(e, v)) continue;
        Args args = e.usual;
        args[i] = v;
        expect_error_or_result(e, args);
      }
}

TEST(ExtremeSizes, TwoArgumentsAtOnce) {
  for (const Entry& e : entries())
    for (std::size_t i = 0; i < e.usual.size(); ++i)
      for (std::size_t k = i + 1; k < e.usual.size(); ++k)
        for (const std::int64_t v : kExtremes)
          for (const std::int64_t w : kExtremes) {
            if (is_skipped(e, v) || is_skipped(e, w)) continue;
            Args args = e.usual;
            args[i] = v;
            args[k] = w;
            expect_error_or_result(e, args);
          }
}

TEST(ExtremeSizes, TheErrorNamesTheOpAndTheSizes) {
  try {
    conv2d(ones({1, 1, 4, 4}), ones({1, 1, 3, 3}), {},
           {.padding = std::int64_t{1} << 32, .dilation = std::int64_t{1} << 62});
    FAIL();
  } catch (const ShapeError& e) {
    const std::string text = e.what();
    EXPECT_EQ(text.find("conv2d: a size is beyond 64 bits: 4611686018427387904 * 2"), 0u) << text;
    EXPECT_NE(text.find("extreme_sizes_test.cpp"), std::string::npos) << text;
  }
}

// The table above is whole: every function of include/ingot/ops that takes an integer is in it.
TEST(ExtremeSizes, EveryFunctionWithAnIntegerIsHere) {
  // Numbers that are no sizes, dimensions or positions; and randperm, which makes its result at
  // once.
  const std::set<std::string> others{"sgd_update", "randperm", "instance_norm", "batch_norm"};
  std::set<std::string> known(others);
  for (const Entry& e : entries()) known.insert(e.name);
  const std::regex declaration(
      R"(\n(?:Tensor|std::vector<Tensor>|ValuesAndIndices|MaxPoolResult|UniqueResult) (\w+)\(([^;]*)\);)");
  const std::regex integer(R"(std::int64_t|Dims|Shape&|Pair|IndexList)");
  const std::filesystem::path folder = testing::source_dir() + "/include/ingot/ops";
  std::size_t found = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::sregex_iterator m(text.begin(), text.end(), declaration), end; m != end; ++m) {
      if (!std::regex_search((*m)[2].str(), integer)) continue;
      ++found;
      EXPECT_TRUE(known.contains((*m)[1])) << (*m)[1] << " of " << file.path();
    }
  }
  EXPECT_GT(found, 50u);
}

// Images of more than 2^31 pixels: positions that 32 bits do not hold.
TEST(ExtremeSizes, PositionsBeyond32Bits) {
  constexpr std::int64_t kFar = (std::int64_t{1} << 31) + 6;
  const Tensor wide = full({1}, 7, {.dtype = uint8}).expand({1, 1, 1, kFar});
  const auto [values, places] = max_pool2d_with_indices(wide, 1, {.stride = Pair(1, kFar - 1)});
  EXPECT_EQ(values.to_vector<std::uint8_t>(), std::vector<std::uint8_t>({7, 7}));
  EXPECT_EQ(places.to_vector<std::int64_t>(), std::vector<std::int64_t>({0, kFar - 1}));
}

}  // namespace
}  // namespace ingot
