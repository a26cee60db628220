// Places in the user's program: the caller's line, of this language or another.
#include <ingot/core/site.h>

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/tensor.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>

namespace ingot {
namespace {

Site here(Site at = Site::current()) { return at; }
Site through(Site at = Site::current()) { return here(at); }
struct WithMember {
  Site site = Site::current();
  WithMember() = default;
};

TEST(Site, IsTheCallersLine) {
  const std::uint32_t line = __LINE__;
  const Site direct = here(), wrapped = through();
  EXPECT_EQ(direct.line(), line + 1);
  EXPECT_EQ(wrapped.line(), line + 1);
  EXPECT_STREQ(direct.file_name(), "tests/unit/core/site_test.cpp");
  EXPECT_STREQ(direct.function_name(), "TestBody");
  EXPECT_STREQ(WithMember().site.file_name(), "tests/unit/core/site_test.cpp");
  EXPECT_EQ(Site().line(), 0u);
  EXPECT_STREQ(Site().file_name(), "");
}

TEST(Site, OfOperatorsMethodsAndFunctions) {
  const Tensor x = ones({2});
  const std::uint32_t line = __LINE__;
  EXPECT_EQ((x + 1).site().line(), line + 1);
  EXPECT_EQ(x.exp().site().line(), line + 2);
  EXPECT_EQ(zeros({2}).site().line(), line + 3);
  EXPECT_EQ((2 * x).site().line(), line + 4);
}

TEST(Site, FromTheStandardLibrary) {
  const std::source_location place = std::source_location::current();
  const Site site = place;
  EXPECT_EQ(site.line(), place.line());
  EXPECT_STREQ(site.file_name(), place.file_name());
  EXPECT_EQ(ones({2}, {}, place).site().line(), place.line());
}

TEST(Site, InternedTextsLiveOnAndAreKeptOnce) {
  std::string file = "train.py", function = "main";
  const Site site = Site::interned(file, 41, function);
  file.assign(8, '?');
  function.assign(4, '?');
  EXPECT_STREQ(site.file_name(), "train.py");
  EXPECT_STREQ(site.function_name(), "main");
  EXPECT_EQ(site.line(), 41u);
  EXPECT_EQ(Site::interned("train.py", 7).file_name(), site.file_name());
  std::vector<std::thread> threads;
  std::vector<const char*> names(8);
  for (std::size_t i = 0; i < names.size(); ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 200; ++k) Site::interned("f" + std::to_string(k), 1);
      names[i] = Site::interned("f42", 1).file_name();
    });
  for (std::thread& t : threads) t.join();
  for (const char* name : names) EXPECT_EQ(name, names[0]);
}

// What a program in another language is told.
TEST(Site, ErrorsNameALineOfAnotherLanguage) {
  try {
    matmul(ones({2, 3}), ones({2, 3}), Site::interned("train.py", 41, "step"));
    FAIL() << "nothing was thrown";
  } catch (const ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find("recorded at train.py:41"), std::string::npos) << e.what();
  }
  const Tensor x = ones({2});
  EXPECT_EQ(Operand(x, Site::interned("train.py", 43)).site().line(), 43u);
}

template <class T>
std::string written(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TEST(Streams, TakeShapesDevicesAndDtypes) {
  EXPECT_EQ(written(ones({2, 3}).shape()), "[2, 3]");
  EXPECT_EQ(written(Shape()), "[]");
  EXPECT_EQ(written(ones({2}).device()), "cpu");
  EXPECT_EQ(written(Device(DeviceType::CUDA, 1)), "cuda:1");
  EXPECT_EQ(written(ones({2}).dtype()), "float32");
  EXPECT_EQ(written(boolean), "bool");
  // A number or a text is still itself, not a shape or a device.
  EXPECT_EQ(written(7), "7");
  EXPECT_EQ(written("cuda"), "cuda");
}

}  // namespace
}  // namespace ingot
