// Checks a note, an audit path and a tile with WebCrypto alone; reads a question as JSON from
// standard input and answers in JSON.
import { readFileSync } from "node:fs";
const { subtle } = globalThis.crypto;
const question = JSON.parse(readFileSync(0, "utf8"));
const decode = (text) => Buffer.from(text, "base64");
const sha256 = async (...parts) =>
  Buffer.from(await subtle.digest("SHA-256", Buffer.concat(parts.map((one) => Buffer.from(one)))));

const [name, , ...rest] = question.Vkey.split("+");
const material = decode(rest.join("+"));
const keyId = (await sha256(name, "\n", material)).subarray(0, 4);
const key = await subtle.importKey("raw", material.subarray(1), "Ed25519", false, ["verify"]);
const end = question.Note.lastIndexOf("\n\n");
const text = question.Note.slice(0, end + 1);
const [, size, root] = text.split("\n");
let signed = false;
for (const line of question.Note.slice(end + 2).split("\n")) {
  const [, signer, encoded] = line.split(" ");
  const signature = decode(encoded ?? "");
  if (signer !== name || !signature.subarray(0, 4).equals(keyId)) continue;
  signed = await subtle.verify("Ed25519", key, signature.subarray(4), Buffer.from(text));
}

// RFC 9162, section 2.1.3.2.
let included = true;
for (const leaf of question.Leaves) {
  let [at, last] = [BigInt(leaf.Index), BigInt(size) - 1n];
  let hash = await sha256([0], decode(leaf.Record));
  for (const sibling of leaf.Path.map(decode)) {
    if (at & 1n || at === last) {
      hash = await sha256([1], sibling, hash);
      while (at && !(at & 1n)) [at, last] = [at >> 1n, last >> 1n];
    } else {
      hash = await sha256([1], hash, sibling);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  included &&= last === 0n && hash.toString("base64") === root;
}
console.log(JSON.stringify({ signed, included }));
