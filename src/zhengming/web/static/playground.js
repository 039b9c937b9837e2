// The live chat of the playground. Everything that a model or a person said is written as text, never as HTML; the one
// piece of HTML that is fetched (what happened in a turn) is made by the console and holds no text of a turn.

const root = document.querySelector("[data-playground]");
const one = (name, within = root) => within.querySelector(`[data-${name}]`);
const read = (name) => JSON.parse(root.dataset[name]);

const words = read("words");
const marks = read("marks");
const offered = read("offered");
const standing = read("standing");
const form = one("form");
const said = form.elements.said;
const log = one("log");

let conversation = [];
let underWay = null;

// --- small parts -----------------------------------------------------------------------------------------------------

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const filled = (key, n) => words[key].replace("{n}", n);
const tell = (text) => { one("status").textContent = text; };
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const ownWords = [...marks.masks.map((text) => [text, "mask"]), ...marks.notices.map((text) => [text, "notice"])];
const ownPattern = new RegExp(ownWords.map(([text]) => escaped(text)).join("|"), "g");
const kindOf = new Map(ownWords);

/** Whether the reader is at the end of the page, so that it may follow what is written. */
const atEnd = () => form.getBoundingClientRect().bottom >= log.getBoundingClientRect().bottom - 40;

function follow(wasAtEnd = true) {
  const below = log.getBoundingClientRect().bottom - form.getBoundingClientRect().top;
  if (wasAtEnd && below > 0) window.scrollBy(0, below);
}

/** Write a text into a box, the gateway's own words in it (masks, notices, label) set apart. */
function write(box, text, label) {
  box.replaceChildren();
  let rest = text;
  let atStart = false;
  let atLast = false;
  if (label && rest.trimEnd().endsWith(label)) {
    rest = rest.slice(0, rest.lastIndexOf(label)).trimEnd();
    atLast = true;
  } else if (label && rest.startsWith(label)) {
    rest = rest.slice(label.length).trimStart();
    atStart = true;
  }
  if (atStart) box.append(element("p", "play-label", label));
  let from = 0;
  for (const found of rest.matchAll(ownPattern)) {
    box.append(rest.slice(from, found.index));
    const kind = kindOf.get(found[0]);
    box.append(element(kind === "mask" ? "mark" : "strong", `play-${kind}`, found[0]));
    from = found.index + found[0].length;
  }
  box.append(rest.slice(from));
  if (atLast) box.append(element("p", "play-label", label));
}

// --- one message on the page -----------------------------------------------------------------------------------------

function addSaid(role, text) {
  one("welcome")?.setAttribute("hidden", "");
  const item = element("li", `play-said is-${role}`);
  item.append(element("p", "play-who", role === "user" ? words.you : words.assistant));
  if (role === "user") item.append(element("div", "play-text", text));
  log.append(item);
  if (form.getBoundingClientRect().top < 0) form.scrollIntoView({ block: "end" }); // a prompt below was chosen
  follow();
  return item;
}

/** An answer while it is being written. `add` takes pieces; `settle` shows the end. */
class Answer {
  constructor() {
    this.item = addSaid("ai");
    this.box = element("div", "play-text");
    this.tail = element("span", "play-tail", "·····");
    this.tail.setAttribute("aria-hidden", "true");
    this.item.append(this.box, this.tail);
    this.text = this.thinking = this.refusal = "";
    this.calls = [];
    this.label = this.turn = "";
    this.labelled = this.drawing = this.failed = false;
    this.heldMost = 0;
    this.began = performance.now();
  }

  get shown() { return this.text || this.refusal; }

  add(event) {
    if (event.error) return this.fail(event.error.code, event.error.message);
    if (event.aigc) this.labelled = true;
    for (const choice of event.choices ?? []) this.addDelta(choice.delta ?? {});
    this.draw();
  }

  addDelta(delta) {
    this.text += delta.content ?? "";
    this.refusal += delta.refusal ?? "";
    this.thinking += delta.reasoning_content ?? "";
    for (const call of delta.tool_calls ?? []) {
      const kept = (this.calls[call.index ?? 0] ??= { name: "", arguments: "" });
      kept.name += call.function?.name ?? "";
      kept.arguments += call.function?.arguments ?? "";
    }
    if (this.firstAt === undefined && (this.text || this.thinking || this.refusal || this.calls.length)) {
      this.firstAt = performance.now() - this.began;
    }
  }

  held(characters) {
    this.heldMost = Math.max(this.heldMost, characters);
    const figure = one("held");
    figure.hidden = false;
    figure.textContent = characters ? filled("held", characters) : words["held.none"];
    this.tail.classList.toggle("is-holding", characters > 0);
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => { this.drawing = false; this.drawNow(); });
  }

  drawNow() {
    const wasAtEnd = atEnd();
    if (this.thinking) this.thought().textContent = this.thinking;
    write(this.box, this.shown, this.label);
    this.calls.forEach((call, index) => {
      this.box.after(this.callBox(index));
      this.callBox(index).lastChild.textContent = `${call.name}(${call.arguments})`;
    });
    follow(wasAtEnd);
  }

  thought() {
    if (!this.thoughts) {
      const details = element("details", "play-thinking");
      details.open = true;
      this.thoughts = element("div", "play-text");
      details.append(element("summary", "", words.thinking), this.thoughts);
      this.box.before(details);
    }
    return this.thoughts;
  }

  callBox(index) {
    const call = this.calls[index];
    if (!call.box) {
      call.box = element("p", "play-tool");
      call.box.append(element("b", "", words.tool), " ", element("code", ""));
    }
    return call.box;
  }

  fail(code, message) {
    this.failed = true;
    const box = element("div", "play-error");
    const head = element("p", "");
    head.append(element("b", "", words["error.title"]), ` ${words[`error.${code}`] ?? words["error.other"]}`);
    box.append(head);
    if (message) box.append(element("p", "mono", message));
    if (code === "signed_out") {
      const link = element("a", "button", words.signin);
      link.href = "/sign-in?next=/playground";
      box.append(link);
    }
    this.item.append(box);
  }

  settle(how) {
    this.drawNow();
    this.tail.remove();
    one("held").hidden = true;
    const facts = element("div", "play-facts");
    if (this.turn) {
      facts.append(element("span", `badge ${this.labelled ? "ok" : "quiet"}`, words[this.labelled ? "label.found" : "label.none"]));
    }
    if (how === "left") facts.append(element("span", "badge quiet", words.left));
    this.item.append(facts);
    tell(`${words[how]} ${this.shown}`);
    if (this.turn) showFacts(this.turn, facts, this.item);
  }
}

/** Fetch what is recorded of a turn; it is closed before its last byte leaves, or a moment after its client left. */
async function showFacts(turn, facts, item, attempt = 0) {
  const answer = await fetch(`/playground/turns/${encodeURIComponent(turn)}`, { redirect: "manual" }).catch(() => null);
  if (!answer?.ok) return;
  const told = await answer.json();
  if (told.state === "open" && attempt < 8) {
    setTimeout(() => showFacts(turn, facts, item, attempt + 1), 150 * (attempt + 1));
    return;
  }
  const page = new DOMParser().parseFromString(told.html, "text/html");
  const wasAtEnd = atEnd();
  facts.append(...one("line", page).children);
  facts.after(one("what", page));
  item.classList.add(`was-${told.outcome}`);
  follow(wasAtEnd);
}

// --- the stream ------------------------------------------------------------------------------------------------------

/** Yield the server-sent events of a response as [name, data]. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (waiting + value).split(/\r\n\r\n|\n\n|\r\r/);
    waiting = parts.pop();
    for (const part of parts) {
      const lines = part.split(/\r\n|\n|\r/);
      const name = lines.find((line) => line.startsWith("event:"))?.slice(6).trim() ?? "";
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, ""));
      if (data.length) yield [name, data.join("\n")];
    }
  }
}

async function errorOf(response) {
  if (response.type === "opaqueredirect") return { code: "signed_out", message: "" };
  if (response.status === 413) return { code: "too_large", message: "" };
  const error = await response.json().then((body) => body.error, () => null);
  return error ?? { code: "other", message: `HTTP ${response.status}` };
}

async function receive(response, answer) {
  if (!response.ok || response.headers.has("x-zhengming-status")) {
    const error = await errorOf(response);
    answer.fail(error.code, error.message);
    return;
  }
  answer.turn = response.headers.get("x-aigc-produce-id") ?? "";
  answer.label = decodeURIComponent(response.headers.get("x-aigc-notice") ?? "");
  for await (const [name, data] of eventsOf(response)) {
    if (name === "held") answer.held(JSON.parse(data).held);
    else if (data !== "[DONE]") answer.add(JSON.parse(data));
  }
}

/** The latest messages that fit into a request; a model would forget the earliest as well. */
function recent(messages) {
  let room = 50_000;
  let first = messages.length - 1;
  const size = (message) => new TextEncoder().encode(JSON.stringify(message)).length;
  room -= size(messages[first]);
  while (first > 0 && room > size(messages[first - 1])) {
    first -= 1;
    room -= size(messages[first]);
  }
  return messages.slice(messages[first].role === "user" ? first : first + 1);
}

async function send(text) {
  const before = conversation;
  conversation = [...conversation, { role: "user", content: text }];
  addSaid("user", text);
  const answer = new Answer();
  underWay = new AbortController();
  busy(true);
  tell(words.answering);
  let how = "done";
  try {
    const response = await fetch("/playground/chat", {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        service: form.elements.service.value,
        model: form.elements.model.value,
        messages: recent(conversation),
        pace: isRehearsing(),
      }),
      signal: underWay.signal,
    });
    await receive(response, answer);
  } catch (error) {
    if (error.name === "AbortError") how = "left";
    else answer.fail(navigator.onLine ? "broken" : "offline", "");
  }
  underWay = null;
  // What shows no text (an error, a tool call) is left out of what is sent next, and its question with it.
  conversation = answer.shown && !answer.failed ? [...conversation, { role: "assistant", content: answer.shown }] : before;
  answer.settle(how);
  busy(false);
}

// --- the form --------------------------------------------------------------------------------------------------------

const isRehearsing = () => standing[form.elements.service.value]?.rehearsal.includes(form.elements.model.value) ?? false;

function busy(is) {
  one("send").hidden = is;
  one("stop").hidden = !is;
  log.setAttribute("aria-busy", String(is));
  if (!is && window.matchMedia("(pointer: fine)").matches) said.focus({ preventScroll: true });
}

function submit(text) {
  if (underWay || !text.trim()) return;
  said.value = "";
  grow();
  send(text);
}

function grow() {
  said.rows = Math.min(8, Math.max(2, said.value.split("\n").length));
}

function chooseService() {
  const id = form.elements.service.value;
  const select = form.elements.model;
  const wanted = select.value;
  select.replaceChildren(...offered[id].map((name) => element("option", "", name)));
  if (offered[id].includes(wanted)) select.value = wanted;
  for (const box of root.querySelectorAll("[data-audience]")) box.hidden = box.dataset.audience !== id;
  const permanent = one("permanent");
  permanent.textContent = standing[id].label;
  permanent.hidden = !standing[id].label;
  chooseModel();
}

function chooseModel() {
  one("rehearsing").hidden = !isRehearsing();
  one("not-rehearsing").hidden = isRehearsing();
}

function startAnew() {
  underWay?.abort();
  conversation = [];
  log.replaceChildren();
  one("welcome")?.removeAttribute("hidden");
  tell("");
  said.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit(said.value);
});
said.addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a candidate; 229 is what some browsers still say in its stead.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  submit(said.value);
});
said.addEventListener("input", grow);
one("stop").addEventListener("click", () => underWay?.abort());
form.elements.service.addEventListener("change", () => { chooseService(); startAnew(); });
form.elements.model.addEventListener("change", chooseModel);
document.querySelector("[data-new]").addEventListener("click", (event) => {
  event.preventDefault();
  startAnew();
});
for (const link of root.querySelectorAll("[data-prompt]")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    submit(link.dataset.prompt);
  });
}
// A conversation that went on without a script goes on with one.
conversation = JSON.parse(form.elements.history.value);
