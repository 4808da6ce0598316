#include "adapters/files/csv_sample.h"

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include "adapters/files/csv_escape.h"
#include "adapters/files/csv_reader.h"
#include "adapters/files/view_stream.h"

namespace hirestream {
namespace {

constexpr std::array<CsvEscape, 4> kAllEscapes = {CsvEscape::kDoubledQuote, CsvEscape::kBackslash,
                                                  CsvEscape::kPlainBackslash,
                                                  CsvEscape::kTwiceBackslash};

// How well a dialect fits.
struct Fit {
  size_t columns_matched = 0;
  size_t column_count = 0;
  size_t records = 0;
  size_t malformed = 0;
  size_t strange = 0;      // values that look like JSON and are none, or like escaped text
  size_t unexplained = 0;  // backslashes that the escape would have doubled
};

class Sample {
 public:
  Sample(std::string_view bytes, std::span<const WantedColumn> wanted)
      : bytes_(bytes), wanted_(wanted.begin(), wanted.end()) {
    for (WantedColumn& column : wanted_) column.required = false;
  }

  Fit header_fit(const CsvDialect& dialect) const {
    Fit fit;
    open(dialect, fit);
    return fit;
  }

  Fit fit(const CsvDialect& dialect) const {
    Fit fit;
    const auto reader = open(dialect, fit);
    if (!reader) {
      // Not even the header.
      fit.records = fit.malformed = bytes_.size();
      return fit;
    }
    for (Record record;;) {
      const auto some = reader->next(record);
      if (!some || !*some) break;
      ++fit.records;
      fit.malformed += record.malformed.empty() ? 0 : 1;
      for (const auto& value : record.values) {
        if (value) weigh(dialect, *value, fit);
      }
    }
    if (dialect.escape != CsvEscape::kPlainBackslash) fit.unexplained = reader->lone_backslashes();
    return fit;
  }

 private:
  std::unique_ptr<CsvReader> open(CsvDialect dialect, Fit& fit) const {
    dialect.tried_only = true;
    auto reader =
        CsvReader::open(std::make_unique<ViewStream>(bytes_), "", wanted_, std::move(dialect),
                        std::min(bytes_.size() + 1, InputWindow::kCapacity));
    if (!reader) return nullptr;
    fit.columns_matched = (*reader)->columns_matched();
    fit.column_count = (*reader)->column_count();
    return std::move(*reader);
  }

  static void weigh(const CsvDialect& dialect, std::string_view value, Fit& fit) {
    if (value.find('\\') == value.npos) return;
    if (value.starts_with('{')) fit.strange += is_json_object(value) ? 0 : 1;
    if (dialect.escape == CsvEscape::kDoubledQuote && !value.starts_with('{')) {
      fit.strange += has_only_escaped_quotes(value) ? 1 : 0;
    }
  }

  std::string_view bytes_;
  std::vector<WantedColumn> wanted_;
};

// Good records of a file without a header; wanted columns; columns.
using Rank = std::tuple<size_t, size_t, size_t>;

// By the escape that fits best.
Rank rank_of(const Sample& sample, CsvDialect candidate, std::span<const CsvEscape> escapes) {
  Rank best;
  for (const CsvEscape escape : escapes) {
    candidate.escape = escape;
    const bool named = !candidate.header.empty();
    const Fit fit = named ? sample.fit(candidate) : sample.header_fit(candidate);
    best = std::max(best, Rank(fit.records - fit.malformed, fit.columns_matched, fit.column_count));
    // A header that one escape can read needs no other.
    if (!named && fit.column_count > 0) break;
  }
  return best;
}

Rank best_rank(const Sample& sample, CsvDialect candidate, std::span<const CsvEscape> escapes,
               std::string_view delimiters) {
  Rank best;
  for (const char delimiter : delimiters) {
    candidate.delimiter = delimiter;
    best = std::max(best, rank_of(sample, candidate, escapes));
  }
  return best;
}

struct LineEnds {
  size_t feeds = 0;  // also behind CR
  size_t returns = 0;
  char first = '\n';
};

// Those outside quotes, or what looks like it: escapes are not known yet.
LineEnds count_line_ends(std::string_view sample) {
  LineEnds ends;
  bool quoted = false;
  for (size_t place = 0; place < sample.size(); ++place) {
    const char byte = sample[place];
    if (byte == '"') quoted = !quoted;
    if (quoted || (byte != '\n' && byte != '\r')) continue;
    const char next = place + 1 < sample.size() ? sample[place + 1] : '\n';
    if (byte == '\r' && (next == '\n' || next == '\r')) continue;
    if (ends.feeds + ends.returns == 0) ends.first = byte;
    ++(byte == '\n' ? ends.feeds : ends.returns);
  }
  return ends;
}

char find_line_end(const Sample& sample, std::string_view bytes, CsvDialect dialect,
                   std::span<const CsvEscape> escapes, std::string_view delimiters) {
  const LineEnds ends = count_line_ends(bytes);
  if (ends.first == '\n' || ends.feeds == 0) return ends.first;
  const Rank feed = best_rank(sample, dialect, escapes, delimiters);
  dialect.line_end = '\r';
  const Rank carriage_return = best_rank(sample, dialect, escapes, delimiters);
  const bool more = ends.returns > ends.feeds;
  return carriage_return > feed || (carriage_return == feed && more) ? '\r' : '\n';
}

char find_delimiter(const Sample& sample, const CsvDialect& dialect,
                    std::span<const CsvEscape> escapes) {
  char best = ',';
  Rank best_fit;
  for (const char delimiter : kCsvDelimiters) {
    CsvDialect candidate = dialect;
    candidate.delimiter = delimiter;
    const auto rank = rank_of(sample, candidate, escapes);
    if (rank <= best_fit) continue;
    best_fit = rank;
    best = delimiter;
  }
  return best;
}

CsvEscape find_escape(const Sample& sample, const CsvDialect& dialect,
                      std::span<const CsvEscape> escapes) {
  CsvEscape best = escapes.front();
  std::tuple<size_t, size_t, size_t> best_fit;
  for (const CsvEscape escape : escapes) {
    CsvDialect candidate = dialect;
    candidate.escape = escape;
    const Fit fit = sample.fit(candidate);
    const auto rank = std::tuple(fit.malformed, fit.strange, fit.unexplained);
    if (escape != escapes.front() && rank >= best_fit) continue;
    best_fit = rank;
    best = escape;
  }
  return best;
}

}  // namespace

CsvDialect find_csv_dialect(std::string_view bytes, std::span<const WantedColumn> wanted,
                            const CsvSettings& settings) {
  const Sample sample(bytes, wanted);
  const std::span<const CsvEscape> escapes =
      settings.escapes.empty() ? std::span<const CsvEscape>(kAllEscapes) : settings.escapes;
  CsvDialect dialect;
  dialect.header = settings.header;
  dialect.escape = escapes.front();
  dialect.line_end = find_line_end(
      sample, bytes, dialect, escapes,
      settings.delimiter ? std::string_view(&*settings.delimiter, 1) : kCsvDelimiters);
  dialect.delimiter =
      settings.delimiter ? *settings.delimiter : find_delimiter(sample, dialect, escapes);
  if (escapes.size() > 1 && bytes.find('\\') != bytes.npos) {
    dialect.escape = find_escape(sample, dialect, escapes);
  }
  for (const CsvEscape escape : escapes) {
    if (escape != dialect.escape) dialect.other_escapes.push_back(escape);
  }
  if (!settings.delimiter) {
    dialect.other_delimiters = kCsvDelimiters;
    std::erase(dialect.other_delimiters, dialect.delimiter);
  }
  dialect.other_line_ends = true;
  return dialect;
}

}  // namespace hirestream
