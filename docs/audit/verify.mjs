// Verify a whole log without regesta's code: node verify.mjs events.jsonl checkpoint "VKEY"
// It ends with 0 if the log is genuine, 1 if it is not, and 2 if this is no whole log in files.
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
const { subtle } = globalThis.crypto;
const [eventsFile, checkpointFile, vkey] = process.argv.slice(2);
const notChecked = (why) => (console.log(`NOT CHECKED: ${why}`), process.exit(2));
if (!vkey) notChecked('say node verify.mjs events.jsonl checkpoint "VKEY"');
if (eventsFile.endsWith(".zip") || statSync(eventsFile).isDirectory())
  notChecked("unpack the pack, and name the events.jsonl in it");
// Some events lead to the root by a proof for each, which are beside them.
if (existsSync(join(dirname(eventsFile), "proofs.jsonl")))
  notChecked("these are some events of a log, and this checks whole logs; use regesta verify or verify.html");
const sha256 = async (...parts) => Buffer.from(await subtle.digest("SHA-256", Buffer.concat(parts)));
// The root (RFC 6962): line n of the file is leaf n, without its line break.
const lines = readFileSync(eventsFile, "latin1").split("\n").slice(0, -1);
let level = [];
for (const line of lines) level.push(await sha256(Buffer.of(0), Buffer.from(line, "latin1")));
for (let above = []; level.length > 1; [level, above] = [above, []])
  for (let i = 0; i < level.length; i += 2)
    above.push(level[i + 1] ? await sha256(Buffer.of(1), level[i], level[i + 1]) : level[i]);
const root = (level[0] ?? (await sha256())).toString("base64");
// The checkpoint (C2SP tlog-checkpoint): origin, size and root; an empty line; signatures.
const [, text, signatures] = readFileSync(checkpointFile, "utf8").match(/^([^]*\n)\n([^]*)$/);
const [origin, size, signedRoot] = text.split("\n");
// The verifier key (C2SP signed-note): name, key ID, and the key after the byte of its kind.
const [, name, id, encoded] = vkey.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/);
const raw = Buffer.from(encoded, "base64").subarray(1);
const key = await subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
const own = signatures.split("\n").filter((line) => line.startsWith(`— ${name} `))
  .map((line) => Buffer.from(line.split(" ")[2], "base64")).find((one) => one.toString("hex", 0, 4) === id);
const signed = own && (await subtle.verify("Ed25519", key, own.subarray(4), Buffer.from(text)));
const genuine = signed && origin === name && size === `${lines.length}` && signedRoot === root;
console.log(genuine ? `genuine: ${size} events of ${origin}` : "NOT GENUINE", `root ${root}`);
process.exit(genuine ? 0 : 1);
