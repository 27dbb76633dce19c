#!/usr/bin/env node
// Edits a campaign with the published JavaScript automerge package, over the node's socket.
//
//   node automerge.mjs HUB PROTO TOOLS
//
// HUB is the folder of a running hub that another hub named "Hub buf" can share a campaign with, PROTO the folder of the
// protocol, TOOLS a folder in which npm installed @automerge/automerge, @grpc/grpc-js and @grpc/proto-loader.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";

const [hub, proto, tools] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(tools), "package.json"));
const automerge = require("@automerge/automerge");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const files = loader.loadSync("folkmoot/hub/v1/campaign.proto", { includeDirs: [proto], defaults: true, keepCase: true });
const { CampaignService } = grpc.loadPackageDefinition(files).folkmoot.hub.v1;
// A node's socket is named by its path; the host is the node's own name for it.
const client = new CampaignService(`unix:${path.resolve(hub)}/node.sock`, grpc.credentials.createInsecure());
const call = (method, request) => promisify(client[method]).call(client, request);

/** The call must be refused with one of these statuses. */
async function refused(what, changes, ...codes) {
  try {
    await call("ApplyChanges", { name, changes });
  } catch (error) {
    assert.ok(codes.includes(error.code), `${what}: status ${error.code}: ${error.details}`);
    console.log(`refused: ${what}: ${error.details}`);
    return;
  }
  assert.fail(`${what} was admitted`);
}

/** A document under an actor that the hub gives out, which no two clients share. */
async function open() {
  const { document, actor } = await call("ExportCampaign", { name });
  assert.equal(actor.length, 40);
  return automerge.load(new Uint8Array(document), { actor: actor.toString("hex") });
}

const bytes = (changes) => changes.map((change) => Buffer.from(change));
const edited = (before, edit, options = {}) => automerge.getChanges(before, automerge.change(before, options, edit));

const begun = await call("CreateCampaign", { campaign: { title: "Wi-Fi for all 🚌", members: [{ hub: "Hub buf" }] } });
const name = begun.name;
await call("AppendNotes", { name, text: "Met the council 🤝 on Monday. " });
await call("SignUpOrganisation", { name, organisation: "Library 📚" });
await call("SetAim", { name, aim: "A databank" });

// Our document opens there, text and list intact.
let document = await open();
assert.equal(String(document.title), "Wi-Fi for all 🚌");
assert.equal(String(document.aim), "A databank");
assert.equal(document.notes, "Met the council 🤝 on Monday. ");
assert.deepEqual(document.organisations.map(({ organisation }) => String(organisation)), ["Library 📚"]);
const ours = String(document.organisations[0].hub);

// A change made there is admitted here.
const before = document;
document = automerge.change(document, (draft) => {
  automerge.splice(draft, ["notes"], "Met the council 🤝".length, 0, " 🎉 and the press");
  draft.organisations.push({ organisation: "Café 🍵", hub: ours });
  draft.aim = "A databank in every town 🏘";
});
document = automerge.change(document, (draft) => automerge.splice(draft, ["notes"], draft.notes.length, 0, "More to come."));
const changes = bytes(automerge.getChanges(before, document));
assert.equal(changes.length, 2);
const expected = {
  aim: "A databank in every town 🏘",
  notes: "Met the council 🤝 🎉 and the press on Monday. More to come.",
  organisations: ["Library 📚", "Café 🍵"],
};
// What a hub sets is a string that is replaced as a whole, which automerge shows as an object.
const read = ({ aim, notes, organisations }) =>
  ({ aim: String(aim), notes, organisations: organisations.map(({ organisation }) => String(organisation)) });
assert.deepEqual(read(await call("ApplyChanges", { name, changes })), expected);
assert.deepEqual(read(await call("ApplyChanges", { name, changes })), expected, "the same again changes nothing");
assert.deepEqual(read(await call("GetCampaign", { name })), expected);

// Both edit apart, and both edits stand.
const apart = await open();
await call("AppendNotes", { name, text: " From the hub. " });
const merged = await call("ApplyChanges", {
  name,
  changes: bytes(edited(apart, (draft) => automerge.splice(draft, ["notes"], 0, 3, "Saw"))),
});
assert.ok(merged.notes.startsWith("Saw the council") && merged.notes.endsWith(" From the hub. "), merged.notes);
// What is here opens there once more, with all of it.
assert.deepEqual(read(await open()), read(await call("GetCampaign", { name })));

// Lists, counters and marks, from both sides, some of them at once.
await call("AddTask", { parent: name, task: { title: "Leaflets 🖨", due: "2018-10-03", state: 2 } });
await call("CountReach", { name, month: "2018-10", people: 40 });
await call("MarkText", { name, text: 1, mark: { start: 0, end: 3, style: 1 } });
const listed = await open();
assert.equal(String(listed.tasks[0].title), "Leaflets 🖨");
assert.equal(String(listed.tasks[0].state), "doing");
const [counter] = Object.keys(listed.reach);
assert.match(counter, /^2018-10\/[0-9a-f]{64}$/);
assert.equal(listed.reach[counter].value, 40);
assert.deepEqual(automerge.marks(listed, ["notes"]), [{ name: "strong", value: true, start: 0, end: 3 }]);

// Meanwhile the hub goes on.
await call("CountReach", { name, month: "2018-10", people: 2 });
await call("AddTask", { parent: name, task: { title: "Posters" } });
const both = await call("ApplyChanges", {
  name,
  changes: bytes(edited(listed, (draft) => {
    draft.tasks[0].state = "done";
    draft.tasks.push({ title: "Tea 🫖", hub: ours, due: "2018-10-01", state: "open" });
    draft.reach[counter].increment(7);
    draft.reach[counter.replace("2018-10", "2018-11")] = new automerge.Counter(5);
    automerge.splice(draft, ["story"], 0, 0, "It began with a letter 📮.");
    automerge.mark(draft, ["story"], { start: 23, end: 25, expand: "none" }, "link", "https://example.org");
    automerge.mark(draft, ["notes"], { start: 4, end: 7, expand: "after" }, "em", true);
    automerge.unmark(draft, ["notes"], { start: 0, end: 1, expand: "after" }, "strong");
  })),
});
const tasks = both.tasks.map(({ title, state }) => `${title}: ${state}`).sort();
assert.deepEqual(tasks, ["Leaflets 🖨: 3", "Posters: 1", "Tea 🫖: 1"]);
assert.deepEqual(both.reach.map(({ month, people }) => [month, Number(people)]), [["2018-10", 49], ["2018-11", 5]]);
assert.deepEqual(both.notes_marks.map(({ start, end, style }) => [start, end, style]), [[1, 3, 1], [4, 7, 2]]);
assert.equal(both.story, "It began with a letter 📮.");
assert.deepEqual(both.story_marks.map(({ start, end, link }) => [start, end, link]), [[23, 25, "https://example.org"]]);
const whole = await open();
assert.equal(whole.reach[counter].value, 49);
assert.deepEqual(whole.tasks.map(({ title }) => String(title)).sort(), ["Leaflets 🖨", "Posters", "Tea 🫖"]);

// What the hub does arrives here as it happens, as changes to the document that was opened before.
let live = await open();
const heads = automerge.getHeads(live).map((head) => Buffer.from(head, "hex"));
const watched = client.WatchCampaign({ name, heads });
await call("AddTask", { parent: name, task: { title: "Banners" } });
await call("AppendNotes", { name, text: "Banners next 🎏." });
await call("MarkText", { name, text: 1, mark: { start: 5, end: 9, style: 1 } });
await call("CountReach", { name, month: "2018-10", people: 1 });
const goal = await open();
let told = [];
for await (const news of watched) {
  [live] = automerge.applyChanges(live, news.changes.map((change) => new Uint8Array(change)));
  told = news.heads.map((head) => head.toString("hex")).sort();
  assert.deepEqual(automerge.getHeads(live).sort(), told);
  if (automerge.getHeads(goal).every((head) => told.includes(head))) break;
}
assert.ok(live.tasks.some(({ title }) => String(title) === "Banners"));
assert.ok(live.notes.endsWith("Banners next 🎏."), live.notes);
assert.ok(automerge.marks(live, ["notes"]).some(({ name, start, end }) => name === "strong" && start === 5 && end === 9));
assert.equal(live.reach[counter].value, 50);
assert.deepEqual(automerge.toJS(live), automerge.toJS(goal));
watched.on("error", () => {}).cancel();

// A document that was saved and loaded there goes on, at once with the hub.
const actor = automerge.getActorId(await open());
const kept = automerge.load(automerge.save(live), { actor });
await call("MarkText", { name, text: 1, mark: { start: 10, end: 12, style: 2 } });
const given = await call("ApplyChanges", {
  name,
  changes: bytes(edited(kept, (draft) => {
    automerge.splice(draft, ["notes"], 0, 0, "🚌 ");
    draft.reach[counter].increment(3);
  })),
});
const emphasised = given.notes_marks.filter(({ style }) => style === 2).map(({ start, end }) => [start, end]);
assert.ok(given.notes.startsWith("🚌 ") && emphasised.some(([start, end]) => start === 13 && end === 15), emphasised);
assert.equal(Number(given.reach[0].people), 53);

// What campaigns do not have is refused, and nothing of it stays.
const { INVALID_ARGUMENT, FAILED_PRECONDITION } = grpc.status;
const stays = await call("GetCampaign", { name });
const foreign = automerge.clone(await open(), { actor: "09".repeat(40) });
const somebody = "a foreign actor";
await refused(somebody, bytes(edited(foreign, (draft) => { draft.aim = "x"; })), INVALID_ARGUMENT, FAILED_PRECONDITION);
for (const [what, edit, options] of [
  ["an unknown key", (draft) => { draft.phone = "07700 900000"; }],
  ["a title that is no text", (draft) => { draft.title = 7; }],
  ["an entry with another field", (draft) => { draft.organisations.push({ organisation: "x", hub: ours, phone: "1" }); }],
  ["a deleted field", (draft) => { delete draft.aim; }],
  ["a list that campaigns do not have", (draft) => { draft.people = []; }],
  ["a task that is replaced", (draft) => { draft.tasks[0] = { title: "x" }; }],
  ["a mark that says something", (draft) => {
    automerge.mark(draft, ["notes"], { start: 0, end: 2, expand: "none" }, "comment", "Mary said so");
  }],
  ["reach of another hub", (draft) => {
    draft.reach[`2018-10/${"09".repeat(32)}`] = new automerge.Counter(1_000);
  }],
  ["a commit message", (draft) => { draft.aim = "x"; }, { message: "for Mary" }],
]) {
  await refused(what, bytes(edited(await open(), edit, options ?? {})), INVALID_ARGUMENT, FAILED_PRECONDITION);
}
const later = automerge.change(await open(), (draft) => { draft.aim = "first"; });
const alone = bytes(edited(later, (draft) => { draft.aim = "second"; }));
await refused("a change that builds on one that is not here", alone, INVALID_ARGUMENT, FAILED_PRECONDITION);
assert.deepEqual(await call("GetCampaign", { name }), stays);
client.close();
console.log("JavaScript opened the campaign, edited it and brought its changes back.");
