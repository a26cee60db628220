// Files of torch.save, written by PyTorch 1.13 and 2.13 (tests/fixtures/make_pth_fixtures.py), and
// pickles written by hand.
#include <ingot/io/pth.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>

#include "support/json_tensor.h"
#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot {
namespace {

namespace fs = std::filesystem;
using ingot::testing::ScratchFolder;
using nlohmann::json;
using testing_support::read_json;
using Kind = PthValue::Kind;
using namespace std::string_literals;

const fs::path kFolder = fs::path(ingot::testing::source_dir()) / "tests/fixtures/pth";
const std::vector<std::string> kVersions = {"1.13", "2.13"};

fs::path fixture(const std::string& version, const std::string& name) {
  return kFolder / (version + "-" + name + ".pth");
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

PthValue parse(std::string_view bytes) { return parse_pth(std::as_bytes(std::span(bytes)), "f"); }

template <class F>
std::string io_error(F&& f) {
  try {
    f();
  } catch (const IoError& e) {
    return e.what();
  }
  return "no error";
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "'" << (part) << "' is not in:\n" << (text)

void expect_weights(const StateDict& dict) {
  const json wanted = read_json("pth/weights.json");
  ASSERT_EQ(wanted.size(), 23u);
  EXPECT_EQ(dict.size(), wanted.size());
  for (const auto& [name, entry] : wanted.items()) {
    SCOPED_TRACE(name);
    const Tensor& t = dict.at(name);
    EXPECT_EQ(ingot::name(t.dtype()), entry.at("dtype").get<std::string>());
    EXPECT_EQ(t.shape(), Shape(entry.at("shape").get<std::vector<std::int64_t>>()));
    EXPECT_FALSE(t.requires_grad());
    const auto values = t.to(float64).to_vector<double>();
    ASSERT_EQ(values.size(), entry.at("values").size());
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(values[i], std::stod(entry.at("values")[i].get<std::string>())) << "element " << i;
  }
  EXPECT_TRUE(std::signbit(dict.at("special").to_vector<float>()[1]));
}

TEST(Pth, ReadsEveryDTypeAndStride) {
  for (const std::string& version : kVersions)
    for (const char* kind : {"weights-zip", "weights-stream", "compressed"}) {
      SCOPED_TRACE(version + " " + kind);
      const fs::path path = fixture(version, kind);
      expect_weights(load(path));
      expect_weights(find_state_dict(parse(bytes_of(path))));
    }
}

TEST(Pth, KeepsTheOrderOfTheFile) {
  const StateDict dict = load(fixture("2.13", "weights-zip"));
  EXPECT_EQ(dict.begin()->first, "bool");
  EXPECT_EQ(dict.keys().back(), "tied.b");
}

void expect_nested(const PthValue& v) {
  EXPECT_EQ(v.size(), 21u);
  EXPECT_EQ(v.at("epoch").as_int(), 3);
  EXPECT_TRUE(v.at("none").is(Kind::None));
  EXPECT_TRUE(v.at("flags").is(Kind::Tuple));
  EXPECT_TRUE(v.at("flags").items()[0].as_bool());
  EXPECT_FALSE(v.at("flags").items()[1].as_bool());
  std::vector<std::int64_t> numbers;
  for (const PthValue& n : v.at("numbers").items()) numbers.push_back(n.as_int());
  using I64 = std::numeric_limits<std::int64_t>;
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, 255, 256, 65536, -1, 1ll << 31, -(1ll << 40),
                                                I64::max(), I64::min()}));
  EXPECT_EQ(v.at("floats").items()[0].as_float(), 0.5);
  EXPECT_EQ(v.at("floats").items()[1].as_float(), -1e300);
  EXPECT_TRUE(std::isinf(v.at("floats").items()[2].as_float()));
  EXPECT_EQ(v.at("text").as_text(), "Zürich ✓");
  EXPECT_TRUE(v.at("bytes").is(Kind::Bytes));
  EXPECT_EQ(v.at("bytes").as_text(), "\0\xff!"s);
  EXPECT_TRUE(v.at("set").is(Kind::Set));
  EXPECT_EQ(v.at("set").items()[0].as_int(), 7);
  EXPECT_EQ(v.at("frozen").items()[0].as_text(), "x");
  for (const PthValue& shared : v.at("shared").items()) EXPECT_EQ(shared.items()[1].as_int(), 2);
  EXPECT_EQ(v.at("dtype").as_text(), "torch.bfloat16");
  EXPECT_EQ(v.at("device").as_text(), "cpu");
  EXPECT_EQ(v.at("size").items()[1].as_int(), 3);
  EXPECT_EQ(v.at("tensors").items()[0].as_tensor().to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(v.at("tensors").items()[1].at("deep").as_tensor().item<bool>());
  EXPECT_EQ(v.entries()[17].first.as_int(), 7);
  EXPECT_EQ(v.entries()[18].first.items()[1].as_text(), "a");
  EXPECT_TRUE(v.entries()[19].first.is(Kind::None));
  EXPECT_EQ(v.entries()[20].first.as_float(), 0.5);
  const PthValue& adam = v.at("optimizer");
  EXPECT_EQ(adam.at("param_groups").items()[0].at("lr").as_float(), 0.25);
  EXPECT_EQ(adam.at("state").entries()[0].first.as_int(), 0);
  EXPECT_EQ(adam.at("state").entries()[0].second.at("exp_avg").as_tensor().shape(), (Shape{3, 2}));
}

TEST(Pth, ReadsNestedValuesInEveryProtocol) {
  for (const std::string& version : kVersions)
    for (const char* kind : {"nested", "protocol1", "protocol4", "protocol5"})
      for (const char* format : {"-zip", "-stream"}) {
        SCOPED_TRACE(version + " " + kind + format);
        const PthValue value = load_pth(fixture(version, kind + std::string(format)));
        expect_nested(value);
        const StateDict model = find_state_dict(value);
        EXPECT_EQ(model.size(), 7u);
        EXPECT_EQ(model.at("0.weight").shape(), (Shape{3, 2}));
        EXPECT_EQ(model.at("1.num_batches_tracked").item<int>(), 1);
      }
  const auto huge = load_pth(fixture("2.13", "nested-zip")).at("huge").items();
  EXPECT_EQ(huge[0].as_text(), "0xffffffffffffffff");
  EXPECT_EQ(huge[1].as_text(), "0x400000000000000000");
  EXPECT_EQ(huge[2].as_text(), "-0x400000000000000000");
  const auto decimal = load_pth(fixture("2.13", "protocol1-zip")).at("huge").items();
  EXPECT_EQ(decimal[2].as_text(), "-1180591620717411303424");
}

TEST(Pth, FindsTheWeights) {
  for (const std::string& version : kVersions) {
    EXPECT_EQ(load(fixture(version, "tensor")).at("tensor").to_vector<float>(),
              (std::vector<float>{1, 2}));
    EXPECT_EQ(load(fixture(version, "storage")).at("tensor").to_vector<float>(),
              (std::vector<float>{1, 2}));
    EXPECT_EQ(load(fixture(version, "tree")).keys(),
              (std::vector<std::string>{"encoder.w", "decoder.w"}));
  }
  const PthValue two = load_pth(fixture("2.13", "two-models"));
  EXPECT_EQ(find_state_dict(two, "critic").size(), 23u);
  EXPECT_EQ(find_state_dict(load_pth(fixture("2.13", "nested-zip")), "optimizer.state").keys()[0],
            "0.step");
  std::vector<std::string> left_out;
  EXPECT_EQ(flatten_tensors(two, &left_out).size(), 46u);
  EXPECT_EQ(left_out, (std::vector<std::string>{"epoch = 1"}));
  try {
    load(fixture("2.13", "two-models"));
    FAIL() << "two models, and none was asked for";
  } catch (const ValueError& e) {
    const std::string text = e.what();
    EXPECT_HAS(text, "2.13-two-models.pth: pth: which part holds the weights is not clear");
    EXPECT_HAS(text, "generator: dict of 23");
    EXPECT_HAS(text, "epoch: 1");
  }
  try {
    find_state_dict(two, "discriminator");
    FAIL() << "there is no such key";
  } catch (const ValueError& e) {
    EXPECT_HAS(std::string(e.what()),
               "no key 'discriminator' among 3: 'generator', 'critic', 'epoch'");
  }
  EXPECT_THROW(two.at("epoch").as_tensor(), ValueError);
  EXPECT_THROW(two.as_int(), ValueError);
}

TEST(Pth, LoadKnowsAFileByItsContent) {
  const ScratchFolder folder;
  save({{"a", tensor({1.0, 2.0})}}, folder / "named.pth");
  EXPECT_EQ(load(folder / "named.pth").at("a").dtype(), float32);
  folder.write("named.safetensors", bytes_of(fixture("2.13", "tensor")));
  EXPECT_EQ(load(folder / "named.safetensors").size(), 1u);
  folder.write("neither", std::string(300, 'x'));
  EXPECT_HAS(io_error([&] { load_pth(folder / "neither"); }), "this is no file of torch.save");
  EXPECT_HAS(io_error([&] { load_pth(folder / "missing"); }), "No such file");
  EXPECT_HAS(io_error([&] { load_pth(folder / "named.pth"); }), "this is no file of torch.save");
  folder.write("old", std::string(257, 'x') + "ustar" + std::string(9, 'x'));
  EXPECT_HAS(io_error([&] { load(folder / "old"); }), "tar archive of PyTorch before 0.2");
  folder.write("empty", "");
  EXPECT_HAS(io_error([&] { load(folder / "empty"); }), "empty: the file is empty");
  EXPECT_HAS(io_error([&] { load_pth(folder / "empty"); }), "empty: the file is empty");
  folder.write("page.pth", "<html>not found</html>");
  EXPECT_HAS(io_error([&] { load(folder / "page.pth"); }), "this looks like text");
}

// Names in a file do not steer the terminal that shows a message.
TEST(Pth, NamesAreEscapedInMessages) {
  for (const std::string& version : kVersions) {
    const PthValue value = load_pth(fixture(version, "odd-names"));
    std::vector<std::string> texts, left_out;
    for (const char* key : {"", "none"}) {
      try {
        find_state_dict(value, key);
      } catch (const ValueError& e) {
        texts.emplace_back(e.what());
      }
    }
    ASSERT_EQ(texts.size(), 2u);
    EXPECT_EQ(flatten_tensors(value, &left_out).keys(), std::vector<std::string>{"a\x1b[2Jb\n"});
    texts.insert(texts.end(), left_out.begin(), left_out.end());
    for (const std::string& text : texts) {
      EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
      EXPECT_HAS(text, "epoch\\x1b[2J");
    }
  }
}

// Nothing is executed: the commands in these files would leave a file named pwned.
TEST(Pth, RefusesWhatIsNotDataByName) {
  const std::vector<std::pair<const char*, const char*>> refused = {
      {"evil-system-zip", "GLOBAL posix.system is not allowed"},
      {"evil-system-stream", "GLOBAL posix.system is not allowed"},
      {"evil-eval", "GLOBAL __builtin__.eval is not allowed"},
      {"evil-popen", "GLOBAL commands.Popen is not allowed"},
      {"evil-object", "GLOBAL __main__.Plain is not allowed"},
      {"evil-module-zip", "GLOBAL torch.nn.modules.linear.Linear is not allowed"},
      {"evil-module-stream", "GLOBAL torch.nn.modules.linear.Linear is not allowed"},
      {"evil-sparse", "sparse tensors cannot be read"},
      {"evil-complex", "the dtype complex64 cannot be read"},
      {"evil-quantized", "quantized tensors cannot be read"},
      {"evil-partial", "a tensor's storage is of the wrong kind"},
      {"evil-script", "this is a TorchScript program"},
      {"evil-big-endian-stream", "big-endian"},
      {"evil-no-storage", "the storage '0' is missing"},
      {"evil-short-storage", "the storage '0' has 7 bytes instead of 8"},
  };
  for (const std::string& version : kVersions)
    for (const auto& [name, part] : refused) {
      SCOPED_TRACE(version + " " + name);
      const std::string text = io_error([&, n = name] { load_pth(fixture(version, n)); });
      EXPECT_HAS(text, part);
      EXPECT_HAS(text, version + "-" + name + ".pth: ");
    }
  EXPECT_HAS(io_error([] { load_pth(fixture("2.13", "evil-big-endian")); }), "big-endian");
  // Only newer PyTorch has these dtypes.
  for (const std::string dtype : {"float8_e4m3fn", "uint16"})
    EXPECT_HAS(io_error([&] { load_pth(fixture("2.13", "evil-" + dtype)); }),
               "the dtype " + dtype + " cannot be read: Ingot has dense tensors of bool, uint8");
  EXPECT_FALSE(fs::exists("pwned"));
}

// -- Damage -----------------------------------------------------------------------------------

TEST(Pth, EveryTruncationIsAnError) {
  for (const char* kind : {"weights-zip", "weights-stream", "nested-stream"}) {
    const std::string bytes = bytes_of(fixture("2.13", kind));
    const std::size_t step = kind == std::string("weights-zip") ? 7 : 1;
    for (std::size_t n = 0; n < bytes.size(); n += step)
      ASSERT_NE(io_error([&] { parse(std::string_view(bytes).substr(0, n)); }), "no error")
          << kind << " cut to " << n << " of " << bytes.size() << " bytes";
  }
}

TEST(Pth, DamagedBytesGiveValuesOrAnIoError) {
  for (const char* kind : {"weights-zip", "weights-stream", "nested-stream"}) {
    const std::string bytes = bytes_of(fixture("2.13", kind));
    std::size_t errors = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (i % 2 == 0 ? 0x80 : 0x01));
      if (io_error([&] { parse(damaged); }) != "no error") ++errors;
    }
    EXPECT_GT(errors, bytes.size() / 12) << kind;
  }
}

TEST(Pth, ChecksumsOfZipEntriesAreCompared) {
  std::string bytes = bytes_of(fixture("2.13", "tensor"));
  const std::string two("\0\0\x80\x3f\0\0\0\x40", 8);  // 1.0f, 2.0f
  const auto at = bytes.find(two);
  ASSERT_NE(at, std::string::npos);
  bytes[at + 3] = '\x40';
  EXPECT_HAS(io_error([&] { parse(bytes); }), "CRC error");
}

// -- Pickles by hand --------------------------------------------------------------------------

std::string stream_of(const std::string& pickle, const std::string& rest = "].") {
  return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s + "M\xe9\x03." + "}." +
         pickle + rest;
}
PthValue unpickle(const std::string& pickle) { return parse(stream_of(pickle)); }
std::string error_of(const std::string& pickle) {
  return io_error([&] { unpickle(pickle); });
}

std::string text(const std::string& s) { return "U"s + static_cast<char>(s.size()) + s; }
std::string number(std::uint32_t n) { return "J" + std::string(reinterpret_cast<char*>(&n), 4); }

/// A storage of `numel` floats with that key, as a persistent id.
std::string storage(std::uint32_t numel, const std::string& view = "") {
  return "(" + text("storage") + "ctorch\nFloatStorage\n" + text("k") + text("cpu") +
         number(numel) + view + "tQ";
}
std::string tensor_pickle(const std::string& storage, std::uint32_t offset,
                          const std::string& shape, const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + "(" + shape + "t(" +
         strides + "t\x89}tR.";
}
std::string floats(std::initializer_list<float> values) {
  const std::uint64_t count = values.size();
  return "](" + text("k") + "e." + std::string(reinterpret_cast<const char*>(&count), 8) +
         std::string(reinterpret_cast<const char*>(values.begin()), values.size() * 4);
}

TEST(Pickle, OpcodesOfOldProtocols) {
  EXPECT_EQ(unpickle("I-12\n.").as_int(), -12);
  EXPECT_TRUE(unpickle("I01\n.").as_bool());
  EXPECT_FALSE(unpickle("I00\n.").as_bool());
  EXPECT_EQ(unpickle("L99L\n.").as_int(), 99);
  EXPECT_EQ(unpickle("F-0.25\n.").as_float(), -0.25);
  EXPECT_EQ(unpickle("(I1\nI2\nl.").items()[1].as_int(), 2);
  EXPECT_EQ(unpickle("(U\1aI2\nd.").at("a").as_int(), 2);
  EXPECT_EQ(unpickle("]p5\n0g5\n.").size(), 0u);
  EXPECT_EQ(unpickle("](K\1K\2"
                     "1.")
                .size(),
            0u)
      << "POP_MARK";
  EXPECT_EQ(unpickle("K\5"
                     "20.")
                .as_int(),
            5)
      << "DUP and POP";
  EXPECT_EQ(unpickle("ccollections\nOrderedDict\n(](](U\1aK\1eetR.").at("a").as_int(), 1)
      << "Python 2's OrderedDict";
  // The last value of a key holds, at the place of the first.
  const PthValue twice = unpickle("}(U\1aK\1U\1bK\2U\1aK\3u.");
  EXPECT_EQ(twice.size(), 2u);
  EXPECT_EQ(twice.entries()[0].second.as_int(), 3);
}

TEST(Pickle, DamageIsNamed) {
  EXPECT_HAS(error_of("\xfe."), "damaged pickle at byte 21: unknown opcode 0xfe");
  EXPECT_HAS(error_of("."), "the stack is empty");
  EXPECT_HAS(error_of("K\1K\1."), "left over");
  EXPECT_HAS(error_of("(K\1."), "left over");
  EXPECT_HAS(error_of("t."), "a mark is missing");
  EXPECT_HAS(error_of("h\7."), "nothing is remembered under 7");
  EXPECT_HAS(error_of("g-1\n."), "'-1' is no place of the memo");
  EXPECT_HAS(error_of("K\1K\2a."), "what is appended to is of the wrong kind");
  EXPECT_HAS(error_of("}]K\1s."), "a dict's key must be");
  EXPECT_HAS(error_of("}(K\1u."), "a key without a value");
  EXPECT_HAS(error_of("Iabc\n."), "'abc' is no integer");
  EXPECT_HAS(error_of("F1,5\n."), "'1,5' is no number");
  EXPECT_HAS(error_of("\x80\x09."), "protocol 9; Ingot reads up to 5");
  EXPECT_HAS(error_of("\x8b\xff\xff\xff\x7f."), "an integer of 2147483647 bytes");
  EXPECT_HAS(error_of("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                      "a."),
             "truncated?");
  EXPECT_HAS(error_of("c" + std::string(5000, 'a') + "\nb\n."), "longer than 4096 bytes");
  EXPECT_HAS(error_of("U\1aK\1\x85R."), "what is called is of the wrong kind");
  EXPECT_HAS(error_of("ccollections\nOrderedDict\nK\1R."), "a call's arguments");
  EXPECT_EQ(unpickle("ccollections\nOrderedDict\n.").as_text(), "collections.OrderedDict")
      << "a type is a value, as torch.load(weights_only=True) has it";
  EXPECT_HAS(error_of("ctorch\nSize\nK\1\x85R."), "a size is of the wrong kind");
}

TEST(Pickle, OpcodesThatCouldRunSomethingAreNamed) {
  EXPECT_HAS(error_of("ios\nsystem\n."), "the pickle opcode INST is not allowed");
  EXPECT_HAS(error_of("(o."), "the pickle opcode OBJ is not allowed");
  EXPECT_HAS(error_of("ctorch\nFloatStorage\n)\x81."), "the pickle opcode NEWOBJ on torch.Float");
  EXPECT_HAS(error_of("c__builtin__\nint\n)\x81."), "the pickle opcode NEWOBJ on builtins.int");
  EXPECT_HAS(error_of("c__builtin__\nlist\n)R."), "calling builtins.list is not allowed");
  EXPECT_HAS(error_of("\x82\1."), "the pickle opcode EXT1 is not allowed");
  EXPECT_HAS(error_of("Pid\n."), "the pickle opcode PERSID is not allowed");
  EXPECT_HAS(error_of("]}b."), "the pickle opcode BUILD on anything but an OrderedDict");
  EXPECT_HAS(error_of("\x8c\2os\x8c\6system\x93."), "GLOBAL os.system is not allowed");
  EXPECT_HAS(error_of("cos\n\x1b[31m\n."), "GLOBAL os.\\x1b[31m is not allowed");
  EXPECT_HAS(error_of("ctorch\nFloatStorage\nK\1\x85R."), "calling torch.FloatStorage is not");
  EXPECT_HAS(error_of("(" + text("module") + "tQ."), "the persistent id 'module' is not allowed");
  EXPECT_HAS(error_of("c_codecs\nencode\nU\1aU\3zip\x86R."), "the encoding zip is not allowed");
}

TEST(Pickle, TensorsLieInsideTheirStorage) {
  const auto read = [](const std::string& pickle, const std::string& data) {
    return parse(stream_of(pickle, data)).as_tensor().to_vector<float>();
  };
  const std::string data = floats({1, 2, 3, 4, 5, 6});
  const std::string whole = storage(6);
  EXPECT_EQ(read(tensor_pickle(whole, 1, number(2) + number(2), number(3) + number(1)), data),
            (std::vector<float>{2, 3, 5, 6}));
  EXPECT_EQ(read(tensor_pickle(whole, 0, number(2) + number(3), number(1) + number(2)), data),
            (std::vector<float>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(read(tensor_pickle(whole, 5, "", ""), data), (std::vector<float>{6}));
  EXPECT_EQ(read(tensor_pickle(whole, 99, number(0), number(1)), data), (std::vector<float>{}));
  EXPECT_EQ(read(tensor_pickle(storage(6, "(" + text("v") + number(2) + number(3) + "t"), 1,
                               number(2), number(1)),
                 data),
            (std::vector<float>{4, 5}))
      << "a view of a storage, in old files";
  const auto refused = [&](const std::string& pickle) {
    return io_error([&] { read(pickle, data); });
  };
  EXPECT_HAS(refused(tensor_pickle(whole, 6, "", "")), "exceeds its storage of 24 bytes");
  EXPECT_HAS(refused(tensor_pickle(whole, 1, number(2), number(5))), "exceeds its storage");
  EXPECT_HAS(refused(tensor_pickle(whole, 0, number(7), number(1))), "exceeds its storage");
  EXPECT_HAS(refused(tensor_pickle(whole, 0, number(0x7fffffff), number(0x7fffffff))), "exceeds");
  EXPECT_HAS(refused(tensor_pickle(whole, 0, number(~0u), number(1))), "a tensor's size is -1");
  EXPECT_HAS(refused(tensor_pickle(whole, 0, number(1), "")), "not as many strides");
  std::string nine, ones;
  for (int i = 0; i < 9; ++i) nine += number(1), ones += number(1);
  EXPECT_HAS(refused(tensor_pickle(whole, 0, nine, ones)), "9 dimensions");
  EXPECT_HAS(refused(tensor_pickle(storage(7), 0, "", "")), "6 elements instead of 7");
  EXPECT_HAS(
      refused(tensor_pickle(storage(6, "(" + text("v") + number(4) + number(3) + "t"), 0, "", "")),
      "view lies outside");
  EXPECT_HAS(io_error([&] { read(tensor_pickle(whole, 0, "", ""), "]."); }), "missing");
}

// Small files that ask for much: each ends in an error, soon, and without the memory.
TEST(Pickle, Bombs) {
  const std::string data = floats({1});
  const std::string one = storage(1);
  const std::string huge = number(0x7fffffff), zero = number(0);
  EXPECT_HAS(
      io_error([&] { parse(stream_of(tensor_pickle(one, 0, huge + huge, zero + zero), data)); }),
      "exceeds its storage");
  EXPECT_HAS(io_error([&] { parse(stream_of(tensor_pickle(one, 0, huge, zero), data)); }),
             "far more memory than the file has bytes");
  // Each list holds the one before twice.
  std::string laughs = "]";
  for (int i = 0; i < 60; ++i)
    laughs += "q" + std::string(1, static_cast<char>(i)) + "0](h" +
              std::string(1, static_cast<char>(i)) + "h" + std::string(1, static_cast<char>(i)) +
              "e";
  EXPECT_HAS(error_of(laughs + "."), "far more memory than the file has bytes");
  EXPECT_HAS(error_of("]q\1h\1a."), "nested deeper than 100 levels, or contain themselves");
  std::string deep(100'000, ']');
  deep += std::string(99'999, 'a');
  EXPECT_HAS(error_of(deep + "."), "nested deeper than 100 levels");
  EXPECT_HAS(error_of(std::string(1'100'000, 'N')), "far more memory than the file has bytes");
  EXPECT_HAS(error_of("N" + std::string(1'100'000, '2')), "exceeds 1000000 values");
  EXPECT_HAS(error_of(std::string(1'100'000, '(')), "too many marks");
  // One long text, taken up again and again.
  const std::uint32_t length = 1'000'000;
  std::string echo = "X" + std::string(reinterpret_cast<const char*>(&length), 4) +
                     std::string(length, 'x') + "q\1" + "0](";
  for (int i = 0; i < 1000; ++i) echo += "h\1";
  EXPECT_HAS(error_of(echo + "e."), "far more memory than the file has bytes");
}

}  // namespace
}  // namespace ingot
