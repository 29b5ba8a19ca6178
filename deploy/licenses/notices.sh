#!/bin/sh
# Writes the notices of all third-party software in the binary to standard
# output, and fails where a license is not one of rules.json. Run from the root
# of the repository, with go-licence-detector on the path (make tools).
set -eu
here=deploy/licenses
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The modules that are linked on any platform of a release.
for os in linux darwin; do
  GOOS=$os CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' .
done | sort -u > "$work/modules"

xargs go list -m -json < "$work/modules" > "$work/modules.json"
go-licence-detector -in "$work/modules.json" -includeIndirect -rules $here/rules.json \
  -noticeTemplate $here/notices.tmpl -noticeOut "$work/notices" >&2
cat "$work/notices"

# Apache-2.0, section 4(d): the notices that come with a module.
xargs go list -m -f '{{.Dir}} {{.Path}}' < "$work/modules" | while read -r dir path; do
  for file in "$dir"/NOTICE "$dir"/NOTICE.txt "$dir"/NOTICE.md; do
    if [ -f "$file" ]; then printf '\n%s\nNOTICE of %s\n\n' ---------------- "$path"; cat "$file"; fi
  done
done

# Word lists, and the scripts of the two embedded web interfaces.
cat $here/words.txt
cat $here/browser.txt
asynqmon=$(go list -m -f '{{.Dir}}' github.com/hibiken/asynqmon)
grep -hv -e '^/\*! .*::.*\*/$' -e '^$' "$asynqmon"/ui/build/static/js/*.LICENSE.txt
