/* The report page: reads its figures and words from #data, lays out tiles, charts and tables. Loads nothing. */
(() => {
  "use strict";
  const { report, words } = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const page = document.getElementById("page");
  const charts = [];
  const currencies = [...new Set(report.totals.map((t) => t.currency))];

  // ------------------------------------------------------------------ texts
  const DIGITS = { JPY: 0, KRW: 0, VND: 0, CLP: 0, ISK: 0, BHD: 3, IQD: 3, JOD: 3, KWD: 3, OMR: 3, TND: 3 };
  const digits = (currency) => (currency in DIGITS ? DIGITS[currency] : 2);
  const group = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const count = (n) => (n < 0 ? "−" : "") + group(String(Math.abs(n)));
  /** Whole minor units as a decimal number, by its digits and never by division. */
  function money(minor, currency) {
    const d = digits(currency);
    const text = String(Math.abs(minor)).padStart(d + 1, "0");
    const whole = group(text.slice(0, text.length - d));
    return (minor < 0 ? "−" : "") + (d ? `${whole}.${text.slice(-d)}` : whole);
  }
  function rough(n) {
    for (const [from, unit] of words.units) if (Math.abs(n) >= from) return `${+(n / from).toFixed(1)}${unit}`;
    return String(+n.toFixed(2));
  }
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const word = (list, key) => (words[list] && words[list][key]) || key;
  /** The word for so many: [one, several], or one word for any number. */
  const units = (n, key) => (Array.isArray(words.units_of[key]) ? words.units_of[key][n === 1 ? 0 : 1] : words.units_of[key]);
  const share = (part, all) => (all ? `${((100 * part) / all).toFixed(1)} %` : "–");
  function span(minutes) {
    if (minutes >= 2880) return `${Math.floor(minutes / 1440)} ${words.days_unit} ${Math.floor((minutes % 1440) / 60)} ${words.hour_unit}`;
    const h = Math.floor(minutes / 60);
    const m = minutes % 60;
    return (h ? `${h} ${words.hour_unit} ` : "") + (m || !h ? `${m} ${words.minute_unit}` : "").trim();
  }
  function border(row) {
    const text = (m) => (m % 60 ? `${m}${words.minute_unit}` : `${m / 60}`);
    return row.to_min === null ? `≥${text(row.from_min)}` : `${text(row.from_min)}–${text(row.to_min)}`;
  }
  /** A long name by its beginning and its end, where names differ; a Chinese letter is as wide as two others. */
  function middle(name, letters) {
    const wide = (text) => [...text].reduce((all, x) => all + (x > "\u2e7f" ? 2 : 1), 0);
    if (wide(name) <= letters) return name;
    let [head, tail] = [name, ""];
    while (wide(head) > letters * 0.55) head = head.slice(0, -1);
    while (wide(head) + wide(tail) < letters - 1) tail = name.slice(-tail.length - 1);
    return `${head}…${wide(head) + wide(tail) > letters - 1 ? tail.slice(1) : tail}`;
  }
  const when = (iso) => new Intl.DateTimeFormat("sv-SE", { timeZone: report.zone, dateStyle: "short", timeStyle: "short" }).format(new Date(iso));
  const sum = (rows, name) => rows.reduce((all, row) => all + row[name], 0);
  
  // ------------------------------------------------------------------ elements
  function el(tag, attributes = {}, ...inner) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") made.addEventListener("click", value);
      else made.setAttribute(name, value);
    }
    made.append(...inner.filter((x) => x !== null && x !== undefined));
    return made;
  }
  function table(columns, rows, name) {
    const head = el("tr", {}, ...columns.map(([title, kind = ""]) => el("th", { scope: "col", class: kind }, title)));
    const body = rows.map((row) => el("tr", {}, ...row.map((value, n) => el("td", { class: columns[n][1] || "" }, value))));
    return el("table", { "data-table": name }, el("thead", {}, head), el("tbody", {}, ...body));
  }
  const C = words.cols;
  const number = (title, more = "") => [title, `n ${more}`.trim()];

  // ------------------------------------------------------------------ colours
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const DECALS = [
    null,
    { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 6], rotation: -Math.PI / 4 },
    { symbol: "circle", symbolSize: 0.6, dashArrayX: [[7, 7], [0, 7, 7, 0]], dashArrayY: [7, 0] },
    { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 6], rotation: Math.PI / 4 },
    { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 4], rotation: 0 },
    { symbol: "triangle", dashArrayX: [[7, 7], [0, 7, 7, 0]], dashArrayY: [7, 0] },
    { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 4], rotation: Math.PI / 2 },
    { symbol: "rect", dashArrayX: [[6, 6], [0, 6, 6, 0]], dashArrayY: [6, 0] },
  ];
  /** Colour and pattern of the n-th of several; a pattern so that colour is never alone in telling them apart. */
  function paint(n, colour = "") {
    const decal = DECALS[n % DECALS.length];
    const style = { color: css(colour || `--c${n % 8}`) };
    return decal ? { ...style, decal: { color: css("--stamp"), ...decal } } : style;
  }
  /** Colour of what a word always means, wherever it stands. */
  const MEANS = { done: "--good", failed: "--bad", refused: "--bad", closed: "--c6", other: "--c6", partial: "--warn", late: "--bad" };

  // ------------------------------------------------------------------ charts
  const text = (more = {}) => ({ color: css("--soft"), fontSize: 12, fontFamily: getComputedStyle(document.body).fontFamily, ...more });
  function base(option) {
    return {
      animation: false,
      aria: { enabled: false },
      textStyle: text(),
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "shadow", shadowStyle: { opacity: 0.12 } },
        backgroundColor: css("--card"), borderColor: css("--line"), textStyle: text({ color: css("--text") }),
      },
      ...option,
    };
  }
  /** Patterns of `DECALS` as a swatch shows them. */
  const SWATCHES = [
    () => "none",
    (c) => `repeating-linear-gradient(-45deg, ${c} 0 1px, transparent 1px 5px)`,
    (c) => `radial-gradient(circle at 4px 4px, ${c} 1.5px, transparent 2px)`,
    (c) => `repeating-linear-gradient(45deg, ${c} 0 1px, transparent 1px 5px)`,
    (c) => `repeating-linear-gradient(0deg, ${c} 0 1px, transparent 1px 4px)`,
    (c) => `radial-gradient(circle at 8px 6px, ${c} 2px, transparent 2.5px)`,
    (c) => `repeating-linear-gradient(90deg, ${c} 0 1px, transparent 1px 4px)`,
    (c) => `repeating-linear-gradient(90deg, ${c} 0 3px, transparent 3px 6px)`,
  ];
  function swatch(mark, n, colour) {
    mark.style.backgroundColor = css(colour || `--c${n % 8}`);
    mark.style.backgroundImage = SWATCHES[n % SWATCHES.length](css("--stamp"));
  }
  const valueAxis = (format, more = {}) => ({
    type: "value", splitNumber: 4, minInterval: 1, axisLabel: text({ formatter: format, hideOverlap: true }), axisLine: { show: false },
    splitLine: { lineStyle: { color: css("--grid") } }, ...more,
  });
  const bounds = { outerBoundsMode: "same", outerBoundsContain: "axisLabel" };

  /** Columns over hours, days or spans, stacked where there are several. series: [{name, values, colour?}]. */
  function columns(names, series, format, short) {
    const option = () => base({
      grid: { left: 0, right: 8, top: 10, bottom: 0, ...bounds },
      xAxis: {
        type: "category", data: names, axisLabel: text({ hideOverlap: true }), axisTick: { show: false },
        axisLine: { lineStyle: { color: css("--line") } },
      },
      yAxis: valueAxis(short),
      series: series.map((s, n) => ({
        type: "bar", name: s.name, stack: "all", data: s.values, barCategoryGap: "25%", barMaxWidth: 72, itemStyle: paint(n, s.colour),
        emphasis: { disabled: true }, tooltip: { valueFormatter: (v) => (v === null || v === undefined ? "–" : format(v)) },
      })),
    });
    return { series, option };
  }

  /** Rows with their names at the left. What stands at a row's end is its label. */
  function rows(names, series, format, { labels = null, stacked = false, max = null } = {}) {
    const option = (width) => {
      const narrow = width < 460;
      const shown = series.map((s, n) => ({
        type: "bar", name: s.name, data: s.values, barMaxWidth: 20, barCategoryGap: "28%", barGap: "10%",
        itemStyle: paint(n, s.colour), emphasis: { disabled: true },
        ...(stacked ? { stack: "all" } : {}),
        label: stacked ? { show: false } : { show: true, position: "right", distance: 6, ...text({ color: css("--text") }), formatter: (p) => (p.value === null ? "" : s.label ? s.label(p.dataIndex) : format(p.value)) },
        tooltip: { valueFormatter: (v) => (v === null || v === undefined ? "–" : format(v)) },
      }));
      if (stacked && labels) {
        shown.push({
          type: "bar", id: "ends", name: "ends", stack: "all", data: names.map(() => 0), silent: true, barMaxWidth: 18, tooltip: { show: false },
          label: { show: true, position: "right", distance: 6, ...text({ color: css("--text") }), formatter: (p) => labels[p.dataIndex] },
        });
      }
      const longest = Math.max(...(labels || [""]).map((t) => t.length), ...(stacked ? [0] : series.map((s) => Math.max(0, ...s.values.map((v, i) => (v === null ? 0 : (s.label ? s.label(i) : format(v)).length))))));
      return base({
        grid: { left: 0, right: Math.min(longest * 7.5 + 14, width * 0.36), top: 4, bottom: 0, ...bounds },
        xAxis: { type: "value", show: false, max: max || undefined },
        yAxis: {
          type: "category", inverse: true, data: names, axisTick: { show: false }, axisLine: { show: false },
          axisLabel: text({ color: css("--text"), width: narrow ? 108 : 168, overflow: "truncate", interval: 0, formatter: (name) => middle(name, narrow ? 15 : 24) }),
        },
        series: shown,
      });
    };
    return { series, option };
  }
  /** Tables with more rows are not printed. */
  const LONG = 40;
  const tall = (n, each = 25) => n * each + 8;

  function card({ id, title, unit = "", says = "", width = "", height = 260, chart = null, none = "", columns: cols = null, rows: body = [] }) {
    const made = el("section", { class: `card ${width}`, id, "aria-labelledby": `${id}-title` });
    made.append(el("h2", { id: `${id}-title` }, title, unit ? el("small", {}, unit) : null));
    made.append(el("p", { class: "says" }, says));
    if (chart) {
      const marks = chart.series.length > 1 ? chart.series.map((x) => [el("i"), x]) : [];
      if (marks.length) made.append(el("ul", { class: "legend" }, ...marks.map(([mark, x]) => el("li", {}, mark, x.name))));
      const place = el("div", { class: "chart", role: "img", "data-chart": id, "aria-label": `${title} ${unit}. ${says}` });
      place.style.height = `${height}px`;
      made.append(place);
      charts.push({ place, marks, option: chart.option, drawn: null });
    } else {
      made.append(el("p", { class: "none" }, none || words.nothing));
    }
    if (cols && body.length) made.append(el("details", body.length > LONG ? { class: "long" } : {}, el("summary", {}, words.table), table(cols, body, id)));
    return made;
  }

  // ------------------------------------------------------------------ sections
  const platform = (code) => word("platforms", code);
  const one = currencies.length === 1;
  const tag = (name, currency) => (one ? name : `${name}-${currency}`);

  /** Paid by platform over hours or days: one chart per currency, since two are never one sum. */
  function sales(name, currency, places, label, width) {
    const found = report[name].filter((r) => r.currency === currency);
    const codes = [...new Set(found.map((r) => r.platform))].sort();
    const field = name === "hours" ? "hour" : "day";
    const at = new Map(found.map((r) => [`${r.platform} ${r[field]}`, r.paid_minor]));
    const series = codes.map((code) => ({ name: platform(code), values: places.map((p) => at.get(`${code} ${p}`) ?? null) }));
    const totals = places.map((p) => sum(found.filter((r) => r[field] === p), "paid_minor"));
    const best = totals.indexOf(Math.max(...totals));
    return card({
      id: tag(name, currency), title: words.charts[name], unit: currency, width, height: 290,
      says: found.length ? fill(words.says[name], { hour: places[best], amount: money(totals[best], currency) }) : "",
      chart: found.length ? columns(places.map(label), series, (v) => money(v, currency), (v) => rough(v / 10 ** digits(currency))) : null,
      columns: [[C[field]], [C.platform], number(C.orders), number(C.payable, "wide-only"), number(C.sold), number(C.paid)],
      rows: found.map((r) => [label(r[field]), platform(r.platform), count(r.orders), money(r.payable_minor, currency), count(r.sold), money(r.paid_minor, currency)]),
    });
  }

  function shops(currency) {
    const found = report.shops.filter((r) => r.currency === currency).sort((a, b) => b.paid_minor - a.paid_minor);
    return card({
      id: tag("shops", currency), title: words.charts.shops, unit: currency, width: "w4", says: found.length ? words.says.shops : "",
      height: tall(found.length, Math.min(Math.max(Math.floor(270 / found.length), 30), 54)),
      chart: found.length ? rows(found.map((r) => r.shop), [{ name: C.paid, values: found.map((r) => r.paid_minor) }], (v) => money(v, currency)) : null,
      columns: [[C.shop], [C.platform, "wide-only"], number(C.orders), number(C.pieces, "wide-only"), number(C.sold), number(C.paid)],
      rows: found.map((r) => [r.shop, platform(r.platform), count(r.orders), count(r.pieces), count(r.sold), money(r.paid_minor, currency)]),
    });
  }

  function skus() {
    return currencies.map((currency) => {
      const found = report.skus.filter((r) => r.currency === currency);
      const name = (r) => r.sku || words.unmapped;
      return card({
        id: tag("skus", currency), title: words.charts.skus, unit: one ? "" : currency,
        says: found.length ? fill(words.says.skus, { n: found.length, all: report.skus_sold }) : "", height: tall(found.length, 24),
        chart: found.length ? rows(found.map(name), [{ name: C.pieces, values: found.map((r) => r.pieces) }], count) : null,
        columns: [[C.sku], number(C.orders), number(C.pieces), number(`${C.paid} ${currency}`)],
        rows: found.map((r) => [name(r), count(r.orders), count(r.pieces), money(r.paid_minor, currency)]),
      });
    });
  }

  function funnel() {
    const states = [...new Set(report.funnel.map((r) => r.progress))];
    const order = Object.keys(words.progress).filter((p) => states.includes(p));
    const counts = order.map((p) => sum(report.funnel.filter((r) => r.progress === p), "orders"));
    const all = counts.reduce((a, b) => a + b, 0);
    return card({
      id: "funnel", title: words.charts.funnel, width: "w4", says: all ? fill(words.says.funnel, { n: count(all) }) : "",
      height: Math.max(tall(order.length, 32), 120),
      chart: all ? rows(order.map((p) => word("progress", p)), [{ name: C.orders, values: counts, label: (n) => `${count(counts[n])} · ${share(counts[n], all)}` }], count) : null,
      columns: [[C.progress], number(C.orders), number(C.pieces), number(C.payable), [C.currency, "wide-only"]],
      rows: report.funnel.map((r) => [word("progress", r.progress), count(r.orders), count(r.pieces), money(r.payable_minor, r.currency), r.currency]),
    });
  }

  function waits() {
    const [all] = report.waits;
    const spans = card({
      id: "wait_spans", title: words.charts.wait_spans, unit: words.hour_unit, width: "w4", height: 240,
      says: all ? fill(words.says.wait_spans, { n: count(all.orders), median: span(all.median_min), p90: span(all.p90_min) }) : "",
      chart: all ? columns(report.wait_spans.map(border), [{ name: C.orders, values: report.wait_spans.map((r) => r.orders) }], count, rough) : null,
      columns: [[`${C.from}, ${words.hour_unit}`], number(C.orders), number(C.share)],
      rows: report.wait_spans.map((r) => [border(r), count(r.orders), share(r.orders, all.orders)]),
    });
    const name = (r) => r.shop || words.all;
    const ranks = card({
      id: "waits", title: words.charts.waits, width: "w4", says: all ? words.says.waits : "", height: tall(report.waits.length, 44),
      chart: all ? rows(report.waits.map(name), [{ name: C.median, values: report.waits.map((r) => r.median_min) }, { name: C.p90, values: report.waits.map((r) => r.p90_min) }], span) : null,
      columns: [[C.shop], number(C.orders), number(C.median), number(C.p90)],
      rows: report.waits.map((r) => [name(r), count(r.orders), span(r.median_min), span(r.p90_min)]),
    });
    return [spans, ranks];
  }

  const MOST = 12;
  function refunds() {
    return currencies.map((currency) => {
      const found = report.refunds.filter((r) => r.currency === currency);
      const by = new Map();
      for (const r of found) by.set(r.reason, (by.get(r.reason) || 0) + r.amount_minor);
      const reasons = [...by.keys()].sort((a, b) => by.get(b) - by.get(a)).slice(0, MOST);
      const states = Object.keys(words.status).filter((s) => found.some((r) => r.status === s && reasons.includes(r.reason)));
      const cell = (reason, status) => found.filter((r) => r.reason === reason && r.status === status);
      const series = states.map((status) => ({
        name: word("status", status), colour: MEANS[status],
        values: reasons.map((reason) => (cell(reason, status).length ? sum(cell(reason, status), "amount_minor") : null)),
      }));
      const done = found.filter((r) => r.status === "done");
      return card({
        id: tag("refunds", currency), title: words.charts.refunds, unit: currency,
        says: found.length ? fill(words.says.refunds, { n: count(sum(found, "refunds")), amount: money(sum(found, "amount_minor"), currency), done: count(sum(done, "refunds")) }) : "",
        height: tall(reasons.length, 30),
        chart: found.length ? rows(reasons.map((r) => r || words.no_reason), series, (v) => money(v, currency), { stacked: true, labels: reasons.map((r) => money(by.get(r), currency)) }) : null,
        columns: [[C.reason], [C.kind, "wide-only"], [C.status], number(C.refunds), number(C.amount)],
        rows: found.map((r) => [r.reason || words.no_reason, word("kind", r.kind), word("status", r.status), count(r.refunds), money(r.amount_minor, currency)]),
      });
    });
  }

  function cancels() {
    const found = report.cancels;
    const reasons = [...new Set(found.map((r) => r.reason))].slice(0, MOST);
    const counts = reasons.map((reason) => sum(found.filter((r) => r.reason === reason), "orders"));
    const amounts = currencies.map((c) => `${money(sum(found.filter((r) => r.currency === c), "payable_minor"), c)} ${c}`);
    return card({
      id: "cancels", title: words.charts.cancels, says: found.length ? fill(words.says.cancels, { n: count(sum(found, "orders")), amount: amounts.join(", ") }) : "",
      height: Math.max(tall(reasons.length, 32), 72),
      chart: found.length ? rows(reasons.map((r) => word("cancel", r)), [{ name: C.orders, values: counts }], count) : null,
      columns: [[C.reason], number(C.orders), number(C.pieces, "wide-only"), number(C.payable), [C.currency, "wide-only"]],
      rows: found.map((r) => [word("cancel", r.reason), count(r.orders), count(r.pieces), money(r.payable_minor, r.currency), r.currency]),
    });
  }

  function stock() {
    const found = report.stock.filter((r) => r.cover_days !== null);
    const cover = (v) => (v === null ? "–" : `${v} ${words.days_unit}`);
    return card({
      id: "stock", title: words.charts.stock, says: report.stock.length ? fill(words.says.stock, { days: report.stock_days, n: report.stock.length, all: report.stock_skus }) : "",
      height: tall(found.length, 24),
      chart: found.length ? rows(found.map((r) => r.sku || words.unmapped), [{ name: C.cover, values: found.map((r) => r.cover_days), label: (n) => cover(found[n].cover_days) + (found[n].available ? "" : ` · ${words.none_left}`) }], cover) : null,
      columns: [[C.sku], number(C.on_hand, "wide-only"), number(C.available), number(C.shipped), number(C.cover), number(C.turnover)],
      rows: report.stock.map((r) => [r.sku || words.unmapped, count(r.on_hand), count(r.available), count(r.shipped), r.cover_days === null ? "–" : String(r.cover_days), r.turnover === null ? "–" : String(r.turnover)]),
    });
  }

  function coverage() {
    const found = report.coverage;
    const keys = [...new Set(found.map((r) => `${r.shop}|${r.kind}`))];
    const of = (key) => found.filter((r) => `${r.shop}|${r.kind}` === key);
    const percent = (key) => +((100 * sum(of(key), "proven_s")) / Math.max(sum(of(key), "elapsed_s"), 1)).toFixed(1);
    const values = keys.map(percent);
    const name = (key) => `${key.split("|")[0]} · ${word("sync", key.split("|")[1])}`;
    const format = (v) => `${v} %`;
    return card({
      id: "coverage", title: words.charts.coverage, says: found.length ? fill(words.says.coverage, { share: share(sum(found, "proven_s"), sum(found, "elapsed_s")) }) : "",
      height: tall(keys.length, 26),
      chart: found.length ? rows(keys.map(name), [{ name: C.proven, values, colour: "--good" }, { name: words.unproven, values: values.map((v) => +(100 - v).toFixed(1)), colour: "--bad" }], format, { stacked: true, max: 100, labels: values.map(format) }) : null,
      columns: [[C.day], [C.shop], [C.kind], number(C.windows, "wide-only"), number(C.open), number(C.proven)],
      rows: found.map((r) => [r.day, r.shop, word("sync", r.kind), count(r.windows), count(r.open), share(r.proven_s, r.elapsed_s)]),
    });
  }

  function differences() {
    const found = report.differences || [];
    const ages = [...new Set(found.map((r) => r.age))].sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
    const classes = [...new Set(found.map((r) => r.word))].sort();
    const cell = (age, name) => found.filter((r) => r.age === age && r.word === name);
    const series = classes.map((name) => ({ name: word("class", name), values: ages.map((age) => (cell(age, name).length ? sum(cell(age, name), "differences") : null)) }));
    return card({
      id: "differences", title: words.charts.differences, unit: found.length ? words.days_unit : "",
      says: found.length ? fill(words.says.differences, { n: count(sum(found, "differences")) }) : "",
      height: tall(ages.length, 34), none: report.differences === null ? words.no_statements : words.no_differences,
      chart: found.length ? rows(ages, series, count, { stacked: true, labels: ages.map((age) => count(sum(found.filter((r) => r.age === age), "differences"))) }) : null,
      columns: [[C.class], [C.age], number(C.differences), number(C.amount), [C.currency]],
      rows: found.map((r) => [word("class", r.word), r.age, count(r.differences), money(r.amount_minor, r.currency), r.currency]),
    });
  }

  function jobs() {
    const found = report.jobs.filter((r) => r.runs || r.late);
    const kinds = ["done", "partial", "failed", "other"].filter((k) => found.some((r) => r[k]));
    const late = found.filter((r) => r.late).length;
    const labels = found.map((r) => count(r.runs) + (r.late ? ` · ${words.late}` : ""));
    const series = (kinds.length ? kinds : ["done"]).map((k) => ({ name: C[k], colour: MEANS[k], values: found.map((r) => r[k]) }));
    return card({
      id: "jobs", title: words.charts.jobs, says: fill(words.says.jobs, { n: count(sum(found, "runs")), failed: count(sum(found, "failed")), late }),
      height: tall(found.length, 23),
      chart: found.length ? rows(found.map((r) => r.job), series, count, { stacked: true, labels }) : null,
      columns: [[C.job], number(C.runs), number(C.done, "wide-only"), number(C.partial, "wide-only"), number(C.failed), [C.late], [C.last]],
      rows: report.jobs.map((r) => [r.job, count(r.runs), count(r.done), count(r.partial), count(r.failed), r.late ? words.yes : words.no, r.last_run ? when(r.last_run) : "–"]),
    });
  }

  // ------------------------------------------------------------------ tiles
  function change(now, before) {
    if (!report.before.length) return "";
    if (!before) return now ? words.new : "";
    if (now === before) return words.same;
    const by = ((now - before) / before) * 100;
    const much = Math.abs(by) > 999 ? "> 999" : Math.abs(by).toFixed(1);
    return fill(words.before[report.kind], { change: `${by > 0 ? "▲" : "▼"} ${much} %` });
  }
  function tile(name, total, before, { amount = "", main = "", more = [] }) {
    const currency = total.currency;
    const field = amount || main;
    const big = amount ? money(total[amount], currency) : count(total[main]);
    const lines = more.map(([key, unit]) => [`${count(total[key])} ${units(total[key], unit)}`, key]);
    return el(
      "div", { class: "tile" },
      el("div", { class: "name" }, words.tiles[name]),
      el("div", { class: big.length > 12 ? "big long" : "big" }, el("span", { "data-total": field, "data-currency": currency }, big), el("small", {}, amount ? currency : units(total[main], "orders"))),
      el("div", { class: "more" }, ...lines.flatMap(([t, key], n) => [n ? " · " : "", el("span", { "data-total": key, "data-currency": currency }, t)])),
      el("div", { class: "more" }, change(total[field], before ? before[field] : 0)),
    );
  }
  function tiles() {
    return report.totals.map((t) => {
      const b = report.before.find((x) => x.currency === t.currency);
      return el(
        "div", { class: "tiles", role: "group", "aria-label": t.currency },
        tile("paid", t, b, { amount: "paid_minor", more: [["sold", "orders"], ["sold_pieces", "pieces"]] }),
        tile("ordered", t, b, { amount: "payable_minor", more: [["orders", "orders"], ["pieces", "pieces"]] }),
        tile("shipped", t, b, { main: "shipped", more: [["shipped_pieces", "pieces"]] }),
        tile("refunds", t, b, { amount: "refunds_minor", more: [["refunds", "refunds"], ["refunds_done", "done"]] }),
        tile("cancelled", t, b, { amount: "cancelled_minor", more: [["cancelled", "orders"]] }),
        tile("subsidy", t, b, { amount: "subsidy_minor", more: [] }),
      );
    });
  }

  // ------------------------------------------------------------------ theme, drawing
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paper = matchMedia("print");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const toggle = el("button", { type: "button", id: "theme", onclick: () => { root.dataset.theme = isDark() ? "light" : "dark"; draw(); } }, "");
  function draw() {
    toggle.textContent = isDark() ? words.light : words.dark;
    for (const c of charts) {
      if (!c.drawn) c.drawn = echarts.init(c.place, null, { renderer: "svg" });
      c.marks.forEach(([mark, x], n) => swatch(mark, n, x.colour));
      c.drawn.resize();
      c.drawn.setOption(c.option(c.place.clientWidth), { notMerge: true });
    }
  }
  function forPaper(on) {
    for (const d of document.querySelectorAll("details:not(.long)")) {
      if (on && d.dataset.was === undefined) d.dataset.was = d.open ? "open" : "";
      d.open = on || d.dataset.was === "open";
      if (!on) delete d.dataset.was;
    }
    draw();
  }

  function build() {
    const title = report.since === report.until ? report.since : `${report.since} ${words.to} ${report.until}`;
    page.append(el(
      "header", {}, el("h1", {}, words[report.kind]), el("span", { class: "when" }, title),
      el("div", { class: "acts" }, el("button", { type: "button", onclick: () => window.print() }, words.print), toggle),
      el("div", { class: "fresh" }, report.as_of ? fill(words.as_of, { at: when(report.as_of), zone: report.zone, made: when(report.made_at) }) : words.never, ` ${words.shops}: ${report.shop_names.join(", ") || "–"}`),
    ));
    if (report.as_of && !report.complete) page.append(el("p", { class: "notice" }, words.partly));
    if (report.empty) page.append(el("p", { class: "notice", id: "empty" }, words.empty));
    const main = el("main", {}, ...tiles());
    const grid = el("div", { class: "grid" });
    if (report.totals.length) {
      const hours = [...Array(24).keys()];
      const days = [];
      for (let at = new Date(`${report.since}T00:00Z`); at <= new Date(`${report.until}T00:00Z`); at = new Date(+at + 86400000)) days.push(at.toISOString().slice(0, 10));
      for (const c of currencies) {
        if (report.kind === "weekly") grid.append(sales("days", c, days, (d) => d.slice(5), "w8"), shops(c), sales("hours", c, hours, String, "w12"));
        else grid.append(sales("hours", c, hours, String, "w8"), shops(c));
      }
      grid.append(funnel(), ...waits());
    }
    // two columns that grow each by itself, so that a short card leaves no hole beside a long one
    const some = report.totals.length > 0;
    grid.append(
      el("div", { class: "stack" }, ...(some ? [...skus(), ...refunds(), cancels()] : []), differences()),
      el("div", { class: "stack" }, stock(), coverage(), jobs()),
    );
    main.append(grid);
    page.append(main, el("footer", {}, el("p", {}, words.foot)));
  }

  build();
  draw();
  dark.addEventListener("change", draw);
  paper.addEventListener("change", (e) => forPaper(e.matches));
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
})();
