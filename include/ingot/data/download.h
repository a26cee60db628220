// Fetching data sets over HTTP, where Ingot was built with libcurl.
//
// Invariants: a file appears under its name when all of it has arrived and its checksum is right,
// never before; a failure leaves an older file as it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace ingot::data {

/// False when Ingot was built without libcurl; download_file() then says so.
bool can_download();

/// Fetches `url` (http or https) to `file`, whose MD5 checksum must be `md5` (hexadecimal).
/// Throws IoError naming the address and the cause: no such host, an HTTP status of 400 or more, a
/// connection that is cut or stands still for a minute, more than `max_nbytes`, a wrong checksum, a
/// file that cannot be written.
void download_file(const std::string& url, const std::filesystem::path& file,
                   const std::string& md5, std::uint64_t max_nbytes = std::uint64_t{1} << 30);

/// Called with each address before it is fetched.
using OnDownload = std::function<void(const std::string& url)>;

/// Makes sure that `folder` (made when it is missing) holds the four files of MNIST: those with the
/// right checksum stay, and so do decompressed ones; the others are fetched from `base`, an address
/// that the files' names are put behind, by default that of a well-known mirror. Throws IoError.
void download_mnist(const std::filesystem::path& folder, const std::string& base = {},
                    const OnDownload& on_download = {});
/// The same for Fashion-MNIST.
void download_fashion_mnist(const std::filesystem::path& folder, const std::string& base = {},
                            const OnDownload& on_download = {});

}  // namespace ingot::data
