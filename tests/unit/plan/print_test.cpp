// How tensors print: the expected texts are what PyTorch 2.13 prints for the same values, with
// `dtype=float64` where PyTorch writes `dtype=torch.float64`.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

namespace ingot {
namespace {

/// float32 0, 1, … below n.
Tensor numbers(std::int64_t n) { return arange(0, n, 1, float32); }

std::string text(const Tensor& x) { return x.str(); }

TEST(Print, FloatsThatAreIntegers) {
  EXPECT_EQ(text(tensor({1.f, 2.f, 30.f})), "tensor([ 1.,  2., 30.])");
  EXPECT_EQ(text(tensor({{-1.f, 2.f}, {0.f, 100.f}})),
            R"(tensor([[ -1.,   2.],
        [  0., 100.]]))");
  EXPECT_EQ(text(zeros({2, 2})),
            R"(tensor([[0., 0.],
        [0., 0.]]))");
  EXPECT_EQ(text(tensor({1.f, 1000.f})), "tensor([   1., 1000.])");
  EXPECT_EQ(text(tensor({1e8f, 1e8f})), "tensor([100000000., 100000000.])");
}

TEST(Print, FixedPoint) {
  EXPECT_EQ(text(tensor({1.5f, -2.25f, 100.125f})), "tensor([  1.5000,  -2.2500, 100.1250])");
  EXPECT_EQ(text(tensor({0.001f, 0.5f})), "tensor([0.0010, 0.5000])");
  EXPECT_EQ(text(tensor({-0.f, 1.5f})), "tensor([-0.0000, 1.5000])");
}

TEST(Print, Scientific) {
  EXPECT_EQ(text(tensor({1e-5f, 1.f})), "tensor([1.0000e-05, 1.0000e+00])");
  EXPECT_EQ(text(tensor({-1e-5f, 1.f})), "tensor([-1.0000e-05,  1.0000e+00])");
  EXPECT_EQ(text(tensor({1.f, 1001.f})), "tensor([1.0000e+00, 1.0010e+03])");
  EXPECT_EQ(text(tensor({2e8f, 2e8f})), "tensor([2.0000e+08, 2.0000e+08])");
  EXPECT_EQ(text(tensor({0.5f, 500.5f})), "tensor([5.0000e-01, 5.0050e+02])");
  EXPECT_EQ(text(tensor({9e-5f, 9e-5f})), "tensor([9.0000e-05, 9.0000e-05])");
}

TEST(Print, NotANumberAndInfinity) {
  EXPECT_EQ(text(tensor({NAN, INFINITY, -INFINITY, 1.f})), "tensor([nan, inf, -inf, 1.])");
  EXPECT_EQ(text(tensor({NAN, INFINITY, -INFINITY, 1.5f})),
            "tensor([   nan,    inf,   -inf, 1.5000])");
  EXPECT_EQ(text(tensor({NAN, INFINITY})), "tensor([nan, inf])");
  EXPECT_EQ(text(tensor({0.f, NAN, 1e-6f})), "tensor([0.0000e+00,        nan, 1.0000e-06])");
  EXPECT_EQ(text(tensor({{1.f, INFINITY}, {0.f, -2.f}})),
            R"(tensor([[ 1., inf],
        [ 0., -2.]]))");
}

TEST(Print, BoolAndIntegers) {
  EXPECT_EQ(text(tensor({{true, false}, {false, false}})),
            R"(tensor([[ True, False],
        [False, False]]))");
  EXPECT_EQ(text(tensor({1, -20, 300})), "tensor([  1, -20, 300])");
  EXPECT_EQ(text(tensor({1, 2}, int32)), "tensor([1, 2], dtype=int32)");
  EXPECT_EQ(text(tensor({1, 255}, uint8)), "tensor([  1, 255], dtype=uint8)");
}

TEST(Print, OtherDtypesAreNamed) {
  EXPECT_EQ(text(tensor({1.5, 2.0}, float64)), "tensor([1.5000, 2.0000], dtype=float64)");
  EXPECT_EQ(text(tensor({1.5, 2.0}, float16)), "tensor([1.5000, 2.0000], dtype=float16)");
  EXPECT_EQ(text(tensor({1.5, 2.0}, bfloat16)), "tensor([1.5000, 2.0000], dtype=bfloat16)");
}

TEST(Print, ZeroDimensions) {
  EXPECT_EQ(text(tensor(3.5f)), "tensor(3.5000)");
  EXPECT_EQ(text(tensor(3.f)), "tensor(3.)");
  EXPECT_EQ(text(tensor(7)), "tensor(7)");
  EXPECT_EQ(text(tensor(true)), "tensor(True)");
  EXPECT_EQ(text(tensor(1.25e-7f)), "tensor(1.2500e-07)");
  EXPECT_EQ(text(tensor(NAN)), "tensor(nan)");
}

TEST(Print, Empty) {
  EXPECT_EQ(text(zeros({0})), "tensor([])");
  EXPECT_EQ(text(zeros({0, 3})), "tensor([], size=(0, 3))");
  EXPECT_EQ(text(zeros({0}, {.dtype = int64})), "tensor([], dtype=int64)");
  EXPECT_EQ(text(zeros({2, 0}, {.dtype = float64})), "tensor([], size=(2, 0), dtype=float64)");
}

TEST(Print, ThreeAndFourDimensions) {
  EXPECT_EQ(text(numbers(8).to(int64).reshape({2, 2, 2})),
            R"(tensor([[[0, 1],
         [2, 3]],

        [[4, 5],
         [6, 7]]]))");
  EXPECT_EQ(text(numbers(8).reshape({2, 1, 2, 2})),
            R"(tensor([[[[0., 1.],
          [2., 3.]]],


        [[[4., 5.],
          [6., 7.]]]]))");
}

TEST(Print, MoreThanAThousandElementsAreShownByTheirEdges) {
  EXPECT_EQ(text(numbers(1001)), "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])");
  EXPECT_EQ(text(numbers(1200).to(int64).reshape({30, 40})),
            R"(tensor([[   0,    1,    2,  ...,   37,   38,   39],
        [  40,   41,   42,  ...,   77,   78,   79],
        [  80,   81,   82,  ...,  117,  118,  119],
        ...,
        [1080, 1081, 1082,  ..., 1117, 1118, 1119],
        [1120, 1121, 1122,  ..., 1157, 1158, 1159],
        [1160, 1161, 1162,  ..., 1197, 1198, 1199]]))");
  EXPECT_EQ(text(numbers(2000).reshape({2, 1000}) / 8),
            R"(tensor([[0.0000e+00, 1.2500e-01, 2.5000e-01,  ..., 1.2462e+02, 1.2475e+02,
         1.2488e+02],
        [1.2500e+02, 1.2512e+02, 1.2525e+02,  ..., 2.4962e+02, 2.4975e+02,
         2.4988e+02]]))");
  EXPECT_EQ(text(numbers(2400).to(int64).reshape({8, 3, 100})),
            R"(tensor([[[   0,    1,    2,  ...,   97,   98,   99],
         [ 100,  101,  102,  ...,  197,  198,  199],
         [ 200,  201,  202,  ...,  297,  298,  299]],

        [[ 300,  301,  302,  ...,  397,  398,  399],
         [ 400,  401,  402,  ...,  497,  498,  499],
         [ 500,  501,  502,  ...,  597,  598,  599]],

        [[ 600,  601,  602,  ...,  697,  698,  699],
         [ 700,  701,  702,  ...,  797,  798,  799],
         [ 800,  801,  802,  ...,  897,  898,  899]],

        ...,

        [[1500, 1501, 1502,  ..., 1597, 1598, 1599],
         [1600, 1601, 1602,  ..., 1697, 1698, 1699],
         [1700, 1701, 1702,  ..., 1797, 1798, 1799]],

        [[1800, 1801, 1802,  ..., 1897, 1898, 1899],
         [1900, 1901, 1902,  ..., 1997, 1998, 1999],
         [2000, 2001, 2002,  ..., 2097, 2098, 2099]],

        [[2100, 2101, 2102,  ..., 2197, 2198, 2199],
         [2200, 2201, 2202,  ..., 2297, 2298, 2299],
         [2300, 2301, 2302,  ..., 2397, 2398, 2399]]]))");
}

TEST(Print, LinesWrapAtEightyColumns) {
  EXPECT_EQ(text(numbers(30) / 4),
            R"(tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000, 1.2500, 1.5000, 1.7500, 2.0000,
        2.2500, 2.5000, 2.7500, 3.0000, 3.2500, 3.5000, 3.7500, 4.0000, 4.2500,
        4.5000, 4.7500, 5.0000, 5.2500, 5.5000, 5.7500, 6.0000, 6.2500, 6.5000,
        6.7500, 7.0000, 7.2500]))");
  EXPECT_EQ(text(numbers(25).to(int64) * 1000),
            R"(tensor([    0,  1000,  2000,  3000,  4000,  5000,  6000,  7000,  8000,  9000,
        10000, 11000, 12000, 13000, 14000, 15000, 16000, 17000, 18000, 19000,
        20000, 21000, 22000, 23000, 24000]))");
  EXPECT_EQ(text(numbers(40).reshape({2, 20}) / 8),
            R"(tensor([[0.0000, 0.1250, 0.2500, 0.3750, 0.5000, 0.6250, 0.7500, 0.8750, 1.0000,
         1.1250, 1.2500, 1.3750, 1.5000, 1.6250, 1.7500, 1.8750, 2.0000, 2.1250,
         2.2500, 2.3750],
        [2.5000, 2.6250, 2.7500, 2.8750, 3.0000, 3.1250, 3.2500, 3.3750, 3.5000,
         3.6250, 3.7500, 3.8750, 4.0000, 4.1250, 4.2500, 4.3750, 4.5000, 4.6250,
         4.7500, 4.8750]]))");
  EXPECT_EQ(text(numbers(12).to(int64) == 3),
            R"(tensor([False, False, False,  True, False, False, False, False, False, False,
        False, False]))");
}

TEST(Print, NotesWrapToo) {
  EXPECT_EQ(text(full({8}, 1.5).requires_grad_()),
            R"(tensor([1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000],
       requires_grad=True))");
  EXPECT_EQ(text(full({5}, 1.5).requires_grad_()),
            "tensor([1.5000, 1.5000, 1.5000, 1.5000, 1.5000], requires_grad=True)");
  EXPECT_EQ(text(full({5}, 1.25, {.dtype = float64}).requires_grad_()),
            R"(tensor([1.2500, 1.2500, 1.2500, 1.2500, 1.2500], dtype=float64,
       requires_grad=True))");
  EXPECT_EQ(text(full({9}, 1.5, {.dtype = float64}).requires_grad_()),
            R"(tensor([1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000],
       dtype=float64, requires_grad=True))");
  EXPECT_EQ(text(full({10}, 15.0).requires_grad_()),
            "tensor([15., 15., 15., 15., 15., 15., 15., 15., 15., 15.], requires_grad=True)");
  EXPECT_EQ(text(full({11}, 15.0).requires_grad_()),
            R"(tensor([15., 15., 15., 15., 15., 15., 15., 15., 15., 15., 15.],
       requires_grad=True))");
  EXPECT_EQ(text(full({6}, 15.5).requires_grad_()),
            R"(tensor([15.5000, 15.5000, 15.5000, 15.5000, 15.5000, 15.5000],
       requires_grad=True))");
  EXPECT_EQ(text(tensor({1.25f, 2.f, 3.f, 4.f, 5.f, 100.f}).requires_grad_()),
            R"(tensor([  1.2500,   2.0000,   3.0000,   4.0000,   5.0000, 100.0000],
       requires_grad=True))");
}

TEST(Print, ARecordedResultNamesItsOperation) {
  const Tensor w = tensor({1.f, 2.f}).requires_grad_();
  EXPECT_EQ((w * 2).str(), "tensor([2., 4.], grad_fn=<mul>)");
  EXPECT_EQ(w.detach().str(), "tensor([1., 2.])");
}

TEST(Print, AStreamGetsTheSameText) {
  std::ostringstream out;
  out << tensor({1.5f}) << Tensor();
  EXPECT_EQ(out.str(), "tensor([1.5000])tensor(undefined)");
}

}  // namespace
}  // namespace ingot
