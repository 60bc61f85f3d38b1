// Verifies a run's evidence in this browser: each record's leaf, its path to the checkpoint's root, and
// the signature on the checkpoint, with a key that the reader brings. Nothing is sent anywhere.
"use strict";

globalThis.remitVerify = (() => {
  const CHECKPOINT = "application/vnd.remit.checkpoint+json";
  const utf8 = new TextEncoder();
  const subtle = globalThis.crypto.subtle;

  class Broken extends Error {}

  const fail = (step, detail) => {
    throw Object.assign(new Broken(step), { step, detail });
  };

  const joined = (...parts) => {
    const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };

  const sha256 = async (bytes) => new Uint8Array(await subtle.digest("SHA-256", bytes));
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  const fromHex = (text) => {
    if (!/^[0-9a-f]{64}$/.test(text)) fail("proof", text.slice(0, 80));
    return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  };

  const leafHash = (body) => sha256(joined(Uint8Array.of(0), utf8.encode(body)));
  const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

  // Of the numbers below a power of two, the largest power of two that is smaller than `size`.
  const splitOf = (size) => {
    let split = 1;
    while (split * 2 < size) split *= 2;
    return split;
  };

  // The root that an audit path (RFC 6962) leads to; null if it has the wrong length.
  const rootOf = async (leaf, index, size, path) => {
    const turns = [];
    let at = index;
    let width = size;
    while (width > 1) {
      const split = splitOf(width);
      turns.push(at < split);
      [at, width] = at < split ? [at, split] : [at - split, width - split];
    }
    if (turns.length !== path.length) return null;
    let root = leaf;
    for (const [step, sibling] of path.entries()) {
      const left = turns[turns.length - 1 - step];
      root = await (left ? nodeHash(root, sibling) : nodeHash(sibling, root));
    }
    return root;
  };

  const publicKey = async (line) => {
    const found = /^ed25519:([A-Za-z0-9+/]{43}=)$/.exec(line.trim());
    if (!found) fail("key", line.trim().slice(0, 80));
    const text = `ed25519:${found[1]}`;
    let key;
    try {
      key = await subtle.importKey("raw", base64(found[1]), "Ed25519", false, ["verify"]);
    } catch {
      fail("no-ed25519", "");
    }
    return { key, id: hex(await sha256(utf8.encode(text))) };
  };

  // The DSSE envelope's payload, after the signature under this key verified.
  const opened = async (envelope, key) => {
    let fields;
    let payload;
    let signature;
    try {
      fields = JSON.parse(envelope);
      payload = base64(fields.payload);
      signature = fields.signatures.find((one) => one.keyid === key.id);
    } catch {
      fail("form", "checkpoint");
    }
    if (fields.payloadType !== CHECKPOINT) fail("form", "payloadType");
    if (!signature) fail("another-key", fields.signatures.map((one) => one.keyid).join(", "));
    const head = `DSSEv1 ${CHECKPOINT.length} ${CHECKPOINT} ${payload.length} `;
    const signed = joined(utf8.encode(head), payload);
    if (!(await subtle.verify("Ed25519", key.key, base64(signature.sig), signed))) {
      fail("signature", key.id);
    }
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  };

  const checkedRecord = async (entry, run, number, checkpoint) => {
    let record;
    try {
      record = JSON.parse(entry.body);
    } catch {
      fail("form", `${run} ${number}`);
    }
    const named = `${record.seq}`;
    if (record.run !== run || record.step !== number) fail("order", named);
    const inside = Number.isSafeInteger(record.seq) && record.seq >= 0 && record.seq < checkpoint.size;
    const path = entry.proof.map(fromHex);
    const leaf = await leafHash(entry.body);
    const root = inside ? await rootOf(leaf, record.seq, checkpoint.size, path) : null;
    if (root === null || hex(root) !== checkpoint.root) fail("record", named);
    return { seq: record.seq, kind: record.kind, at: record.at, leaf: hex(leaf) };
  };

  // What was found, step by step; the last step says what does not hold, if anything does not.
  const verify = async (text, keyLine) => {
    const steps = [];
    const found = { ok: false, steps, records: [] };
    try {
      const key = await publicKey(keyLine);
      steps.push({ step: "key", ok: true, values: { id: key.id } });
      let data;
      try {
        data = JSON.parse(text);
      } catch {
        fail("form", "JSON");
      }
      if (data.format !== "remit-proofs-1" || !Array.isArray(data.records) || !data.records.length) {
        fail("form", "remit-proofs-1");
      }
      const { log, size, root, at } = await opened(data.checkpoint, key);
      if (!Number.isSafeInteger(size)) fail("form", "size");
      steps.push({ step: "signature", ok: true, values: { log, size, root, at } });
      for (const [number, entry] of data.records.entries()) {
        found.records.push(await checkedRecord(entry, data.run, number, { size, root }));
      }
      const last = data.records.length - 1;
      steps.push({ step: "records", ok: true, values: { run: data.run, last, size, at } });
      const ended = found.records.some((one) => one.kind === "deleted");
      steps.push({ step: ended ? "ended" : "not-ended", ok: true, values: {} });
      found.ok = true;
    } catch (error) {
      const known = error instanceof Broken;
      const values = { detail: known ? error.detail : "" };
      steps.push({ step: `broken-${known ? error.step : "form"}`, ok: false, values });
    }
    return found;
  };

  return { verify, rootOf, leafHash, hex };
})();

// The page: what a reader loads and presses, and what is shown of it. Words are in the page itself.
(() => {
  const form = document.getElementById("verify");
  if (!form) return;
  const field = (name) => document.getElementById(name);
  const said = (name, values) => {
    const words = field(`word-${name}`).textContent;
    return words.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
  };

  const load = (name, into) => {
    field(name).addEventListener("change", async (event) => {
      const [file] = event.target.files;
      if (file) field(into).value = await file.text();
    });
  };
  load("key-file", "key");
  load("proofs-file", "proofs");

  const item = (text, tone) => {
    const line = document.createElement("li");
    line.textContent = text;
    line.className = tone;
    return line;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const steps = field("steps");
    steps.replaceChildren(item(said("working", {}), "quiet"));
    const found = await globalThis.remitVerify.verify(field("proofs").value, field("key").value);
    const lines = found.steps.map((one) => item(said(one.step, one.values), one.ok ? "good" : "bad"));
    const records = found.records.map((one) => item(`${one.seq} ${one.kind} ${one.at} ${one.leaf}`, ""));
    steps.replaceChildren(...lines);
    field("leaves").replaceChildren(...records);
    field("verdict").textContent = said(found.ok ? "verified" : "not-verified", {});
    field("verdict").className = `notice ${found.ok ? "good" : "bad"}`;
  });
})();
