#!/usr/bin/env bash
# An Academy and hubs, driven by stock gRPC clients alone, which know nothing but what reflection tells; and a campaign,
# edited with the published JavaScript automerge package.
#
#   tests/interop/run.sh FOLKMOOT PYTHON TOOLS
#
# FOLKMOOT is the binary under test, PYTHON an interpreter with grpcio and grpcio-reflection, TOOLS a folder in which npm
# installed @bufbuild/buf, @automerge/automerge, @grpc/grpc-js and @grpc/proto-loader.
set -euo pipefail

folkmoot=$(realpath "$1")
python=$2
tools=$(realpath "$3")
buf=$tools/node_modules/.bin/buf
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d "${TMPDIR:-/tmp}/fmXXXXXX")
started=()

end() {
    for id in ${started[@]+"${started[@]}"}; do kill "$id" 2>/dev/null || true; done
    wait
    rm -rf "$home"
}
trap end EXIT

# Starts a node and returns once it has printed its ready line.
serve() {
    local pipe="$home/ready-$2" ready
    mkfifo "$pipe"
    "$folkmoot" "$1" serve --data "$home/$2" >"$pipe" 2>>"$home/$2.log" &
    started+=($!)
    { IFS= read -r -t 120 ready || { cat "$home/$2.log" >&2; exit 1; }
      echo "$ready"
      cat <&0 >/dev/null & started+=($!); } <"$pipe"
}

sheets() {
    mkdir "$1"
    echo "ref,name,email,phone,postcode,birth_year,gender,ethnicity,disability,consent_to_contact" >"$1/people.csv"
    echo "ref,date,organiser_ref,person_ref,campaign_ref,mode,ward,themes,kind,repeat,note" >"$1/listenings.csv"
    echo "L-1,2018-07-01,P-1,,,street,,,vision,no," >>"$1/listenings.csv"
    echo "ref,date,source,amount_gbp" >"$1/funding.csv"
    echo "F-1,2018-08-01,Council,250.50" >>"$1/funding.csv"
    # The second row must be refused.
    echo "F-2,2018-08-01,Council,lots" >>"$1/funding.csv"
    for n in $(seq 1 24); do
        echo "P-$n,Person $n,,,,$((1960 + n)),woman,,,no" >>"$1/people.csv"
        echo "M-$n,2018-07-$(printf %02d "$n"),P-1,P-$n,,door,,housing;buses,concern,no," >>"$1/listenings.csv"
    done
}

"$folkmoot" academy init --data "$home/A" --name "National Academy" --listen 127.0.0.1:0
serve academy A
for hub in python buf; do
    "$folkmoot" hub init --data "$home/$hub" --name "Hub $hub" --listen 127.0.0.1:0
    "$folkmoot" hub join --data "$home/$hub" "$("$folkmoot" academy invite --data "$home/A" --name "Hub $hub")"
    serve hub "$hub"
    sheets "$home/$hub-sheets"
done

echo "--- Python"
"$python" "$here/client.py" "$home/A" "$home/python" "$home/python-sheets"
echo "--- buf curl"
"$here/buf_curl.sh" "$buf" "$home/A" "$home/buf" "$home/buf-sheets"
echo "--- JavaScript automerge"
node "$here/automerge.mjs" "$home/python" "$here/../../proto" "$tools"
