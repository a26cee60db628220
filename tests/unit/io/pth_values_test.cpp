// Values of torch.save's files beside tensors: all that torch.load(weights_only=True) takes is read
// (tests/fixtures/make_pth_fixtures.py asks PyTorch about each); objects of other classes, and
// tensors of kinds that Ingot has not got, are refused by name or left out on request.
#include <ingot/io/pth.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>

#include "support/source_dir.h"

namespace ingot {
namespace {

using Kind = PthValue::Kind;
using namespace std::string_literals;

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(ingot::testing::source_dir()) / "tests/fixtures/pth" /
         ("2.13-" + name + ".pth");
}

std::string error_of(const std::string& name) {
  try {
    load_pth(fixture(name));
  } catch (const IoError& e) {
    return e.what();
  }
  return "no error";
}

TEST(PthValues, ReadsAllThatWeightsOnlyTakes) {
  for (const char* format : {"zip", "stream"}) {
    SCOPED_TRACE(format);
    const PthValue v = load_pth(fixture("allowed-"s + format));
    EXPECT_EQ(v.at("counter").entries()[1].first.as_int(), 60);
    EXPECT_EQ(v.at("counter").entries()[1].second.as_int(), 2);
    EXPECT_EQ(v.at("state").size(), 2u);
    EXPECT_EQ(v.at("ordered").at("a").as_int(), 1);
    EXPECT_TRUE(v.at("set").is(Kind::Set));
    EXPECT_EQ(v.at("set").size(), 2u);
    EXPECT_EQ(v.at("bytes").as_text(), "\0\xff!"s);
    EXPECT_EQ(v.at("bytearray").as_text(), "\x01\xfe"s);
    EXPECT_TRUE(v.at("empty_bytes").is(Kind::Bytes));
    EXPECT_EQ(v.at("complex").as_text(), "(1.5-2j)");
    EXPECT_EQ(v.at("size").items()[1].as_int(), 3);
    EXPECT_EQ(v.at("device").as_text(), "cuda:1");
    std::string dtypes;
    for (const PthValue& dtype : v.at("dtypes").items()) dtypes += dtype.as_text() + " ";
    EXPECT_EQ(dtypes,
              "torch.float32 torch.complex64 torch.uint16 torch.quint8 torch.float8_e4m3fn "
              "torch.int4 ");
    EXPECT_EQ(v.at("layout").as_text(), "torch.sparse_coo");
    EXPECT_EQ(v.at("scheme").as_text(), "torch.per_tensor_affine");
    EXPECT_EQ(v.at("types").items()[1].as_text(), "torch.FloatTensor");
    EXPECT_EQ(v.at("attributed").as_tensor().to_vector<float>(), std::vector<float>{4});
    EXPECT_EQ(v.at("parameter").as_tensor().to_vector<float>(), std::vector<float>{5});
    EXPECT_EQ(v.at("imag").as_tensor().to_vector<float>(), std::vector<float>{-2})
        << "lazily negated";
    EXPECT_EQ(find_state_dict(v).keys(), std::vector<std::string>{"w"});
  }
}

TEST(PthValues, ForeignObjectsAreRefusedByNameAndTheErrorNamesTheOption) {
  for (const char* name : {"objects-2", "objects-4", "objects-stream"}) {
    const std::string text = error_of(name);
    EXPECT_NE(text.find("GLOBAL numpy."), std::string::npos) << text;
    EXPECT_NE(text.find("LoadOptions::skip_objects leaves such values out"), std::string::npos)
        << text;
  }
}

TEST(PthValues, ForeignObjectsCanBeLeftOut) {
  for (const char* name : {"objects-2", "objects-4", "objects-stream"}) {
    SCOPED_TRACE(name);
    const PthValue v = load_pth(fixture(name), {.skip_objects = true});
    for (const char* key : {"numpy scalar", "numpy array", "path", "namespace", "date", "deque",
                            "partial", "plain", "fraction", "exception", "range", "reduce"}) {
      ASSERT_TRUE(v.at(key).is(Kind::Other)) << key;
      EXPECT_TRUE(v.at(key).as_text().starts_with("object of ")) << v.at(key).as_text();
    }
    EXPECT_EQ(v.at("namespace").as_text(), "object of argparse.Namespace");
    EXPECT_EQ(v.at("reduce").as_text(), "object of posix.system");
    EXPECT_EQ(v.at("defaultdict").at("a").items()[0].as_int(), 1);
    EXPECT_EQ(v.at("epoch").as_int(), 7);
    EXPECT_EQ(v.size(), 16u);
    EXPECT_EQ(v.entries()[13].second.as_text(), "a key");  // under a numpy number
    const StateDict weights = load(fixture(name), {}, {.skip_objects = true});
    EXPECT_EQ(weights.keys(), (std::vector<std::string>{"w", "b"}));
    EXPECT_EQ(weights.at("w").to_vector<float>(), (std::vector<float>{1, 2}));
  }
  EXPECT_FALSE(std::filesystem::exists("pwned"));
}

TEST(PthValues, TensorsThatIngotHasNotGot) {
  for (const char* format : {"zip", "stream"}) {
    SCOPED_TRACE(format);
    const std::string name = "lacking-"s + format;
    const std::string text = error_of(name);
    EXPECT_NE(text.find("sparse tensors cannot be read: Ingot has dense tensors"),
              std::string::npos)
        << text;
    const PthValue v = load_pth(fixture(name), {.skip_objects = true});
    EXPECT_EQ(v.at("sparse").as_text(), "not read: sparse tensors");
    EXPECT_EQ(v.at("csr").as_text(), "not read: sparse tensors");
    EXPECT_EQ(v.at("complex").as_text(), "not read: the dtype complex64");
    EXPECT_EQ(v.at("quantized").as_text(), "not read: quantized tensors");
    EXPECT_EQ(v.at("meta").as_text(), "not read: tensors without data (device meta)");
    EXPECT_EQ(find_state_dict(v).at("w").to_vector<float>(), (std::vector<float>{1, 2}));
  }
}

TEST(PthValues, WholeModulesHaveNoWeightsToUse) {
  const std::filesystem::path path = fixture("evil-module-zip");
  EXPECT_TRUE(load_pth(path, {.skip_objects = true}).is(Kind::Other));
  EXPECT_THROW(load(path, {}, {.skip_objects = true}), ValueError);
}

}  // namespace
}  // namespace ingot
