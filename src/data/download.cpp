#include <ingot/data/download.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <system_error>
#include <vector>

#ifdef INGOT_HAVE_CURL
#include <curl/curl.h>
#endif

#include <ingot/core/error.h>

#include <ingot/io/atomic_file.h>
#include "data/md5.h"
#include "io/input_file.h"

namespace ingot::data {
namespace {

namespace fs = std::filesystem;

struct Published {
  const char* name;
  const char* md5;
};

// Checksums as the data sets' authors and torchvision publish them.
constexpr std::array<Published, 4> kMnist{{
    {"train-images-idx3-ubyte", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
    {"train-labels-idx1-ubyte", "d53e105ee54ea40749a09fcbcd1e9432"},
    {"t10k-images-idx3-ubyte", "9fb629c4189551a2d022fa330f9573f3"},
    {"t10k-labels-idx1-ubyte", "ec29112dd5afa0611ce80d1b7f02629c"},
}};
constexpr std::array<Published, 4> kFashionMnist{{
    {"train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
    {"train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe"},
    {"t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79"},
    {"t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310"},
}};
constexpr const char* kMnistBase = "https://ossci-datasets.s3.amazonaws.com/mnist/";
constexpr const char* kFashionMnistBase =
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";
constexpr std::uint64_t kMaxNbytes = std::uint64_t{64} << 20;  // the largest file has 26 MB

/// Empty when the file cannot be read.
std::string md5_of(const fs::path& path) {
  try {
    const io::InputFile file(path);
    Md5 sum;
    std::vector<char> piece(1 << 16);
    for (std::uint64_t at = 0; at < file.nbytes() && at < kMaxNbytes; at += piece.size()) {
      const auto count = std::min<std::uint64_t>(piece.size(), file.nbytes() - at);
      file.read(at, piece.data(), count);
      sum.add(piece.data(), count);
    }
    return sum.finish();
  } catch (const IoError&) {
    return {};
  }
}

/// `below` is where torchvision may have put the files before.
void fetch_missing(const std::array<Published, 4>& files, const fs::path& folder, const char* below,
                   std::string base, const OnDownload& on_download) {
  if (!base.ends_with('/')) base += '/';
  for (const Published& published : files) {
    const std::string packed_name = std::string(published.name) + ".gz";
    const fs::path packed = folder / packed_name;
    std::error_code error;
    const fs::path raw = folder / below / "raw" / published.name;
    if (fs::exists(folder / published.name, error) || fs::exists(raw, error) ||
        md5_of(packed) == published.md5)
      continue;
    fs::create_directories(folder, error);
    if (error)
      throw IoError(
          fmt::format("{}: cannot make the folder: {}", folder.string(), error.message()));
    const std::string url = base + packed_name;
    if (on_download) on_download(url);
    download_file(url, packed, published.md5, kMaxNbytes);
  }
}

#ifdef INGOT_HAVE_CURL

/// What has arrived. libcurl is C: no exception may pass it, so they wait in `failure`.
struct Arrival {
  io::AtomicFile* file;
  Md5 sum;
  std::uint64_t nbytes = 0, max_nbytes;
  bool too_large = false;
  std::exception_ptr failure;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* target) {
  auto& arrival = *static_cast<Arrival*>(target);
  const std::size_t nbytes = size * count;
  arrival.nbytes += nbytes;
  arrival.too_large = arrival.nbytes > arrival.max_nbytes;
  if (arrival.too_large) return 0;
  try {
    arrival.file->write(data, nbytes);
    arrival.sum.add(data, nbytes);
    return nbytes;
  } catch (...) {
    arrival.failure = std::current_exception();
    return 0;
  }
}

/// One transfer into `arrival`; the HTTP status.
long transfer(const std::string& url, Arrival& arrival) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(
      ready == CURLE_OK ? curl_easy_init() : nullptr,
      [](CURL* handle) { curl_easy_cleanup(handle); });
  if (!curl) throw IoError(fmt::format("{}: libcurl cannot be started", url));
  char message[CURL_ERROR_SIZE] = {};
  const auto set = [&](CURLoption option, auto value) {
    const CURLcode code = curl_easy_setopt(curl.get(), option, value);
    if (code != CURLE_OK) throw IoError(fmt::format("{}: {}", url, curl_easy_strerror(code)));
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_ERRORBUFFER, message);
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");  // never file://, also not by redirection
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  set(CURLOPT_REDIR_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, 30L);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, 60L);
  set(CURLOPT_USERAGENT, "ingot");
  set(CURLOPT_WRITEFUNCTION, &take);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&arrival));
  const CURLcode code = curl_easy_perform(curl.get());
  if (arrival.failure) std::rethrow_exception(arrival.failure);
  if (arrival.too_large)
    throw IoError(fmt::format("{}: more than the {} bytes that are expected at most", url,
                              arrival.max_nbytes));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_HTTP_RETURNED_ERROR)
    throw IoError(fmt::format("{}: the server answers with HTTP status {}", url, status));
  if (code != CURLE_OK)
    throw IoError(fmt::format("{}: cannot be fetched: {}", url,
                              message[0] != '\0' ? message : curl_easy_strerror(code)));
  return status;
}

#endif

}  // namespace

#ifdef INGOT_HAVE_CURL

bool can_download() { return true; }

void download_file(const std::string& url, const fs::path& file, const std::string& md5,
                   std::uint64_t max_nbytes) {
  io::AtomicFile target(file);
  Arrival arrival{.file = &target, .sum = {}, .max_nbytes = max_nbytes, .failure = {}};
  transfer(url, arrival);
  const std::string sum = arrival.sum.finish();
  if (sum != md5)
    throw IoError(fmt::format("{}: wrong checksum: {} bytes with MD5 {}, expected {}", url,
                              arrival.nbytes, sum, md5));
  target.commit();
}

#else

bool can_download() { return false; }

void download_file(const std::string& url, const fs::path&, const std::string&, std::uint64_t) {
  throw IoError(fmt::format(
      "{}: this Ingot was built without libcurl and cannot fetch files; install libcurl "
      "(libcurl4-openssl-dev) and build again, or fetch the file by hand",
      url));
}

#endif

void download_mnist(const fs::path& folder, const std::string& base,
                    const OnDownload& on_download) {
  fetch_missing(kMnist, folder, "MNIST", base.empty() ? kMnistBase : base, on_download);
}

void download_fashion_mnist(const fs::path& folder, const std::string& base,
                            const OnDownload& on_download) {
  fetch_missing(kFashionMnist, folder, "FashionMNIST", base.empty() ? kFashionMnistBase : base,
                on_download);
}

}  // namespace ingot::data
