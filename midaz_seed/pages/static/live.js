/* The live page: applies the messages of /events to its state, and shows it. All texts are set as text, never as markup. */
"use strict";

(() => {
  const EVENTS_MAX = 200;
  const RETRY_MS = 3000;
  const WORDS = { starting: "Starting", running: "Running", stopping: "Stopping" };
  const PHASES = { verify: "verification", follow_ups: "follow-ups" };
  const $ = (id) => document.getElementById(id);

  let state = null;
  let source = null;
  let charts = null;
  let reportUrl = null;
  const ledgerRows = new Map();

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const set = (id, text) => {
    if ($(id).textContent !== text) $(id).textContent = text;
  };
  const show = (id, text) => {
    set(id, text);
    $(id).hidden = !text;
  };
  const count = (number) => Number(number ?? 0).toLocaleString("en");
  const decimal = (number, digits = 0) =>
    Number(number ?? 0).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const milliseconds = (value) => (value === null || value === undefined ? "-" : `${decimal(value, value < 10 ? 1 : 0)} ms`);
  const spaced = (text) => text.replaceAll("_", " ");
  const phaseName = (name) => PHASES[name] ?? spaced(name);

  const duration = (seconds) => {
    const whole = Math.round(seconds);
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  };

  /* Patches: see midaz_seed/web/json_patch.py. */
  const patched = (value, patch) => {
    if ("set" in patch) return patch.set;
    if ("tail" in patch) return [...value.slice(0, patch.tail[0]), ...patch.tail[1]];
    for (const [key, inner] of Object.entries(patch.in)) value[key] = patched(value[key], inner);
    return value;
  };

  const apply = (update) => {
    for (const name of ["status", "run", "figures", "phases", "result"]) if (name in update) state[name] = update[name];
    for (const name of ["ledgers", "errors"]) {
      for (const [key, row] of Object.entries(update[name] ?? {})) state[name][key] = { ...state[name][key], ...row };
    }
    state.events = [...state.events, ...(update.events ?? [])].slice(-EVENTS_MAX);
    if (update.charts) state.charts = patched(state.charts, update.charts);
  };

  const showStatus = () => {
    const { status, result, run, figures } = state;
    const tone = result ? result.tone : status === "stopping" ? "warn" : "";
    $("verdict").className = `verdict ${tone}`;
    const word = result ? result.word : WORDS[status] ?? status;
    set("status", word);
    document.title = `${word}: midaz-seed run ${run.id ?? ""}`;
    set("run-name", run.id ? `Run ${run.id}` : "midaz-seed run");
    const server = run.server_version ? ` (Midaz ${run.server_version})` : "";
    const session = run.session > 1 ? `, session ${run.session}` : "";
    set("run-about", run.id ? `${run.scenario} on ${run.target}${server}${session}, midaz-seed ${run.version}` : "");
    const stopping = status === "stopping" ? "Nothing new is started; requests in flight may finish." : "";
    set("status-text", result ? result.verdict : stopping);
    show("next-step", result && result.next_step ? `Next step: ${result.next_step.replaceAll("`", "")}` : "");
    $("stop").hidden = status === "ended";
    $("stop").disabled = status === "stopping";
    const share = figures.planned ? figures.done / figures.planned : 0;
    $("progress").value = share;
    const unit = figures.unit === "ledger" ? "ledgers" : "items";
    set("progress-text", figures.planned ? `${decimal(100 * share, 1)} %: ${count(figures.done)} of ${count(figures.planned)} ${unit}` : "");
  };

  const showFigures = () => {
    const now = state.figures;
    if (now.elapsed_s === undefined) return;
    set("figure-movements-per-s", decimal(now.movements_per_s));
    set("figure-movements", `${count(now.movements)} in all`);
    set("figure-requests-per-s", decimal(now.requests_per_s));
    set("figure-in-flight", `${count(now.in_flight)}${now.in_flight_limit ? ` of ${count(now.in_flight_limit)}` : ""} in flight`);
    set("figure-p50", milliseconds(now.latency_ms_p50));
    set("figure-p99", milliseconds(now.latency_ms_p99));
    set("figure-errors", `${decimal(now.error_percent, 2)} %`);
    set("figure-breaker", now.breaker);
    $("figure-breaker").className = now.breaker === "closed" ? "" : "word-bad";
    set("figure-elapsed", duration(now.elapsed_s));
    const left = now.eta_s === null ? "time left not known" : `about ${duration(now.eta_s)} left`;
    set("figure-eta", state.status === "running" ? left : "");
    set("figure-verified", `${count(now.ledgers_verified)} of ${count(now.ledgers)}`);
  };

  const fill = (row, cells) => {
    cells.forEach(([text, className], index) => {
      const cell = row.cells[index] ?? row.appendChild(element(index ? "td" : "th"));
      if (!index) cell.scope = "row";
      if (cell.textContent !== text) cell.textContent = text;
      cell.className = className ?? "";
    });
  };

  const showPhases = () => {
    const body = $("phases");
    state.phases.forEach((phase, index) => {
      const row = body.rows[index] ?? body.insertRow();
      const done = phase.created + phase.existing + phase.refused + phase.failed + phase.skipped;
      const counts = [done, phase.planned, phase.created, phase.existing, phase.failed, phase.skipped, phase.movements, phase.requests, phase.active];
      fill(row, [[phaseName(phase.name)], ...counts.map((number) => [count(number)])]);
      row.className = phase.failed ? "bad" : "";
    });
    while (body.rows.length > state.phases.length) body.deleteRow(-1);
  };

  const filterLedgers = () => {
    const words = $("ledger-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of ledgerRows.values()) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    for (const head of $("ledgers").querySelectorAll("tr.organization")) head.hidden = words.length > 0;
    set("ledger-count", words.length ? `${count(shown)} of ${count(ledgerRows.size)}` : "");
  };

  const showLedgers = (changed) => {
    const body = $("ledgers");
    for (const key of Object.keys(changed)) {
      const whole = state.ledgers[key];
      let row = ledgerRows.get(key);
      if (!row) {
        const last = body.lastElementChild;
        if (!last || last.dataset.organization !== whole.organization) {
          const head = body.insertRow();
          head.className = "organization";
          head.dataset.organization = whole.organization;
          const cell = head.appendChild(element("th", whole.organization));
          cell.colSpan = 7;
          cell.scope = "colgroup";
        }
        row = body.insertRow();
        row.dataset.organization = whole.organization;
        ledgerRows.set(key, row);
      }
      const status = whole.reason ? `${whole.status}: ${whole.reason}` : whole.status;
      const tone = { done: "text word-good", failed: "text word-bad", running: "text", waiting: "text faint" }[whole.status] ?? "text word-warn";
      const texts = [[key], [whole.name, "text"], [status, tone], [phaseName(whole.phase), "text"]];
      fill(row, [...texts, ...[whole.done, whole.planned, whole.failed].map((number) => [count(number)])]);
      row.className = whole.failed || whole.status === "failed" ? "bad" : "";
    }
    if (Object.keys(changed).length) filterLedgers();
  };

  const showErrors = () => {
    const rows = Object.values(state.errors).sort((first, second) => second.count - first.count);
    $("no-errors").hidden = rows.length > 0;
    $("errors").replaceChildren(
      ...rows.slice(0, 50).map((row) => {
        const item = element("li", undefined, row.final ? "" : "cured");
        const line = element("p");
        const code = row.code ? ` ${row.code}` : "";
        const items = row.final ? `${count(row.final)} failed for good` : "none failed for good";
        line.append(element("strong", `${spaced(row.error)}${code}`), ` in ${phaseName(row.phase)}: ${count(row.count)} attempts, ${items}`);
        item.append(line, element("p", row.message), element("p", row.hint, "hint"));
        return item;
      }),
    );
  };

  const showEvents = (lines, whole) => {
    const items = lines.map((line) => {
      const item = element("li", undefined, line.level);
      item.append(element("time", new Date(line.at_s * 1000).toLocaleTimeString("en-GB")), ` ${line.text}`);
      return item;
    });
    if (whole) $("events").replaceChildren(...items.reverse());
    else $("events").prepend(...items.reverse());
    while ($("events").children.length > EVENTS_MAX) $("events").lastElementChild.remove();
  };

  const showCharts = () => {
    if (charts) charts.update(state.charts);
    else if (state.charts.charts.length) charts = window.midazCharts.create($("charts"), state.charts);
  };

  const showAll = () => {
    ledgerRows.clear();
    $("ledgers").replaceChildren();
    showStatus();
    showFigures();
    showPhases();
    showLedgers(state.ledgers);
    showErrors();
    showEvents(state.events, true);
    showCharts();
  };

  const showUpdate = (update) => {
    showStatus();
    showFigures();
    if (update.phases) showPhases();
    if (update.ledgers) showLedgers(update.ledgers);
    if (update.errors) showErrors();
    if (update.events) showEvents(update.events, false);
    if (update.charts) showCharts();
  };

  /* The server ends with the run, so the report is fetched now, and kept by the page. */
  const keepReport = async () => {
    const place = $("report-place");
    place.replaceChildren();
    try {
      const answer = await fetch("/report");
      if (answer.ok) {
        if (reportUrl) URL.revokeObjectURL(reportUrl);
        reportUrl = URL.createObjectURL(new Blob([await answer.text()], { type: "text/html" }));
        const [open, save] = [element("a", "Open the report"), element("a", "Save it")];
        open.href = save.href = reportUrl;
        open.target = "_blank";
        open.id = "report-link";
        save.download = `report-${state.run.id ?? "run"}.html`;
        place.append(open, " · ", save, " · ");
      }
    } catch {
      /* the server has ended already: its file is named below */
    }
    if (state.result.report_file) place.append(element("span", `Report file: ${state.result.report_file}`, "faint"));
    place.hidden = !place.childNodes.length;
  };

  const ended = () => {
    source.close();
    $("connection").classList.add("ended");
    show("connection", "The run has ended. This page keeps what it shows.");
    $("stop-dialog").close();
    keepReport();
  };

  const connect = () => {
    source = new EventSource("/events");
    source.addEventListener("open", () => show("connection", ""));
    source.addEventListener("snapshot", (event) => {
      state = JSON.parse(event.data);
      $("connection").classList.remove("ended");
      showAll();
      if (state.result) ended();
    });
    const update = (event) => {
      if (!state) return;
      const changes = JSON.parse(event.data);
      apply(changes);
      showUpdate(changes);
      if (state.result) ended();
    };
    source.addEventListener("update", update);
    source.addEventListener("end", update);
    source.addEventListener("error", () => {
      show("connection", "Connection lost: what is shown is out of date. Connecting again.");
      if (source.readyState !== EventSource.CLOSED) return; /* the browser connects again by itself */
      setTimeout(connect, RETRY_MS);
    });
  };

  $("stop").addEventListener("click", () => $("stop-dialog").showModal());
  $("stop-dialog").addEventListener("close", async () => {
    if ($("stop-dialog").returnValue !== "stop") return;
    $("stop-dialog").returnValue = "";
    $("stop").disabled = true;
    try {
      const answer = await fetch("/stop", { method: "POST", headers: { "X-Midaz-Seed-Action": "stop" } });
      if (!answer.ok && answer.status !== 409) throw new Error(answer.statusText);
    } catch {
      show("connection", "The run could not be stopped from here: the server does not answer.");
      $("stop").disabled = false;
    }
  });
  $("ledger-filter").addEventListener("input", filterLedgers);
  connect();
})();
