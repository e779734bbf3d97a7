// Keeps the page fresh: asks for it again each second and replaces what changed. Without this the page works by reloading.
"use strict";

const PARTS = ["last", "shelf", "orders", "mails", "mail"];
// As the server wrote each part, because typing and opening change the page but not what it is about.
const written = new Map(PARTS.map((id) => [id, document.getElementById(id)?.outerHTML]));
let address = location.pathname + location.search;
let newest = newestMail();
let asking = false;

function newestMail() {
  return Number(document.querySelector("#mails li")?.dataset.id ?? 0);
}

/** Replaces the parts that differ in `text`; one that somebody types in waits, unless it is `forced`. */
function show(text, forced) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const id of PARTS) {
    const before = document.getElementById(id);
    const after = fresh.getElementById(id);
    if (!before || !after || after.outerHTML === written.get(id)) continue;
    const active = before.contains(document.activeElement) ? document.activeElement : null;
    if (active?.matches("input, select") && !forced) continue;
    const place = active ? [...before.querySelectorAll("a, button, input")].indexOf(active) : -1;
    written.set(id, after.outerHTML);
    before.replaceWith(document.adoptNode(after));
    if (place >= 0) after.querySelectorAll("a, button, input")[place]?.focus({ preventScroll: true });
  }
  for (const mail of document.querySelectorAll("#mails li")) {
    if (Number(mail.dataset.id) > newest) mail.classList.add("fresh");
  }
  newest = newestMail();
  tellTimes();
}

function tellTimes() {
  for (const time of document.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString();
  }
}

/** Asks for `address`, or sends `form` to `action`, and shows the answer. */
async function ask(forced, action, form) {
  const asked = address;
  asking = true;
  try {
    const answer = await fetch(action ?? asked, form ? { method: "POST", body: new URLSearchParams(form) } : { cache: "no-store" });
    const text = await answer.text();
    document.body.classList.remove("away");
    // Somebody may have gone on while this was on its way.
    if (asked === address) show(text, forced);
  } catch {
    document.body.classList.add("away");
  } finally {
    asking = false;
  }
}

function go(to) {
  address = to;
  history.replaceState(null, "", to);
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const action = event.submitter?.getAttribute("formaction") ?? event.target.getAttribute("action");
  // What was done gets its answer in the newest mail.
  go("/");
  ask(true, action, new FormData(event.target));
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || !document.body.classList.contains("home") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
  ask(true);
});

setInterval(() => {
  if (!asking && !document.hidden) ask(false);
}, 1000);
document.documentElement.classList.add("fresh-by-itself");
tellTimes();
