#!/usr/bin/env bash
# The command line of the earlier demo data generator, for scripts and habits that have it:
#   ./run-generator.sh [small|medium|large] [token] [flags of `midaz-seed run`]
# docs/coming-from-the-old-generator.md has what each of its commands is called now.
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
  printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
  exit 2
}

find_command() {
  if [ -x "$folder/.venv/bin/midaz-seed" ]; then
    printf '%s\n' "$folder/.venv/bin/midaz-seed"
  else
    command -v midaz-seed || fail "midaz-seed is not installed" \
      "run make demo, which installs it into $folder/.venv, or install it with: uv tool install $folder"
  fi
}

command=$(find_command) || exit 2

size=small
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  size=$1
  shift
fi
case "$size" in
  tiny | small | medium | large) ;;
  *) fail "unknown size $size" "use small, medium or large" ;;
esac

# The token goes through the environment: an argument of midaz-seed would be one more place where others can read it.
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  if [ -n "$1" ] && [ "$1" != none ]; then
    export MIDAZ_SEED_TARGET__AUTH_TOKEN=$1
  fi
  shift
fi

call=(run)
target=()
if [ -n "${API_BASE_URL:-}" ]; then
  target+=(--base-url "$API_BASE_URL")
fi
if [ -n "${ONBOARDING_API_URL:-}" ]; then
  target+=(--onboarding-url "$ONBOARDING_API_URL")
fi
if [ -n "${TRANSACTION_API_URL:-}" ]; then
  target+=(--transaction-url "$TRANSACTION_API_URL")
fi

rest=()
for argument in "$@"; do
  if [ "$argument" = --test-mode ]; then # sends nothing
    call=(plan)
    target=()
  else
    rest+=("$argument")
  fi
done

exec "$command" "${call[@]}" --volume "$size" ${target[@]+"${target[@]}"} ${rest[@]+"${rest[@]}"}
