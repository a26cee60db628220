#!/usr/bin/env bash
# Installs what Ingot is built from: Debian or Ubuntu packages with apt, Homebrew formulas on macOS.
# Does nothing, quickly, where everything is there already.
#
#   scripts/setup.sh            what the library, its tests and benchmarks are built from
#   scripts/setup.sh --tests    also what the tests call: Python, shells, TensorBoard's reader
#   scripts/setup.sh --ci       also Clang, its fuzzer and sanitizer runtime, clang-format
set -euo pipefail

tests=no
ci=no
case "${1-}" in
  '') ;;
  --tests) tests=yes ;;
  --ci) tests=yes; ci=yes ;;
  *) echo "usage: scripts/setup.sh [--tests | --ci]" >&2; exit 2 ;;
esac

# ccache, libopenblas and libcurl are not required: they make rebuilding and some contractions faster,
# and fetch data sets. macOS has libcurl.
debian_packages="g++ cmake ninja-build ccache pkg-config git ca-certificates
  libdnnl-dev libhwy-dev libfmt-dev libcli11-dev nlohmann-json3-dev zlib1g-dev libzip-dev libjpeg-dev libpng-dev
  libutf8proc-dev
  libopenblas-dev libcurl4-openssl-dev libgtest-dev libbenchmark-dev librapidcheck-dev"
debian_test_packages="python3 python3-venv fish zsh"
debian_ci_packages="clang-16 libclang-rt-16-dev llvm-16 clang-format-16"
brew_formulas="cmake ninja ccache onednn highway fmt cli11 nlohmann-json libzip jpeg-turbo libpng utf8proc
  googletest google-benchmark rapidcheck"
brew_test_formulas="python3 fish"
brew_ci_formulas="llvm"

setup_debian() {
  local wanted=$debian_packages missing="" package
  if [ "$tests" = yes ]; then wanted="$wanted $debian_test_packages"; fi
  if [ "$ci" = yes ]; then wanted="$wanted $debian_ci_packages"; fi
  for package in $wanted; do
    # A tool that was installed by other means is as good.
    case "$package" in
      cmake) if has_cmake; then continue; fi ;;
      ninja-build) if command -v ninja >/dev/null; then continue; fi ;;
      python3 | fish | zsh) if command -v "$package" >/dev/null; then continue; fi ;;
    esac
    if ! dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
      missing="$missing $package"
    fi
  done
  if [ -z "$missing" ]; then return; fi

  local as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "setup: not root and no sudo; have these installed:$missing" >&2
      exit 1
    fi
    as_root="sudo"
  fi
  echo "setup: installing$missing"
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # shellcheck disable=SC2086  # a list of words
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

setup_macos() {
  if ! command -v brew >/dev/null; then
    echo "setup: Homebrew is needed to install the libraries: https://brew.sh" >&2
    exit 1
  fi
  if ! xcode-select -p >/dev/null 2>&1; then
    echo "setup: the compiler is missing; run: xcode-select --install" >&2
    exit 1
  fi
  local wanted=$brew_formulas missing="" installed formula
  if [ "$tests" = yes ]; then wanted="$wanted $brew_test_formulas"; fi
  if [ "$ci" = yes ]; then wanted="$wanted $brew_ci_formulas"; fi
  installed=" $(brew list --formula -1 | tr '\n' ' ') "
  for formula in $wanted; do
    case "$installed" in
      *" $formula "*) ;;
      *) missing="$missing $formula" ;;
    esac
  done
  if [ -z "$missing" ]; then return; fi
  echo "setup: installing$missing"
  # shellcheck disable=SC2086
  brew install --quiet $missing
}

has_cmake() {
  command -v cmake >/dev/null || return 1
  cmake --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 25)) }'
}

case "$(uname -s)" in
  Darwin) setup_macos ;;
  *)
    if command -v apt-get >/dev/null; then
      setup_debian
    else
      # shellcheck disable=SC2086
      echo "setup: no apt-get here; Ingot needs the equivalents of:" $debian_packages >&2
    fi
    ;;
esac

# TensorBoard's reader, for the test of event files: in a folder of its own, which git ignores.
setup_tensorboard() {
  local folder
  folder="$(cd "$(dirname "$0")/.." && pwd)/.cache/tensorboard"
  if "$folder/bin/python" -c "import tensorboard" 2>/dev/null; then return; fi
  echo "setup: installing tensorboard into $folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet tensorboard
}

if [ "$tests" = yes ]; then setup_tensorboard; fi

if ! has_cmake; then
  echo "setup: Ingot needs CMake 3.25 or newer; found $(cmake --version 2>/dev/null | head -n 1)" >&2
  echo "setup: one way to get it: pip install cmake" >&2
  exit 1
fi
