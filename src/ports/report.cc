#include "ports/report.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>

namespace hirestream {

std::string_view dimension_name(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCompany:
      return "company";
    case Dimension::kCampaign:
      return "campaign";
    case Dimension::kGroup:
      return "group";
    case Dimension::kPublisher:
      return "publisher";
    case Dimension::kJob:
      return "job";
  }
  HIRESTREAM_CHECK(false);
}

std::optional<Dimension> find_dimension(std::string_view name) {
  for (const Dimension dimension : kDimensions) {
    if (dimension_name(dimension) == name) {
      return dimension;
    }
  }
  return std::nullopt;
}

std::string_view figure_name(Figure figure) {
  switch (figure) {
    case Figure::kSpend:
      return "spend";
    case Figure::kImpressions:
      return "impressions";
    case Figure::kClicks:
      return "clicks";
    case Figure::kConversions:
      return "conversions";
    case Figure::kQualified:
      return "qualified";
    case Figure::kUnqualified:
      return "unqualified";
  }
  HIRESTREAM_CHECK(false);
}

std::optional<Figure> find_figure(std::string_view name) {
  for (const Figure figure : kFigures) {
    if (figure_name(figure) == name) {
      return figure;
    }
  }
  return std::nullopt;
}

int64_t bucket_begin_us(std::string_view strategy, int64_t bucket_width_s, int64_t bucket) {
  constexpr int64_t kSecondUs = 1'000'000;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / kSecondUs;
  const bool timed = strategy == "tail" || strategy == "scan";
  if (!timed || bucket_width_s <= 0 || bucket_width_s > kMax || bucket < 0 ||
      bucket > kMax / bucket_width_s) {
    return 0;  // rows without a time have a bucket far below 0
  }
  return bucket * bucket_width_s * kSecondUs;
}

std::string digest_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (size_t i = out.size(); i-- > 0; hash >>= 4) {
    out[i] = kDigits[hash & 15];
  }
  return out;
}

void append_newest(std::vector<SliceLine> found, bool by_change, size_t limit,
                   std::vector<SliceLine>& out) {
  const auto older = [&](const SliceLine& a, const SliceLine& b) {
    const int64_t time_a = by_change ? a.updated_at_us : a.key.bucket;
    const int64_t time_b = by_change ? b.updated_at_us : b.key.bucket;
    return std::tie(time_a, a.key.shard, a.key.bucket) <
           std::tie(time_b, b.key.shard, b.key.bucket);
  };
  std::sort(found.begin(), found.end(), older);
  const size_t dropped = found.size() - std::min(found.size(), limit);
  out.insert(out.end(), std::make_move_iterator(found.begin() + static_cast<ptrdiff_t>(dropped)),
             std::make_move_iterator(found.end()));
}

}  // namespace hirestream
