// Keep the state on the start page fresh; without this the page is as it was when it was asked for.
"use strict";

const state = document.getElementById("state");

async function look() {
  // Nothing is exchanged under somebody's fingers, and nothing is asked for in a hidden window.
  if (document.hidden || state.contains(document.activeElement)) return;
  try {
    const answer = await fetch(state.dataset.address);
    // A login page is no state: somebody has logged out elsewhere.
    if (answer.ok && !answer.redirected) state.innerHTML = await answer.text();
  } catch {
    // The server is away for a moment; the next look tells more.
  }
}

setInterval(look, 5000);
