// The worker: keeps the last list for hours without signal. Why, and what it may not keep: docs/decisions/0031.
//
// The copy is one, at most as old as the server allows (a day, or until the link ends), under an address without a
// token; a signed link opens it only when it is the link of that very list. A refusal of the link takes it away.
"use strict";

const LIST = "greensward-list", FILES = "greensward-files";
const COPY = "/list";
const PATIENCE_MS = 8000;

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => event.waitUntil(fetch(event.data.keep).then(keepList)));
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && (address.pathname === COPY || address.pathname.startsWith("/c/"))) {
    event.respondWith(openList(event, address.pathname));
  } else if (address.pathname.startsWith("/static/")) {
    event.respondWith(openFile(event.request));
  }
});

async function openList(event, path) {
  const copy = await findCopy(path);
  const fresh = fetch(event.request);
  event.waitUntil(fresh.then((answer) => keepList(answer.clone())).catch(() => undefined));
  if (!copy) return fresh;
  const tooLate = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  try {
    const answer = await Promise.race([fresh, tooLate]);
    return answer && answer.status < 500 ? answer : copy;
  } catch (error) {
    return copy;
  }
}

async function keepList(answer) {
  const list = await caches.open(LIST);
  if (answer.status === 403) await list.delete(COPY);
  const keptFor = Number(answer.headers.get("greensward-keep-s"));
  if (!answer.ok || !keptFor) return;
  const headers = new Headers({ "greensward-at": Date.now(), "greensward-until": Date.now() + 1000 * keptFor });
  for (const name of ["content-type", "content-security-policy", "referrer-policy", "greensward-link"]) {
    headers.set(name, answer.headers.get(name));
  }
  await list.put(COPY, new Response(await answer.text(), { headers }));
}

async function findCopy(path) {
  const list = await caches.open(LIST);
  const copy = await list.match(COPY);
  if (!copy) return null;
  const at = Number(copy.headers.get("greensward-at"));
  if (Date.now() < at || Date.now() >= Number(copy.headers.get("greensward-until"))) {
    await list.delete(COPY);
    return null;
  }
  if (path.startsWith("/c/") && copy.headers.get("greensward-link") !== (await sha256(path.slice("/c/".length)))) {
    return null;
  }
  const page = (await copy.text()).replace("<html ", `<html data-kept="${at}" `);
  return new Response(page, { headers: copy.headers });
}

async function openFile(request) {
  const files = await caches.open(FILES);
  try {
    const answer = await fetch(request);
    if (answer.ok) {
      await files.delete(request, { ignoreSearch: true });
      await files.put(request, answer.clone());
    }
    return answer;
  } catch (error) {
    return (await files.match(request, { ignoreSearch: true })) || Response.error();
  }
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
