#include "model/job_texts.h"

#include <array>
#include <cstdint>
#include <string>

#include "model/decimal.h"
#include "model/reading_rules.h"

namespace hirestream {

tl::expected<std::optional<Job>, NoNumber> read_job(
    std::span<const std::string_view, kJobTexts> texts) {
  static const ReadingRules kUsual;
  if (kUsual.is_null(texts[0])) return std::nullopt;
  std::array<int64_t, 4> numbers{};
  for (size_t place = 0; place < numbers.size(); ++place) {
    if (kUsual.is_null(texts[place])) continue;
    const auto number = parse_integer(texts[place]);
    if (!number) return tl::unexpected(NoNumber{place});
    numbers[place] = *number;
  }
  const auto name = [&](size_t place) { return std::string(texts[place]); };
  return Job{numbers[0], numbers[1], numbers[2], numbers[3], name(4), name(5), name(6), name(7)};
}

tl::expected<std::optional<Publisher>, NoNumber> read_publisher(std::string_view id,
                                                                std::string_view name) {
  static const ReadingRules kUsual;
  if (kUsual.is_null(id) || kUsual.is_null(name)) return std::nullopt;
  const auto number = parse_integer(id);
  if (!number) return tl::unexpected(NoNumber{});
  return Publisher{*number, std::string(name)};
}

}  // namespace hirestream
