#include "ports/shard_leases.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

namespace hirestream {
namespace {

bool contains(const std::vector<int32_t>& shards, int32_t shard) {
  return std::find(shards.begin(), shards.end(), shard) != shards.end();
}

class Exchange {
 public:
  Exchange(std::vector<LeaseRow>& rows, const ShareRequest& request, int64_t now_us)
      : rows_(rows), request_(request), now_us_(now_us) {}

  Share run() {
    renew();
    if (request_.lease_us == 0) {
      return {};
    }
    count();
    return give_up(take());
  }

 private:
  bool is_mine(const LeaseRow& row) const { return row.owner == request_.owner; }
  bool is_live(const LeaseRow& row) const { return row.until_us > now_us_; }

  // What it keeps, and that it lives. The dead are forgotten.
  void renew() {
    std::erase_if(rows_, [this](const LeaseRow& row) {
      return row.shard < 0 && (is_mine(row) || !is_live(row));
    });
    const int64_t until_us = request_.lease_us == 0 ? 0 : now_us_ + request_.lease_us;
    for (LeaseRow& row : rows_) {
      if (is_mine(row)) {
        row.until_us = contains(request_.keep, row.shard) ? until_us : 0;
      }
    }
    if (until_us != 0) {
      rows_.push_back({request_.member, request_.owner, until_us});
    }
  }

  void count() {
    for (const LeaseRow& row : rows_) {
      if (row.shard < 0) {
        shards_of_.try_emplace(row.owner);
      }
    }
    for (const LeaseRow& row : rows_) {
      if (contains(request_.shards, row.shard) && is_live(row)) {
        ++shards_of_[row.owner];
      }
    }
    const size_t shards = request_.shards.size();
    least_ = shards / shards_of_.size();
    most_ = least_ + (shards % shards_of_.size() == 0 ? 0 : 1);
  }

  bool another_lacks_shards() const {
    return std::any_of(shards_of_.begin(), shards_of_.end(), [this](const auto& of_one) {
      return of_one.first != request_.owner && of_one.second < least_;
    });
  }

  // Of those that nobody has.
  Share take() {
    size_t& mine = shards_of_[request_.owner];
    Share share;
    for (const int32_t shard : request_.shards) {
      auto row = std::find_if(rows_.begin(), rows_.end(),
                              [shard](const LeaseRow& some) { return some.shard == shard; });
      if (row == rows_.end()) {
        row = rows_.insert(rows_.end(), {shard, "", 0});
      }
      if (!is_live(*row)) {
        if (mine < least_ || (mine < most_ && !another_lacks_shards())) {
          *row = {shard, request_.owner, now_us_ + request_.lease_us};
          ++mine;
        } else {
          ++free_;
        }
      }
      if (is_live(*row) && is_mine(*row)) {
        share.held.push_back(shard);
      }
    }
    return share;
  }

  Share give_up(Share share) const {
    size_t surplus = share.held.size() > most_ ? share.held.size() - most_ : 0;
    if (surplus == 0 && free_ == 0 && share.held.size() > least_ && another_lacks_shards()) {
      surplus = 1;
    }
    share.surplus.assign(share.held.end() - static_cast<ptrdiff_t>(surplus), share.held.end());
    return share;
  }

  std::vector<LeaseRow>& rows_;
  const ShareRequest& request_;
  int64_t now_us_;
  // Of the living.
  std::map<std::string, size_t> shards_of_;
  size_t least_ = 0;
  size_t most_ = 0;
  size_t free_ = 0;
};

}  // namespace

Share exchange_leases(std::vector<LeaseRow>& rows, const ShareRequest& request, int64_t now_us) {
  return Exchange(rows, request, now_us).run();
}

std::optional<LeaseRow> take_leases(std::vector<LeaseRow>& rows, std::span<const int32_t> shards,
                                    const std::string& owner, int64_t lease_us, int64_t now_us) {
  std::optional<LeaseRow> other;
  for (const LeaseRow& row : rows) {
    if (std::find(shards.begin(), shards.end(), row.shard) != shards.end() && row.owner != owner &&
        row.until_us > (other ? other->until_us : now_us)) {
      other = row;
    }
  }
  if (other) {
    return other;
  }
  std::erase_if(rows, [shards](const LeaseRow& row) {
    return std::find(shards.begin(), shards.end(), row.shard) != shards.end();
  });
  for (const int32_t shard : shards) {
    rows.push_back({shard, owner, lease_us == 0 ? 0 : now_us + lease_us});
  }
  return std::nullopt;
}

ShareMember::ShareMember(std::string owner, int32_t member, std::vector<int32_t> shards,
                         int64_t lease_us)
    : request_{std::move(owner), member, std::move(shards), {}, lease_us} {
  std::sort(request_.shards.begin(), request_.shards.end());
}

ShareRequest ShareMember::request() const {
  ShareRequest request = request_;
  const std::vector<int32_t> next = wanted();
  std::set_union(next.begin(), next.end(), counted_.begin(), counted_.end(),
                 std::back_inserter(request.keep));
  return request;
}

ShareRequest ShareMember::farewell() const {
  ShareRequest request = request_;
  request.lease_us = 0;
  return request;
}

std::vector<int32_t> ShareMember::wanted() const {
  std::vector<int32_t> wanted;
  std::set_difference(share_.held.begin(), share_.held.end(), share_.surplus.begin(),
                      share_.surplus.end(), std::back_inserter(wanted));
  return wanted;
}

}  // namespace hirestream
