// Verify an export without regesta's code: node verify.mjs events.jsonl checkpoint "VKEY"
import { readFileSync } from "node:fs";
const { subtle } = globalThis.crypto;
const [, , eventsFile, checkpointFile, vkey] = process.argv;
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const sha256 = async (...parts) => Buffer.from(await subtle.digest("SHA-256", bytes(...parts)));
// The root (RFC 6962): line n of the file is leaf n.
const lines = readFileSync(eventsFile, "latin1").split("\n").slice(0, -1);
let level = [];
for (const line of lines) level.push(await sha256([0], Buffer.from(line, "latin1")));
while (level.length > 1) {
  const next = [];
  for (let i = 0; i + 1 < level.length; i += 2) next.push(await sha256([1], level[i], level[i + 1]));
  level = level.length % 2 ? [...next, level.at(-1)] : next;
}
const root = (level[0] ?? (await sha256())).toString("base64");
// The checkpoint (C2SP tlog-checkpoint): origin, size, root, then signature lines.
const note = readFileSync(checkpointFile, "utf8");
const end = note.lastIndexOf("\n\n");
const text = note.slice(0, end + 1);
const [origin, size, signedRoot] = text.split("\n");
const [name, id, key] = [vkey.split("+")[0], vkey.split("+")[1], vkey.split("+").slice(2).join("+")];
const material = Buffer.from(key, "base64");
const keyId = (await sha256(name, "\n", material)).subarray(0, 4);
const own = note.slice(end + 2).split("\n").map((line) => line.split(" "))
  .filter((part) => part[0] === "—" && part[1] === name).map((part) => Buffer.from(part[2], "base64"))
  .find((signature) => signature.subarray(0, 4).equals(keyId));
const publicKey = await subtle.importKey("raw", material.subarray(1), "Ed25519", false, ["verify"]);
const checks = {
  "the verifier key is whole": material[0] === 1 && material.length === 33 && keyId.toString("hex") === id,
  "the checkpoint is the log's": origin === name,
  "the log signed it": !!own && (await subtle.verify("Ed25519", publicKey, own.subarray(4), Buffer.from(text))),
  [`it is of ${lines.length} events`]: size === String(lines.length),
  "its root is that of these events": signedRoot === root,
};
for (const [claim, holds] of Object.entries(checks)) console.log(holds ? "ok  " : "NO  ", claim);
process.exit(Object.values(checks).every(Boolean) ? 0 : 1);
