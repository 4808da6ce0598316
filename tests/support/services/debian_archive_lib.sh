# Sourced. Packages of another Debian suite without installing them: apt resolves in a private root, so the machine's own package state
# is neither read nor changed; no root rights are needed. Not to be run. Needs say and fail of service_lib.sh.
# shellcheck shell=bash

# The archive this machine already uses.
debian_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -1) || true
  [ -n "$mirror" ] || fail "this machine's package sources name no Debian archive" "see /etc/apt/sources.list.d"
  echo "$mirror"
}

# Reads the suite's lists into FOLDER, which it makes anew, and turns apt to it until APT_CONFIG is unset.
open_debian_suite() { # SUITE FOLDER
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg folder=$2 mirror try
  command -v apt-get >/dev/null && [ -f "$keyring" ] || fail "packages of Debian $1 need a Debian machine (apt-get and $keyring)"
  mirror=$(debian_mirror)
  rm -rf "$folder"
  mkdir -p "$folder"/{lists/partial,cache/archives/partial,debs}
  echo "deb [signed-by=$keyring] $mirror $1 main" >"$folder/sources.list"
  : >"$folder/status"
  cat >"$folder/apt.conf" <<CONF
Dir::Etc::sourcelist "$folder/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::State "$folder"; Dir::State::lists "$folder/lists"; Dir::State::status "$folder/status"; Dir::Cache "$folder/cache";
Acquire::Languages "none"; Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false"; Acquire::Retries "5";
APT::Sandbox::User "$(id -un)"; APT::Install-Recommends "false";
#clear APT::Update::Post-Invoke; #clear APT::Update::Post-Invoke-Success; #clear DPkg::Post-Invoke;
CONF
  export APT_CONFIG=$folder/apt.conf
  for try in 1 2 3; do
    apt-get update -qq && break
    say "reading the package lists failed (try $try of 3)"
    sleep $((try * 5))
  done
}
