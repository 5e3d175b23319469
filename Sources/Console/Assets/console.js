// The life of the console: reads the event stream of one tenant and draws what it says.
// It changes nothing on the server. Words from outside reach the page as text, never as markup.
"use strict";

// ---- Vocabulary ----

// The bands of the picture from the sea floor up, each with the standings of the API it gathers.
const band = (name, label = name, kinds = [name]) => ({ name, label, kinds });
const BANDS = [
  band("succeeded"), band("unverified"),
  band("active", "in progress", ["offered", "downloading", "installing", "verifying"]),
  band("retrying", "retrying", ["retrying", "postponed", "waiting", "undecided"]), band("returning", "returning", ["returning", "return-retrying"]),
  band("returned"), band("cancelled", "cancelled", ["cancelled", "superseded", "undelivered"]),
  band("failed", "failed", ["failed", "lost", "return-failed", "stranded"]),
  band("waiting", "waiting", []),
];
const FAILURES = BANDS.find(({ name }) => name === "failed").kinds;

// index.html has the patterns; small pictures and quiet bands take the plain colour.
const paintOf = ({ name }, small) => (name === "waiting" ? { class: "sea" }
  : small || name === "returned" ? { class: "ink " + name } : { fill: `url(#p-${name})` });

// The band whose colour marks a rollout of each status.
const TONES = {
  "draft": "cancelled", "running": "active", "paused": "retrying", "halted": "failed",
  "aborted": "failed", "rolling-back": "returning", "rolled-back": "returning",
  "completed": "succeeded", "ended": "cancelled", "closed": "cancelled",
};
const UNFINISHED = new Set(["running", "paused", "halted", "rolling-back"]);
const RETREATING = new Set(["rolling-back", "rolled-back"]);
const STOPPED = new Set([...RETREATING, "halted", "aborted"]);

const RETRY_SECONDS_MAX = 20;
const SILENCE_SECONDS_MAX = 40; // the server sends at least a comment every 15 s
const STRATA_SHOWN = 50;
const VERSIONS_SHOWN = 100; // a device may call its version what it likes

const state = {
  token: "", tenant: "DEFAULT", summary: null, pinned: null, shown: null,
  heardAt: 0, clockSkew: 0, session: null, linked: "idle", storeIsIll: false, events: {},
};

// ---- Small tools ----

const $ = (id) => document.getElementById(id);
const count = (value) => (Number.isFinite(value) && value > 0 ? value : 0);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const words = (name) => String(name).replace("-", " ");
const number = (value) => count(value).toLocaleString("en");
const now = () => Date.now() + state.clockSkew;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const keep = (key, value) => {
  try {
    if (value === undefined) return sessionStorage.getItem("groundswell." + key);
    sessionStorage.setItem("groundswell." + key, value);
  } catch { /* Without storage the token lives as long as the page. */ }
  return null;
};

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children); // strings become text nodes
  return node;
}

// Words from outside must not turn the direction of the words around them.
const parse = (json) => JSON.parse(json, (_, value) => (typeof value === "string"
  ? value.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd") : value));

function drawn(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Brings the children of `list` in line with `items` and keeps those that stay: focus, scroll
// position and transitions survive.
function align(list, items, keyOf, create, update) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    const key = String(keyOf(item, index));
    const node = old.get(key) || create(item);
    old.delete(key);
    node.dataset.key = key;
    update(node, item, index);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] || null);
  });
  for (const node of old.values()) node.remove();
}

// Says 100% only when all is done.
function percent(part, whole) {
  if (!whole || !part) return "0%";
  const share = (100 * part) / whole;
  if (share >= 100) return "100%";
  if (share < 0.1) return "<0.1%";
  return (share < 10 || share > 99 ? Math.floor(share * 10) / 10 : Math.round(share)) + "%";
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return whole + " s";
  if (whole < 5400) return Math.round(whole / 60) + " min";
  if (whole < 129600) return Math.round(whole / 3600) + " h";
  return Math.round(whole / 86400) + " days";
}

const instant = (text) => Date.parse(text || "");
const ago = (text) => duration((now() - instant(text)) / 1000) + " ago";

const moment = (text) => (text.startsWith(new Date(now()).toISOString().slice(0, 10))
  ? text.slice(11, 19) : text.slice(5, 16).replace("T", " "));
const isOpenStage = (stage) => stage.state === "open" || stage.state === "soaking";

// What is left of the soak time; the server tells changes, not the passing of time.
const soakLeft = (stage) => (instant(stage.settledAt) - now()) / 1000 + count(stage.soakSeconds);
const needsApproval = (stage) => stage.signOff && !stage.signedOffBy;

// Of the devices that took a stopped release: those that are back, and all of them.
function wayBack({ counts, status }) {
  const [back, ...away] = ["returned", "returning", "return-retrying", "return-failed", "stranded",
    ...(status === "rolling-back" ? ["succeeded", "unverified"] : [])]
    .map((kind) => count(counts[kind]));
  return [back, back + sum(away)];
}

// The devices of each band; what has not been asked yet waits.
function bandCounts({ counts, size }) {
  const found = BANDS.map(({ kinds }) => sum(kinds.map((kind) => count(counts[kind]))));
  found[found.length - 1] = Math.max(0, count(size) - sum(found));
  return found;
}

// ---- The swell ----

// Height of each stage as a share of the picture: the square root of its size, or a flatter root
// when the sizes are so far apart that the smallest stage would vanish.
function stageHeights(stages) {
  const sizes = stages.map((stage) => Math.max(1, count(stage.size)));
  const most = Math.max(...sizes), ratio = most / Math.min(...sizes);
  const power = ratio > 1 ? Math.min(0.5, Math.log(8) / Math.log(ratio)) : 0.5;
  return sizes.map((size) => Math.pow(size / most, power));
}

// Shares of the bands in one stage; what exists is at least `least` thick, so that one failure in
// a hundred thousand is seen.
function stageShares(stage, least) {
  const counts = bandCounts(stage), whole = sum(counts) || 1;
  const shares = counts.map((part) => (part ? Math.max(part / whole, least) : 0));
  return shares.map((share) => share / (sum(shares) || 1));
}

// A smooth monotone curve through the points (Fritsch and Carlson 1980, harmonic-mean tangents).
function smoothCurve(xs, ys) {
  const slopes = xs.slice(1).map((x, i) => (ys[i + 1] - ys[i]) / (x - xs[i]));
  const tangents = ys.map((_, i) => {
    const before = slopes[i - 1] ?? slopes[i], after = slopes[i] ?? slopes[i - 1];
    return before * after <= 0 ? 0 : (2 * before * after) / (before + after);
  });
  return (x) => {
    let i = 0;
    while (i < xs.length - 2 && x > xs[i + 1]) i += 1;
    const step = xs[i + 1] - xs[i], t = (x - xs[i]) / step, u = 1 - t;
    return ys[i] * u * u * (1 + 2 * t) + tangents[i] * step * t * u * u
      + ys[i + 1] * t * t * (3 - 2 * t) - tangents[i + 1] * step * t * t * u;
  };
}

// One picture. `show` takes a rollout, flows there from what is drawn now, and says whether the
// picture is a new one. Values: for each stage its height, then the shares of its bands.
class Swell {
  constructor(svg, small) {
    Object.assign(this, { svg, small, values: [], columns: [], frame: 0, shape: "" });
  }

  show(rollout, width, height) {
    const stages = rollout.stages;
    const heights = stageHeights(stages).map((share) => Math.max(share * height, height * 0.1));
    const target = stages.flatMap((stage, i) => [
      heights[i], ...stageShares(stage, (this.small ? 2 : 5) / heights[i]),
    ]);
    const shape = `${rollout.id}/${stages.length}`, isNew = shape !== this.shape;
    if (isNew) {
      this.build(stages.length);
      this.shape = shape;
      // A new picture rises out of a flat sea.
      this.values = stages.flatMap((_, i) =>
        [heights[i] * 0.4, ...BANDS.map((band) => Number(band.name === "waiting"))]);
    }
    Object.assign(this, { width, height });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const alive = rollout.status === "running" || rollout.status === "rolling-back";
    stages.forEach((stage, i) => {
      const pulse = alive && isOpenStage(stage);
      this.columns[i].pulse.setAttribute("visibility", pulse ? "visible" : "hidden");
    });
    this.flow(target);
    return isNew;
  }

  build(stageCount) {
    this.svg.replaceChildren();
    this.columns = Array.from({ length: stageCount }, () => {
      const bands = BANDS.map((band) => drawn("path", paintOf(band, this.small)));
      const crest = drawn("path", { class: "crest" });
      const pulse = drawn("path", { class: "pulse", visibility: "hidden" });
      return { bands, crest, pulse };
    });
    this.svg.append(...this.columns.flatMap((column) => column.bands));
    if (this.small) return;
    this.svg.append(...this.columns.flatMap((column) => [column.crest, column.pulse]));
  }

  flow(target) {
    cancelAnimationFrame(this.frame);
    const from = this.values, began = performance.now();
    const lasts = this.small || calm.matches || document.hidden ? 0 : 700;
    const step = () => {
      const t = lasts ? Math.min(1, (performance.now() - began) / lasts) : 1;
      const eased = 1 - Math.pow(1 - t, 3);
      this.values = target.map((value, i) => from[i] + (value - from[i]) * eased);
      this.paint();
      if (t < 1) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  paint() {
    const stride = BANDS.length + 1, stageCount = this.columns.length;
    const wide = this.width / stageCount, gap = this.small ? 1 : 3;
    const tops = this.columns.map((_, i) => this.values[i * stride]);
    const surface = smoothCurve(
      [0, ...tops.map((_, i) => (i + 0.5) * wide), this.width],
      [tops[0] * 0.6, ...tops, tops[stageCount - 1]]);
    this.columns.forEach((column, i) => {
      const left = i * wide, right = (i + 1) * wide - (i < stageCount - 1 ? gap : 0);
      const points = this.small ? 6 : 24;
      const xs = Array.from({ length: points + 1 }, (_, k) => left + ((right - left) * k) / points);
      const ys = xs.map(surface);
      const along = (share) => xs.map((x, k) =>
        x.toFixed(1) + " " + (this.height - ys[k] * share).toFixed(1));
      let floor = along(0), share = 0;
      column.bands.forEach((path, k) => {
        const part = this.values[i * stride + 1 + k];
        const ceiling = along(share += part);
        path.setAttribute("d", part < 1e-5 ? ""
          : "M" + floor.join("L") + "L" + [...ceiling].reverse().join("L") + "Z");
        floor = ceiling;
      });
      const top = along(1);
      column.crest.setAttribute("d", "M" + top.join("L"));
      column.pulse.setAttribute("d", `M${[...top, ...along(0).reverse()].join("L")}Z`);
    });
  }
}

// ---- Parts of the page ----

const swell = new Swell($("swell"), false);
const miniatures = new WeakMap();

// What a stage says of its state: the words, and more words that a phone leaves out.
function stateWords(stage, { status, endedAt }) {
  const left = soakLeft(stage);
  if (status === "draft") return ["not started"];
  if (stage.state === "closed") return ["○ closed", needsApproval(stage) ? ", approval" : ""];
  if (stage.state === "passed" || (left <= 0 && endedAt && !STOPPED.has(status))) {
    return ["✓ passed"];
  }
  if (endedAt) return ["■ stopped"];
  if (stage.state === "open") return ["● open"];
  if (left > 0) return ["◐ soaking", `, ${duration(left)} left`];
  return needsApproval(stage) ? ["◆ approval", " needed"] : ["● soaked"];
}

// The rows below a stage; the first word of each names its kind.
function stageRows(stage, rollout) {
  const { counts, group, signedOffBy } = stage, { status } = rollout, size = count(stage.size);
  const isOpen = isOpenStage(stage), failures = FAILURES.filter((kind) => count(counts[kind]));
  const rows = [["", number(size), size === 1 ? " device" : " devices"],
    [isOpen ? "now" : "", ...stateWords(stage, rollout)]];
  const [back, whole] = RETREATING.has(status) ? wayBack({ counts, status }) : [];
  if (whole) rows.push(["", `${number(back)} of ${number(whole)} back`]);
  else if (isOpen) rows.push(["", percent(count(counts.succeeded), size), " succeeded"]);
  if (failures.length) {
    rows.push(["bad", "▲ " + number(sum(failures.map((kind) => counts[kind]))),
      failures.length > 1 ? " failed or lost" : " " + words(failures[0])]);
  }
  if (group) rows.push(["", "", "group " + group]);
  if (signedOffBy) rows.push(["", "", "approved by " + signedOffBy]);
  return rows;
}

function showStages(rollout) {
  align($("stages"), rollout.stages, (_, i) => i, () => element("li"), (item, stage) => {
    const rows = stageRows(stage, rollout), signature = JSON.stringify([stage.name, rows]);
    if (item.signature === signature) return;
    item.signature = signature;
    item.className = isOpenStage(stage) && !rollout.endedAt ? "open" : "";
    item.title = `${stage.name}: ` + rows.map((row) => row.slice(1).join("")).join(", ");
    item.replaceChildren(element("b", "quoted cut", stage.name), ...rows.map(
      ([kind, words, more = ""]) =>
        element("span", "quoted " + kind, words, element("i", "", more))));
  });
  $("swell").setAttribute("aria-label",
    "Stages of the rollout. " + [...$("stages").children].map((item) => item.title).join(". "));
}

function showLegend(rollout) {
  const totals = bandCounts(rollout);
  const rows = BANDS.map((band, i) => ({ band, total: totals[i] })).filter(({ total }) => total);
  const over = rollout.endedAt || RETREATING.has(rollout.status);
  align($("legend"), rows, ({ band }) => band.name, ({ band }) => {
    const swatch = drawn("svg", { "aria-hidden": "true" });
    swatch.append(drawn("rect", { width: 18, height: 12, ...paintOf(band, false) }));
    return element("li", "", swatch, element("b"), element("span"), element("small"));
  }, (row, { band, total }) => {
    const kinds = band.kinds.filter((kind) => count(rollout.counts[kind]));
    const told = kinds.length > 1 || (kinds[0] && kinds[0] !== band.label);
    say(row.children[1], number(total));
    say(row.children[2], over && band.name === "waiting" ? "not reached" : band.label);
    say(row.children[3], told ? kinds.map((kind) =>
      `${number(rollout.counts[kind])} ${words(kind)}`).join(" · ") : "");
  });
}

// The server's sentence, or one of our own where it has none or where time has passed since.
function reasonWords(rollout) {
  const { status, reason, counts } = rollout, open = rollout.stages.find(isOpenStage);
  if (status === "running" && open?.state === "soaking") {
    const left = soakLeft(open);
    return left <= 0 && needsApproval(open) ? open.name + " is done and waits for approval"
      : `${open.name} soaks: ${duration(Math.max(left, 1))} left`;
  }
  if (reason !== status) return reason || "";
  if (status === "rolled-back") return "every device that could be reached is back";
  const proved = number(counts.succeeded);
  return (status === "closed" ? "a later rollout took its place; " : "")
    + `${proved} of ${number(rollout.size)} devices proved that they run ${releaseWords(rollout)}`;
}

const releaseWords = ({ release }) => `${release.name} ${release.version}`;

function showHero(rollout) {
  const { counts, status, stop } = rollout;
  say($("status"), words(status) + (rollout.evidence?.hold && !rollout.endedAt ? " · held" : ""));
  $("status").className = "pill " + (TONES[status] || "cancelled");
  say($("release"), releaseWords(rollout));
  say($("rollout-name"), rollout.name);
  say($("reason"), reasonWords(rollout));
  $("stop").hidden = !stop;
  say($("stop"), stop || "");

  const [back, away] = RETREATING.has(status) ? wayBack(rollout) : [];
  const [part, whole, verb] = away ? [back, away, "back"]
    : [count(counts.succeeded), count(rollout.size), "updated"];
  say($("share"), percent(part, whole));
  say($("reach"), `${number(part)} of ${number(whole)} ${verb}`);

  say($("note"), [
    "policy " + rollout.policy,
    rollout.group ? "group " + rollout.group : rollout.filter || rollout.query || "all devices",
    rollout.startedAt ? "started " + ago(rollout.startedAt) : "not started",
    rollout.endedAt ? (STOPPED.has(status) ? "stopped " : "ended ") + ago(rollout.endedAt) : "",
    "heights follow a root of the number of devices",
  ].filter(Boolean).join(" · "));
  const alarm = stop || TONES[status] === "failed" ? "▲ " : "";
  document.title = `${alarm}${percent(part, whole)} ${rollout.name} · Groundswell`;
}

function showSwell(rollout) {
  // One device or a million: wide enough to read each stage, else the picture scrolls sideways.
  const stageCount = rollout.stages.length;
  const width = Math.max($("swell-scroll").clientWidth, stageCount * (stageCount > 6 ? 76 : 56));
  const height = Math.round(Math.min(250, Math.max(140, width * 0.2)));
  $("swell-box").style.width = width + "px";
  $("swell").style.height = height + "px";
  if (swell.show(rollout, width, height)) {
    const open = rollout.stages.findIndex(isOpenStage);
    $("swell-scroll").scrollLeft = ((open - 1) * width) / stageCount;
  }
}

// Where evidence decides there is no stage before its step opens; the sea beyond is shown as one.
function withSea(summary) {
  for (const { evidence, stages, size, status } of summary.rollouts) {
    const rest = count(size) - sum(stages.map((stage) => count(stage.size)));
    if (!evidence || (rest <= 0 && stages.length)) continue;
    const name = STOPPED.has(status) || status === "closed" ? "not reached" : "to come";
    stages.push({ name, size: rest, state: "closed", counts: {} });
  }
  return summary;
}

const rate = (text) => parseFloat(text || "NaN");

function stratumState(stratum, rollout) {
  if (stratum.quarantine) return ["bad", "■ quarantined"];
  if (!count(stratum.opened)) return ["", rollout.endedAt ? "○ not reached" : "○ not open"];
  if (count(stratum.awaited)) return ["", "◐ waiting"];
  return ["", count(stratum.opened) >= count(stratum.size) ? "✓ all open" : "● open"];
}

// What each kind of device says about the release: trouble first, then what is open.
function showEvidence(rollout) {
  const { evidence } = rollout;
  $("evidence").hidden = !evidence;
  if (!evidence) return;
  const { control, nextStep, tolerance } = evidence, harm = (s) => count(s.reported) + count(s.lost);
  const strata = [...evidence.strata].sort((a, b) => Boolean(b.quarantine) - Boolean(a.quarantine)
    || harm(b) - harm(a) || count(b.opened) - count(a.opened));
  say($("tolerated"), `${tolerance} of failures ${tolerance === "1%" ? "is" : "are"} tolerated; a `
    + `device is proven after ${duration(count(evidence.soakSeconds))} on the release`);
  align($("strata"), strata.slice(0, STRATA_SHOWN), ({ label }) => label, () => {
    const head = element("th", "", element("span", "quoted"), element("small", "quoted"));
    head.scope = "row";
    // A phone has no room for the heads of the columns; each number brings its own.
    return element("tr", "", head, ...["open", "installed", "proven", "awaited", "failed", "silent",
      "fail at most", ""].map((name) => {
      const cell = element("td", "");
      cell.dataset.name = name;
      return cell;
    }));
  }, (row, stratum) => {
    const [head, open, began, proven, awaited, failed, lost, bound, place] = row.children;
    row.className = stratum.quarantine ? "quarantined" : "";
    say(head.firstChild, stratum.label);
    const { quarantine, metrics = [] } = stratum;
    say(head.lastChild, [...(quarantine ? [quarantine.reason] : []), ...metrics].join("; "));
    say(open, `${number(stratum.opened)} of ${number(stratum.size)}`);
    [[began, "exposed"], [proven, "matured"], [awaited, "awaited"], [failed, "reported"],
      [lost, "lost"]].forEach(([cell, name]) => say(cell, number(stratum[name])));
    for (const cell of [failed, lost]) cell.className = cell.textContent === "0" ? "" : "bad";
    say(bound, stratum.upper || "–");
    bound.className = rate(stratum.upper) <= rate(tolerance) ? "good" : "";
    const [kind, words] = stratumState(stratum, rollout);
    say(place, words);
    place.className = kind;
  });
  const more = strata.length - STRATA_SHOWN;
  say($("more-strata"), more > 0 ? `and ${number(more)} more kinds of devices` : "");
  say($("control"), [controlWords(control), nextStep && UNFINISHED.has(rollout.status)
    ? `with what is known now, the next step takes in ${number(nextStep.size)} at most` : ""]
    .filter(Boolean).join(" · "));
  $("control").className = control?.outage ? "note bad" : "note";
}

function controlWords(control) {
  if (!control) return "";
  if (!count(control.devices)) return "hardly any device is left to compare with";
  const those = `of ${number(control.devices)} devices that are not updated`;
  return control.outage
    ? `▲ outage: only ${control.heard} ${those} are heard, so nothing is concluded from silence`
    : `${control.heard} ${those} are heard, ${number(control.lost)} fell silent`;
}

// A list of names with a mark, a figure and a bar each.
function showTracks(id, items, keyOf, read) {
  align($(id), items, keyOf, () => element("li", "",
    element("div", "words", element("span", "quoted cut"), element("em"), element("span", "count")),
    element("span", "track", element("i"))), (row, item) => {
    const { name, mark = "", figure, share } = read(item), cells = row.firstChild.children;
    cells[0].title = name;
    [name, mark, figure].forEach((text, index) => say(cells[index], text));
    row.classList.toggle("target", mark === "target");
    row.lastChild.firstChild.style.width = share + "%";
  });
}

// A few devices that hold a lease, in the words of their own reports.
function showUnderWay({ underWay = [] }) {
  $("under-way").hidden = !underWay.length;
  showTracks("movers", underWay, ({ id }) => id, ({ id, update }) => ({
    name: id, mark: words(update.phase), share: count(update.percent),
    figure: [Number.isFinite(update.percent) && `${update.percent}%`,
      update.error?.text ?? update.reason].filter(Boolean).join(" · "),
  }));
}

function showVersions(summary, target) {
  const versions = summary.versions.filter((entry) => count(entry.count));
  const whole = sum(versions.map((entry) => entry.count));
  const isTarget = ({ version }) => version !== null && version === target;
  const rank = (entry) => (isTarget(entry) ? Infinity : entry.count);
  versions.sort((a, b) => rank(b) - rank(a) || String(a.version).localeCompare(String(b.version)));
  showTracks("versions", versions.slice(0, VERSIONS_SHOWN), ({ version }) => JSON.stringify(version),
    (entry) => ({ name: entry.version ?? "not reported yet", mark: isTarget(entry) ? "target" : "",
      figure: `${number(entry.count)} · ${percent(entry.count, whole)}`,
      share: (100 * entry.count) / whole }));
}

function showRollouts(summary) {
  align($("rollouts"), summary.rollouts, (rollout) => rollout.id, (rollout) => {
    const svg = drawn("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
    const button = element("button", "", element("span", "", element("b", "quoted cut"),
      element("small", "quoted cut")), svg);
    button.type = "button";
    button.addEventListener("click", () => pick(rollout.id));
    const row = element("li", "", button);
    miniatures.set(row, new Swell(svg, true));
    return row;
  }, (row, rollout) => {
    const [name, line] = row.firstChild.firstChild.children;
    say(name, rollout.name);
    say(line, `${words(rollout.status)} · ${releaseWords(rollout)}`);
    name.title = name.textContent;
    row.firstChild.setAttribute("aria-pressed", String(rollout.id === state.shown));
    miniatures.get(row).show(rollout, 76, 34);
  });
}

async function showEvents(rollout) {
  // Asked again after each change in words or stages, but not more often than each three seconds.
  const { id, status, reason, stop, stages } = rollout;
  const of = JSON.stringify([status, reason, stop, stages.map((stage) => stage.state)]);
  const same = state.events.id === id;
  if (state.events.pending || (same && of === state.events.of)) return;
  if (same && performance.now() - state.events.at < 3000) return; // the next tick asks again
  state.events = { id, of, at: performance.now(), pending: true };
  if (!same) $("timeline").replaceChildren();
  try {
    const response = await ask(`${tenantPath()}/rollouts/${id}/events?limit=100`);
    const { items } = parse(await response.text());
    if (state.shown !== id) return;
    $("timeline").replaceChildren(...items.map((item) => {
      const time = element("time", "", moment(item.at));
      time.dateTime = time.title = item.at;
      return element("li", "", time, element("span", "quoted", element("i"), item.sentence));
    }));
  } catch { /* A lost connection shows in the header; the next tick asks again. */
    state.events.of = "";
  } finally {
    state.events.pending = false;
  }
}

// ---- The whole page ----

function render() {
  const summary = state.summary;
  if (!summary) return;
  $("sign-in").hidden = true;
  for (const id of ["board", "facts", "leave"]) $(id).hidden = false;
  say($("tenant"), $("tenants").hidden ? summary.tenant : "");
  say($("devices"), number(summary.devices));
  say($("heard"), number(summary.heard));

  const rollouts = summary.rollouts;
  const rollout = rollouts.find((r) => r.id === state.pinned)
    || rollouts.find((r) => UNFINISHED.has(r.status)) || rollouts[0];
  state.shown = rollout?.id;
  for (const id of ["status", "figure", "swell-scroll", "legend", "note"]) $(id).hidden = !rollout;
  if (rollout) {
    showHero(rollout);
    showSwell(rollout);
    showStages(rollout);
    showLegend(rollout);
    showEvidence(rollout);
    showUnderWay(rollout);
    showEvents(rollout);
  } else {
    say($("release"), "");
    say($("rollout-name"), "A calm sea");
    say($("reason"), "No rollout has been created for this tenant yet.");
    $("stop").hidden = $("evidence").hidden = $("under-way").hidden = true;
    $("timeline").replaceChildren();
    document.title = "Groundswell";
  }
  showVersions(summary, rollout?.release?.version);
  showRollouts(summary);
}

// Once a second: what changes by the clock alone.
function tick() {
  const rollout = state.summary?.rollouts.find((r) => r.id === state.shown);
  if (!rollout) return;
  showHero(rollout);
  showStages(rollout);
  showEvents(rollout);
  const age = (Date.now() - state.heardAt) / 1000;
  const lost = state.linked !== "live";
  document.body.classList.toggle("stale", lost && age > 4);
  say($("fresh"), lost ? `as of ${duration(age)} ago` : "");
}

function pick(id) {
  state.pinned = id;
  history.replaceState(null, "", "#rollout=" + encodeURIComponent(id));
  render();
}

// ---- The connection ----

const tenantPath = () => "/api/v1/tenants/" + encodeURIComponent(state.tenant);
const ask = (path, signal) => fetch(path, {
  signal, cache: "no-store", headers: { Authorization: "Bearer " + state.token },
});

const LINKS = {
  idle: "not connected", wait: "connecting…", again: "reconnecting…", live: "live",
  ill: "store unavailable",
};

function link(kind) {
  state.linked = kind;
  const shown = kind === "live" && state.storeIsIll ? "ill" : kind;
  $("link").dataset.state = shown;
  say($("link-text"), LINKS[shown]);
}

function signIn(trouble) {
  state.session?.abort();
  state.session = state.summary = null;
  for (const id of ["board", "facts", "leave", "tenants"]) $(id).hidden = true;
  $("sign-in").hidden = false;
  $("tenant-name").value = state.tenant;
  say($("tenant"), "");
  say($("sign-in-trouble"), trouble || "");
  link("idle");
  document.title = "Groundswell";
  $("token").focus();
}

function start(token, tenant) {
  state.session?.abort();
  Object.assign(state, { token, tenant, summary: null, session: new AbortController() });
  state.events = {};
  keep("token", token);
  keep("tenant", tenant);
  $("board").hidden = true;
  listen(state.session.signal);
}

// Reads the stream until it ends for good: a refusal, or another session in its place.
async function listen(session) {
  for (let failures = 0; !session.aborted; failures += 1) {
    link(failures ? "again" : "wait");
    if (failures) {
      const seconds = Math.min(RETRY_SECONDS_MAX, 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
      await new Promise((wake) => setTimeout(wake, seconds * 1000));
    }
    if (session.aborted) return;
    const silence = new AbortController();
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), SILENCE_SECONDS_MAX * 1000);
    };
    heard();
    try {
      const signal = AbortSignal.any([session, silence.signal]);
      const response = await ask(tenantPath() + "/events", signal);
      if ([401, 403, 404].includes(response.status)) {
        return session.aborted || signIn(response.status === 404
          ? `There is no tenant "${state.tenant}" for this token.`
          : "The server does not accept this token.");
      }
      if (!response.ok) throw new Error("status " + response.status);
      loadSurroundings();
      state.clockSkew = (Date.parse(response.headers.get("date")) || Date.now()) - Date.now();
      for await (const { name, data } of events(response.body, heard)) {
        if (session.aborted) return;
        if (name !== "summary") continue;
        state.summary = withSea(parse(data));
        state.heardAt = Date.now();
        failures = 0;
        if (state.linked !== "live") link("live");
        render();
      }
    } catch { /* Whatever ended the stream, the next turn of the loop tries again. */
    } finally {
      clearTimeout(watchdog);
      silence.abort();
    }
  }
}

// The parser of the event stream (WHATWG HTML, section 9.2.6), for streams with LF or CRLF.
async function* events(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", name = "message", data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      const [, field, text] = /^(event|data): ?(.*)$/.exec(line) || [];
      if (field === "event") name = text;
      if (field === "data") data.push(text);
      if (line !== "") continue;
      if (data.length) yield { name, data: data.join("\n") };
      name = "message";
      data = [];
    }
  }
}

// What stands around the stream: the server's version and the tenants a wide token may see.
async function loadSurroundings() {
  try {
    const status = await ask("/api/v1/status");
    if (status.ok) say($("server"), "Groundswell " + (await status.json()).version);
    const response = await ask("/api/v1/tenants");
    const tenants = response.ok ? (await response.json()).items || [] : [];
    $("tenants").replaceChildren(...tenants.map((tenant) => new Option(tenant.name, tenant.name)));
    $("tenants").value = state.tenant;
    $("tenants").hidden = tenants.length < 2;
    render();
  } catch { /* The page does without. */ }
}

// The store has its own health: the stream may live on while nothing can be written.
async function watchStore() {
  try {
    state.storeIsIll = (await fetch("/healthz", { cache: "no-store" })).status === 503;
    link(state.linked);
  } catch { /* A server that is gone shows as "reconnecting". */ }
}

// `/#token=…&tenant=…` signs in and leaves the address bar; `#rollout=…` picks a rollout.
function readFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  const rollout = Number(given.get("rollout"));
  if (rollout) state.pinned = rollout;
  const token = given.get("token");
  if (given.has("token")) {
    history.replaceState(null, "", location.pathname + (rollout ? "#rollout=" + rollout : ""));
  }
  return token ? [token, given.get("tenant") || "DEFAULT"] : null;
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  // A header cannot carry anything else, and no token of this server needs more.
  if (!/^[\x21-\x7e]+$/.test(token)) return signIn("A token is one word of letters and digits.");
  start(token, $("tenant-name").value.trim());
});
$("leave").addEventListener("click", () => {
  keep("token", "");
  state.token = "";
  signIn();
});
$("tenants").addEventListener("change", (event) => {
  state.pinned = null;
  history.replaceState(null, "", location.pathname);
  start(state.token, event.target.value);
});
addEventListener("hashchange", () => {
  const given = readFragment();
  if (given) start(...given);
  else render();
});
addEventListener("resize", render);
// A page kept for the back button must not keep one of the browser's few connections.
addEventListener("pagehide", () => state.session?.abort());
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && state.token) start(state.token, state.tenant);
});
setInterval(tick, 1000);
setInterval(watchStore, 10000);
watchStore();

const given = readFragment() || [keep("token"), keep("tenant") || "DEFAULT"];
if (given[0]) start(...given);
else signIn();
