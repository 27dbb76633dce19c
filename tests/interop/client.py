#!/usr/bin/env python3
"""Imports, previews, releases and reads a report, with nothing but grpcio and what reflection tells.

    python3 client.py ACADEMY HUB SHEETS

ACADEMY and HUB are the folders of running nodes, SHEETS a folder of CSV files with one row that must be refused.
"""
import base64
import pathlib
import sys
import uuid

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

PERIOD = "2018-Q3"
PIECE = 64 * 1024


class Node:
    """A running node, reached through the socket in its folder. Every message is built from reflection."""

    def __init__(self, folder):
        self.channel = grpc.insecure_channel(f"unix:{folder}/node.sock")
        self.reflection = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.reflection)

    def services(self):
        return sorted(self.reflection.get_services())

    def call(self, method, *requests):
        """Calls `package.Service/Method` with JSON-like requests; returns the answers, as JSON-like values."""
        service, name = method.split("/")
        descriptor = self.pool.FindServiceByName(service).methods_by_name[name]
        request_class = message_factory.GetMessageClass(descriptor.input_type)
        answer_class = message_factory.GetMessageClass(descriptor.output_type)
        messages = [json_format.ParseDict(request, request_class()) for request in requests]
        kind = ("stream" if descriptor.client_streaming else "unary") + "_" + ("stream" if descriptor.server_streaming else "unary")
        stub = getattr(self.channel, kind)(f"/{method}", request_class.SerializeToString, answer_class.FromString)
        answer = stub(iter(messages) if descriptor.client_streaming else messages[0], timeout=120)
        answers = list(answer) if descriptor.server_streaming else [answer]
        return [json_format.MessageToDict(one, always_print_fields_with_no_presence=True) for one in answers]

    def fails(self, method, code, reason, request):
        """The call must be refused with this status and this reason in google.rpc.ErrorInfo."""
        try:
            self.call(method, request)
        except grpc.RpcError as error:
            details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
            check(error.code() == code, f"{method}: {error.code()} rather than {code}: {error.details()}")
            check(b"google.rpc.ErrorInfo" in details, f"{method}: no ErrorInfo: {details!r}")
            check(b"folkmoot" in details and (reason.encode() in details), f"{method}: no reason {reason}: {details!r}")
            return
        check(False, f"{method} was not refused")


def check(holds, words):
    if not holds:
        sys.exit(f"failed: {words}")


def pieces(sheets):
    yield {"options": {"dryRun": False}}
    for path in sorted(pathlib.Path(sheets).glob("*.csv")):
        data = path.read_bytes()
        for at in range(0, len(data), PIECE):
            piece = base64.b64encode(data[at:at + PIECE]).decode()
            yield {"chunk": {"file": path.name, "data": piece}}


def import_sheets(hub, sheets):
    answers = hub.call("folkmoot.hub.v1.RecordService/ImportRecords", *pieces(sheets))
    results = {answer["result"]["file"]: answer["result"] for answer in answers if "result" in answer}
    refused = [answer["refused"] for answer in answers if "refused" in answer]
    return results, refused


def main():
    academy_folder, hub_folder, sheets = sys.argv[1:]
    academy, hub = Node(academy_folder), Node(hub_folder)

    services = hub.services()
    for service in ["folkmoot.hub.v1.RecordService", "folkmoot.hub.v1.ReleaseService", "folkmoot.node.v1.NodeService",
                    "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"]:
        check(service in services, f"reflection does not tell of {service}: {services}")
    for service in ["", "folkmoot.hub.v1.RecordService"]:
        [health] = hub.call("grpc.health.v1.Health/Check", {"service": service})
        check(health["status"] == "SERVING", f"health of {service!r}: {health}")

    [programme] = academy.call("folkmoot.academy.v1.ProgrammeService/CreateProgramme", {
        "programmeId": "PYTHON", "requestId": str(uuid.uuid4()),
        "programme": {"title": "From Python", "firstDay": "2018-01-01", "lastDay": "2018-12-31"}})
    check(programme["name"] == "programmes/PYTHON", programme)
    [invitation] = academy.call("folkmoot.academy.v1.HubService/InviteHub", {"displayName": "Another"})
    check(len(invitation["code"].split()) == 1, invitation)
    [hubs] = academy.call("folkmoot.academy.v1.HubService/ListHubs", {})
    check({"Hub python", "Another"} <= {one["displayName"] for one in hubs["hubs"]}, hubs)

    results, refused = import_sheets(hub, sheets)
    check([(row["file"], int(row["row"]), row["field"]) for row in refused] == [("funding.csv", 2, "amount_gbp")], refused)
    check(int(results["people.csv"]["created"]) == 24, results)
    results, _ = import_sheets(hub, sheets)
    check(all(int(result["created"]) == 0 and int(result["updated"]) == 0 for result in results.values()), results)
    [shown] = hub.call("folkmoot.hub.v1.RecordService/ShowPerson", {"name": "people/P-2"})
    check(len(shown["records"]) == 2, shown)

    figures, page = [], ""
    while not figures or page:
        [answer] = hub.call("folkmoot.hub.v1.IndicatorService/ListIndicators", {"period": PERIOD, "pageToken": page})
        figures, page = figures + answer["indicators"], answer["nextPageToken"]
    headlines = {one["code"]: int(one["value"]) for one in figures if not one["dimension"]}
    expected = {"people_listened_to": 25, "listenings": 25, "funding_leveraged_pence": 25050, "people_trained": 0}
    check({code: headlines[code] for code in expected} == expected, headlines)

    releases = "folkmoot.hub.v1.ReleaseService"
    hub.fails(f"{releases}/PreviewRelease", grpc.StatusCode.INVALID_ARGUMENT, "BAD_REQUEST", {"period": "someday"})
    hub.fails(f"{releases}/PreviewRelease", grpc.StatusCode.FAILED_PRECONDITION, "PERIOD_UNFINISHED", {"period": "2090-Q1"})
    [preview] = hub.call(f"{releases}/PreviewRelease", {"period": PERIOD})
    check(preview["payload"] and preview["etag"], preview)
    [release] = hub.call(f"{releases}/ApproveRelease", {"period": PERIOD, "etag": preview["etag"]})
    check(release["payload"] == preview["payload"], "what was previewed is what leaves")
    [again] = hub.call(f"{releases}/ApproveRelease", {"period": PERIOD})
    check((again["name"], again["payload"]) == (release["name"], release["payload"]), again)
    progress = hub.call("folkmoot.node.v1.NodeService/Synchronize", {"timeoutSeconds": 60})
    check(progress[-1]["done"], progress)
    [stored] = hub.call(f"{releases}/GetRelease", {"name": release["name"]})
    check(stored["state"] == "STATE_ACKNOWLEDGED" and stored["payload"] == preview["payload"], stored)
    [listed] = hub.call(f"{releases}/ListReleases", {})
    check([one["name"] for one in listed["releases"]] == [release["name"]], listed)

    [report] = academy.call("folkmoot.academy.v1.ReportService/GetReport", {"period": PERIOD})
    lines = {line["code"]: line for line in report["indicators"] if not line["dimension"]}
    check(int(lines["people_listened_to"]["value"]) == 25 and lines["people_listened_to"]["hubs"] == 1, lines)
    check(int(lines["funding_leveraged_pence"]["value"]) == 25050, lines)

    [status] = hub.call("folkmoot.node.v1.NodeService/GetStatus", {})
    check(status["displayName"] == "Hub python" and int(status["entriesWaiting"]) == 0, status)
    print("Python imported, previewed, released and read the report, from what reflection tells.")


if __name__ == "__main__":
    main()
