// HttpServer: answers requests on a port of this machine with bytes that a test chose, right or
// wrong ones.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace ingot::testing {

class HttpServer {
 public:
  /// `answer(path)` is everything sent back, header and all; then the connection ends.
  explicit HttpServer(std::function<std::string(const std::string& path)> answer)
      : answer_(std::move(answer)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (socket_ < 0 || ::bind(socket_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw std::runtime_error("HttpServer: no port to be had");
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    stopping_ = true;
    ::shutdown(socket_, SHUT_RDWR);
    // Where shutdown does not wake accept, a last visitor does.
    const int visitor = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0)
      (void)::connect(visitor, reinterpret_cast<sockaddr*>(&address), length);
    thread_.join();
    ::close(visitor);
    ::close(socket_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Ends with '/'.
  const std::string& url() const { return url_; }
  int requests() const { return requests_; }

  static std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
  }

 private:
  void serve() {
    while (!stopping_) {
      const int client = ::accept(socket_, nullptr, nullptr);
      if (client < 0) continue;
      std::string request;
      char piece[1024];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(client, piece, sizeof piece, 0);
        if (count <= 0) break;
        request.append(piece, static_cast<std::size_t>(count));
      }
      const std::size_t begin = request.find(' ') + 1;
      if (begin > 0 && !stopping_) {
        ++requests_;
        const std::string answer = answer_(request.substr(begin, request.find(' ', begin) - begin));
        for (std::size_t sent = 0; sent < answer.size();) {
          const ssize_t count =
              ::send(client, answer.data() + sent, answer.size() - sent, kNoSignal);
          if (count <= 0) break;
          sent += static_cast<std::size_t>(count);
        }
      }
      ::close(client);
    }
  }

#ifdef MSG_NOSIGNAL
  static constexpr int kNoSignal = MSG_NOSIGNAL;
#else
  static constexpr int kNoSignal = 0;
#endif
  std::function<std::string(const std::string&)> answer_;
  int socket_;
  std::string url_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

}  // namespace ingot::testing
