#include "pipeline/adoption.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/mix64.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

Result<SourceStatus> find_known(Warehouse& warehouse, const std::string& name) {
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> known, warehouse.sources());
  const auto found = std::ranges::find(known, name, &SourceStatus::name);
  if (found != known.end()) {
    return *found;
  }
  return fail(ErrorKind::kConfig, "adopt", name, "the warehouse knows no such source",
              "`hirestream sources` lists them; --source-name says which one goes on");
}

Result<void> store_fingerprint(const EnginePorts& ports, SourceId source, uint64_t token_seed,
                               Fingerprint fingerprint) {
  Commit commit;
  commit.source = source;
  commit.token = mix64(token_seed) | 1;  // 0 is no token
  commit.fingerprint = std::move(fingerprint);
  commit.now_us = ports.clock.now_us();
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ports.warehouse.commit(commit));
  if (outcome.verdict == CommitVerdict::kCommitted) {
    return {};
  }
  return fail(ErrorKind::kTransient, "adopt", "warehouse", "it did not say whether that is stored",
              "try again");
}

}  // namespace

Result<Adoption> adopt_source(const EnginePorts& ports, const EngineOptions& options, bool accept) {
  HIRESTREAM_ASSIGN(const SourceStatus known, find_known(ports.warehouse, options.source_name));
  const SourceDescription& description = ports.source.description();
  SourceRegistration given{options.source_name, description.kind,
                           fingerprint_of(description, options)};
  // A source is counted from where its first registration said.
  if (const auto start = known.fingerprint.find(std::string(kStartAt));
      start != known.fingerprint.end()) {
    given.fingerprint.insert(*start);
  }
  Adoption adoption;
  HIRESTREAM_ASSIGN(adoption.differences,
                    check_adoption({known.name, known.kind, known.fingerprint}, given));
  if (adoption.differences.empty() || !accept) {
    return adoption;
  }
  HIRESTREAM_TRY(
      store_fingerprint(ports, known.id, options.token_seed, std::move(given.fingerprint)));
  adoption.stored = true;
  return adoption;
}

}  // namespace hirestream
