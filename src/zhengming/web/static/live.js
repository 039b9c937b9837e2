// Keeps the parts of a page up to date that the server sends as events (web/live.py).
//
// <div data-live-from="/health/live"> names the stream of a page; <p data-live-state data-on data-lost data-stale
// data-over> shows how it stands; each [data-live="name"] takes the HTML of the part with its name. Scripts hear
// "live:parts" on the document, with every part in event.detail. A hidden tab lets go of its stream: browsers keep six
// connections a site, and a forgotten tab must not take one.
(() => {
  "use strict";
  if (!window.EventSource) return;
  let root = null;
  let state = null;
  let shown = new WeakMap();
  let source = null;
  let over = false;
  let again = 0;
  let pause = 3000;

  function say(kind) {
    if (!state || state.dataset.kind === kind) return;
    state.dataset.kind = kind;
    state.textContent = state.dataset[kind] || "";
    state.hidden = !state.textContent;
  }

  function swap(element, html) {
    if (shown.get(element) === html) return;
    shown.set(element, html);
    const opened = [...element.querySelectorAll("details")].map((one) => one.open);
    const stops = "a, button, input, select, summary, [tabindex]";
    const at = [...element.querySelectorAll(stops)].indexOf(document.activeElement);
    const scrolled = [...element.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    element.innerHTML = html;
    element.querySelectorAll("details").forEach((one, index) => { one.open = opened[index] ?? one.open; });
    element.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
    if (at >= 0) element.querySelectorAll(stops)[at]?.focus({ preventScroll: true });
  }

  function take(message) {
    const parts = JSON.parse(message.data);
    for (const element of document.querySelectorAll("[data-live]")) {
      const html = parts[element.dataset.live];
      if (typeof html === "string") swap(element, html);
    }
    document.dispatchEvent(new CustomEvent("live:parts", { detail: parts }));
    pause = 3000;
    say("on");
  }

  function close() {
    clearTimeout(again);
    if (source) source.close();
    source = null;
  }

  function open() {
    close();
    if (!root || over) return;
    source = new EventSource(root.dataset.liveFrom);
    source.addEventListener("parts", take);
    source.addEventListener("stale", () => say("stale"));
    source.addEventListener("over", () => { close(); over = true; say("over"); });
    source.addEventListener("error", () => {
      say("lost");
      if (source && source.readyState === EventSource.CLOSED) {
        again = setTimeout(open, pause);
        pause = Math.min(pause * 2, 60000);
      }
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close(); else open();
  });
  window.addEventListener("pagehide", close);

  // A part of the page that was swapped in (a list by other filters) follows a stream of its own.
  function adopt() {
    const found = document.querySelector("[data-live-from]");
    if (found === root) return;
    root = found;
    state = document.querySelector("[data-live-state]");
    shown = new WeakMap();
    pause = 3000;
    if (document.hidden) close(); else open();
  }
  document.addEventListener("htmx:after:swap", adopt);
  adopt();
})();
