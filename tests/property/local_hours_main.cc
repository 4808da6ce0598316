// Reads lines "ZONE MICROSECONDS" and writes for each the civil hour that the kernel assigns to the
// instant, or "unknown" when the zone is not in the system's database. For local_hours_test.py.
#include <cstdint>
#include <iostream>
#include <map>
#include <string>

#include "model/time_zone.h"

int main() {
  std::map<std::string, hirestream::Result<hirestream::TimeZone>> zones;
  std::string name;
  int64_t us = 0;
  while (std::cin >> name >> us) {
    auto zone = zones.find(name);
    if (zone == zones.end()) zone = zones.emplace(name, hirestream::TimeZone::find(name)).first;
    if (zone->second) {
      std::cout << zone->second->local_hour(us) << '\n';
    } else {
      std::cout << "unknown\n";
    }
  }
}
