#include "cli/traffic_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "model/mix64.h"
#include "model/row_id.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kDay = 24 * kHour;

constexpr int64_t kFirstJob = 101;
constexpr int64_t kFirstCampaign = 201;

constexpr std::array<std::string_view, 24> kCompanyNames = {
    "Northwind Logistics", "Bluepeak Software", "Harborline Shipping", "Evergreen Care",
    "Summit Retail",       "Quartz Analytics",  "Riverbend Foods",     "Ironbridge Steel",
    "Cloudberry Health",   "Sunfield Energy",   "Maple & Main Hotels", "Vantage Insurance",
    "Brightwater Bank",    "Redwood Robotics",  "Skylark Airways",     "Copperleaf Media",
    "Stonegate Security",  "Larkspur Pharma",   "Tidewater Telecom",   "Meridian Motors",
    "Fernhill Education",  "Granite Works",     "Orchard Fresh",       "Polar Freight"};
constexpr std::array<std::string_view, 20> kTitles = {"Warehouse Associate",
                                                      "Delivery Driver",
                                                      "Backend Engineer",
                                                      "Store Manager",
                                                      "Registered Nurse",
                                                      "Data Analyst",
                                                      "Forklift Operator",
                                                      "Customer Support Agent",
                                                      "Electrician",
                                                      "Sales Representative",
                                                      "Line Cook",
                                                      "Accountant",
                                                      "Frontend Engineer",
                                                      "Machine Operator",
                                                      "Project Coordinator",
                                                      "Security Officer",
                                                      "Maintenance Engineer",
                                                      "Recruiter",
                                                      "Quality Inspector",
                                                      "Barista"};
constexpr std::array<std::string_view, 10> kCities = {"Hamburg",  "Leeds",   "Porto",  "Austin",
                                                      "Toronto",  "Utrecht", "Gdansk", "Lyon",
                                                      "Adelaide", "Osaka"};
constexpr std::array<std::string_view, 8> kCampaignNames = {
    "Spring Hiring", "Night Shift",    "Graduates",        "Always On",
    "Peak Season",   "Return to Work", "New Site Opening", "Hard to Fill"};
constexpr std::array<std::string_view, 15> kGroupNames = {
    "Operations", "Engineering", "Retail",     "Healthcare", "Hospitality",
    "Finance",    "Logistics",   "Production", "Sales",      "Support",
    "Education",  "Security",    "Media",      "Energy",     "Administration"};
constexpr std::array<std::string_view, 12> kPublisherNames = {
    "JobHarbor", "WorkFinder", "CareerLane", "HireHive", "ShiftBoard", "TalentTide",
    "RoleRadar", "GigGarden",  "JobMosaic",  "NextDesk", "CraftJobs",  "LocalWorks"};

// How busy each hour of a day (UTC) is.
constexpr std::array<double, 24> kRhythm = {0.45, 0.32, 0.25, 0.22, 0.25, 0.38, 0.62, 0.95,
                                            1.25, 1.45, 1.52, 1.46, 1.38, 1.42, 1.48, 1.45,
                                            1.36, 1.28, 1.24, 1.30, 1.28, 1.12, 0.90, 0.64};

double rhythm_of(int64_t us) {
  const int64_t of_day = ((us % kDay) + kDay) % kDay;
  return kRhythm[static_cast<size_t>(of_day / kHour)];
}

template <size_t N>
std::string_view pick_of(const std::array<std::string_view, N>& names, uint64_t number) {
  return names[number % N];
}

Result<void> check_count(std::string_view option, int32_t value) {
  if (value < 1) {
    return fail(ErrorKind::kConfig, "generate", std::string(option),
                fmt::format("{} is not allowed", value), "give a number of at least 1");
  }
  return {};
}

Result<void> check_share(std::string_view option, double value) {
  if (!(value >= 0 && value <= 1)) {
    return fail(ErrorKind::kConfig, "generate", std::string(option),
                fmt::format("{} is not a share", value), "give a number from 0 to 1");
  }
  return {};
}

}  // namespace

// splitmix64. Standard distributions differ between libraries, so everything is drawn from next()
// by hand.
class TrafficModel::Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix64(state_);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double share) { return uniform() < share; }
  uint64_t below(uint64_t bound) { return next() % bound; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * M_PI * uniform());
  }

 private:
  uint64_t state_;
};

struct TrafficModel::Placement {
  int32_t job = 0;  // index
  int64_t publisher_id = 0;
  int64_t campaign_id = 0;
  int64_t group_id = 0;
};

TrafficModel::Skew::Skew(int32_t size, double exponent) {
  double sum = 0;
  cumulative_.reserve(static_cast<size_t>(size));
  for (int32_t rank = 0; rank < size; ++rank) {
    sum += std::pow(rank + 1.0, -exponent);
    cumulative_.push_back(sum);
  }
  for (double& value : cumulative_) {
    value /= sum;
  }
}

int32_t TrafficModel::Skew::draw(double uniform) const {
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, uniform);
  return static_cast<int32_t>(found - cumulative_.begin());
}

Result<TrafficModel> TrafficModel::make(const TrafficOptions& options) {
  HIRESTREAM_TRY(check_count("--jobs", options.jobs));
  HIRESTREAM_TRY(check_count("--companies", options.companies));
  HIRESTREAM_TRY(check_count("--campaigns", options.campaigns));
  HIRESTREAM_TRY(check_count("--publishers", options.publishers));
  HIRESTREAM_TRY(check_count("--groups", options.groups));
  HIRESTREAM_TRY(check_share("--attributed", options.attributed_share));
  HIRESTREAM_TRY(check_share("--dirty", options.dirty_share));
  HIRESTREAM_TRY(check_share("--mixed-timestamps", options.mixed_timestamp_share));
  HIRESTREAM_TRY(check_share("--duplicates", options.duplicate_share));
  return TrafficModel(options);
}

TrafficModel::TrafficModel(const TrafficOptions& options)
    : options_(options),
      job_skew_(options.jobs, 0.9),
      publisher_skew_(options.publishers, 1.0),
      // The multicast bit marks a node number that is no network card's (RFC 4122 section 4.5).
      node_((mix64(options.seed) & 0xFFFFFFFFFFFFULL) | 0x010000000000ULL) {
  make_dimensions();
}

void TrafficModel::make_dimensions() {
  Random random(mix64(options_.seed ^ 0x6A6F6273));
  const auto companies = static_cast<uint64_t>(options_.companies);
  const auto name_of = [](std::string_view name, uint64_t round) {
    return round == 0 ? std::string(name) : fmt::format("{} {}", name, round + 1);
  };
  company_campaigns_.resize(companies);
  std::vector<std::string> campaign_names;
  for (int32_t i = 0; i < options_.campaigns; ++i) {
    const auto number = static_cast<uint64_t>(i);
    company_campaigns_[number % companies].push_back(kFirstCampaign + i);
    static constexpr std::array<std::string_view, 10> kBids = {"1",   "1.4", "1.5", "2.5", "2",
                                                               "1.5", "1.4", "1",   "7",   "2.5"};
    bids_.emplace_back(pick_of(kBids, random.next()));
    const uint64_t owner = number % companies;
    const std::string owner_name =
        name_of(pick_of(kCompanyNames, owner), owner / kCompanyNames.size());
    campaign_names.push_back(fmt::format("{} – {}", owner_name.substr(0, owner_name.find(' ')),
                                         pick_of(kCampaignNames, owner + number / companies)));
  }
  for (int32_t i = 0; i < options_.jobs; ++i) {
    const auto number = static_cast<uint64_t>(i);
    // Companies without a campaign of their own (fewer campaigns than companies) advertise nothing.
    const uint64_t company =
        number % std::min(companies, static_cast<uint64_t>(options_.campaigns));
    const std::vector<int64_t>& campaigns = company_campaigns_[company];
    Job job;
    job.job_id = kFirstJob + i;
    job.company_id = static_cast<int64_t>(company) + 1;
    job.campaign_id = campaigns[(number / companies) % campaigns.size()];
    job.group_id = static_cast<int64_t>(random.below(static_cast<uint64_t>(options_.groups))) + 1;
    job.title =
        fmt::format("{}, {}", pick_of(kTitles, random.next()), pick_of(kCities, random.next()));
    job.company_name = name_of(pick_of(kCompanyNames, company), company / kCompanyNames.size());
    job.campaign_name = campaign_names[static_cast<size_t>(job.campaign_id - kFirstCampaign)];
    const auto group = static_cast<uint64_t>(job.group_id - 1);
    job.group_name = name_of(pick_of(kGroupNames, group), group / kGroupNames.size());
    jobs_.push_back(std::move(job));
  }
}

std::vector<Publisher> TrafficModel::publishers() const {
  std::vector<Publisher> all;
  for (int64_t id = 1; id <= options_.publishers; ++id) {
    all.push_back({id, publisher_name(id)});
  }
  return all;
}

std::string TrafficModel::publisher_name(int64_t publisher_id) const {
  if (publisher_id < 1 || publisher_id > options_.publishers ||
      publisher_id > static_cast<int64_t>(kPublisherNames.size())) {
    return fmt::format("Publisher {}", publisher_id);
  }
  return std::string(kPublisherNames[static_cast<size_t>(publisher_id - 1)]);
}

ArrivalRhythm::ArrivalRhythm(int64_t from_us, int64_t to_us) : to_us_(to_us) {
  HIRESTREAM_CHECK(from_us < to_us);
  for (int64_t begin = from_us; begin < to_us;) {
    const int64_t end = std::min(begin - ((begin % kHour) + kHour) % kHour + kHour, to_us);
    hours_.push_back({begin, total_, rhythm_of(begin)});
    total_ += rhythm_of(begin) * static_cast<double>(end - begin);
    begin = end;
  }
}

int64_t ArrivalRhythm::time_us(double fraction) const {
  const double weight = fraction * total_;
  auto hour = std::upper_bound(hours_.begin(), hours_.end(), weight,
                               [](double w, const Hour& h) { return w < h.weight_before; });
  if (hour != hours_.begin()) {
    --hour;
  }
  const auto offset = static_cast<int64_t>((weight - hour->weight_before) / hour->weight_per_us);
  return std::min(hour->begin_us + offset, to_us_ - 1);
}

// A duplicate repeats one of the thousand rows before it, which may be a duplicate itself.
int64_t TrafficModel::historic_source(int64_t index) const {
  if (options_.duplicate_share <= 0) {
    return index;
  }
  while (index > 0) {
    Random random(mix64(options_.seed ^ 0x647570) + static_cast<uint64_t>(index));
    if (!random.chance(options_.duplicate_share)) {
      break;
    }
    index -= 1 + static_cast<int64_t>(
                     random.below(static_cast<uint64_t>(std::min<int64_t>(index, 1000))));
  }
  return index;
}

void TrafficModel::make_historic(int64_t index, int64_t total, const ArrivalRhythm& rhythm,
                                 RawEvent& event) const {
  const int64_t source = historic_source(index);
  Random random(mix64(options_.seed) ^ mix64(static_cast<uint64_t>(source) + 1));
  // One row in each of `total` equal parts of the traffic: arrival times ascend with the index.
  const double fraction =
      (static_cast<double>(source) + random.uniform()) / static_cast<double>(total);
  const int64_t ticks = rhythm.time_us(fraction) * 10;
  fill(random, ticks, event);
  // Rows of the same tick are neighbours, so the low bits of their indices differ.
  const auto sequence = static_cast<uint16_t>(source & 0x3FFF);
  event[RawColumn::kCreateTime] = format_uuid(make_version_1(ticks, sequence, node_));
}

void TrafficModel::make_live(uint64_t index, int64_t arrival_ticks, RawEvent& event) const {
  Random random(mix64(options_.seed ^ 0x6C697665) ^ mix64(index + 1));
  fill(random, arrival_ticks, event);
  const auto sequence = static_cast<uint16_t>(mix64(options_.seed) >> 50);
  event[RawColumn::kCreateTime] = format_uuid(make_version_1(arrival_ticks, sequence, node_));
}

void TrafficModel::fill(Random& random, int64_t arrival_ticks, RawEvent& event) const {
  for (auto& value : event.values) {
    value.reset();
  }
  const int64_t arrival_us = arrival_ticks / 10;
  set_kind_and_placement(random, event);
  if (event[RawColumn::kCustomTrack] == "superpixel") {
    return;  // comes with nothing else
  }
  set_event_time(random, arrival_us, event);
  set_surroundings(random, event);
  if (random.chance(options_.dirty_share)) {
    spoil(random, arrival_us, event);
  }
  if (random.chance(options_.untimed_share)) {
    event[RawColumn::kTs].reset();
  }
}

TrafficModel::Placement TrafficModel::place(Random& random) const {
  Placement placement;
  placement.job = job_skew_.draw(random.uniform());
  const Job& job = jobs_[static_cast<size_t>(placement.job)];
  // Each job has its own favourite publishers.
  const auto rank = static_cast<uint64_t>(publisher_skew_.draw(random.uniform()));
  const auto publishers = static_cast<uint64_t>(options_.publishers);
  placement.publisher_id =
      static_cast<int64_t>((rank + static_cast<uint64_t>(placement.job) * 5) % publishers) + 1;
  placement.campaign_id = job.campaign_id;
  if (random.chance(0.08)) {
    const auto& campaigns = company_campaigns_[static_cast<size_t>(job.company_id - 1)];
    placement.campaign_id = campaigns[random.below(campaigns.size())];
  }
  placement.group_id = job.group_id;
  return placement;
}

void TrafficModel::set_kind_and_placement(Random& random, RawEvent& event) const {
  struct Kind {
    std::string_view name;  // empty: null
    double share;
    double in_columns;  // share of rows whose job stands in the columns
    double in_payload;  // share of rows with a payload that names the job
  };
  const double attributed = options_.attributed_share;
  const std::array<Kind, 8> kinds = {{{"click", 0.32, 0.43, 0.85},
                                      {"alive", 0.12, 0, 0.02},
                                      {"conversion", 0.017, attributed, 1},
                                      {"unqualified", 0.008, attributed, 1},
                                      {"interview_scheduled", 0.005, attributed, 1},
                                      {"qualified", 0.003, attributed, 1},
                                      {"redirect", 0.002, 0.5, 0.5},
                                      {"superpixel", 0.0005, 0, 0}}};
  Kind kind = {"", 0, options_.viewed_share, 0.02};  // what is left: page views
  double rest = random.uniform();
  for (const Kind& candidate : kinds) {
    if (rest < candidate.share) {
      kind = candidate;
      break;
    }
    rest -= candidate.share;
  }
  if (!kind.name.empty()) {
    event[RawColumn::kCustomTrack] = std::string(kind.name);
  }
  if (kind.name == "superpixel") {
    return;
  }
  event[RawColumn::kEv] = kind.name.empty() && !random.chance(0.01) ? "1" : "2";
  const Placement placement = place(random);
  if (random.chance(kind.in_columns)) {
    set_columns(random, placement, event);
  } else if (random.chance(0.01)) {
    event[RawColumn::kPublisherId] = fmt::to_string(placement.publisher_id);
  }
  if (random.chance(kind.in_payload)) {
    set_payload(random, kind.name.empty() ? "pageview" : kind.name, placement, event);
  }
}

void TrafficModel::set_columns(Random& random, const Placement& placement, RawEvent& event) const {
  event[RawColumn::kJobId] = fmt::to_string(jobs_[static_cast<size_t>(placement.job)].job_id);
  if (!random.chance(0.02)) {
    event[RawColumn::kPublisherId] = fmt::to_string(placement.publisher_id);
  }
  if (!random.chance(0.02)) {
    event[RawColumn::kCampaignId] = fmt::to_string(placement.campaign_id);
  }
  if (random.chance(options_.grouped_share)) {
    event[RawColumn::kGroupId] = fmt::to_string(placement.group_id);
  }
  if (!random.chance(0.02)) {
    event[RawColumn::kBid] = bid_text(random, placement.job);
  }
}

std::string TrafficModel::bid_text(Random& random, int32_t job) const {
  const double kind = random.uniform();
  if (kind < 0.05) {
    return "0";
  }
  if (kind < 0.07) {  // up to seven digits behind the point: one more than is kept
    return fmt::format("{}.{:07d}", random.below(4), random.below(10'000'000));
  }
  if (kind < 0.08) {  // halfway between two millionths
    return fmt::format("{}.{:06d}5", random.below(4), random.below(1'000'000));
  }
  const int64_t campaign = jobs_[static_cast<size_t>(job)].campaign_id;
  return bids_[static_cast<size_t>(campaign - kFirstCampaign)];
}

void TrafficModel::set_payload(Random& random, std::string_view kind, const Placement& placement,
                               RawEvent& event) const {
  const bool lower = random.chance(0.15);
  const int64_t job_id = jobs_[static_cast<size_t>(placement.job)].job_id;
  const std::string job =
      random.chance(0.5) ? fmt::format("\"{}\"", job_id) : fmt::to_string(job_id);
  std::string publisher = fmt::format("\"{}\"", placement.publisher_id);
  if (random.chance(0.08)) {
    publisher = fmt::format("\"{},1,2\"", placement.publisher_id);
  } else if (random.chance(0.3)) {
    publisher = fmt::to_string(placement.publisher_id);
  }
  event[RawColumn::kEd] =
      fmt::format(R"({{"{}":"{}","{}":{},"{}":{},"{}":{}}})", lower ? "customevent" : "customEvent",
                  kind, lower ? "jobid" : "jobId", job, lower ? "publisherid" : "publisherId",
                  publisher, lower ? "userid" : "userId", random.below(5000));
}

void TrafficModel::set_event_time(Random& random, int64_t arrival_us, RawEvent& event) const {
  const double kind = random.uniform();
  double late_s = 0;
  if (kind < 0.03) {  // the visitor's clock is ahead
    late_s = -std::min(633.0, std::exp(random.normal() * 2.0));
  } else if (kind < 0.985) {
    late_s = 0.2 * std::exp(random.normal() * 0.8);
  } else if (kind < 0.999) {  // a tab that slept, a phone in a tunnel
    late_s = 10 * std::exp(random.normal() * 1.8);
  } else {
    late_s = 3600 * std::pow(1 - random.uniform(), -1.0);
  }
  const auto late_us = static_cast<int64_t>(std::clamp(late_s, -633.0, 892'254.0) * 1e6);
  std::string text = format_timestamp_ms(arrival_us - late_us);
  if (random.chance(options_.mixed_timestamp_share)) {
    switch (random.below(3)) {
      case 0:
        text[10] = 'T';
        break;
      case 1:
        text[10] = 'T';
        text += 'Z';
        break;
      default:
        text = format_timestamp_ms(arrival_us - late_us + 7 * kHour) + "+07:00";
        break;
    }
  }
  event[RawColumn::kTs] = std::move(text);
}

void TrafficModel::set_surroundings(Random& random, RawEvent& event) const {
  struct Browser {
    std::string_view name;
    std::string_view agent;
    std::string_view screen;
    std::string_view view;
    std::string_view device;
  };
  static constexpr std::array<Browser, 4> kBrowsers = {
      {{"Chrome 103",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/103.0.0.0 Safari/537.36",
        "1920x1080", "1903x937", "Desktop"},
       {"Mobile Safari 15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 15_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/15.5 Mobile/15E148 Safari/604.1",
        "390x844", "390x664", "Mobile"},
       {"Firefox 102", "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0",
        "2560x1440", "2560x1299", "Desktop"},
       {"Chrome Mobile 103",
        "Mozilla/5.0 (Linux; Android 12; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/103.0.5060.71 Mobile Safari/537.36",
        "360x800", "360x664", "Mobile"}}};
  static constexpr std::array<std::string_view, 4> kPages = {"jobs", "search", "apply", "company"};
  const Browser& browser = kBrowsers[random.below(kBrowsers.size())];
  const std::string_view page = pick_of(kPages, random.next());
  const uint64_t number = random.below(900'000) + 1000;
  event[RawColumn::kBn] = std::string(browser.name);
  event[RawColumn::kUa] = std::string(browser.agent);
  event[RawColumn::kSr] = std::string(browser.screen);
  event[RawColumn::kVp] = std::string(browser.view);
  event[RawColumn::kMd] = std::string(browser.device);
  event[RawColumn::kCd] = "24";
  event[RawColumn::kDe] = "UTF-8";
  event[RawColumn::kDl] = fmt::format("https://jobs.example.com/{}/{}", page, number);
  event[RawColumn::kDt] = fmt::format("{} | jobs.example.com", pick_of(kTitles, number));
  event[RawColumn::kId] = "SITE-1";
  event[RawColumn::kTz] = fmt::to_string(static_cast<int64_t>(random.below(5)) * 60 - 120);
  event[RawColumn::kUid] =
      fmt::format("1-{:08x}-{:06x}", random.next() >> 32, random.below(1 << 24));
  event[RawColumn::kV] = "1";
  if (random.chance(0.6)) {
    event[RawColumn::kRl] = fmt::format("https://www.example.org/{}", page);
  }
  if (random.chance(0.3)) {
    event[RawColumn::kUtmSource] = std::string(pick_of(kPublisherNames, random.next()));
    event[RawColumn::kUtmMedium] = "cpc";
    event[RawColumn::kUtmCampaign] = std::string(pick_of(kCampaignNames, random.next()));
    if (random.chance(0.2)) {
      event[RawColumn::kUtmContent] = "banner, \"large\"";
      event[RawColumn::kUtmTerm] = std::string(pick_of(kTitles, random.next()));
    }
  }
}

void TrafficModel::spoil(Random& random, int64_t arrival_us, RawEvent& event) const {
  switch (random.below(options_.text_dirt ? 8 : 5)) {
    case 0:
      event[RawColumn::kTs].reset();
      break;
    case 1:
      event[RawColumn::kBid] = "-1.5";
      break;
    case 2:
      event[RawColumn::kBid] = "2000000000";
      break;
    case 3:
      event[RawColumn::kTs] = format_timestamp_ms(arrival_us + 3 * kDay);
      break;
    case 4:
      event[RawColumn::kTs] = "1970-01-01 00:00:00.000";
      break;
    case 5:
      event[RawColumn::kTs] = "yesterday";
      break;
    case 6:
      event[RawColumn::kBid] = "$2";
      break;
    default:
      event[RawColumn::kJobId] = "n/a";
      break;
  }
}

}  // namespace hirestream
