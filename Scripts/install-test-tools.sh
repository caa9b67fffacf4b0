#!/bin/sh
# Installs the Debian packages that `make test` needs and that are missing: as root by itself, otherwise it says which
# ones and leaves their tests to be skipped.
set -eu

missing=""
command -v node >/dev/null || missing="$missing nodejs"
command -v chromium >/dev/null || missing="$missing chromium"
command -v firefox-esr >/dev/null || command -v firefox >/dev/null || missing="$missing firefox-esr"
command -v npm >/dev/null || missing="$missing npm"
command -v esbuild >/dev/null || missing="$missing esbuild"
command -v tsc >/dev/null || missing="$missing node-typescript"
[ -d /usr/share/nodejs/react-dom ] || missing="$missing node-react node-react-dom"
ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 || missing="$missing mesa-vulkan-drivers"
python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"

if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing:$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 # One word per package.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "SKIPPED: these programs are missing and only root can install them here, so their tests will not run:$missing" >&2
fi
