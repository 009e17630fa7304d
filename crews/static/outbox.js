// The outbox: a crew's answers wait on the phone until the server says that it has them, photo by photo.
//
// Without this script the forms are sent as they are. An answer is an IndexedDB record: id (counted once for ever by
// the server), crew, issue, plot and label (what people read), made_at (ms), fields ([name, value]), photos (name,
// file, sha256, blob) and refusal (null, or the sentences with which the server refused it). Whose phone cannot keep
// them has them in this page only. Words come from templates/outbox.html.
"use strict";

(() => {
  const DATABASE = "greensward", ANSWERS = "answers", RECEIVED = "greensward-received";
  const AGAIN_MS = 30000, LONGEST_PAUSE_MS = 900000, QUOTA_PAUSE_MS = 6 * 3600000;
  const LONGEST_UPLOAD_MS = 310000, LONGEST_WRITE_MS = 20000;
  // Refusals that a fresh link mends; the answer itself was not looked at.
  const LINK_CODES = ["bad_link", "expired_link", "revoked_link", "no_pass", "cross_site"];

  const box = document.getElementById("outbox");
  const { crew, proof, language } = box.dataset;
  const inPage = new Map();
  const shown = { needs_link: false, sending: false, on_its_way: null, unanswered: "", sent: 0 };

  // ---- what is kept -----------------------------------------------------------------------------------------------

  function openDatabase() {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open(DATABASE, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(ANSWERS, { keyPath: "id" });
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = asked.onblocked = () => reject(asked.error);
      setTimeout(() => reject(new Error("the database does not open")), LONGEST_WRITE_MS);
    });
  }

  async function inDatabase(mode, act) {
    const database = await openDatabase();
    try {
      return await new Promise((resolve, reject) => {
        const work = database.transaction(ANSWERS, mode, { durability: "strict" });
        const asked = act(work.objectStore(ANSWERS));
        work.oncomplete = () => resolve(asked.result);
        work.onabort = () => reject(work.error);
      });
    } finally {
      database.close();
    }
  }

  async function allAnswers() {
    const kept = await inDatabase("readonly", (answers) => answers.getAll()).catch(() => []);
    return kept.filter((one) => !inPage.has(one.id)).concat([...inPage.values()]).sort((a, b) => a.made_at - b.made_at);
  }

  // All or nothing: a correction that does not fit leaves what it would replace.
  async function keep(kept, replaced) {
    try {
      await inDatabase("readwrite", (answers) => {
        if (replaced) answers.delete(replaced);
        return kept.map((one) => answers.put(one))[0];
      });
      for (const one of kept) inPage.delete(one.id);
    } catch (error) {
      if (replaced && !inPage.has(replaced)) throw new Error("full");
      for (const one of kept) inPage.set(one.id, one);
    }
    inPage.delete(replaced);
  }

  // Nothing that was deleted meanwhile comes back.
  async function refuse(answer, refusal) {
    const refused = Object.assign({}, answer, { refusal });
    if (inPage.has(answer.id)) return inPage.set(answer.id, refused);
    return inDatabase("readwrite", (answers) => {
      const asked = answers.get(answer.id);
      asked.onsuccess = () => asked.result && answers.put(refused);
      return asked;
    }).catch(() => undefined);
  }

  async function drop(id) {
    inPage.delete(id);
    await inDatabase("readwrite", (answers) => answers.delete(id)).catch(() => undefined);
  }

  // ---- from a form to an answer -----------------------------------------------------------------------------------

  function newId() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // Only pages over TLS (or of this very machine) may hash; others compare the number of bytes.
  async function sha256(bytes) {
    if (!crypto.subtle) return null;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function takePhoto(name, file) {
    if (file.size > Number(box.dataset.largestPhoto)) throw new Error("tooLarge");
    let bytes;
    try {
      bytes = await new Response(file).arrayBuffer();
    } catch (error) {
      throw new Error("unreadable");
    }
    return { name, file: file.name, sha256: await sha256(bytes), blob: new Blob([bytes], { type: file.type }) };
  }

  async function toAnswer(form, button) {
    const card = form.closest("article");
    const details = form.closest("details");
    const data = new FormData(form);
    if (button && button.name) data.append(button.name, button.value);
    const answer = {
      id: newId(), crew, issue: card.id, plot: card.querySelector(".name").textContent, made_at: Date.now(),
      label: (details ? details.querySelector("summary") : button).textContent, fields: [], photos: [], refusal: null,
    };
    for (const [name, value] of data) {
      if (typeof value !== "string") {
        // A camera that had no memory left gives a file with a name and nothing in it.
        if (value.name && !value.size) throw new Error("unreadable");
        if (value.size) answer.photos.push(await takePhoto(name, value));
      } else if (name !== "form_token" && name !== "action_id") {
        answer.fields.push([name, value]);
      }
    }
    return answer;
  }

  function sayInForm(form, sentence) {
    let notice = form.querySelector(".notice");
    if (!notice) {
      notice = form.appendChild(document.createElement("p"));
      notice.className = "notice warn";
      notice.setAttribute("role", "alert");
    }
    notice.textContent = sentence;
  }

  async function submit(form, button) {
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    try {
      const replaced = form.dataset.mends;
      await keep([await toAnswer(form, button)], replaced);
      delete form.dataset.mends;
      form.reset();
      if (form.closest("details")) form.closest("details").open = false;
      if (form.querySelector(".notice")) form.querySelector(".notice").remove();
    } catch (error) {
      sayInForm(form, box.dataset[error.message] || error.message);
      return;
    } finally {
      delete form.dataset.busy;
    }
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist();
    shown.sending = true;
    await show();
    box.scrollIntoView();
    if (shown.needs_link) return leaveIt();
    await send();
  }

  // ---- to the server ----------------------------------------------------------------------------------------------

  // Returns "received", "refused", "needs_link" or "unanswered"; a refusal and a word of what went wrong beside it.
  async function post(answer, photos) {
    const body = new FormData();
    for (const [name, value] of answer.fields) body.append(name, value);
    body.append("form_token", proof);
    body.append("action_id", answer.id);
    // The difference of one clock is right on a clock that is wrong.
    body.append("waited_s", Math.max(0, Math.round((Date.now() - answer.made_at) / 1000)));
    try {
      for (const photo of photos) {
        const bytes = await new Response(photo.blob).arrayBuffer();
        body.append(photo.name, new Blob([bytes], { type: photo.blob.type }), photo.file);
      }
    } catch (error) {
      return { kind: "refused", refusal: { zh: box.dataset.unreadable, en: box.dataset.unreadable } };
    }
    const patience = window.AbortController && new AbortController();
    const timer = setTimeout(() => patience && patience.abort(), LONGEST_UPLOAD_MS);
    let status = "";
    try {
      const reply = await fetch(`/issues/${encodeURIComponent(answer.issue)}/actions?lang=${language}`, {
        method: "POST", body, headers: { accept: "application/json" }, credentials: "same-origin", cache: "no-store",
        signal: patience ? patience.signal : undefined,
      });
      status = String(reply.status);
      const said = await reply.json();
      if (reply.ok && said.action_id === answer.id) return { kind: "received", photos: said.photos };
      if (said.code === "photo_quota") return { kind: "unanswered", status: said.sentence[language], code: said.code };
      if (LINK_CODES.includes(said.code)) return { kind: "needs_link" };
      if (said.code && reply.status < 500 && reply.status !== 408) return { kind: "refused", refusal: said.sentence };
    } catch (error) {
      // No signal, or something between us and the server answered in its place.
      if (patience && patience.signal.aborted) status = "408";
    } finally {
      clearTimeout(timer);
    }
    return { kind: "unanswered", status };
  }

  function has(receipt, photo) {
    return receipt.some((one) => `photo_${one.role}` === photo.name &&
      (photo.sha256 ? one.sha256 === photo.sha256 : one.bytes === photo.blob.size));
  }

  // The server has the answer. A photo that its receipt does not name goes there as an addition to the answer.
  async function settle(answer, receipt) {
    const missing = answer.photos.filter((photo) => !has(receipt, photo));
    if (!missing.length) return drop(answer.id);
    const fields = [["kind", "amended"], ["lang", language]];
    return keep(missing.map((photo) => Object.assign({}, answer, { id: newId(), fields, photos: [photo] })), answer.id);
  }

  // What was received after the kept list was read: the list shows its card as if nothing had been said.
  function remember(issue) {
    try {
      const received = JSON.parse(localStorage.getItem(RECEIVED) || "{}");
      localStorage.setItem(RECEIVED, JSON.stringify(Object.assign(received, { [issue]: Date.now() })));
    } catch (error) {
      // A phone that is full shows the card as it was kept.
    }
  }

  function markReceived() {
    const kept = Number(document.documentElement.dataset.kept);
    try {
      if (!kept) localStorage.removeItem(RECEIVED);
      for (const [issue, at] of Object.entries(JSON.parse(localStorage.getItem(RECEIVED) || "{}"))) {
        if (at >= kept) markCard(issue, at);
      }
    } catch (error) {
      // No storage, nothing remembered.
    }
  }

  function markCard(issue, at) {
    const card = document.getElementById(issue);
    if (!card) return;
    const time = new Date(at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const mark = card.querySelector("p.received") ||
      card.insertBefore(document.createElement("p"), card.querySelector(".head"));
    mark.className = "received";
    mark.textContent = box.dataset.received.replace("{time}", time);
    card.classList.add("received");
  }

  function kindOf(answer) {
    return answer.fields.find(([name]) => name === "kind")[1];
  }

  // Photos that are too slow or too many today follow the answer, one at a time.
  async function deliver(answer) {
    const outcome = await post(answer, answer.photos);
    const isHeavy = outcome.status === "408" || outcome.code === "photo_quota";
    return isHeavy && answer.photos.length && kindOf(answer) !== "amended" ? post(answer, []) : outcome;
  }

  // What is light first; of one issue the older before the newer.
  function inOrder(answers) {
    const heavy = new Set();
    const light = answers.filter((one) => {
      if (one.photos.length) heavy.add(one.issue);
      return !heavy.has(one.issue);
    });
    return light.concat(answers.filter((one) => !light.includes(one)));
  }

  const resting = new Map();

  function isToGo(answer) {
    return answer.crew === crew && !answer.refusal && !isBeingMended(answer) &&
      !(Date.now() < resting.get(answer.id));
  }

  async function sendAll() {
    Object.assign(shown, { needs_link: false, unanswered: "", sending: true });
    const stuck = new Set();
    const received = [];
    for (const answer of inOrder(await allAnswers())) {
      if (!isToGo(answer) || stuck.has(answer.issue)) continue;
      shown.on_its_way = answer.id;
      await show();
      const outcome = await deliver(answer);
      if (outcome.kind === "received") {
        remember(answer.issue);
        await settle(answer, outcome.photos);
        received.push(answer);
        shown.sent += 1;
      } else if (outcome.kind === "refused") {
        await refuse(answer, outcome.refusal);
      } else {
        stuck.add(answer.issue);
        if (outcome.code === "photo_quota") resting.set(answer.id, Date.now() + QUOTA_PAUSE_MS);
        shown.needs_link = outcome.kind === "needs_link";
        shown.unanswered = outcome.status || "";
        if (shown.needs_link || !(outcome.status || await isReachable())) break;
      }
    }
    pause = stuck.size ? Math.min(2 * pause, LONGEST_PAUSE_MS) : AGAIN_MS / 2;
    notBefore = Date.now() + pause;
    shown.on_its_way = null;
    shown.sending = false;
    await show();
    // Nobody's half-filled form, and nothing that is in this page alone, goes for a receipt.
    const last = received[received.length - 1];
    if (last && !inPage.size && !document.querySelector("details.answer[open]")) {
      location.replace(`/list?lang=${language}&received=${kindOf(last)}&issue=${encodeURIComponent(last.issue)}`);
    } else {
      // A card of a page that stays asks for nothing that was said.
      for (const answer of received) markCard(answer.issue, Date.now());
    }
  }

  function leaveIt() {
    shown.sending = false;
    return show();
  }

  function isReachable() {
    return fetch("/healthz", { cache: "no-store" }).then(() => true, () => false);
  }

  let isRunning = false, isAskedAgain = false, pause = AGAIN_MS / 2, notBefore = 0;

  // One tab sends at a time where the browser can tell; two that do are counted once by the server.
  async function send() {
    if (!proof) return show();
    isAskedAgain = isRunning;
    if (isRunning) return undefined;
    isRunning = true;
    const inTurn = () => navigator.locks
      ? navigator.locks.request("greensward-outbox", { ifAvailable: true }, (lock) => lock ? sendAll() : leaveIt())
      : sendAll();
    shown.sending = true;
    try {
      await show();
      await inTurn();
    } finally {
      isRunning = false;
      shown.on_its_way = null;
      shown.sending = false;
    }
    return isAskedAgain && !shown.needs_link ? send() : undefined;
  }

  // Mobile data is the crew's: after each vain try twice as long a pause, and none with a link that does not hold.
  async function sendByItself() {
    if (isRunning || shown.needs_link || Date.now() < notBefore) return;
    if ((await allAnswers()).some(isToGo)) await send();
  }

  // ---- what is seen -----------------------------------------------------------------------------------------------

  function describe(answer) {
    const made = new Date(answer.made_at).toLocaleString(document.documentElement.lang, {
      month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit",
    });
    const photos = answer.photos.length ? box.dataset.photos.replace("{n}", answer.photos.length) : "";
    return [answer.label, photos, made].filter(Boolean).join(" · ");
  }

  function formOf(answer) {
    const card = document.getElementById(answer.issue);
    const formFor = (kind) => card && card.querySelector(`details.answer > form > input[name="kind"][value="${kind}"]`);
    // Where the list has an earlier report already, a correction adds to it.
    const found = formFor(kindOf(answer)) || formFor("amended");
    return found && found.form;
  }

  function isBeingMended(answer) {
    const form = document.querySelector(`form[data-mends="${answer.id}"]`);
    return form && form.closest("details").open;
  }

  // The form again, filled in; the answer goes when the form that replaces it is kept.
  function mend(answer) {
    const form = formOf(answer);
    form.reset();
    for (const [name, value] of answer.fields) {
      for (const field of form.querySelectorAll(`[name="${name}"]:not([type="hidden"])`)) {
        if (field.type === "radio") field.checked = field.value === value;
        else field.value = value;
      }
    }
    for (const photo of answer.photos) {
      const files = new DataTransfer();
      files.items.add(new File([photo.blob], photo.file, { type: photo.blob.type }));
      form.querySelector(`[name="${photo.name}"]`).files = files.files;
    }
    form.dataset.mends = answer.id;
    form.closest("article").classList.remove("waiting", "received");
    form.closest("details").open = true;
    form.closest("details").scrollIntoView();
    if (answer.refusal) sayInForm(form, answer.refusal[language]);
  }

  function line(answer) {
    const item = document.getElementById("outbox-answer").content.cloneNode(true).firstElementChild;
    item.querySelector(".plot").textContent = answer.plot;
    item.querySelector(".what").textContent = describe(answer);
    if (answer.refusal) {
      item.querySelector(".refusal").textContent = box.dataset.refused + answer.refusal[language];
      item.querySelector(".refusal").hidden = false;
    }
    if (answer.id === shown.on_its_way) item.querySelector(".answers").hidden = true;
    if (window.DataTransfer && formOf(answer)) item.querySelector("[data-do=mend]").onclick = () => mend(answer);
    else item.querySelector("[data-do=mend]").remove();
    item.querySelector("[data-do=drop]").onclick = () => drop(answer.id).then(show);
    return item;
  }

  function markCards(answers) {
    for (const mark of document.querySelectorAll(".unsent")) mark.remove();
    for (const card of document.querySelectorAll(".card.waiting")) card.classList.remove("waiting");
    for (const answer of answers) {
      const card = document.getElementById(answer.issue);
      if (!card) continue;
      if (!card.querySelector(".unsent")) {
        card.insertBefore(document.getElementById("outbox-mark").content.cloneNode(true), card.querySelector(".head"));
      }
      if (!answer.refusal && !isBeingMended(answer)) card.classList.add("waiting");
    }
  }

  function othersLines(answers) {
    const byCrew = new Map();
    for (const answer of answers) byCrew.set(answer.crew, (byCrew.get(answer.crew) || 0) + 1);
    return [...byCrew].map(([name, n]) => {
      const item = document.createElement("li");
      item.textContent = box.dataset.others.replace("{n}", n).split("{crew}").join(name);
      return item;
    });
  }

  function fill(element, children) {
    element.textContent = "";
    element.append(...children);
  }

  async function show() {
    const answers = await allAnswers();
    const mine = answers.filter((one) => proof && one.crew === crew);
    const others = answers.filter((one) => !mine.includes(one));
    const kept = mine.some((one) => !one.refusal);
    const pageOnly = mine.some((one) => inPage.has(one.id));
    const when = {
      kept: kept && !pageOnly && !shown.needs_link && !shown.sending,
      needs_link: shown.needs_link || !proof,
      page_only: pageOnly,
      sending: shown.sending && kept,
      unanswered: Boolean(shown.unanswered) && kept,
      sent: shown.sent > 0,
    };
    for (const sentence of box.querySelectorAll("[data-when]")) sentence.hidden = !when[sentence.dataset.when];
    box.querySelector("[data-when=unanswered]").textContent = box.dataset.unanswered.replace("{n}", shown.unanswered);
    box.querySelector("[data-when=sent] span").textContent = box.dataset.sent.replace("{n}", shown.sent);
    box.querySelector("h2").hidden = !answers.length;
    box.querySelector(".count").textContent = answers.length;
    fill(box.querySelector("ol"), mine.map(line));
    fill(box.querySelector("ul"), othersLines(others));
    if (box.querySelector("[data-do=send]")) box.querySelector("[data-do=send]").hidden = !kept || shown.sending;
    box.hidden = !answers.length && !shown.sent;
    markCards(mine);
  }

  // The worker gives the list that it kept when there is no signal; the page says how old it is.
  function showAge() {
    const kept = Number(document.documentElement.dataset.kept);
    const notice = document.getElementById("offline");
    if (!kept || !notice) return;
    const minutes = Math.max(0, Math.floor((Date.now() - kept) / 60000));
    const age = minutes < 1 ? notice.dataset.now
      : minutes < 120 ? notice.dataset.minutes.replace("{n}", minutes)
      : notice.dataset.hours.replace("{n}", Math.floor(minutes / 60));
    notice.querySelector("b").textContent = age;
    notice.hidden = false;
    for (const receipt of document.querySelectorAll("main > .notice.good")) receipt.remove();
  }

  async function startWorker() {
    if (!proof || !navigator.serviceWorker) return;
    const isFirst = !navigator.serviceWorker.controller;
    await navigator.serviceWorker.register("/worker.js");
    const worker = (await navigator.serviceWorker.ready).active;
    // This page was loaded before the worker was there to keep it.
    if (!isFirst) return;
    const files = [...document.querySelectorAll('script[src^="/static/"], link[href^="/static/"]')];
    worker.postMessage({ keep: `/list?lang=${language}`, files: files.map((one) => one.src || one.href) });
  }

  let pressed = null;
  document.addEventListener("click", (event) => {
    pressed = event.target.closest("button");
  }, true);
  document.addEventListener("submit", (event) => {
    if (!proof || !event.target.closest("article")) return;
    event.preventDefault();
    submit(event.target, event.submitter || pressed);
  });
  if (box.querySelector("[data-do=send]")) box.querySelector("[data-do=send]").onclick = send;
  window.addEventListener("beforeunload", (event) => {
    if (!inPage.size) return;
    event.preventDefault();
    event.returnValue = "";
  });
  window.addEventListener("online", () => {
    notBefore = 0;
    pause = AGAIN_MS / 2;
    sendByItself();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") sendByItself();
  });
  setInterval(() => {
    showAge();
    if (document.visibilityState === "visible") sendByItself();
  }, AGAIN_MS);
  showAge();
  if (document.getElementById("offline")) markReceived();
  startWorker().catch(() => undefined);
  send();
})();
