// With JavaScript, lists change in place, and pending parts appear when they are computed.
// Without it, every link and form loads a page.

const REFRESH_MILLISECONDS = 3000;
const MAX_REFRESHES = 10;

const currentUrl = () => location.pathname + location.search;
let shown = currentUrl();

async function fetchPage(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" } });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function show(list, url) {
  list.setAttribute("aria-busy", "true");
  try {
    const fresh = (await fetchPage(url)).getElementById(list.id);
    if (!fresh) throw new Error("no list");
    list.replaceWith(fresh);
    history.pushState(null, "", url);
    shown = currentUrl();
    fresh.querySelector("h2").focus({ preventScroll: true });
    fresh.scrollIntoView({ block: "nearest" });
  } catch {
    location.assign(url);
  }
}

function formUrl(form) {
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
  show(list, formUrl(event.target));
});

// A link to an anchor pops a state too, and must not reload the page.
window.addEventListener("popstate", () => {
  if (currentUrl() !== shown) location.reload();
});

async function refreshPending(left) {
  const pending = [...document.querySelectorAll("[data-pending]")];
  if (!pending.length || !left) return;
  const page = await fetchPage(location.href).catch(() => null);
  for (const part of pending) {
    const fresh = page && page.getElementById(part.id);
    if (!fresh || fresh.isEqualNode(part)) continue;
    part.replaceWith(fresh);
    left = MAX_REFRESHES;
  }
  setTimeout(refreshPending, REFRESH_MILLISECONDS, left - 1);
}

setTimeout(refreshPending, REFRESH_MILLISECONDS, MAX_REFRESHES);

// The page of a store that does not answer. Without scripts it has a link.
const RETRY_MILLISECONDS = 5000;
if (document.querySelector("[data-retry]")) setTimeout(() => location.reload(), RETRY_MILLISECONDS);
