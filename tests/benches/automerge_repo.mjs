// automerge-repo doing what the benchmark of campaigns does: a server that stores documents, and a client that has none.
// Arguments: how many documents, changes a document, single changes, changes in a row. Prints a line for each figure.
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { change, from, save, splice } from "@automerge/automerge";
import { Repo } from "@automerge/automerge-repo";
import { NodeWSServerAdapter, WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs";
import { WebSocketServer } from "ws";

const [documents, changes, single, row] = process.argv.slice(2, 6).map(Number);
const part = process.argv[6];

const append = (document, text) => splice(document, ["notes"], document.notes.length, 0, text);
const edit = (number) => (document) => {
    if (number % 8 === 0) document.tasks.unshift({ title: `Task ${number}` });
    else if (number % 8 < 3) document.organisations.unshift({ organisation: `Organisation ${number}` });
    else append(document, "met ");
};

const asked = (message) => new Promise((done) => {
    const heard = (said) => said.what === message && (process.off("message", heard), done(said));
    process.on("message", heard);
});

if (part === "client") {
    const [folder, port, urls] = [process.argv[7], process.argv[8], (await asked("urls")).urls];
    const began = performance.now();
    const repo = new Repo({
        storage: new NodeFSStorageAdapter(folder),
        network: [new WebSocketClientAdapter(`ws://127.0.0.1:${port}`)],
    });
    // While the server is at others, it takes a document for unavailable.
    const found = async (url) => {
        for (;;) {
            try {
                return await repo.find(url);
            } catch {
                if (performance.now() - began > 120_000) throw new Error("the documents do not come");
                await new Promise((done) => setTimeout(done, 50));
            }
        }
    };
    const handles = await Promise.all(urls.map(found));
    const whole = handles.filter((handle) => handle.doc().tasks.length > 0).length;
    await repo.flush();
    process.send({ what: "cold", ms: performance.now() - began, whole });
    handles[0].on("change", ({ doc }) => process.send({ what: "seen", length: doc.notes.length }));
    await asked("end");
    process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "automerge-repo-"));
const sockets = new WebSocketServer({ noServer: true });
const http = createServer().listen(0, "127.0.0.1");
http.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (open) => sockets.emit("connection", open, request));
});
const repo = new Repo({
    storage: new NodeFSStorageAdapter(join(folder, "server")),
    // One that is busy loading is not let go.
    network: [new NodeWSServerAdapter(sockets, 120_000)],
});
const handles = [];
let first = from({ tasks: [], organisations: [], notes: "" });
for (let made = 0; made < changes - 1; made++) first = change(first, edit(made));
for (let number = 0; number < documents; number++) handles.push(repo.import(save(first)));
await repo.flush();
const client = fork(process.argv[1], [...process.argv.slice(2, 6), "client", join(folder, "client"), http.address().port]);
client.on("exit", (status) => { if (status !== 0) process.exit(1); });
const heard = (what, fits = () => true) => new Promise((done) => {
    const listener = (said) => said.what === what && fits(said) && (client.off("message", listener), done(said));
    client.on("message", listener);
});
const cold = heard("cold");
client.send({ what: "urls", urls: handles.map((handle) => handle.url) });
const { ms, whole } = await cold;
if (whole !== documents) throw new Error(`only ${whole} documents came`);
console.log("cold", ms);

const times = [];
for (let number = 0; number < single; number++) {
    const began = performance.now();
    handles[0].change((document) => append(document, `single ${number}\n`));
    const length = handles[0].doc().notes.length;
    await heard("seen", (said) => said.length === length);
    times.push(performance.now() - began);
}
times.sort((one, other) => one - other);
console.log("median", times[Math.floor(single / 2)]);
console.log("of100", times[Math.min(single - 1, Math.floor(single * 0.99))]);

const began = performance.now();
for (let number = 0; number < row; number++) {
    handles[0].change((document) => append(document, "met "));
    if (number % 100 === 99) await new Promise(setImmediate);
}
const length = handles[0].doc().notes.length;
await heard("seen", (said) => said.length === length);
console.log("row", row / ((performance.now() - began) / 1000));
client.send({ what: "end" });
rmSync(folder, { recursive: true, force: true });
process.exit(0);
