// The worker: keeps the last list for hours without signal. Why, and what it may not keep: docs/decisions/0031.
//
// The copy is one, at most as old as the server allows (a day, or until the link ends), under an address without a
// token; a signed link opens it only when it is the link of that very list. It goes when its own link is refused, by
// the server and not by whatever stands between, and when another link is opened. Storage that fails or is full costs
// the copy: what comes over the network is passed on as it is.
"use strict";

const LIST = "greensward-list", FILES = "greensward-files";
const COPY = "/list";
const PATIENCE_MS = 8000;
const LINK_REFUSALS = ["bad_link", "expired_link", "revoked_link", "no_pass"];

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  const kept = event.data.files.map((address) => fetch(address).then((answer) => keepFile(address, answer)));
  kept.push(fetch(event.data.keep).then(keepList));
  event.waitUntil(Promise.all(kept.map((one) => one.catch(() => undefined))));
});
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && (address.pathname === COPY || address.pathname.startsWith("/c/"))) {
    event.respondWith(openList(event, address.pathname));
  } else if (address.pathname.startsWith("/static/")) {
    event.respondWith(openFile(event));
  }
});

async function openList(event, path) {
  const link = path === COPY ? null : await sha256(path.slice("/c/".length));
  const copy = await findCopy().catch(() => null);
  const isItsList = Boolean(copy) && (!link || copy.headers.get("greensward-link") === link);
  const fresh = ask(event.request).then(async (answer) => {
    if (ends(answer, isItsList)) await caches.open(LIST).then((list) => list.delete(COPY)).catch(() => undefined);
    return answer;
  });
  event.waitUntil(fresh.then((answer) => keepList(answer.clone())).catch(() => undefined));
  if (!isItsList) return fresh.then(goOn);
  const tooLate = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  try {
    const answer = await Promise.race([fresh, tooLate]);
    return answer && isOurs(answer) && answer.status < 500 ? goOn(answer) : copy;
  } catch (error) {
    return copy;
  }
}

// Where a redirect goes a worker may not see, and a portal's looks like ours: ours come as a header to who asks so.
function ask(request) {
  const headers = { accept: request.headers.get("accept") || "text/html", "greensward-worker": "1" };
  return fetch(request.url, { headers, credentials: "same-origin", redirect: "manual", cache: "no-store" });
}

function goOn(answer) {
  const address = answer.headers.get("greensward-go");
  return address ? Response.redirect(address, 303) : answer;
}

// A portal's or a proxy's page or redirect carries no header of ours.
function isOurs(answer) {
  return ["greensward-keep-s", "greensward-refused", "greensward-go"].some((name) => answer.headers.has(name));
}

// Whether an answer ends the copy: its own link is refused, or another link opens a list.
function ends(answer, isItsList) {
  const refusal = answer.headers.get("greensward-refused");
  return isItsList ? LINK_REFUSALS.includes(refusal) : isOurs(answer) && !refusal;
}

async function keepList(answer) {
  const keptFor = Number(answer.headers.get("greensward-keep-s"));
  if (!answer.ok || !keptFor) return;
  const headers = new Headers({ "greensward-at": Date.now(), "greensward-until": Date.now() + 1000 * keptFor });
  for (const name of ["content-type", "content-security-policy", "referrer-policy", "greensward-link"]) {
    headers.set(name, answer.headers.get(name));
  }
  const list = await caches.open(LIST);
  await list.put(COPY, new Response(await answer.text(), { headers }));
}

async function findCopy() {
  const list = await caches.open(LIST);
  const copy = await list.match(COPY);
  if (!copy) return null;
  const at = Number(copy.headers.get("greensward-at"));
  if (Date.now() < at || Date.now() >= Number(copy.headers.get("greensward-until"))) {
    await list.delete(COPY);
    return null;
  }
  const page = (await copy.text()).replace("<html ", `<html data-kept="${at}" `);
  return new Response(page, { headers: copy.headers });
}

// The address of a file carries the version of what is in it, so that what is kept under it is what is meant.
async function openFile(event) {
  const kept = await caches.match(event.request, { cacheName: FILES }).catch(() => null);
  if (kept) return kept;
  try {
    const answer = await fetch(event.request);
    event.waitUntil(keepFile(event.request, answer.clone()).catch(() => undefined));
    return answer;
  } catch (error) {
    const older = { cacheName: FILES, ignoreSearch: true };
    return (await caches.match(event.request, older).catch(() => null)) || Response.error();
  }
}

// The older version goes when the newer one is kept, not before.
async function keepFile(request, answer) {
  if (!answer.ok || !(answer.headers.get("cache-control") || "").includes("immutable")) return;
  const files = await caches.open(FILES);
  await files.put(request, answer);
  const kept = await files.match(request);
  for (const other of await files.keys(request, { ignoreSearch: true })) {
    if (kept && other.url !== kept.url) await files.delete(other);
  }
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
