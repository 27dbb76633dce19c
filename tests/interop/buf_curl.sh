#!/usr/bin/env bash
# The same verbs with `buf curl`: buf_curl.sh BUF ACADEMY HUB SHEETS
set -euo pipefail

buf=$1
academy=$2
hub=$3
sheets=$4

# ask NODE METHOD [REQUEST]: what the node answers, as JSON.
ask() {
    "$buf" curl --unix-socket "$1/node.sock" --protocol grpc --http2-prior-knowledge --data "${3-{\}}" "http://localhost/$2"
}

# expect WHAT TEXT PATTERN: the text must hold the pattern, whatever the spaces.
expect() {
    if ! tr -d ' \n' <<<"$2" | grep -q -- "$3"; then
        printf 'failed: %s: no %s in\n%s\n' "$1" "$3" "$2" >&2
        exit 1
    fi
}

expect "status" "$(ask "$hub" folkmoot.node.v1.NodeService/GetStatus)" '"displayName":"Hubbuf"'
expect "invitation" "$(ask "$academy" folkmoot.academy.v1.HubService/InviteHub '{"displayName": "Buf made"}')" '"code":"[^"]*"'
expect "hubs" "$(ask "$academy" folkmoot.academy.v1.HubService/ListHubs)" '"displayName":"Bufmade"'

import=$({
    echo '{"options": {"dryRun": false}}'
    for file in "$sheets"/*.csv; do
        echo "{\"chunk\": {\"file\": \"$(basename "$file")\", \"data\": \"$(base64 <"$file" | tr -d '\n')\"}}"
    done
} | "$buf" curl --unix-socket "$hub/node.sock" --protocol grpc --http2-prior-knowledge --data @- \
    http://localhost/folkmoot.hub.v1.RecordService/ImportRecords)
expect "import" "$import" '"file":"people.csv","read":"24","created":"24"'
expect "refused row" "$import" '"refused":{"file":"funding.csv","row":"2","field":"amount_gbp"'

expect "person" "$(ask "$hub" folkmoot.hub.v1.RecordService/ShowPerson '{"name": "people/P-3"}')" '"value":"Person3"'
period='{"period": "2018-Q3"}'
expect "figures" "$(ask "$hub" folkmoot.hub.v1.IndicatorService/ListIndicators "$period")" '"code":"people_listened_to"'
expect "preview" "$(ask "$hub" folkmoot.hub.v1.ReleaseService/PreviewRelease "$period")" '"etag":"[^"]*"'
expect "approval" "$(ask "$hub" folkmoot.hub.v1.ReleaseService/ApproveRelease "$period")" '"name":"releases/2018-Q3.0"'
expect "exchange" "$(ask "$hub" folkmoot.node.v1.NodeService/Synchronize '{"timeoutSeconds": 60}')" '"done":true'
expect "release" "$(ask "$hub" folkmoot.hub.v1.ReleaseService/GetRelease '{"name": "releases/2018-Q3.0"}')" \
    '"state":"STATE_ACKNOWLEDGED"'
expect "report" "$(ask "$academy" folkmoot.academy.v1.ReportService/GetReport "$period")" '"indicators":\['

if refusal=$(ask "$hub" folkmoot.hub.v1.ReleaseService/PreviewRelease '{"period": "someday"}' 2>&1); then
    echo "failed: a period that is none was taken: $refusal" >&2
    exit 1
fi
expect "refusal" "$refusal" 'invalid_argument'
echo "buf curl did the same."
