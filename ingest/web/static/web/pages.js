// What the pages do better with JavaScript: lists change in their place, and what is being made
// is looked for again. Without it every link and form does the same by loading a page.

const LOOK_AGAIN = 3000; // milliseconds
const LOOKS = 10;

const address = () => location.pathname + location.search;
let shown = address();

async function pageAt(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" } });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function show(list, url) {
  list.setAttribute("aria-busy", "true");
  try {
    const fresh = (await pageAt(url)).getElementById(list.id);
    if (!fresh) throw new Error("no list");
    list.replaceWith(fresh);
    history.pushState(null, "", url);
    shown = address();
    fresh.querySelector("h2").focus({ preventScroll: true });
    fresh.scrollIntoView({ block: "nearest" });
  } catch {
    location.assign(url);
  }
}

function addressOf(form) {
  const url = new URL(form.getAttribute("action") || "", location.href);
  const filled = [...new FormData(form)].filter(([, value]) => value !== "");
  url.search = new URLSearchParams(filled);
  return url;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-live] .pager a:not([download])");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.closest("[data-live]"), link.href);
});

document.addEventListener("submit", (event) => {
  const list = event.target.closest("[data-live]");
  if (!list) return;
  event.preventDefault();
  show(list, addressOf(event.target));
});

// A link to a place on the page pops a state too, and must leave the page and its focus alone.
window.addEventListener("popstate", () => {
  if (address() !== shown) location.reload();
});

async function lookAgain(looks) {
  const waiting = [...document.querySelectorAll("[data-pending]")];
  if (!waiting.length || !looks) return;
  const page = await pageAt(location.href).catch(() => null);
  for (const part of waiting) {
    const fresh = page && page.getElementById(part.id);
    if (fresh && !("pending" in fresh.dataset)) part.replaceWith(fresh);
  }
  setTimeout(lookAgain, LOOK_AGAIN, looks - 1);
}

setTimeout(lookAgain, LOOK_AGAIN, LOOKS);
