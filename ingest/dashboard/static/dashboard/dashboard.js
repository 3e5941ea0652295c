// Refresh the state on the start page. Without this it stays as it was when the page loaded.
"use strict";

const state = document.getElementById("state");

const REFRESH_MILLISECONDS = 5000;

async function refresh() {
  // Do not replace a button that has the focus, and do not load anything in a hidden window.
  if (document.hidden || state.contains(document.activeElement)) return;
  try {
    const response = await fetch(state.dataset.url);
    // A redirect leads to the login page, after a logout in another window.
    if (response.ok && !response.redirected) state.innerHTML = await response.text();
  } catch {
    // The server does not answer now. The next refresh tries again.
  }
}

setInterval(refresh, REFRESH_MILLISECONDS);
