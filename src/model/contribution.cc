#include "model/contribution.h"

#include <algorithm>

#include "model/result.h"

namespace hirestream {
namespace {

template <typename Combine>
Contribution combine(const Contribution& a, const Contribution& b, Combine combine_measures) {
  Contribution out;
  out.reserve(a.size() + b.size());
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() || right != b.end()) {
    Cell cell;
    if (right == b.end() || (left != a.end() && left->key < right->key)) {
      cell = *left++;
    } else {
      cell.key = right->key;
      if (left != a.end() && left->key == right->key) {
        cell.measures = left->measures;
        ++left;
      }
      combine_measures(cell.measures, right->measures);
      ++right;
    }
    if (!cell.measures.is_zero()) {
      out.push_back(cell);
    }
  }
  return out;
}

constexpr int64_t Measures::* kFields[] = {&Measures::impressions, &Measures::clicks,
                                           &Measures::conversions, &Measures::qualified,
                                           &Measures::unqualified, &Measures::bid_micros};

// False: a sum is beyond 64 bits.
bool add_all(Measures& to, const Measures& other) {
  bool fits = true;
  for (const auto field : kFields) {
    fits = !__builtin_add_overflow(to.*field, other.*field, &(to.*field)) && fits;
  }
  return fits;
}

bool subtract_all(Measures& from, const Measures& other) {
  bool fits = true;
  for (const auto field : kFields) {
    fits = !__builtin_sub_overflow(from.*field, other.*field, &(from.*field)) && fits;
  }
  return fits;
}

}  // namespace

int32_t CellKey::days() const {
  return local_hour / 24 - (local_hour % 24 < 0 ? 1 : 0);
}

int32_t CellKey::hour() const {
  const int32_t rest = local_hour % 24;
  return rest < 0 ? rest + 24 : rest;
}

bool Measures::any_negative() const {
  return impressions < 0 || clicks < 0 || conversions < 0 || qualified < 0 || unqualified < 0 ||
         bid_micros < 0;
}

bool Measures::can_add(const Measures& other) const {
  Measures sum = *this;
  return add_all(sum, other);
}

Measures& Measures::operator+=(const Measures& other) {
  HIRESTREAM_CHECK(add_all(*this, other));
  return *this;
}

Measures& Measures::operator-=(const Measures& other) {
  HIRESTREAM_CHECK(subtract_all(*this, other));
  return *this;
}

bool is_canonical(const Contribution& contribution) {
  for (size_t i = 0; i < contribution.size(); ++i) {
    if (contribution[i].measures.is_zero() ||
        (i > 0 && !(contribution[i - 1].key < contribution[i].key))) {
      return false;
    }
  }
  return true;
}

const Cell* find_cell(const Contribution& contribution, const CellKey& key) {
  const auto at = std::ranges::lower_bound(contribution, key, {}, &Cell::key);
  return at != contribution.end() && at->key == key ? &*at : nullptr;
}

void canonicalize(Contribution& contribution) {
  HIRESTREAM_CHECK(try_canonicalize(contribution));
}

bool try_canonicalize(Contribution& contribution) {
  std::sort(contribution.begin(), contribution.end(),
            [](const Cell& a, const Cell& b) { return a.key < b.key; });
  size_t kept = 0;
  for (size_t i = 0; i < contribution.size();) {
    Cell cell = contribution[i++];
    while (i < contribution.size() && contribution[i].key == cell.key) {
      if (!add_all(cell.measures, contribution[i++].measures)) {
        return false;
      }
    }
    if (!cell.measures.is_zero()) {
      contribution[kept++] = cell;
    }
  }
  contribution.resize(kept);
  return true;
}

Contribution merge(const Contribution& a, const Contribution& b) {
  return combine(a, b, [](Measures& into, const Measures& other) { into += other; });
}

Contribution difference(const Contribution& a, const Contribution& b) {
  return combine(a, b, [](Measures& into, const Measures& other) { into -= other; });
}

}  // namespace hirestream
