// Keeps a progress bar fresh: asks every two seconds while the run is waiting or running and the tab is
// visible, and loads the page again once when it ends, so that the result shows. A page with a form that people
// fill in meanwhile has `data-progress-stay`: it shows what is hidden until the end instead.
(function () {
  "use strict";
  const EVERY_MS = 2000;

  function show(box, state) {
    const percent = Math.round(state.progress * 100);
    const bar = box.querySelector("[data-bar]");
    if (bar) {
      bar.style.width = percent + "%";
      bar.parentElement.setAttribute("aria-valuenow", String(percent));
    }
    const share = box.querySelector("[data-share]");
    if (share) share.textContent = percent + " %";
    const message = box.querySelector("[data-message]");
    if (message) message.textContent = state.message;
    const word = box.querySelector("[data-state]");
    if (word) word.textContent = state.state_words;
  }

  function end(box) {
    if (box.dataset.progressStay === undefined) return window.location.reload();
    box.querySelectorAll("[data-at-end]").forEach(function (words) {
      words.hidden = false;
    });
  }

  function follow(box) {
    async function ask() {
      if (document.visibilityState !== "visible") return again();
      try {
        const answer = await fetch(box.dataset.progressUrl, { headers: { Accept: "application/json" } });
        if (!answer.ok) return again();
        const state = await answer.json();
        show(box, state);
        if (state.ended) return end(box);
      } catch (error) {
        // The server may be restarting: ask again.
      }
      again();
    }
    function again() {
      window.setTimeout(ask, EVERY_MS);
    }
    again();
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-progress-url]").forEach(follow);
  });
})();
