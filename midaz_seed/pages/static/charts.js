/* Draws the charts of a run with uPlot: `midazCharts.create(container, model)`. pages/chart_data.py makes the model and
   describes its format. Each chart can be read with the pointer, with the arrow keys, and as a table. */
"use strict";

window.midazCharts = (() => {
  const HEIGHT = 220;
  const PRINT_WIDTH = 660;
  const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
  const LINE_STYLES = ["solid", "dashed", "dotted", "double"];
  const COLOURS = 6;
  const INCREMENTS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const WHOLE = [...Array(13).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
  const NINES = [0, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999];
  let created = 0;

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  const number = (value) => value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2 });

  const clock = (seconds) => {
    const rounded = Math.round(seconds * 10) / 10;
    if (rounded < 60) return `${number(rounded)} s`;
    const whole = Math.round(rounded);
    const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
    return `${Math.floor(whole / 3600)}:${parts.join(":")}`;
  };

  /* Where a value is on the x axis of a scale, and the values that get a mark on it. */
  const SCALES = {
    linear: { forward: (value) => value },
    log: { forward: (value) => Math.log10(Math.max(value, 0.001)) },
    nines: { forward: (percent) => -Math.log10(1 - Math.min(percent, 99.9999) / 100) },
  };

  const logMarks = (low, high) => {
    const marks = [];
    const steps = high - low > 3 ? [1] : high - low > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
    for (let power = Math.floor(low); power <= high; power++) {
      for (const step of steps) marks.push(step * 10 ** power);
    }
    return marks;
  };

  /* The x axis of a view: `positions` are what uPlot draws, two for each window or bar so that it is a step. */
  const makeAxis = (x) => {
    if (x.kind === "points") {
      const scale = SCALES[x.scale];
      return {
        steps: false,
        isTime: false,
        count: x.values.length,
        positions: x.values.map(scale.forward),
        middle: (index) => scale.forward(x.values[index]),
        name: (index) => `${number(x.values[index])} ${x.unit}`,
        heading: x.label,
        marks: x.scale === "nines" ? () => NINES : null,
        forward: scale.forward,
        mark: (value) => `${number(value)}${x.unit === "%" ? " %" : ""}`,
      };
    }
    const isTime = x.kind === "time";
    const edge = isTime
      ? (index) => (index === x.count ? x.end_s : index * x.interval_s)
      : (index) => x.edges[index];
    const count = isTime ? x.count : x.edges.length - 1;
    const forward = isTime ? SCALES.linear.forward : SCALES[x.scale].forward;
    const positions = [];
    for (let index = 0; index < count; index++) positions.push(forward(edge(index)), forward(edge(index + 1)));
    return {
      steps: true,
      isTime,
      count,
      positions,
      middle: (index) => (forward(edge(index)) + forward(edge(index + 1))) / 2,
      name: (index) => (isTime ? clock(edge(index)) : `${number(edge(index))} to ${number(edge(index + 1))} ${x.unit}`),
      heading: isTime ? "time since the start" : `${x.label} (${x.unit})`,
      marks: isTime ? null : logMarks,
      forward,
      mark: isTime ? clock : number,
    };
  };

  class Chart {
    constructor(spec, bands, group) {
      this.group = group;
      this.id = `chart-${spec.id}`;
      this.hidden = new Set();
      this.index = null;
      this.zoomed = false;
      this.selected = null;
      this.build(spec);
      this.update(spec, bands);
    }

    build(spec) {
      const about = `${this.id}-${this.group}-about`;
      this.heading = element("h3", {}, spec.title);
      this.summary = element("p", { class: "chart-summary", id: about });
      this.choice = element("select", { "aria-label": `${spec.title}: phase` });
      this.choice.addEventListener("change", () => {
        this.selected = this.choice.value;
        this.index = null;
        this.draw(true);
      });
      this.reset = element("button", { type: "button", class: "chart-reset", hidden: "" }, "Reset zoom");
      this.reset.addEventListener("click", () => this.unzoom());
      this.legend = element("ul", { class: "chart-legend" });
      this.plot = element("div", {
        class: "chart-plot",
        tabindex: "0",
        role: "application",
        "aria-roledescription": "chart",
        "aria-label": `${spec.title}. Arrow keys read the values.`,
        "aria-describedby": about,
      });
      this.plot.addEventListener("keydown", (event) => this.key(event));
      this.plot.addEventListener("blur", () => this.move(null));
      this.live = element("p", { class: "visually-hidden", "aria-live": "polite" });
      this.unit = element("p", { class: "chart-unit" });
      this.phases = element("ul", { class: "chart-legend chart-bands" });
      this.box = element("div", { class: "chart-rows", tabindex: "0", role: "region", "aria-label": `${spec.title}: data` });
      this.details = element("details", { class: "chart-table" }, element("summary", {}, "Data table"), this.box);
      this.details.addEventListener("toggle", () => this.fillTable());
      const head = element("div", { class: "chart-head" }, this.heading, this.choice, this.reset);
      this.root = element("section", { class: "chart", id: this.id, "aria-label": spec.title });
      this.root.append(head, this.summary, this.legend, this.unit, this.plot, this.phases, this.live, this.details);
    }

    update(spec, bands) {
      this.spec = spec;
      this.bands = bands;
      this.summary.textContent = spec.summary;
      const labels = spec.views.map((view) => view.label);
      if (!labels.includes(this.selected)) this.selected = labels[spec.selected] ?? labels[0];
      if (labels.join("\n") !== this.labels) {
        this.labels = labels.join("\n");
        this.choice.replaceChildren(...labels.map((label) => element("option", { value: label }, label)));
      }
      this.choice.value = this.selected;
      this.choice.hidden = labels.length < 2;
      if (this.root.isConnected) this.draw(false);
    }

    /* Draw the selected view: with new values where the chart has the same lines as before, else as a new chart. */
    draw(anew) {
      this.view = this.spec.views.find((view) => view.label === this.selected) ?? this.spec.views[0];
      this.axis = makeAxis(this.view.x);
      this.unit.textContent = this.axis.isTime ? this.spec.y_unit : `${this.spec.y_unit} by ${this.axis.heading}`;
      this.lines = this.view.series.filter((series) => series.kind !== "shade");
      this.shades = this.view.series.filter((series) => series.kind === "shade");
      const shape = JSON.stringify([this.selected, this.dashed(), this.view.series.map((series) => [series.label, series.kind])]);
      if (anew || !this.uplot || shape !== this.shape) {
        this.shape = shape;
        this.fillLegend();
        this.makePlot();
      } else {
        const { min, max } = this.uplot.scales.x;
        this.uplot.setData(this.data(), !this.zoomed);
        if (this.zoomed) this.uplot.setScale("x", { min, max });
      }
      this.fillBands();
      this.show();
      if (this.details.open) this.fillTable();
    }

    data() {
      const twice = (values) => values.flatMap((value) => [value, value]);
      const rows = this.lines.map((series) => (this.axis.steps ? twice(series.values) : series.values));
      return [this.axis.positions, ...rows];
    }

    colour(name) {
      return getComputedStyle(this.root).getPropertyValue(name).trim();
    }

    makePlot(width = this.plot.clientWidth, pxRatio = undefined) {
      if (this.uplot) this.uplot.destroy();
      this.zoomed = false;
      this.reset.hidden = true;
      const text = this.colour("--chart-text");
      const grid = { stroke: this.colour("--chart-grid"), width: 1 };
      const font = "12px system-ui, sans-serif";
      const options = {
        width: Math.max(width, 200),
        height: HEIGHT,
        ...(pxRatio ? { pxRatio } : {}),
        padding: [18, 28, null, null],
        legend: { show: false },
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, dist: 8 },
          ...(this.axis.isTime ? { sync: { key: `midaz-${this.group}` } } : {}),
        },
        scales: {
          x: { time: false, range: (plot, low, high) => (low === high ? [low - 0.5, high + 0.5] : [low, high]) },
          y: { range: (plot, low, high) => [0, high > 0 ? high * 1.06 : 1] },
        },
        axes: [
          { stroke: text, grid, ticks: grid, font, size: 34, ...this.marks() },
          {
            stroke: text,
            grid,
            ticks: grid,
            font,
            values: (plot, values) => values.map(number),
            ...(this.isWhole() ? { incrs: WHOLE } : {}),
            size: (plot, values) => 16 + 7.2 * Math.max(2, ...(values ?? []).map((value) => value.length)),
          },
        ],
        series: [{}, ...this.lines.map((series, index) => this.line(series, index))],
        hooks: {
          drawClear: [(plot) => this.shade(plot)],
          setCursor: [(plot) => this.follow(plot)],
          setScale: [(plot, key) => key === "x" && this.noticeZoom(plot)],
        },
      };
      this.uplot = new uPlot(options, this.data(), this.plot);
      this.plot.querySelector("canvas").setAttribute("aria-hidden", "true");
    }

    marks() {
      const { marks, forward, mark, isTime } = this.axis;
      if (marks === null) {
        return {
          space: 64,
          values: (plot, values) => values.map(mark),
          ...(isTime ? { incrs: INCREMENTS_S.filter((seconds) => seconds >= this.view.x.interval_s) } : {}),
        };
      }
      let chosen = [];
      return {
        splits: (plot, axis, low, high) => {
          const gap = (44 * (high - low)) / Math.max(this.plot.clientWidth - 80, 1);
          chosen = [];
          let last = -Infinity;
          for (const value of marks(low, high)) {
            const place = forward(value);
            if (place >= low - 1e-9 && place <= high + 1e-9 && place - last >= gap) {
              chosen.push(value);
              last = place;
            }
          }
          return chosen.map(forward);
        },
        values: () => chosen.map(mark),
      };
    }

    isWhole() {
      return this.lines.every((series) => series.values.every(Number.isInteger));
    }

    /* Dashes distinguish lines without colours, but not where there are more values than pixels. */
    dashed() {
      return this.axis.count <= 600;
    }

    line(series, index) {
      const stroke = this.colour(`--series-${index % COLOURS}`);
      return {
        show: !this.hidden.has(series.label),
        stroke,
        width: 1.75,
        dash: this.dashed() ? DASHES[index % DASHES.length] : [],
        points: { show: !this.axis.steps && this.axis.count < 40, size: 5, fill: stroke },
        ...(series.kind === "area" ? { fill: `${stroke}26` } : {}),
      };
    }

    /* Shade the phases and the windows of `shade` series below the lines, and name phases that are wide enough. */
    shade(plot) {
      if (!this.axis.isTime) return;
      const { ctx, bbox } = plot;
      const ratio = plot.pxRatio ?? window.devicePixelRatio;
      const place = (seconds) => Math.min(Math.max(plot.valToPos(seconds, "x", true), bbox.left), bbox.left + bbox.width);
      ctx.save();
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      ctx.textBaseline = "bottom";
      ctx.textAlign = "left"; // another chart of the page may have left it otherwise
      const tones = [0, 1, 2, 3, 4].map((tone) => this.colour(`--band-${tone}`));
      const text = this.colour("--chart-text");
      for (const band of this.bands) {
        const [from, to] = [place(band.from_s), place(band.to_s)];
        ctx.fillStyle = tones[band.tone];
        ctx.fillRect(from, bbox.top, to - from, bbox.height);
        if (ctx.measureText(band.label).width + 8 * ratio < to - from) {
          ctx.fillStyle = text;
          ctx.fillText(band.label, from + 4 * ratio, bbox.top - 2 * ratio);
          ctx.fillRect(from, bbox.top - 12 * ratio, ratio, 12 * ratio);
        }
      }
      ctx.fillStyle = this.colour("--shade");
      const { interval_s: interval, count, end_s: end } = this.view.x;
      for (const series of this.shades) {
        series.values.forEach((value, index) => {
          if (!value) return;
          const from = place(index * interval);
          const to = place(index === count - 1 ? end : (index + 1) * interval);
          ctx.fillRect(from, bbox.top, Math.max(to - from, ratio), bbox.height);
        });
      }
      ctx.restore();
    }

    noticeZoom(plot) {
      const [low, high] = [this.axis.positions[0], this.axis.positions.at(-1)];
      const { min, max } = plot.scales.x;
      this.zoomed = min > low + 1e-9 || max < high - 1e-9;
      this.reset.hidden = !this.zoomed;
    }

    unzoom() {
      this.uplot.setScale("x", { min: this.axis.positions[0], max: this.axis.positions.at(-1) });
      this.plot.focus();
    }

    /* The window, bar or point at a place on the x axis. */
    nearest(place) {
      const { positions, steps, count } = this.axis;
      let [low, high] = [0, positions.length - 1];
      while (high - low > 1) {
        const half = (low + high) >> 1;
        if (positions[half] <= place) low = half;
        else high = half;
      }
      if (steps) return Math.min(low >> 1, count - 1);
      return place - positions[low] <= positions[high] - place ? low : high;
    }

    follow(plot) {
      const { left } = plot.cursor;
      this.index = left === undefined || left === null || left < 0 ? null : this.nearest(plot.posToVal(left, "x"));
      this.show();
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const last = this.axis.count - 1;
      const page = Math.max(1, Math.round(last / 10));
      const now = this.index ?? (event.key === "ArrowLeft" ? last + 1 : -1);
      const target = {
        ArrowRight: now + 1,
        ArrowLeft: now - 1,
        PageDown: now + page,
        PageUp: now - page,
        Home: 0,
        End: last,
      }[event.key];
      if (event.key === "Escape") this.move(null);
      else if (target === undefined) return;
      else this.move(Math.min(Math.max(target, 0), last));
      event.preventDefault();
    }

    move(index) {
      if (!this.uplot) return;
      if (index === null) {
        this.uplot.setCursor({ left: -10, top: -10 });
        this.index = null;
        this.live.textContent = "";
        this.show();
        return;
      }
      const middle = this.axis.middle(index);
      const { min, max } = this.uplot.scales.x;
      if (middle < min || middle > max) {
        this.uplot.setScale("x", { min: this.axis.positions[0], max: this.axis.positions.at(-1) });
      }
      this.uplot.setCursor({ left: this.uplot.valToPos(middle, "x"), top: 10 });
      this.index = index;
      this.show();
      this.live.textContent = this.reading();
    }

    value(series, index) {
      const value = series.values[index];
      return value === null || value === undefined ? "no value" : `${number(value)}${series.unit}`;
    }

    /* Where the cursor is: a time with its phase, or the name of a bar or point. */
    placeName() {
      const name = this.axis.name(this.index);
      if (!this.axis.isTime) return name;
      const middle = this.axis.middle(this.index);
      const band = this.bands.find(({ from_s: from, to_s: to }) => from <= middle && middle < to);
      return band ? `${name} (${band.label})` : name;
    }

    reading() {
      const values = this.view.series.map((series) => `${series.label} ${this.value(series, this.index)}`);
      return [this.placeName(), ...values].join(", ");
    }

    fillLegend() {
      let line = 0;
      this.values = [];
      const items = this.view.series.map((series) => {
        const mark = element("span", { class: "mark", "aria-hidden": "true" });
        if (series.kind === "shade") {
          mark.classList.add("mark-shade");
        } else {
          mark.style.borderTopColor = `var(--series-${line % COLOURS})`;
          if (this.dashed()) mark.style.borderTopStyle = LINE_STYLES[line % LINE_STYLES.length];
          line++;
        }
        const value = element("span", { class: "legend-value" });
        this.values.push([value, series.label]);
        const name = element("span", {}, mark, series.label);
        if (series.kind === "shade" || this.view.series.length === 1) return element("li", {}, name, value);
        const button = element("button", { type: "button", "aria-pressed": String(!this.hidden.has(series.label)) }, name);
        button.title = `Show or hide ${series.label}`;
        button.addEventListener("click", () => this.toggle(series.label, button));
        return element("li", {}, button, value);
      });
      this.place = element("li", { class: "legend-place" });
      this.legend.replaceChildren(...items, this.place);
    }

    fillBands() {
      const tones = new Map(this.axis.isTime ? this.bands.map((band) => [band.label, band.tone]) : []);
      const items = [...tones].map(([label, tone]) => {
        const mark = element("span", { class: "mark mark-band", "aria-hidden": "true" });
        mark.style.background = `var(--band-${tone})`;
        return element("li", {}, element("span", {}, mark, label));
      });
      this.phases.replaceChildren(...items);
      this.phases.hidden = items.length === 0;
    }

    toggle(label, button) {
      const show = this.hidden.delete(label);
      if (!show) this.hidden.add(label);
      button.setAttribute("aria-pressed", String(show));
      this.uplot.setSeries(this.lines.findIndex((series) => series.label === label) + 1, { show });
    }

    show() {
      const has = this.index !== null && this.index < this.axis.count;
      this.place.textContent = has ? `at ${this.placeName()}` : "";
      this.view.series.forEach((series, place) => {
        this.values[place][0].textContent = has ? this.value(series, this.index) : "";
      });
    }

    fillTable() {
      if (!this.details.open) return;
      const { scrollTop } = this.box;
      const cell = (tag, text, scope) => element(tag, scope ? { scope } : {}, text);
      const heads = [this.axis.heading, ...this.view.series.map((series) => `${series.label}${series.unit}`)];
      const body = element("tbody");
      for (let index = 0; index < this.axis.count; index++) {
        const row = element("tr", {}, cell("th", this.axis.name(index), "row"));
        for (const series of this.view.series) {
          const value = series.values[index];
          row.append(cell("td", value === null || value === undefined ? "" : number(value)));
        }
        body.append(row);
      }
      const caption = `${this.spec.title}${this.view.label ? `: ${this.view.label}` : ""}`;
      const top = element("thead", {}, element("tr", {}, ...heads.map((text) => cell("th", text, "col"))));
      this.box.replaceChildren(element("table", {}, element("caption", {}, caption), top, body));
      this.box.scrollTop = scrollTop;
    }

    resize() {
      const width = Math.max(this.plot.clientWidth, 200);
      if (this.uplot && width !== this.uplot.width) this.uplot.setSize({ width, height: HEIGHT });
    }
  }

  /* Draw the charts of a model into an element. Returns {update(model)}, which draws those of a newer model. */
  const create = (container, model) => {
    const group = ++created;
    const charts = new Map();
    const all = () => [...charts.values()];

    const update = (newer) => {
      const ids = new Set(newer.charts.map((spec) => spec.id));
      for (const [id, chart] of charts) {
        if (ids.has(id)) continue;
        chart.uplot?.destroy();
        chart.root.remove();
        charts.delete(id);
      }
      newer.charts.forEach((spec, place) => {
        const known = charts.get(spec.id);
        if (known) {
          known.update(spec, newer.bands);
          return;
        }
        const chart = new Chart(spec, newer.bands, group);
        charts.set(spec.id, chart);
        container.insertBefore(chart.root, container.children[place] ?? null);
        chart.draw(true);
      });
    };

    container.classList.add("charts");
    update(model);
    new ResizeObserver(() => all().forEach((chart) => chart.resize())).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all().forEach((chart) => chart.draw(true)));
    window.addEventListener("beforeprint", () => {
      document.documentElement.classList.add("printing");
      all().forEach((chart) => chart.makePlot(PRINT_WIDTH, 3));
    });
    window.addEventListener("afterprint", () => {
      document.documentElement.classList.remove("printing");
      all().forEach((chart) => chart.makePlot());
    });
    return { update };
  };

  return { create };
})();
