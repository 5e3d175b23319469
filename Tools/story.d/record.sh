#!/bin/bash
# The boot record of a story's device: name=value lines in DIR/boot.record, replaced as a whole.
#
#   record.sh DIR get
#   record.sh DIR set NAME=VALUE...
set -euo pipefail
file=$1/boot.record
case "$2" in
get) cat "$file" ;;
set)
  shift 2
  { printf '%s\n' "$@"
    while IFS= read -r line; do
      name=${line%%=*}
      [[ " $* " == *" $name="* ]] || printf '%s\n' "$line"
    done <"$file"; } >"$file.new"
  sync "$file.new"
  mv "$file.new" "$file" ;;
*) exit 2 ;;
esac
