#include "http/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "config/values.h"
#include "model/decimal.h"
#include "model/key_figures.h"
#include "model/text.h"
#include "model/time_zone.h"

namespace hirestream {
namespace {

// Instead of the values of a rejected row.
const std::string kNotShown = "(not shown: see --http-samples)";

using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "/api/v1/";
constexpr int32_t kPointsMax = 10'000;
constexpr int32_t kHoursOfAuto = 8 * 24;
constexpr int64_t kDayUs = 86'400'000'000;
constexpr size_t kCacheBytes = 16 << 20;
constexpr std::chrono::seconds kPatience{10};        // for a Report that is free
constexpr std::chrono::seconds kAnswerPatience{60};  // for who computes the same
const std::vector<std::string_view> kFilterParameters = {
    "from", "to", "last", "company", "campaign", "group", "publisher", "job"};

std::vector<std::string_view> with_filter(std::initializer_list<std::string_view> more) {
  std::vector<std::string_view> all = kFilterParameters;
  all.insert(all.end(), more);
  return all;
}

std::string dump(const Json& json) {
  // Names may hold bytes that are no UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json rate(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

void add_figures(Json& json, const Measures& m) {
  json["impressions"] = m.impressions;
  json["clicks"] = m.clicks;
  json["conversions"] = m.conversions;
  json["qualified"] = m.qualified;
  json["unqualified"] = m.unqualified;
  json["spend"] = format_micros(m.bid_micros);
  const KeyFigures figures = key_figures(m);
  json["click_through_rate"] = rate(figures.click_through_rate);
  json["conversion_rate"] = rate(figures.conversion_rate);
  json["qualified_ratio"] = rate(figures.qualified_ratio);
  json["average_bid"] = rate(figures.average_bid);
  json["cost_per_conversion"] = rate(figures.cost_per_conversion);
  json["cost_per_qualified"] = rate(figures.cost_per_qualified);
}

Json figures_json(const Measures& measures) {
  Json json = Json::object();
  add_figures(json, measures);
  return json;
}

Json range_json(const HourRange& range) {
  return {{"from", format_hour(range.from)}, {"to", format_hour(range.to)}};
}

// A string, since most readers of JSON hold numbers as doubles, which know no integers beyond 2^53.
Json id_json(int64_t id) {
  return std::to_string(id);
}

Json instant_or_null(int64_t us) {
  return us > 0 ? Json(format_instant(us)) : Json(nullptr);
}

Json milliseconds_or_null(int64_t us) {
  return us < 0 ? Json(nullptr) : Json(static_cast<double>(us) / 1000);
}

const char* state_name(SliceState state) {
  switch (state) {
    case SliceState::kOpen:
      return "open";
    case SliceState::kSettled:
      return "settled";
  }
  HIRESTREAM_CHECK(false);
}

// Of the slowest shard; 0: not known.
int64_t settled_until(const SourceQuality& source) {
  int64_t least = 0;
  for (const auto& [shard, us] : source.settled_until_us) {
    least = least == 0 ? us : std::min(least, us);
  }
  return least;
}

std::string zone_of(const std::vector<SourceQuality>& sources) {
  for (const SourceQuality& source : sources) {
    if (!source.timezone.empty()) {
      return source.timezone;
    }
  }
  return "UTC";
}

// What the error of a Report means to whoever asked, when its value is needed here and now.
#define HIRESTREAM_ANSWER(declaration, expression)                                          \
  auto HIRESTREAM_CONCAT(answer_result_, __LINE__) = (expression);                          \
  if (!HIRESTREAM_CONCAT(answer_result_, __LINE__)) [[unlikely]] {                          \
    return tl::unexpected(as_problem(HIRESTREAM_CONCAT(answer_result_, __LINE__).error())); \
  }                                                                                         \
  declaration = std::move(*HIRESTREAM_CONCAT(answer_result_, __LINE__))

Problem as_problem(const Error& error) {
  return problem_of(error);
}
Problem as_problem(const Problem& problem) {
  return problem;
}

// With a point for each step of the range.
Json points_json(const HourRange& range, int32_t step, const std::vector<SeriesPoint>& found) {
  Json points = Json::array();
  size_t next = 0;
  const int32_t first = step == 1 ? range.from : CellKey{.local_hour = range.from}.days() * 24;
  for (int32_t hour = first; hour < range.to; hour += step) {
    Measures measures;
    if (next < found.size() && found[next].local_hour == hour) {
      measures = found[next++].measures;
    }
    Json point = {{"time", format_hour(hour)}};
    add_figures(point, measures);
    points.push_back(std::move(point));
  }
  return points;
}

Json classes_json(const RowClasses& classes) {
  return {{"read", classes.total()},
          {"counted", classes.counted},
          {"unattributed", classes.unattributed},
          {"other", classes.other},
          {"rejected", classes.rejected},
          {"too_late", classes.too_late}};
}

Json kinds_json(const std::vector<KindLine>& lines) {
  Json kinds = Json::array();
  for (const auto& [source, kind] : lines) {
    kinds.push_back({{"source", source},
                     {"class", class_name(kind.why)},
                     {"kind", kind.kind},
                     {"rows", kind.rows},
                     {"newest", instant_or_null(kind.newest_us().value_or(0))},
                     {"sample", {{"id", format_uuid(kind.newest)}, {"file", kind.place}}}});
  }
  return kinds;
}

// What `verify` found last; null: it never ran, or nobody was told.
Json verification_json(const std::string& source, const std::vector<Verification>& all) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Verification& verification) {
    return verification.source == source;
  });
  if (found == all.end()) {
    return nullptr;
  }
  return {{"at", format_instant(found->at_us)},
          {"differences", found->differences()},
          {"rows_read", found->rows_read},
          {"slices_checked", found->slices_checked},
          {"slices_different", found->slices_different},
          {"slices_repaired", found->slices_repaired},
          {"slices_held", found->slices_held},
          {"slices_damaged", found->slices_damaged},
          {"cells_checked", found->cells_checked},
          {"cells_different", found->cells_different}};
}

// What somebody could do about what the figures show.
std::vector<std::string> hints_of(const std::vector<SourceQuality>& sources,
                                  const std::vector<RejectGroup>& rejects) {
  std::vector<std::string> hints;
  for (const SourceQuality& source : sources) {
    const RowClasses& rows = source.classes;
    const int64_t attributable = rows.counted + rows.unattributed;
    if (source.attribution == "columns" && attributable > 0 &&
        rows.unattributed * 10 > attributable) {
      hints.push_back(fmt::format(
          "{}: {:.0f} % of the rows of counted kinds have no `job_id`. Where their payload names "
          "the job, `--attribution payload` counts them, in a warehouse of its own.",
          source.name,
          100.0 * static_cast<double>(rows.unattributed) / static_cast<double>(attributable)));
    }
    if (source.slices_held > 0) {
      hints.push_back(
          fmt::format("{}: {} slices are held, since a recount misses rows that were counted "
                      "before. Find out why they are missing; if they are gone for good: "
                      "`hirestream verify --repair --allow-shrink`.",
                      source.name, source.slices_held));
    }
    if (rows.too_late > 0) {
      hints.push_back(
          fmt::format("{}: {} rows came after their slice froze and are not counted. A longer "
                      "--retention keeps slices open for them.",
                      source.name, rows.too_late));
    }
  }
  if (!rejects.empty()) {
    hints.emplace_back(
        "Rejected rows are listed by `hirestream rejects list`; once their cause is removed, "
        "`hirestream rejects retry` counts them.");
  }
  return hints;
}

// What the question means, however it was written: the order of parameters and their escapes make
// no difference.
std::string canonical_question(const ApiRequest& request) {
  std::string text = request.path;
  for (const auto& [name, value] : request.query) {
    text += fmt::format("&{}:{}={}:{}", name.size(), name, value.size(), value);
  }
  return text;
}

}  // namespace

struct Api::Context {
  const ApiRequest& request;
  Report& report;
  const State& state;
  int64_t now_us;
  int32_t now_hour;
  Dimension dimension;

  Answer<Query> query(std::vector<std::string_view> known) const {
    return Query::read(request.query, std::move(known));
  }
};

std::string_view status_title(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

ApiResponse problem_response(const Problem& problem) {
  Json json = {{"type", problem.type},
               {"title", status_title(problem.status)},
               {"status", problem.status},
               {"detail", problem.detail}};
  if (!problem.parameter.empty()) {
    json["parameter"] = problem.parameter;
  }
  if (!problem.allowed.empty()) {
    json["allowed"] = problem.allowed;
  }
  return {problem.status, "application/problem+json", dump(json), {}, problem.cause};
}

Problem problem_of(const Error& error) {
  if (lacks_tables(error)) {
    return {503,
            "the warehouse has no tables yet; `hirestream run` creates them",
            {},
            {},
            kNoTablesProblem};
  }
  Problem problem = {
      500, "the warehouse refuses this question; the program's log says why", {}, {}};
  if (error.kind == ErrorKind::kRejected) {
    problem = {400, "a sum of these rows is beyond 64 bits: ask for less of them", {}, {}};
  } else if (error.kind == ErrorKind::kTransient) {
    problem = {
        503, "the warehouse does not answer, or not in time; the program's log says why", {}, {}};
  }
  problem.cause = error.text();
  return problem;
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  const auto opaque = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  while (!etag.empty() && !if_none_match.empty()) {
    const size_t comma = if_none_match.find(',');
    const std::string_view tag = trim(if_none_match.substr(0, comma));
    if (tag == "*" || opaque(tag) == opaque(etag)) {
      return true;
    }
    if_none_match.remove_prefix(comma == std::string_view::npos ? if_none_match.size() : comma + 1);
  }
  return false;
}

Api::Api(std::string product_version, bool samples, Clock& clock, ReportPool& pool)
    : product_version_(std::move(product_version)),
      samples_(samples),
      clock_(clock),
      pool_(pool),
      cache_(kCacheBytes, kAnswerPatience) {}

std::optional<Api::Route> Api::find_route(std::string_view path) {
  if (!path.starts_with(kPrefix)) {
    return std::nullopt;
  }
  path.remove_prefix(kPrefix.size());
  static constexpr std::array<std::pair<std::string_view, Handler>, 6> kRoutes = {
      {{"meta", &Api::meta},
       {"kpis", &Api::kpis},
       {"series", &Api::series},
       {"cells", &Api::cells},
       {"quality", &Api::quality},
       {"pipeline", &Api::pipeline}}};
  for (const auto& [name, handler] : kRoutes) {
    if (path == name) {
      return Route{.handler = handler};
    }
  }
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto dimension = find_dimension(path.substr(slash + 1));
  if (dimension && path.substr(0, slash) == "top") {
    return Route{&Api::top, *dimension};
  }
  if (dimension && path.substr(0, slash) == "names") {
    return Route{&Api::names, *dimension};
  }
  return std::nullopt;
}

// The version before the data: an answer may be newer than its tag, never older.
Result<std::shared_ptr<const Api::State>> Api::current_state() {
  HIRESTREAM_ASSIGN(auto report, pool_.borrow(kPatience));
  HIRESTREAM_ASSIGN(std::string version, (*report).version());
  {
    const std::lock_guard lock(mutex_);
    if (state_ != nullptr && state_->version == version) {
      return state_;
    }
  }
  HIRESTREAM_ASSIGN(auto sources, (*report).sources());
  HIRESTREAM_ASSIGN(auto zone, TimeZone::find(zone_of(sources)));
  auto state =
      std::make_shared<const State>(State{std::move(version), std::move(sources), std::move(zone)});
  const std::lock_guard lock(mutex_);
  state_ = state;
  return state;
}

std::optional<ApiResponse> Api::handle(const ApiRequest& request) {
  if (request.path == "/api/v1/health") {
    const auto query = Query::read(request.query, {});
    return query ? health() : problem_response(query.error());
  }
  const auto route = find_route(request.path);
  if (!route) {
    return std::nullopt;
  }
  const auto current = current_state();
  if (!current) {
    return problem_response(problem_of(current.error()));
  }
  const State& state = **current;
  const int64_t now_us = clock_.now_us();
  const int32_t now_hour = TimeZone(state.zone).local_hour(now_us);
  const auto etag = [&](std::string_view of) {
    return fmt::format("W/\"{}\"",
                       digest_of(fmt::format("{}\n{}\n{}\n{}\n{}", product_version_, state.version,
                                             now_hour, request.target, of)));
  };
  const bool versioned = route->handler != &Api::pipeline;  // its minutes change without it
  if (versioned && matches_etag(request.if_none_match, etag(""))) {
    return ApiResponse{304, {}, {}, etag("")};
  }
  const auto body =
      cache_.get(fmt::format("{}\n{}\n{}", state.version, now_hour, canonical_question(request)),
                 versioned, [&]() -> Answer<std::string> {
                   auto report = pool_.borrow(kPatience);
                   if (!report) {
                     return tl::unexpected(problem_of(report.error()));
                   }
                   Context context{request, **report, state, now_us, now_hour, route->dimension};
                   return (this->*route->handler)(context);
                 });
  if (!body->has_value()) {
    return problem_response(body->error());
  }
  ApiResponse response;
  response.etag = etag(versioned ? std::string_view() : std::string_view(**body));
  if (matches_etag(request.if_none_match, response.etag)) {
    return ApiResponse{304, {}, {}, response.etag};
  }
  response.body = **body;
  return response;
}

Answer<std::string> Api::meta(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query({}));
  HIRESTREAM_ANSWER(const auto hours, context.report.hours());
  Json sources = Json::array();
  int64_t settled = 0;
  bool all_settled = true;
  for (const SourceQuality& source : context.state.sources) {
    sources.push_back(
        {{"name", source.name}, {"kind", source.kind}, {"attribution", source.attribution}});
    if (const int64_t until = settled_until(source); until > 0) {
      settled = settled == 0 ? until : std::min(settled, until);
    } else if (source.last_commit_us > 0) {
      all_settled = false;
    }
  }
  return dump({{"product", "hirestream"},
               {"version", product_version_},
               {"warehouse", context.report.server()},
               {"timezone", context.state.zone.name()},
               {"now", format_hour(context.now_hour)},
               {"first_hour", hours ? Json(format_hour(hours->first)) : Json(nullptr)},
               {"last_hour", hours ? Json(format_hour(hours->second)) : Json(nullptr)},
               {"settled_until", instant_or_null(all_settled ? settled : 0)},
               {"sources", std::move(sources)}});
}

Answer<std::string> Api::kpis(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query(kFilterParameters));
  HIRESTREAM_ANSWER(ReportFilter filter, query.filter(context.now_hour));
  const HourRange range{filter.from_hour, filter.to_hour};
  ReportFilter before = filter;
  before.from_hour = range.previous().from;
  before.to_hour = range.previous().to;
  HIRESTREAM_ANSWER(const Measures current, context.report.totals(filter));
  HIRESTREAM_ANSWER(const Measures previous, context.report.totals(before));
  const Comparison completed = compare_completed(range, context.now_hour);
  Measures completed_current = current;
  Measures completed_previous = previous;
  if (completed.current != range) {
    filter.from_hour = completed.current.from;
    filter.to_hour = completed.current.to;
    before.from_hour = completed.previous.from;
    before.to_hour = completed.previous.to;
    HIRESTREAM_ANSWER(completed_current, context.report.totals(filter));
    HIRESTREAM_ANSWER(completed_previous, context.report.totals(before));
  }
  return dump({{"range", range_json(range)},
               {"current", figures_json(current)},
               {"previous_range", range_json(range.previous())},
               {"previous", figures_json(previous)},
               {"completed",
                {{"range", range_json(completed.current)},
                 {"current", figures_json(completed_current)},
                 {"previous_range", range_json(completed.previous)},
                 {"previous", figures_json(completed_previous)}}}});
}

Answer<std::string> Api::series(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query(with_filter({"step", "compare"})));
  HIRESTREAM_ANSWER(const ReportFilter filter, query.filter(context.now_hour));
  HIRESTREAM_ANSWER(const std::string step, query.word("step", {"auto", "hour", "day"}));
  HIRESTREAM_ANSWER(const std::string compare, query.word("compare", {"none", "previous"}));
  const HourRange range{filter.from_hour, filter.to_hour};
  const int32_t hours = range.to - range.from;
  const bool by_hour = step == "hour" || (step == "auto" && hours <= kHoursOfAuto);
  if (hours / (by_hour ? 1 : 24) > kPointsMax) {
    return tl::unexpected(Problem{400, "the range has too many steps", by_hour ? "step" : "to",
                                  fmt::format("up to {} steps", kPointsMax)});
  }
  const TimeStep time_step = by_hour ? TimeStep::kHour : TimeStep::kDay;
  HIRESTREAM_ANSWER(const auto found, context.report.series(filter, time_step));
  Json previous = nullptr;
  if (compare == "previous") {
    ReportFilter before = filter;
    before.from_hour = range.previous().from;
    before.to_hour = range.previous().to;
    HIRESTREAM_ANSWER(const auto earlier, context.report.series(before, time_step));
    previous = points_json(range.previous(), by_hour ? 1 : 24, earlier);
  }
  return dump({{"range", range_json(range)},
               {"step", by_hour ? "hour" : "day"},
               {"points", points_json(range, by_hour ? 1 : 24, found)},
               {"previous", std::move(previous)}});
}

Answer<std::string> Api::top(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query(with_filter({"order", "limit", "offset"})));
  HIRESTREAM_ANSWER(const ReportFilter filter, query.filter(context.now_hour));
  std::vector<std::string_view> figures;
  for (const Figure figure : kFigures) {
    figures.push_back(figure_name(figure));
  }
  HIRESTREAM_ANSWER(const std::string order, query.word("order", figures));
  HIRESTREAM_ANSWER(const int64_t limit, query.integer("limit", 50, 1, 1000));
  HIRESTREAM_ANSWER(const int64_t offset, query.integer("offset", 0, 0, 1'000'000));
  HIRESTREAM_ANSWER(const ReportPage page,
                    context.report.top(filter, context.dimension, *find_figure(order),
                                       static_cast<size_t>(limit), static_cast<size_t>(offset)));
  Json entries = Json::array();
  for (const ReportEntry& entry : page.entries) {
    Json json = {{"id", id_json(entry.key.id)}, {"name", entry.key.name}};
    add_figures(json, entry.measures);
    entries.push_back(std::move(json));
  }
  return dump({{"range", range_json({filter.from_hour, filter.to_hour})},
               {"dimension", dimension_name(context.dimension)},
               {"order", order},
               {"total", page.total},
               {"entries", std::move(entries)}});
}

Answer<std::string> Api::names(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query({"search", "id", "limit"}));
  HIRESTREAM_ANSWER(const std::string search, query.text("search", 100));
  HIRESTREAM_ANSWER(const std::vector<int64_t> ids, query.ids("id"));
  HIRESTREAM_ANSWER(const int64_t limit, query.integer("limit", 50, 1, 1000));
  std::vector<NamedId> found;
  if (ids.empty()) {
    HIRESTREAM_ANSWER(found,
                      context.report.names(context.dimension, search, static_cast<size_t>(limit)));
  } else {
    HIRESTREAM_ANSWER(found, context.report.names_of(context.dimension, ids));
    std::sort(found.begin(), found.end(), [](const NamedId& a, const NamedId& b) {
      return std::tuple(a.name.empty(), std::string_view(a.name), a.id) <
             std::tuple(b.name.empty(), std::string_view(b.name), b.id);
    });
    found.resize(std::min(found.size(), static_cast<size_t>(limit)));
  }
  Json names = Json::array();
  for (const NamedId& name : found) {
    names.push_back({{"id", id_json(name.id)}, {"name", name.name}});
  }
  return dump({{"names", std::move(names)}});
}

Answer<std::string> Api::cells(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query(with_filter({"limit", "after"})));
  HIRESTREAM_ANSWER(const ReportFilter filter, query.filter(context.now_hour));
  HIRESTREAM_ANSWER(const int64_t limit, query.integer("limit", 1000, 1, 10'000));
  HIRESTREAM_ANSWER(const std::string after_text, query.text("after", 200));
  std::optional<CellKey> after;
  if (query.has("after")) {
    after = parse_cell_key(after_text);
    if (!after) {
      return tl::unexpected(
          Problem{400, "this is no mark of a page", "after", "`next` of the page before"});
    }
  }
  // One more than asked for tells whether that is all.
  HIRESTREAM_ANSWER(auto lines,
                    context.report.lines(filter, after, static_cast<size_t>(limit) + 1));
  const bool more = lines.size() > static_cast<size_t>(limit);
  if (more) {
    lines.pop_back();
  }
  Json cells = Json::array();
  for (const EventsLine& line : lines) {
    cells.push_back({{"hour", format_hour(line.key.local_hour)},
                     {"job_id", id_json(line.key.job_id)},
                     {"publisher_id", id_json(line.key.publisher_id)},
                     {"company_id", id_json(line.company_id)},
                     {"campaign_id", id_json(line.key.campaign_id)},
                     {"group_id", id_json(line.key.group_id)},
                     {"impressions", line.measures.impressions},
                     {"clicks", line.measures.clicks},
                     {"conversions", line.measures.conversions},
                     {"qualified", line.measures.qualified},
                     {"unqualified", line.measures.unqualified},
                     {"spend", format_micros(line.measures.bid_micros)},
                     {"sources", line.sources},
                     {"updated_at", format_instant(line.updated_at_us)}});
  }
  return dump({{"range", range_json({filter.from_hour, filter.to_hour})},
               {"cells", std::move(cells)},
               {"next", more ? Json(format_cell_key(lines.back().key)) : Json(nullptr)}});
}

Answer<std::string> Api::quality(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query({}));
  HIRESTREAM_ANSWER(const auto sources, context.report.quality());
  HIRESTREAM_ANSWER(const auto rejects, context.report.rejects());
  HIRESTREAM_ANSWER(const auto not_counted, context.report.not_counted());
  HIRESTREAM_ANSWER(const auto verifications, context.report.verifications());
  HIRESTREAM_ANSWER(const auto day, context.report.minutes(context.now_us - kDayUs));
  std::map<std::string, int64_t> corrected;
  for (const PipelineMinute& minute : day) {
    corrected[minute.source] += minute.slices_corrected;
  }
  Json all = Json::array();
  for (const SourceQuality& source : sources) {
    all.push_back({{"name", source.name},
                   {"kind", source.kind},
                   {"attribution", source.attribution},
                   {"timezone", source.timezone},
                   {"classes", classes_json(source.classes)},
                   {"slices",
                    {{"open", source.slices_open},
                     {"settled", source.slices_settled},
                     {"frozen", source.slices_frozen},
                     {"held", source.slices_held}}},
                   {"settled_until", instant_or_null(settled_until(source))},
                   {"last_commit", instant_or_null(source.last_commit_us)},
                   {"corrected_day", corrected[source.name]},
                   {"verification", verification_json(source.name, verifications)}});
  }
  Json groups = Json::array();
  for (const RejectGroup& group : rejects) {
    groups.push_back({{"source", group.source},
                      {"reason", group.reason},
                      {"column", group.column},
                      {"kept", group.kept},
                      {"newest", format_instant(group.first_seen_us)},
                      {"sample",
                       {{"id", format_uuid(group.sample.id)},
                        {"value", samples_ ? group.sample.value : kNotShown},
                        {"row", samples_ ? group.sample.row : kNotShown}}}});
  }
  return dump({{"sources", std::move(all)},
               {"rejects", std::move(groups)},
               {"not_counted", kinds_json(not_counted)},
               {"hints", hints_of(sources, rejects)}});
}

Answer<std::string> Api::pipeline(Context& context) const {
  HIRESTREAM_ANSWER(const Query query, context.query({"slices", "minutes"}));
  HIRESTREAM_ANSWER(const int64_t slices, query.integer("slices", 480, 1, 5000));
  HIRESTREAM_ANSWER(const int64_t minutes, query.integer("minutes", 120, 1, 43'200));
  HIRESTREAM_ANSWER(const auto lines, context.report.slices(static_cast<size_t>(slices)));
  constexpr int64_t kMinuteUs = 60'000'000;
  const int64_t this_minute = context.now_us / kMinuteUs * kMinuteUs;
  HIRESTREAM_ANSWER(const auto log,
                    context.report.minutes(this_minute - (minutes - 1) * kMinuteUs));
  Json slice_list = Json::array();
  for (const SliceLine& line : lines) {
    slice_list.push_back({{"source", line.source},
                          {"shard", line.key.shard},
                          {"bucket", std::to_string(line.key.bucket)},
                          {"begin", instant_or_null(line.begin_us)},
                          {"state", state_name(line.state)},
                          {"held", line.held},
                          {"revision", line.revision},
                          {"rows", line.digest.rows},
                          {"settled_at", instant_or_null(line.settled_at_us)},
                          {"audited_at", instant_or_null(line.audited_at_us)},
                          {"corrected_at", instant_or_null(line.corrected_at_us)},
                          {"updated_at", instant_or_null(line.updated_at_us)}});
  }
  Json minute_list = Json::array();
  for (const PipelineMinute& m : log) {
    const int64_t mean_us = m.commits > 0 ? m.commit_us_sum / m.commits : -1;
    minute_list.push_back(
        {{"source", m.source},
         {"minute", format_instant(m.minute_us)},
         {"new_rows", m.new_rows},
         {"rows_read", m.rows_read},
         {"requests", m.requests},
         {"commits", m.commits},
         {"commit_ms_mean", milliseconds_or_null(mean_us)},
         {"commit_ms_max", milliseconds_or_null(m.commits > 0 ? m.commit_us_max : -1)},
         {"freshness_ms_p50", milliseconds_or_null(m.freshness_us_p50)},
         {"freshness_ms_p95", milliseconds_or_null(m.freshness_us_p95)},
         {"freshness_ms_max", milliseconds_or_null(m.freshness_us_max)},
         {"slices_settled", m.slices_settled},
         {"slices_corrected", m.slices_corrected},
         {"slices_audited", m.slices_audited},
         {"conflicts", m.conflicts},
         {"retries", m.retries}});
  }
  HIRESTREAM_ANSWER(const auto mirrors, context.report.mirrors());
  Json mirror_list = Json::array();
  for (const auto& [source, mirror] : mirrors) {
    mirror_list.push_back({{"source", source},
                           {"node", mirror.node},
                           {"stored_at", instant_or_null(mirror.stored_us)},
                           {"copied_at", instant_or_null(mirror.copied_us)},
                           {"copying", mirror.is_copying}});
  }
  return dump({{"slices", std::move(slice_list)},
               {"minutes", std::move(minute_list)},
               {"mirrors", std::move(mirror_list)}});
}

ApiResponse Api::health() {
  auto report = pool_.borrow(kPatience);
  const auto sources =
      report ? (**report).sources() : Result<std::vector<SourceQuality>>(forward(report.error()));
  const int64_t now_us = clock_.now_us();
  int64_t last_us = 0;
  EngineReading reading;
  bool answers = sources.has_value();
  if (sources) {
    for (const SourceQuality& source : *sources) {
      last_us = std::max(last_us, source.last_commit_us);
    }
    const std::lock_guard lock(reading_mutex_);
    auto looked = reading_.look(**report, *sources, now_us);
    answers = looked.has_value();
    reading = looked ? std::move(*looked) : EngineReading{};
  }
  const int64_t behind_ms = std::max<int64_t>(now_us - last_us, 0) / 1000;
  const bool read = !reading.source.empty();
  const int64_t unread_us = read ? std::max<int64_t>(now_us - reading.last_read_us, 0) : 0;
  ApiResponse response;
  response.status = answers ? 200 : 503;
  response.body = dump({{"status", !answers                   ? "unavailable"
                                   : unread_us > kUnreadUsMax ? "stale"
                                                              : "ok"},
                        {"warehouse", report ? (**report).server() : std::string()},
                        {"last_commit", instant_or_null(last_us)},
                        {"behind_ms", last_us > 0 ? Json(behind_ms) : Json(nullptr)},
                        {"last_read", read ? instant_or_null(reading.last_read_us) : Json(nullptr)},
                        {"unread_ms", read ? Json(unread_us / 1000) : Json(nullptr)},
                        {"unread_source", read ? Json(reading.source) : Json(nullptr)}});
  return response;
}

}  // namespace hirestream
