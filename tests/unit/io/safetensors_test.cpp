#include <ingot/io/safetensors.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot {
namespace {

using ingot::testing::ScratchFolder;

const std::filesystem::path kFixture = std::filesystem::path(ingot::testing::source_dir()) /
                                       "tests/fixtures/safetensors/all_dtypes.safetensors";

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A file with this header and `data_nbytes` bytes of 7 behind it.
std::string file_of(std::string_view header, std::size_t data_nbytes) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + std::string(header) + std::string(data_nbytes, '\7');
}

SafetensorsFile parse(std::string_view bytes) {
  return parse_safetensors({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, "f");
}

std::string error_of(std::string_view bytes) {
  try {
    parse(bytes);
  } catch (const IoError& e) {
    return e.what();
  }
  return "no error";
}
std::string error_of(std::string_view header, std::size_t data_nbytes) {
  return error_of(file_of(header, data_nbytes));
}

template <class T>
void expect_values(const StateDict& dict, std::string_view name, const Shape& shape,
                   const std::vector<T>& values) {
  SCOPED_TRACE(name);
  const Tensor& t = dict.at(name);
  EXPECT_EQ(t.dtype(), dtype_of<T>);
  EXPECT_EQ(t.shape(), shape);
  const HostArray host = t.to_host();
  ASSERT_EQ(host.nbytes(), values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(std::memcmp(&host.as<T>()[i], &values[i], sizeof(T)), 0) << "element " << i;
}

TEST(SafetensorsPeer, ReadsAFileOfThePackage) {
  const SafetensorsFile file = load_safetensors(kFixture);
  const StateDict& t = file.tensors;
  EXPECT_EQ(t.size(), 13u);
  EXPECT_EQ(file.metadata, (Metadata{{"\"Ünïcode\"", "\\ \n \x01 ✓"}}));
  const HostArray flags = t.at("bool").to_host();
  EXPECT_EQ(std::vector<bool>(flags.as<bool>().begin(), flags.as<bool>().end()),
            (std::vector<bool>{true, false, true}));
  expect_values<std::uint8_t>(t, "uint8", {3}, {0, 1, 255});
  expect_values<std::int8_t>(t, "int8", {3}, {-128, 0, 127});
  expect_values<std::int16_t>(t, "int16", {2}, {-32768, 32767});
  using I32 = std::numeric_limits<std::int32_t>;
  using I64 = std::numeric_limits<std::int64_t>;
  expect_values<std::int32_t>(t, "int32", {2, 1}, {I32::min(), I32::max()});
  expect_values<std::int64_t>(t, "int64", {1, 2}, {I64::min(), I64::max()});
  std::vector<double> doubles;
  std::vector<float> floats;
  std::vector<Half> halves;
  std::vector<BFloat16> bfloats;
  for (int i = 0; i < 6; ++i) {
    doubles.push_back((i - 2.5) * 1.5);
    floats.push_back(static_cast<float>(doubles.back()));
    halves.push_back(Half(floats.back()));
    bfloats.push_back(BFloat16(floats.back()));
  }
  expect_values<double>(t, "float64", {3, 2}, doubles);
  expect_values<float>(t, "float32", {2, 3}, floats);
  expect_values<Half>(t, "float16", {6}, halves);
  expect_values<BFloat16>(t, "bfloat16", {1, 2, 3, 1}, bfloats);
  expect_values<float>(t, "scalar", {}, {0.1f});
  expect_values<float>(t, "empty", {2, 0, 3}, {});
  const auto odd = t.at("a \"quoted\" näme").to_vector<float>();
  EXPECT_TRUE(std::isnan(odd[0]) && odd[1] == INFINITY && odd[2] == 0 && std::signbit(odd[2]));
}

TEST(SafetensorsPeer, WritesTheSameBytes) {
  const SafetensorsFile file = load_safetensors(kFixture);
  const ScratchFolder folder;
  save(file.tensors, folder / "f", file.metadata);
  EXPECT_EQ(folder.read("f"), file_bytes(kFixture));
  // For peer.py check.
  if (const char* copy = std::getenv("INGOT_SAFETENSORS_COPY"))
    save(file.tensors, copy, file.metadata);
}

TEST(Safetensors, KeepsTheOrderAndAlignsTheData) {
  const StateDict dict{{"flag", tensor(true)},
                       {"z", tensor({1.5, 2.5})},
                       {"count", tensor(7)},
                       {"a", tensor({{1, 2}, {3, 4}}, float16)}};
  const ScratchFolder folder;
  save(dict, folder / "f");
  const SafetensorsFile file = load_safetensors(folder / "f");
  EXPECT_EQ(file.tensors.keys(), dict.keys());
  EXPECT_TRUE(file.metadata.empty());
  EXPECT_EQ(file.tensors.at("count").item<int>(), 7);
  EXPECT_EQ(file.tensors.at("a").to_host().as<Half>()[3], 4.0f);
  const std::string bytes = folder.read("f");
  std::uint64_t header_nbytes = 0;
  std::memcpy(&header_nbytes, bytes.data(), 8);
  EXPECT_EQ(header_nbytes % 8, 0u);
  std::int64_t count = 0;
  std::memcpy(&count, bytes.data() + 8 + header_nbytes, 8);  // the widest element comes first
  EXPECT_EQ(count, 7);
}

TEST(Safetensors, EmptyDict) {
  const ScratchFolder folder;
  save({}, folder / "f");
  EXPECT_TRUE(load(folder / "f").empty());
  save({}, folder / "f", {{"key", "text"}});
  EXPECT_EQ(load_safetensors(folder / "f").metadata.at("key"), "text");
}

TEST(Safetensors, RefusesNamesTheFormatCannotHold) {
  const ScratchFolder folder;
  EXPECT_THROW(save({{"__metadata__", tensor(1)}}, folder / "f"), ValueError);
  EXPECT_THROW(save({{"\xff", tensor(1)}}, folder / "f"), ValueError);
  EXPECT_THROW(save({{"undefined", Tensor()}}, folder / "f"), ValueError);
  EXPECT_THROW(save({}, folder / "f", {{"key", "\xc3"}}), ValueError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsErrors, Files) {
  const ScratchFolder folder;
  folder.write("empty", "");
  const auto message = [&](const std::filesystem::path& path) {
    try {
      load(path);
    } catch (const IoError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  const std::string base = folder.path().string();
  EXPECT_EQ(message(folder / "none"),
            base + "/none: cannot read the file: No such file or directory");
  EXPECT_EQ(message(folder.path()), base + ": cannot read the file: Is a directory");
  EXPECT_EQ(message(folder / "empty"), base + "/empty: the file is empty");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(message(folder / "pipe"),
            base + "/pipe: cannot read the file: it is a device or pipe, not a file");
}

TEST(SafetensorsErrors, EveryTruncation) {
  const std::string bytes = file_bytes(kFixture);
  ASSERT_EQ(error_of(bytes), "no error");
  for (std::size_t n = 0; n < bytes.size(); ++n)
    ASSERT_NE(error_of(std::string_view(bytes).substr(0, n)), "no error") << n << " bytes";
  EXPECT_NE(error_of(bytes + "x"), "no error");
}

TEST(SafetensorsErrors, Length) {
  std::string huge = file_of("{}", 0);
  huge[7] = '\x7f';
  EXPECT_NE(error_of(huge).find("more than the 100000000 that safetensors allows"),
            std::string::npos);
  std::string longer = file_of("{}", 0);
  longer[0] = 3;
  EXPECT_EQ(error_of(longer), "f: the header claims 3 bytes, the file has only 10 (truncated?)");
}

TEST(SafetensorsErrors, Json) {
  EXPECT_EQ(error_of("", 0), "f: the header does not start with '{'");
  EXPECT_EQ(error_of(" {}", 0), "f: the header does not start with '{'");
  EXPECT_NE(error_of("{", 0).find("f: the header is not valid JSON at byte 2"), std::string::npos);
  EXPECT_NE(error_of("{}x", 0).find("not valid JSON"), std::string::npos);
  EXPECT_NE(error_of("{\"\xff\":{}}", 0).find("not valid JSON"), std::string::npos);
  EXPECT_NE(error_of(std::string(100'000, '{'), 0).find("not valid JSON"), std::string::npos);
  EXPECT_EQ(error_of("{\"a\":" + std::string(100'000, '['), 0),
            "f: the entry 'a' of the header must be an object, not a list");
  EXPECT_EQ(error_of(R"({"a":7})", 0),
            "f: the entry 'a' of the header must be an object, not a number");
  EXPECT_EQ(error_of(R"({"__metadata__":{"k":1}})", 0),
            "f: the metadata 'k' must be a string, not a number");
  EXPECT_EQ(error_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
            "f: the metadata key 'k' occurs twice");
  EXPECT_EQ(error_of(R"({"__metadata__":{},"__metadata__":{}})", 0),
            "f: the name '__metadata__' occurs twice in the header");
}

TEST(SafetensorsErrors, Entries) {
  const auto entry = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  EXPECT_EQ(error_of(entry(R"("dtype":"U8","shape":[1],"data_offsets":[0,1])"), 1), "no error");
  const std::string twice = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(error_of("{\"a\":" + twice + ",\"a\":" + twice + "}", 1),
            "f: the name 'a' occurs twice in the header");

  const std::pair<const char*, const char*> cases[] = {
      {R"("shape":[1],"data_offsets":[0,1])", "has no dtype"},
      {R"("dtype":"U8","data_offsets":[0,1])", "has no shape"},
      {R"("dtype":"U8","shape":[1])", "has no data_offsets"},
      {R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])", "has its dtype twice"},
      {R"("dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1])",
       "has dtype 'F8_E4M3', which Ingot does not know; it reads BOOL, U8, I8, I16, I32, I64, F16, "
       "BF16, F32 and F64"},
      {R"("dtype":8,"shape":[1],"data_offsets":[0,1])",
       "has a number where the dtype's name should be"},
      {R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])", "has a negative size -1"},
      {R"("dtype":"U8","shape":[1.5],"data_offsets":[0,1])",
       "has a size or offset that is no 64-bit integer: '1.5'"},
      {R"("dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1])",
       "has a size or offset that is no 64-bit integer: '99999999999999999999'"},
      {R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1])",
       "has an impossible size 18446744073709551615"},
      {R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1])",
       "has shape [4294967296, 4294967296], more than 2^63 bytes"},
      {R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])",
       "has more than 8 dimensions"},
      {R"("dtype":"U8","shape":1,"data_offsets":[0,1])", "has a number in its shape"},
      {R"("dtype":"U8","shape":[[1]],"data_offsets":[0,1])", "has a list in its shape"},
      {R"("dtype":"U8","shape":[1],"data_offsets":[0])", "needs two data_offsets, not 1"},
      {R"("dtype":"U8","shape":[1],"data_offsets":[0,1,2])", "has more than two data_offsets"},
      {R"("dtype":"U8","shape":[1],"data_offsets":[-1,0])", "has a negative offset -1"},
      {R"("dtype":"U8","shape":[1],"data_offsets":[1,0])",
       "has data_offsets [1, 0] that run backwards"},
      {R"("dtype":"F32","shape":[2],"data_offsets":[0,1])",
       "has data_offsets [0, 1] (1 bytes), but float32 of shape [2] takes 8 bytes"},
      {R"("dtype":"U8","shape":[2],"data_offsets":[0,2])",
       "has data_offsets [0, 2] outside the file's 1 bytes of data (truncated?)"},
      {R"("dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615])",
       "has data_offsets [18446744073709551614, 18446744073709551615] outside the file's 1 bytes "
       "of "
       "data (truncated?)"},
  };
  for (const auto& [fields, cause] : cases)
    EXPECT_EQ(error_of(entry(fields), 1), std::string("f: tensor 'a' ") + cause) << fields;
}

// As safetensors' own reader: it skips what it does not know.
TEST(Safetensors, UnknownFieldsAndNoMetadata) {
  for (const char* field :
       {R"("x":1)", R"("x":null)", R"("x":true)", R"("x":-1)", R"("x":1.5)", R"("x":"dtype")",
        R"("x":[])", R"("x":{})", R"("x":[[1,{"dtype":"F32","a":[null]}],"shape"])",
        R"("x":{"shape":[9],"y":{"z":[{}]}},"__metadata__":[])"}) {
    for (const bool first : {true, false}) {
      const std::string known = R"("dtype":"U8","shape":[2],"data_offsets":[0,2])";
      const std::string fields = first ? field + ("," + known) : known + "," + field;
      const std::string header = R"({"__metadata__":null,"a":{)" + fields + "}}";
      EXPECT_EQ(error_of(header, 2), "no error") << header;
    }
  }
  EXPECT_EQ(error_of(R"({"a":null})", 0),
            "f: the entry 'a' of the header must be an object, not null");
  EXPECT_EQ(error_of(R"({"__metadata__":{"k":null}})", 0),
            "f: the metadata 'k' must be a string, not null");
  EXPECT_NE(error_of("{\"a\":{\"x\":" + std::string(100'000, '['), 0).find("not valid JSON"),
            std::string::npos);
}

TEST(SafetensorsErrors, Tiling) {
  const auto two = [](int begin_a, int end_a, int begin_b, int end_b) {
    const auto entry = [](const char* name, int begin, int end) {
      return "\"" + std::string(name) + R"(":{"dtype":"U8","shape":[)" +
             std::to_string(end - begin) + R"(],"data_offsets":[)" + std::to_string(begin) + "," +
             std::to_string(end) + "]}";
    };
    return "{" + entry("a", begin_a, end_a) + "," + entry("b", begin_b, end_b) + "}";
  };
  EXPECT_EQ(error_of(two(0, 2, 2, 4), 4), "no error");
  EXPECT_EQ(error_of(two(2, 4, 0, 2), 4), "no error");
  // An empty tensor may only lie where another one starts.
  EXPECT_EQ(error_of(two(4, 4, 0, 4), 4), "no error");
  EXPECT_EQ(error_of(two(2, 2, 0, 4), 4), "f: tensors 'b' and 'a' overlap at byte 2");
  EXPECT_EQ(error_of(two(0, 3, 2, 4), 4), "f: tensors 'a' and 'b' overlap at byte 2");
  EXPECT_EQ(error_of(two(0, 4, 0, 4), 4), "f: tensors 'a' and 'b' overlap at byte 0");
  EXPECT_EQ(error_of(two(0, 1, 2, 4), 4), "f: bytes 1 to 2 before tensor 'b' belong to no tensor");
  EXPECT_EQ(error_of(two(0, 2, 2, 4), 5), "f: the tensors take 4 bytes, the file has 5");
  EXPECT_EQ(error_of("{}", 1), "f: the tensors take 0 bytes, the file has 1");
}

TEST(SafetensorsErrors, BoolsAreZeroOrOne) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 1),
            "f: tensor 'a' is of dtype BOOL and holds a byte that is neither 0 nor 1");
}

TEST(Checksums, AreKeptOnRequestAndVerified) {
  const ScratchFolder folder;
  const StateDict tensors{{"a", tensor({1.5, 2.5})}, {"b", tensor({true})}, {"c", zeros({0, 2})}};
  save(tensors, folder / "plain", {{"k", "v"}});
  save(tensors, folder / "checked", {{"k", "v"}}, {.checksums = true});
  EXPECT_EQ(file_bytes(folder / "plain").find("crc32"), std::string::npos);
  EXPECT_NE(file_bytes(folder / "checked").find("ingot.crc32"), std::string::npos);
  const SafetensorsFile file = load_safetensors(folder / "checked");
  EXPECT_EQ(file.metadata, (Metadata{{"k", "v"}}));
  EXPECT_EQ(file.tensors.at("a").to_vector<float>(), (std::vector<float>{1.5, 2.5}));

  const auto with = [](const std::string& checksums) {
    return error_of(R"({"__metadata__":{"ingot.crc32":")" + checksums +
                        R"("},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                    2);
  };
  const std::string unreadable = "f: the checksums cannot be read; the file is damaged";
  for (const char* text :
       {"", "[]", "{", "{}", R"({\"metadata\":0})", R"({\"metadata\":-1})",
        R"({\"metadata\":0,\"tensors\":[]})", R"({\"metadata\":0,\"tensors\":{\"a\":4294967296}})",
        R"({\"metadata\":0,\"tensors\":{\"a\":\"x\"}})"})
    EXPECT_EQ(with(text), unreadable) << text;
  EXPECT_EQ(with(R"({\"metadata\":1,\"tensors\":{\"a\":1}})"),
            "f: the metadata do not match their checksum; the file is damaged");
  EXPECT_EQ(with(R"({\"metadata\":0,\"tensors\":{}})"),
            "f: there is no checksum of tensor 'a'; the file is damaged");
  EXPECT_EQ(with(R"({\"metadata\":0,\"tensors\":{\"a\":1,\"b\":1}})"),
            "f: there are checksums of 2 tensors, and 1 tensors; the file is damaged");
  EXPECT_EQ(with(R"({\"metadata\":0,\"tensors\":{\"a\":1}})"),
            "f: tensor 'a' does not match its checksum; the file is damaged");
  EXPECT_THROW(save(tensors, folder / "x", {{"ingot.crc32", ""}}), ValueError);
}

TEST(Checksums, AreAsDocumented) {
  // Written by a script with Python's zlib.
  const SafetensorsFile file = load_safetensors(
      std::filesystem::path(ingot::testing::source_dir()) / "fuzz/corpus/safetensors/checksums");
  EXPECT_EQ(file.metadata, (Metadata{{"k", "v"}}));
  EXPECT_EQ(file.tensors.at("a").to_vector<float>(), (std::vector<float>{1.5, 2.5}));
}

}  // namespace
}  // namespace ingot
