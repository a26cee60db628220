#include <ingot/data/download.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include <ingot/core/error.h>

#include "data/md5.h"
#include "support/expect.h"
#include "support/http_server.h"
#include "support/scratch_folder.h"

namespace ingot::data {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using testing::HttpServer;
using testing::ScratchFolder;

std::string md5(const std::string& text) {
  Md5 sum;
  sum.add(text.data(), text.size());
  return sum.finish();
}

// The test suite of RFC 1321.
TEST(Md5, KnownSums) {
  EXPECT_EQ(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Md5, PiecesMakeNoDifference) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (const std::size_t piece : {1u, 3u, 55u, 56u, 63u, 64u, 65u, 299u}) {
    Md5 sum;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      const std::string part = text.substr(at, piece);
      sum.add(part.data(), part.size());
    }
    EXPECT_EQ(sum.finish(), md5(text)) << piece;
  }
}

class DownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // INGOT_CURL: how the build was configured.
    const char* wanted = std::getenv("INGOT_CURL");
    if (wanted && std::string(wanted) == "OFF") GTEST_SKIP() << "configured without libcurl";
    ASSERT_TRUE(can_download()) << "built without libcurl: it was not found";
  }
  std::string error(const std::string& url, const std::string& sum, std::uint64_t most = 1 << 20) {
    return message_of<IoError>([&] { download_file(url, folder_ / "file", sum, most); });
  }
  bool empty() const { return fs::is_empty(folder_.path()); }

  ScratchFolder folder_;
  const std::string body_ = std::string(100'000, 'x') + "end";
};

TEST_F(DownloadTest, FetchesAFile) {
  const HttpServer server([&](const std::string& path) {
    EXPECT_EQ(path, "/some/file");
    return HttpServer::ok(body_);
  });
  download_file(server.url() + "some/file", folder_ / "file", md5(body_));
  EXPECT_EQ(folder_.read("file"), body_);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(DownloadTest, WrongChecksumsLeaveNothing) {
  const HttpServer server([&](const std::string&) { return HttpServer::ok(body_); });
  EXPECT_EQ(error(server.url(), md5("other")), server.url() +
                                                   ": wrong checksum: 100003 bytes with MD5 " +
                                                   md5(body_) + ", expected " + md5("other"));
  EXPECT_TRUE(empty());
  folder_.write("file", "old");
  error(server.url(), md5("other"));
  EXPECT_EQ(folder_.read("file"), "old");
}

TEST_F(DownloadTest, HttpErrorsAreNamed) {
  const HttpServer server([&](const std::string& path) {
    return std::string(path == "/gone" ? "HTTP/1.1 404 Not Found" : "HTTP/1.1 503 Busy") +
           "\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
  });
  EXPECT_EQ(error(server.url() + "gone", md5("body")),
            server.url() + "gone: the server answers with HTTP status 404");
  EXPECT_EQ(error(server.url() + "busy", md5("body")),
            server.url() + "busy: the server answers with HTTP status 503");
  EXPECT_TRUE(empty());
}

TEST_F(DownloadTest, CutConnectionsLeaveNothing) {
  const HttpServer server([&](const std::string& path) {
    const std::string whole = HttpServer::ok(body_);
    if (path == "/nothing") return std::string();
    if (path == "/header") return whole.substr(0, 20);
    return whole.substr(0, whole.size() / 2);
  });
  for (const char* path : {"half", "header", "nothing"}) {
    const std::string text = error(server.url() + path, md5(body_));
    EXPECT_EQ(text.rfind(server.url() + path + ": ", 0), 0u) << text;
    EXPECT_TRUE(empty()) << path;
  }
  // Without a length only the checksum can tell.
  const HttpServer silent(
      [&](const std::string&) { return "HTTP/1.0 200 OK\r\n\r\n" + body_.substr(0, 500); });
  EXPECT_NE(error(silent.url(), md5(body_)).find("wrong checksum: 500 bytes"), std::string::npos);
  EXPECT_TRUE(empty());
}

TEST_F(DownloadTest, EndlessFilesAreStopped) {
  const HttpServer server([&](const std::string&) { return HttpServer::ok(body_); });
  EXPECT_EQ(error(server.url(), md5(body_), 5000),
            server.url() + ": more than the 5000 bytes that are expected at most");
  EXPECT_TRUE(empty());
}

TEST_F(DownloadTest, OtherProtocolsAndPlacesAreRefused) {
  folder_.write("secret", "x");
  const std::string text = error("file://" + (folder_ / "secret").string(), md5("x"));
  EXPECT_NE(text.find("file://"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "file"));
  const HttpServer redirecting([&](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: file://" + (folder_ / "secret").string() +
           "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  });
  error(redirecting.url(), md5("x"));
  EXPECT_FALSE(fs::exists(folder_ / "file"));
  error("http://127.0.0.1:1/", md5("x"));  // nobody listens there
  message_of<IoError>([&] {
    const HttpServer server([&](const std::string&) { return HttpServer::ok(body_); });
    download_file(server.url(), folder_ / "no/such/folder/file", md5(body_));
  });
}

TEST_F(DownloadTest, DataSetsAreCheckedFileByFile) {
  const HttpServer server([&](const std::string&) { return HttpServer::ok("no digits"); });
  std::vector<std::string> fetched;
  const auto note = [&](const std::string& url) { fetched.push_back(url); };
  const std::string text =
      message_of<IoError>([&] { download_mnist(folder_ / "new", server.url(), note); });
  EXPECT_EQ(text.rfind(server.url() + "train-images-idx3-ubyte.gz: wrong checksum: 9 bytes", 0), 0u)
      << text;
  EXPECT_EQ(fetched, (std::vector<std::string>{server.url() + "train-images-idx3-ubyte.gz"}));
  // A decompressed file stays; the next one is asked for.
  folder_.write("new/train-images-idx3-ubyte", "mine");
  message_of<IoError>([&] { download_fashion_mnist(folder_ / "new", server.url(), note); });
  EXPECT_EQ(fetched.back(), server.url() + "train-labels-idx1-ubyte.gz");
  EXPECT_EQ(folder_.read("new/train-images-idx3-ubyte"), "mine");
  // A file that is there but damaged is fetched again; the old one stays until that works.
  folder_.write("new/train-labels-idx1-ubyte.gz", "damaged");
  message_of<IoError>([&] { download_mnist(folder_ / "new", server.url(), note); });
  EXPECT_EQ(fetched.size(), 3u);
  EXPECT_EQ(folder_.read("new/train-labels-idx1-ubyte.gz"), "damaged");
}

}  // namespace
}  // namespace ingot::data
