// Draws the live series of a page with uPlot. The points come with the page's stream (live.js): "series" holds "at" in
// ms and a list for each line. What is drawn here stands in a table beneath as well.
(() => {
  "use strict";
  const box = document.querySelector("[data-plots]");
  if (!box || !window.uPlot) return;
  const KEPT = 720;
  const DASHES = [[], [6, 4], [2, 3]];
  const kept = {};
  let plots = [];

  // A canvas knows no variables and no light-dark(): the browser works the colour out on an element.
  function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    box.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function clock(seconds, exact) {
    const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: box.dataset.timezone };
    if (exact) parts.second = "2-digit";
    return new Intl.DateTimeFormat(document.documentElement.lang, parts).format(new Date(seconds * 1000));
  }

  function columns(names) {
    return [kept.at.map((moment) => moment / 1000), ...names.map((name) => kept[name])];
  }

  function make(figure) {
    const names = figure.dataset.lines.split(" ");
    const strokes = ["--accent", "--warn", "--bad"].map(colour);
    const ink = colour("--soft");
    const axis = { stroke: ink, font: `11px ${getComputedStyle(document.body).fontFamily}`, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const plot = new uPlot({
      width: figure.clientWidth || 320,
      height: 180,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), box.dataset.timezone),
      cursor: { sync: { key: "health" }, drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(high || 0, 1) * 1.1] } },
      axes: [{ ...axis, space: 90, values: (_plot, splits, _axis, _space, step) => splits.map((at) => clock(at, step < 60)) }, { ...axis, size: 56 }],
      series: [
        { label: box.dataset.label, value: (_plot, at) => (at == null ? "–" : clock(at, true)) },
        ...names.map((name, index) => ({
          label: figure.dataset[`name-${index}`] || figure.getAttribute(`data-name-${index}`),
          stroke: strokes[index],
          dash: DASHES[index],
          width: 1.5,
          spanGaps: false,
          points: { show: false },
        })),
      ],
    }, columns(names), figure);
    return { plot, figure, names };
  }

  function build() {
    plots.forEach(({ plot }) => plot.destroy());
    plots = [...box.querySelectorAll("[data-plot]")].map(make);
  }

  document.addEventListener("live:parts", (event) => {
    const series = event.detail.series;
    if (!series) return;
    const first = kept.at ? kept.at[kept.at.length - 1] : 0;
    const from = series.at.findIndex((moment) => moment > first);
    if (from < 0) return;
    for (const name of Object.keys(series)) {
      kept[name] = [...(kept[name] || []), ...series[name].slice(from)].slice(-KEPT);
    }
    if (kept.at.length < 2) return; // a single moment has no scale
    box.hidden = false;
    if (!plots.length) build();
    else plots.forEach(({ plot, names }) => plot.setData(columns(names)));
  });

  new ResizeObserver(() => {
    plots.forEach(({ plot, figure }) => {
      if (figure.clientWidth && figure.clientWidth !== plot.width) plot.setSize({ width: figure.clientWidth, height: 180 });
    });
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (plots.length) build(); });
})();
