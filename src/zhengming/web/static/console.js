// Keys, palette, copying and the theme: comforts only, every page works without them.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const palette = byId("palette");
  const keymap = byId("keymap");
  // A field in a dialog that has just closed may still be where a key lands; nobody is typing there.
  const typing = (node) => Boolean(node.closest?.("input, textarea, select, [contenteditable]")?.checkVisibility());

  // The palette: pages of the menu by name, a turn by its id.
  const query = byId("palette-query");
  const options = palette ? [...palette.querySelectorAll("[role=option]")] : [];
  const none = palette?.querySelector(".palette-none");
  let chosen = null;

  function choose(option) {
    for (const one of options) one.setAttribute("aria-selected", String(one === option));
    chosen = option ?? null;
    if (option) query.setAttribute("aria-activedescendant", option.id);
    else query.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  const idIn = (text) => text.match(/[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/i)?.[0] ?? "";

  const nameOf = (option) => option.querySelector("[data-name]").textContent.toLowerCase();

  function narrow() {
    const wanted = query.value.trim().toLowerCase();
    const id = idIn(wanted);
    for (const one of options) {
      if (one.dataset.turn) {
        one.hidden = !id;
        one.querySelector("[data-turn-id]").textContent = id;
      } else {
        one.hidden = Boolean(id) || !`${nameOf(one)} ${one.dataset.href}`.includes(wanted);
      }
    }
    const left = options.filter((one) => !one.hidden);
    none.hidden = left.length > 0;
    choose(left.find((one) => !one.dataset.turn && nameOf(one).startsWith(wanted)) ?? left[0]);
  }

  function move(step) {
    const left = options.filter((one) => !one.hidden);
    if (left.length) choose(left[(left.indexOf(chosen) + step + left.length) % left.length]);
  }

  function go(option) {
    if (!option) return;
    location.assign(option.dataset.turn ? option.dataset.turn + idIn(query.value) : option.dataset.href);
  }

  function openPalette() {
    if (!palette || palette.open) return;
    keymap?.close();
    palette.showModal();
    query.value = "";
    narrow();
    query.focus();
  }

  if (palette) {
    query.addEventListener("input", narrow);
    query.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        go(chosen);
      }
    });
    for (const one of options) one.addEventListener("click", () => go(one));
    for (const dialog of [palette, keymap]) {
      dialog?.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    }
    for (const button of document.querySelectorAll("[data-palette-open]")) {
      button.hidden = false;
      button.addEventListener("click", openPalette);
    }
  }

  // j and k walk the rows of the first table that can be opened, Enter opens the row.
  function step(by) {
    const rows = [...document.querySelectorAll("main table.data tbody tr")].filter((row) => row.querySelector("a[href]"));
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("at"));
    const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    rows[at]?.classList.remove("at");
    next.classList.add("at");
    next.querySelector("a[href]").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  let leading = 0;
  function goTo(letter) {
    const found = options.find((one) => one.dataset.letter === letter);
    if (found) location.assign(found.dataset.href);
  }

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    g: () => { leading = Date.now(); },
    "?": () => keymap?.showModal(),
    "/": () => {
      const field = document.querySelector("main .toolbar :is(input, select):not([type=hidden])");
      if (field) field.focus();
      else openPalette();
    },
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (Date.now() - leading < 1500 && /^[a-z]$/.test(event.key)) {
      leading = 0;
      event.preventDefault();
      goTo(event.key);
      return;
    }
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  // Copy buttons, also in parts that were swapped in later.
  function uncover(root) {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  }
  uncover(document);
  document.addEventListener("htmx:after:swap", () => uncover(document));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = button.dataset.copy || button.closest("figure")?.querySelector("code")?.textContent || "";
    await navigator.clipboard.writeText(text);
    button.dataset.says ??= button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = button.dataset.says; }, 2000);
  });

  // The theme changes at once and is kept by the account.
  const order = { auto: "light", light: "dark", dark: "auto" };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = form.querySelector("button[name=theme]");
    if (!form.matches("[data-theme-form]") || !button) return;
    event.preventDefault();
    const theme = button.value;
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams({ theme, next: "/about" }),
      redirect: "manual",
    });
    if (answer.type !== "opaqueredirect") {
      location.reload();
      return;
    }
    document.documentElement.dataset.theme = theme;
    for (const one of document.querySelectorAll("[data-theme-form] button[name=theme]")) {
      one.value = order[theme];
      one.querySelector("[data-theme-name]").textContent = one.dataset[theme];
    }
  });
})();
