#!/usr/bin/env bash
# Debian's chromium and a font with Chinese characters for the browser tests; says what is missing where it may not
# install. Never fails: the tests skip aloud without a browser, and fail under ZHENGMING_STRICT=1.
set -uo pipefail

missing=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
if command -v fc-list >/dev/null; then
  [ -n "$(fc-list ':lang=zh-cn' family 2>/dev/null | head -n 1)" ] || missing+=(fonts-noto-cjk)
else
  missing+=(fontconfig fonts-noto-cjk)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "browser: installing ${missing[*]} for the browser tests" >&2
  if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; then
    exit 0
  fi
fi
echo "browser: ${missing[*]} not installed; the browser tests are skipped. Next step: sudo apt-get install ${missing[*]}" >&2
exit 0
