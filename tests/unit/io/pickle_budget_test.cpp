// Small files that ask for much memory: each is refused, soon, and a process that may take only
// little more than it has survives it. What is counted is what is made, copies too.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <functional>
#include <limits>
#include <new>
#include <string>

#include <ingot/core/error.h>
#include <ingot/io/pth.h>
#include <ingot/io/safetensors.h>

#include "support/sanitized.h"

namespace ingot {
namespace {

using namespace std::string_literals;

std::string le(std::uint64_t value, int nbytes) {
  std::string out;
  for (int i = 0; i < nbytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string stream_of(const std::string& pickle, const std::string& rest = "].") {
  return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s + "M\xe9\x03." + "}." +
         pickle + rest;
}

std::string repeated(const std::string& piece, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += piece;
  return all;
}

/// The error that parse() gives in a process that may take `nbytes` more than it has.
std::string error_within(std::uint64_t nbytes, const std::function<void()>& parse) {
  int pipe[2];
  if (::pipe(pipe) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    // Sanitizers reserve the whole address space.
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages = 0;
    if (!test::kSanitized && statm >> pages) {
      const rlimit limit{pages * 4096 + nbytes, pages * 4096 + nbytes};
      ::setrlimit(RLIMIT_AS, &limit);
    }
    std::string text = "no error";
    try {
      parse();
    } catch (const IoError& e) {
      text = e.what();
    } catch (const std::bad_alloc&) {
      text = "std::bad_alloc";
    } catch (const std::exception& e) {
      text = "other: "s + e.what();
    }
    (void)!::write(pipe[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string text(4096, '\0');
  const ssize_t count = ::read(pipe[0], text.data(), text.size());
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return WIFEXITED(status) ? text : "died";
}

void expect_refused(const char* what, const std::string& pickle) {
  const std::string file = stream_of(pickle);
  const std::string text =
      error_within(384ull << 20, [&] { parse_pth(std::as_bytes(std::span(file)), "bomb"); });
  EXPECT_NE(text.find("far more memory than the file has bytes"), std::string::npos)
      << what << " of " << file.size() << " bytes: " << text;
}

TEST(PickleBudget, CopiesCount) {
  const std::string tuple = "(" + repeated("K\1", 15'000) + "tq\1";
  expect_refused("torch.Size over and over",
                 "](ctorch\nSize\nq\2" + tuple + "0" + repeated("h\2h\1\x85R", 10'000) + "e.");
  const std::string list = "](" + repeated("K\1", 15'000) + "eq\1";
  expect_refused("set over and over",
                 "](c__builtin__\nset\nq\2" + list + "0" + repeated("h\2h\1\x85R", 10'000) + "e.");
  const std::string pairs = "](" + repeated("](U\1aK\1e", 3'000) + "eq\1";
  expect_refused("OrderedDict over and over", "](ccollections\nOrderedDict\nq\2" + pairs + "0" +
                                                  repeated("h\2h\1\x85R", 20'000) + "e.");
  const std::string dict = "}(" + repeated("K\1K\1", 8'000) + "uq\1";
  expect_refused("Counter over and over", "](ccollections\nCounter\nq\2" + dict + "0" +
                                              repeated("h\2h\1\x85R", 20'000) + "e.");
  const std::string text = "X" + le(60'000, 4) + std::string(60'000, 'x') + "q\1";
  expect_refused("bytes over and over", "](c_codecs\nencode\nq\2" + text + "U\6latin1q\3" + "00" +
                                            repeated("h\2h\1h\3\x86R", 10'000) + "e.");
  const std::string bytes = "B" + le(60'000, 4) + std::string(60'000, 'x') + "q\1";
  expect_refused("bytearray over and over", "](cbuiltins\nbytearray\nq\2" + bytes + "0" +
                                                repeated("h\2h\1\x85R", 10'000) + "e.");
}

TEST(PickleBudget, SharedValuesCountWhereTheyBecomeCopies) {
  const std::string text = "X" + le(60'000, 4) + std::string(60'000, 'x') + "q\1";
  expect_refused("a text in a long list", "]" + text + "0(" + repeated("h\1", 20'000) + "e.");
  expect_refused("a text as the key of many dicts",
                 "]" + text + "0(" + repeated("}h\1Ns", 20'000) + "e.");
  // A long list that holds itself in its first place, down to the deepest level.
  expect_refused("room for a list in itself", "]q\1(h\1" + std::string(900'000, '2') + "e.");
  std::string laughs = "]";
  for (char i = 1; i < 60; ++i) laughs += "q"s + i + "0](h" + i + "h" + i + "h" + i + "h" + i + "e";
  expect_refused("lists of lists of lists", laughs + ".");
}

TEST(PickleBudget, ManySmallValues) {
  expect_refused("None", std::string(3'000'000, 'N'));
  expect_refused("empty dicts", std::string(3'000'000, '}'));
}

// A file of `count` tensors of one element, each with a storage of its own.
std::string file_with_storages(int count) {
  std::string pickle = "}ctorch._utils\n_rebuild_tensor_v2\nq\1" + "0"s +
                       "ctorch\nFloatStorage\nq\2" + "0" + "U\7storageq\3" + "0U\3cpuq\4" + "0";
  std::string keys = "](", data;
  for (int i = 0; i < count; ++i) {
    const std::string key = std::to_string(1'000'000 + i);
    const std::string text = "U" + std::string(1, static_cast<char>(key.size())) + key;
    pickle += text + "h\1(" + "(h\3h\2" + text + "h\4K\1tQ" + "K\0K\1\x85K\1\x85\x89}tRs"s;
    keys += text;
    data += le(1, 8) + std::string("\0\0\x80\x3f", 4);
  }
  return stream_of(pickle + ".", keys + "e." + data);
}

// Seconds of this thread, whatever its neighbours do: the least of several runs.
double seconds_to_read(int count) {
  const std::string file = file_with_storages(count);
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 3; ++run) {
    timespec before{}, after{};
    EXPECT_EQ(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before), 0);
    const StateDict dict = find_state_dict(parse_pth(std::as_bytes(std::span(file)), "many"));
    EXPECT_EQ(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after), 0);
    EXPECT_EQ(dict.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(dict.at(std::to_string(1'000'000 + count - 1)).item<float>(), 1.0f);
    least = std::min(least, static_cast<double>(after.tv_sec - before.tv_sec) +
                                1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec));
  }
  return least;
}

// An honest file with as many tensors as this is read, and in a time that grows with it alone: four
// times as many take four to seven times as long (caches). Looking each of them up in a list takes
// sixteen.
TEST(PickleBudget, AHundredThousandStorages) {
  const double few = seconds_to_read(25'000), many = seconds_to_read(100'000);
  EXPECT_LT(many, 11 * few) << few << " s and " << many << " s";
}

// Strides where there is nothing to step over may be anything: they are not computed with.
TEST(PickleBudget, StridesThatOverflow) {
  const std::string huge = "\x8a\x08" + le(std::numeric_limits<std::int64_t>::max(), 8);
  const std::string storage = "(U\7storagectorch\nFloatStorage\nU\1kU\3cpuK\2tQ";
  const auto tensor_of = [&](const std::string& shape, const std::string& strides) {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + "K\0("s + shape + "t(" + strides +
           "t\x89}tR.";
  };
  const std::string data = "](U\1ke." + le(2, 8) + std::string("\0\0\x80\x3f\0\0\0\x40", 8);
  const auto values = [&](const std::string& pickle) {
    const std::string file = stream_of(pickle, data);
    return parse_pth(std::as_bytes(std::span(file)), "f").as_tensor();
  };
  EXPECT_EQ(values(tensor_of("K\1K\1K\2", huge + huge + "K\1")).to_vector<float>(),
            (std::vector<float>{1, 2}));
  EXPECT_EQ(values(tensor_of("K\2K\1K\1", "K\1" + huge + huge)).to_vector<float>(),
            (std::vector<float>{1, 2}));
  EXPECT_EQ(values(tensor_of("K\0K\2"s, huge + huge)).numel(), 0);
  EXPECT_THROW(values(tensor_of("K\2K\2", huge + huge)), IoError);
}

TEST(SafetensorsBudget, HeadersThatDescribeMuch) {
  // Brackets in the checksums' text must not become a tree.
  std::string header =
      R"({"__metadata__":{"ingot.crc32":")" + std::string(3'000'000, '[') + R"("}})";
  const std::string file = le(header.size(), 8) + header;
  const std::string text =
      error_within(96ull << 20, [&] { parse_safetensors(std::as_bytes(std::span(file)), "bomb"); });
  EXPECT_NE(text.find("the checksums cannot be read"), std::string::npos) << text;
}

}  // namespace
}  // namespace ingot
