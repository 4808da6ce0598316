#include "ports/report.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <tuple>

#include "model/scan_bucket.h"

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

RangeParts parts_of(const ReportFilter& filter) {
  const int32_t from = filter.from_hour;
  const int32_t to = filter.to_hour;
  const CellKey last{.local_hour = to};
  const CellKey before_first{.local_hour = from - 1};
  const int32_t begin = (before_first.days() + 1) * 24;
  const int32_t end = last.days() * 24;
  if (from >= to || begin >= end) {
    return {{from, to}, {}, {}};
  }
  return {{from, begin}, {begin, end}, {end, to}};
}

std::vector<int64_t> distinct_ids(std::span<const int64_t> ids) {
  std::set<int64_t> seen;
  std::vector<int64_t> out;
  for (const int64_t id : ids) {
    if (seen.insert(id).second) {
      out.push_back(id);
    }
  }
  return out;
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

bool lacks_tables(const Error& error) {
  return error.kind == ErrorKind::kConfig &&
         error.hint.find("`hirestream init`") != std::string::npos;
}

int64_t bucket_begin_us(std::string_view strategy, int64_t bucket_width_s, int64_t bucket) {
  constexpr int64_t kSecondUs = 1'000'000;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / kSecondUs;
  const bool timed = strategy == "tail" || strategy == "scan";
  if (!timed || bucket_width_s <= 0 || bucket_width_s > kMax || bucket < 0 ||
      bucket > kMax / bucket_width_s) {
    return 0;
  }
  return bucket * bucket_width_s * kSecondUs;
}

int64_t slice_begin_us(std::string_view strategy, int64_t bucket_width_s, int64_t bucket) {
  return bucket_begin_us(strategy, bucket_width_s,
                         strategy == "scan" ? ScanBucket::of(bucket).event.value_or(0) : bucket);
}

void add_writer(SourceQuality& source, std::string_view strategy, int64_t bucket_width_s,
                const WriterProgress& writer) {
  constexpr int64_t kWritingUs = 120'000'000;
  int64_t until_us = 0;
  if (strategy == "follow") {
    until_us = writer.committed_us - kWritingUs;
  } else if (writer.settled_until) {
    until_us = bucket_begin_us(strategy, bucket_width_s, *writer.settled_until);
  }
  if (until_us > 0) {
    source.settled_until_us[writer.shard] = until_us;
  }
  source.last_commit_us = std::max(source.last_commit_us, writer.committed_us);
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
