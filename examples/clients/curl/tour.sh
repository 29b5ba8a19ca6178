#!/usr/bin/env bash
# Shows what Spillway's API can do, with curl and what every Unix has: ./tour.sh
#
# SPILLWAY_URL is the server's URL, SPILLWAY_API_KEY your API key.
set -euo pipefail

url=${SPILLWAY_URL:-http://127.0.0.1:8080}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# send METHOD PATH [curl option...]: sends a request once. Headers and body of the
# answer are in $tmp then. The key goes by a file, as everybody on the machine can
# read command lines.
send() {
  : >"$tmp/headers"
  curl -sS -X "$1" "$url$2" -D "$tmp/headers" -o "$tmp/body" --max-time 90 \
    -H @<(authorization) "${@:3}"
}

authorization() { [ -z "${SPILLWAY_API_KEY:-}" ] || echo "Authorization: Bearer $SPILLWAY_API_KEY"; }

# status prints the status of the last answer, and nothing if none came; header NAME
# one of its headers; field NAME a string or number of its body, the first of that name.
status() { sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$tmp/headers"; }
header() { tr -d '\r' <"$tmp/headers" | grep -i "^$1:" | sed 's/^[^:]*: *//' || true; }
field() { grep -Eo "\"$1\":(\"[^\"]*\"|[0-9a-z.]+)" "$tmp/body" | sed '1!d; s/^[^:]*://; s/"//g' || true; }

# pause FAILURES: waits until it is time for the next try, and fails if there is
# none. 429 and 503 may pass, and so may no answer.
pause() {
  local seconds=$((1 << $1))
  case $(status) in
    '' | 200) ;;
    429 | 503) seconds=$(header retry-after) ;;
    *) return 1 ;;
  esac
  [ "$1" -lt 6 ] && sleep "$((seconds + RANDOM % (1 + seconds / 4))).$((RANDOM % 1000))" # not all at once
}

# call METHOD PATH [curl option...]: sends a request until it is answered. Nothing
# here does harm when it is sent again: reads, cancels, and submissions with a key.
call() {
  local failures=0
  until send "$@" && [ "$(status)" -lt 400 ]; do
    failures=$((failures + 1))
    pause "$failures" || return 1 # the body says why: code, detail, errors, request_id
  done
}

# submit KEY JSON [curl option...]: makes a job, or answers with the one that KEY has
# made before. Derive the key from your own data, such as a row and its version.
submit() {
  call POST /jobs -H 'Content-Type: application/json' -H "Idempotency-Key: \"$1\"" -d "$2" "${@:3}"
}

# await ID: waits until the job has ended. Each request is held by the server until
# then, 30 s at most; If-None-Match saves the body when nothing has changed.
await() {
  local etag=none state=
  until [ "$state" = succeeded ] || [ "$state" = failed ] || [ "$state" = canceled ]; do
    call GET "/jobs/$1" -H 'Prefer: wait=30' -H "If-None-Match: $etag"
    etag=$(header etag)
    [ "$(status)" = 304 ] || state=$(field state)
    # A held request took its time. If the server was full it held none, and
    # Retry-After says when to ask again.
    if [ -n "$(header retry-after)" ] && [ -z "$(header preference-applied)" ]; then
      sleep "$(header retry-after)"
    fi
  done
}

# events ID: prints each event of the job once, until there are no more. A broken
# connection is resumed where it broke off. The server sends a comment every 15 s,
# so a minute of silence means that it is lost.
events() {
  local last=0 failures=0 id= type= line
  while :; do
    : >"$tmp/headers"
    id=
    while IFS= read -r line; do
      case $line in
        'id: '*) id=${line#id: } ;;
        'event: '*) type=${line#event: } ;;
        '') # the event is complete; one that breaks off before does not count
          if [ -n "$id" ] && [ "$type" != job.delta ]; then echo "event: $id $type"; fi
          last=${id:-$last} failures=0 id= ;;
      esac
    done < <(curl -sN "$url/jobs/$1/events" -D "$tmp/headers" -H @<(authorization) \
      -H "Last-Event-ID: $last" --speed-limit 1 --speed-time 60)
    case $(status) in
      204) return ;; # the job has ended, and we have all of it
      200) ;;        # closed: ask again, since only a 204 means that nothing is left
      *) failures=$((failures + 1)) && pause "$failures" || return 1 ;;
    esac
  done
}

input='{"product":"PCR-ABS","authority":"high","budget_allocated":"yes"}'
wrong='{"product":"PCR-PE","authority":"boss"}'
tour=tour-$(date +%s)-$$-$RANDOM
metadata='{"tour":"'$tour'"}' # what you list your jobs by, such as the row they belong to

# Submit. The same key again, because of a timeout for example, is the same job.
submit "$tour" '{"agent":"A02","language":"en","input":'"$input"',"metadata":'"$metadata"'}' -H 'Prefer: wait=1'
id=$(field id)
submit "$tour" '{"agent":"A02","language":"en","input":'"$input"',"metadata":'"$metadata"'}'
if [ "$(field id)" = "$id" ]; then echo "submitted: $id once"; else echo "submitted: $id TWICE"; fi

# Wait. "degraded" means that no model could answer, and the agent's rules did.
await "$id"
[ "$(field state)" = succeeded ] || { cat "$tmp/body" >&2; exit 1; }
echo "result: score $(field score) by $(field answered_by), degraded $(field degraded)"

# Follow. Past events come too.
events "$id"

# Cancel one that is for later. (Midnight in UTC; a minute before, it is soon.)
submit "$tour-later" '{"agent":"A02","input":'"$input"',"run_at":"'"$(date -u +%F)"'T23:59:59Z","metadata":'"$metadata"'}'
call POST "/jobs/$(field id)/cancel"
echo "canceled: $(field state)"

# Many at once, one per line. A fault in one does not affect the others.
n=0
for one in '{"product":"PCR-PC"}' '{"product":"PCR-PP"}' "$wrong"; do
  echo '{"agent":"A02","input":'"$one"',"metadata":'"$metadata"',"idempotency_key":"'"$tour-$((n += 1))"'"}'
done >"$tmp/batch"
call POST /jobs/batch -H 'Content-Type: application/x-ndjson' --data-binary @"$tmp/batch"
echo "batch: $(field accepted) accepted, $(field refused) refused"

# List, page by page.
found=0 page="/jobs?metadata=tour:$tour&limit=2"
while [ -n "$page" ]; do
  call GET "$page"
  found=$((found + $({ grep -o '"id":"job_' "$tmp/body" || true; } | wc -l))) # a page may be empty
  page=$(header link | sed -n 's/.*<\([^>]*\)>; *rel="next".*/\1/p')
done
echo "listed: $found"

# Mistakes have a code, and a pointer into the body.
submit "$tour-wrong" '{"agent":"A02","input":'"$wrong"'}' ||
  echo "refused: $(field code) $(field pointer)"
