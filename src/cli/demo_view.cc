#include "cli/demo_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "cli/quantity.h"
#include "cli/table_printer.h"
#include "model/decimal.h"

namespace hirestream {
namespace {

constexpr std::string_view kNothing = "–";

class Palette {
 public:
  explicit Palette(bool color) : color_(color) {}
  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string accent(std::string_view text) const { return wrap("36", text); }
  std::string good(std::string_view text) const { return wrap("32", text); }
  std::string warning(std::string_view text) const { return wrap("33", text); }

 private:
  std::string wrap(std::string_view code, std::string_view text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  bool color_;
};

std::string spaces(size_t count) {
  return std::string(count, ' ');
}

std::string pad_left(const std::string& text, size_t width) {
  const size_t taken = display_width(text);
  return taken >= width ? text : spaces(width - taken) + text;
}

// Cuts at a code point.
std::string fit(const std::string& text, size_t width) {
  const size_t taken = display_width(text);
  if (taken <= width) {
    return text + spaces(width - taken);
  }
  std::string out;
  size_t columns = 0;
  for (const char c : text) {
    const bool begins_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    columns += begins_character ? 1 : 0;
    if (columns == width) {
      break;
    }
    out += c;
  }
  return out + "…";
}

std::string format_clock(int64_t us) {
  const int64_t seconds = us / 1'000'000;
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string format_seconds(int64_t us) {
  return fmt::format("{:.1f} s", static_cast<double>(us) / 1e6);
}

std::string format_milliseconds(int64_t us) {
  return us < 10'000'000 ? fmt::format("{} ms", (us + 500) / 1000) : format_seconds(us);
}

using Facts = std::vector<std::pair<std::string, std::string>>;

Facts volume_facts(const Measures& m) {
  return {{"Impressions", format_count(m.impressions)},
          {"Clicks", format_count(m.clicks)},
          {"CTR", format_share(m.clicks, m.impressions)},
          {"Conversions", format_count(m.conversions)},
          {"Conv. rate", format_share(m.conversions, m.clicks)},
          {"Qualified", format_count(m.qualified)}};
}

Facts cost_facts(const Measures& m) {
  return {{"Qual. ratio", format_share(m.qualified, m.qualified + m.unqualified)},
          {"Spend", format_money(m.bid_micros)},
          {"CPC", format_cost(m.bid_micros, m.clicks)},
          {"CPA", format_cost(m.bid_micros, m.conversions)},
          {"CPQA", format_cost(m.bid_micros, m.qualified)}};
}

void append_facts(const Facts& facts, size_t width, const Palette& palette, std::string& out) {
  const size_t column = std::min<size_t>((width - 2) / 6, 18);
  std::string titles = " ";
  std::string values = " ";
  for (const auto& [title, value] : facts) {
    titles += palette.dim(pad_left(title, column));
    values += palette.bold(pad_left(value, column));
  }
  out += titles + "\n" + values + "\n";
}

void append_ranking(const std::string& title, const std::vector<DemoEntry>& entries, size_t width,
                    const Palette& palette, std::string& out) {
  static constexpr std::array<std::pair<std::string_view, size_t>, 6> kColumns = {
      {{"Spend", 12}, {"Clicks", 9}, {"CTR", 9}, {"Conv.", 8}, {"CPC", 8}, {"CPA", 9}}};
  size_t name_width = width - 2;
  for (const auto& column : kColumns) {
    name_width -= column.second;
  }
  // What is left beside the names and numbers becomes a bar.
  const size_t bar_width = name_width > 52 ? std::min<size_t>(name_width - 34, 30) : 0;
  name_width -= bar_width == 0 ? 0 : bar_width + 2;
  out += "  " + palette.accent(fit(title, name_width));
  for (const auto& [name, column] : kColumns) {
    out += palette.dim(pad_left(std::string(name), column));
  }
  out += "\n";
  const int64_t most = entries.empty() ? 0 : entries.front().measures.bid_micros;
  for (const DemoEntry& entry : entries) {
    const Measures& m = entry.measures;
    const std::array<std::string, 6> cells = {format_money(m.bid_micros),
                                              format_count(m.clicks),
                                              format_share(m.clicks, m.impressions),
                                              format_count(m.conversions),
                                              format_cost(m.bid_micros, m.clicks),
                                              format_cost(m.bid_micros, m.conversions)};
    out += "  " + fit(entry.name, name_width);
    for (size_t i = 0; i < cells.size(); ++i) {
      out += pad_left(cells[i], kColumns[i].second);
    }
    if (bar_width > 0 && most > 0) {
      const auto blocks = static_cast<size_t>(
          std::lround(static_cast<double>(m.bid_micros) / static_cast<double>(most) *
                      static_cast<double>(bar_width)));
      std::string bar;
      for (size_t i = 0; i < blocks; ++i) {
        bar += "▆";
      }
      out += "  " + palette.accent(bar);
    }
    out += "\n";
  }
}

// Two lines.
std::array<std::string, 2> classes_texts(const RowClasses& c, const Palette& palette) {
  const auto suspicious = [&](const char* name, int64_t count) {
    const std::string text = fmt::format("{} {}", format_count(count), name);
    return count == 0 ? palette.dim(text) : palette.warning(text);
  };
  return {
      fmt::format("{} read = {} + {} unattributed", format_count(c.total()),
                  palette.bold(format_count(c.counted) + " counted"), format_count(c.unattributed)),
      fmt::format("+ {} other + {} + {}", format_count(c.other), suspicious("rejected", c.rejected),
                  suspicious("too late", c.too_late))};
}

std::string state_text(const DemoSnapshot& snapshot, const Palette& palette) {
  if (snapshot.ended) {
    return palette.good("● all counted");
  }
  if (snapshot.history_left > 0) {
    return palette.warning(
        fmt::format("● {} rows of history to count", format_count(snapshot.history_left)));
  }
  const std::string text = fmt::format("● {} behind", format_seconds(snapshot.behind_us));
  return snapshot.behind_us < 2'000'000 ? palette.good(text) : palette.warning(text);
}

std::string freshness_text(const DemoSnapshot& snapshot, const Palette& palette) {
  if (snapshot.freshness_us.empty()) {
    return palette.dim("not yet: catching up with history");
  }
  return fmt::format("p50 {}   p95 {}   p99 {}   {}",
                     palette.bold(format_milliseconds(percentile(snapshot.freshness_us, 0.5))),
                     palette.bold(format_milliseconds(percentile(snapshot.freshness_us, 0.95))),
                     palette.bold(format_milliseconds(percentile(snapshot.freshness_us, 0.99))),
                     palette.dim("from arrival to committed"));
}

}  // namespace

std::string format_share(int64_t part, int64_t whole) {
  if (whole == 0) {
    return std::string(kNothing);
  }
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string format_money(int64_t micros) {
  const int64_t cents = (micros + 5'000) / 10'000;
  return fmt::format("{}.{:02}", format_count(cents / 100), cents % 100);
}

std::string format_cost(int64_t spend_micros, int64_t count) {
  return count == 0 ? std::string(kNothing) : format_money(spend_micros / count);
}

std::string sparkline(const std::vector<int64_t>& values) {
  static constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄",
                                                              "▅", "▆", "▇", "█"};
  int64_t most = 0;
  for (const int64_t value : values) {
    most = std::max(most, value);
  }
  std::string out;
  for (const int64_t value : values) {
    const auto level = most <= 0 || value <= 0 ? 0 : static_cast<size_t>(value * 7 / most);
    out += value <= 0 ? " " : kBlocks[level];
  }
  return out;
}

int64_t percentile(std::vector<int64_t> values, double share) {
  if (values.empty()) {
    return 0;
  }
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::string render_demo(const DemoSnapshot& snapshot, size_t width, bool color) {
  const Palette palette(color);
  width = std::max<size_t>(width, 80);
  std::string out;
  const std::string left =
      fmt::format("  {}  {}   {}", palette.bold("hirestream demo"),
                  palette.dim(format_clock(snapshot.elapsed_us)), state_text(snapshot, palette));
  const std::string right = snapshot.ended ? "" : palette.dim("Ctrl-C ends");
  const size_t gap = width - 2 - display_width(left) - display_width(right);
  out += left + spaces(gap) + right + "\n\n";
  append_facts(volume_facts(snapshot.total), width, palette, out);
  out += "\n";
  append_facts(cost_facts(snapshot.total), width, palette, out);
  out += "\n";
  append_ranking("Campaigns", snapshot.campaigns, width, palette, out);
  out += "\n";
  append_ranking("Companies", snapshot.companies, width, palette, out);
  out += "\n";
  const auto line = [&](std::string_view title, const std::string& text) {
    out += "  " + palette.dim(fit(std::string(title), 12)) + text + "\n";
  };
  line("Clicks",
       fmt::format("{} {}", palette.accent(sparkline(snapshot.clicks_by_hour)),
                   palette.dim(fmt::format("by hour, last {} h", snapshot.clicks_by_hour.size()))));
  const auto classes = classes_texts(snapshot.classes, palette);
  line("Rows", classes[0]);
  line("", classes[1]);
  line("Freshness", freshness_text(snapshot, palette));
  const std::string rate =
      snapshot.ended ? "" : fmt::format(" {} now,", format_rate(snapshot.write_rate));
  line("Traffic", fmt::format("{} raw rows,{} in {} cells", format_count(snapshot.rows_written),
                              rate, format_count(snapshot.cells)));
  line("Raw log", snapshot.raw_log);
  line("Warehouse", snapshot.warehouse);
  if (!snapshot.page.empty()) {
    line("Live page", palette.accent(snapshot.page));
  }
  if (!snapshot.note.empty()) {
    line("Note", palette.warning(fit(snapshot.note, width - 14)));
  }
  return out;
}

std::string summarize_demo(const DemoSnapshot& snapshot) {
  const Palette plain(false);
  const auto classes = classes_texts(snapshot.classes, plain);
  const Measures& m = snapshot.total;
  std::string out = fmt::format("{}  {} raw rows, {} cells, {} behind\n          {} {}\n",
                                format_clock(snapshot.elapsed_us),
                                format_count(snapshot.rows_written), format_count(snapshot.cells),
                                format_seconds(snapshot.behind_us), classes[0], classes[1]);
  for (const auto& facts : {volume_facts(m), cost_facts(m)}) {
    std::string line = "         ";
    for (const auto& [title, value] : facts) {
      line += fmt::format(" {} {},", title, value);
    }
    line.pop_back();
    out += line + "\n";
  }
  for (const auto& [title, entries] :
       {std::pair("Campaigns", &snapshot.campaigns), std::pair("Companies", &snapshot.companies)}) {
    std::string line = fmt::format("          {}:", title);
    for (size_t i = 0; i < std::min<size_t>(entries->size(), 3); ++i) {
      line += fmt::format(" {} {};", (*entries)[i].name,
                          format_money((*entries)[i].measures.bid_micros));
    }
    line.pop_back();
    out += line + "\n";
  }
  out += "          Freshness: " + freshness_text(snapshot, plain) + "\n";
  if (!snapshot.page.empty()) {
    out += "          Live page: " + snapshot.page + "\n";
  }
  return out;
}

}  // namespace hirestream
