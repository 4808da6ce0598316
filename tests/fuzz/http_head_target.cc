// Input: a byte for the size of the pieces that are sent, a byte for how often the middle is sent,
// then begin, NUL, middle, NUL, end: what a client sends to the server. All of it is sent to a real
// one over the loopback address.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>

#include "fuzz/fuzz_target.h"
#include "http/http_server.h"

namespace hirestream {
namespace {

constexpr std::string_view kBody = "alive\n";
constexpr std::string_view kGood =
    "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
constexpr std::string_view kEmptyLine = "\r\n\r\n";
constexpr size_t kTargetMax = 8192;
constexpr size_t kAnswerMax = 512;  // head and body of one
constexpr size_t kPiecesMax = 512;
// What one input may cost: processor time and memory, whatever it is, and more for each byte.
constexpr double kSecondsMax = 0.3;
constexpr double kSecondsPerByteMax = 1e-6;
constexpr int64_t kMemoryMaxKb = 64 * 1024;
constexpr std::chrono::seconds kPatience{8};

bool is_invisible(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Answers everything alike, and counts what it is asked.
class Counting : public HttpHandler {
 public:
  Routed route(const HttpRequest& request, HttpReply& reply) override {
    ++routed;
    const auto is_plain = [](std::string_view text) {
      return std::none_of(text.begin(), text.end(), is_invisible);
    };
    // A field's value may have tabs.
    std::string host(request.host);
    std::replace(host.begin(), host.end(), '\t', ' ');
    const bool is_sound =
        request.target.size() <= kTargetMax && is_plain(request.target) && is_plain(host) &&
        is_plain(request.method) && !request.method.empty() &&
        (request.target.empty() || request.target.starts_with('/') || request.target == "*");
    unsound += is_sound ? 0 : 1;
    reply.set_body(kBody);
    return Routed::kAnswered;
  }
  void work(const HttpRequest&, HttpReply&) override {}
  void refuse(int, HttpReply& reply) override { reply.set_body("refused\n"); }
  void stream_ended() override {}

  std::atomic<size_t> routed = 0;
  std::atomic<size_t> unsound = 0;
};

struct Server {
  Counting handler;
  std::unique_ptr<HttpServer> http;
};

Server& server() {
  static Server server;
  if (server.http == nullptr) {
    auto listening = HttpServer::listen({"127.0.0.1", 0}, 1);
    FUZZ_REQUIRE(listening.has_value() && (*listening)->serve(server.handler).has_value());
    server.http = std::move(*listening);
  }
  return server;
}

// From one of many addresses, so that ports do not run out.
int connect_to_server() {
  static uint32_t next = 0;
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  FUZZ_REQUIRE(client >= 0);
  const int at_once = 1;  // pieces arrive as they are sent
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000002U + next++ % 0xffff);
  FUZZ_REQUIRE(bind(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server().http->port());
  FUZZ_REQUIRE(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ||
               errno == EINPROGRESS);
  return client;
}

enum class Afterwards { kSayThatItIsAll, kWait };

// Sends everything, and reads meanwhile until the server has closed.
std::string talk(std::string_view bytes, size_t piece, Afterwards afterwards) {
  const int client = connect_to_server();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  std::string answer;
  std::array<char, 16384> part{};
  bool is_sending = true;
  while (true) {
    pollfd ready{client, static_cast<int16_t>(is_sending ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&ready, 1, 100);
    FUZZ_REQUIRE(std::chrono::steady_clock::now() < until);
    if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const ssize_t count = recv(client, part.data(), part.size(), 0);
      if (count == 0 || (count < 0 && errno != EAGAIN)) break;
      answer.append(part.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
    }
    if (is_sending && (ready.revents & POLLOUT) != 0) {
      const ssize_t count =
          bytes.empty() ? 0
                        : send(client, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
      bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(count, 0)));
      if (bytes.empty() || (count < 0 && errno != EAGAIN)) {
        if (afterwards == Afterwards::kSayThatItIsAll) shutdown(client, SHUT_WR);
        is_sending = false;
      }
    }
  }
  close(client);
  return answer;
}

size_t count_of(std::string_view part, std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int64_t memory_kb_max() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Each whole head is answered at most once, whatever else there is at most once in all, and the
// work is in proportion to the bytes.
void check_exchange(const std::string& bytes, size_t piece) {
  Counting& handler = server().handler;
  const size_t routed_before = handler.routed;
  const double seconds_before = processor_seconds();
  const int64_t memory_before = memory_kb_max();
  const std::string answer = talk(bytes, piece, Afterwards::kSayThatItIsAll);
  const double seconds = processor_seconds() - seconds_before;
  const size_t routed = handler.routed - routed_before;
  FUZZ_REQUIRE(handler.unsound == 0);
  FUZZ_REQUIRE(routed <= count_of(kEmptyLine, bytes));
  FUZZ_REQUIRE(count_of("HTTP/1.", answer) <= routed + 1);
  FUZZ_REQUIRE(answer.size() <= kAnswerMax * (routed + 1));
  FUZZ_REQUIRE(answer.empty() || answer.starts_with("HTTP/1."));
  FUZZ_REQUIRE(seconds <= kSecondsMax + kSecondsPerByteMax * static_cast<double>(bytes.size()));
  FUZZ_REQUIRE(memory_kb_max() - memory_before <= kMemoryMaxKb);
}

}  // namespace

void fuzz_http_head(Bytes input) {
  InputReader reader(input);
  const size_t piece = reader.byte();
  const size_t times = reader.byte();
  std::string bytes(reader.text_until('\0'));
  const std::string_view middle = reader.text_until('\0');
  for (size_t i = 0; i < times; ++i) bytes += middle;
  bytes += as_text(reader.rest());
  check_exchange(bytes, std::max({piece, bytes.size() / kPiecesMax, size_t{1}}));
  // Who has said that it is all may go without an answer.
  FUZZ_REQUIRE(talk(kGood, kGood.size(), Afterwards::kWait).starts_with("HTTP/1.1 200 "));
}

}  // namespace hirestream
